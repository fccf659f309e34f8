/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recurrent layer in one direction over a whole sequence, as a single node: oneDNN's recurrent primitives
 * in place of a loop that is recorded step by step. Equations, parameters and order of gates are those of
 * models/cells.h (core/recurrent.h has them, too): the same numbers up to rounding, forward and for gradients.
 *
 *	x (T, B, E), w (E, G H), u (H, G H), b (G H)  ->  output (T, B, H), h (B, H), and c (B, H) of the LSTM
 *
 * G = 1 for tl_fused_rnn, 4 (i, f, g, o) for the LSTM, 3 (r, z, n) for both GRUs. b (and c_n) unset: zeros.
 *
 *	tl_fused r = tl_fused_lstm(x, w, u, b, none, none, NULL);          // tl_var none = {0}
 *	tl_var loss = tl_sum_all(tl_square(tl_sub(r.output, target)));
 *
 * Primitives are made the first time that a tape meets a shape, and kept with the tape: the last 64 shapes at
 * least. There is no second derivative through such a node: it is refused, with a sentence. What cannot be
 * had here (other cells, rows of unequal lengths, dropout on a state) is what the composed cells are for.
 */
#ifndef TL_OPS_FUSED_H
#define TL_OPS_FUSED_H

#include "graph/tape.h"

typedef struct tl_fused_options {
	tl_var h0, c0;	   /* the states before the first step; unset: zeros */
	bool reverse;	   /* from the last step to the first; h is then what follows x[0] */
	bool forward_only; /* keep nothing for gradients; one that is asked for all the same goes forward once
			      more */
} tl_fused_options;

typedef struct tl_fused {
	tl_var output; /* (T, B, H) */
	tl_var h, c;   /* after the last step; c of the LSTM only */
} tl_fused;

/* Options NULL: all defaults. Errors are on x's tape. */
TL_API tl_fused tl_fused_rnn(tl_var x, tl_var w, tl_var u, tl_var b, const tl_fused_options *options);
TL_API tl_fused tl_fused_rnn_relu(tl_var x, tl_var w, tl_var u, tl_var b, const tl_fused_options *options);
/*
 * peephole (3 H), of i, f and o, or unset. projection (H, P) or unset: then h is h' projection, of size P,
 * and so is the output, and u (P, 4 H).
 */
TL_API tl_fused tl_fused_lstm(tl_var x, tl_var w, tl_var u, tl_var b, tl_var peephole, tl_var projection,
	const tl_fused_options *options);
/* u (H, 2 H) of r and z, u_n (H, H). */
TL_API tl_fused tl_fused_gru(
	tl_var x, tl_var w, tl_var u, tl_var b, tl_var u_n, const tl_fused_options *options);
/* c_n (H): added to h U_n before r is multiplied. */
TL_API tl_fused tl_fused_gru_lbr(
	tl_var x, tl_var w, tl_var u, tl_var b, tl_var c_n, const tl_fused_options *options);

/* Primitives of oneDNN's that were made for a tape so far: in a steady state it does not grow. */
TL_API uint64_t tl_fused_primitives(tl_tape *tape);

#endif
