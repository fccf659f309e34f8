/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the planner makes of recurrent loops, counted by instructions and not by the clock: each product
 * and each pass over elements that a further time step costs, and what all steps share.
 */
#include "tests/suite.h"

#include <math.h>
#include <string.h>

#include "graph/plan_figures.h"
#include "graph/profile.h"
#include "tests/plans.h"

enum { B = 3, E = 7, H = 5 };

/* Instructions of one step of training, by what they compute; [1] is the gradient's. */
typedef struct counts {
	int inside[2];   /* products in recurrences */
	int outside[2];  /* other products */
	int programs[2]; /* in recurrences */
	int others[2];   /* kernels and copies in recurrences */
	int all;
	tl_plan_figures plan;
} counts;

static void count(const tl_profile_entry *e, counts *c)
{
	int n = (int)e->calls;
	c->all += n;
	if (e->kind == TL_PROFILE_PRODUCT)
		*(e->recurrence ? &c->inside[e->adjoint] : &c->outside[e->adjoint]) += n;
	else if (e->recurrence)
		*(e->kind == TL_PROFILE_PROGRAM ? &c->programs[e->adjoint] : &c->others[e->adjoint]) += n;
}

/* An optimiser's step over a layer of a cell: the mean square of its last state, from states of zeros. */
static counts count_loop(const tl_cell *cell, int steps, tl_profile *p)
{
	layers l = layers_new(&(tl_rnn_options){.cell = cell, .input = E, .hidden = H}, steps, B);
	tl_tape *tape = planned_tape(1, "all");
	counts c = {0};
	l.x->frozen = true;
	tl_profile_attach(tape, p);
	tl_rnn_result r = tl_rnn_run(l.rnn, tl_use(tape, l.x), (tl_state){0}, true);
	ck_assert_int_eq(tl_backward(mean_square(tl_select(r.last.v[0], 0, 0), 0.6)), TL_OK);
	for (uint32_t i = 0; i < p->n_entries; i++)
		count(&p->entries[i], &c);
	ck_assert_uint_eq((uint64_t)c.all, tl_tape_get_stats(tape).computed);
	ck_assert_ptr_nonnull(tl_plan_last(tape));
	c.plan = *tl_plan_last(tape);
	tl_profile_attach(tape, NULL);
	tl_tape_free(tape);
	layers_free(&l);
	return c;
}

/* Calls of gemm for products m x n x k outside of recurrences, or inside, where m is the most rows. */
static uint64_t calls_of(const tl_profile *p, bool recurrence, int64_t m, int64_t n, int64_t k)
{
	uint64_t calls = 0;
	for (uint32_t i = 0; i < p->n_entries; i++) {
		const tl_profile_entry *e = &p->entries[i];
		if (e->kind == TL_PROFILE_PRODUCT && e->recurrence == recurrence && e->m == m && e->n == n && e->k == k)
			calls += e->calls * e->ops;
	}
	return calls;
}

/* What a further time step costs at most; the LSTM's row is what a person would write. */
static const struct per_step {
	const tl_cell *cell;
	int products[2], programs[2], others[2];
	int outside; /* products that should be one for all steps, but are not yet */
} per_step[] = {
	{&tl_cell_rnn, {1, 1}, {1, 1}, {0, 0}, 0},
	{&tl_cell_rnn_relu, {1, 1}, {1, 1}, {0, 0}, 0},
	{&tl_cell_gru, {2, 2}, {3, 3}, {0, 0}, 0},
	{&tl_cell_gru_lbr, {1, 1}, {2, 3}, {0, 0}, 0}, /* one of them copies what two sums read */
	{&tl_cell_lstm, {1, 1}, {1, 1}, {0, 0}, 0},
	{&tl_cell_lstm_peephole, {1, 1}, {3, 2}, {0, 0}, 1},
	{&tl_cell_mgu, {2, 2}, {2, 2}, {0, 0}, 0},
};

enum { SHORT = 6, LONG = 16, MORE = LONG - SHORT };

static void at_most(const char *what, int long_one, int short_one, int bound)
{
	ck_assert_msg(long_one - short_one <= bound * MORE, "%s: %d in %d steps, %d in %d", what, long_one, LONG,
		short_one, SHORT);
}

START_TEST(cost_of_a_step)
{
	const struct per_step *want = &per_step[_i];
	tl_profile *p = tl_profile_new(), *q = tl_profile_new();
	counts a = count_loop(want->cell, SHORT, p), b = count_loop(want->cell, LONG, q);
	for (int d = 0; d < 2; d++) {
		at_most("products in the loop", b.inside[d], a.inside[d], want->products[d]);
		at_most("programs", b.programs[d], a.programs[d], want->programs[d]);
		at_most("kernels and copies", b.others[d], a.others[d], want->others[d]);
		at_most("products outside", b.outside[d], a.outside[d], d ? 0 : want->outside);
		ck_assert_int_gt(b.inside[d], a.inside[d]);
	}
	ck_assert_uint_eq(a.plan.recurrences, 2);
	tl_profile_free(p);
	tl_profile_free(q);
}
END_TEST

