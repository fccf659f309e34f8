/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the recurrent driver does to the states besides the cell's own step: recurrent dropout, zoneout,
 * truncation, starts; and how it takes its input: batch first, in both directions.
 */
#include "tests/suite.h"

#include <math.h>
#include <string.h>

#include "graph/plan_figures.h"
#include "tests/net.h"

enum { B = 3, E = 3, H = 4, STEPS = 7, WIDE = 40 };

static net n;

static void teardown(void)
{
	net_free(&n);
}

/* h' = d * h and h' = d * x. */
static tl_state hold_step(const tl_var *p, tl_var x, tl_state s)
{
	(void)x;
	return tl_state1(tl_mul(s.v[0], p[0]));
}

static tl_state echo_step(const tl_var *p, tl_var x, tl_state s)
{
	(void)s;
	return tl_state1(tl_mul(x, p[0]));
}

static const tl_cell_param diagonal[] = {{"d", TL_DIAGONAL, "h"}, {0}};
static const tl_cell hold = {.name = "hold", .states = 1, .step = hold_step, .params = diagonal};
static const tl_cell echo = {.name = "echo", .states = 1, .step = echo_step, .params = diagonal};

/* With d = 1 and initial states of 1. */
static void make_plain(tl_rnn_options o)
{
	o.input = o.hidden = WIDE;
	n = net_new(&o, STEPS, B);
	for (int k = 0; k < n.rnn->options.layers * n.rnn->directions; k++)
		tl_init_constant(n.rnn->params[k], 1);
	tl_init_constant(n.s[0], 1);
}

static void check_share(int64_t count, int64_t of, double p)
{
	double expected = p * (double)of;
	ck_assert_msg(fabs((double)count - expected) <= 4 * sqrt((1 - p) * expected),
		"%d of %d are no share of %g", (int)count, (int)of, p);
}

/* h_t = m^(t+1), m being 0 or 1/(1-p): the same m at all steps of a row. */
START_TEST(recurrent_dropout_has_one_mask)
{
	static const int64_t lengths[B] = {3, STEPS, 5};
	enum { P = 25 };
	make_plain((tl_rnn_options){.cell = &hold, .bidirectional = true, .recurrent_dropout = P / 100.});
	bool ragged = _i;
	tl_rnn_result r =
		ragged ? tl_rnn_run_ragged(n.rnn, net_input(&n), lengths, net_state(&n), true) : net_run(&n);
	double last[NET_MAX], y[NET_MAX];
	read_values(r.last.v[0], last);
	int64_t dropped = 0, like_other_direction = 0;
	for (int64_t i = 0; i < B * WIDE; i++) {
		dropped += last[i] == 0;
		like_other_direction += (last[i] == 0) == (last[B * WIDE + i] == 0);
	}
	check_share(dropped, B * WIDE, P / 100.);
	ck_assert_int_lt(like_other_direction, B * WIDE);
	for (int t = 0; t < STEPS; t++) {
		read_values(tl_slice(tl_select(r.output, 0, t), 1, 0, WIDE, 1), y);
		for (int64_t i = 0; i < B * WIDE; i++) {
			bool ended = ragged && t >= lengths[i / WIDE];
			double want = ended || last[i] == 0 ? 0 : pow(1 / (1 - P / 100.), t + 1);
			ck_assert_msg(fabs(y[i] - want) <= 1e-5 * want, "step %d: %g, not %g", t, y[i], want);
		}
	}
	double used[NET_MAX];
	read_values(tl_rnn_run(n.rnn, net_input(&n), net_state(&n), false).last.v[0], used);
	for (int64_t i = 0; i < 2 * B * WIDE; i++)
		ck_assert_double_eq(used[i], 1);
}
END_TEST

