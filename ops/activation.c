/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/activation.h"

#include <assert.h>
#include <tgmath.h>

#include "core/vmath.h"
#include "ops/arith.h"
#include "ops/math.h"
#include "ops/op_util.h"
#include "ops/select.h"

static const tl_sample single[] = {{.n = 1, .in = {{2, {3, 4}}}}, {.n = 1, .in = {{0}}}, {0}};
static const tl_sample pairs[] = {
	{.n = 2, .in = {{2, {3, 4}}, {2, {3, 4}}}},
	{.n = 2, .in = {{2, {3, 1}}, {1, {4}}}},
	{0},
};
static const double sample_number = 0.3;
static const tl_sample single_number[] = {
	{.n = 1, .in = {{2, {3, 4}}}, .params = &sample_number, .params_size = sizeof sample_number}, {0}};

static void sigmoid(const void *params, int64_t n, tl_real *out, const tl_real *const *in)
{
	(void)params;
	tl__vsigmoid(n, in[0], out);
}

static tl_var sigmoid_gradient(const tl_adjoint *a, int k)
{
	(void)k;
	return tl_sigmoid_grad(a->dout, a->out);
}

const tl_op tl_op_sigmoid = {
	.name = "sigmoid", .arity = 1, .map = sigmoid, .gradient = sigmoid_gradient, .samples = single};

tl_var tl_sigmoid(tl_var x)
{
	return tl__apply1(&tl_op_sigmoid, x);
}

TL_MAP2(sigmoid_grad, a * (b * (1 - b)))

static tl_var sigmoid_grad_gradient(const tl_adjoint *a, int k)
{
	tl_var dout = a->in[0], y = a->in[1];
	if (k == 0)
		return tl_sigmoid_grad(a->dout, y);
	tl_var slope = tl_shift(tl_scale(y, -2), 1);
	return tl_mul(tl_mul(a->dout, dout), slope);
}

const tl_op tl_op_sigmoid_grad = {
	.name = "sigmoid_grad",
	.arity = 2,
	.map = sigmoid_grad,
	.gradient = sigmoid_grad_gradient,
	.samples = pairs,
};

tl_var tl_sigmoid_grad(tl_var dout, tl_var y)
{
	return tl__apply2(&tl_op_sigmoid_grad, dout, y);
}

static void hyperbolic_tangent(const void *params, int64_t n, tl_real *out, const tl_real *const *in)
{
	(void)params;
	tl__vtanh(n, in[0], out);
}

static tl_var tanh_gradient(const tl_adjoint *a, int k)
{
	(void)k;
	return tl_tanh_grad(a->dout, a->out);
}

const tl_op tl_op_tanh = {
	.name = "tanh", .arity = 1, .map = hyperbolic_tangent, .gradient = tanh_gradient, .samples = single};

tl_var tl_tanh(tl_var x)
{
	return tl__apply1(&tl_op_tanh, x);
}

TL_MAP2(tanh_grad, a * (1 - b * b))

static tl_var tanh_grad_gradient(const tl_adjoint *a, int k)
{
	tl_var dout = a->in[0], y = a->in[1];
	if (k == 0)
		return tl_tanh_grad(a->dout, y);
	return tl_scale(tl_mul(tl_mul(a->dout, dout), y), -2);
}

const tl_op tl_op_tanh_grad = {
	.name = "tanh_grad", .arity = 2, .map = tanh_grad, .gradient = tanh_grad_gradient, .samples = pairs};

tl_var tl_tanh_grad(tl_var dout, tl_var y)
{
	return tl__apply2(&tl_op_tanh_grad, dout, y);
}

TL_MAP1(relu, x < 0 ? 0 : x)

/* The result is not 0 where x > 0, and for NaN. */
static tl_var relu_gradient(const tl_adjoint *a, int k)
{
	(void)k;
	return tl_where(a->out, a->dout, tl_fill(a->dout.tape, TL_SCALAR, 0));
}

const tl_op tl_op_relu = {
	.name = "relu",
	.arity = 1,
	.flags = TL_OP_KINKED,
	.map = relu,
	.gradient = relu_gradient,
	.samples = single,
};

tl_var tl_relu(tl_var x)
{
	return tl__apply1(&tl_op_relu, x);
}

static tl_var is_positive(tl_var x)
{
	return tl_greater(x, tl_fill(x.tape, TL_SCALAR, 0));
}

TL_MAP1_PARAM(leaky_relu, double, x > 0 ? x : slope * x, tl_real slope = (tl_real)*p)

static tl_var leaky_relu_gradient(const tl_adjoint *a, int k)
{
	tl_var below = tl_scale(a->dout, *(const double *)a->params);
	return tl_where(is_positive(a->in[k]), a->dout, below);
}

const tl_op tl_op_leaky_relu = {
	.name = "leaky_relu",
	.arity = 1,
	.flags = TL_OP_KINKED,
	.map = leaky_relu,
	.gradient = leaky_relu_gradient,
	.samples = single_number,
};

tl_var tl_leaky_relu(tl_var x, double slope)
{
	return tl_apply(NULL, &tl_op_leaky_relu, 1, &x, &slope, sizeof slope);
}

