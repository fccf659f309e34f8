/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Beam search: the likeliest sequences of a model p(y_1..y_L) = prod_t p(y_t | y_1..y_{t-1}), for a batch of
 * sentences at a time. A hypothesis is the beginning of a sequence, log P the sum of its log p. For each
 * sentence, with a beam of `width`:
 *
 *	live = {the empty hypothesis}, finished = {}
 *	for length = 1 .. limit, while there are live ones:
 *		of all continuations of live hypotheses by one symbol the best (width - |finished|) by log P stay
 *		those that end in eos are finished, and wait; the others are live
 *	the live ones of the last step take part as they are
 *	the best by score = log P / length^alpha are the answer; length counts eos
 *
 * Width 1 is greedy search: the likeliest symbol at each step. Ties go to the continuation of the better
 * hypothesis, then to the lower symbol; among equal scores to the one that was finished first, then to one that
 * ended in eos, then to the better log P. So equal log p give equal answers, whatever else is in the batch.
 *
 *	tl_decoder decoder = {.user = &model, .step = model_step};
 *	tl_beam_options options = {.symbols = V, .width = 5, .limit = 30, .bos = 2, .eos = 3};
 *	tl_beam_result *found = tl_beam_search(&decoder, sentences, &options, &err);
 *	if (!found)
 *		fprintf(stderr, "%s\n", err.text);
 *	for (int64_t b = 0; found && b < sentences; b++)
 *		write_words(found->of[b].v[0].symbols, found->of[b].v[0].n);
 *	tl_beam_result_free(found);
 */
#ifndef TL_MODELS_BEAM_H
#define TL_MODELS_BEAM_H

#include <stdbool.h>
#include <stdint.h>

#include "core/status.h"

/*
 * How a model is asked. `step` fills log_p (rows, V) with the log p of what follows each row. Row r continues
 * row parent[r] of the call before with symbol[r]; in the first call row r is sentence parent[r] = r and
 * symbol[r] is bos. Several rows may have the same parent, and rows that nothing continues are forgotten. A
 * status other than TL_OK ends the search, which returns it with the sentence in err.
 */
typedef struct tl_decoder {
	void *user;
	tl_status (*step)(void *user, int64_t rows, const int32_t *parent, const int32_t *symbol, tl_real *log_p,
		tl_error *err);
} tl_decoder;

/* Zero-initialise. */
typedef struct tl_beam_options {
	int64_t symbols; /* V */
	int64_t width;   /* 0: 1, greedy */
	int64_t n_best;  /* hypotheses to return for a sentence, at most; 0: 1; not more than the width */
	double alpha;    /* of the score; 0: 0.75 */
	bool by_log_p;   /* alpha is 0: the score is log P itself */
	/*
	 * No sequence has more than `limit` symbols, eos among them, and none of sentence b more than
	 * max_ratio * source_lengths[b] (rounded down, but one is always allowed). 0 and NULL: no such bound;
	 * there must be one of the two.
	 */
	int64_t limit;
	double max_ratio;
	const int64_t *source_lengths;
	int32_t bos, eos;
	/*
	 * Never produced, whatever their log p; the log p of the others are taken as they are. bos
	 * is one, too, unless it is eos.
	 */
	const int32_t *banned;
	int64_t n_banned;
} tl_beam_options;

typedef struct tl_hypothesis {
	const int32_t *symbols; /* without bos and eos */
	int64_t n;              /* how many those are */
	int64_t length;         /* n, and 1 more where it ended in eos */
	bool ended;             /* in eos; else the limit cut it off */
	double log_p;           /* eos included where it ended */
	double score;
} tl_hypothesis;

/* A sentence's hypotheses, best score first; no two have the same symbols and the same end. */
typedef struct tl_beam_list {
	const tl_hypothesis *v;
	int64_t n; /* 1 to n_best: there may be fewer sequences than were asked for */
} tl_beam_list;

typedef struct tl_beam_result {
	int64_t sentences;
	const tl_beam_list *of; /* by sentence */
} tl_beam_result;

/*
 * One call of `step` for each length, over the live hypotheses of all sentences that are not done: at most
 * sentences * width rows. Memory: V reals for each of those rows, 16 bytes for each hypothesis that ever stayed (at
 * most sentences * width * limit), and about 150 bytes for each of sentences * width.
 *
 * NULL on error: TL_ERR_ARGUMENT for options out of range, TL_ERR_MEMORY, the step's own, TL_ERR_VALUE where
 * a log p is NaN or +infinity, or where every symbol that may follow has -infinity and no hypothesis of that
 * sentence is finished; one of -infinity never stays.
 */
TL_API tl_beam_result *tl_beam_search(
	const tl_decoder *decoder, int64_t sentences, const tl_beam_options *options, tl_error *err);
/* The result owns all that it points to. NULL is fine. */
TL_API void tl_beam_result_free(tl_beam_result *result);

#endif
