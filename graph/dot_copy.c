/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is drawn beside its uses instead of being tied to them: leaves, and computed nodes that stand far
 * away. Graphviz splits an edge into a piece for each rank that it crosses; where the steps of a long loop
 * share a value, or one node collects from all of them, the pieces would outnumber the nodes by far.
 *
 * Where nodes will stand is guessed in linear time from the constraints that Graphviz has, too: a
 * recorded operand stands left of its user, and an adjoint's adjoint operand right of it, because
 * gradients run back. So the recorded nodes from the first to the last, then the adjoints from the last
 * to the first, go from left to right. One pass in this order finds each node's leftmost rank, one against
 * it the rightmost; the latter is used: what can move stands beside its first use.
 */
#include "graph/dot_draw.h"

#include <string.h>

#include "graph/leaf.h"

#define FAR 48 /* ranks */

typedef enum side { NEITHER, LEFT, RIGHT } side;

/* Where operand k stands, seen from node i. */
static side side_of(const tl__dot *d, uint32_t i, uint32_t k)
{
	const tl_node *node = &d->tape->nodes[i], *operand = &d->tape->nodes[node->in[k]];
	if (tl__dot_is_leaf(operand))
		return NEITHER;
	if (!tl__dot_is_adjoint(operand))
		return LEFT;
	return tl__dot_is_adjoint(node) ? RIGHT : NEITHER;
}

/* The constraints between node i and its operands, when all further left are met. */
static void move_right(const tl__dot *d, uint32_t i, uint32_t *rank)
{
	const tl_node *node = &d->tape->nodes[i];
	for (uint32_t k = 0; k < node->n_in; k++)
		if (side_of(d, i, k) == LEFT && rank[i] <= rank[node->in[k]])
			rank[i] = rank[node->in[k]] + 1;
	for (uint32_t k = 0; k < node->n_in; k++)
		if (side_of(d, i, k) == RIGHT && rank[node->in[k]] <= rank[i])
			rank[node->in[k]] = rank[i] + 1;
}

/* The same when all further right are met; `free` is the rank of a node that nothing stands right of. */
static void move_left(const tl__dot *d, uint32_t i, uint32_t *rank, uint32_t free)
{
	const tl_node *node = &d->tape->nodes[i];
	for (uint32_t k = 0; k < node->n_in; k++)
		if (side_of(d, i, k) == RIGHT && rank[i] >= rank[node->in[k]])
			rank[i] = rank[node->in[k]] - 1;
	if (rank[i] == UINT32_MAX)
		rank[i] = free;
	for (uint32_t k = 0; k < node->n_in; k++)
		if (side_of(d, i, k) == LEFT && rank[node->in[k]] >= rank[i])
			rank[node->in[k]] = rank[i] - 1;
}

tl_status tl__dot_measure(tl__dot *d, tl_error *err)
{
	const tl_node *nodes = d->tape->nodes;
	uint32_t *leftmost = tl__dot_zeroed(d, d->end, sizeof *leftmost);
	d->rank = tl__dot_zeroed(d, d->end, sizeof *d->rank);
	if (!leftmost || !d->rank)
		return tl_error_memory(err);
	memset(d->rank, 0xff, d->end * sizeof *d->rank);
	for (int adjoint = 0; adjoint < 2; adjoint++)
		for (uint32_t n = 1; n < d->end; n++) {
			uint32_t i = adjoint ? d->end - n : n;
			if (d->mark[i] && tl__dot_is_adjoint(&nodes[i]) == adjoint)
				move_right(d, i, leftmost);
		}
	for (int adjoint = 1; adjoint >= 0; adjoint--)
		for (uint32_t n = 1; n < d->end; n++) {
			uint32_t i = adjoint ? n : d->end - n;
			if (d->mark[i] && tl__dot_is_adjoint(&nodes[i]) == adjoint)
				move_left(d, i, d->rank, leftmost[i]);
		}
	for (uint32_t i = 1; i < d->end; i++)
		for (uint32_t k = 0; d->mark[i] && k < nodes[i].n_in; k++)
			if (tl__dot_is_copied(d, i, k))
				d->mark[nodes[i].in[k]] |= TL__DOT_REFERRED;
	return TL_OK;
}

static bool far(const tl__dot *d, uint32_t a, uint32_t b)
{
	return d->rank[a] > d->rank[b] + FAR || d->rank[b] > d->rank[a] + FAR;
}

bool tl__dot_is_copied(const tl__dot *d, uint32_t i, uint32_t k)
{
	uint32_t from = d->tape->nodes[i].in[k];
	return tl__dot_is_leaf(&d->tape->nodes[from]) || far(d, i, from);
}

bool tl__dot_needs_copy(const tl__dot *d, uint32_t i, uint32_t k)
{
	uint32_t from = d->tape->nodes[i].in[k], last = d->copied_for[from];
	const tl_op *op = d->tape->nodes[from].op;
	return op == &tl_op_param || op == &tl_op_fill || !last || d->frame[last] != d->frame[i] || far(d, last, i);
}
