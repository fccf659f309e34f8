/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Translating batches: a search's steps against teacher forcing, with rows that are copied, moved and dropped;
 * greedy search and a beam of one against each other and against symbols taken one by one; beam search's log p
 * against teacher forcing of what it found.
 */
#include "tests/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/tapeloop.h"

enum { S = 5, B = 4, V = 9, BOS = 1, EOS = 2, LIMIT = 7 };

static const double tolerance = sizeof(tl_real) == sizeof(double) ? 1e-11 : 1e-5;
static const int32_t source[S * B] = {1, 2, 3, 4, 5, 6, 0, 2, 3, 0, 0, 6, 0, 0, 0, 5, 0, 0, 0, 4};
static const int64_t lengths_of[B] = {3, 2, 1, 5};

static tl_tape *tape;
static tl_store *store;
static tl_seq2seq *model;

/* Models with and without attention, of one and two states and layers. */
static const tl_seq2seq_options models[] = {
	{.cell = &tl_cell_gru_lbr, .bidirectional = true, .attention = true, .score = TL_SCORE_ADDITIVE},
	{.cell = &tl_cell_lstm, .layers = 2},
	{.cell = &tl_cell_lstm, .layers = 2, .attention = true, .score = TL_SCORE_SCALED_DOT, .heads = 2},
	{.cell = &tl_cell_gru, .kernel = 3, .attention = true, .score = TL_SCORE_GENERAL},
};

enum { MODELS = sizeof models / sizeof *models };

static void setup(void)
{
	tape = tl_tape_new(NULL);
	store = tl_store_new();
	ck_assert(tape && store);
}

static void teardown(void)
{
	tl_seq2seq_free(model);
	tl_store_free(store);
	tl_tape_free(tape);
}

/* Weights large enough for translations to differ. */
static void make(int k)
{
	tl_error err = {0};
	tl_rng rng = {.seed = 21 + (uint64_t)k};
	tl_seq2seq_options o = models[k];
	o.source_symbols = 7;
	o.target_symbols = V;
	o.embed = 4;
	o.hidden = 6;
	model = tl_seq2seq_new(store, &o, &err);
	ck_assert_msg(model != NULL, "%s", err.text);
	tl_seq2seq_init(model, &rng);
	tl_real *x = tl_store_values(store);
	for (int64_t i = 0; i < tl_store_span(store); i++)
		x[i] *= 3;
}

static tl_seq2seq_search *begin(void)
{
	tl_error err = {0};
	tl_seq2seq_search *s = tl_seq2seq_search_new(model, tape, S, B, source, lengths_of, &err);
	ck_assert_msg(s != NULL, "%s", err.text);
	return s;
}

/* log p of what follows `prefix` for source b, by teacher forcing on that source alone. */
static void follow(int64_t b, const int32_t *prefix, int64_t n, tl_real *log_p)
{
	tl_tape_reset(tape);
	tl_var x =
		tl_slice(tl_slice(tl_index(tape, TL_SHAPE(S, B), source), 1, b, b + 1, 1), 0, 0, lengths_of[b], 1);
	tl_seq2seq_result r = tl_seq2seq_run(model, x, NULL, tl_index(tape, TL_SHAPE(n, 1), prefix), false);
	tl_var last = tl_select(tl_log_softmax(r.logits, -1), 0, n - 1);
	ck_assert_msg(tl_read(last, log_p, V) == TL_OK, "%s", tl_tape_error(tape)->text);
}

enum { ROWS = 40 };