/* Each element of a state is x_t or what it was. */
START_TEST(zoneout_keeps_elements)
{
	enum { Z = 30 };
	make_plain((tl_rnn_options){.cell = &echo, .zoneout = {Z / 100.}});
	double x[NET_MAX], y[NET_MAX], before[NET_MAX], d[NET_MAX];
	int64_t size = read_values(net_input(&n), x), kept = 0, as_at_first = 0, row = B * WIDE;
	tl_rnn_result r = net_run(&n);
	read_values(r.output, y);
	for (int64_t i = 0; i < row; i++)
		before[i] = 1;
	memcpy(before + row, y, (size_t)(size - row) * sizeof *y);
	for (int64_t i = 0; i < size; i++) {
		ck_assert(y[i] == x[i] || y[i] == before[i]);
		kept += y[i] == before[i];
		as_at_first += (y[i] == before[i]) == (y[i % row] == before[i % row]);
	}
	check_share(kept, size, Z / 100.);
	ck_assert_int_lt(as_at_first, size);
	/* The gradient of the last state goes to where each element comes from. */
	tl_var dx = net_input(&n);
	ck_assert_int_eq(tl_grad(tl_sum_all(r.last.v[0]), 1, &dx, &dx), TL_OK);
	read_values(dx, d);
	for (int64_t i = 0; i < row; i++)
		for (int64_t t = STEPS, open = 1; t-- > 0; open = open && y[t * row + i] != x[t * row + i])
			ck_assert_double_eq(d[t * row + i], open && y[t * row + i] == x[t * row + i]);
}
END_TEST

/* h_t = z h_{t-1} + (1 - z) x_t. */
START_TEST(zoneout_in_use_is_its_expectation)
{
	make_plain((tl_rnn_options){.cell = &echo, .zoneout = {0.3}});
	double x[NET_MAX], want[NET_MAX];
	int64_t size = read_values(net_input(&n), x), row = B * WIDE;
	for (int64_t i = 0; i < size; i++)
		want[i] = 0.3 * (i < row ? 1 : want[i - row]) + 0.7 * x[i];
	check_close("output", tl_rnn_run(n.rnn, net_input(&n), net_state(&n), false).output, want);
}
END_TEST

static tl_rnn_result in_windows(const tl_rnn *rnn, tl_var x, tl_state s, int64_t window)
{
	tl_rnn_result r = {.last = s};
	tl_var part[STEPS];
	int parts = 0;
	for (int64_t t = 0; t < STEPS; t += window) {
		for (int k = 0; k < r.last.n && t > 0; k++)
			r.last.v[k] = tl_detach(r.last.v[k]);
		r = tl_rnn_run(rnn, tl_slice(x, 0, t, t + window, 1), r.last, true);
		part[parts++] = r.output;
	}
	r.output = tl_concat(parts, part, 0);
	return r;
}

/* For windows and checkpoints of several lengths. */
START_TEST(truncation_is_detached_windows)
{
	static const struct {
		int64_t window, checkpoint;
	} cases[] = {{1, 0}, {2, 0}, {3, 0}, {STEPS, 0}, {100, 0}, {2, 2}, {2, 3}, {3, 2}};
	static const tl_cell *const cells[] = {
		&tl_cell_lstm, &tl_cell_gru, &tl_cell_elman, &tl_cell_lstm_norm};
	for (int k = 0; k < 4; k++) {
		n = net_new(&(tl_rnn_options){.cell = cells[k],
				    .input = E,
				    .hidden = H,
				    .layers = 2,
				    .truncate = cases[_i].window,
				    .checkpoint = cases[_i].checkpoint},
			STEPS, B);
		tl_rnn whole = *n.rnn;
		whole.options.truncate = whole.options.checkpoint = 0;
		tl_rnn_result want = in_windows(&whole, net_input(&n), net_state(&n), cases[_i].window);
		check_results(&n, net_run(&n), want, check_equal);
		net_free(&n);
	}
}
END_TEST

/* A layer of two directions is two nets, one of which reads from the end; truncation is counted from there.
 */
START_TEST(reverse_is_a_net_from_the_end)
{
	n = net_new(&(tl_rnn_options){.cell = &tl_cell_lstm_projected,
			    .input = E,
			    .hidden = H,
			    .project = 2,
			    .bidirectional = true,
			    .truncate = _i},
		STEPS, B);
	tl_rnn half[2] = {*n.rnn, *n.rnn};
	tl_var output[2], last[2][2], x = net_input(&n);
	for (int d = 0; d < 2; d++) {
		half[d].options.bidirectional = false;
		half[d].options.truncate = 0;
		half[d].directions = 1;
		half[d].params += d * n.rnn->count;
		tl_state s = net_state(&n);
		for (int k = 0; k < s.n; k++)
			s.v[k] = tl_slice(s.v[k], 0, d, d + 1, 1);
		tl_rnn_result r = in_windows(&half[d], d ? tl_flip(x, 0) : x, s, _i ? _i : STEPS);
		output[d] = d ? tl_flip(r.output, 0) : r.output;
		for (int k = 0; k < s.n; k++)
			last[k][d] = r.last.v[k];
	}
	tl_rnn_result want = {
		tl_concat(2, output, -1), tl_state2(tl_concat(2, last[0], 0), tl_concat(2, last[1], 0))};
	check_results(&n, net_run(&n), want, check_equal);
}
END_TEST

