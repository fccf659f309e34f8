/* SPDX-License-Identifier: Apache-2.0 */
/* The three ops that differentiation itself needs; every other op stands in ops/. */
#ifndef TL_GRAPH_ALGEBRA_H
#define TL_GRAPH_ALGEBRA_H

#include "graph/tape.h"

/* a + b, broadcast together. */
TL_API tl_var tl_add(tl_var a, tl_var b);

/*
 * Sum over the axes that broadcasting would have repeated: x's shape must be a broadcast of `shape`. The op
 * takes any number of operands, the shapes of which may differ, and adds them all up.
 */
TL_API tl_var tl_sum_to(tl_var x, tl_shape shape);

/* Repeat x to `shape` without storing it; x must broadcast to it. */
TL_API tl_var tl_broadcast(tl_var x, tl_shape shape);

/*
 * Record v[0]'s op again with the operands of all n results: the sum of variadic ops that add up what
 * their operands contribute.
 */
tl_var tl__merge(int n, const tl_var *v, const void *params, size_t size);

extern TL_API const tl_op tl_op_add, tl_op_sum_to, tl_op_broadcast;

#endif
