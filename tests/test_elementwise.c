/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of the elementwise ops: against libm in double precision, more elements than one block has; and
 * values and gradients where formulas break: zeros, ties, bounds, infinities, NaN. (Gradients elsewhere:
 * test_gradients.c.)
 */
#include "tests/suite.h"

#include <float.h>
#include <math.h>

#include "core/map.h"
#include "graph/grad.h"
#include "ops/activation.h"
#include "ops/arith.h"
#include "ops/math.h"
#include "ops/select.h"

static const double ulp = sizeof(tl_real) == sizeof(double) ? DBL_EPSILON : FLT_EPSILON;

static tl_tape *tape;

static void setup(void)
{
	tape = tl_tape_new(NULL);
	ck_assert_ptr_nonnull(tape);
}

static void teardown(void)
{
	tl_tape_free(tape);
}

static tl_var number(double x)
{
	return tl_input(tape, TL_SCALAR, &(tl_real){(tl_real)x});
}

static double value(tl_var v)
{
	tl_real x = 0;
	ck_assert_msg(tl_read(v, &x, 1) == TL_OK, "%s", tl_tape_error(tape)->text);
	return (double)x;
}

static double grad(tl_var y, tl_var x)
{
	tl_var d;
	ck_assert_msg(tl_grad(y, 1, &x, &d) == TL_OK, "%s", tl_tape_error(tape)->text);
	return value(d);
}

static bool same(double a, double b)
{
	return isnan(b) ? isnan(a) : a == b;
}

static tl_var elu_2(tl_var x)
{
	return tl_elu(x, 2);
}

static tl_var leaky(tl_var x)
{
	return tl_leaky_relu(x, 0.125);
}

static tl_var squared(tl_var x)
{
	return tl_pow_by(x, 2);
}

static tl_var itself(tl_var x)
{
	return tl_pow_by(x, 1);
}

static tl_var to_the_0(tl_var x)
{
	return tl_pow_by(x, 0);
}

static tl_var clamp(tl_var x)
{
	return tl_clamp(x, -1, 2);
}

static tl_var at_least_1(tl_var x)
{
	return tl_clamp(x, 1, INFINITY);
}

static double libm_square(double x)
{
	return x * x;
}

static double libm_sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

static double libm_softplus(double x)
{
	return fmax(x, 0) + log1p(exp(-fabs(x)));
}

static double libm_gelu(double x)
{
	return x / 2 * erfc(-x / sqrt(2));
}

static double libm_elu_2(double x)
{
	return x > 0 ? x : 2 * expm1(x);
}

static double libm_leaky(double x)
{
	return x > 0 ? x : x / 8;
}

static double libm_relu(double x)
{
	return fmax(x, 0);
}

static double libm_clamp(double x)
{
	return fmin(fmax(x, -1), 2);
}

static const struct {
	const char *name;
	tl_var (*op)(tl_var x);
	double (*libm)(double x);
	double low, high;
	double unit; /* the error is measured relative to max(unit, |value|) */
} functions[] = {
	{"square", tl_square, libm_square, -3, 3, 0},
	{"pow_by", squared, libm_square, -3, 3, 0},
	{"sqrt", tl_sqrt, sqrt, 0, 3, 0},
	{"exp", tl_exp, exp, -80, 80, 0},
	{"log", tl_log, log, 1e-3, 50, 0},
	{"abs", tl_abs, fabs, -3, 3, 0},
	{"erf", tl_erf, erf, -5, 5, 0},
	{"sin", tl_sin, sin, -30, 30, 0},
	{"cos", tl_cos, cos, -30, 30, 0},
	{"sigmoid", tl_sigmoid, libm_sigmoid, -80, 80, 0},
	{"tanh", tl_tanh, tanh, -12, 12, 0},
	{"relu", tl_relu, libm_relu, -3, 3, 0},
	{"leaky_relu", leaky, libm_leaky, -3, 3, 0},
	{"elu", elu_2, libm_elu_2, -30, 5, 0},
	{"softplus", tl_softplus, libm_softplus, -80, 80, 0},
	{"gelu", tl_gelu, libm_gelu, -8, 8, 1},
	{"clamp", clamp, libm_clamp, -3, 3, 0},
};

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

