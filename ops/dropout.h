/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dropout (Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, 2014), scaled while training, so that
 * nothing is to be done when a network is used. A mask is a variable like any other; the same one at every
 * time step is the dropout of recurrent networks (Gal, Ghahramani, 2016):
 *
 *	tl_var mask = tl_dropout_mask(tape, TL_SHAPE(B, H), 0.3);
 *	for (int t = 0; t < T; t++)
 *		x[t] = tl_mul(x[t], mask);
 */
#ifndef TL_OPS_DROPOUT_H
#define TL_OPS_DROPOUT_H

#include "graph/tape.h"

/*
 * Each element is 0 with probability p, else 1 / (1 - p); p = 1 gives zeros. TL_ERR_ARGUMENT for a p outside
 * [0, 1]. What is drawn follows from the tape's seed and step and from how many masks were recorded before,
 * whatever the number of threads. No gradient flows through a mask.
 */
TL_API tl_var tl_dropout_mask(tl_tape *tape, tl_shape shape, double p);

/* x times a mask of its own; x itself where p = 0. */
TL_API tl_var tl_dropout(tl_var x, double p);

extern TL_API const tl_op tl_op_dropout_mask;

#endif
