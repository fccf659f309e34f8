/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weights between our layout and oneDNN's: gates in another order, rows `ld` apart, backward transposed. For
 * core/recurrent*.c only.
 */
#ifndef TL_CORE_RECURRENT_WEIGHTS_H
#define TL_CORE_RECURRENT_WEIGHTS_H

#include "core/onednn_rnn.h"
#include "core/recurrent.h"

/* One set of weights as oneDNN has them: tensor k of TL_ONEDNN_W ... TL_ONEDNN_BIAS; NULL for those that there are not. */
typedef struct tl__weights {
	tl_real *at[TL_ONEDNN_TENSORS];
} tl__weights;

/* Of tensor k, padding included. */
int64_t tl__weights_size(const tl_onednn_shape *s, int k, bool transposed);

/* Room for all of them; false where memory is out. */
bool tl__weights_alloc(const tl_onednn_shape *s, bool transposed, tl_arena *scratch, tl__weights *w);

void tl__weights_set(const tl_onednn_shape *s, const tl_recurrent_run *run, bool transposed, const tl__weights *w);

/* run->d = the sum of n sets of gradients, which are not transposed. */
void tl__weights_sum(const tl_onednn_shape *s, const tl_recurrent_run *run, int n, const tl__weights *w);

#endif
