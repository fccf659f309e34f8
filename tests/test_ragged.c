/* SPDX-License-Identifier: Apache-2.0 */
/* Sequences of unequal lengths (tl_rnn_run_ragged) against each of them alone, and what the driver refuses.
 */
#include "tests/suite.h"

#include <string.h>

#include "tests/net.h"

enum { B = 5, E = 3, H = 4, STEPS = 6, LAYERS = 2 };

static const int64_t lengths_of[][B] = {
	{3, 6, 1, 6, 2}, /* in no order, equal ones among them */
	{1, 2, 3, 4, 6},
	{2, 3, 1, 3, 3}, /* all shorter than x */
	{6, 6, 4, 2, 1}, /* sorted */
	{4, 3, 3, 1, 1},
	{6, 6, 6, 6, 6},
	{4, 4, 4, 4, 4},
	{1, 1, 1, 1, 1},
};

enum { UNSORTED = 3, CASES = sizeof lengths_of / sizeof *lengths_of };

static net n;

static void teardown(void)
{
	net_free(&n);
}

static void make_net(const tl_cell *cell, double dropout)
{
	tl_rnn_options options = {
		.cell = cell, .input = E, .hidden = H, .layers = LAYERS, .dropout = dropout};
	n = net_new(&options, STEPS, B);
}

static tl_rnn_result run(const int64_t *lengths, tl_state initial)
{
	return tl_rnn_run_ragged(n.rnn, net_input(&n), lengths, initial, true);
}

static tl_state row_of(tl_state s, int64_t b)
{
	for (int k = 0; k < s.n; k++)
		s.v[k] = tl_slice(s.v[k], 1, b, b + 1, 1);
	return s;
}

/* Each sequence alone, put together afterwards. */
static tl_rnn_result run_alone(const int64_t *lengths, tl_state initial)
{
	tl_rnn_result all = {.last.n = n.rnn->options.cell->states};
	tl_var output[B], last[TL_MAX_STATES][B];
	for (int64_t b = 0; b < B; b++) {
		tl_var x = tl_slice(tl_slice(net_input(&n), 0, 0, lengths[b], 1), 1, b, b + 1, 1);
		tl_rnn_result r = tl_rnn_run(n.rnn, x, row_of(initial, b), true);
		output[b] = tl_pad(r.output, 0, 0, STEPS - lengths[b], 0);
		for (int k = 0; k < r.last.n; k++)
			last[k][b] = r.last.v[k];
	}
	all.output = tl_concat(B, output, 1);
	for (int k = 0; k < all.last.n; k++)
		all.last.v[k] = tl_concat(B, last[k], 1);
	return all;
}

/* Runs for each list of lengths, as do the next two. */
START_TEST(rows_are_as_if_alone)
{
	const tl_cell *const cells[] = {&tl_cell_lstm, &tl_cell_gru, &tl_cell_rnn};
	for (int k = 0; k < 3; k++) {
		make_net(cells[k], 0);
		check_results(&n, run(lengths_of[_i], (tl_state){0}), run_alone(lengths_of[_i], (tl_state){0}),
			check_equal);
		tl_tape_reset(n.tape);
		check_results(&n, run(lengths_of[_i], net_state(&n)), run_alone(lengths_of[_i], net_state(&n)),
			check_equal);
		net_free(&n);
	}
}
END_TEST

START_TEST(padding_is_not_read)
{
	const int64_t *lengths = lengths_of[_i];
	make_net(&tl_cell_lstm, 0);
	tl_real *x = n.x->value.data;
	for (int64_t t = 0; t < STEPS; t++)
		for (int64_t i = 0; i < B * E; i++)
			if (t >= lengths[i / E])
				x[t * B * E + i] = (tl_real)NAN;
	tl_var dx = net_input(&n);
	tl_rnn_result r = run(lengths, (tl_state){0});
	double output[NET_MAX], gradient[NET_MAX];
	ck_assert_int_eq(tl_grad(result_loss(r), 1, &dx, &dx), TL_OK);
	read_values(r.output, output);
	read_values(dx, gradient);
	for (int64_t i = 0; i < STEPS * B * H; i++)
		ck_assert(i / (B * H) < lengths[i / H % B] ? isfinite(output[i]) && output[i] != 0
							   : output[i] == 0);
	for (int64_t i = 0; i < STEPS * B * E; i++)
		ck_assert(i / (B * E) < lengths[i / E % B] ? isfinite(gradient[i]) : gradient[i] == 0);
}
END_TEST

static bool recorded(const tl_op *op, uint32_t generation)
{
	uint64_t nodes = tl_tape_get_stats(n.tape).nodes;
	for (uint32_t i = 1; i <= nodes; i++)
		if (tl_var_op((tl_var){n.tape, i, generation}) == op)
			return true;
	return false;
}

START_TEST(sorted_rows_are_not_moved)
{
	make_net(&tl_cell_lstm, 0);
	tl_rnn_result r = run(lengths_of[_i], net_state(&n));
	ck_assert_int_eq(recorded(&tl_op_gather, r.output.generation), _i < UNSORTED);
	ck_assert_int_eq(recorded(&tl_op_scatter_add, r.output.generation), _i < UNSORTED);
}
END_TEST

/* The rows of each step. */
static int64_t rows_seen[STEPS];
static int n_seen;

