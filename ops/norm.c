/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With r = 1 / sqrt(var + eps), y = r (x - mean x) and means over the last axis of H elements:
 *
 *	dy -> dx = r (dy - mean(dy) - y mean(y dy)) =: G(y, r, dy)
 *	dr -> dx = -dr r^2 y / H
 *
 * and for the adjoint D of G:
 *
 *	d/dy = -r (dy mean(y D) + D mean(y dy))     d/dr = sum(D G) / r     d/ddy = G(y, r, D)
 */
#include "ops/norm.h"

#include <tgmath.h>

#include "core/sum.h"
#include "core/threads.h"
#include "ops/arith.h"
#include "ops/math.h"
#include "ops/op_util.h"
#include "ops/rows.h"

static tl_status normalize_infer(tl_infer *s)
{
	double eps = *(const double *)s->params;
	s->out = s->in[0]->shape;
	if (s->out.axes == 0)
		return tl_error_set(s->error, TL_ERR_SHAPE, "the operand has no axis to normalize over");
	if (!(eps >= 0))
		return tl_error_set(s->error, TL_ERR_ARGUMENT, "eps is %g; it must not be negative", eps);
	return TL_OK;
}

static tl_status rstd_infer(tl_infer *s)
{
	tl_status status = normalize_infer(s);
	if (!status)
		s->out.dim[s->out.axes - 1] = 1;
	return status;
}

/* Rows of one call, dense; n elements each. */
struct rows {
	const tl_real *in[3];
	tl_real *out;
	int64_t n;
	double eps;
};

#define GRAIN 8192 /* elements worth waking a thread for */

static tl_status by_rows(const tl_call *c, tl_range_fn fn)
{
	tl_shape shape = c->in[0]->shape;
	struct rows rows = {.out = c->out->data, .n = shape.dim[shape.axes - 1]};
	for (int k = 0; k < c->n_in; k++)
		if (!(rows.in[k] = tl__dense(c, c->in[k])))
			return tl_error_memory(c->error);
	if (c->params)
		rows.eps = *(const double *)c->params;
	shape.dim[shape.axes - 1] = 1;
	tl_parallel(c->pool, tl_shape_size(shape), 1 + GRAIN / (rows.n + 1), fn, &rows);
	return TL_OK;
}

/* The mean of (a - a0) (b - b0). */
TL_VECTOR static double mean_product(int64_t n, const tl_real *a, tl_real a0, const tl_real *b, tl_real b0)
{
	tl_real product[TL_BLOCK];
	double total = 0;
	for (int64_t done = 0; done < n; done += TL_BLOCK) {
		int64_t count = n - done < TL_BLOCK ? n - done : TL_BLOCK;
		for (int64_t i = 0; i < count; i++)
			product[i] = (a[done + i] - a0) * (b[done + i] - b0);
		total += tl__sum(count, product, 1);
	}
	return total / (double)n;
}

static tl_real mean_of(int64_t n, const tl_real *x)
{
	return (tl_real)(tl__sum(n, x, 1) / (double)n);
}

static tl_real rstd_of(int64_t n, const tl_real *x, tl_real mean, double eps)
{
	return (tl_real)(1 / sqrt(mean_product(n, x, mean, x, mean) + eps));
}

TL_VECTOR static void normalize_rows(void *ctx, int64_t first, int64_t last)
{
	const struct rows *rows = ctx;
	int64_t n = rows->n;
	for (int64_t k = first; k < last; k++) {
		const tl_real *x = rows->in[0] + k * n;
		tl_real *y = rows->out + k * n, mean = mean_of(n, x), rstd = rstd_of(n, x, mean, rows->eps);
		TL_INDEPENDENT
		for (int64_t i = 0; i < n; i++)
			y[i] = (x[i] - mean) * rstd;
	}
}

static tl_status normalize_kernel(const tl_call *c)
{
	return by_rows(c, normalize_rows);
}

static void rstd_rows(void *ctx, int64_t first, int64_t last)
{
	const struct rows *rows = ctx;
	for (int64_t k = first; k < last; k++) {
		const tl_real *x = rows->in[0] + k * rows->n;
		rows->out[k] = rstd_of(rows->n, x, mean_of(rows->n, x), rows->eps);
	}
}

static tl_status rstd_kernel(const tl_call *c)
{
	return by_rows(c, rstd_rows);
}

static tl_status normalize_grad_infer(tl_infer *s)
{
	tl_shape y = s->in[0]->shape, rows = y;
	if (y.axes)
		rows.dim[y.axes - 1] = 1;
	if (!y.axes || !tl_shape_equal(s->in[1]->shape, rows) || !tl_shape_equal(s->in[2]->shape, y))
		return tl_error_set(
			s->error, TL_ERR_SHAPE, "the operands must be (..., H), (..., 1) and (..., H)");
	s->out = y;
	return TL_OK;
}

