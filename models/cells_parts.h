/* SPDX-License-Identifier: Apache-2.0 */
/* What the cells of the library have in common. Not installed. */
#ifndef TL_MODELS_CELLS_PARTS_H
#define TL_MODELS_CELLS_PARTS_H

#include "models/cell.h"
#include "ops/arith.h"
#include "ops/layout.h"
#include "ops/matmul.h"

enum { CELL_W, CELL_U, CELL_B, CELL_EXTRA }; /* the first parameters of every cell, in this order */

/* x W + h U + b */
static inline tl_var tl__sum_of_products(const tl_var *p, tl_var x, tl_var h)
{
	tl_var hu = tl_matmul(h, p[CELL_U]);
	return tl_add(tl_linear(x, p[CELL_W], p[CELL_B]), hu);
}

/* Block k of n blocks of columns. */
static inline tl_var tl__gate(tl_var z, int k, int n)
{
	return tl_part(z, -1, k, n);
}

/* The step of tl_cell_rnn. */
tl_state tl__rnn_step(const tl_var *p, tl_var x, tl_state s);
/* The states of an LSTM with these sums at its four gates. */
tl_state tl__lstm_next(tl_var z, tl_var c);

#endif
