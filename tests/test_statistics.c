/* SPDX-License-Identifier: Apache-2.0 */
/* core/statistics.h against closed forms and loops over indices. */
#include "tests/suite.h"

#include <float.h>
#include <math.h>

#include "core/statistics.h"

static void same(double got, double want)
{
	ck_assert_msg(fabs(got - want) <= 4 * DBL_EPSILON * fabs(want), "%.17g, not %.17g", got, want);
}

/* 1 .. n: sums of numbers and of squares by their formulas. */
START_TEST(counting)
{
	enum { N = 1000 };
	tl_real x[N];
	for (int i = 0; i < N; i++)
		x[i] = (tl_real)(i + 1);
	tl_tensor t = tl_tensor_dense(TL_REAL, TL_SHAPE(10, 100), x);
	tl_statistics s = tl_statistics_of(&t);
	ck_assert_int_eq(s.count, N);
	ck_assert_int_eq(s.finite, N);
	ck_assert_int_eq(s.zeros + s.nans + s.infinite, 0);
	ck_assert(s.least == 1 && s.greatest == N);
	same(s.mean, (N + 1) / 2.0);
	same(s.magnitude, (N + 1) / 2.0);
	same(s.norm, sqrt(N * (N + 1.0) * (2 * N + 1.0) / 6));
}
END_TEST

/* Every second column, rows upside down, and one element that stands for many. */
START_TEST(strides)
{
	tl_real x[24], one = -3;
	double sum = 0, squares = 0, magnitudes = 0;
	for (int i = 0; i < 24; i++)
		x[i] = (tl_real)(i % 5 - 2);
	tl_tensor t = {.dtype = TL_REAL, .shape = TL_SHAPE(4, 3), .stride = {-6, 2}, .data = x + 18};
	int zeros = 0;
	for (int r = 0; r < 4; r++)
		for (int c = 0; c < 3; c++) {
			double e = (double)x[6 * r + 2 * c];
			sum += e, squares += e * e, magnitudes += fabs(e), zeros += e == 0;
		}
	tl_statistics s = tl_statistics_of(&t);
	ck_assert_int_eq(s.count, 12);
	ck_assert_int_eq(s.zeros, zeros);
	same(s.mean, sum / 12);
	same(s.magnitude, magnitudes / 12);
	same(s.norm, sqrt(squares));
	t = (tl_tensor){.dtype = TL_REAL, .shape = TL_SHAPE(5, 5), .data = &one};
	s = tl_statistics_of(&t);
	ck_assert(s.least == -3 && s.greatest == -3 && s.count == 25);
	same(s.norm, 15);
}
END_TEST

START_TEST(what_is_no_number)
{
	tl_real x[] = {NAN, 4, -INFINITY, 0, -3, INFINITY, NAN, -(tl_real)0};
	tl_tensor t = tl_tensor_dense(TL_REAL, TL_SHAPE(8), x);
	tl_statistics s = tl_statistics_of(&t);
	ck_assert_int_eq(s.nans, 2);
	ck_assert_int_eq(s.infinite, 2);
	ck_assert_int_eq(s.zeros, 2);
	ck_assert_int_eq(s.finite, 4);
	ck_assert(s.least == -3 && s.greatest == 4);
	same(s.mean, 0.25);
	same(s.norm, 5);
	t = tl_tensor_dense(TL_REAL, TL_SHAPE(1), x);
	s = tl_statistics_of(&t);
	ck_assert(s.least == 0 && s.greatest == 0 && s.norm == 0 && s.nans == 1);
	t = tl_tensor_dense(TL_REAL, TL_SHAPE(3, 0), x);
	s = tl_statistics_of(&t);
	ck_assert(s.count == 0 && s.norm == 0);
}
END_TEST

START_TEST(integers)
{
	int32_t x[] = {INT32_MAX, INT32_MIN, 7, 0};
	tl_tensor t = tl_tensor_dense(TL_I32, TL_SHAPE(2, 2), x);
	tl_statistics s = tl_statistics_of(&t);
	ck_assert(s.least == INT32_MIN && s.greatest == INT32_MAX && s.zeros == 1);
	same(s.mean, 6 / 4.0);
}
END_TEST

/* Where squares vanish or overflow: |(3 u, -4 u)| = 5 u for the least and the greatest u there are. */
START_TEST(extremes)
{
	bool wide = sizeof(tl_real) == sizeof(double);
	double unit[] = {wide ? 1e-300 : 1e-36, wide ? 1e300 : 1e36, wide ? 1e-160 : 1e-20};
	for (int k = 0; k < 3; k++) {
		tl_real x[] = {(tl_real)(3 * unit[k]), (tl_real)(-4 * unit[k])};
		double a = (double)x[0], b = (double)x[1];
		tl_tensor t = tl_tensor_dense(TL_REAL, TL_SHAPE(2), x);
		tl_statistics s = tl_statistics_of(&t);
		same(s.norm, fabs(b) * sqrt(1 + a / b * (a / b)));
		same(s.mean, a / 2 + b / 2);
		same(s.magnitude, a / 2 - b / 2);
	}
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("statistics");
	TCase *c = tcase_create("statistics");
	tcase_add_test(c, counting);
	tcase_add_test(c, strides);
	tcase_add_test(c, what_is_no_number);
	tcase_add_test(c, integers);
	tcase_add_test(c, extremes);
	suite_add_tcase(s, c);
	return s;
}
