/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Placement: values lie side by side where they are read so.
 *
 *  1. Claims (plan_claim.c): values in the memory of others.
 *  2. Chains (plan_chain.c): values one after the other.
 *  3. Memory (plan_assign.c): a chain gets some from its first write to its last read.
 *  4. Here: the looks that follow from it.
 *
 * Looks at strided memory may fail where looks at dense memory did not (a reshape): the roots concerned
 * are then marked and everything is placed again.
 */
#include "graph/plan_place.h"

#include <string.h>

/* `part` is a look at a dense tensor like `whole`; the same look at `real`, which has the same shape as
 * `whole`. */
static bool transfer(const tl_tensor *part, const tl_tensor *whole, const tl_tensor *real, tl_tensor *out)
{
	int64_t size = (int64_t)tl_dtype_size(whole->dtype), offset = tl__look_offset(part) / size, moved = 0;
	*out = *part;
	for (int64_t i = 0; i < whole->shape.axes; i++) {
		int64_t index = whole->stride[i] ? offset / whole->stride[i] : 0;
		offset -= index * whole->stride[i];
		moved += index * real->stride[i];
	}
	out->data = (char *)real->data + moved * size;
	if (tl_tensor_is_dense(real))
		return true;
	for (int64_t i = 0; i < part->shape.axes; i++) {
		if (part->shape.dim[i] <= 1)
			continue;
		int64_t axis = 0;
		while (axis < whole->shape.axes &&
			(part->stride[i] % whole->stride[axis] || whole->shape.dim[axis] <= 1 ||
				part->stride[i] / whole->stride[axis] * (part->shape.dim[i] - 1) >=
					whole->shape.dim[axis]))
			axis++;
		if (axis == whole->shape.axes)
			return false;
		out->stride[i] = part->stride[i] / whole->stride[axis] * real->stride[axis];
	}
	return true;
}

/* Final looks of claimed roots and of views; false marks what has to be dense, to be placed again. */
static bool settle(tl_places *p, bool *again)
{
	tl_draft *d = p->d;
	uint32_t *path = tl__draft_array(d, d->size, sizeof *path);
	unsigned char *done = tl__draft_array(d, d->size, 1);
	if (!path || !done)
		return false;
	for (uint32_t i = 1; i < d->size; i++) {
		if (!tl__is_root(d, i))
			continue;
		uint32_t depth = 0, at = i;
		for (; p->claim[at] && !done[at]; at = p->claim[at])
			path[depth++] = at;
		while (depth > 0) {
			uint32_t r = path[--depth], in = p->claim[r];
			done[r] = 1;
			if (!transfer(&p->spot[r], &d->look[in], &p->look[in], &p->look[r])) {
				p->dense[r] = p->dense[in] = 1;
				*again = true;
			}
		}
	}
	for (uint32_t i = 1; i < d->size; i++) {
		const tl_node *node = &d->nodes[i];
		if (d->kind[i] == TL_DRAFT_GIVEN)
			p->look[i] = d->look[i];
		if (d->kind[i] != TL_DRAFT_VIEW)
			continue;
		uint32_t root = d->root[i];
		p->look[i] = d->look[i];
		if (d->kind[root] == TL_DRAFT_NODE && d->internal[root])
			continue;
		if (!node->op->view(node->params, &p->look[node->in[0]], &p->look[i])) {
			for (uint32_t r = root; r; r = p->claim[r])
				p->dense[r] = 1;
			*again = true;
		}
	}
	return true;
}

bool tl__draft_place(tl_places *p, tl_draft *d)
{
	uint32_t roots = d->size + TL_MOST_STAND_INS;
	*p = (tl_places){.d = d, .roots = roots};
	p->dense = tl__draft_array(d, roots, 1);
	p->in_sum = tl__draft_array(d, roots, 1);
	p->look = tl_arena_alloc(d->mem, roots * sizeof *p->look);
	p->spot = tl_arena_alloc(d->mem, roots * sizeof *p->spot);
	p->claim = tl__draft_array(d, roots, sizeof *p->claim);
	p->next = tl__draft_array(d, roots, sizeof *p->next);
	p->prev = tl__draft_array(d, roots, sizeof *p->prev);
	p->chain = tl__draft_array(d, roots, sizeof *p->chain);
	if (!p->dense || !p->in_sum || !p->look || !p->spot || !p->claim || !p->next || !p->prev || !p->chain)
		return false;
	bool again = true;
	for (int tries = 0; again; tries++) {
		again = false;
		if (tries == 4)
			d->passes &= ~(unsigned)TL_PASS_PLACE;
		p->n_stand_ins = 0;
		memset(p->claim, 0, roots * sizeof *p->claim);
		memset(p->next, 0, roots * sizeof *p->next);
		memset(p->prev, 0, roots * sizeof *p->prev);
		for (uint32_t i = 0; i < roots; i++)
			p->chain[i] = i;
		if (tl__draft_has(d, TL_PASS_PLACE) && (!tl__make_claims(p) || !tl__link_chains(p)))
			return false;
		if (!tl__assign_memory(p) || !settle(p, &again))
			return false;
	}
	return true;
}
