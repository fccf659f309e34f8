/* SPDX-License-Identifier: Apache-2.0 */
/* Scans for NaN and infinity, against looking at each number. */
#include "core/finite.h"

#include <math.h>

#include "tests/suite.h"

enum { MOST = 70, ROWS = 700, STEP = 130 };

static const double faults[] = {NAN, INFINITY, -INFINITY};

static void check(tl_bits got, int64_t n, const tl_real *x)
{
	bool nan = false, infinite = false;
	for (int64_t i = 0; i < n; i++) {
		nan = nan || isnan(x[i]);
		infinite = infinite || isinf(x[i]);
	}
	ck_assert_int_eq(got > TL_BITS_INFINITY, nan);
	ck_assert_int_eq(got >= TL_BITS_INFINITY, nan || infinite);
}

/* Any length, any start, a fault anywhere or nowhere; the greatest and smallest numbers are none. */
START_TEST(one_row)
{
	tl_real x[MOST + 4];
	tl_real most = sizeof(tl_real) == sizeof(double) ? (tl_real)1.7976931348623157e308 : (tl_real)3.4028234e38;
	for (int n = 0; n <= MOST; n++)
		for (int first = 0; first < 4; first++)
			for (int at = 0; at <= n; at++) {
				for (int i = 0; i < MOST + 4; i++)
					x[i] = i % 3 == 0 ? -most : i % 3 == 1 ? 0 : (tl_real)1e-38;
				x[first + at] = (tl_real)faults[_i];
				check(tl__greatest_bits(n, x + first), n, x + first);
			}
}
END_TEST

/* What is between the rows does not count; threads or not. */
START_TEST(rows)
{
	static tl_real x[ROWS * STEP];
	tl_pool *pool = tl_pool_new(2);
	const int64_t columns[] = {1, 100, STEP - 1, STEP};
	for (int k = 0; k < 4; k++)
		for (int threads = 0; threads < 2; threads++) {
			for (int i = 0; i < ROWS * STEP; i++)
				x[i] = i % STEP < columns[k] ? 1 : (tl_real)faults[_i];
			tl_pool *with = threads ? pool : NULL;
			ck_assert(tl__greatest_bits_rows(x, ROWS, columns[k], STEP, with) < TL_BITS_INFINITY);
			for (int r = 0; r < ROWS; r += 233) {
				tl_real *at = &x[r * STEP + columns[k] - 1];
				*at = (tl_real)faults[_i];
				check(tl__greatest_bits_rows(x, ROWS, columns[k], STEP, with), 1, at);
				*at = 1;
			}
		}
	tl_pool_free(pool);
}
END_TEST

/* In the order of the elements, not of the memory. */
START_TEST(first)
{
	tl_real x[6] = {0, 1, 2, 3, 4, 5};
	tl_tensor t = tl_tensor_dense(TL_REAL, TL_SHAPE(2, 3), x);
	double value;
	ck_assert_int_eq(tl__first_not_finite(&t, &value), -1);
	x[1] = -(tl_real)INFINITY;
	x[2] = (tl_real)NAN;
	ck_assert_int_eq(tl__first_not_finite(&t, &value), 1);
	ck_assert(isinf(value) && value < 0);
	t.shape = TL_SHAPE(3, 2); /* the transposed one: 0 3 | 1 4 | 2 5 */
	t.stride[0] = 1;
	t.stride[1] = 3;
	ck_assert_int_eq(tl__first_not_finite(&t, &value), 2);
	x[1] = 1;
	ck_assert_int_eq(tl__first_not_finite(&t, &value), 4);
	ck_assert(isnan(value));
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("finite");
	TCase *one = tcase_create("finite");
	suite_add_tcase(s, one);
	tcase_add_loop_test(one, one_row, 0, 3);
	tcase_add_loop_test(one, rows, 0, 3);
	tcase_add_test(one, first);
	return s;
}
