/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values and gradients of all variables at once. The gradients of all of them are recorded on a twin: there are as
 * many as there are values, but one that has served its operands is forgotten, as in a backward pass. So the
 * executor is asked only for those that serve nobody, and what it computes on the way is looked at as it passes.
 */
#include "graph/overlay_data.h"

#include <stdlib.h>
#include <string.h>

#include "graph/grad.h"
#include "graph/twin.h"

typedef struct measure {
	tl_overlay *o;
	tl_tape *twin;
	tl_witness witness;
	unsigned char *needed;  /* variable i is needed for the outputs or the loss */
	unsigned char *reached; /* a gradient may be taken of it */
	tl_var *d;              /* of the first n_wrt: variables, then their gradients */
	uint32_t *of;           /* of d[k]: which variable's it is */
	int n_wrt;
	uint32_t *first, *next; /* of the twin's node i: 1 + k, the first d[k] that it is; then the next one */
	uint32_t end;           /* of `first` */
	unsigned char *mark;    /* of the twin's nodes */
} measure;

enum { NEEDED = 1, READ = 2 };

static void *array(measure *m, size_t count, size_t size)
{
	void *p = tl_arena_alloc(&m->twin->records, (count + 1) * size);
	return p ? memset(p, 0, (count + 1) * size) : NULL;
}

static void note(measure *m, const tl_tape *t, uint32_t node)
{
	tl_overlay *o = m->o;
	bool recorded = node < o->size && m->needed[node];
	uint32_t k = node < m->end ? m->first[node] : 0;
	if (!recorded && !k)
		return;
	tl_statistics s = tl_statistics_of(&t->nodes[node].value);
	if (recorded) {
		o->value[node] = s;
		o->has[node] |= TL__HAS_VALUE;
	}
	for (; k; k = m->next[k - 1]) {
		o->gradient[m->of[k - 1]] = s;
		o->has[m->of[k - 1]] |= TL__HAS_GRADIENT;
	}
}

static void see(void *context, const tl_tape *t, uint32_t node)
{
	note(context, t, node);
}

static void mark_needed(measure *m, int n, const tl_var *outputs, tl_var loss)
{
	for (int k = 0; k < n; k++)
		m->needed[outputs[k].index] = 1;
	if (loss.index)
		m->needed[loss.index] = 1;
	for (uint32_t i = m->o->size - 1; i > 0; i--)
		for (uint32_t k = 0; m->needed[i] && k < m->twin->nodes[i].n_in; k++)
			m->needed[m->twin->nodes[i].in[k]] = 1;
}

static bool differentiable(const tl_node *node)
{
	return node->value.dtype == TL_REAL && !(node->op->flags & TL_OP_STOP);
}

/*
 * Variables that get a gradient of the loss: those that it depends on, but for what an op without a gradient depends
 * on. Where that is not a part of a gradient, tl_grad would refuse the whole for it.
 */
static void mark_reached(measure *m, tl_var loss)
{
	enum { REACHED = 1, BLOCKED = 2 };
	m->reached[loss.index] = REACHED;
	for (uint32_t i = loss.index; i > 0; i--) {
		const tl_node *node = &m->twin->nodes[i];
		if (!m->reached[i] || !differentiable(node))
			continue;
		bool blocks = m->reached[i] & BLOCKED || (!node->op->gradient && !node->op->gradients);
		for (uint32_t k = 0; k < node->n_in; k++)
			m->reached[node->in[k]] |= blocks ? BLOCKED : REACHED;
	}
	for (uint32_t i = 1; i <= loss.index; i++)
		m->reached[i] = m->reached[i] == REACHED && m->twin->nodes[i].value.dtype == TL_REAL;
}

static tl_status record_gradients(measure *m, tl_var loss)
{
	tl_tape *t = m->twin;
	mark_reached(m, loss);
	for (uint32_t i = 1; i <= loss.index; i++)
		if (m->reached[i]) {
			m->of[m->n_wrt] = i;
			m->d[m->n_wrt++] = tl__var(t, i);
		}
	tl_status status = tl_grad(tl__var(t, loss.index), m->n_wrt, m->d, m->d);
	if (status)
		return status;
	uint32_t *first = array(m, t->n_nodes, sizeof *first);
	if (!first)
		return tl_error_memory(&t->error);
	for (int k = m->n_wrt; k-- > 0;) {
		m->next[k] = first[m->d[k].index];
		first[m->d[k].index] = (uint32_t)k + 1;
	}
	m->first = first;
	m->end = t->n_nodes;
	return TL_OK;
}

