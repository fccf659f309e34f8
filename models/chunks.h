/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks of a labelled sentence and their F1, as the shared tasks of CoNLL count them (conlleval; Tjong Kim
 * Sang, Buchholz, 2000). A label is "O", outside, or a prefix, a dash and a type, "B-city". Reading from the
 * left, a word that is not O begins a chunk if
 *
 *	its prefix is B or S (a chunk of one word), or
 *	the word before is O, E (the end of a chunk) or S, or there is none, or
 *	the type is not that of the word before,
 *
 * else it goes on with the chunk. So IOB1 ("I" begins a chunk, "B" only where two touch), IOB2 and IOBES are
 * all read without being told which it is. A prefix of one letter that is none of these is read as B; B, I, E and S
 * alone have the type "". A label that has no such prefix, "NN", is a chunk of its own, and its own type, as for
 * conlleval -r: where all labels are such, as parts of speech are, F1 is the accuracy of words, in percent. A chunk
 * was found if begin, end and type are right:
 *
 *	precision = right / predicted    recall = right / gold    F1 = 2 right / (gold + predicted)
 *
 * all three in percent, and 0 where they would be 0/0.
 *
 *	tl_chunks c = {0};
 *	for (each sentence)
 *		tl_chunks_add(&c, words, gold, predicted);
 *	printf("F1 %.2f\n", tl_chunks_f1(&c));
 */
#ifndef TL_MODELS_CHUNKS_H
#define TL_MODELS_CHUNKS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/real.h"

/* Words begin..end-1. The type points into the label of the first one. */
typedef struct tl_chunk {
	int64_t begin, end;
	const char *type;
} tl_chunk;

/* The first chunk that begins at `from` or later; false where there is none. */
TL_API bool tl_chunk_next(int64_t n, const char *const *labels, int64_t from, tl_chunk *chunk);

/* Zero-initialise. */
typedef struct tl_chunks {
	int64_t gold, predicted, right; /* chunks */
	int64_t words, words_right;     /* words, and those whose labels are equal strings */
} tl_chunks;

/* Count a sentence of n words. */
TL_API void tl_chunks_add(tl_chunks *c, int64_t n, const char *const *gold, const char *const *predicted);
TL_API double tl_chunks_precision(const tl_chunks *c);
TL_API double tl_chunks_recall(const tl_chunks *c);
TL_API double tl_chunks_f1(const tl_chunks *c);
TL_API double tl_chunks_accuracy(const tl_chunks *c); /* of words, in percent */

#endif
