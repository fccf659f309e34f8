/* SPDX-License-Identifier: Apache-2.0 */
/* N-gram models against the definition, written out by counting through the whole text for each n-gram. */
#include "tests/suite.h"

#include <math.h>
#include <string.h>

#include "models/tapeloop.h"

enum { V = 3, N = 90, MOST = 4, PAD = V };

static int32_t padded[MOST + N], *const text = padded + MOST; /* V stands before the text */
static tl_ngram *model;

static void setup(void)
{
	tl_rng r = {.seed = 3};
	for (int i = 0; i < MOST; i++)
		padded[i] = PAD;
	for (int i = 0; i < N; i++) /* some n-grams are frequent, some rare, some never seen */
		text[i] = i % 7 < 4 ? (i / 5) % 2 : (int32_t)tl_rng_below(&r, V);
}

static void teardown(void)
{
	tl_ngram_free(model);
	model = NULL;
}

static void make(int order)
{
	tl_error err = {0};
	tl_ngram_free(model);
	model = tl_ngram_new(&(tl_ngram_options){.symbols = V, .order = order}, text, N, &err);
	ck_assert_msg(model != NULL, "%s", err.text);
}

/* How often gram[0..n) ends in the text. */
static int occurrences(const int32_t *gram, int n)
{
	int found = 0;
	for (int t = 0; t < N; t++)
		found += !memcmp(text + t - n + 1, gram, (size_t)n * sizeof *gram);
	return found;
}

/* N(gram): how often it stands there, or how many different symbols stand before it. */
static int count(const int32_t *gram, int n, int order)
{
	int32_t longer[MOST + 1];
	int found = 0;
	if (n == order)
		return occurrences(gram, n);
	memcpy(longer + 1, gram, (size_t)n * sizeof *gram);
	for (longer[0] = 0; longer[0] <= PAD; longer[0]++)
		found += occurrences(longer, n + 1) > 0;
	return found;
}

/* Of n-grams of n symbols. */
static double discount(int c, int n, int order)
{
	double seen[5] = {0};
	int32_t gram[MOST];
	int all = 1;
	for (int i = 0; i < n; i++)
		all *= V + 1;
	for (int k = 0; k < all; k++) {
		for (int i = 0, rest = k; i < n; i++, rest /= V + 1)
			gram[i] = rest % (V + 1);
		int times = gram[n - 1] == PAD ? 0 : count(gram, n, order);
		if (times < 5)
			seen[times]++;
	}
	int j = c < 3 ? c : 3;
	double y = seen[1] / (seen[1] + 2 * seen[2]), d = j - (j + 1) * y * seen[j + 1] / seen[j];
	return d > 0 && d < j ? d : j / 2.0;
}

/* p(v | context of k symbols) */
static double definition(const int32_t *context, int k, int32_t v, int order)
{
	int32_t gram[MOST];
	double sum = 0, left = 0, shorter = k ? definition(context + 1, k - 1, v, order) : 1.0 / V;
	memcpy(gram, context, (size_t)k * sizeof *gram);
	for (gram[k] = 0; gram[k] < V; gram[k]++) {
		int c = count(gram, k + 1, order);
		sum += c;
		left += c ? discount(c, k + 1, order) : 0;
	}
	gram[k] = v;
	int c = count(gram, k + 1, order);
	if (sum == 0)
		return shorter;
	return (c ? c - discount(c, k + 1, order) : 0) / sum + left / sum * shorter;
}

/* For each order, all contexts: those of the text's beginning, and such as never came, too. */
START_TEST(follows_the_definition)
{
	int order = _i, contexts = 1;
	make(order);
	for (int i = 1; i < order; i++)
		contexts *= V;
	for (int length = 0; length < order; length++)
		for (int k = 0; k < contexts; k++) {
			int32_t all[MOST] = {PAD, PAD, PAD, PAD}, *context = all + MOST - length;
			tl_real next[V];
			double sum = 0;
			for (int i = 0, rest = k; i < length; i++, rest /= V)
				context[i] = rest % V;
			tl_ngram_next(model, context, length, next);
			for (int32_t v = 0; v < V; v++) {
				double got = exp(tl_ngram_log_p(model, context, length, v));
				double want = definition(all + MOST - order + 1, order - 1, v, order);
				ck_assert_msg(fabs(got - want) < 1e-6, "order %d, %d of %d: %g, not %g", order, v, length, got, want);
				ck_assert_double_eq_tol(exp((double)next[v]), got, 1e-6);
				sum += got;
			}
			ck_assert_double_eq_tol(sum, 1, 1e-6);
		}
}
END_TEST

START_TEST(counts_different_ngrams)
{
	for (int order = 1; order <= MOST; order++) {
		int64_t want = 0;
		for (int n = 1; n <= order; n++)
			for (int t = 0; t < N; t++) {
				bool again = false;
				for (int s = 0; s < t && !again; s++)
					again = !memcmp(text + s - n + 1, text + t - n + 1, (size_t)n * sizeof *text);
				want += !again;
			}
		make(order);
		ck_assert_int_eq(tl_ngram_size(model), want);
	}
}
END_TEST