START_TEST(values_are_libms)
{
	enum { N = 2 * TL_BLOCK + 100 };
	static tl_real x[N], y[N];
	double low = functions[_i].low, step = (functions[_i].high - low) / (N - 1);
	for (int i = 0; i < N; i++)
		x[i] = (tl_real)(low + i * step);
	ck_assert_int_eq(tl_read(functions[_i].op(tl_input(tape, TL_SHAPE(N), x)), y, N), TL_OK);
	for (int i = 0; i < N; i++) {
		double want = functions[_i].libm((double)x[i]);
		double unit = fmax(functions[_i].unit, fabs(want));
		ck_assert_msg(fabs((double)y[i] - want) <= 12 * ulp * unit, "%s(%.17g) = %.17g, not %.17g",
			functions[_i].name, (double)x[i], (double)y[i], want);
	}
}
END_TEST

#define ANY 12345.0 /* a gradient that nobody promises */

static const struct {
	tl_var (*op)(tl_var x);
	double x, value, gradient;
} edges[] = {
	{tl_sqrt, 0, 0, INFINITY},
	{tl_sqrt, -1, NAN, NAN},
	{tl_log, 0, -INFINITY, INFINITY},
	{tl_log, -1, NAN, ANY},
	{tl_exp, 1000, INFINITY, INFINITY},
	{tl_exp, -1000, 0, 0},
	{tl_abs, 0, 0, 0},
	{tl_abs, NAN, NAN, NAN},
	{tl_sign, -3, -1, 0},
	{tl_sign, 0, 0, 0},
	{tl_sign, 3, 1, 0},
	{tl_sign, NAN, NAN, 0},
	{squared, 0, 0, 0},
	{squared, -3, 9, -6},
	{itself, 0, 0, 1},
	{to_the_0, 0, 1, 0},
	{tl_sigmoid, 1000, 1, 0},
	{tl_sigmoid, -1000, 0, 0},
	{tl_sigmoid, NAN, NAN, NAN},
	{tl_tanh, 1000, 1, 0},
	{tl_tanh, NAN, NAN, NAN},
	{tl_relu, 0, 0, 0},
	{tl_relu, INFINITY, INFINITY, 1},
	{tl_relu, -INFINITY, 0, 0},
	{tl_relu, NAN, NAN, 1},
	{leaky, 0, 0, 0.125},
	{leaky, -INFINITY, -INFINITY, 0.125},
	{leaky, NAN, NAN, ANY},
	{elu_2, 0, 0, 2},
	{elu_2, 1000, 1000, 1},
	{elu_2, -1000, -2, 0},
	{elu_2, NAN, NAN, NAN},
	{tl_softplus, 1000, 1000, 1},
	{tl_softplus, -1000, 0, 0},
	{tl_softplus, INFINITY, INFINITY, 1},
	{tl_softplus, NAN, NAN, NAN},
	{tl_gelu, 0, 0, 0.5},
	{tl_gelu, 1000, 1000, 1},
	{tl_gelu, -1000, 0, 0},
	{tl_gelu, NAN, NAN, NAN},
	{clamp, -1, -1, 1},
	{clamp, 2, 2, 1},
	{clamp, -1.5, -1, 0},
	{clamp, 2.5, 2, 0},
	{clamp, INFINITY, 2, 0},
	{clamp, NAN, NAN, ANY},
	{at_least_1, 0, 1, 0},
	{at_least_1, 1e30, (double)(tl_real)1e30, 1},
};

START_TEST(edges_of_one_operand)
{
	tl_var x = number(edges[_i].x), y = edges[_i].op(x);
	const char *name = tl_var_op(y)->name;
	double v = value(y), d = grad(y, x);
	ck_assert_msg(same(v, edges[_i].value), "%s(%g) = %g", name, edges[_i].x, v);
	ck_assert_msg(edges[_i].gradient == ANY || same(d, edges[_i].gradient),
		"%s at %g has the gradient %g", name, edges[_i].x, d);
}
END_TEST

