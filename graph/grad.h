/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reverse-mode differentiation. The adjoint of a variable v is dL/dv. Going back over the tape from L,
 * each node with an adjoint hands one contribution to each operand by its op's gradient rule; an
 * operand's adjoint is the sum of its contributions. Adjoints are nodes of the same tape, made of the
 * same ops: they are evaluated, drawn and differentiated like any others, and backpropagation through
 * time is nothing but this on an unrolled loop (Linnainmaa, 1970; Griewank, Walther, "Evaluating
 * derivatives", 2008). There is no recursion: depth is bounded by memory only.
 */
#ifndef TL_GRAPH_GRAD_H
#define TL_GRAPH_GRAD_H

#include "graph/tape.h"

/*
 * out[k] = dL/dwrt[k], of wrt[k]'s shape (zeros where L does not depend on it). L must have one element.
 * Any variable may stand in wrt, parameters and intermediate ones. Computes nothing. On an error all of out
 * are failed variables. wrt and out may be the same array.
 */
TL_API tl_status tl_grad(tl_var loss, int n, const tl_var *wrt, tl_var *out);

/* The same for y of any shape with a given dL/dy. */
TL_API tl_status tl_grad_from(tl_var y, tl_var dy, int n, const tl_var *wrt, tl_var *out);

/*
 * Compute L and ADD dL/dp to p->grad for every parameter p used on the tape that is not frozen.
 * On an error no gradient is changed. Of a parameter that is only looked up in by row, only those rows are
 * touched (graph/param.h).
 */
TL_API tl_status tl_backward(tl_var loss);

#endif
