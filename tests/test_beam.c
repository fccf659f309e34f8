/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Beam search over a toy model whose log p depend on the whole prefix: against the enumeration of all
 * sequences, against a search that is written as its definition reads, one sentence at a time, and against
 * greedy search.
 */
#include "tests/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "models/beam.h"

enum { V = 5, EOS = 1, BOS = 4, PAD = 3, LIMIT = 5, ALL = 400, ROWS = 4096, CALLS = 16 };

/* log p (V) of what follows `symbols`, as the model of `seed` has it. With `coarse` there are many ties. */
typedef struct toy {
	uint64_t seed;
	bool coarse;
	double nowhere; /* share of the symbols that have -infinity */
	/* what was asked for */
	uint64_t prefix[ROWS];
	int64_t rows[CALLS];
	int calls;
} toy;

static uint64_t extend(uint64_t prefix, int32_t symbol)
{
	uint32_t w[4];
	tl_philox(prefix, 17, (uint64_t)symbol, w);
	return (uint64_t)w[0] << 32 | w[1];
}

static void log_p_after(const toy *m, uint64_t prefix, tl_real *log_p)
{
	double logit[V], total = 0;
	tl_rng rng = {.seed = prefix, .stream = 5};
	for (int k = 0; k < V; k++) {
		double u = tl_rng_uniform(&rng);
		logit[k] = m->coarse ? floor(3 * u) : 4 * u;
		if (tl_rng_uniform(&rng) < m->nowhere)
			logit[k] = -(double)INFINITY;
		total += exp(logit[k]);
	}
	for (int k = 0; k < V; k++)
		log_p[k] = total == 0 ? -(tl_real)INFINITY : (tl_real)(m->coarse ? -logit[k] : logit[k] - log(total));
}

static tl_status step(void *user, int64_t rows, const int32_t *parent, const int32_t *symbol, tl_real *log_p,
	tl_error *err)
{
	static uint64_t old[ROWS];
	toy *m = user;
	ck_assert_int_le(rows, ROWS);
	ck_assert_int_lt(m->calls, CALLS);
	memcpy(old, m->prefix, sizeof old);
	for (int64_t r = 0; r < rows; r++) {
		if (m->calls == 0) {
			ck_assert_int_eq(parent[r], r);
			ck_assert_int_eq(symbol[r], BOS);
			m->prefix[r] = extend(m->seed + (uint64_t)r, BOS);
		} else {
			ck_assert(parent[r] >= 0 && parent[r] < m->rows[m->calls - 1]);
			ck_assert(symbol[r] >= 0 && symbol[r] < V && symbol[r] != EOS);
			m->prefix[r] = extend(old[parent[r]], symbol[r]);
		}
		log_p_after(m, m->prefix[r], log_p + r * V);
	}
	m->rows[m->calls++] = rows;
	(void)err;
	return TL_OK;
}

static const int32_t banned[] = {PAD};

static tl_beam_options some_options(int64_t width)
{
	return (tl_beam_options){.symbols = V,
		.width = width,
		.limit = LIMIT,
		.bos = BOS,
		.eos = EOS,
		.banned = banned,
		.n_banned = 1};
}

static tl_beam_result *run(toy *m, int64_t sentences, const tl_beam_options *o)
{
	tl_error err = {0};
	m->calls = 0;
	tl_beam_result *r = tl_beam_search(&(tl_decoder){m, step}, sentences, o, &err);
	ck_assert_msg(r != NULL, "%s", err.text);
	ck_assert_int_eq(r->sentences, sentences);
	return r;
}

/* A sequence of the oracles; symbols without eos. */
typedef struct sequence {
	uint64_t prefix;
	int32_t symbols[LIMIT + 1];
	int n;
	bool ended;
	double log_p, score;
	int order;
} sequence;

static double alpha_of(const tl_beam_options *o)
{
	return o->by_log_p ? 0 : o->alpha == 0 ? 0.75 : o->alpha;
}

static double score_of(const sequence *s, const tl_beam_options *o)
{
	return s->log_p / pow(s->n + s->ended, alpha_of(o));
}

static bool allowed(int32_t symbol)
{
	return symbol != PAD && symbol != BOS;
}

static sequence continued(const sequence *s, int32_t symbol, tl_real log_p)
{
	sequence c = *s;
	c.log_p += (double)log_p;
	c.ended = symbol == EOS;
	if (!c.ended) {
		c.symbols[c.n++] = symbol;
		c.prefix = extend(c.prefix, symbol);
	}
	return c;
}

static int by_score(const void *pa, const void *pb)
{
	const sequence *a = pa, *b = pb;
	return a->score != b->score ? (a->score < b->score) - (a->score > b->score) : a->order - b->order;
}

static int by_log_p(const void *pa, const void *pb)
{
	const sequence *a = pa, *b = pb;
	return a->log_p != b->log_p ? (a->log_p < b->log_p) - (a->log_p > b->log_p) : a->order - b->order;
}

