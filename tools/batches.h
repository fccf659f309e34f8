/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches of examples of unequal lengths. An epoch's batches follow from (seed, epoch) alone:
 *
 *	shuffle the examples; sort them stably by (length1, length2); cut into batches of `size`, of which
 *	the last may be smaller; shuffle the batches.
 *
 * Without `shuffled`, the order is the examples' own; without `sorted`, nothing is sorted. So evaluation
 * (sorted, not shuffled) pads little and is the same each time.
 *
 * Sequences of ids lie one behind the other; a batch of them is an array (T, B), time first, that
 * holds a value for padding past each row's length.
 */
#ifndef TL_TOOLS_BATCHES_H
#define TL_TOOLS_BATCHES_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/vocab.h"
#include "tools/words.h"

typedef struct batch_options {
	int64_t n;    /* examples */
	int64_t size; /* B, > 0 */
	bool shuffled, sorted;
	uint64_t seed;
	const int64_t *length1, *length2; /* n each, read at each epoch; NULL: all are equal */
} batch_options;

typedef struct batches {
	batch_options options;
	int64_t count;  /* batches in an epoch */
	int64_t *order; /* n examples */
	int64_t *batch; /* count: which batch of `order` comes when */
	struct batch_key *keys;
} batches;

tl_status batches_init(batches *b, const batch_options *options, tl_error *err);
void batches_release(batches *b);
/* The order of epoch 1, 2, ...; call before batches_get. */
void batches_epoch(batches *b, int64_t epoch);
/* The examples of batch k of this epoch; *rows: how many. */
const int64_t *batches_get(const batches *b, int64_t k, int64_t *rows);

/* n sequences: sequence i is ids[start[i]] .. ids[start[i + 1] - 1]. */
typedef struct sequences {
	int32_t *ids;
	int64_t *start;  /* n + 1 */
	int64_t *length; /* n */
	int64_t n;
} sequences;

/*
 * Sentences as numbers, each closed by `end` where that is not negative. A token that is not in the vocabulary:
 * its unknown's number, or else `missing` where that is negative, or else (missing = 0) TL_ERR_FORMAT with
 * file, line and `what` the token is ("label").
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
