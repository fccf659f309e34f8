/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several values in one: laid one behind the other in a vector, and looked at there. What a call of a
 * recorded body (graph/call.h) returns, and a recurrent layer in one node (ops/fused.c). Not installed.
 */
#ifndef TL_GRAPH_FLAT_H
#define TL_GRAPH_FLAT_H

#include "graph/tape.h"

/* All elements of v[0], v[1], ... in a vector. */
tl_var tl__flat(tl_tape *tape, int n, const tl_var *v);
/* Elements from `offset` on as a variable of that shape: a look at the vector. */
tl_var tl__flat_part(tl_var flat, int64_t offset, tl_shape shape);

/*
 * The parameters of tl__op_flat are int64_t: the vector's size, then where each operand begins; elements that
 * none fills are 0.
 */
extern const tl_op tl__op_flat, tl__op_flat_part;

#endif
