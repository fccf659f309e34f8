/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints: long loops in little memory. What is recorded between begin and end is a segment; its values are
 * dropped when they have served the forward pass and made again, with the same random numbers, for the
 * backward pass. Only what is kept by name goes on:
 *
 *	tl_var loss = tl_fill(tape, TL_SCALAR, 0);
 *	for (int64_t t = 0; t < T; t++) {
 *		if (t % n == 0)
 *			tl_checkpoint_begin(tape);
 *		s = step(p, tl_select(x, 0, t), s);
 *		loss = tl_add(loss, error(s.v[0], t));
 *		if (t % n == n - 1 || t == T - 1)
 *			tl_checkpoint_end(tape, 3, (tl_var *[]){&s.v[0], &s.v[1], &loss});
 *	}
 *	tl_backward(loss);
 *
 * With segments of n steps, the T / n kept states and the values of one segment are in memory at a time:
 * O(sqrt T) for n = sqrt T, at the price of a second forward pass (Griewank, 1992; Chen et al., "Training deep
 * nets with sublinear memory cost", 2016). Gradients are those without checkpoints, up to rounding.
 *
 * The nodes of a segment are dropped, too. Segments of equal structure share one recording of their nodes,
 * their gradients and their plans (graph/call.h), so that neither recording nor planning grows with T. They are
 * equal where they do the same with variables that come from outside; parameters, inputs and parts of
 * inputs, like x_t above, count as coming from outside.
 */
#ifndef TL_GRAPH_CHECKPOINT_H
#define TL_GRAPH_CHECKPOINT_H

#include "graph/tape.h"

/* Begin a segment. Segments do not nest. */
TL_API void tl_checkpoint_begin(tl_tape *tape);

/*
 * End it and go on with n variables, which are replaced; variables from outside may be among them. All others that
 * were recorded in the segment, copies of kept ones included, are no longer valid: using them is an error. What
 * is kept must be real. Where n is 0 the segment is forgotten.
 */
TL_API tl_status tl_checkpoint_end(tl_tape *tape, int n, tl_var *const *keep);

#endif
