/* SPDX-License-Identifier: Apache-2.0 */
/* Between the ways to run a net over time. Not installed. */
#ifndef TL_MODELS_RNN_RUN_H
#define TL_MODELS_RNN_RUN_H

#include "models/rnn.h"

/*
 * Whether x, (T, B, E) with axes = 3 or (B, E) with 2, and the initial states fit the net; where they do
 * not, x's tape holds the reason.
 */
bool tl__rnn_fits(const tl_rnn *rnn, tl_var x, int axes, tl_state initial);

/* at[t] = x[t], of which the first rows[t] rows; rows NULL: all. In the scopes of layer 0. */
void tl__rnn_split(tl_var x, const int64_t *rows, int64_t steps, tl_var *at);

/*
 * All layers over x[0..steps), which become the outputs. x[t] has as many rows as x[t-1], or fewer: then the
 * last ones have ended. Sets the states of all rows after their own last step; false on an error.
 */
bool tl__rnn_layers(
	const tl_rnn *rnn, int64_t steps, tl_var *x, tl_state initial, bool training, tl_state *last);

/* What a run returns that failed. */
tl_rnn_result tl__rnn_failed(const tl_rnn *rnn, tl_tape *tape);

#endif
