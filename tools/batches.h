/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches of examples of unequal lengths. An epoch's batches follow from (seed, epoch) alone:
 *
 *	shuffle the examples; sort them stably by (length1, length2); cut into batches of `size`, of which
 *	the last may be smaller; shuffle the batches.
 *
 * Without `shuffled`, the order is the examples' own; without `sorted`, nothing is sorted. So evaluation
 * (sorted, not shuffled) pads little and is the same each time.
 */
#ifndef TL_TOOLS_BATCHES_H
#define TL_TOOLS_BATCHES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/status.h"

typedef struct batch_options {
	int64_t n;    /* examples: 0..n - 1, or `example`'s */
	int64_t size; /* B, > 0 */
	bool shuffled, sorted;
	uint64_t seed;
	const int64_t *length1, *length2; /* of examples, read at each epoch; NULL: all are equal */
	const int64_t *example; /* n numbers, read at each epoch; NULL: 0..n - 1 */
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

/* The largest length among examples which[0..rows), at least 1. */
int64_t batch_longest(const int64_t *length, const int64_t *which, int64_t rows);

#endif
