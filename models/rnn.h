/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recurrent driver: any cell, unrolled over time, in any number of layers, in one direction or both.
 *
 *	layer j at time t reads layer j at t-1 and layer j-1 at t; the last layer's outputs are the output
 *	reverse direction: layer j at time t reads layer j at t+1; layer j+1 reads both, side by side
 *
 * T steps, B rows, inputs of size E, states of size H (or P, see models/cell.h), D directions. Every step stands in
 * the scope "layer=j/t=i"; those of the reverse direction in "layer=j/reverse/t=i", i counted from where it starts.
 * States to which the cell gave no names are called "hidden", "state1", ...; graph/find.h finds them and its gates.
 *
 * For those who come from torch.nn:
 *
 *	nn.RNN, with nonlinearity="relu"       .cell = &tl_cell_rnn, &tl_cell_rnn_relu
 *	nn.GRU, nn.LSTM                        &tl_cell_gru_lbr, &tl_cell_lstm
 *	nn.LSTM with proj_size=P               &tl_cell_lstm_projected, .project = P
 *	input_size, hidden_size, num_layers    .input, .hidden, .layers
 *	batch_first, dropout, bidirectional    .batch_first, .dropout, .bidirectional
 *	bias=False                             .no_bias = true
 *	net.train(), net.eval()                the argument `training`
 *	net(x)                                 tl_rnn_run(rnn, x, (tl_state){0}, training)
 *	net(x, (h0, c0)), net(x, h0)           with tl_state2(h0, c0), tl_state1(h0) as the state
 *	output, (h_n, c_n)                     r.output, r.last.v[0] and r.last.v[1]
 *	pack_padded_sequence                   tl_rnn_run_ragged, for rows in any order
 *	nn.RNNCell, nn.GRUCell, nn.LSTMCell    tl_rnn_step, for any number of layers
 *
 *	x                    (T, B, E), batch first (B, T, E); without a batch: B = 1
 *	output               (T, B, D*H), batch first (B, T, D*H); D*P with a projection
 *	h0, h_n              (layers*D, B, H), whatever batch_first says; (layers*D, B, P) with a projection
 *	c0, c_n              (layers*D, B, H)
 *	weight_ih_lJ         (G*H, E), above the first layer (G*H, D*H)     lJ.w, its transpose: (E, G*H), (D*H, G*H)
 *	weight_hh_lJ         (G*H, H)                                       lJ.u: (H, G*H)
 *	bias_ih_lJ           (G*H)                                          lJ.b (G*H): the sum of both; but of GRU's n
 *	bias_hh_lJ           (G*H)                                            bias_ih alone, and bias_hh is lJ.c_n (H)
 *	weight_hr_lJ         (P, H)                                         lJ.r: (H, P)
 *	weight_ih_lJ_reverse                                                lJ.reverse.w, and so on
 *
 * With a projection what a weight reads of other layers or steps is of size P: (G*H, D*P), (G*H, P). The G blocks of
 * gates are in the same order: i, f, g, o of the LSTM, r, z, n of the GRU.
 */
#ifndef TL_MODELS_RNN_H
#define TL_MODELS_RNN_H

#include "core/random.h"
#include "models/cell.h"
#include "optim/store.h"

/* The state before the first step where none is given. */
typedef enum tl_start {
	TL_START_ZERO,
	TL_START_LEARNED, /* parameters "NAME.lJ.start.K" of state K, for all rows alike; zeros at first */
	TL_START_RANDOM,  /* in training normal with mean 0, drawn anew for each run; else its mean */
} tl_start;

/*
 * How layers are run over whole sequences. The parameters are the same, and so are the results up to rounding;
 * but a fused layer has no second derivative.
 */