/* Random steps: each row continues any row of the last step with any symbol. */
START_TEST(steps_with_moving_rows)
{
	tl_rng rng = {.seed = 4};
	tl_error err = {0};
	int32_t prefix[2][ROWS][LIMIT], parent[ROWS], symbol[ROWS], of[2][ROWS];
	int64_t rows = B;
	tl_real log_p[ROWS * V], want[V];
	make(_i);
	tl_seq2seq_search *s = begin();
	for (int64_t t = 0; t < LIMIT; t++) {
		int32_t(*now)[LIMIT] = prefix[t % 2], (*before)[LIMIT] = prefix[1 - t % 2];
		int64_t had = rows;
		rows = t == 0 ? B : 1 + tl_rng_below(&rng, ROWS);
		for (int64_t r = 0; r < rows; r++) {
			parent[r] = (int32_t)(t == 0 ? r : tl_rng_below(&rng, had));
			symbol[r] = (int32_t)(t == 0 ? BOS : tl_rng_below(&rng, V));
			of[t % 2][r] = t == 0 ? parent[r] : of[1 - t % 2][parent[r]];
			if (t > 0)
				memcpy(now[r], before[parent[r]], sizeof now[r]);
			now[r][t] = symbol[r];
		}
		ck_assert_msg(
			tl_seq2seq_search_step(s, rows, parent, symbol, log_p, &err) == TL_OK, "%s", err.text);
		for (int64_t r = 0; r < rows; r++) {
			follow(of[t % 2][r], now[r], t + 1, want);
			for (int v = 0; v < V; v++)
				ck_assert_msg(fabs((double)(log_p[r * V + v] - want[v])) <=
						      tolerance * (1 + fabs((double)want[v])),
					"step %d, row %d, symbol %d: %g, not %g", (int)t, (int)r, v,
					(double)log_p[r * V + v], (double)want[v]);
		}
	}
	tl_seq2seq_search_free(s);
}
END_TEST

static void check_best(int64_t b, const int32_t *found, int64_t n, const tl_greedy_options *o)
{
	int32_t prefix[LIMIT + 1] = {o->bos};
	tl_real log_p[V];
	for (int64_t t = 0; t < LIMIT; t++) {
		int best = -1;
		follow(b, prefix, t + 1, log_p);
		for (int v = 0; v < V; v++) {
			bool banned = v == o->bos && v != o->eos;
			for (int i = 0; i < o->n_banned; i++)
				banned = banned || o->banned[i] == v;
			if (!banned && (best < 0 || log_p[v] > log_p[best]))
				best = v;
		}
		if (best == EOS) {
			ck_assert_int_eq(n, t);
			return;
		}
		ck_assert_int_lt(t, n);
		ck_assert_int_eq(found[t], best);
		prefix[t + 1] = best;
	}
	ck_assert_int_eq(n, LIMIT);
}

/* Also where the symbol that ends a sentence begins it. */
START_TEST(greedy_takes_the_best)
{
	static const int32_t banned[] = {0, 4};
	const int32_t bos = _i < MODELS ? BOS : EOS;
	tl_greedy_options o = {.bos = bos, .eos = EOS, .limit = LIMIT, .banned = banned, .n_banned = 2};
	tl_beam_options beam = {
		.symbols = V, .width = 1, .limit = LIMIT, .bos = bos, .eos = EOS, .banned = banned, .n_banned = 2};
	int32_t out[B * LIMIT];
	int64_t length[B];
	tl_error err = {0};
	make(_i % MODELS);
	tl_seq2seq_search *s = begin();
	ck_assert_msg(tl_seq2seq_greedy(s, &o, out, length, &err) == TL_OK, "%s", err.text);
	tl_seq2seq_search_free(s);
	for (int64_t b = 0; b < B; b++)
		check_best(b, out + b * LIMIT, length[b], &o);
	s = begin();
	tl_decoder decoder = {.user = s, .step = tl_seq2seq_search_step};
	tl_beam_result *found = tl_beam_search(&decoder, B, &beam, &err);
	ck_assert_msg(found != NULL, "%s", err.text);
	for (int64_t b = 0; b < B; b++) {
		ck_assert_int_eq(found->of[b].v[0].n, length[b]);
		ck_assert(memcmp(found->of[b].v[0].symbols, out + b * LIMIT, (size_t)length[b] * sizeof *out) == 0);
	}
	tl_beam_result_free(found);
	tl_seq2seq_search_free(s);
}
END_TEST