static const struct {
	tl_var (*op)(tl_var a, tl_var b);
	double a, b, value, da, db;
} edges2[] = {
	{tl_maximum, 1, 1, 1, 0.5, 0.5},
	{tl_maximum, 1, 2, 2, 0, 1},
	{tl_maximum, 2, 1, 2, 1, 0},
	{tl_maximum, NAN, 1, NAN, 1, 1},
	{tl_maximum, 1, NAN, NAN, 1, 1},
	{tl_minimum, 1, 1, 1, 0.5, 0.5},
	{tl_minimum, 1, 2, 1, 1, 0},
	{tl_minimum, 2, 1, 1, 0, 1},
	{tl_minimum, NAN, 1, NAN, 1, 1},
	{tl_minimum, 1, NAN, NAN, 1, 1},
	{tl_pow, 0, 0, 1, 0, 0},
	{tl_pow, 0, 1, 0, 1, 0},
	{tl_pow, 0, 2, 0, 0, 0},
	{tl_pow, 0, 1.5, 0, 0, 0},
	{tl_pow, 0, 0.5, 0, INFINITY, 0},
	{tl_pow, 0, -1, INFINITY, -INFINITY, 0},
	{tl_pow, 1, 5, 1, 5, 0},
	{tl_pow, -2, 3, -8, 12, NAN},
	{tl_pow, NAN, 2, NAN, NAN, NAN},
	{tl_less, 1, 2, 1, 0, 0},
	{tl_less, 1, 1, 0, 0, 0},
	{tl_less, NAN, 1, 0, 0, 0},
	{tl_less_equal, 1, 1, 1, 0, 0},
	{tl_less_equal, 2, 1, 0, 0, 0},
	{tl_less_equal, 1, NAN, 0, 0, 0},
	{tl_greater, 2, 1, 1, 0, 0},
	{tl_greater, 1, 1, 0, 0, 0},
	{tl_greater, NAN, 1, 0, 0, 0},
	{tl_greater_equal, 1, 1, 1, 0, 0},
	{tl_greater_equal, 1, 2, 0, 0, 0},
	{tl_greater_equal, NAN, NAN, 0, 0, 0},
	{tl_equal, 1, 1, 1, 0, 0},
	{tl_equal, 1, 2, 0, 0, 0},
	{tl_equal, NAN, NAN, 0, 0, 0},
	{tl_not_equal, 1, 1, 0, 0, 0},
	{tl_not_equal, 1, 2, 1, 0, 0},
	{tl_not_equal, NAN, NAN, 1, 0, 0},
};

START_TEST(edges_of_two_operands)
{
	tl_var a = number(edges2[_i].a), b = number(edges2[_i].b), y = edges2[_i].op(a, b);
	const char *name = tl_var_op(y)->name;
	double v = value(y), da = grad(y, a), db = grad(y, b);
	ck_assert_msg(same(v, edges2[_i].value), "%s(%g, %g) = %g", name, edges2[_i].a, edges2[_i].b, v);
	ck_assert_msg(same(da, edges2[_i].da) && same(db, edges2[_i].db),
		"%s at (%g, %g) has the gradients %g, %g", name, edges2[_i].a, edges2[_i].b, da, db);
}
END_TEST

START_TEST(second_derivatives_of_pow_at_0)
{
	static const double exponent[] = {0, 1, 2, 3}, want[] = {0, 0, 2, 0};
	for (int i = 0; i < COUNT(want); i++) {
		tl_var x = number(0), y = tl_pow(x, number(exponent[i])), d;
		ck_assert_int_eq(tl_grad(y, 1, &x, &d), TL_OK);
		ck_assert_double_eq(grad(d, x), want[i]);
	}
}
END_TEST

