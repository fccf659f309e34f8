/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weights between our layout and oneDNN's: gates in another order, backward transposed. For core/recurrent*.c
 * only.
 */
#ifndef TL_CORE_RECURRENT_WEIGHTS_H
#define TL_CORE_RECURRENT_WEIGHTS_H

#include "core/onednn_rnn.h"
#include "core/recurrent.h"

/*
 * One set of weights as oneDNN has them: tensor k of TL_ONEDNN_W ... TL_ONEDNN_BIAS; NULL for those that
 * there are not.
 */
typedef struct tl__weights {
	tl_real *at[TL_ONEDNN_TENSORS];
} tl__weights;

/* The operands, copied where their layout is another one. False where memory is out. */
bool tl__weights_set(const tl_onednn_shape *s, const tl_recurrent_run *run, bool transposed, tl__weights *w);

/*
 * Room for gradients, which are not transposed; of the first set those lie in run->d whose layout is the
 * same. False where memory is out.
 */
bool tl__weights_alloc(const tl_onednn_shape *s, const tl_recurrent_run *run, bool first, tl__weights *w);
void tl__weights_clear(const tl_onednn_shape *s, const tl__weights *w);

/* run->d = the sum of n sets of gradients. */
void tl__weights_sum(const tl_onednn_shape *s, const tl_recurrent_run *run, int n, const tl__weights *w);

#endif
