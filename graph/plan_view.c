/* SPDX-License-Identifier: Apache-2.0 */
/* From the instructions of a plan that was run, and its notes, to a view. */
#include "graph/plan_view.h"

#include <stdlib.h>
#include <string.h>

#include "graph/plan_note.h"
#include "graph/profile_run.h"

tl_plan_view *tl_plan_view_new(void)
{
	return calloc(1, sizeof(tl_plan_view));
}

void tl_plan_view_free(tl_plan_view *v)
{
	if (!v)
		return;
	free(v->instructions);
	free(v->members);
	free(v->places);
	free(v);
}

static void empty(tl_plan_view *v, uint32_t generation)
{
	v->n_instructions = v->n_members = v->n_places = v->runs = 0;
	v->generation = generation;
	v->incomplete = false;
}

void tl_plan_view_attach(tl_tape *t, tl_plan_view *v)
{
	t->view = v;
	if (v)
		empty(v, t->generation);
}

const tl_plan_place *tl_plan_place_of(const tl_plan_view *v, tl_var var)
{
	static const tl_plan_place none;
	bool there = var.index > 0 && var.index < v->n_places && var.generation == v->generation;
	return there ? &v->places[var.index] : &none;
}

/* --- Time steps */

/* The scope around a node that counts time steps: labelled "t", or the innermost one that counts; or 0. */
static uint32_t step_scope(const tl_tape *t, uint32_t node)
{
	uint32_t inner = 0;
	for (uint32_t s = t->nodes[node].scope; s; s = t->scopes[s].parent) {
		if (t->scopes[s].index < 0)
			continue;
		if (!strcmp(t->scopes[s].label, "t"))
			return s;
		inner = inner ? inner : s;
	}
	return inner;
}

static int by_value(const void *x, const void *y)
{
	int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
	return (a > b) - (a < b);
}

/* Of n nodes; where no scope counts, or they count differently, there are no steps. */
static bool find_steps(const tl_tape *t, tl_plan_instruction *in, uint32_t n, const uint32_t *node)
{
	int64_t *index = malloc((n + 1) * sizeof *index);
	uint32_t found = 0;
	const char *label = NULL;
	in->from = in->to = -1;
	if (!index)
		return false;
	for (uint32_t k = 0; k < n; k++) {
		uint32_t scope = step_scope(t, node[k]);
		if (!scope)
			continue;
		if (label && strcmp(label, t->scopes[scope].label))
			break;
		label = t->scopes[scope].label;
		index[found++] = t->scopes[scope].index;
	}
	if (found) {
		qsort(index, found, sizeof *index, by_value);
		for (uint32_t k = 0; k < found; k++)
			in->steps += k == 0 || index[k] != index[k - 1];
		in->from = index[0];
		in->to = index[found - 1];
		strncpy(in->axis, label, sizeof in->axis - 1);
	}
	free(index);
	return true;
}

/* --- Instructions */

/* Is this where its node is computed? Copies of a node come after it. */
static bool computes(const tl_plan_view *v, const tl_plan *plan, const tl_step *s)
{
	static const int of[] = {[TL_BY_KERNEL] = TL_STEP_KERNEL, [TL_BY_MAP] = TL_STEP_MAP,
		[TL_BY_PRODUCT] = TL_STEP_GEMM, [TL_BY_PARTS] = -1};
	const tl_plan_note *note = &plan->notes[s->node];
	return note->role == TL_ROLE_COMPUTED && of[note->by] == s->kind && !v->places[s->node].instruction;
}

static bool add_member(tl_plan_view *v, uint32_t node)
{
	uint64_t grown;
	if (!tl__grow((void **)&v->members, v->n_members, &v->cap_members, sizeof *v->members, &grown))
		return false;
	v->members[v->n_members++] = node;
	return true;
}

static bool list_members(tl_plan_view *v, const tl_plan *plan, tl_plan_instruction *in, uint32_t lead, uint32_t number)
{
	for (uint32_t i = lead; i; i = plan->notes[i].with) {
		if (!add_member(v, i))
			return false;
		in->count++;
		in->computed += plan->notes[i].role == TL_ROLE_COMPUTED;
		in->products += plan->notes[i].products;
		v->places[i].instruction = number;
	}
	return true;
}

static bool add_instruction(tl_plan_view *v, const tl_tape *t, const tl_plan *plan, uint32_t step)
{
	static const tl_profile nothing_folded;
	const tl_step *s = &plan->steps[step];
	uint64_t grown;
	tl_profile_entry e;
	if (!tl__grow((void **)&v->instructions, v->n_instructions, &v->cap_instructions, sizeof *v->instructions, &grown))
		return false;
	tl__profile_describe(&e, t->profile ? t->profile : &nothing_folded, t, s);
	tl_plan_instruction *in = &v->instructions[v->n_instructions++];
	*in = (tl_plan_instruction){.kind = e.kind, .op = e.name, .run = v->runs, .recurrence = s->stretch,
		.adjoint = e.adjoint, .first = v->n_members, .ops = e.ops, .m = e.m, .n = e.n, .k = e.k,
		.seconds = tl__profile_seconds(t, plan, step)};
	if (computes(v, plan, s)) {
		if (!list_members(v, plan, in, s->node, v->n_instructions))
			return false;
	} else {
		in->kind = e.kind == TL_PROFILE_PACK ? TL_PROFILE_PACK : TL_PROFILE_COPY;
		in->op = NULL;
		if (!add_member(v, s->node))
			return false;
		in->count = 1;
	}
	const tl_node *node = &t->nodes[s->node];
	bool sum = in->computed == 1 && in->products > 1; /* of what was recorded in several steps */
	return find_steps(t, in, sum ? node->n_in : in->count, sum ? node->in : &v->members[in->first]);
}

/* The places of nodes that this run met; those of earlier runs stay. */
static bool set_places(tl_plan_view *v, const tl_plan *plan)
{
	uint64_t grown;
	for (; v->n_places < plan->nodes; v->n_places++) {
		if (!tl__grow((void **)&v->places, v->n_places, &v->cap_places, sizeof *v->places, &grown))
			return false;
		v->places[v->n_places] = (tl_plan_place){0};
	}
	for (uint32_t i = 1; i < plan->nodes; i++)
		if (plan->notes[i].role != TL_ROLE_NONE)
			v->places[i] = (tl_plan_place){.role = plan->notes[i].role, .internal = plan->notes[i].internal,
				.inside = plan->notes[i].inside, .products = plan->notes[i].products};
	return true;
}

void tl__view_add(tl_tape *t, const tl_plan *plan)
{
	tl_plan_view *v = t->view;
	tl_phase phase = tl_profile_enter(t, TL_PHASE_PROFILE);
	if (v->generation != t->generation)
		empty(v, t->generation);
	bool fine = set_places(v, plan);
	for (uint32_t k = 0; k < plan->n_steps && fine; k++)
		fine = add_instruction(v, t, plan, k);
	v->incomplete |= !fine;
	v->runs++;
	tl_profile_enter(t, phase);
}
