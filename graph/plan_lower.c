/* SPDX-License-Identifier: Apache-2.0 */
/* From groups and places to steps, in the order in which they will run. */
#include "graph/plan_lower.h"

#include <string.h>

void *tl__plan_array(tl_lowering *l, size_t count, size_t size)
{
	return tl_arena_alloc_small(&l->plan->mem, (count + 1) * size);
}

bool tl__at(tl_lowering *l, uint32_t i, tl_at *at)
{
	tl_draft *d = l->d;
	uint32_t root = d->root[i];
	*at = (tl_at){0, l->p->look[i]};
	while (d->kind[root] == TL_DRAFT_NODE && l->p->claim[root])
		root = l->p->claim[root];
	if (d->kind[root] != TL_DRAFT_GIVEN && (root != d->placed || !root))
		return true;
	if (!l->given_of[root]) {
		l->plan->given[l->plan->n_given++] = root;
		l->given_of[root] = l->plan->n_given;
	}
	at->base = l->given_of[root];
	return true;
}

bool tl__add_step(tl_lowering *l, int kind, uint32_t node, uint32_t stretch, const void *what)
{
	tl_plan *plan = l->plan;
	if (plan->n_steps == l->cap_steps) {
		uint32_t cap = l->cap_steps ? 2 * l->cap_steps : 256;
		tl_step *steps = tl__draft_array(l->d, cap, sizeof *steps);
		if (!steps)
			return false;
		if (plan->n_steps)
			memcpy(steps, plan->steps, plan->n_steps * sizeof *steps);
		plan->steps = steps;
		l->cap_steps = cap;
	}
	plan->steps[plan->n_steps++] = (tl_step){kind, stretch, node, what};
	return what != NULL;
}

static void same(const void *params, int64_t n, tl_real *out, const tl_real *const *in)
{
	(void)params;
	memcpy(out, in[0], (size_t)n * sizeof *out);
}

static tl_port port_of(const tl_at *at, uint32_t reg)
{
	return (tl_port){tl__ref(at), {at->t.stride[0], at->t.stride[1]}, reg};
}

/* A copy as a program of one op: threads can share a recurrence by rows that has it. */
static bool add_copy_of_rows(tl_lowering *l, const tl_at *to, const tl_at *from, uint32_t node, uint32_t stretch)
{
	tl_map_step *m = tl__plan_array(l, 1, sizeof *m);
	tl_port *ports = tl__plan_array(l, 2, sizeof *ports);
	tl_block_op *op = tl__plan_array(l, 1, sizeof *op);
	unsigned char *buffer_of = tl__plan_array(l, 2, sizeof *buffer_of);
	if (!m || !ports || !op || !buffer_of)
		return false;
	ports[0] = port_of(from, 0);
	ports[1] = port_of(to, 1);
	*op = (tl_block_op){.fn = same, .n_in = 1, .out = 1};
	buffer_of[0] = 0;
	buffer_of[1] = 1;
	*m = (tl_map_step){.axes = 2, .dim = {to->t.shape.dim[0], to->t.shape.dim[1]}, .n_ports = 2, .n_inputs = 1,
		.ports = ports, .n_ops = 1, .ops = op, .registers = 2, .buffers = 2, .buffer_of = buffer_of};
	if (l->plan->buffers < m->buffers)
		l->plan->buffers = m->buffers;
	return tl__add_step(l, TL_STEP_MAP, node, stretch, m);
}

bool tl__add_copy(tl_lowering *l, const tl_at *to, const tl_at *from, uint32_t node, uint32_t stretch)
{
	if (stretch && to->t.dtype == TL_REAL && to->t.shape.axes == 2)
		return add_copy_of_rows(l, to, from, node, stretch);
	tl_copy_step *c = tl__plan_array(l, 1, sizeof *c);
	if (c)
		*c = (tl_copy_step){*to, *from};
	return tl__add_step(l, TL_STEP_COPY, node, stretch, c);
}

tl_at tl__temporary(tl_lowering *l, tl_dtype dtype, tl_shape shape)
{
	tl_at at = {0, tl_tensor_dense(dtype, shape, TL_PLAN_BASE + l->plan->bytes)};
	size_t bytes = (size_t)tl_shape_size(shape) * tl_dtype_size(dtype);
	l->plan->bytes += (bytes + TL_ALIGN) / TL_ALIGN * TL_ALIGN;
	return at;
}

tl_ref tl__scratch(tl_lowering *l, int64_t elements)
{
	int64_t bytes = (elements * (int64_t)sizeof(tl_real) + TL_ALIGN) / TL_ALIGN * TL_ALIGN;
	if (l->scratch_used + bytes > l->scratch_size) {
		l->scratch_size = 2 * l->scratch_size > bytes ? 2 * l->scratch_size : bytes;
		tl_at more = tl__temporary(l, TL_REAL, TL_SHAPE(l->scratch_size / (int64_t)sizeof(tl_real)));
		l->scratch = tl__ref(&more);
		l->scratch_used = 0;
	}
	tl_ref at = l->scratch;
	at.offset += l->scratch_used;
	l->scratch_used += bytes;
	return at;
}

bool tl__copy_params(tl_lowering *l, const tl_node *node, const void **params)
{
	*params = NULL;
	if (node->params_size == 0)
		return true;
	void *copy = tl__plan_array(l, node->params_size, 1);
	if (copy)
		memcpy(copy, node->params, node->params_size);
	*params = copy;
	return copy;
}

