/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers step by step and in one node against what oneDNN's own primitives made of them, of either version, from
 * files that tools/fixtures/onednn.c wrote. Gates of the GRUs stand in another order there: u (our z), r, o (our n),
 * and a fourth row of gru_lbr's bias is our c_n.
 */
#include "tests/suite.h"

#include <string.h>

#include "tests/fixture.h"

static fixture f;

static void teardown(void)
{
	fixture_close(&f);
	f = (fixture){0};
}

/* Gate `to` of ours, a block of columns H wide, is gate `from` of theirs. */
static void copy_gate(const tl_tensor *ours, int to, const tl_tensor *theirs, int from)
{
	int64_t h = theirs->shape.dim[theirs->shape.axes - 1], gates = theirs->shape.dim[theirs->shape.axes - 2];
	int64_t rows = tl_shape_size(theirs->shape) / (gates * h), columns = tl_shape_size(ours->shape) / rows;
	for (int64_t i = 0; i < rows; i++)
		memcpy((tl_real *)ours->data + i * columns + to * h,
			(const tl_real *)theirs->data + (i * gates + from) * h, (size_t)h * sizeof(tl_real));
}

/* Sets `to` to what the parameter NAME of a cell is by oneDNN's tensors; before: "" or "diff_". */
static void convert(const char *before, const tl_cell *cell, const char *name, const tl_tensor *to)
{
	static const char *const ours[] = {"w", "u", "b", "u_n", "c_n", "peephole", "r"};
	static const char *const theirs[] = {"weights_layer", "weights_iter", "bias", "weights_iter", "bias",
		"weights_peephole", "weights_projection"};
	int k = 0;
	while (strcmp(ours[k], name))
		k++;
	tl_tensor t = fixture_load(&f, before, theirs[k], TL_REAL);
	bool gru = cell == &tl_cell_gru || cell == &tl_cell_gru_lbr;
	if (strcmp(name, "c_n") == 0) {
		copy_gate(to, 0, &t, 3);
	} else if (strcmp(name, "u_n") == 0) {
		copy_gate(to, 0, &t, 2);
	} else if (gru) {
		copy_gate(to, 0, &t, 1);
		copy_gate(to, 1, &t, 0);
		if (cell == &tl_cell_gru_lbr || strcmp(name, "u"))
			copy_gate(to, 2, &t, 2);
	} else {
		ck_assert_int_eq(tl_shape_size(t.shape), tl_shape_size(to->shape));
		memcpy(to->data, t.data, (size_t)tl_shape_size(t.shape) * sizeof(tl_real));
	}
	free(t.data);
}

/* Numbers that were computed in float, in the double build, too. */
static void compare(const char *name, const tl_real *is, const char *want, const tl_tensor *converted)
{
	tl_tensor t = converted ? *converted : fixture_load(&f, "", want, TL_REAL);
	for (int64_t i = 0; i < tl_shape_size(t.shape); i++) {
		double should = (double)((const tl_real *)t.data)[i];
		ck_assert_msg(fabs((double)is[i] - should) <= 1e-5 * (1 + fabs(should)), "%s%s[%d] is %.9g, not %.9g", f.prefix,
			name, (int)i, (double)is[i], should);
	}
	if (!converted)
		free(t.data);
}

static void check_value(tl_var v, const char *want)
{
	tl_real got[256];
	int64_t n = tl_shape_size(tl_var_shape(v));
	ck_assert_int_le(n, 256);
	ck_assert_msg(tl_read(v, got, n) == TL_OK, "%s", tl_tape_error(f.tape)->text);
	compare(want, got, want, NULL);
}

/* Parameters and inputs in f.store; *net keeps the pointers. */
static tl_rnn *make_net(const tl_cell *cell, bool bias, tl_impl impl)
{
	tl_error err = {0};
	tl_tensor x = fixture_load(&f, "", "src_layer", TL_REAL), w = fixture_load(&f, "", "weights_layer", TL_REAL);
	tl_tensor y = fixture_load(&f, "", "dst_layer", TL_REAL);
	tl_rnn_options o = {.cell = cell, .input = x.shape.dim[2], .hidden = w.shape.dim[2], .no_bias = !bias, .impl = impl};
	o.project = tl_cell_projects(cell) ? y.shape.dim[2] : 0;
	tl_rnn *rnn = tl_rnn_new(f.store, "net", &o, &err);
	ck_assert_msg(rnn != NULL, "%s", err.text);
	for (int k = 0; k < rnn->count; k++)
		if (rnn->params[k])
			convert("", cell, cell->params[k].name, &rnn->params[k]->value);
	free(x.data);
	free(w.data);
	free(y.data);
	return rnn;
}

