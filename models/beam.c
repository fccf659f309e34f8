/* SPDX-License-Identifier: Apache-2.0 */
#include "models/beam.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "models/beam_result.h"

/* A live hypothesis, or what may become one: row `parent` continued by `symbol`. */
typedef struct continuation {
	double log_p;
	int64_t node; /* where its symbols end, in the trail */
	int32_t parent, symbol;
} continuation;

/* A sentence that is not done; its live hypotheses are neighbouring rows, the best first. */
typedef struct beam {
	int64_t sentence, live, limit;
} beam;

typedef struct search {
	tl_beam_options o;
	tl_beam_ends ends;
	bool *never; /* (V): banned */
	beam *beams;
	int64_t n_beams;
	continuation *row, *next; /* (sentences * width): of this step, of the one after it */
	continuation *best;       /* (width): of one sentence */
	int32_t *parent, *symbol; /* rows as the decoder takes them */
	tl_real *log_p;           /* (rows, V) */
	int64_t rows, room;       /* rows now; rows that log_p has room for */
} search;

static tl_status check_options(const tl_beam_options *o, int64_t sentences, tl_error *err)
{
	const char *what = NULL;
	if (sentences < 0)
		what = "a negative number of sentences";
	else if (o->symbols < 1 || o->symbols > INT32_MAX)
		what = "`symbols` must be the size of the vocabulary";
	else if (o->width < 1 || (sentences && o->width > INT32_MAX / sentences))
		what = "the width is negative, or too large";
	else if (o->n_best < 1 || o->n_best > o->width)
		what = "n_best must be from 1 to the width";
	else if (!(o->alpha >= 0) || isinf(o->alpha))
		what = "alpha must be a number from 0 on";
	else if (o->limit < 0 || !(o->max_ratio >= 0) || isinf(o->max_ratio))
		what = "a limit must be a number from 0 on";
	else if (o->limit == 0 && o->max_ratio == 0)
		what = "without a limit it might not end: give `limit` or `max_ratio`";
	else if (o->max_ratio > 0 && !o->source_lengths)
		what = "max_ratio needs source_lengths";
	else if (o->bos < 0 || o->bos >= o->symbols || o->eos < 0 || o->eos >= o->symbols)
		what = "bos or eos is outside the vocabulary";
	for (int64_t k = 0; !what && k < o->n_banned; k++)
		if (o->banned[k] < 0 || o->banned[k] >= o->symbols)
			what = "a banned symbol is outside the vocabulary";
		else if (o->banned[k] == o->eos)
			what = "eos is banned";
	return what ? tl_error_set(err, TL_ERR_ARGUMENT, "beam search: %s", what) : TL_OK;
}

static int64_t limit_of(const tl_beam_options *o, int64_t sentence)
{
	int64_t limit = o->limit ? o->limit : INT64_MAX;
	if (o->max_ratio > 0) {
		double most = floor(o->max_ratio * (double)o->source_lengths[sentence]);
		if (most < (double)limit)
			limit = most < 1 ? 1 : (int64_t)most;
	}
	return limit;
}

static tl_status search_init(search *s, int64_t sentences, const tl_beam_options *o, tl_error *err)
{
	s->o = *o;
	s->o.width = o->width ? o->width : 1;
	s->o.n_best = o->n_best ? o->n_best : 1;
	s->o.alpha = o->by_log_p ? 0 : o->alpha == 0 ? 0.75 : o->alpha;
	if (check_options(&s->o, sentences, err))
		return err->status;
	size_t most = (size_t)(sentences * s->o.width) + 1;
	s->never = calloc((size_t)o->symbols, sizeof *s->never);
	s->beams = calloc((size_t)sentences + 1, sizeof *s->beams);
	s->row = calloc(most, sizeof *s->row);
	s->next = calloc(most, sizeof *s->next);
	s->best = calloc((size_t)s->o.width, sizeof *s->best);
	s->parent = calloc(most, sizeof *s->parent);
	s->symbol = calloc(most, sizeof *s->symbol);
	if (!s->never || !s->beams || !s->row || !s->next || !s->best || !s->parent || !s->symbol)
		return tl_error_memory(err);
	for (int64_t k = 0; k < o->n_banned; k++)
		s->never[o->banned[k]] = true;
	if (o->bos != o->eos)
		s->never[o->bos] = true;
	s->n_beams = s->rows = sentences;
	for (int64_t b = 0; b < sentences; b++) {
		s->beams[b] = (beam){.sentence = b, .live = 1, .limit = limit_of(o, b)};
		s->row[b] = (continuation){.node = -1, .parent = (int32_t)b, .symbol = o->bos};
	}
	return tl__beam_ends_init(&s->ends, sentences, s->o.width, err);
}

static void search_release(search *s)
{
	tl__beam_ends_release(&s->ends);
	free(s->never);
	free(s->beams);
	free(s->row);
	free(s->next);
	free(s->best);
	free(s->parent);
	free(s->symbol);
	free(s->log_p);
}

