/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints: a loop cut into segments has the values and gradients of the loop that is not, under every
 * executor and pass; misuse gives a sentence. What memory they save is test_checkpoint_memory.c's.
 */
#include "tests/suite.h"

#include "models/tapeloop.h"
#include "tests/plans.h"

/* A loop over time by hand, with a mask at every step and a loss that grows from step to step. */
typedef struct loop {
	layers l;
	int64_t n;        /* steps of a segment; 0: no checkpoints */
	bool read_between; /* ask for the loss after each segment */
	bool as_param;    /* x_t is a part of a parameter, not of a computed value */
} loop;

enum { STEPS = 13, BATCH = 3 };

static const tl_cell *const cells[] = {&tl_cell_lstm, &tl_cell_gru, &tl_cell_mgu};
static const int64_t segments[] = {1, 2, 4, 5, 13, 40};

static loop loop_new(const tl_cell *cell, int64_t n)
{
	return (loop){.l = layers_new(&(tl_rnn_options){.cell = cell, .input = 4, .hidden = 6}, STEPS, BATCH), .n = n};
}

static const tl_var *use_all(const loop *c, tl_tape *tape)
{
	tl_var *p = tl_tape_alloc(tape, (size_t)c->l.rnn->count * sizeof *p);
	for (int k = 0; k < c->l.rnn->count; k++)
		p[k] = tl_use(tape, c->l.rnn->params[k]);
	return p;
}

static tl_var record_loop(const loop *c, tl_tape *tape)
{
	const tl_cell *cell = c->l.rnn->options.cell;
	tl_state s = layers_start(&c->l, tape);
	tl_var *keep[TL_MAX_STATES + 1] = {0}, loss = tl_fill(tape, TL_SCALAR, 0), x = tl_use(tape, c->l.x);
	const tl_var *p = NULL;
	x = c->as_param ? x : tl_scale(x, 0.9);
	keep[s.n] = &loss;
	for (int k = 0; k < s.n; k++) {
		s.v[k] = tl_select(s.v[k], 0, 0);
		keep[k] = &s.v[k];
	}
	for (int64_t t = 0; t < STEPS; t++) {
		if (c->n && t % c->n == 0)
			tl_checkpoint_begin(tape);
		tl_scope_begin(tape, "t", t);
		tl_var now = tl_dropout(tl_select(x, 0, t), 0.3);
		if (t == 0 || (c->n && t % c->n == 0))
			p = use_all(c, tape); /* the first time in the midst of a segment */
		s = cell->step(p, now, s);
		s.v[0] = tl_dropout(s.v[0], 0.2);
		loss = tl_add(loss, mean_square(s.v[0], 0.3));
		tl_scope_end(tape);
		if (c->n && (t % c->n == c->n - 1 || t == STEPS - 1)) {
			tl_checkpoint_end(tape, s.n + 1, keep);
			if (c->read_between)
				tl_eval(1, &loss);
		}
	}
	return tl_add(loss, mean_square(s.v[s.n - 1], -0.5));
}

static void loop_scene(void *ctx, tl_tape *tape, int run, results *r)
{
	const loop *c = ctx;
	(void)run;
	keep_backward(c->l.store, record_loop(c, tape), r);
}

/* Against the plain executor without checkpoints. */
static void check_loop(loop *c, tl_tape *tape, const char *what)
{
	loop without = *c;
	results want = {0}, got = {0};
	without.n = 0;
	run_scene(loop_scene, &without, plain_tape(), 2, &want);
	run_scene(loop_scene, c, tape, 2, &got);
	check_results(what, &want, &got, plan_tolerance);
	results_free(&want);
	results_free(&got);
}

START_TEST(gradients_are_those_without)
{
	for (size_t k = 0; k < sizeof cells / sizeof *cells; k++) {
		loop c = loop_new(cells[k], segments[_i]);
		check_loop(&c, plain_tape(), "plain");
		check_loop(&c, planned_tape(1, "all"), "planned");
		check_loop(&c, planned_tape(2, "all"), "planned, 2 threads");
		c.as_param = true;
		check_loop(&c, planned_tape(1, "all"), "parts of a parameter");
		check_loop(&c, plain_tape(), "parts of a parameter, plain");
		layers_free(&c.l);
	}
}
END_TEST

START_TEST(every_pass_on_and_off)
{
	char text[160];
	loop c = loop_new(&tl_cell_lstm, 4);
	unsigned all = TL_PASS_ALL, bit = 1u << _i;
	for (int threads = 1; threads <= 2; threads++) {
		check_loop(&c, planned_tape(threads, passes_of(bit, text, sizeof text)), text);
		check_loop(&c, planned_tape(threads, passes_of(all & ~bit, text, sizeof text)), text);
	}
	layers_free(&c.l);
}
END_TEST

