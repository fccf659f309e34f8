/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hidden Markov models: against the sum over all paths of states, and gradients against what Baum and Welch have,
 *
 *	d log p / d logit of A[i][j] = sum_t p(z_t = i, z_{t+1} = j | x) - A[i][j] sum_t p(z_t = i | x)     t < T
 *
 * and likewise for pi and B: expected counts less what the row would have of them. The posteriors are sums over
 * all paths, too.
 */
#include "tests/suite.h"

#include <math.h>
#include <string.h>

#include "models/tapeloop.h"

enum { S = 3, V = 4, T = 6, B = 2, PATHS = 729 };

static const double tolerance = sizeof(tl_real) == sizeof(double) ? 1e-10 : 2e-5;

static tl_tape *tape;
static tl_store *store;
static tl_hmm *hmm;
static double pi[S], a[S][S], b[S][V];
static int32_t x[T][B];

static void softmax(const tl_param *param, int64_t row, int n, double *to)
{
	const tl_real *logit = (const tl_real *)param->value.data + row * n;
	double sum = 0;
	for (int k = 0; k < n; k++)
		sum += to[k] = exp((double)logit[k]);
	for (int k = 0; k < n; k++)
		to[k] /= sum;
}

static void read_model(void)
{
	softmax(hmm->start, 0, S, pi);
	for (int i = 0; i < S; i++) {
		softmax(hmm->transition, i, S, a[i]);
		softmax(hmm->emission, i, V, b[i]);
	}
}

static void make(int64_t states, int64_t symbols)
{
	tl_error err = {0};
	tape = tl_tape_new(NULL);
	store = tl_store_new();
	hmm = tl_hmm_new(store, &(tl_hmm_options){.states = states, .symbols = symbols}, &err);
	ck_assert_msg(tape && hmm, "%s", err.text);
	tl_hmm_init(hmm, &(tl_rng){.seed = 5});
}

static void setup(void)
{
	tl_rng r = {.seed = 6};
	make(S, V);
	read_model();
	for (int t = 0; t < T; t++)
		for (int k = 0; k < B; k++)
			x[t][k] = (int32_t)tl_rng_below(&r, V);
}

static void teardown(void)
{
	tl_hmm_free(hmm);
	tl_store_free(store);
	tl_tape_free(tape);
}

static void succeeded(void)
{
	ck_assert_msg(tl_tape_status(tape) == TL_OK, "%s", tl_tape_error(tape)->text);
}

/* p(path, x[0..steps) of one row), the path's states being the digits of `path`. */
static double path_probability(int path, int row, int steps, int *z)
{
	double p = 1;
	for (int t = 0; t < steps; t++, path /= S) {
		z[t] = path % S;
		p *= (t ? a[z[t - 1]][z[t]] : pi[z[t]]) * b[z[t]][x[t][row]];
	}
	return p;
}

static double likelihood(int row, int steps)
{
	int z[T], paths = 1;
	double p = 0;
	for (int t = 0; t < steps; t++)
		paths *= S;
	for (int path = 0; path < paths; path++)
		p += path_probability(path, row, steps, z);
	return p;
}

START_TEST(sums_over_all_paths)
{
	for (int steps = 1; steps <= T; steps++) {
		tl_real got[B];
		tl_tape_reset(tape);
		tl_read(tl_hmm_log_likelihood(hmm, tl_index(tape, TL_SHAPE(steps, B), x[0])), got, B);
		succeeded();
		for (int k = 0; k < B; k++)
			ck_assert_double_eq_tol((double)got[k], log(likelihood(k, steps)), tolerance * steps);
	}
}
END_TEST

static void check_gradient(const tl_param *param, const double *want)
{
	const tl_real *got = param->grad.data;
	for (int64_t i = 0; i < tl_shape_size(param->value.shape); i++)
		ck_assert_msg(fabs((double)got[i] - want[i]) <= tolerance, "d%s[%d]: %.12g, not %.12g", param->name, (int)i,
			(double)got[i], want[i]);
}

START_TEST(gradients_are_expected_counts)
{
	double d_pi[S] = {0}, d_a[S][S] = {{0}}, d_b[S][V] = {{0}};
	for (int row = 0; row < B; row++) {
		double all = likelihood(row, T);
		for (int path = 0; path < PATHS; path++) {
			int z[T];
			double p = path_probability(path, row, T, z) / all; /* of the path, given x */
			for (int t = 0; t < T; t++) {
				for (int j = 0; j < S; j++)
					if (t == 0)
						d_pi[j] += p * ((j == z[0]) - pi[j]);
					else
						d_a[z[t - 1]][j] += p * ((j == z[t]) - a[z[t - 1]][j]);
				for (int v = 0; v < V; v++)
					d_b[z[t]][v] += p * ((v == x[t][row]) - b[z[t]][v]);
			}
		}
	}
	tl_var loss = tl_sum_all(tl_hmm_log_likelihood(hmm, tl_index(tape, TL_SHAPE(T, B), x[0])));
	ck_assert_msg(tl_store_backward(store, loss) == TL_OK, "%s", tl_tape_error(tape)->text);
	check_gradient(hmm->start, d_pi);
	check_gradient(hmm->transition, d_a[0]);
	check_gradient(hmm->emission, d_b[0]);
}
END_TEST

