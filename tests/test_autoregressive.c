/* SPDX-License-Identifier: Apache-2.0 */
/* Models of series: against the least squares' closed form on an AR(2) process, against plain loops, on a sine. */
#include "tests/suite.h"

#include <math.h>
#include <string.h>

#include "tests/net.h"

enum { N = 400, P = 2 };

static tl_tape *tape;
static tl_store *store;
static tl_ar *ar;

static void setup(void)
{
	tape = tl_tape_new(NULL);
	store = tl_store_new();
	ck_assert(tape && store);
}

static void teardown(void)
{
	tl_ar_free(ar);
	ar = NULL;
	tl_store_free(store);
	tl_tape_free(tape);
}

static void make(const tl_ar_options *o)
{
	tl_error err = {0};
	ar = tl_ar_new(store, "ar", o, &err);
	ck_assert_msg(ar != NULL, "%s", err.text);
	tl_ar_init(ar, &(tl_rng){.seed = 2});
}

/* Trains on the whole series; returns the last loss. */
static double train(const tl_real *x, int n, int steps, const tl_optimizer_options *o)
{
	tl_error err = {0};
	tl_real value = 0;
	tl_optimizer *opt = tl_optimizer_new(store, o, &err);
	for (int step = 0; step < steps; step++) {
		tl_tape_reset(tape);
		tl_var v = tl_input(tape, TL_SHAPE(n, 1, 1), x);
		tl_var loss = tl_mse(tl_ar_run(ar, v, true), tl_ar_target(ar, v), TL_MEAN);
		tl_store_backward(store, loss);
		ck_assert_msg(tl_read(loss, &value, 1) == TL_OK, "%s", tl_tape_error(tape)->text);
		tl_optimizer_step(opt);
	}
	tl_optimizer_free(opt);
	tl_tape_reset(tape);
	return (double)value;
}

static void series(tl_real *x)
{
	tl_rng r = {.seed = 1};
	double a = 0, b = 0;
	for (int t = -50; t < N; t++) {
		double c = 0.3 + 1.2 * b - 0.6 * a + 0.5 * tl_rng_normal(&r);
		a = b;
		b = c;
		if (t >= 0)
			x[t] = (tl_real)c;
	}
}

/* (X' X) w = X' y by elimination, the rows of X being (x_{t-2}, x_{t-1}, 1). */
static void least_squares(const tl_real *x, double w[P + 1])
{
	double a[P + 1][P + 2] = {{0}};
	for (int t = P; t < N; t++) {
		double row[P + 2] = {(double)x[t - 2], (double)x[t - 1], 1, (double)x[t]};
		for (int i = 0; i <= P; i++)
			for (int j = 0; j <= P + 1; j++)
				a[i][j] += row[i] * row[j];
	}
	for (int k = 0; k <= P; k++)
		for (int i = 0; i <= P; i++) {
			double f = a[i][k] / a[k][k];
			for (int j = 0; j <= P + 1 && i != k; j++)
				a[i][j] -= f * a[k][j];
		}
	for (int k = 0; k <= P; k++)
		w[k] = a[k][P + 1] / a[k][k];
}

/* And many steps ahead it is the recursion with these weights. */
START_TEST(finds_the_least_squares)
{
	enum { STEPS = 6 };
	tl_real x[N];
	double w[P + 1], want[STEPS];
	series(x);
	least_squares(x, w);
	make(&(tl_ar_options){.size = 1, .order = P});
	train(x, N, 1000, &(tl_optimizer_options){.kind = &tl_sgd, .lr = 0.1, .momentum = 0.9});
	const tl_real *got = ar->window.output.w->value.data, *b = ar->window.output.b->value.data;
	const double close = sizeof(tl_real) == sizeof(double) ? 1e-6 : 1e-4;
	for (int k = 0; k <= P; k++) {
		double learnt = (double)(k < P ? got[k] : b[0]);
		ck_assert_msg(fabs(learnt - w[k]) < close, "weight %d is %.9g, not %.9g", k, learnt, w[k]);
	}
	double last[2] = {(double)x[N - 2], (double)x[N - 1]};
	for (int t = 0; t < STEPS; t++) {
		want[t] = (double)got[0] * last[0] + (double)got[1] * last[1] + (double)b[0];
		last[0] = last[1];
		last[1] = want[t];
	}
	check_close("continued", tl_ar_continue(ar, tl_input(tape, TL_SHAPE(N, 1, 1), x), NULL, STEPS), want);
}
END_TEST

enum { D = 2, B = 3, T = 5, AHEAD = 4 };

static const tl_ar_options kinds[] = {
	{.size = D, .order = 3},
	{.size = D, .order = 3, .hidden = 4},
	{.size = D, .rnn = {.cell = &tl_cell_gru, .hidden = 4}},
	{.size = D, .rnn = {.cell = &tl_cell_lstm, .hidden = 4, .layers = 2}},
};

/* Going on step by step is running over the series with the prediction appended. */
START_TEST(goes_on_with_its_own_output)
{
	tl_rng r = {.seed = 3};
	tl_real x[T + AHEAD][B * D], next[T + AHEAD][B * D];
	double want[AHEAD][B * D];
	make(&kinds[_i]);
	int64_t reach = ar->rnn ? 1 : 3;
	for (int i = 0; i < T * B * D; i++)
		x[i / (B * D)][i % (B * D)] = (tl_real)tl_rng_normal(&r);
	for (int k = 0; k < AHEAD; k++) {
		int64_t n = T + k + 1 - reach;
		memset(x[T + k], 0, sizeof x[T + k]); /* the last value only has to be there */
		tl_tape_reset(tape);
		tl_var v = tl_input(tape, TL_SHAPE(T + k + 1, B, D), x[0]);
		ck_assert_msg(tl_read(tl_ar_run(ar, v, true), next[0], n * B * D) == TL_OK, "%s", tl_tape_error(tape)->text);
		memcpy(x[T + k], next[n - 1], sizeof x[T + k]);
		for (int i = 0; i < B * D; i++)
			want[k][i] = (double)x[T + k][i];
	}
	tl_tape_reset(tape);
	check_close("continued", tl_ar_continue(ar, tl_input(tape, TL_SHAPE(T, B, D), x[0]), NULL, AHEAD), want[0]);
}
END_TEST

