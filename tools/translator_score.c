/* SPDX-License-Identifier: Apache-2.0 */
/* How good a translator is. */
#include <stdlib.h>

#include "models/bleu.h"
#include "models/perplexity.h"
#include "tools/translator.h"

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

static tl_status bleu_of(translator *t, const bitext *b, const search_options *o, double *bleu, tl_error *err)
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

static tl_status add_loss(translator *t, const bitext *b, tl_likelihood *sum, tl_error *err)
{
	batches all;
	batch_options o = {.n = b->pairs, .size = t->base.batch, .sorted = true, .length1 = b->pair_length,
		.length2 = b->target_ids.length};
	if (batches_init(&all, &o, err))
		return err->status;
	batches_epoch(&all, 1);
	tl_status status = TL_OK;
	for (int64_t k = 0; k < all.count && !status; k++) {
		int64_t rows;
		tl_real mean = 0;
		const int64_t *pairs = batches_get(&all, k, &rows);
		status = translator_take(t, b, pairs, rows, err);
		tl_tape_reset(t->base.tape);
		if (!status && tl_read(translator_loss(t, false), &mean, 1))
			status = tape_error(t->base.tape, err);
		tl_likelihood_add(sum, (double)mean, t->batch.tokens);
	}
	batches_release(&all);
	return status;
}

tl_status translator_evaluate(task *base, int part, score *s, tl_error *err)
{
	translator *t = (translator *)base;
	const bitext *b = &t->part[part];
	search_options greedy = SEARCH_DEFAULTS, beam = SEARCH_DEFAULTS;
	tl_likelihood sum = {0};
	double bleu = 0, bleu_beam = 0;
	bool search = part == TEST && t->beam > 1;
	greedy.beam = 1;
	beam.beam = t->beam;
	if (add_loss(t, b, &sum, err) || bleu_of(t, b, &greedy, &bleu, err) ||
		(search && bleu_of(t, b, &beam, &bleu_beam, err)))
		return err->status;
	double loss = tl_likelihood_mean(&sum);
	*s = (score){.better = t->by_bleu ? bleu : -loss, .tokens = sum.tokens};
	score_add(s, "loss", loss);
	score_add(s, "perplexity", tl_perplexity(loss));
	score_add(s, "bleu_greedy", bleu);
	if (search)
		score_add(s, "bleu_beam", bleu_beam);
	return TL_OK;
}
