/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the planner made of a graph, in numbers: for profiles, and for tests that must not ask the clock.
 * They are counted when a plan is made and kept with it.
 */
#ifndef TL_GRAPH_PLAN_FIGURES_H
#define TL_GRAPH_PLAN_FIGURES_H

#include "graph/op.h"

typedef struct tl_plan_figures {
	uint32_t nodes;       /* to be computed; views and leaves are not */
	uint32_t views;
	/* roll */
	uint32_t classes;
	uint32_t repeated;    /* nodes that share their class */
	/* distribute */
	uint32_t recurrences;
	uint32_t recurrent;   /* nodes in them */
	uint32_t hoisted;     /* repeated nodes that are in none */
	/* merge */
	uint32_t products;    /* matrix products that were recorded */
	uint32_t taken;       /* product nodes that became part of a sum */
	/* fuse */
	uint32_t elementwise; /* nodes */
	uint32_t internal;    /* of them without memory */
	/* place */
	size_t bytes;         /* of the plan's memory */
	size_t value_bytes;   /* of all values in it, as if no memory were used twice */
	uint32_t stand_ins;   /* given values that are copied to stand beside computed ones */
	/* pack */
	uint32_t packs;
	/* split */
	uint32_t splits;      /* recurrences that threads share by rows */
	uint32_t split_steps; /* instructions in them */
	/* instructions */
	uint32_t gemms, programs, kernels, copies; /* copies but for stand-ins and packs */
} tl_plan_figures;

/* Of the plan that ran last on this tape; NULL: none did. Valid until the tape computes again. */
TL_API const tl_plan_figures *tl_plan_last(const tl_tape *tape);

#endif