/* Rows that end earlier go on as each does alone; what stands behind them is not read. */
START_TEST(goes_on_from_unequal_lengths)
{
	static const int64_t lengths[B] = {5, 3, 4}, too_short[B] = {5, 0, 4};
	tl_rng r = {.seed = 5};
	tl_real x[T * B * D], alone[T * D];
	double want[AHEAD * B * D], one[NET_MAX];
	make(&kinds[_i]);
	for (int i = 0; i < T * B * D; i++)
		x[i] = (tl_real)tl_rng_normal(&r);
	for (int b = 0; b < B; b++) {
		for (int t = 0; t < lengths[b]; t++)
			memcpy(alone + t * D, x + (t * B + b) * D, D * sizeof *x);
		for (int64_t t = lengths[b]; t < T; t++)
			for (int k = 0; k < D; k++)
				x[(t * B + b) * D + k] = (tl_real)NAN;
		tl_tape_reset(tape);
		read_values(tl_ar_continue(ar, tl_input(tape, TL_SHAPE(lengths[b], 1, D), alone), NULL, AHEAD), one);
		for (int t = 0; t < AHEAD; t++)
			memcpy(want + (t * B + b) * D, one + t * D, D * sizeof *one);
	}
	tl_tape_reset(tape);
	tl_var v = tl_input(tape, TL_SHAPE(T, B, D), x);
	check_close("continued", tl_ar_continue(ar, v, lengths, AHEAD), want);
	ck_assert(!tl_ok(tl_ar_continue(ar, v, too_short, AHEAD)));
	ck_assert_str_eq(tl_tape_error(tape)->text,
		ar->rnn ? "autoregressive: the length of row 1 is 0, it must be from 1 to T = 5"
			: "autoregressive: the length of row 1 is 0, it must be from 3 to T = 5");
}
END_TEST

/* A noisy sine, as in d2l.ai: one step ahead is better than the last value again, some more are good. */
START_TEST(learns_a_sine)
{
	tl_rng r = {.seed = 4};
	tl_real x[N];
	double lazy = 0;
	for (int t = 0; t < N; t++) {
		x[t] = (tl_real)(sin(0.1 * t) + 0.02 * tl_rng_normal(&r));
		lazy += t ? pow((double)(x[t] - x[t - 1]), 2) / (N - 1) : 0;
	}
	make(_i ? &(tl_ar_options){.size = 1, .rnn = {.cell = &tl_cell_gru, .hidden = 8}}
		: &(tl_ar_options){.size = 1, .hidden = 10, .order = 4});
	double loss = train(x, N, 300, &(tl_optimizer_options){.kind = &tl_adam, .lr = 0.02});
	ck_assert_msg(loss < lazy / 3, "mean square %g; of repeating the last value %g", loss, lazy);
	enum { STEPS = 8 };
	double ahead[NET_MAX], wrong = 0;
	read_values(tl_ar_continue(ar, tl_input(tape, TL_SHAPE(N, 1, 1), x), NULL, STEPS), ahead);
	for (int t = 0; t < STEPS; t++)
		wrong += pow(ahead[t] - sin(0.1 * (N + t)), 2) / STEPS;
	ck_assert_msg(wrong < 0.02, "eight steps ahead: mean square %g", wrong);
}
END_TEST

START_TEST(mistakes)
{
	tl_error err = {0};
	ck_assert_ptr_null(
		tl_ar_new(store, "ar", &(tl_ar_options){.size = 1, .order = 3, .rnn = {.cell = &tl_cell_gru, .hidden = 2}}, &err));
	ck_assert_str_eq(err.text, "autoregressive: a recurrent model has no order and no other hidden units, 3 and 0 were given");
	tl_rnn_options both = {.cell = &tl_cell_gru, .hidden = 2, .bidirectional = true};
	err = (tl_error){0};
	ck_assert_ptr_null(tl_ar_new(store, "ar", &(tl_ar_options){.size = 1, .rnn = both}, &err));
	ck_assert_str_eq(err.text, "autoregressive: what comes next cannot be read from behind");
	make(&kinds[0]);
	tl_var x = tl_fill(tape, TL_SHAPE(3, B, D), 1);
	ck_assert(tl_ok(tl_ar_continue(ar, x, NULL, 1)));
	ck_assert(!tl_ok(tl_ar_run(ar, x, true)) && !tl_ok(tl_ar_target(ar, x)));
	ck_assert_str_eq(tl_tape_error(tape)->text,
		"autoregressive: x has shape (3, 3, 2), (T, B, D) with T at least 4 and D = 2 is needed");
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("autoregressive");
	TCase *c = tcase_create("autoregressive");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, finds_the_least_squares);
	tcase_add_loop_test(c, goes_on_with_its_own_output, 0, sizeof kinds / sizeof *kinds);
	tcase_add_loop_test(c, goes_on_from_unequal_lengths, 0, sizeof kinds / sizeof *kinds);
	tcase_add_loop_test(c, learns_a_sine, 0, 2);
	tcase_add_test(c, mistakes);
	suite_add_tcase(s, c);
	return s;
}
