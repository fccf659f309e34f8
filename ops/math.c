/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/math.h"

#include <tgmath.h>

#include "core/vmath.h"
#include "ops/arith.h"
#include "ops/op_util.h"
#include "ops/select.h"

static const tl_sample anywhere[] = {{.n = 1, .in = {{2, {3, 4}}}}, {.n = 1, .in = {{0}}}, {0}};
static const tl_sample positive[] = {{.n = 1, .in = {{2, {3, 4}}}, .low = 0.5, .high = 3}, {0}};

TL_MAP1(square, x * x)

static tl_var square_gradient(const tl_adjoint *a, int k)
{
	return tl_scale(tl_mul(a->dout, a->in[k]), 2);
}

const tl_op tl_op_square = {
	.name = "square", .arity = 1, .map = square, .gradient = square_gradient, .samples = anywhere};

tl_var tl_square(tl_var x)
{
	return tl__apply1(&tl_op_square, x);
}

TL_MAP1(square_root, sqrt(x))

static tl_var sqrt_gradient(const tl_adjoint *a, int k)
{
	(void)k;
	return tl_scale(tl_div(a->dout, a->out), 0.5);
}

const tl_op tl_op_sqrt = {
	.name = "sqrt", .arity = 1, .map = square_root, .gradient = sqrt_gradient, .samples = positive};

tl_var tl_sqrt(tl_var x)
{
	return tl__apply1(&tl_op_sqrt, x);
}

static void exponential(const void *params, int64_t n, tl_real *out, const tl_real *const *in)
{
	(void)params;
	tl__vexp(n, in[0], out);
}

static tl_var exp_gradient(const tl_adjoint *a, int k)
{
	(void)k;
	return tl_mul(a->dout, a->out);
}

const tl_op tl_op_exp = {
	.name = "exp", .arity = 1, .map = exponential, .gradient = exp_gradient, .samples = anywhere};

tl_var tl_exp(tl_var x)
{
	return tl__apply1(&tl_op_exp, x);
}

static void logarithm(const void *params, int64_t n, tl_real *out, const tl_real *const *in)
{
	(void)params;
	tl__vlog(n, in[0], out);
}

static tl_var log_gradient(const tl_adjoint *a, int k)
{
	return tl_div(a->dout, a->in[k]);
}

const tl_op tl_op_log = {
	.name = "log", .arity = 1, .map = logarithm, .gradient = log_gradient, .samples = positive};

tl_var tl_log(tl_var x)
{
	return tl__apply1(&tl_op_log, x);
}

TL_MAP1(absolute, fabs(x))

static tl_var abs_gradient(const tl_adjoint *a, int k)
{
	return tl_mul(a->dout, tl_sign(a->in[k]));
}

const tl_op tl_op_abs = {
	.name = "abs",
	.arity = 1,
	.flags = TL_OP_KINKED,
	.map = absolute,
	.gradient = abs_gradient,
	.samples = anywhere,
};

tl_var tl_abs(tl_var x)
{
	return tl__apply1(&tl_op_abs, x);
}

TL_MAP1(sign, x > 0 ? 1 : x < 0 ? -1 : x)

const tl_op tl_op_sign = {.name = "sign", .arity = 1, .flags = TL_OP_STOP, .map = sign, .samples = anywhere};

tl_var tl_sign(tl_var x)
{
	return tl__apply1(&tl_op_sign, x);
}

TL_MAP2(power, pow(a, b))

/*
 * db: out log a, where log 1 stands in for log 0, and 0 for an infinite out.
 * da: b a^(b-1), where b = 0 gets the exponent 0: 0 * 0^-1 would be NaN. The rule is its own derivative
 * again, so this holds for higher derivatives.
 */
