/* SPDX-License-Identifier: Apache-2.0 */
/* Between plan_lower_map.c and plan_lower_even.c. */
#ifndef TL_GRAPH_PLAN_LOWER_EVEN_H
#define TL_GRAPH_PLAN_LOWER_EVEN_H

#include "graph/plan_lower.h"

/* Where a port's instances are: at[order[0]], at[order[1]], ... */
typedef struct tl_instances {
	tl_at *at;
	const uint32_t *order;
	uint32_t n;
} tl_instances;

/* At equal distances? */
bool tl__instances_even(const tl_instances *v);
/* Can they be copied row by row, all in one way? */
bool tl__instances_movable(const tl_instances *v);
/* Is it cheaper to copy `uneven` ports of n instances than to make `runs` passes? */
bool tl__instances_short(uint32_t runs, uint32_t uneven, uint32_t n, int64_t elements);
/* Gives them other places, side by side; *step brings them there or, where they are written, back. */
bool tl__even_out(tl_lowering *l, tl_instances *v, bool write, tl_gather_step **step);

#endif