START_TEST(a_beams_log_p)
{
	tl_beam_options o = {.symbols = V, .width = 5, .n_best = 5, .limit = LIMIT, .bos = BOS, .eos = EOS};
	tl_error err = {0};
	make(_i);
	tl_seq2seq_search *s = begin();
	tl_decoder decoder = {.user = s, .step = tl_seq2seq_search_step};
	tl_beam_result *found = tl_beam_search(&decoder, B, &o, &err);
	ck_assert_msg(found != NULL, "%s", err.text);
	for (int64_t b = 0; b < B; b++)
		for (int64_t k = 0; k < found->of[b].n; k++) {
			const tl_hypothesis *h = &found->of[b].v[k];
			int32_t prefix[LIMIT + 1] = {BOS};
			tl_real log_p[V];
			double sum = 0;
			for (int64_t t = 0; t < h->length; t++) {
				int32_t next = t < h->n ? h->symbols[t] : EOS;
				follow(b, prefix, t + 1, log_p);
				sum += (double)log_p[next];
				prefix[t + 1 < LIMIT ? t + 1 : LIMIT] = next;
			}
			ck_assert_msg(fabs(sum - h->log_p) <= LIMIT * tolerance * (1 + fabs(sum)),
				"log P is %g, not %g", h->log_p, sum);
		}
	tl_beam_result_free(found);
	tl_seq2seq_search_free(s);
}
END_TEST

/* The weights are those of teacher forcing; rows that fill up (18 in place of 17) are not among them. */
START_TEST(weights_can_be_read)
{
	enum { MANY = 17 };
	int32_t parent[MANY], symbol[MANY];
	tl_real log_p[MANY * V], all[S * B];
	tl_error err = {0};
	make(0);
	tl_seq2seq_search *s = begin();
	ck_assert_ptr_null(tl_seq2seq_search_weights(s));
	for (int r = 0; r < MANY; r++) {
		parent[r] = r * r % B;
		symbol[r] = BOS;
	}
	ck_assert_msg(tl_seq2seq_search_step(s, MANY, parent, symbol, log_p, &err) == TL_OK, "%s", err.text);
	const tl_real *weights = tl_seq2seq_search_weights(s);
	tl_tape_reset(tape);
	tl_var x = tl_index(tape, TL_SHAPE(S, B), source);
	tl_var first = tl_index(tape, TL_SHAPE(1, B), (int32_t[]){BOS, BOS, BOS, BOS});
	tl_seq2seq_result r = tl_seq2seq_run(model, x, lengths_of, first, false);
	ck_assert_int_eq(tl_read(r.weights, all, S * B), TL_OK);
	for (int t = 0; t < S; t++)
		for (int k = 0; k < MANY; k++)
			ck_assert(fabs((double)(weights[t * MANY + k] - all[t * B + parent[k]])) <= tolerance);
	tl_seq2seq_search_free(s);
}
END_TEST

/* Rows that come and go are served by few functions. */
START_TEST(few_functions_serve_all)
{
	enum { MANY = 64 };
	int32_t x[S * MANY], parent[5 * MANY] = {0}, symbol[5 * MANY] = {0};
	static tl_real log_p[5 * MANY * V];
	tl_error err = {0};
	make(0);
	for (int i = 0; i < S * MANY; i++)
		x[i] = 1 + i % 6;
	tl_function_cache *steps = tl_function_cache_new(1000);
	tl_seq2seq_search *s = tl_seq2seq_search_new(model, tape, S, MANY, x, NULL, &err);
	ck_assert_msg(s != NULL, "%s", err.text);
	tl_seq2seq_search_use(s, steps);
	for (int64_t rows = 5 * MANY; rows > 0; rows--)
		ck_assert_int_eq(tl_seq2seq_search_step(s, rows, parent, symbol, log_p, &err), TL_OK);
	ck_assert_int_ge(tl_function_cache_count(steps), 16);
	ck_assert_int_le(tl_function_cache_count(steps), 64);
	tl_seq2seq_search_free(s);
	tl_function_cache_free(steps);
}
END_TEST

