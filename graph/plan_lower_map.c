/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs as steps over blocks. A register holds one value for one block; ports connect registers with
 * memory. Instances that lie at equal distances become one more axis of the domain, axes that can be
 * walked as one are joined, but for the last one, whose elements are the columns.
 */
#include "graph/plan_lower_even.h"

#include <stdlib.h>
#include <string.h>

#include "graph/plan_note.h"

#define MOST_PORTS TL_MOST_REGISTERS

/* A port of the program and the node that it stands for in each instance. */
typedef struct port {
	uint32_t reg;
	bool write;
	tl_at *at; /* of instance k, seen with the domain's shape */
	uint32_t *node;
} port;

typedef struct writer {
	tl_lowering *l;
	const tl_program *program;
	uint32_t count;
	port ports[MOST_PORTS];
	uint32_t n_ports, n_inputs, registers;
	tl_block_op *ops;
	uint32_t n_ops;
	unsigned char *buffer_of; /* of a register */
	uint32_t buffers;
	uint32_t *order; /* instances by where they write */
	tl_gather_step *after[MOST_PORTS]; /* results that are brought to their places */
	uint32_t n_after;
} writer;

static uint32_t member(const writer *w, uint32_t group, uint32_t k)
{
	return w->l->d->members[w->l->d->groups[group].first + k];
}

static bool add_port(writer *w, uint32_t reg, bool write, uint32_t *node)
{
	tl_draft *d = w->l->d;
	port *p = &w->ports[w->n_ports++];
	*p = (port){reg, write, tl_arena_alloc(d->mem, w->count * sizeof *p->at), node};
	if (!p->at)
		return false;
	for (uint32_t k = 0; k < w->count; k++) {
		if (!tl__at(w->l, node[k], &p->at[k]))
			return false;
		tl_shape domain = d->look[member(w, w->program->first_group, k)].shape;
		p->at[k].t = tl_tensor_broadcast(&p->at[k].t, domain);
	}
	return true;
}

/* The register for operand r of a group's nodes: of a node of the program, or an input. */
static bool input(writer *w, uint32_t group, uint32_t r, uint32_t *reg)
{
	tl_draft *d = w->l->d;
	uint32_t first = d->reads[member(w, group, 0)][r], root = d->root[first];
	if (d->kind[root] == TL_DRAFT_NODE && d->by[root] == TL_BY_MAP) {
		const tl_group *from = &d->groups[d->group_of[root]];
		if (from->program && &d->programs[from->program - 1] == w->program) {
			*reg = w->l->reg_of[d->group_of[root]] - 1;
			return true;
		}
	}
	uint32_t *node = tl__draft_array(d, w->count, sizeof *node);
	if (!node)
		return false;
	for (uint32_t k = 0; k < w->count; k++)
		node[k] = d->reads[member(w, group, k)][r];
	for (uint32_t p = 0; p < w->n_ports; p++)
		if (!memcmp(w->ports[p].node, node, w->count * sizeof *node)) {
			*reg = w->ports[p].reg;
			return true;
		}
	*reg = w->registers++;
	return add_port(w, *reg, false, node);
}

static bool read_groups(writer *w)
{
	tl_draft *d = w->l->d;
	for (uint32_t g = w->program->first_group + 1; g; g = d->next_group[g - 1]) {
		uint32_t i = member(w, g - 1, 0);
		const tl_node *node = &d->nodes[i];
		tl_block_op *op = &w->ops[w->n_ops++];
		const void *params;
		if (!tl__copy_params(w->l, node, &params))
			return false;
		*op = (tl_block_op){.fn = node->op->map, .params = params, .n_in = node->n_in};
		for (uint32_t r = 0; r < node->n_in; r++)
			if (!input(w, g - 1, r, &op->in[r]))
				return false;
		op->out = w->registers++;
		w->l->reg_of[g - 1] = op->out + 1;
	}
	w->n_inputs = w->n_ports;
	return true;
}

static bool read_results(writer *w)
{
	tl_draft *d = w->l->d;
	for (uint32_t g = w->program->first_group + 1; g; g = d->next_group[g - 1]) {
		if (!d->internal[member(w, g - 1, 0)] && !add_port(w, w->l->reg_of[g - 1] - 1, true, &d->members[d->groups[g - 1].first]))
			return false;
	}
	return true;
}

/*
 * Buffers for registers. An input keeps its own (it may hold what is the same for all blocks), a result
 * until the end; others share: a buffer is free once the last op that reads its register has run.
 */
