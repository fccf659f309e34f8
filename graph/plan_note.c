/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/plan_note.h"

#include <string.h>

bool tl__note_begin(tl_draft *d)
{
	d->with = tl__draft_array(d, d->size, sizeof *d->with);
	d->tail = tl__draft_array(d, d->size, sizeof *d->tail);
	return d->with && d->tail;
}

void tl__note_together(tl_draft *d, uint32_t a, uint32_t b)
{
	if (!d->with || a == b)
		return;
	d->with[d->tail[a] ? d->tail[a] : a] = b;
	d->tail[a] = d->tail[b] ? d->tail[b] : b;
}

/* A product that a sum took in stands behind it in its list. */
static void note_taken(tl_draft *d, uint32_t sum)
{
	for (uint32_t k = 0; k < d->nodes[sum].n_in; k++) {
		uint32_t i = d->nodes[sum].in[k];
		if (d->kind[i] != TL_DRAFT_GONE)
			continue;
		d->with[i] = d->with[sum];
		d->with[sum] = i;
	}
}

static tl_plan_role role_of(const tl_draft *d, uint32_t i)
{
	switch (d->kind[i]) {
	case TL_DRAFT_VIEW: return TL_ROLE_LOOK;
	case TL_DRAFT_GONE: return TL_ROLE_TAKEN;
	case TL_DRAFT_NODE: return d->by[i] == TL_BY_PARTS ? TL_ROLE_IN_PLACE : TL_ROLE_COMPUTED;
	default: return TL_ROLE_NONE;
	}
}

bool tl__note_keep(tl_draft *d, const tl_places *p, tl_plan *plan)
{
	tl_plan_note *notes = tl_arena_alloc_small(&plan->mem, d->size * sizeof *notes);
	if (!notes)
		return false;
	memset(notes, 0, d->size * sizeof *notes);
	for (uint32_t i = d->size - 1; i > 0; i--) /* sums before what they took in, which may be sums */
		if ((d->kind[i] == TL_DRAFT_NODE || d->kind[i] == TL_DRAFT_GONE) && d->by[i] == TL_BY_PRODUCT)
			note_taken(d, i);
	for (uint32_t i = 1; i < d->size; i++) {
		const tl_node *node = &d->nodes[i];
		notes[i] = (tl_plan_note){.with = d->with[i], .role = (unsigned char)role_of(d, i), .by = d->by[i],
			.internal = d->kind[i] == TL_DRAFT_NODE && d->internal[i],
			.inside = d->kind[i] == TL_DRAFT_NODE && p->claim[i],
			.products = node->op->flags & TL_OP_PRODUCT ? node->n_in / 2 : 0};
	}
	plan->notes = notes;
	return true;
}
