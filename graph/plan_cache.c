/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/plan_cache.h"

#include <stdlib.h>
#include <string.h>

#define MOST_PLANS 64
#define MOST_BYTES ((size_t)32 << 20) /* but one plan may be larger */

tl_plan *tl__plan_new(const tl_words *structure)
{
	tl_plan *plan = calloc(1, sizeof *plan);
	if (!plan)
		return NULL;
	tl_arena_init(&plan->mem, 1 << 16);
	plan->key = structure->hash;
	plan->structure_words = structure->n;
	plan->structure = tl_arena_alloc_small(&plan->mem, structure->n * sizeof *plan->structure);
	if (!plan->structure) {
		tl__plan_free(plan);
		return NULL;
	}
	memcpy(plan->structure, structure->word, structure->n * sizeof *plan->structure);
	return plan;
}

void tl__plan_free(tl_plan *plan)
{
	if (plan)
		tl_arena_release(&plan->mem);
	free(plan);
}

static void unlink_plan(tl_plan_cache *c, tl_plan *plan)
{
	*(plan->newer ? &plan->newer->older : &c->newest) = plan->older;
	*(plan->older ? &plan->older->newer : &c->oldest) = plan->newer;
}

static void link_newest(tl_plan_cache *c, tl_plan *plan)
{
	plan->newer = NULL;
	plan->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = plan;
	c->newest = plan;
}

tl_plan *tl__plan_cache_find(tl_plan_cache *c, const tl_words *structure)
{
	tl_plan *plan = c->newest;
	while (plan && (plan->key != structure->hash || plan->structure_words != structure->n ||
			       memcmp(plan->structure, structure->word, structure->n * sizeof *structure->word)))
		plan = plan->older;
	if (plan && plan != c->newest) {
		unlink_plan(c, plan);
		link_newest(c, plan);
	}
	return plan;
}

void tl__plan_cache_add(tl_plan_cache *c, tl_plan *plan)
{
	link_newest(c, plan);
	c->n++;
	c->bytes += plan->mem.total;
	c->made += plan->mem.grown + 1;
	while (c->oldest != plan && (c->n > MOST_PLANS || c->bytes > MOST_BYTES)) {
		tl_plan *old = c->oldest;
		unlink_plan(c, old);
		c->n--;
		c->bytes -= old->mem.total;
		tl__plan_free(old);
	}
}

void tl__plan_cache_release(tl_plan_cache *c)
{
	for (tl_plan *plan = c->newest, *older; plan; plan = older) {
		older = plan->older;
		tl__plan_free(plan);
	}
	*c = (tl_plan_cache){0};
}