START_TEST(values_may_be_read_between)
{
	loop c = loop_new(&tl_cell_gru, 3);
	c.read_between = true;
	check_loop(&c, plain_tape(), "plain");
	check_loop(&c, planned_tape(1, "all"), "planned");
	layers_free(&c.l);
}
END_TEST

static const int64_t lengths[BATCH] = {9, STEPS, 4};

static void rnn_scene(void *ctx, tl_tape *tape, int run, results *r)
{
	const layers *l = ctx;
	tl_var x = tl_use(tape, l->x);
	tl_state s = layers_start(l, tape);
	keep_backward(l->store, loss_of(run ? tl_rnn_run(l->rnn, x, s, true) : tl_rnn_run_ragged(l->rnn, x, lengths, s, true)),
		r);
}

/* The driver's own checkpoints: two layers with dropout between, equal and unequal lengths. */
START_TEST(the_driver_has_checkpoints)
{
	tl_rnn_options o = {.cell = cells[_i % 3], .input = 4, .hidden = 6, .layers = 2, .dropout = 0.25};
	layers without = layers_new(&o, STEPS, BATCH);
	o.checkpoint = segments[_i / 3];
	layers with = layers_new(&o, STEPS, BATCH);
	results want = {0}, got = {0}, plain = {0};
	run_scene(rnn_scene, &without, plain_tape(), 2, &want);
	run_scene(rnn_scene, &with, planned_tape(2, "all"), 2, &got);
	run_scene(rnn_scene, &with, plain_tape(), 2, &plain);
	check_results("planned", &want, &got, plan_tolerance);
	check_results("plain", &want, &plain, plan_tolerance);
	results_free(&want);
	results_free(&got);
	results_free(&plain);
	layers_free(&without);
	layers_free(&with);
}
END_TEST

START_TEST(the_driver_refuses_negative_steps)
{
	tl_error err = {0};
	tl_store *store = tl_store_new();
	tl_rnn_options o = {.cell = &tl_cell_gru, .input = 4, .hidden = 6, .checkpoint = -3};
	ck_assert_ptr_null(tl_rnn_new(store, "net", &o, &err));
	ck_assert_str_eq(err.text, "rnn: a checkpoint of -3 steps is none");
	tl_store_free(store);
}
END_TEST

/* Nodes, bodies and plans of a step are those of the step before. */
START_TEST(steps_repeat_without_allocations)
{
	loop c = loop_new(&tl_cell_lstm, 3);
	tl_tape *tape = planned_tape(1, "all");
	tl_tape_stats stats[4];
	for (int step = 0; step < 4; step++) {
		tl_tape_reset(tape);
		ck_assert_int_eq(tl_backward(record_loop(&c, tape)), TL_OK);
		stats[step] = tl_tape_get_stats(tape);
	}
	tl_tape_reset(tape);
	/* outside: one; inside: values and gradient of 3 steps and of 1, and the gradient of the first segment, whose
	 * loss so far is a constant */
	ck_assert_uint_eq(stats[0].plan_misses, 6);
	ck_assert_uint_eq(stats[3].plan_misses, stats[0].plan_misses);
	ck_assert_uint_eq(stats[3].allocations, stats[2].allocations);
	ck_assert_uint_eq(stats[3].bytes, stats[2].bytes);
	tl_tape_free(tape);
	layers_free(&c.l);
}
END_TEST

/* y = tanh(2 x) in a checkpoint or not; d2y/dx2, through two calls of tl_grad. */
static void second_derivative(bool checkpoint, bool inside, tl_tape *tape, tl_real *out)
{
	tl_var x = tl_input(tape, TL_SHAPE(3), (tl_real[]){(tl_real)0.1, (tl_real)-0.4, (tl_real)0.7}), d = {0}, dd = {0};
	if (checkpoint)
		tl_checkpoint_begin(tape);
	tl_var y = tl_tanh(tl_scale(x, 2));
	if (checkpoint && !inside)
		tl_checkpoint_end(tape, 1, (tl_var *[]){&y});
	tl_grad(tl_sum_all(y), 1, &x, &d);
	tl_var penalty = tl_sum_all(tl_square(d));
	if (checkpoint && inside)
		tl_checkpoint_end(tape, 1, (tl_var *[]){&penalty});
	tl_grad(penalty, 1, &x, &dd);
	ck_assert_msg(tl_read(dd, out, 3) == TL_OK, "%s", tl_tape_error(tape)->text);
}

