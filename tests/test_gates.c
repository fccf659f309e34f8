/* SPDX-License-Identifier: Apache-2.0 */
/* What the gates of recurrent cells do at 0 and 1, and a cell of a user's own whose gates are set by hand. */
#include "tests/suite.h"

#include <math.h>
#include <string.h>

#include "tests/net.h"

enum { B = 2, E = 3, H = 4, STEPS = 3 };

static net n;

static void teardown(void)
{
	net_free(&n);
}

/* [x, h] [W; U] = x W + h U, and so are the gradients. */
START_TEST(one_product_or_two)
{
	n = net_new(&(tl_rnn_options){.cell = &tl_cell_lstm, .input = E, .hidden = H}, 1, B);
	tl_var x = tl_select(net_input(&n), 0, 0), h = tl_select(net_state(&n).v[0], 0, 0);
	tl_var w = tl_use(n.tape, n.rnn->params[0]), u = tl_use(n.tape, n.rnn->params[1]);
	tl_var two = tl_add(tl_matmul(x, w), tl_matmul(h, u));
	tl_var one = tl_matmul(tl_concat(2, (tl_var[]){x, h}, -1), tl_concat(2, (tl_var[]){w, u}, 0));
	check_equal("product", one, two);
	tl_var wrt[] = {x, h, w, u}, d1[4], d2[4];
	ck_assert_int_eq(tl_grad(weighted_sum(one, 0), 4, wrt, d1), TL_OK);
	ck_assert_int_eq(tl_grad(weighted_sum(two, 0), 4, wrt, d2), TL_OK);
	for (int k = 0; k < 4; k++)
		check_equal("gradient", d1[k], d2[k]);
}
END_TEST

/* The RNN that computes a GRU's n where r = 1. */
static void rnn_within(const tl_cell *cell, tl_var *q)
{
	tl_var p[4];
	for (int k = 0; k < 4; k++)
		p[k] = tl_use(n.tape, n.rnn->params[k]);
	q[0] = tl_part(p[0], -1, 2, 3);
	q[1] = cell == &tl_cell_gru ? p[3] : tl_part(p[1], -1, 2, 3);
	q[2] = tl_part(p[2], -1, 2, 3);
	if (cell == &tl_cell_gru_lbr)
		q[2] = tl_add(q[2], p[3]);
}

static void set_gate(char gate, double to)
{
	ck_assert(tl_rnn_set_bias(n.rnn, gate, to == 1 ? 1000 : -1000));
	tl_tape_reset(n.tape);
}

/* For both GRUs. */
START_TEST(gates_of_a_gru)
{
	const tl_cell *cell = _i ? &tl_cell_gru_lbr : &tl_cell_gru;
	n = net_new(&(tl_rnn_options){.cell = cell, .input = E, .hidden = H}, STEPS, B);
	ck_assert(!tl_rnn_set_bias(n.rnn, 'f', 1));

	set_gate('r', 1);
	set_gate('z', 0);
	tl_rnn_result r = net_run(&n);
	tl_var q[3];
	rnn_within(cell, q);
	tl_state s = tl_state1(tl_select(net_state(&n).v[0], 0, 0));
	for (int t = 0; t < STEPS; t++) {
		s = tl_cell_rnn.step(q, tl_select(net_input(&n), 0, t), s);
		check_equal("r = 1, z = 0: an RNN", tl_select(r.output, 0, t), s.v[0]);
	}

	set_gate('r', 0);
	tl_state elsewhere = tl_state1(tl_fill(n.tape, TL_SHAPE(1, B, H), 0.7));
	tl_rnn_result other = tl_rnn_run(n.rnn, net_input(&n), elsewhere, true);
	check_equal("r = 0, z = 0: no past", net_run(&n).output, other.output);

	set_gate('z', 1);
	tl_var kept = tl_broadcast(net_state(&n).v[0], TL_SHAPE(STEPS, B, H));
	check_equal("z = 1: a copy", net_run(&n).output, kept);
}
END_TEST

static void set_lstm(double f, double i, double o)
{
	set_gate('f', f);
	set_gate('i', i);
	set_gate('o', o);
}

/* With peepholes, too: at the ends of a gate nothing else counts. */
START_TEST(gates_of_an_lstm)
{
	const tl_cell *cell = _i ? &tl_cell_lstm_peephole : &tl_cell_lstm;
	n = net_new(&(tl_rnn_options){.cell = cell, .input = E, .hidden = H}, STEPS, B);
	set_lstm(1, 0, 1);
	tl_rnn_result r = net_run(&n);
	tl_var c = net_state(&n).v[1];
	check_equal("f = 1, i = 0: the memory stays", r.last.v[1], c);
	check_equal("o = 1: it is seen", r.output, tl_broadcast(tl_tanh(c), TL_SHAPE(STEPS, B, H)));

	set_lstm(0, 1, 1);
	tl_state s = net_state(&n);
	s.v[1] = tl_fill(n.tape, TL_SHAPE(1, B, H), 0.7);
	tl_var other = tl_rnn_run(n.rnn, net_input(&n), s, true).last.v[1];
	check_equal("f = 0: no old memory", net_run(&n).last.v[1], other);

	set_lstm(1, 1, 0);
	check_equal("o = 0: nothing is seen", net_run(&n).output, tl_fill(n.tape, TL_SHAPE(STEPS, B, H), 0));
}
END_TEST