/*
 * By hand, for T steps of an LSTM: z_t = x_t W + h_t-1 U + b, gates by elements. x_t W of all steps is one
 * product (the first step may stand apart, because its h is given), and T h U; back, dz U' for all but the
 * first; dW and dU are one product each, over T B rows.
 */
START_TEST(lstm_products)
{
	const int steps = 4 + 3 * _i;
	tl_profile *p = tl_profile_new();
	counts c = count_loop(&tl_cell_lstm, steps, p);
	ck_assert_int_le(c.inside[0] + c.outside[0], steps + 1);
	ck_assert_uint_eq(calls_of(p, false, (steps - 1) * B, 4 * H, E) + calls_of(p, false, steps * B, 4 * H, E), 1);
	ck_assert_uint_ge(calls_of(p, true, B, 4 * H, H), (uint64_t)steps - 1);
	ck_assert_uint_eq(calls_of(p, true, B, H, 4 * H), (uint64_t)steps - 1);
	ck_assert_int_eq(c.inside[1], steps - 1);
	ck_assert_uint_eq(calls_of(p, false, E, 4 * H, steps * B), 1);
	ck_assert_uint_eq(calls_of(p, false, H, 4 * H, steps * B), 1);
	ck_assert_int_eq(c.outside[1], 2);
	/* four gates, f c, i g, their sum, tanh, o tanh(c): one pass */
	uint64_t passes = 0;
	for (uint32_t i = 0; i < p->n_entries; i++)
		if (p->entries[i].kind == TL_PROFILE_PROGRAM && p->entries[i].ops == 9 && !p->entries[i].adjoint)
			passes += p->entries[i].calls;
	ck_assert_uint_ge(passes, (uint64_t)steps - 1);
	ck_assert_uint_le(passes, (uint64_t)steps);
	tl_profile_free(p);
}
END_TEST

START_TEST(lstm_figures)
{
	const int steps = 9;
	tl_profile *p = tl_profile_new();
	counts c = count_loop(&tl_cell_lstm, steps, p);
	/* x W, h U; dz U'; x' dz, h' dz */
	ck_assert_uint_eq(c.plan.products, 2 * steps + steps - 1 + 2 * steps);
	ck_assert_int_eq((int)c.plan.gemms, c.inside[0] + c.inside[1] + c.outside[0] + c.outside[1]);
	ck_assert_uint_eq(
		c.plan.gemms + c.plan.programs + c.plan.kernels + c.plan.copies + c.plan.stand_ins + c.plan.packs,
		c.all);
	ck_assert_uint_ge(c.plan.taken, steps - 1); /* h U + (x W + b) */
	ck_assert_uint_gt(c.plan.internal, steps);
	ck_assert_uint_lt(c.plan.bytes, c.plan.value_bytes);
	ck_assert_uint_eq(c.plan.splits, 0);
	/* x W of all steps, but for the first, which may stand apart; h_0 beside the computed h_t */
	ck_assert(c.plan.hoisted == steps - 1 || c.plan.hoisted == steps);
	ck_assert_uint_le(c.plan.stand_ins, 1);
	ck_assert_uint_eq(c.plan.copies, 0);
	tl_profile_free(p);
}
END_TEST

/* The products' operations by hand, no instruction without time, all within the run's time. */
START_TEST(profile_adds_up)
{
	const int steps = 8;
	tl_profile *p = tl_profile_new();
	count_loop(&tl_cell_lstm, steps, p);
	double flops = 0, seconds = p->waiting;
	for (uint32_t i = 0; i < p->n_entries; i++) {
		flops += p->entries[i].flops;
		seconds += p->entries[i].seconds;
		ck_assert(p->entries[i].seconds > 0 && p->entries[i].calls > 0);
	}
	double forward = 2.0 * B * 4 * H * (E + H) * steps;
	ck_assert_double_eq(flops, 2 * forward + 2.0 * B * 4 * H * H * (steps - 1));
	ck_assert_double_le(seconds, p->seconds[TL_PHASE_RUN] + 1e-9);
	for (int k = TL_PHASE_GRADIENTS; k <= TL_PHASE_ADD; k++)
		ck_assert_msg(p->seconds[k] > 0, "%s", tl_phase_name((tl_phase)k));
	ck_assert(!p->incomplete);
	ck_assert_uint_eq(p->runs, 1);
	tl_profile_free(p);
}
END_TEST