TL_VECTOR static void normalize_grad_rows(void *ctx, int64_t first, int64_t last)
{
	const struct rows *rows = ctx;
	int64_t n = rows->n;
	for (int64_t k = first; k < last; k++) {
		const tl_real *y = rows->in[0] + k * n, *d = rows->in[2] + k * n;
		tl_real *out = rows->out + k * n, rstd = rows->in[1][k];
		tl_real mean = mean_of(n, d), slope = (tl_real)mean_product(n, y, 0, d, 0);
		TL_INDEPENDENT
		for (int64_t i = 0; i < n; i++)
			out[i] = rstd * (d[i] - mean - y[i] * slope);
	}
}

static tl_status normalize_grad_kernel(const tl_call *c)
{
	return by_rows(c, normalize_grad_rows);
}

static tl_var normalize_grad(tl_var y, tl_var rstd, tl_var dy)
{
	return tl_apply(NULL, &tl_op_normalize_grad, 3, (tl_var[]){y, rstd, dy}, NULL, 0);
}

static tl_var normalize_gradient(const tl_adjoint *a, int k)
{
	tl_var rstd = tl_apply(NULL, &tl_op_rstd, 1, &a->in[k], a->params, sizeof(double));
	return normalize_grad(a->out, rstd, a->dout);
}

static tl_var rstd_gradient(const tl_adjoint *a, int k)
{
	tl_var y = tl_normalize(a->in[k], *(const double *)a->params);
	tl_var factor = tl_mul(a->dout, tl_square(a->out));
	return tl_scale(tl_mul(factor, y), -1 / (double)tl_dim(y, -1));
}

static tl_var normalize_grad_gradient(const tl_adjoint *a, int k)
{
	tl_var y = a->in[0], r = a->in[1], dy = a->in[2], d = a->dout;
	if (k == 2)
		return normalize_grad(y, r, d);
	if (k == 1) {
		tl_var slope = normalize_grad(y, tl_fill(r.tape, tl_var_shape(r), 1), dy);
		return tl_sum(tl_mul(d, slope), TL_AXES(-1), true);
	}
	tl_var first = tl_mul(dy, tl_mean(tl_mul(y, d), TL_AXES(-1), true));
	tl_var second = tl_mul(d, tl_mean(tl_mul(y, dy), TL_AXES(-1), true));
	return tl_neg(tl_mul(r, tl_add(first, second)));
}

static const double sample_eps = 1e-3;
static const tl_sample samples[] = {
	{.n = 1, .in = {{2, {3, 5}}}, .params = &sample_eps, .params_size = sizeof sample_eps},
	{.n = 1, .in = {{3, {2, 2, 20}}}, .params = &sample_eps, .params_size = sizeof sample_eps},
	{0},
};

const tl_op tl_op_normalize = {
	.name = "normalize",
	.arity = 1,
	.infer = normalize_infer,
	.kernel = normalize_kernel,
	.gradient = normalize_gradient,
	.samples = samples,
};

const tl_op tl_op_rstd = {
	.name = "rstd",
	.arity = 1,
	.infer = rstd_infer,
	.kernel = rstd_kernel,
	.gradient = rstd_gradient,
	.samples = samples,
};

const tl_op tl_op_normalize_grad = {
	.name = "normalize_grad",
	.arity = 3,
	.infer = normalize_grad_infer,
	.kernel = normalize_grad_kernel,
	.gradient = normalize_grad_gradient,
	.samples =
		(tl_sample[]){
			{.n = 3, .in = {{2, {3, 5}}, {2, {3, 1}}, {2, {3, 5}}}},
			{.n = 3, .in = {{1, {20}}, {1, {1}}, {1, {20}}}},
			{0},
		},
};

tl_var tl_normalize(tl_var x, double eps)
{
	return tl_apply(NULL, &tl_op_normalize, 1, &x, &eps, sizeof eps);
}

/* gain or bias must have the size of x's last axis */
static bool fits(tl_var x, const char *who, tl_var v)
{
	char a[TL_SHAPE_TEXT], b[TL_SHAPE_TEXT];
	tl_shape want = TL_SHAPE(tl_dim(x, -1));
	if (!v.tape || !tl_ok(v) || !tl_ok(x) || tl_shape_equal(tl_var_shape(v), want))
		return true;
	tl_tape_fail(x.tape, TL_ERR_SHAPE, "layer_norm: the %s has shape %s, but the last axis asks for %s",
		who, tl_shape_text(tl_var_shape(v), a), tl_shape_text(want, b));
	return false;
}

tl_var tl_layer_norm(tl_var x, tl_var gain, tl_var bias, double eps)
{
	if (!fits(x, "gain", gain) || !fits(x, "bias", bias))
		return tl__failed(x);
	tl_var y = tl_normalize(x, eps);
	if (gain.tape)
		y = tl_mul(y, gain);
	return bias.tape ? tl_add(y, bias) : y;
}
