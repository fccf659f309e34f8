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

/* Bytes of what part k keeps for backward, up to the next part's. */
size_t tl__recurrent_part_kept(const tl_recurrent *r, int k);

#endif
