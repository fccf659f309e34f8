/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of pairs; translations, and how good they are. */
#include <math.h>
#include <stdlib.h>

#include "models/bleu.h"
#include "models/sample.h"
#include "models/seq2seq_decode.h"
#include "tools/translator.h"

static const int32_t banned[] = {VOCAB_PAD, VOCAB_START};

static bool grow(void *p, int64_t n, size_t size)
{
	void **old = p;
	void *bigger = realloc(*old, (size_t)n * size + 1);
	*old = bigger ? bigger : *old;
	return bigger;
}

/* Room for a batch of that many rows and of `size` places. */
static tl_status reserve(struct pairs_batch *b, int64_t rows, int64_t size, tl_error *err)
{
	if (rows > b->room_rows) {
		if (!grow(&b->which, rows, sizeof *b->which) || !grow(&b->lengths, rows, sizeof *b->lengths))
			return tl_error_memory(err);
		b->room_rows = rows;
	}
	if (size > b->room) {
		if (!grow(&b->x, size, sizeof *b->x) || !grow(&b->y_in, size, sizeof *b->y_in) ||
			!grow(&b->y, size, sizeof *b->y))
			return tl_error_memory(err);
		b->room = size;
	}
	return TL_OK;
}

tl_status translator_take(translator *t, const bitext *b, const int64_t *pairs, int64_t rows, tl_error *err)
{
	struct pairs_batch *a = &t->batch;
	if (reserve(a, rows, 0, err))
		return err->status;
	a->rows = rows;
	a->tokens = 0;
	for (int64_t k = 0; k < rows; k++) {
		a->which[k] = b->source[pairs[k]];
		a->tokens += b->target_ids.length[pairs[k]];
	}
	a->steps = sequences_longest(&b->source_ids, a->which, rows);
	a->target_steps = sequences_longest(&b->target_ids, pairs, rows);
	if (reserve(a, rows, rows * (a->steps > a->target_steps ? a->steps : a->target_steps), err))
		return err->status;
	sequences_pad(&b->source_ids, a->which, rows, a->steps, -1, VOCAB_PAD, a->x, a->lengths);
	sequences_pad(&b->target_ids, pairs, rows, a->target_steps, VOCAB_START, VOCAB_PAD, a->y_in, NULL);
	sequences_pad(&b->target_ids, pairs, rows, a->target_steps, -1, VOCAB_PAD, a->y, NULL);
	return TL_OK;
}

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
	if (reserve(a, rows, rows * steps, err))
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
	tl_seq2seq_search *s = tl_seq2seq_search_new(t->model, t->base.tape, steps, rows, a->x, a->lengths, err);
	tl_beam_result *found = NULL;
	if (s && o->draw)
		found = draw(s, number, rows, o, &options, err);
	else if (s)
		found = tl_beam_search(&(tl_decoder){s, tl_seq2seq_search_step}, rows, &options, err);
	tl_seq2seq_search_free(s);
	return found;
}

/* What BLEU is counted with: a vocabulary of all references' words, which closes each with a NUL. */
typedef struct judge {
	const bitext *b;
	const vocab *targets;
	vocab words;
	const char **v;   /* words of the references of a source and of its translation */
	tl_words *references;
	tl_bleu bleu;
} judge;

static tl_status judge_init(judge *j, tl_error *err)
{
	const bitext *b = j->b;
	int64_t most = 1, most_words = 0;
	for (int64_t i = 0; i < b->n; i++) {
		int64_t from = b->first[i], to = b->first[i + 1], words = b->targets.start[to] - b->targets.start[from];
		most = to - from > most ? to - from : most;
		most_words = words > most_words ? words : most_words;
	}
	j->v = malloc(((size_t)most_words + 1) * sizeof *j->v);
	j->references = malloc((size_t)most * sizeof *j->references);
	if (!j->v || !j->references)
		return tl_error_memory(err);
	return vocab_build(&j->words, b->targets.v, b->targets.start[b->pairs], FRONT_NONE, 1, err);
}

static tl_status judge_add(judge *j, int64_t source, const tl_hypothesis *h, tl_error *err)
{
	const sentences *targets = &j->b->targets;
	int64_t from = j->b->first[source], to = j->b->first[source + 1];
	const char **at = j->v;
	for (int64_t p = from; p < to; p++) {
		j->references[p - from] = (tl_words){at, sentence_length(targets, p)};
		for (int64_t k = targets->start[p]; k < targets->start[p + 1]; k++)
			*at++ = j->words.symbols[vocab_find(&j->words, targets->v[k])];
	}
	const char **said = malloc(((size_t)h->n + 1) * sizeof *said);
	if (!said)
		return tl_error_memory(err);
	for (int64_t k = 0; k < h->n; k++)
		said[k] = j->targets->symbols[h->symbols[k]];
	tl_status status = tl_bleu_add(&j->bleu, (tl_words){said, h->n}, to - from, j->references, err);
	free(said);
	return status;
}

/* Translates the sources, sorted by length, and shows each to the judge. */
static tl_status judge_all(judge *j, translator *t, const search_options *o, tl_error *err)
{
	const bitext *b = j->b;
	batches all;
	batch_options options = {.n = b->n, .size = t->base.batch, .sorted = true, .length1 = b->source_ids.length};
	if (batches_init(&all, &options, err))
		return err->status;
	batches_epoch(&all, 1);
	for (int64_t k = 0; k < all.count && !err->status; k++) {
		int64_t rows;
		const int64_t *which = batches_get(&all, k, &rows);
		tl_beam_result *found = translator_search(t, &b->source_ids, which, which, rows, o, err);
		for (int64_t r = 0; found && r < rows && !err->status; r++)
			judge_add(j, which[r], &found->of[r].v[0], err);
		tl_beam_result_free(found);
	}
	batches_release(&all);
	return err->status;
}

tl_status translator_bleu(translator *t, const bitext *b, const search_options *o, double *bleu, tl_error *err)
{
	judge j = {.b = b, .targets = &t->base.vocab[TARGET]};
	tl_error why = {0};
	if (!judge_init(&j, &why))
		judge_all(&j, t, o, &why);
	*bleu = tl_bleu_score(&j.bleu, NULL);
	vocab_release(&j.words);
	free(j.v);
	free(j.references);
	return why.status ? tl_error_set(err, why.status, "%s", why.text) : TL_OK;
}
