/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recurrent networks against PyTorch's, from files that tools/fixtures/recurrent.py wrote. PyTorch's
 * weights are (out, in), ours (in, out), and it has two biases where they are only added:
 *
 *	w = weight_ih'    u, u_n = the rows of weight_hh'    b = bias_ih + bias_hh    c_n = bias_hh of n
 *	r = weight_hr'    v = weight_hy'    c = bias_y    others have the same name
 *
 * The order of gates is the same. Gradients convert likewise, but that of b is that of either bias.
 */
#include "tests/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/tapeloop.h"

static const double tolerance = sizeof(tl_real) == sizeof(double) ? 1e-9 : 1e-5;

static tl_tape *tape;
static tl_safetensors *file;

static void setup(void)
{
	tape = tl_tape_new(NULL);
	ck_assert_ptr_nonnull(tape);
}

static void open_file(const char *name)
{
	char path[1024];
	tl_error err = {0};
	snprintf(path, sizeof path, "%s/%s.safetensors", TL_FIXTURES, name);
	file = tl_safetensors_open(path, &err);
	ck_assert_msg(file != NULL, "%s", err.text);
}

static void teardown(void)
{
	tl_safetensors_free(file);
	tl_tape_free(tape);
}

/* The file's tensor prefix + name, read into memory that the caller frees; data is NULL if there is none. */
static tl_tensor load(const char *prefix, const char *name, tl_dtype dtype)
{
	char full[256];
	tl_error err = {0};
	snprintf(full, sizeof full, "%s%s", prefix, name);
	int k = tl_safetensors_find(file, full);
	if (k < 0)
		return (tl_tensor){0};
	tl_shape shape = tl_safetensors_shape(file, k);
	void *data = malloc((size_t)tl_shape_size(shape) * tl_dtype_size(dtype));
	tl_tensor t = tl_tensor_dense(dtype, shape, data);
	ck_assert_ptr_nonnull(data);
	ck_assert_msg(tl_safetensors_read(file, k, &t, &err) == TL_OK, "%s", err.text);
	return t;
}

static tl_tensor need(const char *name, tl_dtype dtype)
{
	tl_tensor t = load("", name, dtype);
	ck_assert_msg(t.data != NULL, "the file lacks %s", name);
	return t;
}

static int64_t need_rows(const char *name)
{
	tl_tensor t = need(name, TL_REAL);
	free(t.data);
	return t.shape.dim[0];
}

static tl_var input(const char *name)
{
	tl_tensor t = need(name, TL_REAL);
	tl_var v = tl_input(tape, t.shape, t.data);
	free(t.data);
	return v;
}

/* to (n, columns) = rows first.. of from (rows, n), transposed. */
static void transpose(const tl_tensor *from, int64_t first, const tl_tensor *to)
{
	tl_tensor part = *from;
	part.data = (tl_real *)from->data + first * from->stride[0];
	part.shape = to->shape;
	part.stride[0] = from->stride[1];
	part.stride[1] = from->stride[0];
	ck_assert_int_eq(from->shape.dim[1], to->shape.dim[0]);
	ck_assert_int_le(first + to->shape.dim[1], from->shape.dim[0]);
	tl_tensor_copy(to, &part);
}

