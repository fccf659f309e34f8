/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reductions record one node that keeps the reduced axes, and a view that drops them. The params of max,
 * min and logsumexp are the kept shape, like those of sum_to.
 */
#include "ops/reduce.h"

#include <inttypes.h>
#include <tgmath.h>

#include "core/walk.h"
#include "ops/arith.h"
#include "ops/layout.h"
#include "ops/op_util.h"
#include "ops/rows.h"
#include "ops/select.h"
#include "ops/softmax.h"

static tl_var sum(tl_var x, const char *who, tl_axes axes, bool keep)
{
	tl__reduction r;
	if (!tl__reduction_of(x, who, axes, &r))
		return tl__failed(x);
	if (!keep && r.leading)
		return tl_sum_to(x, r.dropped);
	tl_var kept = tl_sum_to(x, r.kept);
	return keep ? kept : tl_reshape(kept, r.dropped);
}

tl_var tl_sum(tl_var x, tl_axes axes, bool keep)
{
	return sum(x, "sum", axes, keep);
}

tl_var tl_mean(tl_var x, tl_axes axes, bool keep)
{
	tl_var total = sum(x, "mean", axes, keep);
	int64_t rows = tl_shape_size(tl_var_shape(total)), n = tl_shape_size(tl_var_shape(x));
	return tl_scale(total, rows ? (double)rows / (double)n : 1);
}

tl_var tl_sum_all(tl_var x)
{
	return tl_sum_to(x, TL_SCALAR);
}

tl_var tl_mean_all(tl_var x)
{
	return tl_mean(x, TL_ALL_AXES, false);
}

/* Records an op whose params are the kept shape. */
static tl_var reduce(const tl_op *op, tl_var x, tl_axes axes, bool keep)
{
	tl__reduction r;
	if (!tl__reduction_of(x, op->name, axes, &r))
		return tl__failed(x);
	tl_var kept = tl_apply(NULL, op, 1, &x, &r.kept, sizeof r.kept);
	return keep ? kept : tl_reshape(kept, r.dropped);
}

static tl_status extreme_infer(tl_infer *s)
{
	tl_status status = tl__kept_infer(s);
	for (int i = 0; i < s->out.axes && !status; i++)
		if (s->in[0]->shape.dim[i] == 0 && s->out.dim[i] == 1)
			status = tl_error_set(
				s->error, TL_ERR_SHAPE, "axis %d has no elements to choose from", i);
	return status;
}

static void extreme_slice(void *ctx, tl_shape kept, const tl_tensor *t)
{
	tl__row_extreme(&t[0], &t[1], kept, *(const tl_real *)ctx);
}

static tl_status extreme(const tl_call *c, tl_real sign)
{
	tl_tensor t[] = {tl_tensor_broadcast(c->out, c->in[0]->shape), *c->in[0]};
	tl__slices(c->pool, c->out->shape, 2, t, extreme_slice, &sign);
	return TL_OK;
}

static tl_status max_kernel(const tl_call *c)
{
	return extreme(c, 1);
}

static tl_status min_kernel(const tl_call *c)
{
	return extreme(c, -1);
}

static tl_var extreme_gradient(const tl_adjoint *a, int k)
{
	tl_var chosen = tl_equal(a->in[k], a->out);
	tl_var share = tl_div(a->dout, tl_sum_to(chosen, tl_var_shape(a->out)));
	return tl_mul(chosen, share);
}

static const tl_sample reductions[] = {
	{.n = 1, .in = {{2, {3, 4}}}, .params = &TL_SHAPE(3, 1), .params_size = sizeof(tl_shape)},
	{.n = 1, .in = {{3, {2, 3, 4}}}, .params = &TL_SHAPE(1, 3, 1), .params_size = sizeof(tl_shape)},
	{.n = 1, .in = {{1, {40}}}, .params = &TL_SHAPE(1), .params_size = sizeof(tl_shape)},
	{.n = 1, .in = {{0}}, .params = &TL_SCALAR, .params_size = sizeof(tl_shape)},
	{0},
};

const tl_op tl_op_max = {
	.name = "max",
	.arity = 1,
	.flags = TL_OP_KINKED,
	.infer = extreme_infer,
	.kernel = max_kernel,
	.gradient = extreme_gradient,
	.samples = reductions,
};

const tl_op tl_op_min = {
	.name = "min",
	.arity = 1,
	.flags = TL_OP_KINKED,
	.infer = extreme_infer,
	.kernel = min_kernel,
	.gradient = extreme_gradient,
	.samples = reductions,
};

tl_var tl_max(tl_var x, tl_axes axes, bool keep)
{
	return reduce(&tl_op_max, x, axes, keep);
}

tl_var tl_min(tl_var x, tl_axes axes, bool keep)
{
	return reduce(&tl_op_min, x, axes, keep);
}