static tl_status ask(search *s, const tl_decoder *d, tl_error *err)
{
	if (s->rows > s->room) {
		free(s->log_p);
		s->room = 0;
		s->log_p = calloc((size_t)s->rows, (size_t)s->o.symbols * sizeof *s->log_p);
		if (!s->log_p)
			return tl_error_memory(err);
		s->room = s->rows;
	}
	for (int64_t r = 0; r < s->rows; r++) {
		s->parent[r] = s->row[r].parent;
		s->symbol[r] = s->row[r].symbol;
	}
	tl_status status = d->step(d->user, s->rows, s->parent, s->symbol, s->log_p, err);
	return status ? tl_error_set(err, status, "beam search: the decoder failed") : TL_OK;
}

/* The largest of x, and whether there is a NaN among them; without branches, for vectors. */
static tl_real largest(const tl_real *x, int64_t n, bool *nan)
{
	tl_real most = -(tl_real)INFINITY;
	int not_equal = 0;
	for (int64_t k = 0; k < n; k++) {
		most = x[k] > most ? x[k] : most;
		not_equal |= x[k] != x[k];
	}
	*nan = not_equal;
	return most;
}

/*
 * Put the continuations of row r among the n best, of which no more than `keep` stay: best first, and of equal
 * ones that which came first. Blocks without one that is good enough are passed over. -1 for a bad value.
 */
static int64_t add_row(search *s, int64_t r, int64_t n, int64_t keep)
{
	enum { BLOCK = 32 };
	const tl_real *x = s->log_p + r * s->o.symbols;
	double so_far = s->row[r].log_p, worst = n == keep ? s->best[n - 1].log_p : -(double)INFINITY;
	for (int64_t from = 0; from < s->o.symbols; from += BLOCK) {
		bool nan;
		int64_t to = from + BLOCK < s->o.symbols ? from + BLOCK : s->o.symbols;
		tl_real most = largest(x + from, to - from, &nan);
		if (nan || most == (tl_real)INFINITY)
			return -1;
		if (!(so_far + (double)most > worst))
			continue;
		for (int64_t k = from; k < to; k++) {
			double log_p = so_far + (double)x[k];
			if (!(log_p > worst) || s->never[k])
				continue;
			int64_t at = n < keep ? n++ : n - 1;
			for (; at > 0 && s->best[at - 1].log_p < log_p; at--)
				s->best[at] = s->best[at - 1];
			s->best[at] = (continuation){log_p, s->row[r].node, (int32_t)r, (int32_t)k};
			worst = n == keep ? s->best[n - 1].log_p : worst;
		}
	}
	return n;
}

static double score(const search *s, double log_p, int64_t length)
{
	return log_p / pow((double)length, s->o.alpha);
}

/* One step of sentence q, whose rows start at `first`; new rows are appended to s->next. */
static tl_status advance(search *s, beam *q, int64_t first, int64_t length, int64_t *rows, tl_error *err)
{
	int64_t n = 0, keep = s->o.width - s->ends.n[q->sentence], start = *rows;
	assert(keep > 0 && q->live <= keep);
	for (int64_t r = first; r < first + q->live; r++) {
		n = add_row(s, r, n, keep);
		if (n < 0)
			return tl_error_set(err, TL_ERR_VALUE,
				"beam search: the model gave a log p that is NaN or +infinity to symbol %" PRId64
				" of sentence %" PRId64, length, q->sentence);
	}
	if (n == 0 && s->ends.n[q->sentence] == 0)
		return tl_error_set(err, TL_ERR_VALUE,
			"beam search: nothing may follow: every symbol that is not banned has log p -infinity"
			" as symbol %" PRId64 " of sentence %" PRId64, length, q->sentence);
	for (int64_t k = 0; k < n; k++) {
		continuation c = s->best[k];
		if (c.symbol == s->o.eos) {
			tl__beam_end(&s->ends, q->sentence, (tl_beam_end){c.node, c.log_p,
				score(s, c.log_p, length), length, 0, true});
			continue;
		}
		if (tl__beam_extend(&s->ends, &c.node, c.symbol, err))
			return err->status;
		s->next[(*rows)++] = c;
	}
	if (length == q->limit) {
		for (int64_t r = start; r < *rows; r++)
			tl__beam_end(&s->ends, q->sentence, (tl_beam_end){s->next[r].node, s->next[r].log_p,
				score(s, s->next[r].log_p, length), length, 0, false});
		*rows = start;
	}
	q->live = *rows - start;
	return TL_OK;
}

static tl_status search_run(search *s, const tl_decoder *d, tl_error *err)
{
	for (int64_t length = 1; s->rows; length++) {
		if (ask(s, d, err))
			return err->status;
		int64_t first = 0, rows = 0, left = 0;
		for (int64_t k = 0; k < s->n_beams; k++) {
			beam q = s->beams[k];
			int64_t live = q.live;
			if (advance(s, &q, first, length, &rows, err))
				return err->status;
			first += live;
			if (q.live)
				s->beams[left++] = q;
		}
		continuation *now = s->next;
		s->next = s->row;
		s->row = now;
		s->rows = rows;
		s->n_beams = left;
	}
	return TL_OK;
}

tl_beam_result *tl_beam_search(
	const tl_decoder *decoder, int64_t sentences, const tl_beam_options *options, tl_error *err)
{
	search s = {0};
	tl_error own = {0};
	tl_beam_result *result = NULL;
	if (!search_init(&s, sentences, options, &own) && !search_run(&s, decoder, &own))
		result = tl__beam_collect(&s.ends, s.o.n_best, &own);
	if (!result)
		tl_error_set(err, own.status, "%s", own.text);
	search_release(&s);
	return result;
}
