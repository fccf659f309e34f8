/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One tape with the planned executor, and what comes in turn on it: other data, weights, lengths, sizes,
 * numbers inside ops, strides, questions, errors. Plans are kept by structure, so each of these asks
 * whether something was kept that must not be.
 */
#include "tests/suite.h"

#include <string.h>

#include "tests/plans.h"

static const tl_rnn_options lstm = {.cell = &tl_cell_lstm, .input = 3, .hidden = 5, .layers = 2};

/* On gradients that are not zeroed between two tapes, and twice on one. */
START_TEST(backward_accumulates)
{
	layers l = layers_new(&lstm, 4, 3);
	results want = {0}, got = {0};
	tl_tape *a = planned_tape(1, "all"), *b = planned_tape(2, "all"), *plain = plain_tape();
	tl_store_zero_grad(l.store);
	for (int i = 0; i < 3; i++) {
		tl_tape_reset(plain);
		ck_assert_int_eq(tl_backward(loss_of(layers_run(&l, plain))), TL_OK);
	}
	results_keep_grads(&want, l.store);
	tl_store_zero_grad(l.store);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(tl_backward(loss_of(layers_run(&l, i ? b : a))), TL_OK);
	tl_tape_reset(a);
	ck_assert_int_eq(tl_backward(loss_of(layers_run(&l, a))), TL_OK);
	results_keep_grads(&got, l.store);
	check_results("three times", &want, &got, plan_tolerance);
	results_free(&want);
	results_free(&got);
	tl_tape_free(a);
	tl_tape_free(b);
	tl_tape_free(plain);
	layers_free(&l);
}
END_TEST

/* Other parameters are frozen in each run, and at last none. */
static void frozen_scene(void *ctx, tl_tape *tape, int run, results *r)
{
	const layers *l = ctx;
	for (int k = 0; k < tl_store_count(l->store); k++)
		tl_store_at(l->store, k)->frozen = run < 4 && (k + run) % (2 + run) != 0;
	keep_backward(l->store, loss_of(layers_run(l, tape)), r);
}

START_TEST(frozen_parameters)
{
	layers l = layers_new(&lstm, 4, 3);
	check_scene(frozen_scene, &l, 6);
	layers_free(&l);
}
END_TEST

static tl_var lookup_loop(const layers *l, tl_tape *tape, int32_t bad)
{
	int32_t index[] = {0, 2, 1, 0, 1, 2, 2, 0};
	index[5] = bad;
	tl_var h = tl_fill(tape, TL_SHAPE(2, 5), 0.1), u = tl_use(tape, l->rnn->params[l->rnn->count]);
	tl_var rows = tl_index(tape, TL_SHAPE(4, 2), index);
	for (int t = 0; t < 4; t++)
		h = tl_tanh(tl_add(h, tl_gather(tl_part(u, -1, 0, 4), tl_select(rows, 0, t))));
	return mean_square(h, 0.3);
}

static void same_grads(const layers *l, const results *want)
{
	results now = {0};
	results_keep_grads(&now, l->store);
	check_results("gradients", want, &now, plan_tolerance);
	results_free(&now);
}

