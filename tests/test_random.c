/* SPDX-License-Identifier: Apache-2.0 */
/* Philox4x32-10 against the known answers of its authors' library (Random123, kat_vectors). */
#include "tests/suite.h"

#include <math.h>

#include "core/random.h"

START_TEST(known_answers)
{
	static const struct {
		uint64_t key, stream, index;
		uint32_t want[4];
	} rows[] = {
		{0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{UINT64_MAX, UINT64_MAX, UINT64_MAX, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88,
			{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	};
	uint32_t got[4];
	tl_philox(rows[_i].key, rows[_i].stream, rows[_i].index, got);
	for (int k = 0; k < 4; k++)
		ck_assert_uint_eq(got[k], rows[_i].want[k]);
}
END_TEST

START_TEST(blocks_are_those_that_are_made_one_by_one)
{
	enum { MOST = 37 };
	uint64_t key = 0x299f31d0a4093822, stream = 0x0370734413198a2e, from = UINT32_MAX - 11u;
	for (int64_t n = 0; n <= MOST; n++) {
		uint32_t all[4 * MOST + 1], one[4];
		all[4 * n] = 77;
		tl_philox_blocks(key, stream, from, n, all);
		for (int64_t k = 0; k < 4 * n; k++) {
			tl_philox(key, stream, from + (uint64_t)(k / 4), one);
			ck_assert_uint_eq(all[k], one[k % 4]);
		}
		ck_assert_uint_eq(all[4 * n], 77);
	}
}
END_TEST

START_TEST(moments)
{
	enum { N = 200000 };
	tl_rng r = {.seed = 7};
	double sum = 0, squares = 0, uniform = 0;
	for (int i = 0; i < N; i++) {
		double z = tl_rng_normal(&r);
		sum += z;
		squares += z * z;
		uniform += tl_rng_uniform(&r);
	}
	ck_assert_double_lt(fabs(sum / N), 0.01);
	ck_assert_double_lt(fabs(squares / N - 1), 0.02);
	ck_assert_double_lt(fabs(uniform / N - 0.5), 0.005);
}
END_TEST

START_TEST(below_reaches_all_and_only)
{
	tl_rng r = {.seed = 3};
	int seen[5] = {0};
	for (int i = 0; i < 500; i++) {
		int64_t k = tl_rng_below(&r, 5);
		ck_assert_int_ge(k, 0);
		ck_assert_int_lt(k, 5);
		seen[k]++;
	}
	for (int k = 0; k < 5; k++)
		ck_assert_int_gt(seen[k], 50);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("random");
	TCase *c = tcase_create("philox");
	tcase_add_loop_test(c, known_answers, 0, 3);
	tcase_add_test(c, blocks_are_those_that_are_made_one_by_one);
	tcase_add_test(c, moments);
	tcase_add_test(c, below_reaches_all_and_only);
	suite_add_tcase(s, c);
	return s;
}
