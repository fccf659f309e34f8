/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of a state's influence is left after a time: the Jacobians J_t = dh_T/ds_t of a recurrent cell, where h is
 * its first state and s each of its states (h, and c of an LSTM, all of one size; what h_t owes to c_t counts for
 * h_t). Going back from J_T = dh_T/ds_T,
 *
 *	J_{t-1} = J_t ds_t/ds_{t-1}
 *
 * row by row: row i of J_t is the adjoint of s_t for the loss h_T[i]. All rows are one batch; a step back is a
 * recorded step of the cell and tl_grad_from. Measured is
 *
 *	|J_t|_F / sqrt H, the root mean square of |v' J_t| over unit vectors v; 1 at t = T for h
 *
 * Rows are kept at length 1, and the logarithms of their lengths apart, so that nothing under- or overflows over any
 * number of steps.
 *
 * With a clip C, what goes back is cut in each step, as hooks on a framework's tensors do it: where a row of all
 * states is longer than C it is shortened to C.
 */
#ifndef TL_TOOLS_JACOBIAN_H
#define TL_TOOLS_JACOBIAN_H

#include "models/rnn.h"

typedef struct jacobian_options {
	const tl_cell *cell;
	int64_t hidden, length; /* H, T */
	double scale;           /* factor of all weights of states */
	double forget_bias;     /* where the cell has such a gate and `set_forget_bias` */
	bool set_forget_bias;
	double clip;            /* 0: none */
	uint64_t seed;          /* of first values and of the inputs, which are normal with variance 1 */
	int threads;
} jacobian_options;

/* norm[k * (T + 1) + t] = log10 of the measure for state k at time t = 0..T; -INFINITY where it is 0. */
tl_status jacobian_norms(const jacobian_options *o, double *norm, tl_error *err);
/* The same for a net of one layer whose parameters and inputs x (T, E) are given; `scale` and so on are not used. */
tl_status jacobian_norms_of(
	const tl_rnn *rnn, tl_tape *tape, const tl_real *x, int64_t length, double clip, double *norm, tl_error *err);

#endif