START_TEST(batch_first_is_transposed)
{
	static const int64_t lengths[2][B] = {{3, STEPS, 0}, {STEPS, 5, 5}};
	static const int swap[] = {1, 0, 2};
	n = net_new(&(tl_rnn_options){.cell = &tl_cell_gru,
			    .input = E,
			    .hidden = H,
			    .layers = 2,
			    .bidirectional = _i % 2,
			    .batch_first = true},
		STEPS, B);
	tl_rnn other = *n.rnn;
	other.options.batch_first = false;
	tl_var x = net_input(&n), turned = tl_transpose(x, swap);
	tl_rnn_result got =
		_i < 2 ? net_run(&n) : tl_rnn_run_ragged(n.rnn, x, lengths[_i / 4], net_state(&n), true);
	tl_rnn_result want = _i < 2 ? tl_rnn_run(&other, turned, net_state(&n), true)
				    : tl_rnn_run_ragged(&other, turned, lengths[_i / 4], net_state(&n), true);
	want.output = tl_transpose(want.output, swap);
	check_results(&n, got, want, check_equal);
}
END_TEST

START_TEST(rows_without_steps)
{
	static const int64_t lengths[B] = {0};
	n = net_new(
		&(tl_rnn_options){
			.cell = &tl_cell_lstm, .input = E, .hidden = H, .layers = 2, .bidirectional = _i},
		STEPS, B);
	tl_rnn_result r = tl_rnn_run_ragged(n.rnn, net_input(&n), lengths, net_state(&n), true);
	check_equal("output", r.output, tl_fill(n.tape, TL_SHAPE(STEPS, B, (1 + _i) * H), 0));
	for (int k = 0; k < r.last.n; k++)
		check_equal("state", r.last.v[k], net_state(&n).v[k]);
	ck_assert_msg(tl_store_backward(n.store, result_loss(r)) == TL_OK, "%s", tl_tape_error(n.tape)->text);
}
END_TEST

/* As if given, the same for all rows. */
START_TEST(learned_starts)
{
	n = net_new(&(tl_rnn_options){.cell = &tl_cell_lstm_projected,
			    .input = E,
			    .hidden = H,
			    .project = 2,
			    .layers = 2,
			    .bidirectional = true,
			    .start = TL_START_LEARNED},
		STEPS, B);
	ck_assert_ptr_eq(tl_store_find(n.store, "net.l0.start.0"), n.rnn->starts[0]);
	ck_assert_ptr_eq(tl_store_find(n.store, "net.l1.reverse.start.1"), n.rnn->starts[7]);
	ck_assert_ptr_eq(tl_store_find(n.store, "net.l1.reverse.r"), n.rnn->params[4 * n.rnn->count - 1]);
	tl_state s = {.n = 2};
	for (int k = 0; k < 2; k++) {
		tl_var each[4];
		for (int i = 0; i < 4; i++)
			each[i] = tl_unsqueeze(tl_use(n.tape, n.rnn->starts[2 * i + k]), 0);
		s.v[k] = tl_broadcast(tl_stack(4, each, 0), tl_rnn_state_shape(n.rnn, k, B));
	}
	tl_rnn_result got = tl_rnn_run(n.rnn, net_input(&n), (tl_state){0}, true);
	check_results(&n, got, tl_rnn_run(n.rnn, net_input(&n), s, true), check_equal);
	tl_rnn_init(n.rnn, &(tl_rng){.seed = 1});
	double x[NET_MAX];
	for (int64_t i = 0, size = read_values(tl_detach(tl_use(n.tape, n.rnn->starts[7])), x); i < size; i++)
		ck_assert_double_eq(x[i], 0);
}
END_TEST