/* e^x - 1 = 2 t / (1 - t) with t = tanh(x / 2): no cancellation for x <= 0. */
TL_VECTOR static void elu(const void *params, int64_t n, tl_real *out, const tl_real *const *in)
{
	tl_real alpha = (tl_real)*(const double *)params, t[TL_BLOCK];
	const tl_real *x = in[0];
	assert(n > 0 && n <= TL_BLOCK);
	TL_INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		t[i] = x[i] / 2;
	tl__vtanh(n, t, t);
	TL_INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		out[i] = x[i] > 0 ? x[i] : alpha * (2 * t[i] / (1 - t[i]));
}

/* For x <= 0: alpha e^x = out + alpha. */
static tl_var elu_gradient(const tl_adjoint *a, int k)
{
	tl_var below = tl_mul(a->dout, tl_shift(a->out, *(const double *)a->params));
	return tl_where(is_positive(a->in[k]), a->dout, below);
}

const tl_op tl_op_elu = {
	.name = "elu",
	.arity = 1,
	.flags = TL_OP_KINKED,
	.map = elu,
	.gradient = elu_gradient,
	.samples = single_number,
};

tl_var tl_elu(tl_var x, double alpha)
{
	return tl_apply(NULL, &tl_op_elu, 1, &x, &alpha, sizeof alpha);
}

/*
 * log(1 + e^x) = max(x, 0) + log(1 + u) with u = e^-|x|. What rounding w = 1 + u loses is made up for by
 * u / (w - 1): log(1 + u) = log(w) u / (w - 1), and u where w = 1 (Goldberg, "What every computer
 * scientist should know about floating-point arithmetic", 1991, theorem 4).
 */
TL_VECTOR static void softplus(const void *params, int64_t n, tl_real *out, const tl_real *const *in)
{
	(void)params;
	tl_real u[TL_BLOCK], w[TL_BLOCK], log_w[TL_BLOCK];
	const tl_real *x = in[0];
	assert(n > 0 && n <= TL_BLOCK);
	TL_INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		u[i] = -fabs(x[i]);
	tl__vexp(n, u, u);
	TL_INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		w[i] = 1 + u[i];
	tl__vlog(n, w, log_w);
	TL_INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		out[i] = (x[i] > 0 ? x[i] : 0) + (w[i] == 1 ? u[i] : log_w[i] * (u[i] / (w[i] - 1)));
}

static tl_var softplus_gradient(const tl_adjoint *a, int k)
{
	return tl_mul(a->dout, tl_sigmoid(a->in[k]));
}

const tl_op tl_op_softplus = {
	.name = "softplus", .arity = 1, .map = softplus, .gradient = softplus_gradient, .samples = single};

tl_var tl_softplus(tl_var x)
{
	return tl__apply1(&tl_op_softplus, x);
}

#define ROOT_HALF 0.70710678118654752440
#define BY_ROOT_2PI 0.39894228040143267794

/* Phi(x), the normal distribution; p is not x. */
TL_VECTOR static void normal_cdf(int64_t n, const tl_real *x, tl_real *p)
{
	assert(n > 0 && n <= TL_BLOCK);
	TL_INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		p[i] = x[i] * (tl_real)ROOT_HALF;
	tl__verf(n, p, p);
	TL_INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		p[i] = (1 + p[i]) / 2;
}

TL_VECTOR static void gelu(const void *params, int64_t n, tl_real *out, const tl_real *const *in)
{
	(void)params;
	tl_real p[TL_BLOCK];
	normal_cdf(n, in[0], p);
	TL_INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		out[i] = in[0][i] * p[i];
}

static tl_var gelu_gradient(const tl_adjoint *a, int k)
{
	return tl_gelu_grad(a->dout, a->in[k]);
}

const tl_op tl_op_gelu = {
	.name = "gelu", .arity = 1, .map = gelu, .gradient = gelu_gradient, .samples = single};

tl_var tl_gelu(tl_var x)
{
	return tl__apply1(&tl_op_gelu, x);
}

TL_VECTOR static void gelu_grad(const void *params, int64_t n, tl_real *out, const tl_real *const *in)
{
	(void)params;
	const tl_real *dout = in[0], *x = in[1];
	tl_real p[TL_BLOCK], density[TL_BLOCK];
	normal_cdf(n, x, p);
	TL_INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		density[i] = x[i] * x[i] / -2;
	tl__vexp(n, density, density);
	TL_INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		out[i] = dout[i] * (p[i] + x[i] * (density[i] * (tl_real)BY_ROOT_2PI));
}

/* With phi = Phi': (Phi + x phi)' = phi (2 - x^2). */
static tl_var gelu_grad_gradient(const tl_adjoint *a, int k)
{
	tl_var dout = a->in[0], x = a->in[1];
	if (k == 0)
		return tl_gelu_grad(a->dout, x);
	tl_var squared = tl_square(x);
	tl_var phi = tl_scale(tl_exp(tl_scale(squared, -0.5)), BY_ROOT_2PI);
	tl_var slope = tl_mul(phi, tl_shift(tl_neg(squared), 2));
	return tl_mul(tl_mul(a->dout, dout), slope);
}

const tl_op tl_op_gelu_grad = {
	.name = "gelu_grad", .arity = 2, .map = gelu_grad, .gradient = gelu_grad_gradient, .samples = pairs};

tl_var tl_gelu_grad(tl_var dout, tl_var x)
{
	return tl__apply2(&tl_op_gelu_grad, dout, x);
}
