/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/algebra.h"

#include <inttypes.h>

#include "core/sum.h"
#include "core/vector.h"

TL_VECTOR static void add(const void *params, int64_t n, tl_real *out, const tl_real *const *in)
{
	(void)params;
	const tl_real *a = in[0], *b = in[1];
	TL_INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		out[i] = a[i] + b[i];
}

static tl_var add_gradient(const tl_adjoint *a, int k)
{
	(void)k;
	return a->dout;
}

const tl_op tl_op_add = {
	.name = "add",
	.arity = 2,
	.map = add,
	.gradient = add_gradient,
	.samples =
		(tl_sample[]){
			{.n = 2, .in = {{2, {3, 4}}, {2, {3, 4}}}},
			{.n = 2, .in = {{2, {3, 4}}, {1, {4}}}},
			{.n = 2, .in = {{3, {2, 1, 4}}, {2, {3, 1}}}},
			{.n = 2, .in = {{0}, {2, {2, 2}}}},
			{0},
		},
};

tl_var tl_add(tl_var a, tl_var b)
{
	return tl_apply(NULL, &tl_op_add, 2, (tl_var[]){a, b}, NULL, 0);
}

static tl_status given_shape(tl_infer *s)
{
	s->out = *(const tl_shape *)s->params;
	if (!tl_shape_valid(s->out))
		return tl_error_set(s->error, TL_ERR_SHAPE, "the shape asked for is out of range");
	return TL_OK;
}

static bool repeats(tl_shape small, tl_shape large)
{
	tl_shape both;
	return tl_shape_broadcast(small, large, &both) && tl_shape_equal(both, large);
}

typedef struct sum_params {
	tl_shape shape;
	int64_t terms; /* the number of operands, which `view` is not told */
} sum_params;

static tl_status sum_to_infer(tl_infer *s)
{
	const sum_params *p = s->params;
	char text[TL_SHAPE_TEXT];
	if (given_shape(s))
		return s->error->status;
	if (p->terms != s->n_in)
		return tl_error_set(s->error, TL_ERR_ARGUMENT, "takes %" PRId64 " operands, got %d", p->terms,
			s->n_in);
	for (int k = 0; k < s->n_in; k++)
		if (!repeats(s->out, s->in[k]->shape))
			return tl_error_set(s->error, TL_ERR_SHAPE, "operand %d is no broadcast of %s", k,
				tl_shape_text(s->out, text));
	return TL_OK;
}

static tl_status sum_to_kernel(const tl_call *c)
{
	if (!tl__sum_to(c->out, c->n_in, c->in, c->pool, c->scratch))
		return tl_error_memory(c->error);
	return TL_OK;
}

static bool sum_to_view(const void *params, const tl_tensor *in, tl_tensor *out)
{
	const sum_params *p = params;
	return p->terms == 1 && tl_shape_size(in->shape) == tl_shape_size(out->shape) &&
		tl_tensor_reshape(in, out->shape, out);
}

static tl_var sum_to_gradient(const tl_adjoint *a, int k)
{
	return tl_broadcast(a->dout, tl_var_shape(a->in[k]));
}

tl_var tl__merge(int n, const tl_var *v, const void *params, size_t size)
{
	size_t total = 0;
	for (int i = 0; i < n; i++)
		total += (size_t)tl_var_operands(v[i]);
	tl_var *in = tl_tape_alloc(v[0].tape, total * sizeof *in);
	if (!in)
		return (tl_var){0};
	int used = 0;
	for (int i = 0; i < n; i++)
		for (int k = 0; k < tl_var_operands(v[i]); k++)
			in[used++] = tl_var_operand(v[i], k);
	return tl_apply(NULL, tl_var_op(v[0]), used, in, params, size);
}

/* T contributions to a bias become one node, which passes over each once and over the bias once. */
static tl_var sum_to_sum(int n, const tl_var *v)
{
	sum_params p = {.shape = tl_var_shape(v[0])};
	for (int i = 0; i < n; i++)
		p.terms += tl_var_operands(v[i]);
	return tl__merge(n, v, &p, sizeof p);
}

static const sum_params sum_samples[] = {
	{{1, {4}}, 1},
	{{2, {3, 1}}, 1},
	{{0}, 1},
	{{1, {4}}, 2},
	{{2, {1, 4}}, 2},
};

#define SAMPLE(count, k, ...)                                                                                \
	{                                                                                                    \
		.n = count, .in = {__VA_ARGS__}, .params = &sum_samples[k], .params_size = sizeof(sum_params) \
	}

const tl_op tl_op_sum_to = {
	.name = "sum_to",
	.arity = TL_VARIADIC,
	.infer = sum_to_infer,
	.kernel = sum_to_kernel,
	.view = sum_to_view,
	.gradient = sum_to_gradient,
	.sum = sum_to_sum,
	.samples =
		(tl_sample[]){
			SAMPLE(1, 0, {2, {3, 4}}),
			SAMPLE(1, 1, {3, {2, 3, 4}}),
			SAMPLE(1, 2, {2, {3, 70}}),
			SAMPLE(1, 1, {3, {1, 3, 1}}),
			SAMPLE(2, 3, {2, {3, 4}}, {3, {2, 1, 4}}),
			SAMPLE(2, 4, {2, {1, 4}}, {2, {3, 4}}),
			{0},
		},
};

tl_var tl_sum_to(tl_var x, tl_shape shape)
{
	sum_params p = {shape, 1};
	return tl_apply(NULL, &tl_op_sum_to, 1, &x, &p, sizeof p);
}

static tl_status broadcast_infer(tl_infer *s)
{
	char text[TL_SHAPE_TEXT];
	if (given_shape(s))
		return s->error->status;
	if (!repeats(s->in[0]->shape, s->out))
		return tl_error_set(s->error, TL_ERR_SHAPE, "the operand does not broadcast to %s",
			tl_shape_text(s->out, text));
	return TL_OK;
}

static tl_status copy_kernel(const tl_call *c)
{
	tl_tensor wide = tl_tensor_broadcast(c->in[0], c->out->shape);
	tl_tensor_copy(c->out, &wide);
	return TL_OK;
}

static bool broadcast_view(const void *params, const tl_tensor *in, tl_tensor *out)
{
	(void)params;
	*out = tl_tensor_broadcast(in, out->shape);
	return true;
}

static tl_var broadcast_gradient(const tl_adjoint *a, int k)
{
	(void)k;
	return a->dout;
}

const tl_op tl_op_broadcast = {
	.name = "broadcast",
	.arity = 1,
	.flags = TL_OP_ANY_TYPE,
	.infer = broadcast_infer,
	.kernel = copy_kernel,
	.view = broadcast_view,
	.gradient = broadcast_gradient,
	.samples =
		(tl_sample[]){
			{.n = 1, .in = {{1, {4}}}, .params = &TL_SHAPE(3, 4), .params_size = sizeof(tl_shape)},
			{.n = 1, .in = {{2, {3, 1}}}, .params = &TL_SHAPE(2, 3, 4), .params_size = sizeof(tl_shape)},
			{0},
		},
};

tl_var tl_broadcast(tl_var x, tl_shape shape)
{
	return tl_apply(NULL, &tl_op_broadcast, 1, &x, &shape, sizeof shape);
}
