/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/plan_figures.h"

#include "graph/plan_lower.h"

static void count_nodes(const tl_draft *d, tl_plan_figures *f)
{
	for (uint32_t i = 1; i < d->size; i++)
		f->views += d->kind[i] == TL_DRAFT_VIEW;
	for (uint32_t k = 0; k < d->n_seq; k++) {
		uint32_t i = d->seq[k];
		bool gone = d->kind[i] == TL_DRAFT_GONE;
		f->taken += gone;
		f->recurrent += d->stretch_of[i] > 0;
		if (gone)
			continue;
		if (d->by[i] == TL_BY_PRODUCT)
			f->products += d->product[i].pairs;
		f->elementwise += d->by[i] == TL_BY_MAP;
		f->internal += d->internal[i];
		if (!d->internal[i])
			f->value_bytes += (size_t)tl_shape_size(d->look[i].shape) * tl_dtype_size(d->look[i].dtype);
	}
}

static bool count_classes(tl_draft *d, tl_plan_figures *f)
{
	uint32_t *members = tl__draft_array(d, d->n_classes, sizeof *members);
	if (!members)
		return false;
	for (uint32_t k = 0; k < d->n_seq; k++)
		members[d->class_of[d->seq[k]]]++;
	for (uint32_t k = 0; k < d->n_seq; k++) {
		bool repeated = members[d->class_of[d->seq[k]]] > 1;
		f->repeated += repeated;
		f->hoisted += repeated && !d->stretch_of[d->seq[k]] && tl__draft_has(d, TL_PASS_DISTRIBUTE);
	}
	return true;
}

/* Copies of given values are packs or stand-ins. */
static void count_steps(const tl_draft *d, const tl_plan *plan, tl_plan_figures *f)
{
	uint32_t of[5] = {0}, given = 0;
	for (uint32_t k = 0; k < plan->n_steps; k++) {
		const tl_step *s = &plan->steps[k];
		of[s->kind]++;
		given += s->kind == TL_STEP_COPY && d->kind[s->node] == TL_DRAFT_GIVEN;
	}
	f->gemms = of[TL_STEP_GEMM];
	f->programs = of[TL_STEP_MAP];
	f->kernels = of[TL_STEP_KERNEL];
	f->copies = of[TL_STEP_COPY] + of[TL_STEP_GATHER] - given;
	f->packs = given - f->stand_ins;
	f->splits = plan->n_splits;
	for (uint32_t k = 0; k < plan->n_splits; k++)
		f->split_steps += plan->splits[k].last - plan->splits[k].first;
}

bool tl__plan_count(tl_draft *d, const tl_places *p, tl_plan *plan)
{
	tl_plan_figures *f = &plan->figures;
	*f = (tl_plan_figures){.nodes = d->n_seq, .classes = d->n_classes, .recurrences = d->n_stretches,
		.bytes = plan->bytes, .stand_ins = p->n_stand_ins};
	count_nodes(d, f);
	count_steps(d, plan, f);
	return count_classes(d, f);
}