/* More context tells more of a text with rules; only the last symbols count. */
START_TEST(longer_contexts)
{
	enum { LONG = 20000, TRAIN = 18000 };
	static int32_t long_text[LONG];
	tl_error err = {0};
	tl_rng r = {.seed = 4};
	double nats[6], truth = 0; /* the source's own */
	for (int i = 0; i < LONG; i++) { /* a symbol follows from the three before it, but for noise */
		int rule = i < 3 ? 0 : (long_text[i - 1] + 2 * long_text[i - 2] + 3 * long_text[i - 3] + 1) % 4;
		long_text[i] = tl_rng_uniform(&r) < 0.1 ? (int32_t)tl_rng_below(&r, 4) : rule;
		if (i >= TRAIN)
			truth -= log(long_text[i] == rule ? 0.925 : 0.025) / (LONG - TRAIN);
	}
	for (int order = 1; order <= 5; order++) {
		tl_ngram_free(model);
		model = tl_ngram_new(&(tl_ngram_options){.symbols = 4, .order = order}, long_text, TRAIN, &err);
		ck_assert_msg(model != NULL, "%s", err.text);
		nats[order] = 0;
		for (int i = TRAIN; i < LONG; i++)
			nats[order] -= tl_ngram_log_p(model, long_text, i, long_text[i]) / (LONG - TRAIN);
		const int32_t *last = long_text + TRAIN - order + 1;
		ck_assert(tl_ngram_log_p(model, long_text, TRAIN, 2) == tl_ngram_log_p(model, last, order - 1, 2));
	}
	ck_assert_msg(nats[1] > 1.3 && nats[2] > 1.2, "orders 1 and 2: %g, %g", nats[1], nats[2]);
	ck_assert_msg(fabs(nats[4] - truth) < 0.02, "order 4: %g, not %g", nats[4], truth);
	ck_assert_msg(fabs(nats[5] - truth) < 0.06, "order 5: %g, not %g", nats[5], truth);
}
END_TEST

/* On a tape, in windows whose state is carried as numbers: as symbol by symbol. */
START_TEST(on_a_tape)
{
	enum { B = 2, T = 9, ORDER = 4 };
	tl_tape *tape = tl_tape_new(NULL);
	make(ORDER);
	for (int window = 1; window <= T; window += 4) {
		tl_carry carry;
		tl_error err = {0};
		ck_assert_int_eq(tl_carry_init_shapes(&carry, 1, &TL_SHAPE(ORDER - 1, B), false, &err), TL_OK);
		for (int t = 0; t < T; t += window) {
			int n = T - t < window ? T - t : window;
			int32_t x[T * B];
			tl_real got[T * B * V];
			for (int i = 0; i < n * B; i++)
				x[i] = text[t + i / B + i % B * 20];
			tl_tape_reset(tape);
			tl_lm_result r = tl_ngram_run(model, tl_index(tape, TL_SHAPE(n, B), x), tl_carry_in(&carry, tape));
			ck_assert_msg(tl_read(r.logits, got, n * B * V) == TL_OK, "%s", tl_tape_error(tape)->text);
			ck_assert_int_eq(tl_carry_out(&carry, r.last), TL_OK);
			for (int i = 0; i < n * B * V; i++) {
				int step = t + i / (B * V), row = i / V % B;
				double want = tl_ngram_log_p(model, text + 20 * row, step + 1, i % V);
				ck_assert_double_eq_tol((double)got[i], want, 1e-5);
			}
		}
		tl_carry_release(&carry);
	}
	tl_tape_reset(tape);
	tl_ngram_run(model, tl_index(tape, TL_SHAPE(2), text), (tl_state){0});
	ck_assert_str_eq(tl_tape_error(tape)->text, "ngram: symbols have shape (2), (T, B) is needed; operands (2), (3, 0)");
	tl_tape_free(tape);
}
END_TEST

START_TEST(odd_texts)
{
	const int32_t one[] = {1}, same[] = {2, 2, 2, 2, 2}, far[] = {0, V, 1};
	tl_error err = {0};
	tl_real next[V];
	model = tl_ngram_new(&(tl_ngram_options){.symbols = V, .order = 3}, one, 1, &err);
	ck_assert_ptr_nonnull(model);
	ck_assert(tl_ngram_log_p(model, NULL, 0, 1) > tl_ngram_log_p(model, NULL, 0, 0));
	ck_assert(tl_ngram_log_p(model, far, 3, -1) == -(double)INFINITY);
	ck_assert(tl_ngram_log_p(model, far, 3, V) == -(double)INFINITY);
	tl_ngram_free(model);
	model = tl_ngram_new(&(tl_ngram_options){.symbols = V, .order = TL_NGRAM_MOST}, same, 5, &err);
	ck_assert_ptr_nonnull(model);
	tl_ngram_next(model, same, 5, next);
	ck_assert(next[2] > next[1] && isfinite(next[1]));
	ck_assert_ptr_null(tl_ngram_new(&(tl_ngram_options){.symbols = V, .order = 2}, far, 3, &err));
	ck_assert_str_eq(err.text, "ngram: symbol 1 of the text is 3, not in 0..2");
	err = (tl_error){0};
	ck_assert_ptr_null(tl_ngram_new(&(tl_ngram_options){.symbols = V, .order = 0}, one, 1, &err));
	ck_assert_str_eq(err.text, "ngram: the order must be 1 to 32, not 0");
	err = (tl_error){0};
	ck_assert_ptr_null(tl_ngram_new(&(tl_ngram_options){.symbols = V, .order = 1}, one, 0, &err));
	ck_assert_str_eq(err.text, "ngram: a text of 0 symbols cannot be counted");
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("ngram");
	TCase *c = tcase_create("ngram");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, follows_the_definition, 1, MOST + 1);
	tcase_add_test(c, counts_different_ngrams);
	tcase_add_test(c, longer_contexts);
	tcase_add_test(c, on_a_tape);
	tcase_add_test(c, odd_texts);
	suite_add_tcase(s, c);
	return s;
}
