/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/algebra.h"

#include <string.h>

#include "core/sum.h"
#include "core/walk.h"

static void add(const void *params, int64_t n, tl_real *out, const tl_real *const *in)
{
	(void)params;
	const tl_real *a = in[0], *b = in[1];
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

static tl_status sum_to_infer(tl_infer *s)
{
	char text[TL_SHAPE_TEXT];
	if (given_shape(s))
		return s->error->status;
	if (!repeats(s->out, s->in[0]->shape))
		return tl_error_set(s->error, TL_ERR_SHAPE, "the operand is no broadcast of %s",
			tl_shape_text(s->out, text));
	return TL_OK;
}

static void sum_to_run(void *ctx, int64_t n, char *const *at, const int64_t *step)
{
	(void)ctx;
	tl_real *to = (tl_real *)at[0];
	const tl_real *from = (const tl_real *)at[1];
	if (step[0] == 0)
		*to += (tl_real)tl__sum(n, from, step[1]);
	else
		for (int64_t i = 0; i < n; i++)
			to[i * step[0]] += from[i * step[1]];
}

static tl_status sum_to_kernel(const tl_call *c)
{
	memset(c->out->data, 0, (size_t)tl_shape_size(c->out->shape) * sizeof(tl_real));
	tl_tensor to = tl_tensor_broadcast(c->out, c->in[0]->shape);
	tl__walk(2, (const tl_tensor *[]){&to, c->in[0]}, sum_to_run, NULL);
	return TL_OK;
}

static bool sum_to_view(const void *params, const tl_tensor *in, tl_tensor *out)
{
	(void)params;
	return tl_shape_size(in->shape) == tl_shape_size(out->shape) && tl_tensor_reshape(in, out->shape, out);
}

static tl_var sum_to_gradient(const tl_adjoint *a, int k)
{
	return tl_broadcast(a->dout, tl_var_shape(a->in[k]));
}

const tl_op tl_op_sum_to = {
	.name = "sum_to",
	.arity = 1,
	.infer = sum_to_infer,
	.kernel = sum_to_kernel,
	.view = sum_to_view,
	.gradient = sum_to_gradient,
	.samples =
		(tl_sample[]){
			{.n = 1, .in = {{2, {3, 4}}}, .params = &TL_SHAPE(4), .params_size = sizeof(tl_shape)},
			{.n = 1, .in = {{3, {2, 3, 4}}}, .params = &TL_SHAPE(3, 1), .params_size = sizeof(tl_shape)},
			{.n = 1, .in = {{2, {3, 70}}}, .params = &TL_SCALAR, .params_size = sizeof(tl_shape)},
			{.n = 1, .in = {{3, {1, 3, 1}}}, .params = &TL_SHAPE(3, 1), .params_size = sizeof(tl_shape)},
			{0},
		},
};

tl_var tl_sum_to(tl_var x, tl_shape shape)
{
	return tl_apply(NULL, &tl_op_sum_to, 1, &x, &shape, sizeof shape);
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
