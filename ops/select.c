/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/select.h"

#include <math.h>

#include "ops/arith.h"
#include "ops/op_util.h"

static const tl_sample pairs[] = {
	{.n = 2, .in = {{2, {3, 4}}, {2, {3, 4}}}},
	{.n = 2, .in = {{2, {3, 1}}, {1, {4}}}},
	{0},
};

/* The gradient for operand k of minimum or maximum; other_wins: 1 where the other operand is the result. */
static tl_var share(const tl_adjoint *a, int k, tl_var other_wins)
{
	tl_var zero = tl_fill(a->dout.tape, TL_SCALAR, 0);
	tl_var tie = tl_equal(a->in[k], a->in[1 - k]);
	tl_var whole = tl_where(other_wins, zero, a->dout);
	return tl_where(tie, tl_scale(a->dout, 0.5), whole);
}

TL_MAP2(minimum, a < b || isnan(a) ? a : b)

static tl_var minimum_gradient(const tl_adjoint *a, int k)
{
	return share(a, k, tl_greater(a->in[k], a->in[1 - k]));
}

const tl_op tl_op_minimum = {
	.name = "minimum",
	.arity = 2,
	.flags = TL_OP_KINKED,
	.map = minimum,
	.gradient = minimum_gradient,
	.samples = pairs,
};

tl_var tl_minimum(tl_var a, tl_var b)
{
	return tl__apply2(&tl_op_minimum, a, b);
}

TL_MAP2(maximum, a > b || isnan(a) ? a : b)

static tl_var maximum_gradient(const tl_adjoint *a, int k)
{
	return share(a, k, tl_less(a->in[k], a->in[1 - k]));
}

const tl_op tl_op_maximum = {
	.name = "maximum",
	.arity = 2,
	.flags = TL_OP_KINKED,
	.map = maximum,
	.gradient = maximum_gradient,
	.samples = pairs,
};

tl_var tl_maximum(tl_var a, tl_var b)
{
	return tl__apply2(&tl_op_maximum, a, b);
}

typedef struct interval {
	double low, high;
} interval;

static tl_status clamp_infer(tl_infer *s)
{
	const interval *p = s->params;
	if (!(p->low <= p->high))
		return tl_error_set(
			s->error, TL_ERR_ARGUMENT, "the bounds %g and %g are no interval", p->low, p->high);
	s->out = s->in[0]->shape;
	return TL_OK;
}

TL_VECTOR static void clamp(const void *params, int64_t n, tl_real *out, const tl_real *const *in)
{
	const interval *p = params;
	tl_real low = (tl_real)p->low, high = (tl_real)p->high;
	const tl_real *x = in[0];
	TL_INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		out[i] = x[i] < low ? low : x[i] > high ? high : x[i];
}

static tl_var clamp_gradient(const tl_adjoint *a, int k)
{
	tl_var inside = tl_equal(a->in[k], a->out);
	return tl_where(inside, a->dout, tl_fill(a->dout.tape, TL_SCALAR, 0));
}

static const interval sample_interval = {-0.5, 1};
static const tl_sample clamped[] = {
	{.n = 1, .in = {{2, {3, 4}}}, .params = &sample_interval, .params_size = sizeof sample_interval}, {0}};

const tl_op tl_op_clamp = {
	.name = "clamp",
	.arity = 1,
	.flags = TL_OP_KINKED,
	.infer = clamp_infer,
	.map = clamp,
	.gradient = clamp_gradient,
	.samples = clamped,
};

tl_var tl_clamp(tl_var x, double low, double high)
{
	interval p = {low, high};
	return tl_apply(NULL, &tl_op_clamp, 1, &x, &p, sizeof p);
}

TL_MAP3(where, a != 0 ? b : c)

static tl_var where_gradient(const tl_adjoint *a, int k)
{
	if (k == 0)
		return (tl_var){0};
	tl_var zero = tl_fill(a->dout.tape, TL_SCALAR, 0);
	return tl_where(a->in[0], k == 1 ? a->dout : zero, k == 1 ? zero : a->dout);
}

const tl_op tl_op_where = {
	.name = "where",
	.arity = 3,
	.flags = TL_OP_KINKED,
	.map = where,
	.gradient = where_gradient,
	.samples =
		(tl_sample[]){
			{.n = 3, .in = {{2, {3, 4}}, {2, {3, 4}}, {2, {3, 4}}}},
			{.n = 3, .in = {{2, {3, 1}}, {1, {4}}, {0}}},
			{0},
		},
};

tl_var tl_where(tl_var cond, tl_var a, tl_var b)
{
	return tl__apply3(&tl_op_where, cond, a, b);
}

/* A comparison: its kernel, op and call. */
#define COMPARISON(title, relation)                                                                \
	TL_MAP2(title, a relation b)                                                               \
                                                                                                   \
	const tl_op tl_op_##title = {                                                              \
		.name = #title, .arity = 2, .flags = TL_OP_STOP, .map = title, .samples = pairs};  \
                                                                                                   \
	tl_var tl_##title(tl_var a, tl_var b)                                                      \
	{                                                                                          \
		return tl__apply2(&tl_op_##title, a, b);                                           \
	}

COMPARISON(less, <)
COMPARISON(less_equal, <=)
COMPARISON(greater, >)
COMPARISON(greater_equal, >=)
COMPARISON(equal, ==)
COMPARISON(not_equal, !=)

static tl_status detach_kernel(const tl_call *c)
{
	tl_tensor_copy(c->out, c->in[0]);
	return TL_OK;
}

static bool detach_view(const void *params, const tl_tensor *in, tl_tensor *out)
{
	(void)params;
	*out = *in;
	return true;
}

const tl_op tl_op_detach = {
	.name = "detach",
	.arity = 1,
	.flags = TL_OP_ANY_TYPE | TL_OP_STOP,
	.kernel = detach_kernel,
	.view = detach_view,
	.samples = (tl_sample[]){{.n = 1, .in = {{2, {3, 4}}}}, {0}},
};

tl_var tl_detach(tl_var x)
{
	return tl__apply1(&tl_op_detach, x);
}