/* Time steps are one entry, as are parts of whatever name if there are many; layers are told apart. */
START_TEST(profile_scopes)
{
	layers l = layers_new(&(tl_rnn_options){.cell = &tl_cell_rnn, .input = E, .hidden = H, .layers = 2}, 5, B);
	tl_tape *tape = planned_tape(1, "all");
	tl_profile *p = tl_profile_new();
	int seen[4] = {0};
	tl_profile_attach(tape, p);
	tl_var loss = loss_of(layers_run(&l, tape));
	for (int k = 0; k < 12; k++) {
		tl_scope_begin(tape, "part", k);
		loss = tl_add(loss, tl_matmul(tl_fill(tape, TL_SHAPE(1, 2), k), tl_fill(tape, TL_SHAPE(2, 1), 1)));
		tl_scope_end(tape);
	}
	ck_assert_int_eq(tl_backward(tl_sum_all(loss)), TL_OK);
	tl_profile_attach(tape, NULL);
	for (uint32_t i = 0; i < p->n_entries; i++) {
		const char *scope = p->entries[i].scope;
		ck_assert_msg(!strstr(scope, "t=") || strstr(scope, "t=*"), "%s", scope);
		seen[0] += !strcmp(scope, "layer=0/t=*");
		seen[1] += !strcmp(scope, "layer=1/t=*");
		seen[2] += !strcmp(scope, "part=*");
		seen[3] += strstr(scope, "part=") != NULL;
	}
	ck_assert(seen[0] > 0 && seen[1] > 0 && seen[2] > 0);
	ck_assert_int_eq(seen[2], seen[3]);
	tl_profile_free(p);
	tl_tape_free(tape);
	layers_free(&l);
}
END_TEST

/* Large enough for rows to be shared; the profile changes no bit of the results. */
START_TEST(threads_are_told)
{
	layers l = layers_new(&(tl_rnn_options){.cell = &tl_cell_lstm, .input = 16, .hidden = 32}, 20, 64);
	results want = {0}, got = {0};
	run_scene(layers_scene, &l, planned_tape(2, "all,tiny"), 1, &want);
	tl_tape *tape = planned_tape(2, "all,tiny");
	tl_profile *p = tl_profile_new();
	uint64_t calls = 0;
	tl_profile_attach(tape, p);
	layers_scene(&l, tape, 0, &got);
	tl_profile_attach(tape, NULL);
	for (uint32_t i = 0; i < p->n_entries; i++) {
		const tl_profile_entry *e = &p->entries[i];
		if (!e->threads)
			continue;
		ck_assert_int_eq(e->threads, 2);
		ck_assert(e->recurrence);
		ck_assert(fabs(e->thread_seconds - 2 * e->seconds) <= 1e-9);
		calls += e->calls;
	}
	ck_assert_uint_gt(calls, 0);
	ck_assert_uint_eq(calls, tl_plan_last(tape)->split_steps);
	ck_assert(want.used == got.used && !memcmp(want.values, got.values, (size_t)want.used * sizeof *want.values));
	results_free(&want);
	results_free(&got);
	tl_profile_free(p);
	tl_tape_free(tape);
	layers_free(&l);
}
END_TEST

/* Every kernel of the plain executor is an entry's call, too. */
START_TEST(plain_profile)
{
	layers l = layers_new(&(tl_rnn_options){.cell = &tl_cell_gru, .input = E, .hidden = H}, 5, B);
	tl_tape *tape = plain_tape();
	tl_profile *p = tl_profile_new();
	uint64_t calls = 0;
	tl_profile_attach(tape, p);
	ck_assert_int_eq(tl_backward(loss_of(layers_run(&l, tape))), TL_OK);
	tl_profile_attach(tape, NULL);
	for (uint32_t i = 0; i < p->n_entries; i++)
		calls += p->entries[i].calls;
	ck_assert_uint_eq(calls, tl_tape_get_stats(tape).computed);
	ck_assert_ptr_null(tl_plan_last(tape));
	tl_profile_free(p);
	tl_tape_free(tape);
	layers_free(&l);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("plan figures");
	TCase *c = tcase_create("figures");
	tcase_add_loop_test(c, cost_of_a_step, 0, (int)(sizeof per_step / sizeof *per_step));
	tcase_add_loop_test(c, lstm_products, 0, 4);
	tcase_add_test(c, lstm_figures);
	tcase_add_test(c, profile_adds_up);
	tcase_add_test(c, profile_scopes);
	tcase_add_test(c, threads_are_told);
	tcase_add_test(c, plain_profile);
	suite_add_tcase(s, c);
	return s;
}
