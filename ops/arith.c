/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/arith.h"

#include "ops/op_util.h"

static const tl_sample pairs[] = {
	{.n = 2, .in = {{2, {3, 4}}, {2, {3, 4}}}},
	{.n = 2, .in = {{2, {3, 4}}, {1, {4}}}},
	{.n = 2, .in = {{2, {3, 1}}, {3, {2, 1, 4}}}},
	{.n = 2, .in = {{0}, {2, {2, 2}}}},
	{0},
};

TL_MAP2(sub, a - b)

static tl_var sub_gradient(const tl_adjoint *a, int k)
{
	return k == 0 ? a->dout : tl_neg(a->dout);
}

const tl_op tl_op_sub = {
	.name = "sub", .arity = 2, .map = sub, .gradient = sub_gradient, .samples = pairs};

tl_var tl_sub(tl_var a, tl_var b)
{
	return tl__apply2(&tl_op_sub, a, b);
}

TL_MAP2(mul, a * b)

static tl_var mul_gradient(const tl_adjoint *a, int k)
{
	return tl_mul(a->dout, a->in[1 - k]);
}

const tl_op tl_op_mul = {
	.name = "mul", .arity = 2, .map = mul, .gradient = mul_gradient, .samples = pairs};

tl_var tl_mul(tl_var a, tl_var b)
{
	return tl__apply2(&tl_op_mul, a, b);
}

TL_MAP2(divide, a / b)

/* d(a/b) = da / b - (a/b) db / b */
static tl_var div_gradient(const tl_adjoint *a, int k)
{
	tl_var d = tl_div(a->dout, a->in[1]);
	return k == 0 ? d : tl_neg(tl_mul(d, a->out));
}

const tl_op tl_op_div = {
	.name = "div",
	.arity = 2,
	.map = divide,
	.gradient = div_gradient,
	.samples =
		(tl_sample[]){
			{.n = 2, .in = {{2, {3, 4}}, {2, {3, 4}}}, .low = 0.5, .high = 2},
			{.n = 2, .in = {{1, {4}}, {2, {3, 1}}}, .low = -2, .high = -0.5},
			{0},
		},
};

tl_var tl_div(tl_var a, tl_var b)
{
	return tl__apply2(&tl_op_div, a, b);
}

static const tl_sample single[] = {{.n = 1, .in = {{2, {3, 4}}}}, {.n = 1, .in = {{0}}}, {0}};

TL_MAP1(neg, -x)

static tl_var neg_gradient(const tl_adjoint *a, int k)
{
	(void)k;
	return tl_neg(a->dout);
}

const tl_op tl_op_neg = {
	.name = "neg", .arity = 1, .map = neg, .gradient = neg_gradient, .samples = single};

tl_var tl_neg(tl_var x)
{
	return tl__apply1(&tl_op_neg, x);
}

TL_MAP1_PARAM(scale, double, factor * x, tl_real factor = (tl_real)*p)

static tl_var scale_gradient(const tl_adjoint *a, int k)
{
	(void)k;
	return tl_scale(a->dout, *(const double *)a->params);
}

static const double sample_number = -1.75;
static const tl_sample single_number[] = {
	{.n = 1, .in = {{2, {3, 4}}}, .params = &sample_number, .params_size = sizeof sample_number}, {0}};

const tl_op tl_op_scale = {
	.name = "scale", .arity = 1, .map = scale, .gradient = scale_gradient, .samples = single_number};

tl_var tl_scale(tl_var x, double factor)
{
	return tl_apply(NULL, &tl_op_scale, 1, &x, &factor, sizeof factor);
}

TL_MAP1_PARAM(shift, double, x + offset, tl_real offset = (tl_real)*p)

static tl_var shift_gradient(const tl_adjoint *a, int k)
{
	(void)k;
	return a->dout;
}

const tl_op tl_op_shift = {
	.name = "shift", .arity = 1, .map = shift, .gradient = shift_gradient, .samples = single_number};

tl_var tl_shift(tl_var x, double offset)
{
	return tl_apply(NULL, &tl_op_shift, 1, &x, &offset, sizeof offset);
}

/* What the gradient of lerp is made of, one node each: a (1 - b) and a (b - c). */
TL_MAP2(mul_rest, a * (1 - b))

static tl_var mul_rest_gradient(const tl_adjoint *a, int k)
{
	if (k == 0)
		return tl__apply2(&tl_op_mul_rest, a->dout, a->in[1]);
	return tl_neg(tl_mul(a->dout, a->in[0]));
}

const tl_op tl_op_mul_rest = {
	.name = "mul_rest", .arity = 2, .map = mul_rest, .gradient = mul_rest_gradient, .samples = pairs};

static const tl_sample triples[] = {
	{.n = 3, .in = {{2, {3, 4}}, {2, {3, 4}}, {2, {3, 4}}}},
	{.n = 3, .in = {{2, {3, 1}}, {1, {4}}, {0}}},
	{0},
};

TL_MAP3(mul_diff, a * (b - c))

static tl_var mul_diff_gradient(const tl_adjoint *a, int k)
{
	if (k == 0)
		return tl__apply3(&tl_op_mul_diff, a->dout, a->in[1], a->in[2]);
	tl_var part = tl_mul(a->dout, a->in[0]);
	return k == 1 ? part : tl_neg(part);
}

const tl_op tl_op_mul_diff = {
	.name = "mul_diff", .arity = 3, .map = mul_diff, .gradient = mul_diff_gradient, .samples = triples};

TL_MAP3(lerp, a + c * (b - a))

static tl_var lerp_gradient(const tl_adjoint *a, int k)
{
	tl_var from = a->in[0], to = a->in[1], t = a->in[2];
	if (k == 2)
		return tl__apply3(&tl_op_mul_diff, a->dout, to, from);
	return k == 1 ? tl_mul(a->dout, t) : tl__apply2(&tl_op_mul_rest, a->dout, t);
}

const tl_op tl_op_lerp = {
	.name = "lerp", .arity = 3, .map = lerp, .gradient = lerp_gradient, .samples = triples};

tl_var tl_lerp(tl_var a, tl_var b, tl_var t)
{
	return tl__apply3(&tl_op_lerp, a, b, t);
}
