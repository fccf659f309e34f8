/* SPDX-License-Identifier: Apache-2.0 */
/* The recurrent driver (models/rnn.h): states, windows, dropout, steps, and what it refuses. */
#include "tests/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/tapeloop.h"

enum { B = 2, E = 3, H = 4, STEPS = 5, LAYERS = 2, MANY = 1024 };

static const double tolerance = sizeof(tl_real) == sizeof(double) ? 1e-12 : 1e-5;

static tl_tape *tape;
static tl_store *store;
static tl_rnn *rnn;

static void setup(void)
{
	tape = tl_tape_new(&(tl_tape_options){.seed = 3});
	ck_assert_ptr_nonnull(tape);
}

static void drop_net(void)
{
	tl_rnn_free(rnn);
	tl_store_free(store);
	rnn = NULL;
	store = NULL;
}

static void teardown(void)
{
	drop_net();
	tl_tape_free(tape);
}

/* Makes the net that the tests use, in place of an earlier one. */
static void make_net(const tl_cell *cell, int64_t input, int64_t hidden, int layers, double dropout)
{
	tl_error err = {0};
	drop_net();
	store = tl_store_new();
	rnn = tl_rnn_new(store, "net",
		&(tl_rnn_options){.cell = cell, .input = input, .hidden = hidden, .layers = layers, .dropout = dropout},
		&err);
	ck_assert_msg(rnn != NULL, "%s", err.text);
	tl_rnn_init(rnn, &(tl_rng){.seed = 8});
}

static tl_var noise(tl_shape shape, uint64_t stream)
{
	tl_real x[MANY];
	tl_rng r = {.seed = 9, .stream = stream};
	int64_t n = tl_shape_size(shape);
	ck_assert_int_le(n, MANY);
	for (int64_t i = 0; i < n; i++)
		x[i] = (tl_real)tl_rng_normal(&r);
	return tl_input(tape, shape, x);
}

static tl_state noisy_state(int n, tl_shape shape)
{
	tl_state s = {.n = n};
	for (int k = 0; k < n; k++)
		s.v[k] = noise(shape, 100 + (uint64_t)k);
	return s;
}

static int64_t get(tl_var v, tl_real *to)
{
	int64_t n = tl_shape_size(tl_var_shape(v));
	ck_assert_int_le(n, MANY);
	ck_assert_msg(tl_read(v, to, n) == TL_OK, "%s", tl_tape_error(tape)->text);
	return n;
}

static void check_equal(tl_var a, tl_var b)
{
	tl_real x[MANY], y[MANY];
	ck_assert(tl_shape_equal(tl_var_shape(a), tl_var_shape(b)));
	int64_t n = get(a, x);
	get(b, y);
	for (int64_t i = 0; i < n; i++)
		ck_assert_msg(fabs((double)(x[i] - y[i])) <= tolerance, "element %d is %.9g, not %.9g", (int)i,
			(double)x[i], (double)y[i]);
}

static void check_states(tl_state a, tl_state b)
{
	ck_assert_int_eq(a.n, b.n);
	for (int k = 0; k < a.n; k++)
		check_equal(a.v[k], b.v[k]);
}

static void check_shape(tl_var v, tl_shape want)
{
	char got_text[TL_SHAPE_TEXT], want_text[TL_SHAPE_TEXT];
	ck_assert_str_eq(tl_shape_text(tl_var_shape(v), got_text), tl_shape_text(want, want_text));
}

/* Runs for each cell, as do the next three. */
START_TEST(shapes_of_results)
{
	const tl_cell *cell = tl_cell_at(_i);
	make_net(cell, E, H, LAYERS, 0);
	for (int steps = 1; steps <= STEPS; steps += 4) {
		tl_tape_reset(tape);
		tl_rnn_result r = tl_rnn_run(rnn, noise(TL_SHAPE(steps, B, E), 0), (tl_state){0}, true);
		check_shape(r.output, TL_SHAPE(steps, B, H));
		ck_assert_int_eq(r.last.n, cell->states);
		for (int k = 0; k < r.last.n; k++)
			check_shape(r.last.v[k], TL_SHAPE(LAYERS, B, H));
		check_equal(tl_select(r.last.v[0], 0, LAYERS - 1), tl_select(r.output, 0, steps - 1));
	}
}
END_TEST