/* Searches that share functions, and forget them, compute what those do that have their own. */
static void search_all(tl_function_cache *steps, tl_real *log_p)
{
	static const int32_t parent[3][6] = {{0}, {0, 0, 0}, {0, 1, 2, 0, 1, 2}}, symbol[6] = {BOS, 3, 4, 5, 6, 7};
	static const int64_t rows[3] = {1, 3, 6};
	tl_error err = {0};
	for (int i = 0; i < 2; i++) {
		tl_seq2seq_search *s =
			tl_seq2seq_search_new(model, tape, S - i, B - i, source, i ? NULL : lengths_of, &err);
		ck_assert_msg(s != NULL, "%s", err.text);
		if (steps)
			tl_seq2seq_search_use(s, steps);
		for (int k = 0; k < 3; k++, log_p += 6 * V)
			ck_assert_int_eq(tl_seq2seq_search_step(s, rows[k], parent[k], symbol, log_p, &err), TL_OK);
		tl_seq2seq_search_free(s);
	}
}

START_TEST(functions_go_from_search_to_search)
{
	tl_real want[6 * 6 * V] = {0}, got[6 * 6 * V] = {0};
	make(_i);
	search_all(NULL, want);
	for (int most = 1; most <= 100; most *= 10) {
		tl_function_cache *steps = tl_function_cache_new(most);
		for (int i = 0; i < 2; i++) {
			memset(got, 0, sizeof got);
			search_all(steps, got);
			ck_assert_mem_eq(got, want, sizeof got);
			ck_assert_int_eq(tl_function_cache_count(steps), most < 6 ? most : 6);
		}
		tl_function_cache_free(steps);
	}
}
END_TEST

START_TEST(what_is_refused)
{
	static const int32_t parent[] = {0, 4}, symbol[] = {BOS, BOS}, wrong[] = {BOS, V};
	static const int64_t lengths[B] = {3, 2, 1, 6};
	tl_real log_p[2 * V];
	tl_error err = {0};
	make(0);
	ck_assert_ptr_null(tl_seq2seq_search_new(model, tape, S, B, source, lengths, &err));
	ck_assert_msg(strstr(err.text, "row 3 is 6") != NULL, "%s", err.text);
	ck_assert_ptr_null(tl_seq2seq_search_new(model, tape, 0, B, source, NULL, &err));
	tl_seq2seq_search *s = begin();
	err = (tl_error){0};
	ck_assert_int_eq(tl_seq2seq_search_step(s, 2, parent, symbol, log_p, &err), TL_ERR_ARGUMENT);
	ck_assert_msg(strstr(err.text, "continues row 4, the last step had 4") != NULL, "%s", err.text);
	err = (tl_error){0};
	ck_assert_int_eq(tl_seq2seq_search_step(s, 1, parent, wrong + 1, log_p, &err), TL_ERR_INDEX);
	tl_seq2seq_search_free(s);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("seq2seq_decode");
	TCase *c = tcase_create("seq2seq_decode");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, steps_with_moving_rows, 0, MODELS);
	tcase_add_loop_test(c, greedy_takes_the_best, 0, 2 * MODELS);
	tcase_add_loop_test(c, a_beams_log_p, 0, MODELS);
	tcase_add_test(c, weights_can_be_read);
	tcase_add_test(c, few_functions_serve_all);
	tcase_add_loop_test(c, functions_go_from_search_to_search, 0, MODELS);
	tcase_add_test(c, what_is_refused);
	suite_add_tcase(s, c);
	return s;
}