/* The params are an axis from the front. */
static tl_status argmax_infer(tl_infer *s)
{
	int64_t axis = *(const int64_t *)s->params;
	tl_shape in = s->in[0]->shape;
	if (in.dim[axis] == 0 || in.dim[axis] > INT32_MAX)
		return tl_error_set(s->error, TL_ERR_SHAPE,
			"axis %" PRId64 " has %" PRId64 " elements to choose from", axis, in.dim[axis]);
	s->dtype = TL_I32;
	for (int i = 0; i < in.axes; i++)
		if (i != axis)
			s->out.dim[s->out.axes++] = in.dim[i];
	return TL_OK;
}

/* The elements along the axis. */
struct line {
	int64_t n, step;
};

static int32_t first_greatest(const tl_real *x, const struct line *line)
{
	int64_t best = 0;
	for (int64_t i = 0; i < line->n; i++) {
		if (isnan(x[i * line->step]))
			return (int32_t)i;
		if (x[i * line->step] > x[best * line->step])
			best = i;
	}
	return (int32_t)best;
}

static void argmax_run(void *ctx, int64_t n, char *const *at, const int64_t *step)
{
	int32_t *out = (int32_t *)at[0];
	const tl_real *x = (const tl_real *)at[1];
	for (int64_t i = 0; i < n; i++)
		out[i * step[0]] = first_greatest(x + i * step[1], ctx);
}

static void argmax_slice(void *ctx, tl_shape kept, const tl_tensor *t)
{
	tl_tensor out = tl__row_heads(&t[0], kept), x = tl__row_heads(&t[1], kept);
	tl__walk(2, (const tl_tensor *[]){&out, &x}, argmax_run, ctx);
}

static tl_status argmax_kernel(const tl_call *c)
{
	const tl_tensor *x = c->in[0];
	int axis = (int)*(const int64_t *)c->params;
	tl_shape kept = x->shape;
	kept.dim[axis] = 1;
	struct line line = {.n = x->shape.dim[axis], .step = x->stride[axis]};
	tl_tensor out = tl_tensor_dense(TL_I32, kept, c->out->data);
	tl_tensor t[] = {tl_tensor_broadcast(&out, x->shape), *x};
	tl__slices(c->pool, kept, 2, t, argmax_slice, &line);
	return TL_OK;
}

const tl_op tl_op_argmax = {
	.name = "argmax",
	.arity = 1,
	.flags = TL_OP_STOP,
	.infer = argmax_infer,
	.kernel = argmax_kernel,
	.no_gradient = "an index is no real number",
	.samples =
		(tl_sample[]){
			{.n = 1,
				.in = {{2, {3, 4}}},
				.params = &(int64_t){0},
				.params_size = sizeof(int64_t)},
			{.n = 1,
				.in = {{3, {2, 3, 4}}},
				.params = &(int64_t){2},
				.params_size = sizeof(int64_t)},
			{0},
		},
};

tl_var tl_argmax(tl_var x, int axis)
{
	tl__reduction r;
	if (!tl__reduction_of(x, "argmax", TL_AXES(axis), &r))
		return tl__failed(x);
	int64_t from_front = tl_shape_axis(tl_var_shape(x), axis);
	return tl_apply(NULL, &tl_op_argmax, 1, &x, &from_front, sizeof from_front);
}

static void log_run(void *ctx, int64_t n, char *const *at, const int64_t *step)
{
	(void)ctx;
	tl_real *out = (tl_real *)at[0];
	const tl_real *total = (const tl_real *)at[1];
	for (int64_t i = 0; i < n; i++)
		out[i * step[0]] = tl__row_offset(out[i * step[0]]) + log(total[i * step[1]]);
}

/* t: out, which holds each row's maximum first; total; x */
static void logsumexp_slice(void *ctx, tl_shape kept, const tl_tensor *t)
{
	tl__row_top(&t[0], &t[2], kept);
	tl__row_exp(NULL, &t[1], &t[0], &t[2], kept);
	tl_tensor out = tl__row_heads(&t[0], kept), total = tl__row_heads(&t[1], kept);
	tl__walk(2, (const tl_tensor *[]){&out, &total}, log_run, ctx);
}

static tl_status logsumexp_kernel(const tl_call *c)
{
	tl_shape shape = c->in[0]->shape, kept = c->out->shape;
	tl_tensor total = tl__row_scratch(c, kept);
	if (!total.data)
		return tl_error_memory(c->error);
	tl_tensor t[] = {tl_tensor_broadcast(c->out, shape), tl_tensor_broadcast(&total, shape), *c->in[0]};
	tl__slices(c->pool, kept, 3, t, logsumexp_slice, NULL);
	return TL_OK;
}

/* d logsumexp(x) / dx = softmax(x) */
static tl_var logsumexp_gradient(const tl_adjoint *a, int k)
{
	tl_var p = tl_apply(NULL, &tl_op_softmax, 1, &a->in[k], a->params, sizeof(tl_shape));
	return tl_mul(a->dout, p);
}

const tl_op tl_op_logsumexp = {
	.name = "logsumexp",
	.arity = 1,
	.infer = tl__kept_infer,
	.kernel = logsumexp_kernel,
	.gradient = logsumexp_gradient,
	.samples = reductions,
};

tl_var tl_logsumexp(tl_var x, tl_axes axes, bool keep)
{
	return reduce(&tl_op_logsumexp, x, axes, keep);
}
