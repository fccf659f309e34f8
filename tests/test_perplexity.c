/* SPDX-License-Identifier: Apache-2.0 */
/* Perplexity from logits, and symbols drawn from them. */
#include "tests/suite.h"

#include <float.h>
#include <math.h>

#include "models/tapeloop.h"

enum { V = 7, ROWS = 12, DRAWS = 20000 };

static const double tolerance = sizeof(tl_real) == sizeof(double) ? 1e-12 : 1e-5;

static tl_tape *tape;
static tl_real logits[ROWS][V];
static int32_t targets[ROWS];

static void setup(void)
{
	tl_rng r = {.seed = 6};
	tape = tl_tape_new(NULL);
	ck_assert_ptr_nonnull(tape);
	for (int i = 0; i < ROWS; i++) {
		targets[i] = (int32_t)tl_rng_below(&r, V);
		for (int k = 0; k < V; k++)
			logits[i][k] = (tl_real)(3 * tl_rng_normal(&r));
	}
}

static void teardown(void)
{
	tl_tape_free(tape);
}

/* Rows first to first + n - 1 through the tape. */
static void add_rows(tl_likelihood *l, int first, int n)
{
	tl_var x = tl_input(tape, TL_SHAPE(n, V), logits[first]);
	tl_var y = tl_index(tape, TL_SHAPE(n), targets + first);
	tl_real mean;
	ck_assert_int_eq(tl_read(tl_cross_entropy(x, y, NULL), &mean, 1), TL_OK);
	tl_likelihood_add(l, (double)mean, n);
}

static double perplexity_of_all(void)
{
	tl_likelihood l = {0};
	add_rows(&l, 0, ROWS);
	ck_assert_int_eq(l.tokens, ROWS);
	return tl_perplexity(tl_likelihood_mean(&l));
}

static void set_logits(double of_true, double of_others)
{
	for (int i = 0; i < ROWS; i++)
		for (int k = 0; k < V; k++)
			logits[i][k] = (tl_real)(k == targets[i] ? of_true : of_others);
}

START_TEST(a_perfect_predictor)
{
	set_logits(2, -INFINITY);
	ck_assert(perplexity_of_all() == 1);
	set_logits(50, -50);
	ck_assert_double_eq_tol(perplexity_of_all(), 1, tolerance);
}
END_TEST

START_TEST(a_uniform_predictor)
{
	const double all[] = {0, -3, 1e4};
	for (int k = 0; k < 3; k++) {
		set_logits(all[k], all[k]);
		ck_assert_double_eq_tol(perplexity_of_all(), V, V * tolerance);
	}
}
END_TEST

START_TEST(an_impossible_token)
{
	logits[4][targets[4]] = -(tl_real)INFINITY;
	ck_assert(perplexity_of_all() == (double)INFINITY);
	tl_likelihood l = {0};
	add_rows(&l, 0, 4);
	double before = tl_perplexity(tl_likelihood_mean(&l));
	ck_assert(before > 1 && before < (double)INFINITY);
	add_rows(&l, 4, 1);
	add_rows(&l, 5, 7);
	ck_assert(tl_perplexity(tl_likelihood_mean(&l)) == (double)INFINITY);
}
END_TEST

START_TEST(batches_of_different_size)
{
	tl_likelihood l = {0};
	double want = 0;
	for (int i = 0; i < ROWS; i++) {
		double total = 0;
		for (int k = 0; k < V; k++)
			total += exp((double)logits[i][k]);
		want += (log(total) - (double)logits[i][targets[i]]) / ROWS;
	}
	add_rows(&l, 0, 7);
	add_rows(&l, 7, 1);
	add_rows(&l, 8, 4);
	ck_assert_int_eq(l.tokens, ROWS);
	ck_assert_double_eq_tol(tl_likelihood_mean(&l), want, want * tolerance);
	ck_assert_double_eq_tol(perplexity_of_all(), exp(want), exp(want) * 4 * tolerance);
}
END_TEST

START_TEST(without_tokens)
{
	tl_likelihood l = {0};
	ck_assert(isnan(tl_likelihood_mean(&l)));
	tl_likelihood_add(&l, (double)NAN, 0);
	tl_likelihood_add(&l, 2, 3);
	ck_assert_double_eq(tl_likelihood_mean(&l), 2);
	ck_assert_double_eq(tl_perplexity(0), 1);
	ck_assert(tl_perplexity(1e4) == (double)INFINITY);
}
END_TEST

static int64_t count[V];

static void draw(const tl_real *x, double temperature)
{
	tl_rng r = {.seed = 2};
	for (int k = 0; k < V; k++)
		count[k] = 0;
	for (int i = 0; i < DRAWS; i++) {
		int64_t k = tl_sample_index(x, V, temperature, &r);
		ck_assert(k >= 0 && k < V);
		count[k]++;
	}
}

/* Each count is within four standard deviations of softmax(x / temperature). */
static void check_frequencies(const tl_real *x, double temperature)
{
	double p[V], top = -INFINITY, total = 0;
	for (int k = 0; k < V; k++)
		top = fmax(top, (double)x[k]);
	for (int k = 0; k < V; k++)
		total += p[k] = exp(((double)x[k] - top) / temperature);
	draw(x, temperature);
	for (int k = 0; k < V; k++) {
		double q = p[k] / total, want = q * DRAWS;
		ck_assert_msg(fabs((double)count[k] - want) <= 4 * sqrt(want * (1 - q)) + 1e-9,
			"temperature %g: %d came %d times, not %g", temperature, k, (int)count[k], want);
	}
}

