/* SPDX-License-Identifier: Apache-2.0 */
/* The params of both ops are the kept shape (ops/rows.h): a row may span several axes. */
#include "ops/softmax.h"

#include <tgmath.h>

#include "core/vector.h"
#include "core/walk.h"
#include "ops/arith.h"
#include "ops/math.h"
#include "ops/rows.h"

static tl_status softmax_infer(tl_infer *s)
{
	tl_status status = tl__kept_infer(s);
	s->out = s->in[0]->shape;
	return status;
}

/* y = e / total, where total is 0 only if e is. */
TL_VECTOR static void divide_run(void *ctx, int64_t n, char *const *at, const int64_t *step)
{
	(void)ctx;
	tl_real *y = (tl_real *)at[0];
	const tl_real *total = (const tl_real *)at[1];
	if (step[1] == 0) {
		tl_real one = *total == 0 ? 1 : *total;
		TL_INDEPENDENT
		for (int64_t i = 0; i < n; i++)
			y[i * step[0]] /= one;
	} else {
		TL_INDEPENDENT
		for (int64_t i = 0; i < n; i++) {
			tl_real one = total[i * step[1]];
			y[i * step[0]] /= one == 0 ? 1 : one;
		}
	}
}

/* t: y, x, top, total */
static void softmax_slice(void *ctx, tl_shape kept, const tl_tensor *t)
{
	tl__row_top(&t[2], &t[1], kept);
	tl__row_exp(&t[0], &t[3], &t[2], &t[1], kept);
	tl__walk(2, (const tl_tensor *[]){&t[0], &t[3]}, divide_run, ctx);
}

/* total becomes its logarithm, 0 where it is 0: such a row is -inf already. */
static void log_run(void *ctx, int64_t n, char *const *at, const int64_t *step)
{
	(void)ctx;
	tl_real *total = (tl_real *)at[0];
	for (int64_t i = 0; i < n; i++)
		total[i * step[0]] = total[i * step[0]] == 0 ? 0 : log(total[i * step[0]]);
}

/* In this order huge numbers cancel before small ones come in. */
TL_VECTOR static void subtract_run(void *ctx, int64_t n, char *const *at, const int64_t *step)
{
	(void)ctx;
	tl_real *y = (tl_real *)at[0];
	const tl_real *x = (const tl_real *)at[1], *top = (const tl_real *)at[2];
	const tl_real *log_total = (const tl_real *)at[3];
	if (step[2] == 0 && step[3] == 0) {
		tl_real offset = tl__row_offset(*top), rest = *log_total;
		TL_INDEPENDENT
		for (int64_t i = 0; i < n; i++)
			y[i * step[0]] = x[i * step[1]] - offset - rest;
	} else {
		TL_INDEPENDENT
		for (int64_t i = 0; i < n; i++)
			y[i * step[0]] =
				x[i * step[1]] - tl__row_offset(top[i * step[2]]) - log_total[i * step[3]];
	}
}

static void log_softmax_slice(void *ctx, tl_shape kept, const tl_tensor *t)
{
	tl__row_top(&t[2], &t[1], kept);
	tl__row_exp(NULL, &t[3], &t[2], &t[1], kept);
	tl_tensor total = tl__row_heads(&t[3], kept);
	tl__walk(1, (const tl_tensor *[]){&total}, log_run, ctx);
	tl__walk(4, (const tl_tensor *[]){&t[0], &t[1], &t[2], &t[3]}, subtract_run, ctx);
}

static tl_status run(const tl_call *c, tl_slice_fn fn)
{
	tl_shape shape = c->out->shape, kept = *(const tl_shape *)c->params;
	tl_tensor top = tl__row_scratch(c, kept), total = tl__row_scratch(c, kept);
	if (!top.data || !total.data)
		return tl_error_memory(c->error);
	tl_tensor t[] = {
		*c->out, *c->in[0], tl_tensor_broadcast(&top, shape), tl_tensor_broadcast(&total, shape)};
	tl__slices(c->pool, kept, 4, t, fn, NULL);
	return TL_OK;
}

static tl_status softmax_kernel(const tl_call *c)
{
	return run(c, softmax_slice);
}

static tl_status log_softmax_kernel(const tl_call *c)
{
	return run(c, log_softmax_slice);
}

/* dx = y (d - sum(y d)) */
static tl_var softmax_gradient(const tl_adjoint *a, int k)
{
	(void)k;
	tl_var mean = tl_sum_to(tl_mul(a->out, a->dout), *(const tl_shape *)a->params);
	return tl_mul(a->out, tl_sub(a->dout, mean));
}

/* dx = d - exp(y) sum(d) */
static tl_var log_softmax_gradient(const tl_adjoint *a, int k)
{
	(void)k;
	tl_var total = tl_sum_to(a->dout, *(const tl_shape *)a->params);
	return tl_sub(a->dout, tl_mul(tl_exp(a->out), total));
}

static const tl_sample samples[] = {
	{.n = 1, .in = {{2, {3, 4}}}, .params = &TL_SHAPE(3, 1), .params_size = sizeof(tl_shape)},
	{.n = 1, .in = {{3, {2, 3, 4}}}, .params = &TL_SHAPE(2, 1, 4), .params_size = sizeof(tl_shape)},
	{.n = 1, .in = {{3, {2, 3, 2}}}, .params = &TL_SHAPE(1, 3, 1), .params_size = sizeof(tl_shape)},
	{0},
};

const tl_op tl_op_softmax = {
	.name = "softmax",
	.arity = 1,
	.infer = softmax_infer,
	.kernel = softmax_kernel,
	.gradient = softmax_gradient,
	.samples = samples,
};

const tl_op tl_op_log_softmax = {
	.name = "log_softmax",
	.arity = 1,
	.infer = softmax_infer,
	.kernel = log_softmax_kernel,
	.gradient = log_softmax_gradient,
	.samples = samples,
};

static tl_var along(const tl_op *op, tl_var x, int axis)
{
	tl__reduction r;
	if (!tl__reduction_of(x, op->name, TL_AXES(axis), &r))
		return tl__failed(x);
	return tl_apply(NULL, op, 1, &x, &r.kept, sizeof r.kept);
}

tl_var tl_softmax(tl_var x, int axis)
{
	return along(&tl_op_softmax, x, axis);
}

tl_var tl_log_softmax(tl_var x, int axis)
{
	return along(&tl_op_log_softmax, x, axis);
}
