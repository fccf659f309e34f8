/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions where loops would not do as an oracle: ties, infinities, NaN, no elements, mistakes. */
#include "tests/suite.h"

#include <math.h>
#include <string.h>

#include "graph/grad.h"
#include "ops/arith.h"
#include "ops/reduce.h"

#define MOST 70

static tl_tape *tape;
static tl_real got[MOST];
static int32_t got_index[MOST];

static void setup(void)
{
	tape = tl_tape_new(NULL);
	ck_assert_ptr_nonnull(tape);
}

static void teardown(void)
{
	tl_tape_free(tape);
}

static double scalar(tl_var v)
{
	tl_real value = NAN;
	ck_assert_msg(tl_read(v, &value, 1) == TL_OK, "%s", tl_tape_error(tape)->text);
	return value;
}

/* Reads dL/dv of a scalar L into got. */
static void gradient(tl_var loss, tl_var v)
{
	tl_var d;
	ck_assert_int_eq(tl_grad(loss, 1, &v, &d), TL_OK);
	ck_assert_msg(
		tl_read(d, got, tl_shape_size(tl_var_shape(v))) == TL_OK, "%s", tl_tape_error(tape)->text);
}

START_TEST(ties_share_the_gradient)
{
	tl_var v = tl_input(tape, TL_SHAPE(2, 4), (tl_real[]){3, 1, 3, 2, -1, -1, -1, -1});
	tl_var w = tl_input(tape, TL_SHAPE(2), (tl_real[]){10, 100});
	static const double max[] = {5, 0, 5, 0, 25, 25, 25, 25}, min[] = {0, 10, 0, 0, 25, 25, 25, 25};
	gradient(tl_sum_all(tl_mul(w, tl_max(v, TL_AXES(-1), false))), v);
	for (int i = 0; i < 8; i++)
		ck_assert_double_eq(got[i], max[i]);
	gradient(tl_sum_all(tl_mul(w, tl_min(v, TL_AXES(1), false))), v);
	for (int i = 0; i < 8; i++)
		ck_assert_double_eq(got[i], min[i]);
	gradient(tl_max(v, TL_ALL_AXES, false), v);
	for (int i = 0; i < 8; i++)
		ck_assert_double_eq(got[i], i == 0 || i == 2 ? 0.5 : 0);
}
END_TEST

START_TEST(not_a_number_wins)
{
	tl_real x[MOST];
	for (int n = 2; n < MOST; n += 3)
		for (int at = 0; at < n; at++) {
			for (int i = 0; i < n; i++)
				x[i] = i == at || i == at + 2 ? NAN : (tl_real)(i % 7);
			tl_tape_reset(tape);
			tl_var v = tl_input(tape, TL_SHAPE(n), x), column = tl_input(tape, TL_SHAPE(n, 1), x);
			ck_assert(isnan(scalar(tl_max(v, TL_ALL_AXES, false))));
			ck_assert(isnan(scalar(tl_min(column, TL_AXES(0), true))));
			ck_assert_int_eq(tl_read_index(tl_argmax(v, 0), got_index, 1), TL_OK);
			ck_assert_int_eq(got_index[0], at);
		}
}
END_TEST

START_TEST(logsumexp_at_the_edges)
{
	tl_real inf = INFINITY;
	tl_var v = tl_input(tape, TL_SHAPE(5, 2),
		(tl_real[]){-inf, -inf, -inf, 2, (tl_real)1e30, (tl_real)1e30, inf, 0, -1000, -1000});
	tl_var y = tl_logsumexp(v, TL_AXES(1), false);
	ck_assert_int_eq(tl_read(y, got, 5), TL_OK);
	ck_assert(isinf(got[0]) && got[0] < 0);
	ck_assert_double_eq(got[1], 2);
	ck_assert_double_eq(got[2], (tl_real)1e30);
	ck_assert(isinf(got[3]) && got[3] > 0);
	ck_assert_double_eq_tol(got[4], log(2) - 1000, 1e-4);
	tl_var first = tl_input(
		tape, TL_SHAPE(3, 2), (tl_real[]){-inf, -inf, -inf, 2, (tl_real)1e30, (tl_real)1e30});
	static const double d[] = {0, 0, 0, 1, 0.5, 0.5};
	gradient(tl_sum_all(tl_logsumexp(first, TL_AXES(1), false)), first);
	for (int i = 0; i < 6; i++)
		ck_assert_double_eq(got[i], d[i]);
}
END_TEST