START_TEST(frequencies)
{
	const double temperatures[] = {0.3, 0.5, 1, 2, 10, 1e30};
	const tl_real some[V] = {-1, 0, (tl_real)0.5, 2, -(tl_real)INFINITY, 1, -3};
	for (int k = 0; k < 6; k++) {
		check_frequencies(some, temperatures[k]);
		check_frequencies(logits[0], temperatures[k]);
	}
}
END_TEST

START_TEST(the_largest_only)
{
	const double temperatures[] = {0, DBL_MIN, 1e-30, 1e-3};
	const tl_real x[V] = {-1, 0, (tl_real)0.5, 2, -(tl_real)INFINITY, 1, -3};
	for (int k = 0; k < 4; k++) {
		draw(x, temperatures[k]);
		ck_assert_int_eq(count[3], DRAWS);
	}
	const tl_real far[V] = {
		-(tl_real)FLT_MAX, 0, (tl_real)FLT_MAX, (tl_real)1e30, -1, -(tl_real)INFINITY, 1};
	draw(far, 1);
	ck_assert_int_eq(count[2], DRAWS);
	draw(far, 0);
	ck_assert_int_eq(count[2], DRAWS);
}
END_TEST

START_TEST(one_or_none)
{
	tl_rng r = {.seed = 1};
	tl_real x[V];
	for (int k = 0; k < V; k++)
		x[k] = -(tl_real)INFINITY;
	ck_assert_int_eq(tl_sample_index(x, V, 1, &r), -1);
	ck_assert_int_eq(tl_sample_index(x, V, 0, &r), -1);
	ck_assert_int_eq(tl_sample_index(x, 0, 1, &r), -1);
	x[V - 1] = -1000;
	draw(x, 1);
	ck_assert_int_eq(count[V - 1], DRAWS);
	draw(x, 0);
	ck_assert_int_eq(count[V - 1], DRAWS);
}
END_TEST

/* The drawn ones are those that sorting by (logit, index) puts first, and as frequent as if they were alone. */
START_TEST(the_top_k)
{
	const tl_real inf = (tl_real)INFINITY, x[][V] = {
		{-1, 0, (tl_real)0.5, 2, -inf, 1, -3},
		{1, 1, 1, 1, 1, 1, 1},
		{-5, -4, -4, -(tl_real)4.5, -4, -6, -4},
		{0, -(tl_real)0.0, 0, (tl_real)NAN, inf, -(tl_real)1e-30, (tl_real)1e-30},
		{(tl_real)-1e30, (tl_real)-1e-30, (tl_real)1e-30, -2, -inf, -inf, -inf},
	};
	for (int i = 0; i < 5; i++)
		for (int k = -1; k <= V + 1; k++) {
			tl_real alone[V];
			for (int a = 0; a < V; a++) {
				int before = 0;
				for (int b = 0; b < V; b++)
					before += isfinite(x[i][b]) && (x[i][b] > x[i][a] || (x[i][b] == x[i][a] && b < a));
				alone[a] = isfinite(x[i][a]) && (k <= 0 || before < k) ? x[i][a] : -inf;
			}
			tl_rng r = {.seed = 4}, s = r;
			for (int n = 0; n < 200; n++) {
				int64_t got = tl_sample_top_k(x[i], V, k, 1.5, &r);
				ck_assert_int_eq(got, tl_sample_index(alone, V, 1.5, &s));
				ck_assert(got >= 0 && isfinite(alone[got]));
			}
		}
	tl_rng r = {.seed = 4};
	ck_assert_int_eq(tl_sample_top_k(x[0], V, 3, 0, &r), 3);
	ck_assert_int_eq(tl_sample_top_k(x[0], 0, 3, 1, &r), -1);
}
END_TEST

START_TEST(equal_states_draw_equally)
{
	tl_rng a = {.seed = 3, .index = 40}, b = a;
	bool varied = false;
	int64_t first = tl_sample_index(logits[1], V, 3, &a);
	ck_assert_int_eq(tl_sample_index(logits[1], V, 3, &b), first);
	for (int i = 0; i < 100; i++) {
		int64_t k = tl_sample_index(logits[1], V, 3, &a);
		ck_assert_int_eq(tl_sample_index(logits[1], V, 3, &b), k);
		varied |= k != first;
	}
	ck_assert(varied);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("perplexity");
	TCase *c = tcase_create("perplexity");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_perfect_predictor);
	tcase_add_test(c, a_uniform_predictor);
	tcase_add_test(c, an_impossible_token);
	tcase_add_test(c, batches_of_different_size);
	tcase_add_test(c, without_tokens);
	suite_add_tcase(s, c);
	c = tcase_create("samples");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, frequencies);
	tcase_add_test(c, the_largest_only);
	tcase_add_test(c, one_or_none);
	tcase_add_test(c, the_top_k);
	tcase_add_test(c, equal_states_draw_equally);
	suite_add_tcase(s, c);
	return s;
}
