/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cells that come with the library. They have no privilege: each is written as a user would write
 * it. s(x) is the logistic function, * the elementwise product. On the tape gates and states have names (graph/find.h):
 * "input", "forget", "new", "output", "memory" in an LSTM, "reset", "update", "new" in a GRU.
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
extern TL_API const tl_cell tl_cell_lstm_norm;     /* with layer normalisation: Ba, Kiros, Hinton, 2016 */
extern TL_API const tl_cell tl_cell_mgu;           /* Zhou et al., 2016 */

/* With vectors of a second size, P: tl_rnn_options.project. */
extern TL_API const tl_cell tl_cell_lstm_projected; /* Sak, Senior, Beaufays, 2014: PyTorch's proj_size */
extern TL_API const tl_cell tl_cell_elman;          /* rnn with an output of its own */
extern TL_API const tl_cell tl_cell_jordan;         /* Jordan, 1986: the output returns in place of the state */

/* Entry k of the list of all of them, or NULL past the end; by name, or NULL. */
TL_API const tl_cell *tl_cell_at(int k);
TL_API const tl_cell *tl_cell_by_name(const char *name);

#endif