/* A kernel wants a dense result: where its place is not, it gets one and is copied. */
static bool lower_kernel(tl_lowering *l, uint32_t i, uint32_t stretch)
{
	const tl_node *node = &l->d->nodes[i];
	tl_kernel_step *k = tl__plan_array(l, 1, sizeof *k);
	tl_at *in = tl__plan_array(l, node->n_in + 1, sizeof *in), place;
	const void *params;
	if (!k || !in || !tl__copy_params(l, node, &params) || !tl__at(l, i, &place))
		return false;
	for (uint32_t r = 0; r < node->n_in; r++)
		if (!tl__at(l, node->in[r], &in[r]))
			return false;
	bool dense = tl_tensor_is_dense(&place.t);
	in[node->n_in] = dense ? place : tl__temporary(l, place.t.dtype, place.t.shape);
	*k = (tl_kernel_step){node->op, params, i, node->n_in, in};
	return tl__add_step(l, TL_STEP_KERNEL, i, stretch, k) &&
	       (dense || tl__add_copy(l, &place, &in[node->n_in], i, stretch));
}

/* Operands that were computed in place need nothing; the others are copied. */
static bool lower_parts(tl_lowering *l, uint32_t i, uint32_t stretch)
{
	const tl_node *node = &l->d->nodes[i];
	const tl_tensor **in = tl__draft_array(l->d, node->n_in, sizeof *in);
	tl_tensor *part = tl__draft_array(l->d, node->n_in, sizeof *part);
	if (!in || !part)
		return false;
	for (uint32_t k = 0; k < node->n_in; k++)
		in[k] = &l->d->look[node->in[k]];
	tl_at place;
	if (!tl__at(l, i, &place) ||
		!node->op->parts(node->params, (int)node->n_in, in, &place.t, part, l->d->mem))
		return false;
	for (uint32_t k = 0; k < node->n_in; k++) {
		uint32_t root = l->d->root[node->in[k]];
		tl_at from, to = {place.base, part[k]};
		to.t.dtype = place.t.dtype;
		if (!tl__at(l, node->in[k], &from))
			return false;
		bool there = l->p->claim[root] == i && l->d->kind[root] == TL_DRAFT_NODE && from.base == place.base &&
			     from.t.data == to.t.data;
		if (!there && tl_shape_size(to.t.shape) > 0 && !tl__add_copy(l, &to, &from, i, stretch))
			return false;
	}
	return true;
}

static bool lower_group(tl_lowering *l, uint32_t group)
{
	tl_draft *d = l->d;
	const tl_group *g = &d->groups[group];
	uint32_t first = d->members[g->first];
	if (g->program) {
		const tl_program *program = &d->programs[g->program - 1];
		return program->at != group || tl__lower_program(l, program);
	}
	if (d->by[first] == TL_BY_PRODUCT)
		return tl__lower_products(l, g);
	for (uint32_t k = 0; k < g->count; k++) {
		uint32_t i = d->members[g->first + k];
		if (d->by[i] == TL_BY_PARTS ? !lower_parts(l, i, g->stretch) : !lower_kernel(l, i, g->stretch))
			return false;
	}
	return true;
}

static bool lower_stand_ins(tl_lowering *l)
{
	for (uint32_t k = 0; k < l->p->n_stand_ins; k++) {
		const tl_stand_in *s = &l->p->stand_in[k];
		tl_at to = {0, l->p->look[s->id]}, from;
		if (!tl__at(l, s->given, &from) || !tl__add_copy(l, &to, &from, s->given, 0))
			return false;
	}
	return true;
}

static bool is_result(const tl_draft *d, uint32_t i)
{
	return (d->kind[i] == TL_DRAFT_NODE || d->kind[i] == TL_DRAFT_VIEW) && d->wanted[d->root[i]];
}

/* What was asked for, and all looks at it. */
static bool list_results(tl_lowering *l)
{
	tl_draft *d = l->d;
	tl_plan *plan = l->plan;
	uint32_t n = 0;
	for (uint32_t i = 1; i < d->size; i++)
		n += is_result(d, i);
	plan->results = tl__plan_array(l, n, sizeof *plan->results);
	if (!plan->results)
		return false;
	for (uint32_t i = 1; i < d->size; i++)
		if (is_result(d, i)) {
			tl_result *r = &plan->results[plan->n_results++];
			r->node = i;
			tl__at(l, i, &r->at);
		}
	return true;
}

/* The steps were collected in the draft's memory. */
static bool keep_steps(tl_lowering *l)
{
	tl_plan *plan = l->plan;
	tl_step *steps = tl__plan_array(l, plan->n_steps, sizeof *steps);
	if (!steps)
		return false;
	if (plan->n_steps)
		memcpy(steps, plan->steps, plan->n_steps * sizeof *steps);
	plan->steps = steps;
	return true;
}

bool tl__lower(tl_draft *d, tl_places *p, tl_plan *plan)
{
	tl_lowering l = {.d = d, .p = p, .plan = plan};
	plan->bytes = p->bytes;
	l.given_of = tl__draft_array(d, d->size, sizeof *l.given_of);
	uint32_t n_given = 0;
	for (uint32_t i = 1; i < d->size; i++)
		n_given += d->kind[i] == TL_DRAFT_GIVEN;
	plan->given = tl__plan_array(&l, n_given + 1, sizeof *plan->given);
	l.reg_of = tl__draft_array(d, d->n_groups, sizeof *l.reg_of);
	if (!l.given_of || !l.reg_of || !plan->given || !lower_stand_ins(&l))
		return false;
	for (uint32_t g = 0; g < d->n_groups; g++)
		if (!lower_group(&l, g))
			return false;
	return tl__lower_packs(&l) && keep_steps(&l) && tl__lower_splits(&l) && list_results(&l);
}
