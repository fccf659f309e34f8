/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Autoregressive models of real-valued series: x_{t+1} from what came before, by one of
 *
 *	AR(p)         x_{t+1} = [x_{t-p+1}, ..., x_t] W + b             order p
 *	a network     the same with a hidden layer (models/window.h)    order p, hidden
 *	a recurrent   x_{t+1} = h_t W + b, h_t = cell(x_t, h_{t-1})     rnn
 *
 * Trained on one step, it goes on for many by reading its own output:
 *
 *	tl_ar *ar = tl_ar_new(store, "ar", &(tl_ar_options){.size = 1, .order = 4, .hidden = 10}, &err);
 *	tl_var loss = tl_mse(tl_ar_run(ar, x, true), tl_ar_target(ar, x), TL_MEAN);
 *	...
 *	tl_var future = tl_ar_continue(ar, x, NULL, 64);
 */
#ifndef TL_MODELS_AUTOREGRESSIVE_H
#define TL_MODELS_AUTOREGRESSIVE_H

#include "models/rnn.h"
#include "models/window.h"

typedef struct tl_ar_options {
	int64_t size;        /* D: numbers at each time */
	int64_t order;       /* p: how far back it looks */
	int64_t hidden;      /* H; 0: a linear model */
	tl_rnn_options rnn;  /* with a cell: it stands in place of order and hidden; `input` follows from `size` */
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

/* How many steps it needs to predict the next one: p, or 1 for a recurrent one. */
TL_API int64_t tl_ar_reach(const tl_ar *ar);
/*
 * x (T, B, D) -> what each step but the last predicts, (T - p, B, D), p the reach; needs T > p. And what comes true of
 * it: the last T - p of x. No prediction depends on what stands behind it. `training` switches dropout on.
 */
TL_API tl_var tl_ar_run(const tl_ar *ar, tl_var x, bool training);
TL_API tl_var tl_ar_target(const tl_ar *ar, tl_var x);
/*
 * The next `steps` values, each predicted from x and those before: (steps, B, D). Row b of x (T, B, D) holds lengths[b]
 * steps, from p to T; NULL: all hold T.
 */
TL_API tl_var tl_ar_continue(const tl_ar *ar, tl_var x, const int64_t *lengths, int64_t steps);

#endif