START_TEST(where_lets_nothing_through)
{
	const tl_real c[] = {1, 0, -2, 0, NAN}, x[] = {1, NAN, 3, INFINITY, 5},
		      y[] = {NAN, 20, INFINITY, 40, NAN};
	const double want[] = {1, 20, 3, 40, 5}, want_x[] = {1, 0, 1, 0, 1};
	tl_var in[] = {tl_input(tape, TL_SHAPE(5), c), tl_input(tape, TL_SHAPE(5), x),
		tl_input(tape, TL_SHAPE(5), y)};
	tl_var out = tl_where(in[0], in[1], in[2]), d[3];
	ck_assert_int_eq(tl_grad(tl_sum_to(out, TL_SCALAR), 3, in, d), TL_OK);
	tl_real got[4][5];
	ck_assert_int_eq(tl_read(out, got[3], 5), TL_OK);
	for (int k = 0; k < 3; k++)
		ck_assert_int_eq(tl_read(d[k], got[k], 5), TL_OK);
	for (int i = 0; i < 5; i++) {
		ck_assert(same((double)got[3][i], want[i]));
		ck_assert(same((double)got[0][i], 0));
		ck_assert(same((double)got[1][i], want_x[i]));
		ck_assert(same((double)got[2][i], 1 - want_x[i]));
	}
}
END_TEST

START_TEST(clamp_needs_an_interval)
{
	ck_assert(!tl_ok(tl_clamp(number(0), 2, 1)));
	ck_assert_int_eq(tl_tape_status(tape), TL_ERR_ARGUMENT);
	ck_assert_str_eq(tl_tape_error(tape)->text, "clamp: the bounds 2 and 1 are no interval; operand ()");
	tl_tape_reset(tape);
	ck_assert(!tl_ok(tl_clamp(number(0), NAN, 1)));
	ck_assert_int_eq(tl_tape_status(tape), TL_ERR_ARGUMENT);
	tl_tape_reset(tape);
	ck_assert_double_eq(value(tl_clamp(number(7), 1, 1)), 1);
}
END_TEST

START_TEST(detach_is_a_view_of_either_type)
{
	tl_var x = number(3), index = tl_index(tape, TL_SHAPE(2), (int32_t[]){4, 5});
	int32_t got[2];
	ck_assert_ptr_eq(tl_value(tl_detach(x))->data, tl_value(x)->data);
	ck_assert_int_eq(tl_read_index(tl_detach(index), got, 2), TL_OK);
	ck_assert(got[0] == 4 && got[1] == 5);
}
END_TEST

/* The backward pass of a cell is made of these: they must stay one node each. */
START_TEST(gates_have_a_backward_pass_of_one_node)
{
	tl_var x = number(0.5), y[] = {tl_sigmoid(x), tl_tanh(x), tl_gelu(x)}, d;
	const tl_op *want[] = {&tl_op_sigmoid_grad, &tl_op_tanh_grad, &tl_op_gelu_grad};
	for (int k = 0; k < COUNT(want); k++) {
		uint64_t before = tl_tape_get_stats(tape).nodes;
		ck_assert_int_eq(tl_grad(y[k], 1, &x, &d), TL_OK);
		ck_assert_uint_eq(tl_tape_get_stats(tape).nodes, before + 2); /* with dL/dL = 1 */
		ck_assert_ptr_eq(tl_var_op(d), want[k]);
	}
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("elementwise");
	TCase *c = tcase_create("elementwise");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, values_are_libms, 0, COUNT(functions));
	tcase_add_loop_test(c, edges_of_one_operand, 0, COUNT(edges));
	tcase_add_loop_test(c, edges_of_two_operands, 0, COUNT(edges2));
	tcase_add_test(c, second_derivatives_of_pow_at_0);
	tcase_add_test(c, where_lets_nothing_through);
	tcase_add_test(c, clamp_needs_an_interval);
	tcase_add_test(c, detach_is_a_view_of_either_type);
	tcase_add_test(c, gates_have_a_backward_pass_of_one_node);
	suite_add_tcase(s, c);
	return s;
}