typedef enum tl_impl {
	TL_COMPOSED, /* recorded step by step, whatever the cell */
	TL_FUSED,    /* one node for each layer and direction, see ops/fused.h; what that cannot do is refused */
	/*
	 * The faster one: measured once for each shape on each tape, which then takes as long as a few steps and as much
	 * memory again. Composed where a layer cannot be fused: for cells of your own, zoneout, dropout on states, truncation,
	 * checkpoints, rows of unequal lengths. Single steps (tl_rnn_step) are composed always.
	 */
	TL_AUTO,
} tl_impl;

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
	int64_t project;    /* P: size of what the cell projects; 0: H */
	bool bidirectional; /* D = 2 */
	bool batch_first;   /* x is (B, T, E) and the output (B, T, D*H); states are as ever */
	bool no_bias;       /* leave out what the cell adds (TL_BIAS): no such parameters, zeros in their place */
	tl_start start;
	double start_scale; /* standard deviation of a random start */
	/*
	 * In training the state v[0] is read through one mask for each row, the same at all steps: Gal, Ghahramani,
	 * "A theoretically grounded application of dropout in recurrent neural networks", 2016. 0: none.
	 */
	double recurrent_dropout;
	/*
	 * In training each element of state k keeps its previous value with this probability; else it is the
	 * expectation, z s_{t-1} + (1 - z) s_t: Krueger et al., "Zoneout", 2017. 0: none.
	 */
	double zoneout[TL_MAX_STATES];
	/*
	 * Truncated backpropagation: no gradient flows back from step K to K-1, from 2K to 2K-1, ..., counted from
	 * where a direction starts (in the reverse one, from each row's last step). 0: all of it.
	 */
	int64_t truncate;
	tl_impl impl;
} tl_rnn_options;

/* Directions of all layers are counted layer * D + direction: the forward one is 0, the reverse one 1. */
typedef struct tl_rnn {
	tl_rnn_options options;
	int directions;     /* D */
	tl_param **params;  /* of direction i: params[i * count + k] is the cell's k-th; NULL where it is left out */
	int count;          /* parameters of the cell */
	tl_param **starts;  /* learned: starts[i * states + k]; else NULL */
} tl_rnn;

/*
 * Add the parameters to the store, named "NAME.lJ.PARAM", and of the reverse direction "NAME.lJ.reverse.PARAM":
 * zeros, until tl_rnn_init or a file sets them. The net keeps pointers into the store, which must outlive it. Returns
 * NULL on error.
 */
TL_API tl_rnn *tl_rnn_new(tl_store *store, const char *name, const tl_rnn_options *options, tl_error *err);
TL_API void tl_rnn_free(tl_rnn *rnn);

/* PyTorch's default: every parameter uniform in +-1/sqrt(H), but for those that a cell has start elsewhere. */
TL_API void tl_rnn_init(tl_rnn *rnn, tl_rng *rng);
/* Set the bias block of the gate with this letter; false where the net has none: no such gate, or no biases. */
TL_API bool tl_rnn_set_bias(tl_rnn *rnn, char gate, double value);

/* D times the size of the cell's output. */
TL_API int64_t tl_rnn_output_size(const tl_rnn *rnn);
/* (layers*D, B, H), or P for H: state k of a batch. */
TL_API tl_shape tl_rnn_state_shape(const tl_rnn *rnn, int k, int64_t batch);

typedef struct tl_rnn_result {
	tl_var output;  /* (T, B, D*H): the last layer's outputs at every step, both directions side by side */
	tl_state last;  /* v[k]: (layers*D, B, H), the k-th state of each direction after its last step */
} tl_rnn_result;

/*
 * x (T, B, E). initial: v[k] (layers*D, B, H), or n = 0 for those of `start`. `training` switches dropout,
 * zoneout and random starts on. Errors are on x's tape.
 */
TL_API tl_rnn_result tl_rnn_run(const tl_rnn *rnn, tl_var x, tl_state initial, bool training);

/*
 * The same for B sequences of unequal lengths: row b of x (T, B, E) holds lengths[b] steps, from 0 to T, and
 * what stands behind them is not read. No step computes rows that have ended. output is zero from t =
 * lengths[b] on; last is each row's state after its own last step, which is the initial one where there is no
 * step; the reverse direction starts at each row's own last one. Rows may come in any order; those that
 * come sorted, the longest first, are not moved. `lengths` is read during the call only.
 *
 *	int64_t lengths[3] = {9, 12, 4};
 *	tl_rnn_result r = tl_rnn_run_ragged(rnn, x, lengths, (tl_state){0}, true);
 */
TL_API tl_rnn_result tl_rnn_run_ragged(
	const tl_rnn *rnn, tl_var x, const int64_t *lengths, tl_state initial, bool training);

/*
 * One step for sampling and streams, of all layers, in one direction: x (B, E), states (layers, B, H) as above, which
 * the next step takes from `last`; output is (B, H).
 *
 *	tl_state s = {0};
 *	for (int64_t t = 0; t < steps; t++, s = r.last)
 *		r = tl_rnn_step(rnn, tl_select(x, 0, t), s);
 */
TL_API tl_rnn_result tl_rnn_step(const tl_rnn *rnn, tl_var x, tl_state initial);

#endif