START_TEST(gradients_have_gradients)
{
	for (int k = 0; k < 4; k++) {
		tl_real want[3], got[3];
		tl_tape *tape = k & 1 ? plain_tape() : planned_tape(1, "all");
		second_derivative(false, false, tape, want);
		tl_tape_reset(tape);
		second_derivative(true, k & 2, tape, got);
		for (int i = 0; i < 3; i++)
			ck_assert_double_eq_tol((double)got[i], (double)want[i], 10 * plan_tolerance);
		tl_tape_free(tape);
	}
}
END_TEST

/* A gradient that is recorded in a segment, of what an earlier segment made: a body that calls a body. */
START_TEST(a_segment_may_differentiate_an_earlier_one)
{
	for (int k = 0; k < 2; k++) {
		tl_tape *tape = k ? plain_tape() : planned_tape(1, "all");
		tl_real got[2];
		tl_var x = tl_input(tape, TL_SHAPE(2), (tl_real[]){(tl_real)0.5, 2}), d = {0}, dd = {0};
		tl_checkpoint_begin(tape);
		tl_var y = tl_mul(tl_square(x), x);
		tl_checkpoint_end(tape, 1, (tl_var *[]){&y});
		tl_checkpoint_begin(tape);
		tl_grad(tl_sum_all(y), 1, &x, &d);
		tl_var sum = tl_sum_all(tl_square(d)); /* 9 x^4 */
		tl_checkpoint_end(tape, 1, (tl_var *[]){&sum});
		tl_grad(sum, 1, &x, &dd); /* 36 x^3 */
		ck_assert_msg(tl_read(dd, got, 2) == TL_OK, "%s", tl_tape_error(tape)->text);
		ck_assert_double_eq_tol((double)got[0], 4.5, 1e-4);
		ck_assert_double_eq_tol((double)got[1], 288, 1e-3);
		tl_tape_free(tape);
	}
}
END_TEST

/* Kept twice, kept from outside, a leaf, a name, nothing at all. */
START_TEST(what_is_kept)
{
	for (int k = 0; k < 2; k++) {
		tl_tape *tape = k ? plain_tape() : planned_tape(1, "all");
		tl_real got[2] = {0};
		tl_var x = tl_input(tape, TL_SHAPE(2), (tl_real[]){1, 2}), outside = x;
		tl_checkpoint_begin(tape);
		tl_var leaf = tl_input(tape, TL_SHAPE(2), (tl_real[]){5, 6}), y = tl_name(tl_add(x, leaf), "sum"), same = y;
		ck_assert_int_eq(tl_checkpoint_end(tape, 4, (tl_var *[]){&y, &same, &outside, &leaf}), TL_OK);
		ck_assert_uint_eq(outside.index, x.index);
		ck_assert_str_eq(tl_var_name(y), "sum");
		ck_assert_int_eq(tl_read(tl_add(tl_add(y, same), tl_add(outside, leaf)), got, 2), TL_OK);
		ck_assert_double_eq_tol((double)got[0], 6 + 6 + 1 + 5, 1e-6);
		ck_assert_double_eq_tol((double)got[1], 8 + 8 + 2 + 6, 1e-6);
		uint64_t before = tl_tape_get_stats(tape).computed;
		tl_checkpoint_begin(tape);
		tl_exp(tl_sigmoid(x));
		ck_assert_int_eq(tl_checkpoint_end(tape, 0, NULL), TL_OK);
		ck_assert_int_eq(tl_read(x, got, 2), TL_OK);
		ck_assert_uint_eq(tl_tape_get_stats(tape).computed, before);
		tl_tape_free(tape);
	}
}
END_TEST

/* Segments of one structure whose inputs have other sizes each time: d/dW sum (x W)^2 = 2 x' x W. */
START_TEST(sizes_of_inputs_differ)
{
	tl_real x[8 * 2], w[2] = {1, 2}, got[2];
	for (int i = 0; i < 16; i++)
		x[i] = (tl_real)(i % 5) - 1;
	tl_tape *t = planned_tape(1, "all");
	for (int64_t rows = 3; rows <= 8; rows++) {
		double want[2] = {0, 0};
		tl_var in = tl_input(t, TL_SHAPE(rows, 2), x), weight = tl_input(t, TL_SHAPE(2, 1), w), loss, d;
		tl_checkpoint_begin(t);
		loss = tl_sum_all(tl_square(tl_matmul(in, weight)));
		ck_assert_int_eq(tl_checkpoint_end(t, 1, (tl_var *[]){&loss}), TL_OK);
		ck_assert_int_eq(tl_grad(loss, 1, &weight, &d), TL_OK);
		ck_assert_int_eq(tl_read(tl_reshape(d, TL_SHAPE(2)), got, 2), TL_OK);
		for (int64_t r = 0; r < rows; r++)
			for (int k = 0; k < 2; k++)
				want[k] += 2 * (double)x[2 * r + k] * ((double)x[2 * r] + 2 * (double)x[2 * r + 1]);
		for (int k = 0; k < 2; k++)
			ck_assert_msg(fabs((double)got[k] - want[k]) <= 1e-4, "%d rows: %g, not %g", (int)rows, (double)got[k],
				want[k]);
		tl_tape_reset(t);
	}
	tl_tape_free(t);
}
END_TEST

