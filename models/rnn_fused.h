/* SPDX-License-Identifier: Apache-2.0 */
/* Layers in one node each (ops/fused.h), and the choice between these and steps. Not installed. */
#ifndef TL_MODELS_RNN_FUSED_H
#define TL_MODELS_RNN_FUSED_H

#include "models/rnn_run.h"

/* Why a net of such options cannot run fused, as the end of a sentence; NULL where it can. */
const char *tl__rnn_not_fused(const tl_rnn_options *o);

/*
 * Like tl_rnn_run, of a net that can, with x and initial states that fit; x is (T, B, E), whatever the
 * options say.
 */
tl_rnn_result tl__rnn_fused(const tl_rnn *rnn, tl_var x, tl_state initial, bool training);

/*
 * Whether a run over (steps, batch) is to be fused. TL_AUTO: both are measured, on a tape of their own, the
 * first time that a tape asks for a net of these sizes, and the faster one is remembered with the tape.
 */
bool tl__rnn_choose(const tl_rnn *rnn, tl_tape *tape, int64_t steps, int64_t batch, bool training);

#endif
