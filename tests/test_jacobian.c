/* SPDX-License-Identifier: Apache-2.0 */
/* Jacobians of recurrent steps: closed forms of linear cells, and the gradients of one unrolled graph. */
#include "tests/suite.h"

#include <math.h>
#include <string.h>

#include "models/tapeloop.h"
#include "tools/jacobian.h"

enum { H = 5, LONG = 1000 };

static tl_tape *tape;
static tl_store *store;
static tl_rnn *rnn;
static tl_real x[LONG * H];
static double norm[2 * (LONG + 1)];

/* h' = x W + h U */
static tl_state linear_step(const tl_var *p, tl_var in, tl_state s)
{
	return tl_state1(tl_add(tl_matmul(in, p[0]), tl_matmul(s.v[0], p[1])));
}

static const tl_cell linear = {
	.name = "linear",
	.states = 1,
	.step = linear_step,
	.params = (const tl_cell_param[]){{"w", TL_INPUT_ROWS, "h"}, {"u", TL_STATE_ROWS, "h"}, {0}},
};

static void setup(void)
{
	tape = tl_tape_new(NULL);
	store = tl_store_new();
	ck_assert(tape && store);
	memset(x, 0, sizeof x);
}

static void teardown(void)
{
	tl_rnn_free(rnn);
	tl_store_free(store);
	tl_tape_free(tape);
}

static void make(const tl_cell *cell)
{
	tl_error err = {0};
	rnn = tl_rnn_new(store, "net", &(tl_rnn_options){.cell = cell, .input = H, .hidden = H}, &err);
	ck_assert_msg(rnn != NULL, "%s", err.text);
	tl_rnn_init(rnn, &(tl_rng){.seed = 2});
}

static void run(int64_t length, double clip)
{
	tl_error err = {0};
	ck_assert_msg(!jacobian_norms_of(rnn, tape, x, length, clip, norm, &err), "%s", err.text);
}

/* U = s Q with Q orthogonal: |J_t| = s^(T - t), far beyond what a float or a double holds. */
START_TEST(powers)
{
	const double factors[] = {0.25, 0.99, 1, 3};
	make(&linear);
	for (int k = 0; k < 4; k++) {
		tl_error err = {0};
		ck_assert_int_eq(tl_init_orthogonal(rnn->params[1], &(tl_rng){.seed = 4}, factors[k], &err), TL_OK);
		run(LONG, 0);
		for (int t = 0; t <= LONG; t++)
			ck_assert_msg(fabs(norm[t] - (LONG - t) * log10(factors[k])) < 1e-3, "%g^%d: 10^%g", factors[k], LONG - t,
				norm[t]);
	}
}
END_TEST

/* Clipped to C, what grows stays at C, what shrinks is not changed: U = diag(2, 1/2, ...). */
START_TEST(clipping)
{
	make(&linear);
	tl_real *u = rnn->params[1]->value.data;
	memset(u, 0, H * H * sizeof *u);
	for (int i = 0; i < H; i++)
		u[i * H + i] = (tl_real)(i ? 0.5 : 2);
	run(20, 8);
	for (int t = 0; t <= 20; t++) {
		double grown = fmin(8, pow(2, 20 - t)), shrunk = pow(0.5, 20 - t);
		double want = sqrt((grown * grown + (H - 1) * shrunk * shrunk) / H);
		ck_assert_double_eq_tol(norm[t], log10(want), 1e-5);
	}
	run(20, 0.25);
	ck_assert_double_eq_tol(norm[20], log10(0.25), 1e-6);
	for (int i = 0; i < H; i++)
		u[i * H + i] = (tl_real)(i == 1);
	run(20, 0);
	ck_assert_double_eq_tol(norm[3], log10(sqrt(1.0 / H)), 1e-6);
	memset(u, 0, H * H * sizeof *u);
	run(3, 0);
	ck_assert(norm[3] == 0 && isinf(norm[2]) && norm[2] < 0 && isinf(norm[0]));
}
END_TEST

enum { T = 12 };

/* So that an LSTM's h, which depends on c, and c are apart. */
static tl_state copied(tl_state s)
{
	for (int k = 0; k < s.n; k++)
		s.v[k] = tl_shift(s.v[k], 0);
	return s;
}

/* tl_grad of each h_T[i] on one graph of all steps, with respect to all states on the way. */
START_TEST(one_unrolled_graph)
{
	const tl_cell *cells[] = {&tl_cell_rnn, &tl_cell_gru, &tl_cell_lstm, &tl_cell_lstm_peephole};
	tl_rng r = {.seed = 5};
	for (int i = 0; i < T * H; i++)
		x[i] = (tl_real)tl_rng_normal(&r);
	make(cells[_i]);
	int states = cells[_i]->states;
	double sum[2][T + 1] = {{0}};
	for (int i = 0; i < H; i++) {
		tl_state s[T + 1] = {{.n = states}};
		tl_var p[8], wrt[2 * (T + 1)];
		tl_tape_reset(tape);
		for (int k = 0; k < rnn->count; k++)
			p[k] = tl_use(tape, rnn->params[k]);
		for (int k = 0; k < states; k++)
			s[0].v[k] = tl_input(tape, TL_SHAPE(1, H), (tl_real[H]){0});
		for (int t = 1; t <= T; t++)
			s[t] = copied(cells[_i]->step(p, tl_input(tape, TL_SHAPE(1, H), x + (t - 1) * H), s[t - 1]));
		for (int t = 0; t <= T; t++)
			for (int k = 0; k < states; k++)
				wrt[t * states + k] = s[t].v[k];
		tl_grad(tl_sum_all(tl_slice(s[T].v[0], 1, i, i + 1, 1)), (T + 1) * states, wrt, wrt);
		for (int j = 0; j < (T + 1) * states; j++) {
			tl_real d[H];
			ck_assert_msg(tl_read(wrt[j], d, H) == TL_OK, "%s", tl_tape_error(tape)->text);
			for (int k = 0; k < H; k++)
				sum[j % states][j / states] += (double)d[k] * (double)d[k];
		}
	}
	run(T, 0);
	for (int k = 0; k < states; k++)
		for (int t = 0; t <= T; t++) {
			double got = norm[k * (T + 1) + t], want = 0.5 * log10(sum[k][t] / H);
			ck_assert_msg(got == want || fabs(got - want) < 1e-4, "%s, state %d, t = %d: %g, not %g", cells[_i]->name,
				k, t, got, want);
		}
}
END_TEST

START_TEST(states_that_are_no_numbers)
{
	tl_error err = {0};
	make(&linear);
	tl_init_identity(rnn->params[1], 1e10, &err);
	x[0] = 1;
	ck_assert_int_eq(jacobian_norms_of(rnn, tape, x, LONG, 0, norm, &err), TL_ERR_VALUE);
	ck_assert_ptr_nonnull(strstr(err.text, "cell linear: the state at t = "));
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("jacobian");
	TCase *c = tcase_create("jacobian");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, powers);
	tcase_add_test(c, clipping);
	tcase_add_loop_test(c, one_unrolled_graph, 0, 4);
	tcase_add_test(c, states_that_are_no_numbers);
	suite_add_tcase(s, c);
	return s;
}