/* Errors of recording and of computing, from the same program that is right in the next run. */
START_TEST(errors_and_good_runs)
{
	layers l = layers_new(&lstm, 4, 3);
	results before = {0}, good = {0};
	tl_tape *plain = plain_tape(), *tape = planned_tape(1 + _i, "all");
	keep_backward(l.store, lookup_loop(&l, plain, 1), &good);
	results_free(&good);
	results_keep_grads(&good, l.store);
	tl_store_zero_grad(l.store);
	results_keep_grads(&before, l.store);
	for (int round = 0; round < 3; round++) {
		tl_tape_reset(tape);
		tl_tape_reset(plain);
		ck_assert_int_eq(tl_backward(lookup_loop(&l, plain, 99)), TL_ERR_INDEX);
		ck_assert_int_eq(tl_backward(lookup_loop(&l, tape, 99)), TL_ERR_INDEX);
		ck_assert_ptr_nonnull(strstr(tl_tape_error(tape)->text, "gather: "));
		same_grads(&l, &before);
		tl_tape_reset(tape);
		tl_var wrong = tl_add(layers_run(&l, tape).output, tl_fill(tape, TL_SHAPE(7), 1));
		ck_assert_int_eq(tl_backward(tl_sum_all(wrong)), TL_ERR_SHAPE);
		same_grads(&l, &before);
		tl_tape_reset(tape);
		ck_assert_int_eq(tl_backward(lookup_loop(&l, tape, 1)), TL_OK);
		same_grads(&l, &good);
		tl_store_zero_grad(l.store);
	}
	results_free(&before);
	results_free(&good);
	tl_tape_free(plain);
	tl_tape_free(tape);
	layers_free(&l);
}
END_TEST

/* Lengths 1 to `steps`, some in a second loop as well. */
static void lengths_scene(void *ctx, tl_tape *tape, int run, results *r)
{
	const layers *l = ctx;
	int64_t length = 1 + run % l->steps;
	tl_var x = tl_slice(tl_use(tape, l->x), 0, 0, length, 1);
	tl_rnn_result q = tl_rnn_run(l->rnn, x, layers_start(l, tape), true);
	tl_var loss = loss_of(q);
	if (run % 3 == 0)
		loss = tl_add(loss, loss_of(tl_rnn_run(l->rnn, tl_flip(x, 0), q.last, true)));
	if (r)
		keep_backward(l->store, loss, r);
	else
		ck_assert_int_eq(tl_backward(loss), TL_OK);
}

START_TEST(lengths_in_turn)
{
	layers l = layers_new(&(tl_rnn_options){.cell = &tl_cell_gru, .input = 2, .hidden = 3}, 40, 2);
	check_scene(lengths_scene, &l, 80);
	layers_free(&l);
}
END_TEST

/* Keeping plans for ever would show. */
START_TEST(memory_is_bounded)
{
	layers l = layers_new(&(tl_rnn_options){.cell = &tl_cell_gru, .input = 2, .hidden = 3}, 40, 2);
	tl_tape *tape = planned_tape(1, "all");
	size_t early = 0;
	for (int run = 0; run < 1200; run++) {
		tl_tape_reset(tape);
		tl_scope_begin(tape, "run", run);
		tl_scale(tl_fill(tape, TL_SHAPE(3), 1), 1 + run); /* no two runs are alike */
		lengths_scene(&l, tape, run, NULL);
		tl_scope_end(tape);
		if (run == 400)
			early = tl_tape_get_stats(tape).bytes;
	}
	ck_assert_uint_lt(tl_tape_get_stats(tape).bytes, early + early / 4);
	tl_tape_free(tape);
	layers_free(&l);
}
END_TEST

/* With the same number of threads: on another tape, and by a plan that was kept. */
START_TEST(bit_for_bit)
{
	layers l = layers_new(
		&(tl_rnn_options){.cell = tl_cell_at(_i), .input = 12, .hidden = 33, .layers = 2}, 6, 21);
	for (int threads = 1; threads <= 3; threads++) {
		results once = {0}, twice = {0};
		run_scene(layers_scene, &l, planned_tape(threads, "all,tiny"), 1, &once);
		for (int k = 0; k < 3; k++)
			run_scene(layers_scene, &l, planned_tape(threads, "all,tiny"), 1 + k, &twice);
		for (int k = 0; k < 6; k++)
			ck_assert_msg(memcmp(once.values, twice.values + k * once.used,
					      (size_t)once.used * sizeof *once.values) == 0,
				"%d threads, run %d", threads, k);
		results_free(&once);
		results_free(&twice);
	}
	layers_free(&l);
}
END_TEST

typedef struct pair {
	layers a, b;
	tl_optimizer *optimizer;
} pair;

