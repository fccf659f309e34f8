/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cells that come with the library. They have no privilege: each is written as a user would write
 * it. s(x) is the logistic function, * the elementwise product.
 */
#ifndef TL_MODELS_CELLS_H
#define TL_MODELS_CELLS_H

#include "models/cell.h"

extern TL_API const tl_cell tl_cell_rnn;           /* Elman, 1990, with tanh */
extern TL_API const tl_cell tl_cell_rnn_relu;      /* Le, Jaitly, Hinton, 2015 */
extern TL_API const tl_cell tl_cell_gru;           /* Cho et al., 2014 */
extern TL_API const tl_cell tl_cell_gru_lbr;       /* reset after the product: PyTorch's and cuDNN's GRU */
extern TL_API const tl_cell tl_cell_lstm;          /* Hochreiter, Schmidhuber, 1997; Gers et al., 2000 */
extern TL_API const tl_cell tl_cell_lstm_peephole; /* Gers, Schmidhuber, 2000 */
extern TL_API const tl_cell tl_cell_mgu;           /* Zhou et al., 2016 */

/* Entry k of the list of all of them, or NULL past the end; by name, or NULL. */
TL_API const tl_cell *tl_cell_at(int k);
TL_API const tl_cell *tl_cell_by_name(const char *name);

#endif
