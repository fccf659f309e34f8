/* SPDX-License-Identifier: Apache-2.0 */
/* The recurrent driver (models/rnn.h): states, windows, dropout, steps, and what it refuses. */
#include "tests/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/net.h"

enum { B = 2, E = 3, H = 4, STEPS = 5, LAYERS = 2 };

static net n;

static void teardown(void)
{
	net_free(&n);
}

static void make_net(const tl_cell *cell)
{
	n = net_new(&(tl_rnn_options){.cell = cell, .input = E, .hidden = H, .layers = LAYERS}, STEPS, B);
}

static void check_states(const char *what, tl_state a, tl_state b)
{
	ck_assert_int_eq(a.n, b.n);
	for (int k = 0; k < a.n; k++)
		check_equal(what, a.v[k], b.v[k]);
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
	make_net(cell);
	for (int steps = 1; steps <= STEPS; steps += STEPS - 1) {
		tl_rnn_result r =
			tl_rnn_run(n.rnn, tl_slice(net_input(&n), 0, 0, steps, 1), (tl_state){0}, true);
		check_shape(r.output, TL_SHAPE(steps, B, H));
		ck_assert_int_eq(r.last.n, cell->states);
		for (int k = 0; k < r.last.n; k++)
			check_shape(r.last.v[k], TL_SHAPE(LAYERS, B, H));
		tl_var top = tl_select(r.last.v[0], 0, LAYERS - 1);
		if (!cell->output)
			check_equal("last state", top, tl_select(r.output, 0, steps - 1));
	}
}
END_TEST

START_TEST(absent_states_are_zeros)
{
	make_net(tl_cell_at(_i));
	tl_var zeros = tl_fill(n.tape, TL_SHAPE(LAYERS, B, H), 0);
	tl_state state = {tl_cell_at(_i)->states, {zeros, zeros, zeros, zeros}};
	tl_rnn_result absent = tl_rnn_run(n.rnn, net_input(&n), (tl_state){0}, true);
	tl_rnn_result given = tl_rnn_run(n.rnn, net_input(&n), state, true);
	check_equal("output", absent.output, given.output);
	check_states("last states", absent.last, given.last);
}
END_TEST

START_TEST(two_windows_are_one)
{
	make_net(tl_cell_at(_i));
	tl_var x = net_input(&n);
	tl_rnn_result whole = net_run(&n);
	tl_rnn_result first = tl_rnn_run(n.rnn, tl_slice(x, 0, 0, 2, 1), net_state(&n), true);
	tl_rnn_result second = tl_rnn_run(n.rnn, tl_slice(x, 0, 2, STEPS, 1), first.last, true);
	check_equal("output", tl_concat(2, (tl_var[]){first.output, second.output}, 0), whole.output);
	check_states("last states", second.last, whole.last);
}
END_TEST

START_TEST(single_steps_are_a_run)
{
	make_net(tl_cell_at(_i));
	tl_rnn_result whole = net_run(&n);
	tl_state s = net_state(&n);
	for (int t = 0; t < STEPS; t++) {
		tl_rnn_result r = tl_rnn_step(n.rnn, tl_select(net_input(&n), 0, t), s);
		check_equal("output", r.output, tl_select(whole.output, 0, t));
		s = r.last;
	}
	check_states("last states", s, whole.last);
}
END_TEST

/* The state is the input, so what a net of these puts out is its input, dropped. */
static tl_var seen[LAYERS * STEPS];
static int n_seen;

static tl_state echo_step(const tl_var *p, tl_var x, tl_state s)
{
	(void)s;
	tl_var h = tl_mul(x, p[0]);
	if (n_seen < LAYERS * STEPS)
		seen[n_seen++] = h;
	return tl_state1(h);
}

static const tl_cell echo = {
	.name = "echo",
	.states = 1,
	.step = echo_step,
	.params = (const tl_cell_param[]){{"one", TL_DIAGONAL, "h"}, {0}},
};

