/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A language model that forgets: p(x_{t+1} | x_1..x_t) = p(x_{t+1} | x_{t-tau+1}..x_t), a Markov chain of order
 * tau, as a feed-forward network on embeddings (Bengio, Ducharme, Vincent, Jauvin, "A neural probabilistic language
 * model", 2003):
 *
 *	embedding -> the last tau of them side by side -> dense, tanh -> dense -> softmax over the next symbol
 *
 * Before the first symbol stand vectors of zeros. Used as tl_lm is (models/lm.h).
 */
#ifndef TL_MODELS_MARKOV_H
#define TL_MODELS_MARKOV_H

#include "models/lm.h"
#include "models/window.h"

typedef struct tl_markov_options {
	int64_t symbols; /* V */
	int64_t embed;   /* E: size of the embedding; 0: one-hot input */
	int64_t hidden;  /* H; 0: no hidden layer */
	int64_t order;   /* tau, from 1 */
} tl_markov_options;

typedef struct tl_markov {
	tl_markov_options options;
	tl_embedding input;
	tl_window_net net;
} tl_markov;

/* Adds "embed.table" and "net.*" (see tl_window_net_add) to the store. NULL on error. */
TL_API tl_markov *tl_markov_new(tl_store *store, const tl_markov_options *options, tl_error *err);
TL_API void tl_markov_free(tl_markov *markov);
TL_API void tl_markov_init(tl_markov *markov, tl_rng *rng);

/*
 * symbols (T, B) int32. The state is v[0] (tau - 1, B, E): the embeddings of the last symbols; with tau = 1 there
 * is none. initial.n = 0: the beginning of a text.
 */
TL_API tl_lm_result tl_markov_run(const tl_markov *markov, tl_var symbols, tl_state initial);

#endif
