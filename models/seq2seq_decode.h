/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An encoder-decoder in use: sources in, translations out, greedily or by whatever calls step by step (beam
 * search).
 *
 *	tl_seq2seq_search *s = tl_seq2seq_search_new(model, tape, S, B, source, lengths, &err);
 *	tl_decoder decoder = {.user = s, .step = tl_seq2seq_search_step};           // models/beam.h
 *	tl_beam_result *found = tl_beam_search(&decoder, B, &options, &err);
 *	tl_seq2seq_search_free(s);
 *
 * A step is a function (graph/function.h), one for each number of rows, which are filled up to a rounded number, so
 * that few do. The memory of the sources is computed once; a step gathers what belongs to its rows. A program that
 * searches often keeps the functions from search to search:
 *
 *	tl_function_cache *steps = tl_function_cache_new(64);           // of one model and tape
 *	...
 *	tl_seq2seq_search_use(s, steps);                                // after each tl_seq2seq_search_new
 *	...
 *	tl_function_cache_free(steps);                                  // before the tape
 */
#ifndef TL_MODELS_SEQ2SEQ_DECODE_H
#define TL_MODELS_SEQ2SEQ_DECODE_H

#include "graph/function_cache.h"
#include "models/seq2seq.h"

typedef struct tl_seq2seq_search tl_seq2seq_search;

/*
 * Encodes B sources: source (S, B), row b with lengths[b] symbols; lengths NULL: S. Source and lengths are read
 * during the call only; the tape is reset by it, and must, like the model, outlive the search.
 * NULL on error.
 */
TL_API tl_seq2seq_search *tl_seq2seq_search_new(const tl_seq2seq *model, tl_tape *tape, int64_t steps,
	int64_t batch, const int32_t *source, const int64_t *lengths, tl_error *err);
TL_API void tl_seq2seq_search_free(tl_seq2seq_search *s); /* NULL is fine */
/* Steps are looked for there, and those that are made left there; it belongs to this model and tape alone. */
TL_API void tl_seq2seq_search_use(tl_seq2seq_search *s, tl_function_cache *steps);

/*
 * log_p (rows, V) = log p of what follows each row: row r continues row parent[r] of the call before with
 * symbol[r]; in the first call it is the source parent[r], whose translation begins with symbol[r]. `user` is the
 * search.
 */
TL_API tl_status tl_seq2seq_search_step(
	void *user, int64_t rows, const int32_t *parent, const int32_t *symbol, tl_real *log_p, tl_error *err);

/* What the rows of the last step looked at, for models with attention: (S, rows, N), valid until the next; else
 * NULL. */
TL_API const tl_real *tl_seq2seq_search_weights(const tl_seq2seq_search *s);

typedef struct tl_greedy_options {
	int32_t bos, eos;
	int64_t limit;         /* symbols at most, eos among them */
	const int32_t *banned; /* never produced; bos is one, too, unless it is eos */
	int n_banned;
} tl_greedy_options;

/*
 * The likeliest symbol at each step, from a search that has not stepped yet; rows that ended take no part. Row b's
 * symbols, without bos and eos, go to out[b * limit], their number to length[b]. Ties: the first. TL_ERR_VALUE
 * where no symbol has a finite log p.
 */
TL_API tl_status tl_seq2seq_greedy(
	tl_seq2seq_search *s, const tl_greedy_options *options, int32_t *out, int64_t *length, tl_error *err);

#endif