static void make_echo(int layers, double dropout)
{
	enum { WIDE = 40 };
	net_free(&n);
	tl_rnn_options options = {
		.cell = &echo, .input = WIDE, .hidden = WIDE, .layers = layers, .dropout = dropout};
	n = net_new(&options, STEPS, B);
	for (int j = 0; j < layers; j++)
		tl_init_constant(n.rnn->params[j], 1);
}

START_TEST(layers_and_steps_are_scopes)
{
	make_echo(LAYERS, 0);
	net_run(&n);
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
	double x[NET_MAX], y[NET_MAX];
	make_echo(1, 0.25);
	check_equal("one layer", net_run(&n).output, net_input(&n));
	make_echo(2, 0.25);
	tl_var in = net_input(&n);
	check_equal("not in training", tl_rnn_run(n.rnn, in, net_state(&n), false).output, in);
	check_equal("single step", tl_rnn_step(n.rnn, tl_select(in, 0, 0), net_state(&n)).output,
		tl_select(in, 0, 0));
	tl_rnn_result r = net_run(&n);
	check_equal("first layer", tl_select(r.last.v[0], 0, 0), tl_select(in, 0, STEPS - 1));
	int64_t count = read_values(in, x), dropped = 0, as_at_first_step = 0;
	read_values(r.output, y);
	for (int64_t i = 0; i < count; i++) {
		ck_assert(y[i] == 0 || fabs(y[i] - x[i] / 0.75) <= net_tolerance);
		dropped += y[i] == 0;
		as_at_first_step += (y[i] == 0) == (y[i % (count / STEPS)] == 0);
	}
	double expected = 0.25 * (double)count;
	ck_assert_double_le(fabs((double)dropped - expected), 4 * sqrt(0.75 * expected));
	ck_assert_int_lt(as_at_first_step, count);
}
END_TEST

static int64_t dropped_output(uint64_t step, double *to)
{
	tl_tape_reset(n.tape);
	tl_tape_set_step(n.tape, step);
	return read_values(net_run(&n).output, to);
}

START_TEST(dropout_is_reproducible)
{
	double a[NET_MAX], b[NET_MAX];
	make_echo(3, 0.5);
	size_t bytes = (size_t)dropped_output(1, a) * sizeof *a;
	dropped_output(2, b);
	ck_assert_int_ne(memcmp(a, b, bytes), 0);
	dropped_output(1, b);
	ck_assert_int_eq(memcmp(a, b, bytes), 0);
}
END_TEST

/* The sentence on the tape has this status and all of these words; the tape is reset. */
static void check_error(tl_rnn_result r, tl_status status, int count, const char *const *words)
{
	ck_assert(!tl_ok(r.output) || tl_eval(1, &r.output) != TL_OK);
	const tl_error *e = tl_tape_error(n.tape);
	ck_assert_msg(e->status == status, "%s: %s", tl_status_name(e->status), e->text);
	for (int k = 0; k < count; k++)
		ck_assert_msg(strstr(e->text, words[k]) != NULL, "\"%s\" lacks \"%s\"", e->text, words[k]);
	tl_tape_reset(n.tape);
}

#define CHECK_ERROR(result, status, ...)                                                                     \
	check_error(result, status, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)),           \
		(const char *[]){__VA_ARGS__})

static tl_rnn_result run_shaped(tl_shape shape)
{
	return tl_rnn_run(n.rnn, tl_fill(n.tape, shape, 1), (tl_state){0}, true);
}