static sequence root(const toy *m, int64_t sentence)
{
	return (sequence){.prefix = extend(m->seed + (uint64_t)sentence, BOS)};
}

/* All sequences of at most `limit` symbols, best first. */
static int enumerate(const toy *m, int64_t sentence, const tl_beam_options *o, sequence *all)
{
	static sequence open[ALL];
	int n = 0, n_open = 1;
	open[0] = root(m, sentence);
	for (int at = 0; at < n_open; at++) {
		sequence s = open[at];
		tl_real log_p[V];
		if (s.n == o->limit) {
			all[n++] = s;
			continue;
		}
		log_p_after(m, s.prefix, log_p);
		for (int32_t k = 0; k < V; k++) {
			if (!allowed(k) || isinf(log_p[k]))
				continue;
			sequence c = continued(&s, k, log_p[k]);
			ck_assert_int_lt(n_open, ALL);
			ck_assert_int_lt(n, ALL - 1);
			if (c.ended)
				all[n++] = c;
			else
				open[n_open++] = c;
		}
	}
	for (int k = 0; k < n; k++) {
		all[k].score = score_of(&all[k], o);
		all[k].order = k;
	}
	qsort(all, (size_t)n, sizeof *all, by_score);
	return n;
}

/* Beam search for one sentence, all continuations sorted. Adds up how many rows each step had. */
static int plain_search(
	const toy *m, int64_t sentence, int64_t limit, const tl_beam_options *o, sequence *done, int64_t *rows)
{
	static sequence live[ALL], next[ALL * V];
	int n_live = 1, n_done = 0;
	live[0] = root(m, sentence);
	for (int length = 1; length <= limit && n_live; length++) {
		int n = 0, keep = (int)o->width - n_done, stay = 0;
		rows[length - 1] += n_live;
		for (int r = 0; r < n_live; r++) {
			tl_real log_p[V];
			log_p_after(m, live[r].prefix, log_p);
			for (int32_t k = 0; k < V; k++)
				if (allowed(k) && !isinf(log_p[k])) {
					next[n] = continued(&live[r], k, log_p[k]);
					next[n].order = n;
					n++;
				}
		}
		qsort(next, (size_t)n, sizeof *next, by_log_p);
		for (int k = 0; k < n && k < keep; k++)
			if (next[k].ended)
				done[n_done++] = next[k];
			else
				live[stay++] = next[k];
		n_live = stay;
	}
	memcpy(done + n_done, live, (size_t)n_live * sizeof *live);
	n_done += n_live;
	for (int k = 0; k < n_done; k++) {
		done[k].score = score_of(&done[k], o);
		done[k].order = k;
	}
	qsort(done, (size_t)n_done, sizeof *done, by_score);
	return n_done;
}

static void check_same(const tl_hypothesis *got, const sequence *want)
{
	ck_assert_int_eq(got->n, want->n);
	ck_assert_mem_eq(got->symbols, want->symbols, (size_t)want->n * sizeof *got->symbols);
	ck_assert_int_eq(got->ended, want->ended);
	ck_assert_int_eq(got->length, want->n + want->ended);
	ck_assert_double_eq_tol(got->log_p, want->log_p, 1e-12);
	ck_assert_double_eq_tol(got->score, want->score, 1e-12);
}

static void check_list(const tl_beam_list *got, const sequence *want, int n, int64_t n_best)
{
	ck_assert_int_eq(got->n, n < n_best ? n : n_best);
	for (int64_t k = 0; k < got->n; k++)
		check_same(&got->v[k], &want[k]);
}

START_TEST(a_wide_beam_finds_the_best_of_all_sequences)
{
	static sequence all[ALL];
	int cut = 0;
	for (uint64_t seed = 0; seed < 20; seed++) {
		toy m = {.seed = seed * 100};
		tl_beam_options o = some_options(ALL);
		o.n_best = ALL;
		o.alpha = seed % 3 == 0 ? 0 : seed % 3 == 1 ? 1.5 : 0.2;
		o.by_log_p = seed % 4 == 3;
		tl_beam_result *r = run(&m, 3, &o);
		for (int b = 0; b < 3; b++) {
			int n = enumerate(&m, b, &o, all);
			ck_assert_int_eq(n, 1 + 2 + 4 + 8 + 16 + 32);
			check_list(&r->of[b], all, n, o.n_best);
			cut += !r->of[b].v[0].ended;
		}
		tl_beam_result_free(r);
	}
	ck_assert(cut > 0 && cut < 60);
}
END_TEST

