/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of plans share: one piece of recording under both executors, results compared. */
#ifndef TL_TESTS_PLANS_H
#define TL_TESTS_PLANS_H

#include <check.h>
#include <stdio.h>

#include "tests/programs.h"

static const double plan_tolerance = sizeof(tl_real) == sizeof(double) ? 1e-10 : 1e-5;

/* Resets the tape, records, evaluates and keeps what should agree. `run` counts runs on one tape. */
typedef void (*scene)(void *ctx, tl_tape *tape, int run, results *r);

static inline tl_tape *planned_tape(int threads, const char *plan)
{
	tl_tape *tape = tl_tape_new(&(tl_tape_options){
		.executor = &tl_executor_planned, .threads = threads, .plan = plan, .seed = 5});
	ck_assert_ptr_nonnull(tape);
	return tape;
}

static inline tl_tape *plain_tape(void)
{
	tl_tape *tape =
		tl_tape_new(&(tl_tape_options){.executor = &tl_executor_plain, .threads = 1, .seed = 5});
	ck_assert_ptr_nonnull(tape);
	return tape;
}

static inline void check_results(const char *what, const results *want, const results *got, double tolerance)
{
	ck_assert_int_eq(got->n, want->n);
	for (int k = 0; k < want->n; k++) {
		double error = results_error(want, got, k);
		ck_assert_msg(error <= tolerance, "%s: array %d (%s) is off by %.3g", what, k,
			want->item[k].name, error);
	}
}

static inline void run_scene(scene s, void *ctx, tl_tape *tape, int runs, results *r)
{
	for (int run = 0; run < runs; run++) {
		tl_tape_reset(tape);
		tl_tape_set_step(tape, (uint64_t)run);
		s(ctx, tape, run, r);
		ck_assert_msg(tl_tape_status(tape) == TL_OK, "%s", tl_tape_error(tape)->text);
	}
	tl_tape_free(tape);
}

/* Some runs under a plan on a tape of its own, against plain ones. */
static inline void check_plan_within(
	double tolerance, scene s, void *ctx, int runs, int threads, const char *plan)
{
	char what[160];
	results want = {0}, got = {0};
	snprintf(what, sizeof what, "passes \"%s\", %d threads", plan, threads);
	run_scene(s, ctx, plain_tape(), runs, &want);
	run_scene(s, ctx, planned_tape(threads, plan), runs, &got);
	check_results(what, &want, &got, tolerance);
	results_free(&want);
	results_free(&got);
}

static inline void check_plan(scene s, void *ctx, int runs, int threads, const char *plan)
{
	check_plan_within(plan_tolerance, s, ctx, runs, threads, plan);
}

/* All passes, on one thread and two. */
static inline void check_scene(scene s, void *ctx, int runs)
{
	check_plan(s, ctx, runs, 1, "all");
	check_plan(s, ctx, runs, 2, "all,tiny");
}

/* Bit k of the mask: pass k. */
static inline const char *passes_of(unsigned mask, char *buf, size_t size)
{
	size_t used = 0;
	snprintf(buf, size, "none");
	for (int k = 0; tl_plan_pass(k, NULL); k++)
		if (mask >> k & 1)
			used += (size_t)snprintf(
				buf + used, size - used, "%s%s", used ? "," : "", tl_plan_pass(k, NULL));
	return buf;
}

static inline void fill_randomly(tl_store *store, uint64_t seed, double bound)
{
	tl_rng rng = {.seed = seed};
	for (int k = 0; k < tl_store_count(store); k++)
		tl_init_uniform(tl_store_at(store, k), &rng, -bound, bound);
}

/* Adds dL/dp to zeroed gradients, and keeps them and the loss. */
static inline void keep_backward(tl_store *store, tl_var loss, results *r)
{
	tl_store_zero_grad(store);
	tl_backward(loss);
	results_keep(r, "loss", loss);
	results_keep_grads(r, store);
}

/* An rnn with its input (T, B, E) and first states in one store. */
typedef struct layers {
	tl_store *store;
	tl_rnn *rnn;
	tl_param *x, *s[TL_MAX_STATES];
	int64_t steps, batch;
} layers;

static inline layers layers_new(const tl_rnn_options *options, int64_t steps, int64_t batch)
{
	static const char *const names[TL_MAX_STATES] = {"s0", "s1", "s2", "s3"};
	tl_error err = {0};
	layers l = {.store = tl_store_new(), .steps = steps, .batch = batch};
	l.rnn = tl_rnn_new(l.store, "net", options, &err);
	ck_assert_msg(l.rnn != NULL, "%s", err.text);
	l.x = tl_store_add(l.store, "x", TL_SHAPE(steps, batch, options->input), &err);
	for (int k = 0; k < options->cell->states; k++)
		l.s[k] = tl_store_add(
			l.store, names[k], TL_SHAPE(l.rnn->options.layers, batch, options->hidden), &err);
	ck_assert_msg(err.status == TL_OK, "%s", err.text);
	fill_randomly(l.store, 12, 0.7);
	return l;
}

static inline void layers_free(layers *l)
{
	tl_rnn_free(l->rnn);
	tl_store_free(l->store);
}

static inline tl_state layers_start(const layers *l, tl_tape *tape)
{
	tl_state s = {.n = l->rnn->options.cell->states};
	for (int k = 0; k < s.n; k++)
		s.v[k] = tl_use(tape, l->s[k]);
	return s;
}

static inline tl_rnn_result layers_run(const layers *l, tl_tape *tape)
{
	return tl_rnn_run(l->rnn, tl_use(tape, l->x), layers_start(l, tape), true);
}

static inline tl_var mean_square(tl_var v, double from)
{
	return tl_mean_all(tl_square(tl_shift(v, -from)));
}

/* Every output and every last state counts. */
static inline tl_var loss_of(tl_rnn_result r)
{
	tl_var loss = mean_square(r.output, 0.6);
	for (int k = 0; k < r.last.n; k++)
		loss = tl_add(loss, mean_square(r.last.v[k], -0.4));
	return loss;
}

/* The last states become the first ones; all are computed before a parameter is written. */
static inline void layers_carry(const layers *l, tl_state last)
{
	tl_eval(last.n, last.v);
	for (int k = 0; k < last.n; k++)
		tl_read(last.v[k], l->s[k]->value.data, tl_shape_size(l->s[k]->value.shape));
}

/* A scene for layers. */
static inline void layers_scene(void *ctx, tl_tape *tape, int run, results *r)
{
	const layers *l = ctx;
	(void)run;
	keep_backward(l->store, loss_of(layers_run(l, tape)), r);
}

#endif