/* Two nets of one structure, one after the other. */
static void two_nets_scene(void *ctx, tl_tape *tape, int run, results *r)
{
	pair *p = ctx;
	layers_scene(run % 2 ? &p->a : &p->b, tape, run, r);
}

START_TEST(nets_of_one_structure)
{
	pair p = {.a = layers_new(&lstm, 4, 3), .b = layers_new(&lstm, 4, 3)};
	fill_randomly(p.b.store, 99, 0.7);
	check_scene(two_nets_scene, &p, 5);
	layers_free(&p.a);
	layers_free(&p.b);
}
END_TEST

START_TEST(batches_of_two_sizes)
{
	for (int k = 0; tl_cell_at(k); k++) {
		const tl_rnn_options o = {.cell = tl_cell_at(k), .input = 3, .hidden = 5};
		pair p = {.a = layers_new(&o, 4, 3), .b = layers_new(&o, 4, 2)};
		check_scene(two_nets_scene, &p, 5);
		layers_free(&p.a);
		layers_free(&p.b);
	}
}
END_TEST

/* Steps of an optimiser in between, and then weights written by hand. */
static void training_scene(void *ctx, tl_tape *tape, int run, results *r)
{
	const pair *p = ctx;
	if (run == 0)
		fill_randomly(p->a.store, 12, 0.7);
	if (run == 6)
		fill_randomly(p->a.store, 13, 0.5);
	keep_backward(p->a.store, loss_of(layers_run(&p->a, tape)), r);
	tl_optimizer_step(p->optimizer);
}

START_TEST(weights_that_change)
{
	tl_error err = {0};
	pair p = {.a = layers_new(&lstm, 4, 3)};
	for (int threads = 1; threads <= 2; threads++) {
		p.optimizer = tl_optimizer_new(p.a.store, &(tl_optimizer_options){.lr = 0.5}, &err);
		ck_assert_msg(p.optimizer != NULL, "%s", err.text);
		check_plan(training_scene, &p, 12, threads, "all");
		tl_optimizer_free(p.optimizer);
	}
	layers_free(&p.a);
}
END_TEST

/* One recording, other questions. */
static void questions_scene(void *ctx, tl_tape *tape, int run, results *r)
{
	const layers *l = ctx;
	tl_rnn_result q = layers_run(l, tape);
	tl_var loss = loss_of(q), wrt[] = {tl_use(tape, l->x), q.output, q.last.v[1]}, d[3];
	if (run % 5 == 0)
		results_keep(r, "loss", loss);
	if (run % 5 == 1)
		keep_backward(l->store, loss, r);
	if (run % 5 == 2)
		results_keep(r, "output", q.output);
	if (run % 5 < 3)
		return;
	tl_grad(loss, 3, wrt, d);
	for (int k = 0; k < 3; k++)
		results_keep(r, "d", d[run % 5 == 3 ? k : 2 - k]);
	results_keep(r, "last", q.last.v[0]);
}

START_TEST(questions_in_turn)
{
	layers l = layers_new(&lstm, 4, 3);
	check_scene(questions_scene, &l, 12);
	layers_free(&l);
}
END_TEST

/* The same ops with other numbers inside: factors, offsets of slices, directions, fills, probabilities. */
static void numbers_scene(void *ctx, tl_tape *tape, int run, results *r)
{
	const layers *l = ctx;
	tl_var x = tl_use(tape, l->x), u = tl_use(tape, l->rnn->params[1]);
	tl_var h = tl_select(tl_use(tape, l->s[0]), 0, 0),
	       mask = tl_dropout_mask(tape, TL_SHAPE(3, 4), 0.1 * run);
	for (int64_t t = 0; t < l->steps; t++) {
		int64_t at = run % 3 == 0 ? t : run % 3 == 1 ? l->steps - 1 - t : run % l->steps;
		h = tl_add(tl_matmul(h, tl_part(u, -1, run % 4, 4)), tl_select(x, 0, at));
		h = tl_tanh(
			tl_scale(tl_add(h, tl_fill(tape, TL_SCALAR, 0.1 * (run / 4))), run % 2 ? 0.7 : 0.9));
		h = tl_concat(
			2, (tl_var[]){tl_slice(h, -1, run % 4, 4, 1), tl_slice(h, -1, 0, run % 4, 1)}, -1);
		h = tl_mul(h, mask);
	}
	keep_backward(l->store, mean_square(h, 0.3), r);
}

