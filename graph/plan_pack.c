/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packing. Backwards, dx = dz W' reads a weight across its rows, which costs gemm up to half of its speed
 * when dz is low. Such a weight is laid out the other way around once per run, before the first step:
 * cheap beside the T products that read it.
 */
#include "graph/plan_lower.h"

#include "graph/leaf.h"

#include <string.h>

#define ROWS_WORTH 24 /* rows of all products with the weight: fewer do not pay for turning it */
#define PAD 16        /* elements between rows: steps of a power of two would fall on few cache sets */

typedef struct pack {
	tl_gemm_term term; /* one that reads the weight */
	int64_t n, rows;
	tl_at copy;
} pack;

static bool reads_turned(const tl_lowering *l, const tl_gemm_term *t)
{
	return t->tb && t->b.base > 0 && l->d->nodes[l->plan->given[t->b.base - 1]].op == &tl_op_param;
}

static pack *find(pack *all, uint32_t n, const tl_gemm_term *t, int64_t columns)
{
	for (uint32_t i = 0; i < n; i++)
		if (all[i].term.b.base == t->b.base && all[i].term.b.offset == t->b.offset && all[i].term.ldb == t->ldb &&
			all[i].term.k == t->k && all[i].n == columns)
			return &all[i];
	return NULL;
}

/* Calls visit for every term that reads a weight turned. */
static bool each(tl_lowering *l, bool (*visit)(void *ctx, const tl_gemm_step *g, tl_gemm_term *t), void *ctx)
{
	for (uint32_t s = 0; s < l->plan->n_steps; s++) {
		if (l->plan->steps[s].kind != TL_STEP_GEMM)
			continue;
		const tl_gemm_step *g = l->plan->steps[s].what;
		for (uint32_t k = 0; k < g->n_terms; k++)
			if (reads_turned(l, &g->terms[k]) && !visit(ctx, g, &g->terms[k]))
				return false;
	}
	return true;
}

typedef struct packs {
	pack all[64];
	uint32_t n;
} packs;

static bool count(void *ctx, const tl_gemm_step *g, tl_gemm_term *t)
{
	packs *p = ctx;
	pack *found = find(p->all, p->n, t, g->n);
	if (!found && p->n < sizeof p->all / sizeof *p->all) {
		found = &p->all[p->n++];
		*found = (pack){.term = *t, .n = g->n};
	}
	if (found)
		found->rows += g->m;
	return true;
}

static bool use(void *ctx, const tl_gemm_step *g, tl_gemm_term *t)
{
	packs *p = ctx;
	const pack *found = find(p->all, p->n, t, g->n);
	if (found && found->rows >= ROWS_WORTH) {
		t->b = tl__ref(&found->copy);
		t->ldb = found->copy.t.stride[0];
		t->tb = false;
	}
	return true;
}

bool tl__lower_packs(tl_lowering *l)
{
	packs *p = tl__draft_array(l->d, 1, sizeof *p);
	tl_plan *plan = l->plan;
	if (!p)
		return false;
	if (!tl__draft_has(l->d, TL_PASS_PACK))
		return true;
	each(l, count, p);
	uint32_t steps = plan->n_steps, made = 0;
	for (uint32_t i = 0; i < p->n; i++) {
		pack *k = &p->all[i];
		if (k->rows < ROWS_WORTH)
			continue;
		k->copy = tl__temporary(l, TL_REAL, TL_SHAPE(k->term.k, k->n + PAD));
		k->copy.t.shape.dim[1] = k->n;
		tl_tensor from = {.dtype = TL_REAL, .shape = k->copy.t.shape, .stride = {1, k->term.ldb},
			.data = TL_PLAN_BASE + k->term.b.offset};
		if (!tl__add_copy(l, &k->copy, &(tl_at){k->term.b.base, from}, plan->given[k->term.b.base - 1], 0))
			return false;
		made++;
	}
	if (!made)
		return true;
	each(l, use, p);
	tl_step *first = tl__draft_array(l->d, made, sizeof *first);
	if (!first)
		return false;
	memcpy(first, plan->steps + steps, made * sizeof *first);
	memmove(plan->steps + made, plan->steps, steps * sizeof *first);
	memcpy(plan->steps, first, made * sizeof *first);
	return true;
}