/* Sets `to` to what one of our parameters is by PyTorch's tensors prefix + name + suffix. */
static void convert(const char *prefix, const char *suffix, const char *ours, const tl_tensor *to)
{
	const char *own = strcmp(ours, "r") == 0   ? "weight_hr"
			  : strcmp(ours, "v") == 0 ? "weight_hy"
			  : strcmp(ours, "c") == 0 ? "bias_y"
						   : ours;
	const char *const theirs[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh", own};
	enum { W_IH, W_HH, B_IH, B_HH, OWN, ALL };
	tl_tensor t[ALL];
	for (int k = 0; k < ALL; k++) {
		char name[64];
		snprintf(name, sizeof name, "%s%s", theirs[k], suffix);
		t[k] = load(prefix, name, TL_REAL);
	}
	bool is_gradient = strncmp(prefix, "grad.", 5) == 0;
	int64_t hidden = t[W_HH].shape.dim[1], rows = t[W_HH].shape.dim[0];
	tl_real *x = to->data;
	if (strcmp(ours, "w") == 0) {
		transpose(&t[W_IH], 0, to);
	} else if (strcmp(ours, "u") == 0) {
		transpose(&t[W_HH], 0, to);
	} else if (strcmp(ours, "u_n") == 0) {
		transpose(&t[W_HH], rows - hidden, to);
	} else if (strcmp(ours, "b") == 0) {
		bool n_apart = t[B_HH].data && rows == 3 * hidden;
		tl_tensor_copy(to, &t[B_IH]);
		for (int64_t i = 0; t[B_HH].data && !is_gradient && i < rows - n_apart * hidden; i++)
			x[i] += ((const tl_real *)t[B_HH].data)[i];
	} else if (strcmp(ours, "c_n") == 0) {
		memcpy(x, (const tl_real *)t[B_HH].data + rows - hidden, (size_t)hidden * sizeof *x);
	} else if (t[OWN].shape.axes == 2) {
		transpose(&t[OWN], 0, to);
	} else {
		ck_assert_msg(t[OWN].data != NULL, "the file lacks %s%s%s", prefix, own, suffix);
		tl_tensor_copy(to, &t[OWN]);
	}
	for (int k = 0; k < ALL; k++)
		free(t[k].data);
}

static void check_close(const char *what, const tl_real *got, const tl_real *want, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		ck_assert_msg(fabs((double)(got[i] - want[i])) <= tolerance * (1 + fabs((double)want[i])),
			"%s[%d] is %.9g, not %.9g", what, (int)i, (double)got[i], (double)want[i]);
}

/* A variable against the file's tensor. */
static void check_result(const char *name, tl_var v)
{
	tl_tensor want = need(name, TL_REAL);
	int64_t n = tl_shape_size(want.shape);
	tl_real *got = malloc((size_t)n * sizeof *got);
	ck_assert(tl_shape_equal(tl_var_shape(v), want.shape));
	ck_assert_msg(tl_read(v, got, n) == TL_OK, "%s", tl_tape_error(tape)->text);
	check_close(name, got, want.data, n);
	free(got);
	free(want.data);
}

/* "_l1_reverse" for "net.l1.reverse.w", and so on. */
static const char *suffix_of(const char *name, char suffix[32])
{
	const char *layer = strstr(name, ".l") + 1;
	bool reverse = strstr(layer, ".reverse.");
	snprintf(suffix, 32, "_%.*s%s", (int)strcspn(layer, "."), layer, reverse ? "_reverse" : "");
	return suffix;
}

/* A parameter's gradient against the file: a cell's ("net.l1.w"), or a tensor of the same name. */
static void check_gradient(const tl_param *p)
{
	int64_t n = tl_shape_size(p->value.shape);
	tl_real *want = malloc((size_t)n * sizeof *want);
	tl_tensor to = tl_tensor_dense(TL_REAL, p->value.shape, want);
	const char *dot = strrchr(p->name, '.');
	char suffix[32];
	if (dot) {
		convert("grad.", suffix_of(p->name, suffix), dot + 1, &to);
	} else {
		tl_tensor t = load("grad.", p->name, TL_REAL);
		ck_assert_msg(t.data != NULL, "the file lacks grad.%s", p->name);
		tl_tensor_copy(&to, &t);
		free(t.data);
	}
	check_close(p->name, p->grad.data, want, n);
	free(want);
}

/* A parameter of the same name, shape and values as the file's tensor. */
static tl_param *add_parameter(tl_store *store, const char *name)
{
	tl_error err = {0};
	tl_tensor t = need(name, TL_REAL);
	tl_param *p = tl_store_add(store, name, t.shape, &err);
	ck_assert_msg(p != NULL, "%s", err.text);
	tl_tensor_copy(&p->value, &t);
	free(t.data);
	return p;
}

static tl_var weighted(const char *weight, tl_var v)
{
	return tl_sum_all(tl_mul(v, input(weight)));
}

/* A net of the file's sizes against it; options hold the cell and what is no size. */
static void check_net(tl_rnn_options options)
{
	const tl_cell *cell = options.cell;
	tl_error err = {0};
	char suffix[32];
	tl_store *store = tl_store_new();
	tl_param *x = add_parameter(store, "x"), *h0 = add_parameter(store, "h0");
	tl_param *c0 = cell->states > 1 ? add_parameter(store, "c0") : NULL;
	tl_tensor weight = need("weight_ih_l0", TL_REAL), output = need("output", TL_REAL);
	int directions = options.bidirectional ? 2 : 1;
	int64_t bias = need_rows("bias_ih_l0"), gates = (int64_t)strlen(cell->params[0].gates);
	options.input = weight.shape.dim[1];
	options.hidden = bias / gates;
	options.layers = (int)h0->value.shape.dim[0] / directions;
	if (tl_cell_projects(cell))
		options.project = output.shape.dim[2] / directions;
	tl_rnn *rnn = tl_rnn_new(store, "net", &options, &err);
	ck_assert_msg(rnn != NULL, "%s", err.text);
	for (int k = 0; k < options.layers * directions * rnn->count; k++)
		convert("", suffix_of(rnn->params[k]->name, suffix), cell->params[k % rnn->count].name,
			&rnn->params[k]->value);
	tl_var h = tl_use(tape, h0);
	tl_state initial = c0 ? tl_state2(h, tl_use(tape, c0)) : tl_state1(h);
	tl_tensor packed = load("", "lengths", TL_I32);
	int64_t lengths[8];
	for (int64_t b = 0; packed.data && b < packed.shape.dim[0]; b++)
		lengths[b] = ((const int32_t *)packed.data)[b];
	tl_rnn_result r = packed.data ? tl_rnn_run_ragged(rnn, tl_use(tape, x), lengths, initial, true)
				      : tl_rnn_run(rnn, tl_use(tape, x), initial, true);
	tl_var loss = tl_add(weighted("weight_output", r.output), weighted("weight_hn", r.last.v[0]));
	if (c0)
		loss = tl_add(loss, weighted("weight_cn", r.last.v[1]));
	check_result("output", r.output);
	check_result("hn", r.last.v[0]);
	if (c0)
		check_result("cn", r.last.v[1]);
	ck_assert_msg(tl_backward(loss) == TL_OK, "%s", tl_tape_error(tape)->text);
	for (int k = 0; k < tl_store_count(store); k++)
		check_gradient(tl_store_at(store, k));
	tl_rnn_free(rnn);
	tl_store_free(store);
	free(weight.data);
	free(output.data);
	free(packed.data);
}

static void check_cell(const tl_cell *cell, tl_impl impl)
{
	char name[64];
	snprintf(name, sizeof name, "recurrent_%s", cell->name);
	open_file(name);
	check_net((tl_rnn_options){.cell = cell, .impl = impl});
}

/* For each cell. */
START_TEST(values_and_gradients)
{
	check_cell(tl_cell_at(_i), TL_COMPOSED);
}
END_TEST

static const tl_cell *const fused[] = {&tl_cell_rnn, &tl_cell_rnn_relu, &tl_cell_gru, &tl_cell_gru_lbr, &tl_cell_lstm,
	&tl_cell_lstm_peephole, &tl_cell_lstm_projected};

/* For each cell that runs over a sequence in one node. */
START_TEST(fused_values_and_gradients)
{
	check_cell(fused[_i], TL_FUSED);
}
END_TEST

static const tl_cell *const directed[] = {&tl_cell_rnn, &tl_cell_gru_lbr, &tl_cell_lstm, &tl_cell_lstm_projected};
static const struct {
	const char *name;
	bool bidirectional, batch_first;
} kinds[] = {{"deep", false, false}, {"both", true, true}, {"packed", true, true}};

enum { KINDS = sizeof kinds / sizeof *kinds, DIRECTED = KINDS * sizeof directed / sizeof *directed };

static void check_directions(int i, tl_impl impl)
{
	const tl_cell *cell = directed[i / KINDS];
	char name[64];
	snprintf(name, sizeof name, "directions_%s_%s", cell->name, kinds[i % KINDS].name);
	open_file(name);
	check_net((tl_rnn_options){.cell = cell,
		.bidirectional = kinds[i % KINDS].bidirectional,
		.batch_first = kinds[i % KINDS].batch_first,
		.impl = impl});
}

/* For each of those cells and kinds of nets: deep, in both directions, with sequences of unequal lengths. */
START_TEST(directions)
{
	check_directions(_i, TL_COMPOSED);
}
END_TEST

/* In one node for each layer and direction, where sequences are of one length; the others are composed. */
START_TEST(fused_directions)
{
	check_directions(_i, strcmp(kinds[_i % KINDS].name, "both") ? TL_AUTO : TL_FUSED);
}
END_TEST

static void set(const tl_param *p, const char *name, bool transposed)
{
	tl_tensor t = need(name, TL_REAL);
	if (transposed)
		transpose(&t, 0, &p->value);
	else
		tl_tensor_copy(&p->value, &t);
	free(t.data);
}

static tl_lm *language_model(tl_store *store)
{
	tl_error err = {0};
	tl_tensor table = need("embedding.weight", TL_REAL), u = need("lstm.weight_hh_l0", TL_REAL);
	tl_lm *lm = tl_lm_new(store,
		&(tl_lm_options){.cell = &tl_cell_lstm,
			.symbols = table.shape.dim[0],
			.embed = table.shape.dim[1],
			.hidden = u.shape.dim[1]},
		&err);
	ck_assert_msg(lm != NULL, "%s", err.text);
	set(lm->input.table, "embedding.weight", false);
	set(lm->output.w, "linear.weight", true);
	set(lm->output.b, "linear.bias", false);
	for (int k = 0; k < lm->rnn->count; k++)
		convert("lstm.", "_l0", tl_cell_lstm.params[k].name, &lm->rnn->params[k]->value);
	free(table.data);
	free(u.data);
	return lm;
}

/* Ten steps of Adam on a language model: embedding, LSTM, softmax. */
START_TEST(a_loss_curve)
{
	open_file("lm");
	tl_store *store = tl_store_new();
	tl_lm *lm = language_model(store);
	tl_tensor symbols = need("symbols", TL_I32), losses = need("losses", TL_REAL);
	int64_t steps = symbols.shape.dim[1] - 1, batch = symbols.shape.dim[2];
	tl_optimizer *adam =
		tl_optimizer_new(store, &(tl_optimizer_options){.kind = &tl_adam, .lr = 0.01}, NULL);
	ck_assert_ptr_nonnull(adam);
	for (int64_t k = 0; k < losses.shape.dim[0]; k++) {
		const int32_t *s = (const int32_t *)symbols.data + k * (steps + 1) * batch;
		tl_tape_reset(tape);
		tl_var x = tl_index(tape, TL_SHAPE(steps, batch), s);
		tl_var y = tl_index(tape, TL_SHAPE(steps, batch), s + batch);
		tl_var loss = tl_cross_entropy(tl_lm_run(lm, x, (tl_state){0}, true).logits, y, NULL);
		tl_real got = 0;
		tl_store_zero_grad(store);
		ck_assert_msg(tl_backward(loss) == TL_OK, "%s", tl_tape_error(tape)->text);
		tl_read(loss, &got, 1);
		check_close("loss", &got, (const tl_real *)losses.data + k, 1);
		tl_optimizer_step(adam);
	}
	tl_optimizer_free(adam);
	tl_lm_free(lm);
	tl_store_free(store);
	free(symbols.data);
	free(losses.data);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("pytorch");
	TCase *c = tcase_create("pytorch");
	int cells = 0;
	while (tl_cell_at(cells))
		cells++;
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, values_and_gradients, 0, cells);
	tcase_add_loop_test(c, directions, 0, DIRECTED);
	tcase_add_loop_test(c, fused_values_and_gradients, 0, (int)(sizeof fused / sizeof *fused));
	tcase_add_loop_test(c, fused_directions, 0, DIRECTED);
	tcase_add_test(c, a_loss_curve);
	suite_add_tcase(s, c);
	return s;
}
