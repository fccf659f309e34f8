/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recurrent driver: any cell, unrolled over time, in any number of layers.
 *
 *	layer j at time t reads layer j at t-1 and layer j-1 at t; the last layer's states are the output
 *
 * Every step stands in the scope "layer=j/t=i".
 */
#ifndef TL_MODELS_RNN_H
#define TL_MODELS_RNN_H

#include "core/random.h"
#include "models/cell.h"
#include "optim/store.h"

typedef struct tl_rnn_options {
	const tl_cell *cell;
	int64_t input;      /* E: size of x_t */
	int64_t hidden;     /* H: size of each state */
	int layers;         /* 0: one */
	double dropout;     /* on what goes from layer to layer, in training; 0: none */
	/*
	 * Keep states after every so many steps and all outputs, and make what is between again for the gradient,
	 * see graph/checkpoint.h; 0: keep all. Not for use within a checkpoint.
	 */
	int64_t checkpoint;
} tl_rnn_options;

typedef struct tl_rnn {
	tl_rnn_options options;
	tl_param **params; /* of layer j: params[j * count + k] is the cell's k-th */
	int count;         /* parameters of the cell */
} tl_rnn;

/*
 * Add the parameters to the store, named "NAME.lJ.PARAM". The net keeps pointers into the store, which
 * must outlive it. Returns NULL on error.
 */
TL_API tl_rnn *tl_rnn_new(tl_store *store, const char *name, const tl_rnn_options *options, tl_error *err);
TL_API void tl_rnn_free(tl_rnn *rnn);

/* PyTorch's default: every parameter uniform in +-1/sqrt(H). */
TL_API void tl_rnn_init(tl_rnn *rnn, tl_rng *rng);
/* Set the bias block of the gate with this letter; false where the cell has no such gate. */
TL_API bool tl_rnn_set_bias(tl_rnn *rnn, char gate, double value);

typedef struct tl_rnn_result {
	tl_var output;  /* (T, B, H): the last layer's v[0] at every step */
	tl_state last;  /* v[k]: (layers, B, H), the k-th state of each layer after the last step */
} tl_rnn_result;

/*
 * x (T, B, E). initial: v[k] (layers, B, H), or n = 0 for zeros. `training` switches dropout on.
 * Errors are on x's tape.
 */
TL_API tl_rnn_result tl_rnn_run(const tl_rnn *rnn, tl_var x, tl_state initial, bool training);

/*
 * The same for B sequences of unequal lengths: row b of x (T, B, E) holds lengths[b] steps, from 1 to T, and
 * what stands behind them is not read. No step computes rows that have ended. output is zero from t =
 * lengths[b] on; last is each row's state after its own last step. Rows may come in any order; those that
 * come sorted, the longest first, are not moved. `lengths` is read during the call only.
 *
 *	int64_t lengths[3] = {9, 12, 4};
 *	tl_rnn_result r = tl_rnn_run_ragged(rnn, x, lengths, (tl_state){0}, true);
 */
TL_API tl_rnn_result tl_rnn_run_ragged(
	const tl_rnn *rnn, tl_var x, const int64_t *lengths, tl_state initial, bool training);

/* One step for sampling and streams: x (B, E), states as above; output is (B, H). */
TL_API tl_rnn_result tl_rnn_step(const tl_rnn *rnn, tl_var x, tl_state initial);

#endif