START_TEST(absent_states_are_zeros)
{
	int n = tl_cell_at(_i)->states;
	make_net(tl_cell_at(_i), E, H, LAYERS, 0);
	tl_var x = noise(TL_SHAPE(STEPS, B, E), 0), zeros = tl_fill(tape, TL_SHAPE(LAYERS, B, H), 0);
	tl_rnn_result absent = tl_rnn_run(rnn, x, (tl_state){0}, true);
	tl_rnn_result given = tl_rnn_run(rnn, x, (tl_state){n, {zeros, zeros, zeros, zeros}}, true);
	check_equal(absent.output, given.output);
	check_states(absent.last, given.last);
}
END_TEST

START_TEST(two_windows_are_one)
{
	make_net(tl_cell_at(_i), E, H, LAYERS, 0);
	tl_var x = noise(TL_SHAPE(STEPS, B, E), 0);
	tl_state initial = noisy_state(tl_cell_at(_i)->states, TL_SHAPE(LAYERS, B, H));
	tl_rnn_result whole = tl_rnn_run(rnn, x, initial, true);
	tl_rnn_result first = tl_rnn_run(rnn, tl_slice(x, 0, 0, 2, 1), initial, true);
	tl_rnn_result second = tl_rnn_run(rnn, tl_slice(x, 0, 2, STEPS, 1), first.last, true);
	check_equal(tl_concat(2, (tl_var[]){first.output, second.output}, 0), whole.output);
	check_states(second.last, whole.last);
}
END_TEST

START_TEST(single_steps_are_a_run)
{
	make_net(tl_cell_at(_i), E, H, LAYERS, 0.5);
	tl_var x = noise(TL_SHAPE(STEPS, B, E), 0);
	tl_state s = noisy_state(tl_cell_at(_i)->states, TL_SHAPE(LAYERS, B, H));
	tl_rnn_result whole = tl_rnn_run(rnn, x, s, false);
	for (int t = 0; t < STEPS; t++) {
		tl_rnn_result r = tl_rnn_step(rnn, tl_select(x, 0, t), s);
		check_equal(r.output, tl_select(whole.output, 0, t));
		s = r.last;
	}
	check_states(s, whole.last);
}
END_TEST

/* The state is the input, so what a net of these puts out is the input, dropped. */
static tl_var seen[LAYERS * STEPS];
static int n_seen;

static tl_state echo_step(const tl_var *p, tl_var x, tl_state s)
{
	(void)s;
	if (n_seen < LAYERS * STEPS)
		seen[n_seen++] = tl_mul(x, p[0]);
	return tl_state1(tl_scale(x, 1));
}

static const tl_cell echo = {.name = "echo",
	.states = 1,
	.step = echo_step,
	.params = (const tl_cell_param[]){{"unused", TL_DIAGONAL, "h"}, {0}}};

START_TEST(layers_and_steps_are_scopes)
{
	make_net(&echo, H, H, LAYERS, 0);
	n_seen = 0;
	tl_rnn_run(rnn, noise(TL_SHAPE(STEPS, B, H), 0), (tl_state){0}, true);
	ck_assert_int_eq(n_seen, LAYERS * STEPS);
	for (int i = 0; i < n_seen; i++) {
		char got[64], want[64];
		snprintf(want, sizeof want, "layer=%d/t=%d", i / STEPS, i % STEPS);
		ck_assert_str_eq(tl_var_scope(seen[i], got, sizeof got), want);
	}
}
END_TEST

START_TEST(dropout_between_layers)
{
	enum { WIDE = 40 };
	tl_real x[MANY], y[MANY];
	make_net(&echo, WIDE, WIDE, 2, 0.25);
	tl_var in = noise(TL_SHAPE(STEPS, B, WIDE), 0);
	check_equal(tl_rnn_run(rnn, in, (tl_state){0}, false).output, in);
	tl_rnn_result r = tl_rnn_run(rnn, in, (tl_state){0}, true);
	check_equal(tl_select(r.last.v[0], 0, 0), tl_select(in, 0, STEPS - 1));
	int64_t n = get(in, x), dropped = 0, as_at_first_step = 0, step = B * WIDE;
	get(r.output, y);
	for (int64_t i = 0; i < n; i++) {
		double kept = (double)x[i] / 0.75;
		ck_assert(y[i] == 0 || fabs((double)y[i] - kept) <= tolerance * fabs(kept));
		dropped += y[i] == 0;
		as_at_first_step += (y[i] == 0) == (y[i % step] == 0);
	}
	double deviation = sqrt((double)n * 0.25 * 0.75);
	ck_assert_double_le(fabs((double)dropped - 0.25 * (double)n), 4 * deviation);
	ck_assert_int_lt(as_at_first_step, n);
	make_net(&echo, WIDE, WIDE, 1, 0.25);
	check_equal(tl_rnn_run(rnn, in, (tl_state){0}, true).output, in);
}
END_TEST

