/* SPDX-License-Identifier: Apache-2.0 */
/* Checking results for executors; for the files of graph/ only. */
#ifndef TL_GRAPH_CHECK_RUN_H
#define TL_GRAPH_CHECK_RUN_H

#include "core/finite.h"
#include "graph/node.h"

/* Bits from which on a result stops the run; 0: nothing is checked. */
static inline tl_bits tl__check_limit(const tl_tape *t)
{
	return !t->check ? 0 : t->infinite ? TL_BITS_INFINITY + 1 : TL_BITS_INFINITY;
}

/* How many elements of a result are looked at. */
static inline int64_t tl__check_size(const tl_op *op, const void *params, const tl_tensor *value)
{
	int64_t size = tl_shape_size(value->shape);
	return op->numbers ? op->numbers(params, size) : size;
}

/* A leaf was recorded: an infinity in it is meant, unless it is a parameter. */
void tl__check_leaf(tl_tape *t, const tl_tensor *value);
/* Node i was computed, its operands' values are there: fails where the fault began with it. */
tl_status tl__check_node(tl_tape *t, uint32_t i);
/* The kernel of a call found a fault in its body: fails where it came in with an operand. */
tl_status tl__check_call(tl_tape *t, const tl_node *node);
/*
 * A planned run for want[0..n) met a number that is not finite, in an instruction for node `suspect`: fails with what
 * is found by computing the nodes one by one. Their values are as before afterwards.
 */
tl_status tl__check_search(tl_tape *t, int n, const uint32_t *want, uint32_t suspect);

#endif
