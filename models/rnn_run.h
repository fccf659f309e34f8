/* SPDX-License-Identifier: Apache-2.0 */
/* Between the parts of the recurrent driver. Not installed. */
#ifndef TL_MODELS_RNN_RUN_H
#define TL_MODELS_RNN_RUN_H

#include "models/rnn.h"

static inline tl_cell_sizes tl__rnn_sizes(const tl_rnn *rnn)
{
	return (tl_cell_sizes){rnn->options.input, rnn->options.hidden, rnn->options.project};
}

/* Whether the net does without the cell's k-th parameter. */
static inline bool tl__rnn_leaves_out(const tl_rnn *rnn, int k)
{
	return rnn->options.no_bias && (rnn->options.cell->params[k].rows & TL_ROWS) == TL_BIAS;
}

/* rnn_check.c: sentences about what does not fit. */
tl_status tl__rnn_check_options(const tl_rnn_options *o, tl_error *err);

/*
 * Whether x and the initial states fit the net: x (T, B, E), or batch first, with axes = 3 or (B, E) with 2. Where
 * they do not, x's tape holds the reason.
 */
bool tl__rnn_fits(const tl_rnn *rnn, tl_var x, int axes, tl_state initial);

/* What a cell's functions return is a user's: it must be the states of so many rows, and an output. */
bool tl__rnn_check_step(const tl_rnn *rnn, tl_tape *tape, tl_state s, int64_t rows);
bool tl__rnn_check_output(const tl_rnn *rnn, tl_tape *tape, tl_var output, int64_t rows);

/*
 * What goes through the layers: x_t in, y_t out. at[t] has as many rows as at[t-1], or fewer: then the last ones
 * have ended. In a net of two directions it is also kept in one piece, `all`: (steps, B, size), or, where rows
 * end, the rows of all steps one upon the other, (n, size). There `index` reverses each row within its length:
 *
 *	lengths 3, 2        all:    a0 b0 a1 b1 a2
 *	                    index:  4  3  2  1  0       all[index]: a2 b1 a1 b0 a0
 */
typedef struct tl__flow {
	tl_tape *tape;
	int64_t batch, steps;
	const int64_t *running; /* [steps]: rows of at[t]; NULL: all of them */
	tl_var *at;             /* [steps] */
	tl_var all;             /* of the last layer that ran; unset in one direction */
	tl_var index;           /* (n) int32 where rows end: its own inverse */
	tl_var reversed;        /* what the first layer's reverse direction reads; unset in one direction */
} tl__flow;

/* at[t] = step t of `all`. */
void tl__rnn_cut(const tl__flow *f, tl_var all, tl_var *at);

/*
 * All layers over f, whose at (or, in two directions, all) becomes the output. Sets the states of all rows after
 * their own last step; false on an error.
 */
bool tl__rnn_layers(const tl_rnn *rnn, tl__flow *f, tl_state initial, bool training, tl_state *last);

/*
 * rnn_steps.c: direction i of a layer over its steps: x[t] is replaced by the output, the state, of all rows of the
 * batch, by each row's last one. False on an error.
 */
bool tl__rnn_steps(const tl_rnn *rnn, tl_tape *tape, int i, int64_t steps, bool training, tl_var *x, tl_state *s);

/* The states of direction i before the first step: one of the given ones, or what the net starts with. */
tl_state tl__rnn_initial(
	const tl_rnn *rnn, tl_tape *tape, tl_state given, int i, int64_t batch, bool training);

/* What a run returns that failed. */
tl_rnn_result tl__rnn_failed(const tl_rnn *rnn, tl_tape *tape);

#endif
