/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups of ops that are one box where ops are folded. A node joins the group of the node that uses it if
 * that is the only use, in the same frame, and it has no name of its own: what remains are trees, so no path
 * leaves a group and comes back to it. There are two kinds:
 *
 *	affine       products and sums with products among their terms:  x W + h U + b
 *	elementwise  s(a) * c + s(i) * tanh(g)
 *
 * Views join either; an affine group is an operand of an elementwise one, never part of it.
 */
#include "graph/draw_parts.h"

#include "graph/algebra.h"

typedef enum class { NONE, AFFINE, ELEMENTWISE, VIEW } class;

/* Could i be in the group of the node that uses it, as far as i is concerned? */
static bool joins(const tl__draw *d, uint32_t i)
{
	const tl_node *node = tl__draw_node(d, i);
	uint32_t u = tl__draw_user(d, i);
	return u && !(node->op->flags & TL_OP_LEAF) && !node->name && d->frame[u] == d->frame[i] &&
		d->run[u] == d->run[i] && !d->frames[d->frame[i]].matched;
}

static class class_of(const tl__draw *d, const unsigned char *classes, uint32_t i)
{
	const tl_node *node = tl__draw_node(d, i);
	if (node->op->flags & TL_OP_PRODUCT)
		return AFFINE;
	if (node->op == &tl_op_add)
		for (uint32_t k = 0; k < node->n_in; k++)
			if (classes[node->in[k]] == AFFINE && joins(d, node->in[k]))
				return AFFINE;
	return node->op->map ? ELEMENTWISE : node->op->view ? VIEW : NONE;
}

tl_status tl__draw_make_groups(tl__draw *d, tl_error *err)
{
	unsigned char *classes = tl__draw_zeroed(d, d->end, 1);
	d->group = tl__draw_zeroed(d, d->end, sizeof *d->group);
	if (!classes || !d->group)
		return tl_error_memory(err);
	for (uint32_t i = 1; i < d->end; i++)
		if (d->mark[i] & TL__DRAW_STANDS)
			classes[i] = (unsigned char)class_of(d, classes, i);
	for (uint32_t i = d->end; i-- > 1;) {
		d->group[i] = i;
		if (!joins(d, i))
			continue;
		class of = classes[i], its = classes[d->user[i]];
		if (its == NONE || of == NONE || (its == VIEW && of != VIEW) || (of != VIEW && of != its))
			continue;
		d->group[i] = d->group[d->user[i]];
	}
	return TL_OK;
}
