/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times, bytes and plans: what the planner makes of all outputs in one run. A run is repeated, and each instruction
 * has the least time that it took: other programs only ever add to it. An instruction's time is shared by its
 * variables, for products by the products in them times elements, for programs by elements.
 */
#include "graph/overlay_data.h"

#include <stdlib.h>

#include "graph/plan.h"
#include "graph/twin.h"

static tl_status run_once(tl_tape *t, tl_plan_view *view, int n, const uint32_t *want)
{
	tl__twin_forget(t);
	tl_plan_view_attach(t, view);
	tl_status status = t->executor->run(t->executor_state, t, n, want);
	if (!status && view->incomplete)
		status = tl_error_memory(&t->error);
	return status;
}

/* The first run makes the plan, fills caches and has oneDNN compile its kernels. */
static tl_status run_all(tl_tape *t, tl_plan_view *view, int n, const uint32_t *want, int runs)
{
	tl_status status = run_once(t, view, n, want);
	uint32_t size = view->n_instructions;
	double *best = status || !runs ? NULL : calloc(size + 1, sizeof *best);
	if (!status && runs && !best)
		return tl_error_memory(&t->error);
	for (int k = 0; k < runs && !status; k++) {
		status = run_once(t, view, n, want);
		for (uint32_t i = 0; i < size && !status; i++) {
			double seconds = view->instructions[i].seconds;
			best[i] = k == 0 || seconds < best[i] ? seconds : best[i];
		}
	}
	for (uint32_t i = 0; i < size && best && !status; i++)
		view->instructions[i].seconds = best[i];
	free(best);
	return status;
}

static double elements(const tl_node *node)
{
	return (double)tl_shape_size(node->value.shape);
}

static double weight(const tl_overlay *o, const tl_tape *t, const tl_plan_instruction *in, uint32_t i)
{
	const tl_plan_place *p = &o->view->places[i];
	if (in->kind == TL_PROFILE_PRODUCT && in->products)
		return p->products * elements(&t->nodes[i]);
	return elements(&t->nodes[i]);
}

static void share_times(tl_overlay *o, const tl_tape *t)
{
	for (uint32_t k = 0; k < o->view->n_instructions; k++) {
		const tl_plan_instruction *in = &o->view->instructions[k];
		const uint32_t *member = &o->view->members[in->first];
		double all = 0;
		for (uint32_t m = 0; m < in->count; m++)
			all += weight(o, t, in, member[m]);
		for (uint32_t m = 0; m < in->count; m++) {
			double *seconds = &o->seconds[member[m]];
			double share = all > 0 ? weight(o, t, in, member[m]) / all : 1.0 / in->count;
			*seconds = (*seconds > 0 ? *seconds : 0) + share * in->seconds;
		}
	}
}

/* A constant stores one element. */
static double stored(const tl_node *node)
{
	double bytes = (double)tl_dtype_size(node->value.dtype);
	for (int64_t i = 0; i < node->value.shape.axes; i++)
		bytes *= node->value.stride[i] || node->value.shape.dim[i] == 0 ? (double)node->value.shape.dim[i] : 1;
	return bytes;
}

static void set_bytes(tl_overlay *o, const tl_tape *t)
{
	for (uint32_t i = 1; i < o->size; i++) {
		const tl_node *node = &t->nodes[i];
		const tl_plan_place *p = tl_plan_place_of(o->view, tl__var((tl_tape *)t, i));
		bool own = (p->role == TL_ROLE_COMPUTED || p->role == TL_ROLE_IN_PLACE) && !p->internal && !p->inside;
		if (node->op->flags & TL_OP_LEAF)
			o->bytes[i] = stored(node);
		else if (p->role != TL_ROLE_NONE)
			o->bytes[i] = own ? elements(node) * (double)tl_dtype_size(node->value.dtype) : 0;
		if (p->role != TL_ROLE_NONE && o->seconds[i] < 0)
			o->seconds[i] = 0;
	}
}

static tl_status measure(tl_overlay *o, tl_tape *t, int n, const tl_var *outputs, int runs)
{
	uint32_t *want = tl_tape_alloc(t, (size_t)n * sizeof *want);
	tl_profile *profile = runs ? tl_profile_new() : NULL;
	if (!want || (runs && !profile)) {
		tl_profile_free(profile);
		return tl_error_memory(&t->error);
	}
	for (int k = 0; k < n; k++)
		want[k] = outputs[k].index;
	tl_profile_attach(t, profile);
	tl_status status = run_all(t, o->view, n, want, runs);
	tl_profile_attach(t, NULL);
	tl_profile_free(profile);
	if (status)
		return status;
	share_times(o, t);
	set_bytes(o, t);
	o->count = calloc(o->view->n_instructions + 1, sizeof *o->count);
	return o->count ? TL_OK : tl_error_memory(&t->error);
}

tl_status tl__overlay_plan(tl_overlay *o, int n, const tl_var *outputs, int runs, tl_error *err)
{
	tl_tape *twin = tl__twin_new(o->tape, o->size - 1, &tl_executor_planned);
	if (!twin)
		return tl_error_memory(err);
	tl_status status = measure(o, twin, n, outputs, runs);
	if (status)
		tl_error_set(err, status, "%s", twin->error.text);
	o->view->generation = o->generation; /* of the variables that it will be asked for */
	tl__twin_free(twin);
	return status;
}