static void note_given(measure *m)
{
	for (uint32_t i = 1; i < m->twin->n_nodes; i++)
		if (m->twin->nodes[i].flags & TL_NODE_READY)
			note(m, m->twin, i);
}

/* Computes what is needed for all of d and of `needed`. */
static tl_status run(measure *m)
{
	tl_tape *t = m->twin;
	uint32_t *want = array(m, t->n_nodes, sizeof *want);
	int n = 0;
	m->mark = array(m, t->n_nodes, 1);
	if (!want || !m->mark)
		return tl_error_memory(&t->error);
	for (uint32_t i = 1; i < m->o->size; i++)
		m->mark[i] = m->needed[i];
	for (int k = 0; k < m->n_wrt; k++)
		m->mark[m->d[k].index] |= NEEDED;
	for (uint32_t i = t->n_nodes - 1; i > 0; i--) {
		if (!(m->mark[i] & NEEDED) || t->nodes[i].flags & TL_NODE_READY)
			continue;
		for (uint32_t k = 0; k < t->nodes[i].n_in; k++)
			m->mark[t->nodes[i].in[k]] |= NEEDED | READ;
		if (!(m->mark[i] & READ))
			want[n++] = i;
	}
	return n ? t->executor->run(t->executor_state, t, n, want) : TL_OK;
}

/*
 * Of what tl_grad recorded, that is a gradient, or on the way to one, which some node's adjoint went into. What a rule
 * makes of the operands and the result alone, a turned weight say, is none. A rule sees nothing else but the
 * adjoint, so what is neither of those, and not the rule's own, is that.
 */
static bool mark_gradients(measure *m)
{
	const tl_tape *t = m->twin;
	uint32_t *known = array(m, m->o->size, sizeof *known), last = 0; /* to the rule of node known[i] */
	for (uint32_t i = 1; known && i < m->o->size; i++) {
		const tl_node *node = &t->nodes[i];
		uint32_t of = node->adjoint_of;
		if (!(node->flags & TL_NODE_ADJOINT) || !of)
			continue;
		if (of != last) {
			known[of] = of;
			for (uint32_t k = 0; k < t->nodes[of].n_in; k++)
				known[t->nodes[of].in[k]] = of;
			last = of;
		}
		for (uint32_t k = 0; k < node->n_in; k++) {
			uint32_t from = node->in[k];
			bool own = t->nodes[from].adjoint_of == of;
			if (own ? m->o->has[from] & TL__IS_GRADIENT : known[from] != of)
				m->o->has[i] |= TL__IS_GRADIENT;
		}
	}
	return known;
}

static tl_status compute(measure *m, int n, const tl_var *outputs, tl_var loss)
{
	tl_tape *t = m->twin;
	size_t size = m->o->size;
	m->needed = array(m, size, 1);
	m->reached = array(m, size, 1);
	m->d = array(m, size, sizeof *m->d);
	m->of = array(m, size, sizeof *m->of);
	m->next = array(m, size, sizeof *m->next);
	if (!m->needed || !m->reached || !m->d || !m->of || !m->next || !mark_gradients(m))
		return tl_error_memory(&t->error);
	mark_needed(m, n, outputs, loss);
	for (uint32_t i = 1; i < size; i++) /* so that values are dropped, too */
		if (!(t->nodes[i].op->flags & TL_OP_LEAF))
			t->nodes[i].flags |= TL_NODE_ADJOINT;
	tl_status status = loss.index ? record_gradients(m, loss) : TL_OK;
	if (status)
		return status;
	note_given(m);
	return run(m);
}

tl_status tl__overlay_compute(tl_overlay *o, int n, const tl_var *outputs, tl_var loss, tl_error *err)
{
	measure m = {.o = o, .twin = tl__twin_new(o->tape, o->size - 1, &tl_executor_plain), .witness = {see, &m}};
	if (!m.twin)
		return tl_error_memory(err);
	m.twin->witness = &m.witness;
	tl_status status = compute(&m, n, outputs, loss);
	if (status)
		tl_error_set(err, status, "%s", m.twin->error.text);
	tl__twin_free(m.twin);
	return status;
}
