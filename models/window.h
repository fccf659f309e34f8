/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A feed-forward network without a state: it sees the last tau vectors and nothing before,
 *
 *	y_t = tanh([x_{t-tau+1}, ..., x_t] W1 + b1) W2 + b2
 *
 * or, with no hidden units, y_t = [x_{t-tau+1}, ..., x_t] W + b. Of symbols' embeddings it is a Markov model
 * (models/markov.h), of a series' values an autoregressive one (models/autoregressive.h).
 */
#ifndef TL_MODELS_WINDOW_H
#define TL_MODELS_WINDOW_H

#include "models/layers.h"

/* x (T + tau - 1, B, E) -> (T, B, tau E): at each step the last tau vectors side by side, the oldest first. */
TL_API tl_var tl_window(tl_var x, int64_t tau);

typedef struct tl_window_options {
	int64_t tau;           /* how many vectors it sees, from 1 */
	int64_t input, output; /* E, K: sizes of x_t and y_t */
	int64_t hidden;        /* H; 0: none */
} tl_window_options;

typedef struct tl_window_net {
	tl_window_options options;
	tl_dense hidden; /* without parameters where there is none */
	tl_dense output;
} tl_window_net;

/* Adds "NAME.hidden.w", "NAME.hidden.b" (if there are hidden units), "NAME.out.w" and "NAME.out.b" to the store. */
TL_API tl_status tl_window_net_add(
	tl_window_net *net, tl_store *store, const char *name, const tl_window_options *options, tl_error *err);
/* As tl_dense_init. */
TL_API void tl_window_net_init(tl_window_net *net, tl_rng *rng);
/* x (T + tau - 1, B, E) -> (T, B, K) */
TL_API tl_var tl_window_net_run(const tl_window_net *net, tl_var x);

#endif
