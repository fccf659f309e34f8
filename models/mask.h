/* SPDX-License-Identifier: Apache-2.0 */
/* Padding: what stands behind the end of a row in a batch of unequal ones. Time first. */
#ifndef TL_MODELS_MASK_H
#define TL_MODELS_MASK_H

#include "graph/tape.h"

/* (T, B, 1): 1 at t < lengths[b], else 0. TL_ERR_ARGUMENT for a length that is not in 0..T. */
TL_API tl_var tl_length_mask(tl_tape *tape, int64_t steps, int64_t batch, const int64_t *lengths);
/* v where the mask is not 0, else 0, whatever stands there: no NaN comes through, forward or back. {0}: v. */
TL_API tl_var tl_masked(tl_var v, tl_var mask);
/* NULL where all rows have `steps` symbols, so that they need no mask; else `lengths`. */
TL_API const int64_t *tl_lengths_unless_full(const int64_t *lengths, int64_t steps, int64_t batch);

#endif
