/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recurrent language model: p(x_1..x_T) = prod_t p(x_t | x_1..x_{t-1}), with
 *
 *	embedding -> recurrent layers -> dense -> softmax over the next symbol
 *
 * Labels are the input shifted by one. Composed of public calls only.
 */
#ifndef TL_MODELS_LM_H
#define TL_MODELS_LM_H

#include "models/layers.h"
#include "models/rnn.h"

typedef struct tl_lm_options {
	const tl_cell *cell;
	int64_t symbols;  /* V: size of the vocabulary */
	int64_t embed;    /* size of the embedding; 0: one-hot input */
	int64_t hidden;
	int layers;       /* 0: one */
	double dropout;   /* between recurrent layers */
	tl_rnn_options more; /* of the recurrent layers, besides the above: truncation, checkpoints, ...; one direction */
} tl_lm_options;

typedef struct tl_lm {
	tl_lm_options options;
	tl_embedding input;
	tl_rnn *rnn;
	tl_dense output;
} tl_lm;

/* Adds the parameters "embed.table", "rnn.lJ.*", "out.w", "out.b" to the store. NULL on error. */
TL_API tl_lm *tl_lm_new(tl_store *store, const tl_lm_options *options, tl_error *err);
TL_API void tl_lm_free(tl_lm *lm);
/* Each layer's default initialisation. */
TL_API void tl_lm_init(tl_lm *lm, tl_rng *rng);

typedef struct tl_lm_result {
	tl_var logits;  /* (T, B, V): log p(next symbol) up to a constant */
	tl_state last;  /* to go on from, see tl_rnn_result */
} tl_lm_result;

/* symbols (T, B) int32; initial as for tl_rnn_run. */
TL_API tl_lm_result tl_lm_run(const tl_lm *lm, tl_var symbols, tl_state initial, bool training);

#endif