static int64_t dropped_output(uint64_t step, tl_real *to)
{
	tl_tape_reset(tape);
	tl_tape_set_step(tape, step);
	return get(tl_rnn_run(rnn, noise(TL_SHAPE(STEPS, B, E), 0), (tl_state){0}, true).output, to);
}

START_TEST(dropout_is_reproducible)
{
	tl_real a[MANY], b[MANY];
	make_net(&tl_cell_lstm, E, H, 3, 0.5);
	size_t bytes = (size_t)dropped_output(1, a) * sizeof *a;
	dropped_output(2, b);
	ck_assert_int_ne(memcmp(a, b, bytes), 0);
	dropped_output(1, b);
	ck_assert_int_eq(memcmp(a, b, bytes), 0);
}
END_TEST

START_TEST(default_values)
{
	make_net(&tl_cell_gru_lbr, E, H, LAYERS, 0);
	for (int k = 0; k < tl_store_count(store); k++) {
		const tl_param *p = tl_store_at(store, k);
		const tl_real *x = p->value.data;
		double least = 1, greatest = -1;
		for (int64_t i = 0; i < tl_shape_size(p->value.shape); i++) {
			least = fmin(least, (double)x[i]);
			greatest = fmax(greatest, (double)x[i]);
		}
		ck_assert_msg(least >= -0.5 && least < 0 && greatest > 0 && greatest <= 0.5, "%s: %g to %g", p->name,
			least, greatest);
	}
	ck_assert_ptr_nonnull(tl_store_find(store, "net.l0.w"));
	ck_assert_ptr_nonnull(tl_store_find(store, "net.l1.c_n"));
}
END_TEST

/* The sentence on the tape has this status and all of these words; the tape is reset. */
static void check_error(tl_rnn_result r, tl_status status, int n, const char *const *words)
{
	ck_assert(!tl_ok(r.output) || tl_eval(1, &r.output) != TL_OK);
	const tl_error *e = tl_tape_error(tape);
	ck_assert_msg(e->status == status, "%s: %s", tl_status_name(e->status), e->text);
	for (int k = 0; k < n; k++)
		ck_assert_msg(strstr(e->text, words[k]) != NULL, "\"%s\" lacks \"%s\"", e->text, words[k]);
	tl_tape_reset(tape);
}

#define CHECK_ERROR(result, status, ...)                                                                     \
	check_error(result, status, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)),           \
		(const char *[]){__VA_ARGS__})

static tl_rnn_result run_shaped(tl_shape shape)
{
	return tl_rnn_run(rnn, tl_fill(tape, shape, 1), (tl_state){0}, true);
}

START_TEST(wrong_inputs)
{
	make_net(&tl_cell_lstm, E, H, LAYERS, 0);
	CHECK_ERROR(run_shaped(TL_SHAPE(5, 2, 7)), TL_ERR_SHAPE, "(5, 2, 7)", "(T, B, E)", "E = 3");
	CHECK_ERROR(run_shaped(TL_SHAPE(5, 3)), TL_ERR_SHAPE, "(5, 3)", "(T, B, E)", "E = 3");
	CHECK_ERROR(run_shaped(TL_SHAPE(0, 2, 3)), TL_ERR_SHAPE, "(0, 2, 3)", "(T, B, E)", "T > 0");
	CHECK_ERROR(run_shaped(TL_SCALAR), TL_ERR_SHAPE, "()", "(T, B, E)");
	tl_var x = tl_fill(tape, TL_SHAPE(1, B, E), 1);
	CHECK_ERROR(tl_rnn_step(rnn, x, (tl_state){0}), TL_ERR_SHAPE, "(1, 2, 3)", "(B, E)", "E = 3");
	x = tl_index(tape, TL_SHAPE(1, 1, E), (int32_t[E]){0});
	CHECK_ERROR(tl_rnn_run(rnn, x, (tl_state){0}, true), TL_ERR_TYPE, "int32");
	x = tl_add(tl_fill(tape, TL_SHAPE(2), 1), tl_fill(tape, TL_SHAPE(3), 1));
	CHECK_ERROR(tl_rnn_run(rnn, x, (tl_state){0}, true), TL_ERR_SHAPE, "add: ");
}
END_TEST

