/* SPDX-License-Identifier: Apache-2.0 */
/* Recurrent primitives of oneDNN's on their own, for `tapeloop bench fused`. */
#ifndef TL_TOOLS_BENCH_FUSED_H
#define TL_TOOLS_BENCH_FUSED_H

#include "core/onednn_rnn.h"
#include "tools/bench.h"

/* A layer whose data lie as the primitives want them, with each thread's rows apart. */
typedef struct raw_layer raw_layer;

/* Data are random and live in the job's arena. NULL on error. */
raw_layer *raw_layer_new(bench_job *job, tl_onednn_shape shape, tl_pool *pool, tl_error *err);
void raw_layer_free(raw_layer *l);

/* Forward, and the gradients of x and all weights: cleared, computed, and those of the threads added up. */
tl_status raw_layer_step(raw_layer *l, tl_error *err);

#endif