START_TEST(wrong_inputs)
{
	make_net(&tl_cell_lstm);
	CHECK_ERROR(run_shaped(TL_SHAPE(5, 2, 7)), TL_ERR_SHAPE, "(5, 2, 7)", "(T, B, E)", "E = 3");
	CHECK_ERROR(run_shaped(TL_SHAPE(5, 3)), TL_ERR_SHAPE, "(5, 3)", "(T, B, E)", "E = 3");
	CHECK_ERROR(run_shaped(TL_SHAPE(0, 2, 3)), TL_ERR_SHAPE, "(0, 2, 3)", "(T, B, E)", "T > 0");
	CHECK_ERROR(run_shaped(TL_SCALAR), TL_ERR_SHAPE, "()", "(T, B, E)");
	tl_var x = tl_fill(n.tape, TL_SHAPE(1, B, E), 1);
	CHECK_ERROR(tl_rnn_step(n.rnn, x, (tl_state){0}), TL_ERR_SHAPE, "(1, 2, 3)", "(B, E)", "E = 3");
	x = tl_index(n.tape, TL_SHAPE(1, 1, E), (int32_t[E]){0});
	CHECK_ERROR(tl_rnn_run(n.rnn, x, (tl_state){0}, true), TL_ERR_TYPE, "int32");
	x = tl_add(tl_fill(n.tape, TL_SHAPE(2), 1), tl_fill(n.tape, TL_SHAPE(3), 1));
	CHECK_ERROR(tl_rnn_run(n.rnn, x, (tl_state){0}, true), TL_ERR_SHAPE, "add: ");
}
END_TEST

static tl_rnn_result run_with(int states, tl_shape h, tl_shape c)
{
	tl_state s = {states, {tl_fill(n.tape, h, 1), tl_fill(n.tape, c, 1), tl_fill(n.tape, h, 1)}};
	return tl_rnn_run(n.rnn, tl_fill(n.tape, TL_SHAPE(STEPS, B, E), 1), s, true);
}

START_TEST(wrong_number_of_states)
{
	tl_shape right = TL_SHAPE(LAYERS, B, H);
	make_net(&tl_cell_lstm);
	CHECK_ERROR(run_with(1, right, right), TL_ERR_ARGUMENT, "lstm has 2 states", "1 initial");
	CHECK_ERROR(run_with(3, right, right), TL_ERR_ARGUMENT, "lstm has 2 states", "3 initial");
	net_free(&n);
	make_net(&tl_cell_gru);
	CHECK_ERROR(run_with(2, right, right), TL_ERR_ARGUMENT, "gru has 1 states", "2 initial");
}
END_TEST

/* For either state of an LSTM: what it has and what it should have. */
START_TEST(wrong_initial_states)
{
	const tl_shape right = TL_SHAPE(LAYERS, B, H);
	const tl_shape wrong[] = {TL_SHAPE(2, 2, 5), TL_SHAPE(2, 2, 1), TL_SHAPE(2, 3, 4), TL_SHAPE(2, 1, 4),
		TL_SHAPE(3, 2, 4), TL_SHAPE(1, 2, 4), TL_SHAPE(2, 4), TL_SHAPE(2, 2, 4, 1)};
	make_net(&tl_cell_lstm);
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
	make_net(&tl_cell_rnn);
	for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
		tl_error err = {0};
		ck_assert_ptr_null(tl_rnn_new(n.store, "other", &wrong[k], &err));
		ck_assert_int_eq(err.status, TL_ERR_ARGUMENT);
		ck_assert_ptr_eq(strstr(err.text, "rnn: "), err.text);
	}
	tl_error err = {0};
	ck_assert_ptr_null(tl_rnn_new(n.store, "net", &n.rnn->options, &err));
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
	tcase_add_checked_fixture(c, NULL, teardown);
	tcase_add_loop_test(c, shapes_of_results, 0, cells);
	tcase_add_loop_test(c, absent_states_are_zeros, 0, cells);
	tcase_add_loop_test(c, two_windows_are_one, 0, cells);
	tcase_add_loop_test(c, single_steps_are_a_run, 0, cells);
	tcase_add_test(c, layers_and_steps_are_scopes);
	tcase_add_test(c, dropout_between_layers);
	tcase_add_test(c, dropout_is_reproducible);
	tcase_add_test(c, wrong_inputs);
	tcase_add_test(c, wrong_number_of_states);
	tcase_add_test(c, wrong_initial_states);
	tcase_add_test(c, wrong_options);
	suite_add_tcase(s, c);
	return s;
}
