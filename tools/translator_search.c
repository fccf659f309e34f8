/* SPDX-License-Identifier: Apache-2.0 */
/* The search for translations, or drawing them. */
#include <math.h>
#include <stdlib.h>

#include "models/sample.h"
#include "models/seq2seq_decode.h"
#include "tools/translator.h"

#define STEPS 64 /* functions that are kept: for numbers of rows and lengths of sources */

static const int32_t banned[] = {VOCAB_PAD, VOCAB_START};

/* A decoder that draws one of the continuations of each row: all others are impossible. */
typedef struct drawer {
	tl_seq2seq_search *search;
	const search_options *o;
	int64_t symbols;
	tl_rng *rng; /* of each row; rows that end leave, and no row has two that continue it */
} drawer;

static tl_status draw_step(
	void *user, int64_t rows, const int32_t *parent, const int32_t *symbol, tl_real *log_p, tl_error *err)
{
	drawer *d = user;
	if (tl_seq2seq_search_step(d->search, rows, parent, symbol, log_p, err))
		return err->status;
	for (int64_t r = 0; r < rows; r++) {
		tl_real *row = log_p + r * d->symbols;
		d->rng[r] = d->rng[parent[r]];
		for (size_t k = 0; k < sizeof banned / sizeof *banned; k++)
			row[banned[k]] = -INFINITY;
		int64_t drawn = tl_sample_top_k(row, d->symbols, d->o->top_k, d->o->temperature, &d->rng[r]);
		for (int64_t k = 0; k < d->symbols; k++)
			row[k] = k == drawn ? row[k] : -INFINITY;
	}
	return TL_OK;
}

static tl_beam_result *draw(tl_seq2seq_search *search, const int64_t *number, int64_t rows, const search_options *o,
	const tl_beam_options *options, tl_error *err)
{
	drawer d = {.search = search, .o = o, .symbols = options->symbols};
	tl_beam_result *found = NULL;
	tl_beam_options one = *options;
	one.width = one.n_best = 1;
	if (!(d.rng = malloc((size_t)rows * sizeof *d.rng))) {
		tl_error_memory(err);
		return NULL;
	}
	for (int64_t r = 0; r < rows; r++)
		d.rng[r] = (tl_rng){.seed = (uint64_t)o->seed, .stream = (uint64_t)number[r]};
	found = tl_beam_search(&(tl_decoder){&d, draw_step}, rows, &one, err);
	free(d.rng);
	return found;
}

tl_beam_result *translator_search(translator *t, const sequences *sources, const int64_t *which,
	const int64_t *number, int64_t rows, const search_options *o, tl_error *err)
{
	struct pairs_batch *a = &t->batch;
	int64_t steps = sequences_longest(sources, which, rows);
	if (translator_reserve(t, rows, rows * steps, err))
		return NULL;
	sequences_pad(sources, which, rows, steps, -1, VOCAB_PAD, a->x, a->lengths);
	tl_beam_options options = {
		.symbols = t->base.vocab[TARGET].n,
		.width = o->beam,
		.n_best = o->n_best < o->beam ? o->n_best : o->beam,
		.alpha = o->alpha,
		.by_log_p = o->alpha == 0,
		.limit = t->limit,
		.max_ratio = o->max_ratio,
		.source_lengths = a->lengths,
		.bos = VOCAB_START,
		.eos = VOCAB_END,
		.banned = banned,
		.n_banned = sizeof banned / sizeof *banned,
	};
	if (!t->steps && !(t->steps = tl_function_cache_new(STEPS))) {
		tl_error_memory(err);
		return NULL;
	}
	tl_seq2seq_search *s = tl_seq2seq_search_new(t->model, t->base.tape, steps, rows, a->x, a->lengths, err);
	tl_beam_result *found = NULL;
	if (s)
		tl_seq2seq_search_use(s, t->steps);
	if (s && o->draw)
		found = draw(s, number, rows, o, &options, err);
	else if (s)
		found = tl_beam_search(&(tl_decoder){s, tl_seq2seq_search_step}, rows, &options, err);
	tl_seq2seq_search_free(s);
	return found;
}
