/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A net as a stream: one step at a time, the state carried, nothing recorded anew (graph/function.h). Any cell, in
 * one direction.
 *
 *	x (B, E), state -> y (B, D), state'
 *
 *	tl_function *f = tl_rnn_stream(tape, rnn, 1, &err);
 *	while (next(x))
 *		if (tl_function_run(f, (const void *[]){x}) || tl_function_read(f, 0, y, D)) ...
 *	tl_function_free(f);
 *
 * Function state k is the cell's state k, (layers, B, H); output 0 is the last layer's output.
 */
#ifndef TL_MODELS_STREAM_H
#define TL_MODELS_STREAM_H

#include "graph/function.h"
#include "models/rnn.h"

/* The net and the tape must outlive it. It begins with the net's start (rnn.h); of a random one, its mean. */
TL_API tl_function *tl_rnn_stream(tl_tape *tape, const tl_rnn *rnn, int64_t batch, tl_error *err);
/* Back to the start, as the parameters are now. */
TL_API void tl_rnn_stream_restart(tl_function *f, const tl_rnn *rnn);

#endif