/* Masks of segments that are gone count as drawn; gradients after them are as ever. */
START_TEST(forgotten_masks)
{
	tl_tape *t = planned_tape(1, "all");
	tl_real got;
	for (int step = 0; step < 4; step++) {
		for (int k = 0; k < 12; k++) {
			tl_checkpoint_begin(t);
			tl_var y = tl_fill(t, TL_SHAPE(3), 1);
			for (int i = 0; i < 10; i++)
				y = tl_dropout(y, 0.5);
			ck_assert_int_eq(tl_checkpoint_end(t, 0, NULL), TL_OK);
		}
		tl_var x = tl_input(t, TL_SCALAR, &(tl_real){3}), d;
		ck_assert_int_eq(tl_grad(tl_square(x), 1, &x, &d), TL_OK);
		ck_assert_int_eq(tl_read(d, &got, 1), TL_OK);
		ck_assert(got == 6);
		tl_tape_reset(t);
	}
	tl_tape_free(t);
}
END_TEST

/* A scope that a segment begins and leaves open, and one that it ends. */
START_TEST(scopes_go_on)
{
	char path[80];
	tl_tape *tape = planned_tape(1, "all");
	tl_var x = tl_fill(tape, TL_SCALAR, 2);
	tl_scope_begin(tape, "outer", 1);
	tl_checkpoint_begin(tape);
	tl_scope_begin(tape, "gone", 1);
	tl_scope_end(tape);
	tl_scope_end(tape);
	tl_scope_begin(tape, "a", 1);
	tl_scope_begin(tape, "gone", 2);
	tl_scope_end(tape);
	tl_scope_begin(tape, "b", 2);
	tl_var y = tl_exp(x);
	tl_checkpoint_end(tape, 1, (tl_var *[]){&y});
	ck_assert_str_eq(tl_var_scope(y, path, sizeof path), "outer=1");
	ck_assert_str_eq(tl_var_scope(tl_exp(y), path, sizeof path), "a=1/b=2");
	tl_scope_end(tape);
	ck_assert_str_eq(tl_var_scope(tl_exp(y), path, sizeof path), "a=1");
	tl_scope_end(tape);
	ck_assert_str_eq(tl_var_scope(tl_exp(y), path, sizeof path), "");
	ck_assert_int_eq(tl_tape_status(tape), TL_OK);
	tl_tape_free(tape);
}
END_TEST

static void check_sentence(tl_tape *tape, tl_status status, const char *sentence)
{
	ck_assert_str_eq(tl_tape_error(tape)->text, sentence);
	ck_assert_int_eq(tl_tape_status(tape), status);
	tl_tape_reset(tape);
}

