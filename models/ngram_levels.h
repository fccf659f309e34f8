/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of an n-gram model. Not installed.
 *
 * Level k holds the contexts of k symbols. They are a tree that is read backwards, from the last symbol to the
 * oldest: a context's children, on the next level, are itself with one symbol more before it. Children, and a
 * context's entries (what came next, and how often), lie side by side in rising order:
 *
 *	context i of level k:   entries   symbol[entry[i]] .. symbol[entry[i + 1] - 1]
 *	                        children  older[child[i]] .. older[child[i + 1] - 1]   on level k + 1
 *
 * Invariants:
 *  1. Every context has an entry; of the text's n - 1 first positions, too: V stands before the first symbol.
 *  2. An entry of a context is an entry of its parent.
 */
#ifndef TL_MODELS_NGRAM_LEVELS_H
#define TL_MODELS_NGRAM_LEVELS_H

#include "models/ngram.h"

typedef struct ngram_level {
	int64_t contexts, entries;
	int64_t *entry;  /* contexts + 1 */
	int64_t *child;  /* contexts + 1; NULL on the last level */
	int32_t *older;  /* of a context, its oldest symbol; NULL on level 0, whose only context is empty */
	int32_t *symbol; /* of an entry */
	int32_t *count;  /* of an entry: N(c v) */
	float *share;    /* of an entry: max(0, N(c v) - D) / N(c .) */
	float *rest;     /* of a context */
} ngram_level;

struct tl_ngram {
	tl_ngram_options options;
	ngram_level level[TL_NGRAM_MOST]; /* as many as the order */
};

/* Fills all but share and rest; N is the number of occurrences on every level. False where memory is out. */
bool tl__ngram_count(tl_ngram *model, const int32_t *text, int64_t n);

#endif