START_TEST(numbers_inside_ops)
{
	layers l = layers_new(&(tl_rnn_options){.cell = &tl_cell_lstm, .input = 4, .hidden = 4}, 5, 3);
	check_scene(numbers_scene, &l, 9);
	layers_free(&l);
}
END_TEST

/* Leaves of one shape that lie in memory in different ways. */
static void strides_scene(void *ctx, tl_tape *tape, int run, results *r)
{
	const layers *l = ctx;
	tl_real *x = l->x->value.data;
	const tl_tensor ways[] = {
		{TL_REAL, TL_SHAPE(5, 3, 4), {12, 4, 1}, x},
		{TL_REAL, TL_SHAPE(5, 3, 4), {-12, 4, 1}, x + 48},
		{TL_REAL, TL_SHAPE(5, 3, 4), {4, 20, 1}, x},
		{TL_REAL, TL_SHAPE(5, 3, 4), {12, 4, -1}, x + 3},
		{TL_REAL, TL_SHAPE(5, 3, 4), {0, 4, 1}, x},
		{TL_REAL, TL_SHAPE(5, 3, 4), {1, 20, 5}, x},
		{TL_REAL, TL_SHAPE(5, 3, 4), {12, 0, 1}, x},
		{TL_REAL, TL_SHAPE(5, 3, 4), {0, 0, 0}, x},
	};
	tl_var v = tl_borrow(tape, &ways[run % 8]), d;
	tl_rnn_result q = tl_rnn_run(l->rnn, v, (tl_state){0}, true);
	tl_var loss = loss_of(q);
	tl_grad(loss, 1, &v, &d);
	keep_backward(l->store, loss, r);
	results_keep(r, "d x", d);
}

START_TEST(strides_of_leaves)
{
	layers l = layers_new(&(tl_rnn_options){.cell = &tl_cell_gru, .input = 4, .hidden = 5}, 5, 3);
	check_scene(strides_scene, &l, 10);
	layers_free(&l);
}
END_TEST

/* One step at a time, the state read and fed back, as in sampling. */
static void sampling_scene(void *ctx, tl_tape *tape, int run, results *r)
{
	const layers *l = ctx;
	tl_var x = tl_select(tl_use(tape, l->x), 0, run % l->steps);
	tl_rnn_result q = tl_rnn_step(l->rnn, x, layers_start(l, tape));
	results_keep(r, "output", q.output);
	layers_carry(l, q.last);
	if (run % 10 == 9)
		fill_randomly(l->store, 12, 0.7);
}

START_TEST(single_steps)
{
	layers l = layers_new(&lstm, 5, 1);
	check_scene(sampling_scene, &l, 20);
	layers_free(&l);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("plan turns");
	TCase *c = tcase_create("turns");
	int n = 0;
	while (tl_cell_at(n))
		n++;
	tcase_add_test(c, backward_accumulates);
	tcase_add_test(c, frozen_parameters);
	tcase_add_loop_test(c, errors_and_good_runs, 0, 2);
	tcase_add_test(c, lengths_in_turn);
	tcase_add_test(c, memory_is_bounded);
	tcase_add_loop_test(c, bit_for_bit, 0, n);
	tcase_add_test(c, nets_of_one_structure);
	tcase_add_test(c, batches_of_two_sizes);
	tcase_add_test(c, weights_that_change);
	tcase_add_test(c, questions_in_turn);
	tcase_add_test(c, numbers_inside_ops);
	tcase_add_test(c, strides_of_leaves);
	tcase_add_test(c, single_steps);
	suite_add_tcase(s, c);
	return s;
}