START_TEST(random_starts)
{
	const double scale = 0.5;
	double a[NET_MAX], b[NET_MAX], sum = 0, squares = 0;
	make_plain(
		(tl_rnn_options){.cell = &hold, .layers = 4, .start = TL_START_RANDOM, .start_scale = scale});
	int64_t size = 0;
	for (int step = 0; step < 3; step++) {
		tl_tape_reset(n.tape);
		tl_tape_set_step(n.tape, (uint64_t)(step % 2));
		size = read_values(
			tl_rnn_run(n.rnn, net_input(&n), (tl_state){0}, true).last.v[0], step == 1 ? b : a);
		ck_assert(step != 1 || memcmp(a, b, (size_t)size * sizeof *a) != 0);
		for (int64_t i = 0; i < size && step < 2; i++) {
			double v = step ? b[i] : a[i];
			sum += v;
			squares += v * v;
		}
		if (step == 0)
			memcpy(b, a, sizeof a);
	}
	double count = 2 * (double)size;
	ck_assert_double_le(fabs(sum / count), 4 * scale / sqrt(count));
	ck_assert_double_le(fabs(squares / count - scale * scale), 4 * scale * scale * sqrt(2 / count));
	tl_rnn_result used = tl_rnn_run(n.rnn, net_input(&n), (tl_state){0}, false);
	check_equal("not in training", used.output, tl_fill(n.tape, TL_SHAPE(STEPS, B, WIDE), 0));
	check_equal("given", net_run(&n).output, tl_fill(n.tape, TL_SHAPE(STEPS, B, WIDE), 1));
}
END_TEST

START_TEST(steps_in_use)
{
	n = net_new(&(tl_rnn_options){.cell = &tl_cell_jordan,
			    .input = E,
			    .hidden = H,
			    .project = 2,
			    .layers = 2,
			    .recurrent_dropout = 0.5,
			    .dropout = 0.5,
			    .zoneout = {0.25},
			    .truncate = 1},
		STEPS, B);
	tl_rnn_result whole = tl_rnn_run(n.rnn, net_input(&n), net_state(&n), false);
	tl_state s = net_state(&n);
	for (int t = 0; t < STEPS; t++) {
		tl_rnn_result r = tl_rnn_step(n.rnn, tl_select(net_input(&n), 0, t), s);
		check_equal("output", r.output, tl_select(whole.output, 0, t));
		s = r.last;
	}
	check_equal("last state", s.v[0], whole.last.v[0]);
}
END_TEST

/* The loss of a net with everything on, drawing what it draws each time. */
static tl_var noisy_loss(void)
{
	static const int64_t lengths[B] = {4, 0, STEPS};
	tl_tape_reset(n.tape);
	tl_tape_set_step(n.tape, 5);
	return result_loss(tl_rnn_run_ragged(n.rnn, net_input(&n), lengths, (tl_state){0}, true));
}

static double noisy_loss_at(tl_real *x, double moved)
{
	double loss[NET_MAX];
	tl_real old = *x;
	*x = (tl_real)((double)old + moved);
	read_values(noisy_loss(), loss);
	*x = old;
	return loss[0];
}

/* For starts and checkpoints. */
START_TEST(all_together_are_central_differences)
{
	const double h = 1e-3;
	tl_rnn_options o = {.cell = &tl_cell_lstm_projected,
		.input = 2,
		.hidden = 3,
		.project = 2,
		.layers = 2,
		.bidirectional = true,
		.batch_first = true,
		.dropout = 0.2,
		.recurrent_dropout = 0.2,
		.zoneout = {0.2, 0.4}};
	o.start = _i % 2 ? TL_START_LEARNED : TL_START_RANDOM;
	o.start_scale = _i % 2 ? 0 : 0.5;
	o.checkpoint = _i / 2 * 2;
	n = net_new(&o, STEPS, B);
	ck_assert_msg(tl_store_backward(n.store, noisy_loss()) == TL_OK, "%s", tl_tape_error(n.tape)->text);
	for (int k = 0; k < tl_store_count(n.store); k++) {
		const tl_param *p = tl_store_at(n.store, k);
		const tl_real *got = p->grad.data;
		for (int64_t i = 0; i < tl_shape_size(p->value.shape); i++) {
			tl_real *x = (tl_real *)p->value.data + i;
			double d = noisy_loss_at(x, h) - noisy_loss_at(x, -h);
			double d2 = noisy_loss_at(x, 2 * h) - noisy_loss_at(x, -2 * h),
			       want = (8 * d - d2) / (12 * h);
			ck_assert_msg(fabs((double)got[i] - want) <= 1e-6 * fmax(0.01, fabs(want)),
				"dL/d%s[%d] is %.10g, not %.10g", p->name, (int)i, (double)got[i], want);
		}
	}
}
END_TEST

/* Gathers and joins do not tie layers and directions together: each is a recurrence of its own, forward and
 * back. */