static tl_var weighted(tl_var v, const char *adjoint)
{
	tl_tensor w = fixture_load(&f, "adjoint_", adjoint, TL_REAL);
	w.shape = tl_var_shape(v); /* a state has an axis of layers */
	tl_var sum = tl_sum_all(tl_mul(v, tl_input(f.tape, w.shape, w.data)));
	free(w.data);
	return sum;
}

static void check_gradients(const tl_rnn *rnn, tl_param *const *in)
{
	static const char *const inputs[] = {"diff_src_layer", "diff_src_iter", "diff_src_iter_c"};
	for (int k = 0; k < rnn->count; k++) {
		tl_real want[256];
		if (!rnn->params[k])
			continue;
		const tl_tensor *grad = &rnn->params[k]->grad;
		tl_tensor converted = tl_tensor_dense(TL_REAL, grad->shape, want);
		ck_assert_int_le(tl_shape_size(grad->shape), 256);
		convert("diff_", rnn->options.cell, rnn->options.cell->params[k].name, &converted);
		compare(rnn->params[k]->name, grad->data, NULL, &converted);
	}
	for (int k = 0; k < 3; k++)
		if (in[k])
			compare(inputs[k], in[k]->grad.data, inputs[k], NULL);
}

static void check_case(const tl_cell *cell, bool bias, bool given, tl_impl impl)
{
	tl_param *in[3] = {NULL};
	tl_rnn *rnn = make_net(cell, bias, impl);
	tl_state s = {0};
	in[0] = fixture_add(&f, "src_layer");
	if (given)
		in[1] = fixture_add(&f, "src_iter");
	if (given && cell->states > 1)
		in[2] = fixture_add(&f, "src_iter_c");
	for (int k = 0; k < cell->states && given; k++)
		s.v[s.n++] = tl_unsqueeze(tl_use(f.tape, in[1 + k]), 0);
	tl_rnn_result r = tl_rnn_run(rnn, tl_use(f.tape, in[0]), s, true);
	tl_var loss = tl_add(weighted(r.output, "dst_layer"), weighted(r.last.v[0], "dst_iter"));
	check_value(r.output, "dst_layer");
	check_value(r.last.v[0], "dst_iter");
	if (cell->states > 1) {
		loss = tl_add(loss, weighted(r.last.v[1], "dst_iter_c"));
		check_value(r.last.v[1], "dst_iter_c");
	}
	ck_assert_msg(tl_backward(loss) == TL_OK, "%s", tl_tape_error(f.tape)->text);
	check_gradients(rnn, in);
	tl_rnn_free(rnn);
}

static const struct {
	const tl_cell *cell;
	const char *case_name;
} cells[] = {{&tl_cell_rnn, "rnn."}, {&tl_cell_rnn_relu, "rnn_relu."}, {&tl_cell_gru, "gru."},
	{&tl_cell_gru_lbr, "gru_lbr."}, {&tl_cell_lstm, "lstm."}, {&tl_cell_lstm_peephole, "lstm.peephole."},
	{&tl_cell_lstm_projected, "lstm.projected."}};
enum { CELLS = sizeof cells / sizeof *cells };

/* _i: the cell, for each version. */
START_TEST(as_the_primitives)
{
	const char *const files[] = {"onednn_2", "onednn_3"};
	for (int way = 0; way < 8; way++) {
		bool bias = way & 1, given = way & 2;
		f = fixture_open(files[_i / CELLS]);
		snprintf(f.prefix, sizeof f.prefix, "%s%s%s", cells[_i % CELLS].case_name, bias ? "bias." : "",
			given ? "given." : "");
		check_case(cells[_i % CELLS].cell, bias, given, way & 4 ? TL_FUSED : TL_COMPOSED);
		teardown();
	}
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("onednn");
	TCase *c = tcase_create("onednn");
	tcase_add_checked_fixture(c, NULL, teardown);
	tcase_add_loop_test(c, as_the_primitives, 0, 2 * CELLS);
	suite_add_tcase(s, c);
	return s;
}