START_TEST(misuse_gives_a_sentence)
{
	tl_tape *tape = planned_tape(1, "all"), *other = planned_tape(1, "all");
	tl_var x = tl_fill(tape, TL_SCALAR, 1), y, z;
	ck_assert_int_eq(tl_checkpoint_end(tape, 1, (tl_var *[]){&x}), TL_ERR_ARGUMENT);
	ck_assert(!tl_ok(x));
	check_sentence(tape, TL_ERR_ARGUMENT, "checkpoint: ended without having been begun");

	tl_checkpoint_begin(tape);
	tl_checkpoint_begin(tape);
	check_sentence(tape, TL_ERR_ARGUMENT, "checkpoint: begun while another one is open; they do not nest");

	tl_checkpoint_begin(tape);
	x = tl_exp(tl_fill(tape, TL_SCALAR, 1));
	y = tl_exp(x);
	ck_assert_int_eq(tl_checkpoint_end(tape, 1, (tl_var *[]){&y}), TL_OK);
	z = tl_add(y, x);
	ck_assert(!tl_ok(x) && tl_ok(y) && !tl_ok(z));
	check_sentence(tape, TL_ERR_STALE, "add: an operand is a variable of a checkpoint that was ended without keeping it");

	tl_checkpoint_begin(tape);
	x = tl_index(tape, TL_SHAPE(1), (int32_t[]){1});
	tl_checkpoint_end(tape, 1, (tl_var *[]){&x});
	check_sentence(tape, TL_ERR_TYPE, "checkpoint: variable 0 to be kept holds int32, not reals");

	x = tl_fill(other, TL_SCALAR, 1);
	tl_checkpoint_begin(tape);
	tl_checkpoint_end(tape, 1, (tl_var *[]){&x});
	check_sentence(tape, TL_ERR_STALE, "checkpoint: an operand is a variable of another tape");

	/* An open one is forgotten with all else; so is its error. */
	tl_checkpoint_begin(tape);
	x = tl_exp(tl_fill(tape, TL_SCALAR, 1));
	tl_tape_reset(tape);
	tl_exp(x);
	check_sentence(tape, TL_ERR_STALE, "exp: an operand is a variable that was used after its tape was reset");
	tl_checkpoint_begin(tape);
	tl_var a = tl_fill(tape, TL_SHAPE(2), 1), b = tl_add(a, tl_fill(tape, TL_SHAPE(3), 1));
	ck_assert_int_eq(tl_checkpoint_end(tape, 1, (tl_var *[]){&b}), TL_ERR_SHAPE);
	ck_assert_int_eq(tl_read(b, &(tl_real){0}, 1), TL_ERR_SHAPE);
	tl_tape_reset(tape);
	tl_tape_free(tape);
	tl_tape_free(other);
}
END_TEST

/* An error that shows only when a body runs. */
START_TEST(errors_inside_are_told)
{
	for (int k = 0; k < 2; k++) {
		tl_tape *tape = k ? plain_tape() : planned_tape(1, "all");
		tl_real got[2];
		tl_var table = tl_input(tape, TL_SHAPE(2), (tl_real[]){3, 4});
		tl_scope_begin(tape, "t", 5);
		tl_checkpoint_begin(tape);
		tl_var y = tl_exp(tl_gather(table, tl_index(tape, TL_SHAPE(2), (int32_t[]){1, 2})));
		tl_checkpoint_end(tape, 1, (tl_var *[]){&y});
		tl_scope_end(tape);
		ck_assert_int_eq(tl_read(y, got, 2), TL_ERR_INDEX);
		ck_assert_str_eq(tl_tape_error(tape)->text,
			"checkpoint: gather: index 2 at position 1 is outside 0..1; operands (2), (2); operands (2), (2); in "
			"t=5");
		tl_tape_reset(tape);
		tl_checkpoint_begin(tape);
		tl_var x = tl_scale(tl_fill(tape, TL_SCALAR, 0), 1), d = {0};
		y = tl_exp(tl_add(x, x));
		tl_checkpoint_end(tape, 2, (tl_var *[]){&x, &y});
		ck_assert_int_eq(tl_read(y, got, 1), TL_OK);
		ck_assert_double_eq_tol((double)got[0], 1, 1e-6);
		tl_checkpoint_begin(tape);
		y = tl_exp(tl_scale(x, 2));
		tl_checkpoint_end(tape, 1, (tl_var *[]){&y});
		ck_assert_int_eq(tl_grad(y, 1, &x, &d), TL_OK);
		ck_assert_int_eq(tl_read(d, got, 1), TL_OK);
		ck_assert_double_eq_tol((double)got[0], 2, 1e-6);
		tl_tape_free(tape);
	}
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *suite = suite_create("checkpoint");
	TCase *c = tcase_create("checkpoint");
	tcase_add_loop_test(c, gradients_are_those_without, 0, (int)(sizeof segments / sizeof *segments));
	tcase_add_loop_test(c, every_pass_on_and_off, 0, 8);
	tcase_add_test(c, values_may_be_read_between);
	tcase_add_loop_test(c, the_driver_has_checkpoints, 0, 3 * (int)(sizeof segments / sizeof *segments));
	tcase_add_test(c, the_driver_refuses_negative_steps);
	tcase_add_test(c, steps_repeat_without_allocations);
	tcase_add_test(c, gradients_have_gradients);
	tcase_add_test(c, a_segment_may_differentiate_an_earlier_one);
	tcase_add_test(c, what_is_kept);
	tcase_add_test(c, sizes_of_inputs_differ);
	tcase_add_test(c, forgotten_masks);
	tcase_add_test(c, scopes_go_on);
	tcase_add_test(c, misuse_gives_a_sentence);
	tcase_add_test(c, errors_inside_are_told);
	suite_add_tcase(suite, c);
	return suite;
}