START_TEST(without_elements)
{
	tl_var v = tl_input(tape, TL_SHAPE(0, 3), got);
	static tl_var (*const all[])(tl_var, tl_axes, bool) = {tl_sum, tl_mean, tl_max, tl_min, tl_logsumexp};
	for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
		tl_var y = all[k](v, TL_AXES(1), false);
		ck_assert(tl_shape_equal(tl_var_shape(y), TL_SHAPE(0)));
		ck_assert_int_eq(tl_read(y, got, 0), TL_OK);
	}
	ck_assert_int_eq(tl_read_index(tl_argmax(v, 1), got_index, 0), TL_OK);
	for (int keep = 0; keep < 2; keep++) {
		ck_assert_int_eq(tl_read(tl_sum(v, TL_AXES(0), keep), got, 3), TL_OK);
		ck_assert_double_eq(got[2], 0);
		ck_assert_int_eq(tl_read(tl_mean(v, TL_AXES(0), keep), got, 3), TL_OK);
		ck_assert(isnan(got[2]));
		ck_assert_int_eq(tl_read(tl_logsumexp(v, TL_AXES(0), keep), got, 3), TL_OK);
		ck_assert(isinf(got[2]) && got[2] < 0);
	}
	ck_assert_double_eq(scalar(tl_sum_all(v)), 0);
	ck_assert(isnan(scalar(tl_mean_all(v))));
}
END_TEST

static tl_var max_of_none(tl_var v)
{
	return tl_max(tl_sum_to(v, TL_SHAPE(2, 0)), TL_AXES(0, 1), false);
}

static tl_var argmax_of_none(tl_var v)
{
	return tl_argmax(v, -1);
}

static tl_var mean_without_axis(tl_var v)
{
	return tl_mean(v, TL_AXES(0, 2), false);
}

static tl_var max_twice(tl_var v)
{
	return tl_max(v, TL_AXES(0, -2), true);
}

static tl_var sum_of_many(tl_var v)
{
	return tl_sum(v, (tl_axes){.n = 7}, true);
}

static tl_var argmax_without_axis(tl_var v)
{
	return tl_argmax(v, -3);
}

static tl_var sum_of_failed(tl_var v)
{
	return tl_sum(tl_max(v, TL_AXES(0, 0), false), TL_AXES(7), false);
}

static const struct {
	tl_var (*fn)(tl_var v);
	tl_status status;
	const char *text;
} mistakes[] = {
	{max_of_none, TL_ERR_SHAPE, "max: axis 1 has no elements to choose from"},
	{argmax_of_none, TL_ERR_SHAPE, "argmax: axis 1 has 0 elements to choose from"},
	{mean_without_axis, TL_ERR_ARGUMENT, "mean: axis 2 is not in shape (2, 0)"},
	{max_twice, TL_ERR_ARGUMENT, "max: axis -2 is named twice for shape (2, 0)"},
	{sum_of_many, TL_ERR_ARGUMENT, "sum: 7 axes are named for shape (2, 0)"},
	{argmax_without_axis, TL_ERR_ARGUMENT, "argmax: axis -3 is not in shape (2, 0)"},
	{sum_of_failed, TL_ERR_ARGUMENT, "max: axis 0 is named twice for shape (2, 0)"},
};

START_TEST(sentences)
{
	tl_var y = mistakes[_i].fn(tl_input(tape, TL_SHAPE(2, 0), got));
	ck_assert(!tl_ok(y));
	ck_assert_int_eq(tl_tape_status(tape), mistakes[_i].status);
	const char *text = tl_tape_error(tape)->text;
	ck_assert_msg(strncmp(text, mistakes[_i].text, strlen(mistakes[_i].text)) == 0, "%s", text);
}
END_TEST

START_TEST(stale_operands)
{
	tl_var v = tl_input(tape, TL_SHAPE(2), got);
	tl_tape_reset(tape);
	ck_assert(!tl_ok(tl_max(v, TL_AXES(0), false)));
	ck_assert_int_eq(tl_tape_status(tape), TL_ERR_STALE);
	ck_assert_ptr_null(tl_sum((tl_var){0}, TL_AXES(0), false).tape);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("reduce, edges");
	TCase *c = tcase_create("edges");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, ties_share_the_gradient);
	tcase_add_test(c, not_a_number_wins);
	tcase_add_test(c, logsumexp_at_the_edges);
	tcase_add_test(c, without_elements);
	tcase_add_loop_test(c, sentences, 0, (int)(sizeof mistakes / sizeof *mistakes));
	tcase_add_test(c, stale_operands);
	suite_add_tcase(s, c);
	return s;
}
