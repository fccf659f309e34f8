/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notes for views: which nodes a plan's instructions compute, taken down while it is made for a tape that has a
 * view, and kept with it. An instruction names one node (tl_step.node); from there `with` links all that run with
 * it. For the files plan_*.c only.
 */
#ifndef TL_GRAPH_PLAN_NOTE_H
#define TL_GRAPH_PLAN_NOTE_H

#include "graph/plan_place.h"
#include "graph/plan_view.h"

typedef struct tl_plan_note {
	uint32_t with;     /* the next node of the same instruction, or 0 */
	uint32_t products; /* recorded in it */
	unsigned char role, by;
	bool internal, inside;
} tl_plan_note;

/* Nothing was noted yet; false where memory is out. */
bool tl__note_begin(tl_draft *d);
/* The instruction that computes node a computes node b, too. Nothing, where nobody asks. */
void tl__note_together(tl_draft *d, uint32_t a, uint32_t b);
bool tl__note_keep(tl_draft *d, const tl_places *p, tl_plan *plan);

/* A plan with notes was run on a tape with a view. */
void tl__view_add(tl_tape *t, const tl_plan *plan);

#endif
