/* SPDX-License-Identifier: Apache-2.0 */
/* States carried across tapes (models/carry.h): windows on tapes of their own are one run. */
#include "tests/suite.h"

#include "tests/net.h"

enum { B = 2, E = 3, H = 4, P = 2, STEPS = 6, WINDOW = 2 };

static net n;
static tl_carry carry;

static void setup(void)
{
	tl_error err = {0};
	tl_rnn_options o = {.cell = &tl_cell_lstm_projected,
		.input = E,
		.hidden = H,
		.project = P,
		.layers = 2,
		.start = TL_START_LEARNED};
	n = net_new(&o, STEPS, B);
	ck_assert_int_eq(tl_carry_init(&carry, n.rnn, B, &err), TL_OK);
}

static void teardown(void)
{
	tl_carry_release(&carry);
	net_free(&n);
}

static void run_windows(double *output)
{
	for (int64_t t = 0; t < STEPS; t += WINDOW) {
		tl_tape_reset(n.tape);
		tl_var x = tl_slice(net_input(&n), 0, t, t + WINDOW, 1);
		tl_rnn_result r = tl_rnn_run(n.rnn, x, tl_carry_in(&carry, n.tape), false);
		output += read_values(r.output, output);
		ck_assert_int_eq(tl_carry_out(&carry, r.last), TL_OK);
	}
	tl_tape_reset(n.tape);
}

/* The first one from the learned start; the same again after clearing. */
START_TEST(windows_are_a_run)
{
	double got[2][NET_MAX];
	run_windows(got[0]);
	tl_rnn_result whole = tl_rnn_run(n.rnn, net_input(&n), (tl_state){0}, false);
	check_close("output", whole.output, got[0]);
	tl_state last = tl_carry_in(&carry, n.tape);
	ck_assert_int_eq(last.n, 2);
	for (int k = 0; k < last.n; k++)
		check_equal("last state", last.v[k], whole.last.v[k]);
	tl_carry_clear(&carry);
	ck_assert_int_eq(tl_carry_in(&carry, n.tape).n, 0);
	run_windows(got[1]);
	for (int i = 0; i < STEPS * B * P; i++)
		ck_assert(got[0][i] == got[1][i]);
}
END_TEST

START_TEST(zeros_are_given)
{
	tl_carry zeros;
	tl_rnn rnn = *n.rnn;
	rnn.options.start = TL_START_ZERO;
	rnn.directions = 2;
	ck_assert_int_eq(tl_carry_init(&zeros, &rnn, B, NULL), TL_OK);
	tl_state s = tl_carry_in(&zeros, n.tape);
	ck_assert_int_eq(zeros.size, 4 * B * (P + H));
	check_equal("h", s.v[0], tl_fill(n.tape, TL_SHAPE(4, B, P), 0));
	check_equal("c", s.v[1], tl_fill(n.tape, TL_SHAPE(4, B, H), 0));
	tl_carry_release(&zeros);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("carry");
	TCase *c = tcase_create("carry");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, windows_are_a_run);
	tcase_add_test(c, zeros_are_given);
	suite_add_tcase(s, c);
	return s;
}
