/* SPDX-License-Identifier: Apache-2.0 */
/* A recurrent layer's primitives, those of each thread. For core/recurrent*.c only. */
#ifndef TL_CORE_RECURRENT_LAYER_H
#define TL_CORE_RECURRENT_LAYER_H

#include "core/onednn_rnn.h"
#include "core/recurrent.h"

/* The rows of one thread and its primitives, NULL until they are needed. */
typedef struct tl__recurrent_part {
	int64_t first, rows;
	tl_onednn_shape shape;
	tl_onednn_rnn *infer, *train;
} tl__recurrent_part;

struct tl_recurrent {
	tl_recurrent_spec spec;
	uint64_t made;
	int parts;
	tl__recurrent_part part[];
};

/* Makes what runs of a kind need, unless it is there. */
tl_status tl__recurrent_make(tl_recurrent *r, bool training, tl_error *err);

/*
 * What part k keeps for backward: the primitive's workspace, and x and y as it has them, where these must be copied
 * (rows of several threads, or steps in reverse): then backward need not copy them again. Each begins a line of the
 * cache; so does the next part's.
 */
typedef struct tl__recurrent_keep {
	size_t x, y, all; /* bytes from the start; x = y = 0: not kept */
} tl__recurrent_keep;
tl__recurrent_keep tl__recurrent_part_keep(const tl_recurrent *r, int k);

#endif