static tl_var pow_gradient(const tl_adjoint *a, int k)
{
	tl_var base = a->in[0], exponent = a->in[1];
	tl_var zero = tl_fill(a->dout.tape, TL_SCALAR, 0);
	if (k == 0) {
		tl_var less = tl_where(exponent, tl_shift(exponent, -1), zero);
		return tl_mul(a->dout, tl_mul(exponent, tl_pow(base, less)));
	}
	tl_var one = tl_fill(a->dout.tape, TL_SCALAR, 1);
	tl_var logarithm_or_0 = tl_log(tl_where(base, base, one));
	return tl_mul(a->dout, tl_mul(tl_where(base, a->out, zero), logarithm_or_0));
}

const tl_op tl_op_pow = {
	.name = "pow",
	.arity = 2,
	.map = power,
	.gradient = pow_gradient,
	.samples =
		(tl_sample[]){
			{.n = 2, .in = {{2, {3, 4}}, {2, {3, 4}}}, .low = 0.5, .high = 2},
			{.n = 2, .in = {{2, {3, 1}}, {1, {4}}}, .low = 0.5, .high = 2},
			{0},
		},
};

tl_var tl_pow(tl_var a, tl_var b)
{
	return tl__apply2(&tl_op_pow, a, b);
}

TL_MAP1_PARAM(power_by, double, pow(x, exponent), tl_real exponent = (tl_real)*p)

static tl_var pow_by_gradient(const tl_adjoint *a, int k)
{
	double p = *(const double *)a->params;
	if (p == 0)
		return (tl_var){0};
	if (p == 1)
		return a->dout;
	return tl_scale(tl_mul(a->dout, tl_pow_by(a->in[k], p - 1)), p);
}

static const double sample_powers[] = {3, 1.5, 1, 0, -2};

#define POWER_SAMPLE(i, from)                                                                      \
	{                                                                                          \
		.n = 1, .in = {{2, {3, 4}}}, .low = from, .high = 2, .params = &sample_powers[i],  \
		.params_size = sizeof(double)                                                      \
	}

const tl_op tl_op_pow_by = {
	.name = "pow_by",
	.arity = 1,
	.map = power_by,
	.gradient = pow_by_gradient,
	.samples =
		(tl_sample[]){
			POWER_SAMPLE(0, -2),
			POWER_SAMPLE(1, 0.5),
			POWER_SAMPLE(2, -2),
			POWER_SAMPLE(3, -2),
			POWER_SAMPLE(4, 0.5),
			{0},
		},
};

tl_var tl_pow_by(tl_var x, double p)
{
	return tl_apply(NULL, &tl_op_pow_by, 1, &x, &p, sizeof p);
}

static void error_function(const void *params, int64_t n, tl_real *out, const tl_real *const *in)
{
	(void)params;
	tl__verf(n, in[0], out);
}

#define TWO_BY_ROOT_PI 1.12837916709551257390

static tl_var erf_gradient(const tl_adjoint *a, int k)
{
	tl_var bell = tl_exp(tl_neg(tl_square(a->in[k])));
	return tl_scale(tl_mul(a->dout, bell), TWO_BY_ROOT_PI);
}

const tl_op tl_op_erf = {
	.name = "erf", .arity = 1, .map = error_function, .gradient = erf_gradient, .samples = anywhere};

tl_var tl_erf(tl_var x)
{
	return tl__apply1(&tl_op_erf, x);
}

TL_MAP1(sine, sin(x))

static tl_var sin_gradient(const tl_adjoint *a, int k)
{
	return tl_mul(a->dout, tl_cos(a->in[k]));
}

const tl_op tl_op_sin = {
	.name = "sin", .arity = 1, .map = sine, .gradient = sin_gradient, .samples = anywhere};

tl_var tl_sin(tl_var x)
{
	return tl__apply1(&tl_op_sin, x);
}

TL_MAP1(cosine, cos(x))

static tl_var cos_gradient(const tl_adjoint *a, int k)
{
	return tl_neg(tl_mul(a->dout, tl_sin(a->in[k])));
}

const tl_op tl_op_cos = {
	.name = "cos", .arity = 1, .map = cosine, .gradient = cos_gradient, .samples = anywhere};

tl_var tl_cos(tl_var x)
{
	return tl__apply1(&tl_op_cos, x);
}