enum { LONG = 200 };

/* The greatest |dL/dc_0| for L = sum of c_T, after T steps with the forget gates' bias. */
static double memory_of_the_start(double bias)
{
	double d[NET_MAX], greatest = 0;
	tl_tape_reset(n.tape);
	ck_assert(tl_rnn_set_bias(n.rnn, 'f', bias));
	tl_state s = {.n = 2, .v = {tl_fill(n.tape, TL_SHAPE(1, B, H), 0), tl_use(n.tape, n.s[1])}};
	tl_var x = tl_scale(net_input(&n), 0.1), out;
	ck_assert_int_eq(tl_grad(tl_sum_all(tl_rnn_run(n.rnn, x, s, true).last.v[1]), 1, &s.v[1], &out), TL_OK);
	for (int64_t i = read_values(out, d); i > 0; i--)
		greatest = fmax(greatest, fabs(d[i - 1]));
	return greatest;
}

/* A large forget bias keeps the gate open at first: what happened 200 steps ago still counts. */
START_TEST(a_large_forget_bias)
{
	n = net_new(&(tl_rnn_options){.cell = &tl_cell_lstm, .input = 1, .hidden = H}, LONG, B);
	tl_rnn_init(n.rnn, &(tl_rng){.seed = 3});
	double closed = memory_of_the_start(0), open = memory_of_the_start(8);
	ck_assert_msg(closed < 1e-12 && open > 0.1 && open < 10, "bias 0: %g, bias 8: %g", closed, open);
}
END_TEST

START_TEST(four_times_the_parameters)
{
	const tl_cell *cells[] = {&tl_cell_rnn, &tl_cell_gru, &tl_cell_lstm};
	int64_t size[3];
	for (int k = 0; k < 3; k++) {
		n = net_new(&(tl_rnn_options){.cell = cells[k], .input = E, .hidden = H}, 1, 1);
		size[k] = tl_store_size(n.store) - E - cells[k]->states * H;
		net_free(&n);
	}
	ck_assert_int_eq(size[0], (E + H + 1) * H);
	ck_assert_int_eq(size[1], 3 * size[0]);
	ck_assert_int_eq(size[2], 4 * size[0]);
}
END_TEST

/* An LSTM without squashing, as a user writes a cell. */
static tl_state adder_step(const tl_var *p, tl_var x, tl_state s)
{
	tl_var z = tl_add(tl_linear(x, p[0], p[2]), tl_matmul(s.v[0], p[1]));
	tl_var i = tl_sigmoid(tl_part(z, -1, 0, 4)), f = tl_sigmoid(tl_part(z, -1, 1, 4));
	tl_var g = tl_part(z, -1, 2, 4), o = tl_sigmoid(tl_part(z, -1, 3, 4));
	tl_var c = tl_add(tl_mul(f, s.v[1]), tl_mul(i, g));
	return tl_state2(tl_mul(o, c), c);
}

static const tl_cell adder = {
	.name = "adder",
	.states = 2,
	.step = adder_step,
	.params = (const tl_cell_param[]){{"w", TL_INPUT_ROWS, "ifgo"}, {"u", TL_STATE_ROWS, "ifgo"},
		{"b", TL_BIAS, "ifgo"}, {0}},
};

/* x2 = 1 adds x1 to the memory, x2 = -1 clears it, x3 = 1 lets it out. */
START_TEST(a_memory_set_by_hand)
{
	const tl_real w[3][4] = {{0, 0, 1, 0}, {100, 100, 0, 0}, {0, 0, 0, 100}}, b[4] = {-10, 10, 0, -10};
	const tl_real x[5][3] = {{3, 1, 0}, {4, 1, 0}, {2, 0, 0}, {1, 0, 1}, {3, -1, 0}};
	const double want[5] = {0, 0, 0, 7, 0};
	double got[NET_MAX];
	n = net_new(&(tl_rnn_options){.cell = &adder, .input = 3, .hidden = 1}, 5, 1);
	memcpy(n.rnn->params[0]->value.data, w, sizeof w);
	memset(n.rnn->params[1]->value.data, 0, 4 * sizeof(tl_real));
	memcpy(n.rnn->params[2]->value.data, b, sizeof b);
	memcpy(n.x->value.data, x, sizeof x);
	read_values(tl_rnn_run(n.rnn, net_input(&n), (tl_state){0}, true).output, got);
	for (int t = 0; t < 5; t++)
		ck_assert_msg(fabs(got[t] - want[t]) < 0.01, "step %d gives %g, not %g", t, got[t], want[t]);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("gates");
	TCase *c = tcase_create("gates");
	tcase_add_checked_fixture(c, NULL, teardown);
	tcase_add_test(c, one_product_or_two);
	tcase_add_loop_test(c, gates_of_a_gru, 0, 2);
	tcase_add_loop_test(c, gates_of_an_lstm, 0, 2);
	tcase_add_test(c, a_large_forget_bias);
	tcase_add_test(c, four_times_the_parameters);
	tcase_add_test(c, a_memory_set_by_hand);
	suite_add_tcase(s, c);
	return s;
}
