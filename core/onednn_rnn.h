/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oneDNN's recurrent primitives for one layer, one direction and fixed shapes, behind one face for oneDNN 2.6
 * and 3.x. Each is run on the caller's thread alone (core/onednn.h). Memory is the caller's: a run is given
 * the address of each tensor.
 *
 * Gates stand side by side as oneDNN has them: LSTM i, f, c~, o; GRU u, r, o (u keeps the old state); and the
 * fourth row of the lbr_gru's bias is added to h U_o before r is multiplied. Backward reads weights transposed,
 * their rows tl__onednn_ld elements apart: powers of two are bad for caches; all else is dense (measured: for
 * the weights and gradients of the others it makes no difference). It ADDS to the gradients of weights (2.6 can do
 * nothing else) and overwrites the others. The first states are always given: where they are not, 2.6 gets the
 * gradient of U wrong.
 */
#ifndef TL_CORE_ONEDNN_RNN_H
#define TL_CORE_ONEDNN_RNN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

typedef enum tl_onednn_cell {
	TL_ONEDNN_TANH,
	TL_ONEDNN_RELU,
	TL_ONEDNN_LSTM,
	TL_ONEDNN_GRU,
	TL_ONEDNN_LBR_GRU,
} tl_onednn_cell;

typedef struct tl_onednn_shape {
	tl_onednn_cell cell;
	int64_t steps, rows, input, hidden; /* T, B, E, H */
	int64_t out;			    /* D: size of the output; H unless there is a projection */
	bool projected, peephole;
} tl_onednn_shape;

/* The tensors of a primitive, in oneDNN's order; those of backward are followed by the gradients of each. */
enum {
	TL_ONEDNN_X,	/* (T, B, E) */
	TL_ONEDNN_H0,	/* (B, D) */
	TL_ONEDNN_C0,	/* (B, H), LSTM */
	TL_ONEDNN_W,	/* (E, G, H); backward (G, H, E), rows ld apart */
	TL_ONEDNN_U,	/* (D, G, H); backward (G, H, D) */
	TL_ONEDNN_PEEP, /* (3, H): of i, f, o */
	TL_ONEDNN_PROJ, /* (H, D); backward (D, H) */
	TL_ONEDNN_BIAS, /* (G, H); lbr_gru (4, H) */
	TL_ONEDNN_Y,	/* (T, B, D) */
	TL_ONEDNN_HN,	/* (B, D) */
	TL_ONEDNN_CN,	/* (B, H), LSTM */
	TL_ONEDNN_TENSORS,
};

typedef enum tl_onednn_run {
	TL_ONEDNN_INFER,
	TL_ONEDNN_TRAIN, /* the same, and keeps what backward needs in the workspace */
	TL_ONEDNN_BACKWARD,
	TL_ONEDNN_RUNS,
} tl_onednn_run;

typedef struct tl_onednn_rnn tl_onednn_rnn;

static inline int64_t tl__onednn_gates(tl_onednn_cell cell)
{
	return cell == TL_ONEDNN_LSTM ? 4 : cell == TL_ONEDNN_TANH || cell == TL_ONEDNN_RELU ? 1 : 3;
}

/* Elements from one row of transposed weights to the next, for rows of `columns`. */
static inline int64_t tl__onednn_ld(int64_t columns)
{
	return columns % 256 ? columns : columns + 16;
}

/* Makes the primitive for inference, or the two for training. NULL on error. */
tl_onednn_rnn *tl__onednn_rnn_new(const tl_onednn_shape *shape, bool training, tl_error *err);
void tl__onednn_rnn_free(tl_onednn_rnn *r);

size_t tl__onednn_rnn_workspace(const tl_onednn_rnn *r); /* bytes */
size_t tl__onednn_rnn_scratch(const tl_onednn_rnn *r, tl_onednn_run run);

/*
 * data[k]: tensor k, data[TL_ONEDNN_TENSORS + k] its gradient; NULL for those that there are not.
 */
tl_status tl__onednn_rnn_run(tl_onednn_rnn *r, tl_onednn_run run, void *const *data, void *workspace,
	void *scratch, tl_error *err);

#endif
