/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients that are copied from an earlier step instead of being recorded again. */
#include "tests/suite.h"

#include <stdio.h>

#include "graph/op.h"
#include "ops/arith.h"
#include "ops/dropout.h"
#include "ops/math.h"
#include "ops/reduce.h"
#include "tests/tape.h"

enum { STEPS = 6 };

static int rules_run; /* gradient rules of the ops below */

static void times_two(const void *params, int64_t n, tl_real *out, const tl_real *const *in)
{
	(void)params;
	for (int64_t i = 0; i < n; i++)
		out[i] = 2 * in[0][i];
}

static tl_var twice_gradient(const tl_adjoint *a, int k)
{
	(void)k;
	rules_run++;
	return tl_scale(a->dout, 2);
}

static const tl_op twice = {.name = "twice", .arity = 1, .map = times_two, .gradient = twice_gradient};

/* dy: 2 where the operand is positive now, which no other step need repeat. */
static tl_var peeking_gradient(const tl_adjoint *a, int k)
{
	tl_real x;
	rules_run++;
	if (tl_read(a->in[k], &x, 1))
		return a->dout;
	return tl_scale(a->dout, x > 0 ? 2 : 5);
}

static const tl_op peeking = {.name = "peeking", .arity = 1, .map = times_two, .gradient = peeking_gradient};

static tl_var named_gradient(const tl_adjoint *a, int k)
{
	(void)k;
	rules_run++;
	return tl_name(tl_scale(a->dout, 2), "dx of named");
}

static const tl_op named = {.name = "named", .arity = 1, .map = times_two, .gradient = named_gradient};

static tl_var apply(const tl_op *op, tl_var x)
{
	return tl_apply(NULL, op, 1, &x, NULL, 0);
}

/* d/dx (2x)^2 = 8x, with other numbers in each step; the rule ran in the first two steps only. */
START_TEST(other_numbers)
{
	rules_run = 0;
	uint64_t nodes = 0;
	for (int step = 0; step < STEPS; step++) {
		tl_var x = number(step + 1), d;
		ck_assert_int_eq(tl_grad(tl_square(apply(&twice, x)), 1, &x, &d), TL_OK);
		CHECK_VALUES(d, 8.0 * (step + 1));
		ck_assert(step == 0 || tl_tape_get_stats(tape).nodes == nodes);
		nodes = tl_tape_get_stats(tape).nodes;
		tl_tape_reset(tape);
	}
	ck_assert_int_eq(rules_run, 2);
}
END_TEST

/* Structures in turn, gradients of gradients, and recording that goes on behind a copy. */
START_TEST(in_turn)
{
	rules_run = 0;
	for (int step = 0; step < 3 * STEPS; step++) {
		double v = 1 + step;
		tl_var x = number(v), y = apply(&twice, x), d[2], second;
		for (int k = 0; k < step % 3; k++)
			y = tl_mul(y, x); /* 2 x^(k+1) */
		ck_assert_int_eq(tl_grad(y, 1, &x, d), TL_OK);
		tl_var more = tl_mul(d[0], x);
		ck_assert_int_eq(tl_grad(more, 1, &x, &second), TL_OK);
		CHECK_VALUES(d[0], 2 * (1 + step % 3) * pow(v, step % 3));
		CHECK_VALUES(second, 2 * pow(1 + step % 3, 2) * pow(v, step % 3));
		tl_tape_reset(tape);
	}
	ck_assert_int_eq(rules_run, 2 * (1 + 2 + 2)); /* the second gradient passes the op, too, but of 2x itself */
}
END_TEST

/* A rule that looks at values runs each time; so does one that gives names. */
START_TEST(rules_that_do_more)
{
	rules_run = 0;
	for (int step = 0; step < STEPS; step++) {
		tl_real v = step % 2 ? 1 : -1;
		tl_var x = number((double)v), d;
		ck_assert_int_eq(tl_grad(apply(&peeking, x), 1, &x, &d), TL_OK);
		CHECK_VALUES(d, step % 2 ? 2 : 5);
		tl_tape_reset(tape);
	}
	ck_assert_int_eq(rules_run, STEPS);
	for (int step = 0; step < STEPS; step++) {
		tl_var x = number(3), d;
		ck_assert_int_eq(tl_grad(apply(&named, x), 1, &x, &d), TL_OK);
		ck_assert_str_eq(tl_var_name(d), "dx of named");
		tl_tape_reset(tape);
	}
	ck_assert_int_eq(rules_run, 2 * STEPS);
}
END_TEST

/* The scopes that gradients stand in are those of this step. */
START_TEST(scopes)
{
	char path[64];
	for (int step = 0; step < STEPS; step++) {
		tl_var x = number(2), d;
		if (step % 2)
			tl_scope_begin(tape, "part", step);
		tl_var y = tl_square(x);
		if (step % 2)
			tl_scope_end(tape);
		ck_assert_int_eq(tl_grad(y, 1, &x, &d), TL_OK);
		CHECK_VALUES(d, 4);
		tl_var_scope(d, path, sizeof path);
		char want[64] = "";
		if (step % 2)
			snprintf(want, sizeof want, "part=%d", step);
		ck_assert_str_eq(path, want);
		tl_tape_reset(tape);
	}
}
END_TEST

/* Masks drawn behind a copied gradient are those that come behind a recorded one. */
START_TEST(random_numbers)
{
	enum { N = 64 };
	tl_real want[N], got[N];
	for (int step = 0; step < STEPS; step++) {
		tl_tape *fresh = tl_tape_new(NULL), *tapes[2] = {fresh, tape};
		tl_tape_set_step(fresh, (uint64_t)step);
		tl_tape_set_step(tape, (uint64_t)step);
		for (int k = 0; k < 2; k++) {
			tl_var x = tl_fill(tapes[k], TL_SHAPE(N), 1), d;
			tl_var y = tl_sum_all(tl_mul(tl_dropout(x, 0.5), x));
			ck_assert_int_eq(tl_grad(y, 1, &x, &d), TL_OK);
			ck_assert_int_eq(tl_read(tl_add(tl_dropout(x, 0.5), d), k ? got : want, N), TL_OK);
		}
		for (int i = 0; i < N; i++)
			ck_assert(got[i] == want[i]);
		tl_tape_free(fresh);
		tl_tape_reset(tape);
	}
}
END_TEST

/* What is kept stays within bounds, and what the tape points to is not given back. */
START_TEST(many_structures)
{
	size_t settled = 0;
	for (int step = 0; step < 1200; step++) {
		tl_var x = number(1), y = x, d;
		for (int k = 0; k < 300 + step / 2 % 300; k++)
			y = tl_add(tl_mul(y, x), x);
		ck_assert_int_eq(tl_grad(y, 1, &x, &d), TL_OK);
		int64_t n = 300 + step / 2 % 300;
		CHECK_VALUES(d, (double)(n + 1 + n * (n + 1) / 2));
		size_t bytes = tl_tape_get_stats(tape).bytes;
		settled = step == 700 ? bytes : settled;
		ck_assert(step < 700 || bytes <= settled + settled / 4);
		tl_tape_reset(tape);
	}
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("replay");
	TCase *c = tcase_create("replay");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, other_numbers);
	tcase_add_test(c, in_turn);
	tcase_add_test(c, rules_that_do_more);
	tcase_add_test(c, scopes);
	tcase_add_test(c, random_numbers);
	tcase_add_test(c, many_structures);
	suite_add_tcase(s, c);
	return s;
}