/* Loops over widths; coarse models have ties all the time, and some symbols of probability 0. */
START_TEST(batches_are_searched_as_sentences_alone)
{
	enum { B = 7 };
	static sequence done[ALL];
	for (uint64_t seed = 0; seed < 40; seed++) {
		toy m = {.seed = seed * 1000, .coarse = seed % 2, .nowhere = seed % 4 == 2 ? 0.25 : 0};
		tl_beam_options o = some_options(_i);
		const int64_t source[B] = {1, 2, 0, 9, 3, 2, 1};
		int64_t rows[LIMIT] = {0};
		o.n_best = 1 + (int64_t)seed % _i;
		o.max_ratio = seed % 5 == 0 ? 1.5 : 0;
		o.source_lengths = source;
		bool dead = false;
		int n[B];
		static sequence want[B][ALL];
		for (int b = 0; b < B; b++) {
			int64_t limit = LIMIT;
			if (o.max_ratio > 0)
				limit = (int64_t)fmin(LIMIT, fmax(1, floor(1.5 * (double)source[b])));
			n[b] = plain_search(&m, b, limit, &o, done, rows);
			memcpy(want[b], done, (size_t)n[b] * sizeof *done);
			dead |= n[b] == 0;
		}
		if (dead)
			continue; /* nothing may follow: has a test of its own */
		tl_beam_result *r = run(&m, B, &o);
		for (int b = 0; b < B; b++)
			check_list(&r->of[b], want[b], n[b], o.n_best);
		for (int t = 0; t < LIMIT; t++)
			ck_assert_int_eq(t < m.calls ? m.rows[t] : 0, rows[t]);
		tl_beam_result_free(r);
	}
}
END_TEST

START_TEST(width_1_is_greedy)
{
	for (uint64_t seed = 0; seed < 50; seed++) {
		toy m = {.seed = seed, .coarse = seed % 2};
		tl_beam_options o = some_options(seed % 3 ? 1 : 0);
		tl_beam_result *r = run(&m, 1, &o);
		sequence s = root(&m, 0);
		while (!s.ended && s.n < LIMIT) {
			tl_real log_p[V];
			int32_t best = 0;
			log_p_after(&m, s.prefix, log_p);
			for (int32_t k = 1; k < V; k++)
				if (allowed(k) && log_p[k] > log_p[best])
					best = k;
			s = continued(&s, best, log_p[best]);
		}
		s.score = score_of(&s, &o);
		ck_assert_int_eq(r->of[0].n, 1);
		check_same(&r->of[0].v[0], &s);
		tl_beam_result_free(r);
	}
}
END_TEST

START_TEST(lists_are_sorted_distinct_and_scored_truly)
{
	for (uint64_t seed = 0; seed < 20; seed++) {
		toy m = {.seed = seed * 7, .coarse = seed % 2};
		tl_beam_options o = some_options(6);
		o.n_best = 6;
		tl_beam_result *r = run(&m, 2, &o);
		for (int b = 0; b < 2; b++)
			for (int64_t i = 0; i < r->of[b].n; i++) {
				const tl_hypothesis *h = &r->of[b].v[i];
				tl_real log_p[V];
				sequence s = root(&m, b);
				for (int64_t t = 0; t < h->length; t++) {
					int32_t symbol = t < h->n ? h->symbols[t] : EOS;
					ck_assert(allowed(symbol));
					log_p_after(&m, s.prefix, log_p);
					s = continued(&s, symbol, log_p[symbol]);
				}
				ck_assert(h->ended || h->length == LIMIT);
				ck_assert_double_eq_tol(h->log_p, s.log_p, 1e-6);
				ck_assert_double_eq_tol(h->score, s.log_p / pow((double)h->length, 0.75), 1e-6);
				for (int64_t j = 0; j < i; j++) {
					const tl_hypothesis *g = &r->of[b].v[j];
					ck_assert(g->score >= h->score);
					ck_assert(g->n != h->n || g->ended != h->ended ||
						memcmp(g->symbols, h->symbols, (size_t)h->n * sizeof *h->symbols));
				}
			}
		tl_beam_result_free(r);
	}
}
END_TEST

START_TEST(limits)
{
	const int64_t source[] = {0, 1, 2, 3, 100};
	toy m = {.seed = 3};
	tl_beam_options o = some_options(3);
	o.limit = 0;
	o.max_ratio = 1.4;
	o.source_lengths = source;
	tl_beam_result *r = run(&m, 4, &o);
	const int64_t most[] = {1, 1, 2, 4};
	for (int b = 0; b < 4; b++)
		ck_assert_int_le(r->of[b].v[0].length, most[b]);
	ck_assert_int_le(m.calls, 4);
	tl_beam_result_free(r);
	o.limit = 2;
	r = run(&m, 5, &o);
	ck_assert_int_le(r->of[4].v[0].length, 2);
	ck_assert_int_eq(m.calls, 2);
	tl_beam_result_free(r);
	r = run(&m, 0, &o);
	ck_assert_int_eq(m.calls, 0);
	tl_beam_result_free(r);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("beam");
	TCase *c = tcase_create("search");
	tcase_add_test(c, a_wide_beam_finds_the_best_of_all_sequences);
	tcase_add_loop_test(c, batches_are_searched_as_sentences_alone, 1, 7);
	tcase_add_test(c, width_1_is_greedy);
	tcase_add_test(c, lists_are_sorted_distinct_and_scored_truly);
	tcase_add_test(c, limits);
	suite_add_tcase(s, c);
	return s;
}
