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
#ifndef TL_TESTS_PYTORCH_H
#define TL_TESTS_PYTORCH_H

#include <string.h>

#include "tests/fixture.h"

/* The tensor, or one without data where there is none. */
static inline tl_tensor pytorch_load(const fixture *f, const char *before, const char *name)
{
	return fixture_has(f, before, name) ? fixture_load(f, before, name, TL_REAL) : (tl_tensor){0};
}

/* to (n, columns) = rows first.. of from (rows, n), transposed. */
static inline void pytorch_transpose(const tl_tensor *from, int64_t first, const tl_tensor *to)
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

/* Sets `to` to what one of our parameters is by PyTorch's tensors before + name + suffix. */
static inline void pytorch_convert(
	const fixture *f, const char *before, const char *suffix, const char *ours, const tl_tensor *to)
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
		t[k] = pytorch_load(f, before, name);
	}
	bool is_gradient = strcmp(before, "grad.") == 0;
	int64_t hidden = t[W_HH].shape.dim[1], rows = t[W_HH].shape.dim[0];
	tl_real *x = to->data;
	if (strcmp(ours, "w") == 0) {
		pytorch_transpose(&t[W_IH], 0, to);
	} else if (strcmp(ours, "u") == 0) {
		pytorch_transpose(&t[W_HH], 0, to);
	} else if (strcmp(ours, "u_n") == 0) {
		pytorch_transpose(&t[W_HH], rows - hidden, to);
	} else if (strcmp(ours, "b") == 0) {
		bool n_apart = t[B_HH].data && rows == 3 * hidden;
		tl_tensor_copy(to, &t[B_IH]);
		for (int64_t i = 0; t[B_HH].data && !is_gradient && i < rows - n_apart * hidden; i++)
			x[i] += ((const tl_real *)t[B_HH].data)[i];
	} else if (strcmp(ours, "c_n") == 0) {
		memcpy(x, (const tl_real *)t[B_HH].data + rows - hidden, (size_t)hidden * sizeof *x);
	} else if (t[OWN].shape.axes == 2) {
		pytorch_transpose(&t[OWN], 0, to);
	} else {
		ck_assert_msg(t[OWN].data != NULL, "the file lacks %s%s%s", before, own, suffix);
		tl_tensor_copy(to, &t[OWN]);
	}
	for (int k = 0; k < ALL; k++)
		free(t[k].data);
}

/* "_l1_reverse" for "net.l1.reverse.w", and so on. */
static inline const char *pytorch_suffix(const char *name, char suffix[32])
{
	const char *layer = strstr(name, ".l") + 1;
	bool reverse = strstr(layer, ".reverse.");
	snprintf(suffix, 32, "_%.*s%s", (int)strcspn(layer, "."), layer, reverse ? "_reverse" : "");
	return suffix;
}

/* A parameter's gradient against the file: a cell's ("net.l1.w"), or a tensor of the same name. */
static inline void pytorch_check_gradient(const fixture *f, const tl_param *p)
{
	int64_t n = tl_shape_size(p->value.shape);
	const char *dot = strrchr(p->name, '.');
	char suffix[32];
	if (!dot) {
		fixture_compare(f, "grad.", p->name, &p->grad);
		return;
	}
	tl_tensor want = tl_tensor_dense(TL_REAL, p->value.shape, malloc((size_t)n * sizeof(tl_real)));
	ck_assert_ptr_nonnull(want.data);
	pytorch_convert(f, "grad.", pytorch_suffix(p->name, suffix), dot + 1, &want);
	fixture_compare_to(p->name, &p->grad, &want);
	free(want.data);
}

/* The sizes of the file's net, and whether it has biases; options hold the cell and its directions. */
static inline void pytorch_set_sizes(const fixture *f, tl_rnn_options *o)
{
	char name[32] = "weight_ih_l0";
	tl_tensor weight = fixture_load(f, "", name, TL_REAL), output = fixture_load(f, "", "output", TL_REAL);
	o->input = weight.shape.dim[1];
	o->hidden = weight.shape.dim[0] / (int64_t)strlen(o->cell->params[0].gates);
	if (tl_cell_projects(o->cell))
		o->project = output.shape.dim[2] / (o->bidirectional ? 2 : 1);
	while (fixture_has(f, "", name))
		snprintf(name, sizeof name, "weight_ih_l%d", ++o->layers);
	o->no_bias = !fixture_has(f, "", "bias_ih_l0");
	free(weight.data);
	free(output.data);
}

/*
 * A net of the file's sizes against it: outputs, last states, and gradients of all parameters, of x and of the first
 * states, where the file has these. Rows end where it has lengths.
 */
static inline void pytorch_check_net(fixture *f, tl_rnn_options options)
{
	static const char *const first[] = {"h0", "c0"}, *const last[] = {"hn", "cn"};
	const tl_cell *cell = options.cell;
	tl_error err = {0};
	char suffix[32];
	pytorch_set_sizes(f, &options);
	tl_rnn *rnn = tl_rnn_new(f->store, "net", &options, &err);
	ck_assert_msg(rnn != NULL, "%s", err.text);
	for (int k = 0; k < tl_store_count(f->store); k++) {
		const tl_param *p = tl_store_at(f->store, k);
		pytorch_convert(f, "", pytorch_suffix(p->name, suffix), strrchr(p->name, '.') + 1, &p->value);
	}
	tl_param *in = fixture_add(f, "x"), *state[2];
	tl_state initial = {0};
	for (int k = 0; k < cell->states && fixture_has(f, "", first[k]); k++)
		state[initial.n++] = fixture_add(f, first[k]);
	for (int k = 0; k < initial.n; k++)
		initial.v[k] = tl_use(f->tape, state[k]);
	tl_var x = tl_use(f->tape, in);
	int64_t lengths[16];
	bool ragged = fixture_has(f, "", "lengths");
	if (ragged)
		fixture_lengths(f, lengths);
	tl_rnn_result r = ragged ? tl_rnn_run_ragged(rnn, x, lengths, initial, true) : tl_rnn_run(rnn, x, initial, true);
	tl_var loss = fixture_weighted(f, "output", r.output);
	fixture_check(f, "output", r.output);
	for (int k = 0; k < cell->states; k++) {
		loss = tl_add(loss, fixture_weighted(f, last[k], r.last.v[k]));
		fixture_check(f, last[k], r.last.v[k]);
	}
	ck_assert_msg(tl_backward(loss) == TL_OK, "%s", tl_tape_error(f->tape)->text);
	for (int k = 0; k < tl_store_count(f->store); k++)
		pytorch_check_gradient(f, tl_store_at(f->store, k));
	tl_rnn_free(rnn);
}

#endif
