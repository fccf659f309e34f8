/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequences of numbers, one behind the other; a batch of them is an array (T, B), time first, that holds a value
 * for padding past each row's length.
 */
#ifndef TL_TOOLS_SEQUENCES_H
#define TL_TOOLS_SEQUENCES_H

#include "tools/sentences.h"
#include "tools/vocab.h"

/* n sequences: sequence i is ids[start[i]] .. ids[start[i + 1] - 1]. */
typedef struct sequences {
	int32_t *ids;
	int64_t *start;  /* n + 1 */
	int64_t *length; /* n */
	int64_t n;
} sequences;

#define SEQUENCES_REFUSE 0 /* no missing token is allowed */

/*
 * Sentences as numbers, each closed by `end` where that is not negative. A token that the vocabulary lacks
 * gets the number of its <unk>; where it has none, `missing` < 0 is the number; with SEQUENCES_REFUSE such a token is
 * TL_ERR_FORMAT, in a sentence that names file, line and `what` the token is ("label").
 */
tl_status sequences_encode(sequences *q, const sentences *s, const vocab *v, int32_t end, int32_t missing,
	const char *what, tl_error *err);
void sequences_release(sequences *q);

/* The largest length among the sequences which[0..rows), at least 1. */
int64_t sequences_longest(const sequences *q, const int64_t *which, int64_t rows);
/*
 * ids (steps, rows): sequences which[0..rows), padded with `pad` to steps >= sequences_longest. Where first is
 * not negative, each row is shifted by one: first, then all but its last id (a decoder's input). lengths
 * (rows) may be NULL.
 */
void sequences_pad(const sequences *q, const int64_t *which, int64_t rows, int64_t steps, int32_t first,
	int32_t pad, int32_t *ids, int64_t *lengths);

#endif