/* p(v | x[0..t]) is a quotient of two likelihoods; in windows of two steps as in one. */
START_TEST(predicts_the_next_symbol)
{
	tl_real got[T - 1][B][V];
	for (int window = 2; window <= T - 1; window += T - 3) {
		tl_state state = {0};
		tl_tape_reset(tape);
		for (int t = 0; t < T - 1; t += window) {
			int n = T - 1 - t < window ? T - 1 - t : window;
			tl_lm_result r = tl_hmm_run(hmm, tl_index(tape, TL_SHAPE(n, B), x[t]), state);
			tl_read(r.logits, got[t][0], (int64_t)n * B * V);
			state = r.last;
			succeeded();
		}
		for (int t = 0; t < T - 1; t++)
			for (int k = 0; k < B; k++) {
				double before = likelihood(k, t + 1), sum = 0;
				int32_t kept = x[t + 1][k];
				for (int v = 0; v < V; v++) {
					x[t + 1][k] = v;
					ck_assert_double_eq_tol((double)got[t][k][v],
						log(likelihood(k, t + 2) / before), tolerance * 5);
					sum += exp((double)got[t][k][v]);
				}
				x[t + 1][k] = kept;
				ck_assert_double_eq_tol(sum, 1, tolerance);
			}
	}
}
END_TEST

enum { LONG = 1000 };

/* In long double, each step scaled; with the least probability that the header tells. */
static double scaled_log_likelihood(const int32_t *text)
{
	long double q[S], f[S], log_b[S][V], total = 0;
	for (int j = 0; j < S; j++) {
		const tl_real *logit = (const tl_real *)hmm->emission->value.data + j * V;
		long double sum = 0;
		for (int v = 0; v < V; v++)
			sum += expl((long double)logit[v]);
		for (int v = 0; v < V; v++)
			log_b[j][v] = (long double)logit[v] - logl(sum);
	}
	for (int j = 0; j < S; j++)
		q[j] = pi[j];
	for (int t = 0; t < LONG; t++) {
		long double sum = 0;
		for (int j = 0; j < S; j++)
			sum += f[j] = fmaxl(q[j], 1e-37L) * expl(log_b[j][text[t]]);
		total += logl(sum);
		for (int j = 0; j < S; j++) {
			q[j] = 0;
			for (int i = 0; i < S; i++)
				q[j] += f[i] / sum * a[i][j];
		}
	}
	return (double)total;
}

/* With mild logits, and with such that most probabilities are beyond floats. */
START_TEST(long_texts)
{
	int32_t text[LONG];
	tl_rng r = {.seed = 7};
	tl_real *all = tl_store_values(store), got;
	for (int t = 0; t < LONG; t++)
		text[t] = (int32_t)tl_rng_below(&r, V);
	for (int k = 0; _i && k < tl_store_span(store); k++)
		all[k] *= 100;
	read_model();
	tl_var log_p = tl_hmm_log_likelihood(hmm, tl_index(tape, TL_SHAPE(LONG, 1), text));
	tl_read(log_p, &got, 1);
	succeeded();
	double want = scaled_log_likelihood(text);
	ck_assert_msg(fabs((double)got / want - 1) < (_i ? 10 * tolerance : tolerance), "%.9g, not %.9g", (double)got, want);
	ck_assert_int_eq(tl_store_backward(store, tl_sum_all(log_p)), TL_OK);
	ck_assert(isfinite(tl_grad_norm(store)) && tl_grad_norm(store) > 0);
}
END_TEST

enum { PERIOD = 4, TEXT = 64 };

/* a a b b a a b b ...: four states in a ring know it; with two, after an a comes what a coin says. */
static double learn(int64_t states)
{
	tl_error err = {0};
	int32_t text[TEXT + 1];
	tl_real loss = 0;
	for (int t = 0; t <= TEXT; t++)
		text[t] = t % PERIOD >= PERIOD / 2;
	make(states, 2);
	tl_optimizer *adam = tl_optimizer_new(store, &(tl_optimizer_options){.kind = &tl_adam, .lr = 0.1}, &err);
	for (int step = 0; step < 300; step++) {
		tl_tape_reset(tape);
		tl_lm_result r = tl_hmm_run(hmm, tl_index(tape, TL_SHAPE(TEXT, 1), text), (tl_state){0});
		tl_var mean = tl_cross_entropy(r.logits, tl_index(tape, TL_SHAPE(TEXT, 1), text + 1), NULL);
		tl_store_backward(store, mean);
		tl_read(mean, &loss, 1);
		succeeded();
		tl_optimizer_step(adam);
	}
	tl_optimizer_free(adam);
	teardown();
	return (double)loss;
}

START_TEST(learns_by_gradient)
{
	teardown();
	double two = learn(2), four = learn(4);
	setup();
	ck_assert_msg(four < 0.05, "four states: loss %g", four);
	ck_assert_msg(two > 0.5 * log(2) - 0.01, "two states: loss %g", two);
}
END_TEST

START_TEST(mistakes)
{
	tl_error err = {0};
	ck_assert_ptr_null(tl_hmm_new(store, &(tl_hmm_options){.states = 0, .symbols = 3}, &err));
	ck_assert_str_eq(err.text, "hmm: 0 states and 3 symbols must be positive");
	tl_hmm_run(hmm, tl_index(tape, TL_SHAPE(T), x[0]), (tl_state){0});
	ck_assert_str_eq(tl_tape_error(tape)->text, "hmm: symbols have shape (6), (T, B), T > 0, is needed");
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("hmm");
	TCase *c = tcase_create("hmm");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, sums_over_all_paths);
	tcase_add_test(c, gradients_are_expected_counts);
	tcase_add_test(c, predicts_the_next_symbol);
	tcase_add_loop_test(c, long_texts, 0, 2);
	tcase_add_test(c, learns_by_gradient);
	tcase_add_test(c, mistakes);
	suite_add_tcase(s, c);
	return s;
}