static tl_rnn_result run_with(int n, tl_shape h, tl_shape c)
{
	tl_state s = {n, {tl_fill(tape, h, 1), tl_fill(tape, c, 1), tl_fill(tape, h, 1)}};
	return tl_rnn_run(rnn, tl_fill(tape, TL_SHAPE(STEPS, B, E), 1), s, true);
}

START_TEST(wrong_number_of_states)
{
	tl_shape right = TL_SHAPE(LAYERS, B, H);
	make_net(&tl_cell_lstm, E, H, LAYERS, 0);
	CHECK_ERROR(run_with(1, right, right), TL_ERR_ARGUMENT, "lstm has 2 states", "1 initial");
	CHECK_ERROR(run_with(3, right, right), TL_ERR_ARGUMENT, "lstm has 2 states", "3 initial");
	make_net(&tl_cell_gru, E, H, LAYERS, 0);
	CHECK_ERROR(run_with(2, right, right), TL_ERR_ARGUMENT, "gru has 1 states", "2 initial");
}
END_TEST

/* For either state of an LSTM: what it has and what it should have. */
START_TEST(wrong_initial_states)
{
	const tl_shape right = TL_SHAPE(LAYERS, B, H);
	const tl_shape wrong[] = {TL_SHAPE(2, 2, 5), TL_SHAPE(2, 2, 1), TL_SHAPE(2, 3, 4), TL_SHAPE(2, 1, 4),
		TL_SHAPE(3, 2, 4), TL_SHAPE(1, 2, 4), TL_SHAPE(2, 4), TL_SHAPE(2, 2, 4, 1)};
	make_net(&tl_cell_lstm, E, H, LAYERS, 0);
	for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
		char text[TL_SHAPE_TEXT];
		tl_shape_text(wrong[k], text);
		CHECK_ERROR(run_with(2, wrong[k], right), TL_ERR_SHAPE, text, "(2, 2, 4)");
		CHECK_ERROR(run_with(2, right, wrong[k]), TL_ERR_SHAPE, text, "(2, 2, 4)");
	}
}
END_TEST

START_TEST(wrong_options)
{
	const tl_rnn_options wrong[] = {
		{.input = E, .hidden = H},
		{.cell = &tl_cell_rnn, .hidden = H},
		{.cell = &tl_cell_rnn, .input = E},
		{.cell = &tl_cell_rnn, .input = E, .hidden = H, .layers = -1},
		{.cell = &tl_cell_rnn, .input = E, .hidden = H, .dropout = 1},
		{.cell = &tl_cell_rnn, .input = E, .hidden = H, .dropout = (double)NAN},
	};
	make_net(&tl_cell_rnn, E, H, LAYERS, 0);
	for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
		tl_error err = {0};
		ck_assert_ptr_null(tl_rnn_new(store, "other", &wrong[k], &err));
		ck_assert_int_eq(err.status, TL_ERR_ARGUMENT);
		ck_assert_ptr_eq(strstr(err.text, "rnn: "), err.text);
	}
	tl_error err = {0};
	ck_assert_ptr_null(tl_rnn_new(store, "net", &rnn->options, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "net.l0.w"));
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("rnn");
	TCase *c = tcase_create("rnn");
	int cells = 0;
	while (tl_cell_at(cells))
		cells++;
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, shapes_of_results, 0, cells);
	tcase_add_loop_test(c, absent_states_are_zeros, 0, cells);
	tcase_add_loop_test(c, two_windows_are_one, 0, cells);
	tcase_add_loop_test(c, single_steps_are_a_run, 0, cells);
	tcase_add_test(c, layers_and_steps_are_scopes);
	tcase_add_test(c, dropout_between_layers);
	tcase_add_test(c, dropout_is_reproducible);
	tcase_add_test(c, default_values);
	tcase_add_test(c, wrong_inputs);
	tcase_add_test(c, wrong_number_of_states);
	tcase_add_test(c, wrong_initial_states);
	tcase_add_test(c, wrong_options);
	suite_add_tcase(s, c);
	return s;
}