static bool assign_buffers(writer *w)
{
	uint32_t last[TL_MOST_REGISTERS] = {0}, free_list[TL_MOST_REGISTERS], n_free = 0;
	bool own[TL_MOST_REGISTERS] = {false};
	w->buffer_of = tl__plan_array(w->l, w->registers, 1);
	if (!w->buffer_of)
		return false;
	for (uint32_t k = 0; k < w->n_ops; k++)
		for (uint32_t r = 0; r < w->ops[k].n_in; r++)
			last[w->ops[k].in[r]] = k;
	for (uint32_t p = 0; p < w->n_ports; p++) {
		own[w->ports[p].reg] = true;
		w->buffer_of[w->ports[p].reg] = (unsigned char)w->buffers++;
	}
	for (uint32_t k = 0; k < w->n_ops; k++) {
		for (uint32_t r = 0; r < w->ops[k].n_in; r++) {
			uint32_t reg = w->ops[k].in[r];
			if (!own[reg] && last[reg] == k) {
				own[reg] = true; /* given back once */
				free_list[n_free++] = w->buffer_of[reg];
			}
		}
		if (!own[w->ops[k].out])
			w->buffer_of[w->ops[k].out] = (unsigned char)(n_free ? free_list[--n_free] : w->buffers++);
	}
	return true;
}

typedef struct instance {
	int64_t offset;
	uint32_t k;
} instance;

static int by_offset(const void *x, const void *y)
{
	const instance *a = x, *b = y;
	return (a->offset > b->offset) - (a->offset < b->offset);
}

static bool sort_instances(writer *w)
{
	instance *all = tl_arena_alloc(w->l->d->mem, w->count * sizeof *all);
	w->order = tl__draft_array(w->l->d, w->count, sizeof *w->order);
	if (!all || !w->order)
		return false;
	for (uint32_t k = 0; k < w->count; k++)
		all[k] = (instance){tl__look_offset(&w->ports[w->n_inputs].at[k].t), k};
	if (w->count > 1)
		qsort(all, w->count, sizeof *all, by_offset);
	for (uint32_t k = 0; k < w->count; k++)
		w->order[k] = all[k].k;
	return true;
}

/* How many instances from order[first] on lie at equal distances in all ports. */
static uint32_t run_length(const writer *w, uint32_t first)
{
	uint32_t n = 1;
	for (; first + n < w->count; n++) {
		uint32_t k = w->order[first + n], before = w->order[first + n - 1], one = w->order[first];
		for (uint32_t p = 0; p < w->n_ports; p++) {
			const tl_at *a = &w->ports[p].at[one], *b = &w->ports[p].at[before], *c = &w->ports[p].at[k];
			if (a->base != c->base || !tl_shape_equal(a->t.shape, c->t.shape) ||
				memcmp(a->t.stride, c->t.stride, (size_t)a->t.shape.axes * sizeof *a->t.stride))
				return n;
			int64_t step = tl__look_offset(&c->t) - tl__look_offset(&b->t);
			if (n > 1) {
				const tl_at *second = &w->ports[p].at[w->order[first + 1]];
				if (step != tl__look_offset(&second->t) - tl__look_offset(&a->t))
					return n;
			}
		}
	}
	return n;
}

/* Joins axis `i` of the domain with the one behind it, where every port can. */
static bool join_axes(tl_map_step *m, tl_port *ports, int i)
{
	for (uint32_t p = 0; p < m->n_ports; p++)
		if (ports[p].stride[i] != m->dim[i + 1] * ports[p].stride[i + 1])
			return false;
	m->dim[i] *= m->dim[i + 1];
	for (int j = i + 1; j + 1 < m->axes; j++)
		m->dim[j] = m->dim[j + 1];
	for (uint32_t p = 0; p < m->n_ports; p++)
		for (int j = i; j + 1 < m->axes; j++)
			ports[p].stride[j] = ports[p].stride[j + 1];
	m->axes--;
	return true;
}

static void drop_axis(tl_map_step *m, tl_port *ports, int i)
{
	for (int j = i; j + 1 < m->axes; j++)
		m->dim[j] = m->dim[j + 1];
	for (uint32_t p = 0; p < m->n_ports; p++)
		for (int j = i; j + 1 < m->axes; j++)
			ports[p].stride[j] = ports[p].stride[j + 1];
	m->axes--;
}

/* All but the last two axes of size 1 go, then what can be joined is. */
static void simplify(tl_map_step *m, tl_port *ports)
{
	for (int i = m->axes - 3; i >= 0; i--)
		if (m->dim[i] == 1)
			drop_axis(m, ports, i);
	if (m->axes > 2 && m->dim[m->axes - 2] == 1)
		drop_axis(m, ports, m->axes - 2);
	for (int i = m->axes - 3; i >= 0; i--)
		join_axes(m, ports, i);
}

