/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans by the structure that they were made for. A plan is found by hash and verified word by word. The
 * cache is bounded in number and bytes; the plan that was not used for longest goes first. For plan_*.c.
 */
#ifndef TL_GRAPH_PLAN_CACHE_H
#define TL_GRAPH_PLAN_CACHE_H

#include "graph/plan_ir.h"
#include "graph/plan_key.h"

typedef struct tl_plan_cache {
	tl_plan *newest, *oldest;
	uint32_t n;
	size_t bytes;
	uint64_t made; /* requests to the system for plans so far */
} tl_plan_cache;

/* An empty plan for a structure, which is copied. NULL where memory is out. */
tl_plan *tl__plan_new(const tl_words *structure);
void tl__plan_free(tl_plan *plan); /* NULL is fine */

/* The plan becomes the newest. */
tl_plan *tl__plan_cache_find(tl_plan_cache *c, const tl_words *structure);
void tl__plan_cache_add(tl_plan_cache *c, tl_plan *plan);
void tl__plan_cache_release(tl_plan_cache *c);

#endif
