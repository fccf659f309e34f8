/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Autoregressive models of real-valued series: x_{t+1} from what came before, by one of
 *
 *	AR(p)         x_{t+1} = [x_{t-p+1}, ..., x_t] W + b             order p
 *	a network     the same with a hidden layer (models/window.h)    order p, hidden
 *	a recurrent   x_{t+1} = h_t W + b, h_t = cell(x_t, h_{t-1})     cell, hidden, layers
 *
 * Trained on one step, it goes on for many by reading its own output:
 *
 *	tl_ar *ar = tl_ar_new(store, "ar", &(tl_ar_options){.size = 1, .order = 4, .hidden = 10}, &err);
 *	tl_var loss = tl_mse(tl_ar_run(ar, x), tl_ar_target(ar, x), TL_MEAN);
 *	...
 *	tl_var future = tl_ar_continue(ar, x, 64);
 */
#ifndef TL_MODELS_AUTOREGRESSIVE_H
#define TL_MODELS_AUTOREGRESSIVE_H

#include "models/rnn.h"
#include "models/window.h"

typedef struct tl_ar_options {
	int64_t size;        /* D: numbers at each time */
	int64_t order;       /* p: how far back it looks; 0 with a cell, which has a state instead */
	int64_t hidden;      /* H; 0, without a cell: a linear model */
	const tl_cell *cell; /* NULL: none */
	int layers;          /* of a recurrent one; 0: one */
} tl_ar_options;

typedef struct tl_ar {
	tl_ar_options options;
	tl_window_net window;
	tl_rnn *rnn; /* NULL: window */
	tl_dense output;
} tl_ar;

/* Adds "NAME.hidden.*" and "NAME.out.*", or "NAME.rnn.*" and "NAME.out.*", to the store. NULL on error. */
TL_API tl_ar *tl_ar_new(tl_store *store, const char *name, const tl_ar_options *options, tl_error *err);
TL_API void tl_ar_free(tl_ar *ar);
TL_API void tl_ar_init(tl_ar *ar, tl_rng *rng);

/*
 * x (T, B, D) -> what each step but the last predicts, (T - p, B, D), p = 1 for a recurrent one; needs T > p. And
 * what comes true of it: the last T - p of x.
 */
TL_API tl_var tl_ar_run(const tl_ar *ar, tl_var x);
TL_API tl_var tl_ar_target(const tl_ar *ar, tl_var x);
/* The next `steps` values after x (T, B, D), T >= p, each predicted from x and those before: (steps, B, D). */
TL_API tl_var tl_ar_continue(const tl_ar *ar, tl_var x, int64_t steps);

#endif