static tl_state count_step(const tl_var *p, tl_var x, tl_state s)
{
	ck_assert_int_eq(tl_dim(x, 0), tl_dim(s.v[0], 0));
	ck_assert_int_lt(n_seen, STEPS);
	rows_seen[n_seen++] = tl_dim(x, 0);
	return tl_state1(tl_add(tl_mul(s.v[0], p[0]), tl_sum(x, TL_AXES(-1), true)));
}

static const tl_cell counting = {.name = "counting",
	.states = 1,
	.step = count_step,
	.params = (const tl_cell_param[]){{"d", TL_DIAGONAL, "h"}, {0}}};

START_TEST(ended_rows_are_not_computed)
{
	tl_rnn_options options = {.cell = &counting, .input = E, .hidden = H};
	n = net_new(&options, STEPS, B);
	run(lengths_of[0], (tl_state){0});
	const int64_t want[STEPS] = {5, 4, 3, 2, 2, 2};
	ck_assert_int_eq(n_seen, STEPS);
	for (int t = 0; t < STEPS; t++)
		ck_assert_int_eq(rows_seen[t], want[t]);
}
END_TEST

START_TEST(dropout_between_layers)
{
	make_net(&tl_cell_gru, 0.5);
	double used[NET_MAX], trained[NET_MAX];
	int64_t size = read_values(
		tl_rnn_run_ragged(n.rnn, net_input(&n), lengths_of[0], (tl_state){0}, false).output, used);
	read_values(run(lengths_of[0], (tl_state){0}).output, trained);
	bool differ = false;
	for (int64_t i = 0; i < size; i++)
		differ = differ || used[i] != trained[i];
	ck_assert(differ);
}
END_TEST

static void check_refused(tl_rnn_result r, tl_status status, const char *sentence)
{
	ck_assert(!tl_ok(r.output) && !tl_ok(r.last.v[0]));
	ck_assert_int_eq(tl_tape_status(n.tape), status);
	ck_assert_msg(strstr(tl_tape_error(n.tape)->text, sentence), "%s", tl_tape_error(n.tape)->text);
	tl_tape_reset(n.tape);
}

START_TEST(wrong_lengths)
{
	make_net(&tl_cell_lstm, 0);
	const tl_state none = {0};
	check_refused(run((int64_t[B]){6, 1, 1, 1, 7}, none), TL_ERR_ARGUMENT,
		"rnn: the length of row 4 is 7, it must be from 0 to T = 6");
	check_refused(run((int64_t[B]){-3, 1, 1, 1, 1}, none), TL_ERR_ARGUMENT, "row 0 is -3");
	check_refused(run(NULL, none), TL_ERR_ARGUMENT, "rnn: no lengths are given");
}
END_TEST

START_TEST(wrong_operands)
{
	make_net(&tl_cell_lstm, 0);
	tl_var no_rows = tl_slice(net_input(&n), 1, 0, 0, 1);
	check_refused(tl_rnn_run_ragged(n.rnn, no_rows, lengths_of[0], (tl_state){0}, true), TL_ERR_SHAPE,
		"rnn: x has no rows");
	tl_var flat = tl_select(net_input(&n), 0, 0);
	check_refused(tl_rnn_run_ragged(n.rnn, flat, lengths_of[0], (tl_state){0}, true), TL_ERR_SHAPE,
		"rnn: x has shape (5, 3), (T, B, E), T > 0, with E = 3 is needed");
	tl_state swapped = net_state(&n);
	swapped.v[1] = tl_t(swapped.v[1]);
	check_refused(run(lengths_of[0], swapped), TL_ERR_SHAPE, "rnn: initial state 1 has shape (2, 4, 5)");
}
END_TEST

/* Cells whose step is wrong. */
static tl_state wide_step(const tl_var *p, tl_var x, tl_state s)
{
	(void)p;
	return tl_state2(s.v[0], tl_concat(2, (tl_var[]){x, s.v[1]}, -1));
}

static tl_state forgetful_step(const tl_var *p, tl_var x, tl_state s)
{
	(void)p;
	(void)x;
	return tl_state2(s.v[0], (tl_var){0});
}

START_TEST(wrong_states_of_a_step)
{
	tl_cell cell = {.name = "wide",
		.states = 2,
		.step = wide_step,
		.params = (const tl_cell_param[]){{"d", TL_DIAGONAL, "h"}, {0}}};
	make_net(&cell, 0);
	check_refused(net_run(&n), TL_ERR_SHAPE,
		"rnn: the step of cell wide returned state 1 of shape (5, 7), (B, H) = (5, 4) is needed; in "
		"layer=0/t=0");
	cell.name = "forgetful";
	cell.step = forgetful_step;
	check_refused(net_run(&n), TL_ERR_ARGUMENT,
		"rnn: the step of cell forgetful returned no variable as state 1");
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("ragged");
	TCase *c = tcase_create("ragged");
	tcase_add_checked_fixture(c, NULL, teardown);
	tcase_add_loop_test(c, rows_are_as_if_alone, 0, CASES);
	tcase_add_loop_test(c, padding_is_not_read, 0, CASES);
	tcase_add_loop_test(c, sorted_rows_are_not_moved, 0, CASES);
	tcase_add_test(c, ended_rows_are_not_computed);
	tcase_add_test(c, dropout_between_layers);
	tcase_add_test(c, wrong_lengths);
	tcase_add_test(c, wrong_operands);
	tcase_add_test(c, wrong_states_of_a_step);
	suite_add_tcase(s, c);
	return s;
}