static bool emit(writer *w, uint32_t first, uint32_t n)
{
	tl_lowering *l = w->l;
	tl_map_step *m = tl__plan_array(l, 1, sizeof *m);
	tl_port *ports = tl__plan_array(l, w->n_ports, sizeof *ports);
	if (!m || !ports)
		return false;
	uint32_t one = w->order[first], node = member(w, w->program->first_group, one);
	tl_shape shape = l->d->look[node].shape;
	*m = (tl_map_step){.n_ports = w->n_ports, .n_inputs = w->n_inputs, .ports = ports, .n_ops = w->n_ops,
		.ops = w->ops, .registers = w->registers, .buffers = w->buffers, .buffer_of = w->buffer_of};
	if (w->buffers > l->plan->buffers)
		l->plan->buffers = w->buffers;
	m->dim[m->axes++] = n;
	for (int64_t i = 0; i < shape.axes; i++)
		m->dim[m->axes++] = shape.dim[i];
	if (m->axes == 1)
		m->dim[m->axes++] = 1;
	for (uint32_t p = 0; p < w->n_ports; p++) {
		const tl_at *at = &w->ports[p].at[one];
		ports[p] = (tl_port){.at = tl__ref(at), .reg = w->ports[p].reg};
		for (int64_t i = 0; i < shape.axes; i++)
			ports[p].stride[i + 1] = at->t.stride[i];
		if (n > 1)
			ports[p].stride[0] = (tl__look_offset(&w->ports[p].at[w->order[first + 1]].t) - tl__look_offset(&at->t)) /
					     (int64_t)sizeof(tl_real);
	}
	simplify(m, ports);
	for (uint32_t g = w->program->first_group + 1; g; g = l->d->next_group[g - 1])
		for (uint32_t k = first; k < first + n; k++)
			tl__note_together(l->d, node, member(w, g - 1, w->order[k]));
	return tl__add_step(l, TL_STEP_MAP, node, w->program->stretch, m);
}

/* Ports whose instances lie scattered are copied, if all of them can be and that is cheaper than many passes. */
static bool even_out(writer *w)
{
	tl_draft *d = w->l->d;
	uint32_t runs = 0, uneven = 0, first = member(w, w->program->first_group, 0);
	bool is_uneven[MOST_PORTS];
	tl_shape shape = d->look[first].shape;
	if (w->count < 2 || !tl__draft_has(d, TL_PASS_BATCH))
		return true;
	for (uint32_t k = 0; k < w->count; k += run_length(w, k))
		runs++;
	for (uint32_t p = 0; p < w->n_ports && runs > 1; p++) {
		tl_instances v = {w->ports[p].at, w->order, w->count};
		is_uneven[p] = !tl__instances_even(&v);
		uneven += is_uneven[p];
		if (!tl_shape_equal(v.at[w->order[0]].t.shape, shape) || !tl__instances_movable(&v))
			return true;
	}
	if (!tl__instances_short(runs, uneven, w->count, tl_shape_size(shape)))
		return true;
	w->l->scratch_used = 0;
	for (uint32_t p = 0; p < w->n_ports; p++) {
		tl_instances v = {w->ports[p].at, w->order, w->count};
		tl_gather_step *step;
		if (!is_uneven[p])
			continue;
		if (!tl__even_out(w->l, &v, p >= w->n_inputs, &step))
			return false;
		w->ports[p].at = v.at;
		if (p >= w->n_inputs)
			w->after[w->n_after++] = step;
		else if (!tl__add_step(w->l, TL_STEP_GATHER, first, 0, step))
			return false;
	}
	return true;
}

bool tl__lower_program(tl_lowering *l, const tl_program *program)
{
	writer w;
	w = (writer){.l = l, .program = program, .count = program->count};
	w.ops = tl__plan_array(l, program->nodes, sizeof *w.ops);
	if (!w.ops || !read_groups(&w) || !read_results(&w) || !assign_buffers(&w) || !sort_instances(&w) ||
		!even_out(&w))
		return false;
	for (uint32_t k = 0, n; k < w.count; k += n) {
		n = run_length(&w, k);
		if (!emit(&w, k, n))
			return false;
	}
	for (uint32_t k = 0; k < w.n_after; k++)
		if (!tl__add_step(l, TL_STEP_GATHER, member(&w, program->first_group, 0), 0, w.after[k]))
			return false;
	return true;
}
