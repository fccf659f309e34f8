/* SPDX-License-Identifier: Apache-2.0 */
/* Writing the plan: what plan_lower*.c share. */
#ifndef TL_GRAPH_PLAN_LOWER_H
#define TL_GRAPH_PLAN_LOWER_H

#include "graph/plan_ir.h"
#include "graph/plan_place.h"

typedef struct tl_lowering {
	tl_draft *d;
	tl_places *p;
	tl_plan *plan;
	uint32_t *given_of; /* base of a given root, or 0 */
	uint32_t *reg_of;   /* 1 + register of a group's nodes in their program */
	uint32_t cap_steps;
	tl_ref scratch;     /* for rows that are copied together for one product */
	int64_t scratch_used, scratch_size;
} tl_lowering;

/* Memory of the plan; NULL where it is out. */
void *tl__plan_array(tl_lowering *l, size_t count, size_t size);
/* The node's parameters in the plan's memory; NULL where there are none. False where memory is out. */
bool tl__copy_params(tl_lowering *l, const tl_node *node, const void **params);
/* Where node i's value is, in the end. */
bool tl__at(tl_lowering *l, uint32_t i, tl_at *at);
bool tl__add_step(tl_lowering *l, int kind, uint32_t node, uint32_t stretch, const void *what);
bool tl__add_copy(tl_lowering *l, const tl_at *to, const tl_at *from, uint32_t node, uint32_t stretch);
/* More of the plan's memory, in use all the time. */
tl_at tl__temporary(tl_lowering *l, tl_dtype dtype, tl_shape shape);
/* Memory for the copies of one group or program, which sets scratch_used to 0; the next one's go to the same place. */
tl_ref tl__scratch(tl_lowering *l, int64_t elements);

static inline tl_ref tl__ref(const tl_at *at)
{
	return (tl_ref){at->base, tl__look_offset(&at->t)};
}

bool tl__lower_products(tl_lowering *l, const tl_group *g);
bool tl__lower_program(tl_lowering *l, const tl_program *program);
bool tl__lower_packs(tl_lowering *l);
bool tl__lower_splits(tl_lowering *l);
bool tl__lower(tl_draft *d, tl_places *p, tl_plan *plan);
/* Sets the plan's figures. */
bool tl__plan_count(tl_draft *d, const tl_places *p, tl_plan *plan);

#endif
