/* SPDX-License-Identifier: Apache-2.0 */
/* The planner's cache over a long life: many structures on one tape, and the same ones again. */
#include "tests/suite.h"

#include "tests/plans.h"

enum { SHORTEST = 5, LONGEST = 200, WIDTHS = 8, SETTLED = 500, RUNS = 10000 };

/* A small recurrence of its own: h = tanh(w h + x). */
static tl_var loop(tl_tape *tape, tl_param *w, int64_t width, int64_t steps)
{
	tl_shape s = TL_SHAPE(width);
	tl_var h = tl_fill(tape, s, 0.5), x = tl_fill(tape, s, 0.1), u = tl_use(tape, w);
	for (int64_t t = 0; t < steps; t++)
		h = tl_tanh(tl_add(tl_mul(h, u), x));
	return h;
}

static tl_param *one_weight(tl_store *store)
{
	tl_error err = {0};
	tl_param *w = tl_store_add(store, "w", TL_SHAPE(1), &err);
	ck_assert_msg(w != NULL, "%s", err.text);
	tl_init_constant(w, 0.9);
	return w;
}

/*
 * What the tape holds stays what it was after the first few hundred of many lengths; their widths differ,
 * too, or all of the plans could be kept.
 */
START_TEST(many_lengths)
{
	tl_store *store = tl_store_new();
	tl_param *w = one_weight(store);
	tl_tape *tape = planned_tape(1, "all");
	tl_rng rng = {.seed = 3};
	size_t settled = 0, most = 0;
	for (int run = 0; run < RUNS; run++) {
		int64_t width = 1 + tl_rng_below(&rng, WIDTHS), steps = tl_rng_below(&rng, LONGEST - SHORTEST + 1);
		tl_var h = loop(tape, w, width, SHORTEST + steps);
		ck_assert_int_eq(tl_eval(1, &h), TL_OK);
		tl_tape_reset(tape);
		size_t bytes = tl_tape_get_stats(tape).bytes, *to = run < SETTLED ? &settled : &most;
		*to = bytes > *to ? bytes : *to;
	}
	ck_assert_uint_lt(most, settled + settled / 8);
	tl_tape_stats s = tl_tape_get_stats(tape);
	ck_assert_uint_eq(s.plan_hits + s.plan_misses, RUNS);
	ck_assert_uint_gt(s.plan_hits, RUNS / 100);
	tl_tape_free(tape);
	tl_store_free(store);
}
END_TEST

/* As many as the cache has room for, in turn: each is planned once. */
START_TEST(lengths_that_fit)
{
	tl_store *store = tl_store_new();
	tl_param *w = one_weight(store);
	tl_tape *tape = planned_tape(1, "all");
	tl_tape_stats before = {0};
	for (int run = 0; run < 12 * 50; run++) {
		if (run == 2 * 50)
			before = tl_tape_get_stats(tape);
		tl_store_zero_grad(store);
		ck_assert_int_eq(tl_backward(tl_sum_all(loop(tape, w, 2, 5 + run % 50))), TL_OK);
		tl_tape_reset(tape);
	}
	tl_tape_stats s = tl_tape_get_stats(tape);
	ck_assert_uint_eq(s.plan_misses, 50);
	ck_assert_uint_eq(s.allocations, before.allocations);
	ck_assert_uint_eq(s.bytes, before.bytes);
	tl_tape_free(tape);
	tl_store_free(store);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("plan cache");
	TCase *c = tcase_create("cache");
	tcase_add_test(c, many_lengths);
	tcase_add_test(c, lengths_that_fit);
	suite_add_tcase(s, c);
	return s;
}