START_TEST(products_of_inputs_are_hoisted)
{
	static const int64_t lengths[B] = {4, 2, STEPS};
	enum { LAYERS = 3 };
	n = net_new(&(tl_rnn_options){.cell = &tl_cell_lstm,
			    .input = E,
			    .hidden = H,
			    .layers = LAYERS,
			    .bidirectional = true,
			    .batch_first = _i % 2},
		STEPS, B);
	tl_tape_free(n.tape);
	n.tape = tl_tape_new(&(tl_tape_options){.plan = "all"});
	tl_state none = {0};
	tl_rnn_result r = _i < 2 ? tl_rnn_run_ragged(n.rnn, net_input(&n), lengths, none, true)
				 : tl_rnn_run(n.rnn, net_input(&n), none, true);
	ck_assert_msg(tl_store_backward(n.store, result_loss(r)) == TL_OK, "%s", tl_tape_error(n.tape)->text);
	const tl_plan_figures *f = tl_plan_last(n.tape);
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(f->recurrences, 2 * 2 * LAYERS);
	/* A product for each step of each; outside of them x W, dx, dW and dU, each in one or two parts. */
	ck_assert_uint_le(f->gemms, 2 * 2 * LAYERS * STEPS + 2 * LAYERS * 4 * 2);
}
END_TEST

static void check_refused(tl_rnn_options o, const char *sentence)
{
	tl_error err = {0};
	o.cell = o.cell ? o.cell : &tl_cell_lstm;
	o.input = E;
	o.hidden = H;
	ck_assert_ptr_null(tl_rnn_new(n.store, "other", &o, &err));
	ck_assert_int_eq(err.status, TL_ERR_ARGUMENT);
	ck_assert_str_eq(err.text, sentence);
}

START_TEST(wrong_values)
{
	make_plain((tl_rnn_options){.cell = &hold, .bidirectional = true});
	check_refused((tl_rnn_options){.recurrent_dropout = 1}, "rnn: recurrent dropout 1 is not in [0, 1)");
	check_refused((tl_rnn_options){.zoneout = {0, -0.5}}, "rnn: zoneout -0.5 is not in [0, 1)");
	check_refused((tl_rnn_options){.zoneout = {0, 0, 0.5}},
		"rnn: cell lstm has no state 2 for a zoneout of 0.5");
	check_refused((tl_rnn_options){.truncate = -1}, "rnn: truncation after -1 steps is none");
	check_refused((tl_rnn_options){.project = -2}, "rnn: a projected size of -2 is none");
	check_refused((tl_rnn_options){.project = 2},
		"rnn: cell lstm has nothing of a second size, to be projected to 2");
	check_refused((tl_rnn_options){.start = (tl_start)9}, "rnn: there is no way to start number 9");
	check_refused((tl_rnn_options){.start = TL_START_RANDOM},
		"rnn: a random start needs a scale above 0, not 0");
	check_refused((tl_rnn_options){.start_scale = 1}, "rnn: a start of scale 1 must be a random one");
	tl_rnn_step(n.rnn, tl_select(net_input(&n), 0, 0), net_state(&n));
	ck_assert_str_eq(tl_tape_error(n.tape)->text,
		"rnn: a net of two directions does not go step by step: one of them starts at the end");
	tl_tape_reset(n.tape);
	tl_rnn_run(n.rnn, net_input(&n), tl_state1(tl_slice(net_state(&n).v[0], 0, 0, 1, 1)), true);
	ck_assert_str_eq(tl_tape_error(n.tape)->text,
		"rnn: initial state 0 has shape (1, 3, 40), (2*layers, B, H) = (2, 3, 40) is needed");
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("rnn_options");
	TCase *c = tcase_create("rnn_options");
	tcase_add_checked_fixture(c, NULL, teardown);
	tcase_add_loop_test(c, recurrent_dropout_has_one_mask, 0, 2);
	tcase_add_test(c, zoneout_keeps_elements);
	tcase_add_test(c, zoneout_in_use_is_its_expectation);
	tcase_add_loop_test(c, truncation_is_detached_windows, 0, 8);
	tcase_add_loop_test(c, reverse_is_a_net_from_the_end, 0, 4);
	tcase_add_loop_test(c, batch_first_is_transposed, 0, 6);
	tcase_add_loop_test(c, rows_without_steps, 0, 2);
	tcase_add_test(c, learned_starts);
	tcase_add_test(c, random_starts);
	tcase_add_test(c, steps_in_use);
	if (sizeof(tl_real) == sizeof(double))
		tcase_add_loop_test(c, all_together_are_central_differences, 0, 4);
	tcase_add_loop_test(c, products_of_inputs_are_hoisted, 0, 4);
	tcase_add_test(c, wrong_values);
	suite_add_tcase(s, c);
	return s;
}
