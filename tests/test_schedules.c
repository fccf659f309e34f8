/* SPDX-License-Identifier: Apache-2.0 */
/* Learning rates against torch.optim.lr_scheduler, of which the fixture holds values. */
#include "tests/suite.h"

#include <string.h>

#include "tests/fixtures/schedules.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

static void assert_rate(double got, double want)
{
	ck_assert_msg(fabs(got - want) <= 1e-12 * want, "rate %.17g instead of %.17g", got, want);
}

START_TEST(rates_are_those_of_torch)
{
	tl_error err = {0};
	ck_assert_msg(!tl_schedule_check(&schedules[_i].schedule, &err), "%s", err.text);
	for (int t = 0; t < RATES; t++)
		assert_rate(tl_schedule_lr(&schedules[_i].schedule, t), schedules[_i].want[t]);
}
END_TEST

START_TEST(plateaus_are_those_of_torch)
{
	tl_error err = {0};
	tl_plateau p = plateaus[_i].plateau;
	ck_assert_msg(!tl_plateau_check(&p, &err), "%s", err.text);
	for (int k = 0; k < RATES; k++)
		assert_rate(tl_plateau_observe(&p, plateaus[_i].measures[k]), plateaus[_i].want[k]);
}
END_TEST

START_TEST(plateau_defaults_are_those_of_torch)
{
	tl_plateau p = tl_plateau_default(0.1), want = plateaus[0].plateau;
	ck_assert(p.lr == want.lr && p.factor == want.factor && p.threshold == want.threshold);
	ck_assert(p.patience == want.patience && p.min_lr == 0 && !p.higher_is_better && !p.started);
}
END_TEST

START_TEST(a_cosine_stays_down)
{
	tl_schedule s = {.kind = &tl_schedule_cosine, .lr = 1, .min_lr = 0.25, .period = 10, .warmup = 3};
	ck_assert(tl_schedule_lr(&s, 0) == 0);
	ck_assert(tl_schedule_lr(&s, 3) == 1);
	ck_assert_double_gt(tl_schedule_lr(&s, 12), 0.25);
	ck_assert(tl_schedule_lr(&s, 13) == 0.25);
	ck_assert(tl_schedule_lr(&s, 1000000) == 0.25);
}
END_TEST

START_TEST(rates_stay_above_the_least)
{
	tl_schedule s = {.kind = &tl_schedule_exponential, .lr = 1, .min_lr = 0.3, .gamma = 0.5};
	ck_assert(tl_schedule_lr(&s, 1) == 0.5);
	ck_assert(tl_schedule_lr(&s, 2) == 0.3);
	ck_assert(tl_schedule_lr(&s, 100000) == 0.3);
}
END_TEST

START_TEST(names)
{
	for (int k = 0; tl_schedule_kind_at(k); k++)
		ck_assert_ptr_eq(
			tl_schedule_kind_from_name(tl_schedule_kind_at(k)->name), tl_schedule_kind_at(k));
	ck_assert_ptr_eq(tl_schedule_kind_from_name("cosine"), &tl_schedule_cosine);
	ck_assert_ptr_eq(tl_schedule_kind_from_name("plateau"), &tl_schedule_plateau);
	ck_assert_ptr_null(tl_schedule_kind_from_name("sine"));
	ck_assert_ptr_null(tl_schedule_kind_at(-1));
	tl_schedule none = {.lr = 0.5};
	ck_assert(tl_schedule_lr(&none, 7) == 0.5);
}
END_TEST

static const tl_schedule bad_schedules[] = {
	{.lr = 0},
	{.lr = -1},
	{.lr = NAN},
	{.lr = INFINITY},
	{.lr = 1, .min_lr = 2},
	{.lr = 1, .min_lr = -1},
	{.lr = 1, .gamma = 0.5},
	{.lr = 1, .period = 3},
	{.lr = 1, .warmup = -1},
	{.lr = 1, .warmup_from = 1.5},
	{.lr = 1, .warmup_from = NAN},
	{.kind = &tl_schedule_step, .lr = 1, .gamma = 0.5},
	{.kind = &tl_schedule_step, .lr = 1, .period = 5},
	{.kind = &tl_schedule_exponential, .lr = 1, .gamma = 1.5},
	{.kind = &tl_schedule_exponential, .lr = 1, .gamma = NAN},
	{.kind = &tl_schedule_cosine, .lr = 1, .period = -5},
};

START_TEST(nonsense_is_refused)
{
	tl_error err = {0};
	ck_assert_int_eq(tl_schedule_check(&bad_schedules[_i], &err), TL_ERR_ARGUMENT);
	ck_assert_ptr_nonnull(strstr(err.text, "must be"));
}
END_TEST

static const tl_plateau bad_plateaus[] = {
	{.lr = 0, .factor = 0.5},
	{.lr = 1, .factor = 0},
	{.lr = 1, .factor = 1},
	{.lr = 1, .factor = NAN},
	{.lr = 1, .factor = 0.5, .threshold = -1},
	{.lr = 1, .factor = 0.5, .min_lr = 2},
	{.lr = 1, .factor = 0.5, .patience = -1},
};

START_TEST(nonsense_plateaus_are_refused)
{
	tl_error err = {0};
	ck_assert_int_eq(tl_plateau_check(&bad_plateaus[_i], &err), TL_ERR_ARGUMENT);
	ck_assert_ptr_nonnull(strstr(err.text, "must be"));
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("schedules");
	TCase *c = tcase_create("schedules");
	tcase_add_loop_test(c, rates_are_those_of_torch, 0, COUNT(schedules));
	tcase_add_loop_test(c, plateaus_are_those_of_torch, 0, COUNT(plateaus));
	tcase_add_test(c, plateau_defaults_are_those_of_torch);
	tcase_add_test(c, a_cosine_stays_down);
	tcase_add_test(c, rates_stay_above_the_least);
	tcase_add_test(c, names);
	tcase_add_loop_test(c, nonsense_is_refused, 0, COUNT(bad_schedules));
	tcase_add_loop_test(c, nonsense_plateaus_are_refused, 0, COUNT(bad_plateaus));
	suite_add_tcase(s, c);
	return s;
}
