/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ending a segment takes its nodes from the tape and puts the call of a body in their place:
 *
 *	before   | nodes from outside | a  x0  b  c  x1  d |
 *	after    | nodes from outside | x0  x1 | call(body; ...) | its parts that were kept |
 *
 *  moved   x0, x1: leaves and looks at values from outside (but for parameters). They differ from segment to
 *          segment, cost nothing to keep and become inputs.
 *  body    a, b, c, d and constants, numbered behind the inputs. Where a body of the same structure is there,
 *          it is called; otherwise these nodes become one.
 *  dropped what the kept variables do not depend on.
 *
 * Input k of a body is the k-th variable from outside in the order of their first use, whatever it is.
 */
#include "graph/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "graph/call.h"
#include "graph/flat.h"
#include "graph/leaf.h"

enum { DROPPED, NEEDED, MOVED, BODY };

typedef struct cut {
	tl_tape *t;
	uint32_t first, end;  /* the segment's nodes */
	unsigned char *kind;  /* of node first + i */
	uint32_t *number;     /* of node first + i: on the tape (moved) or in the body */
	uint32_t *input;      /* nodes of the tape, by their old numbers */
	uint32_t n_inputs, n_moved, n_body;
	uint32_t n_keep;
	tl_var **keep;        /* those that the segment recorded */
	uint64_t hash;
} cut;

static unsigned char kind_of(const cut *c, uint32_t i)
{
	return i < c->first ? MOVED : c->kind[i - c->first];
}

void tl_checkpoint_begin(tl_tape *t)
{
	if (t->error.status)
		return;
	if (t->segment.first != UINT32_MAX) {
		tl_tape_fail(t, TL_ERR_ARGUMENT, "checkpoint: begun while another one is open; they do not nest");
		return;
	}
	tl_arena_clear(&t->segment.records);
	t->segment.first = t->n_nodes;
	t->segment.generation = ++t->last_generation;
	t->segment.scope = t->scope;
	t->segment.n_scopes = t->n_scopes;
	t->segment.draws = t->draws;
}

static bool comes_from_outside(const cut *c, const tl_node *node)
{
	if (node->op->flags & TL_OP_LEAF)
		return node->op != &tl_op_fill;
	return node->op->view && node->n_in == 1 && kind_of(c, node->in[0]) == MOVED &&
	       c->t->nodes[node->in[0]].op != &tl_op_param;
}

/* Parameters always move: the tape knows them by their nodes. */
static void sort_nodes(cut *c)
{
	const tl_node *nodes = c->t->nodes;
	for (uint32_t k = 0; k < c->n_keep; k++)
		c->kind[c->keep[k]->index - c->first] = NEEDED;
	for (uint32_t i = c->end; i-- > c->first;) {
		if (nodes[i].op == &tl_op_param)
			c->kind[i - c->first] = NEEDED;
		for (uint32_t k = 0; c->kind[i - c->first] && k < nodes[i].n_in; k++)
			if (nodes[i].in[k] >= c->first)
				c->kind[nodes[i].in[k] - c->first] = NEEDED;
	}
	for (uint32_t i = c->first; i < c->end; i++) {
		unsigned char *kind = &c->kind[i - c->first];
		if (!*kind)
			continue;
		*kind = comes_from_outside(c, &nodes[i]) ? MOVED : BODY;
		if (*kind == MOVED)
			c->number[i - c->first] = c->first + c->n_moved++;
	}
}

/* A node is input `slot` if the list says so: what it remembers from another segment does no harm. */
static void note_input(cut *c, uint32_t i)
{
	tl_node *node = &c->t->nodes[i];
	if (node->slot < c->n_inputs && c->input[node->slot] == i)
		return;
	node->slot = c->n_inputs;
	c->input[c->n_inputs++] = i;
}

static bool find_inputs(cut *c)
{
	const tl_node *nodes = c->t->nodes;
	size_t most = 1;
	for (uint32_t i = c->first; i < c->end; i++)
		most += kind_of(c, i) == BODY ? nodes[i].n_in + 1 : 1;
	c->input = tl_arena_alloc_small(&c->t->scratch, most * sizeof *c->input);
	if (!c->input)
		return false;
	for (uint32_t i = c->first; i < c->end; i++)
		for (uint32_t k = 0; kind_of(c, i) == BODY && k < nodes[i].n_in; k++)
			if (kind_of(c, nodes[i].in[k]) == MOVED)
				note_input(c, nodes[i].in[k]);
	for (uint32_t k = 0; k < c->n_keep; k++)
		if (kind_of(c, c->keep[k]->index) == MOVED)
			note_input(c, c->keep[k]->index);
	for (uint32_t i = c->first; i < c->end; i++)
		if (kind_of(c, i) == BODY)
			c->number[i - c->first] = 1 + c->n_inputs + c->n_body++;
	return true;
}

/* The number that node i has in the body. */
static uint32_t in_body(const cut *c, uint32_t i)
{
	return kind_of(c, i) == BODY ? c->number[i - c->first] : 1 + c->t->nodes[i].slot;
}

static uint64_t mix(uint64_t h, uint64_t x)
{
	h = (h ^ x) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

static uint64_t mix_bytes(uint64_t h, const void *from, size_t bytes)
{
	const char *at = from;
	for (uint64_t word = 0; bytes > 0; word = 0) {
		size_t n = bytes < sizeof word ? bytes : sizeof word;
		memcpy(&word, at, n);
		h = mix(h, word);
		at += n;
		bytes -= n;
	}
	return h;
}

static void find_hash(cut *c)
{
	const tl_node *nodes = c->t->nodes;
	uint64_t h = c->n_inputs;
	for (uint32_t k = 0; k < c->n_inputs; k++)
		h = mix(h, (uint64_t)tl_shape_size(nodes[c->input[k]].value.shape) << 1 | (nodes[c->input[k]].op == &tl_op_param));
	for (uint32_t i = c->first; i < c->end; i++) {
		if (kind_of(c, i) != BODY)
			continue;
		h = mix(h, (uintptr_t)nodes[i].op);
		for (uint32_t k = 0; k < nodes[i].n_in; k++)
			h = mix(h, in_body(c, nodes[i].in[k]));
		h = mix_bytes(h, nodes[i].params, nodes[i].params_size);
	}
	for (uint32_t k = 0; k < c->n_keep; k++)
		h = mix(h, in_body(c, c->keep[k]->index));
	c->hash = h;
}

static bool same_type(const tl_tensor *a, const tl_tensor *b)
{
	return a->dtype == b->dtype && tl_shape_equal(a->shape, b->shape);
}

/* What the body's node for an input is: a parameter, or any other value. */
static const tl_op *input_op(const tl_node *node)
{
	return node->op == &tl_op_param ? &tl_op_param : &tl_op_input;
}

/* Shapes follow from operands and params, but for leaves. */
static bool same_node(const cut *c, const tl_node *node, const tl_node *other)
{
	uint32_t draw = node->op->flags & TL_OP_RANDOM ? node->draw - c->t->segment.draws : 0;
	if (node->op != other->op || node->n_in != other->n_in || node->params_size != other->params_size ||
		(node->op->flags & TL_OP_RANDOM && draw != other->draw) ||
		(node->params_size && memcmp(node->params, other->params, node->params_size)) ||
		(node->n_in == 0 && !same_type(&node->value, &other->value)))
		return false;
	for (uint32_t k = 0; k < node->n_in; k++)
		if (in_body(c, node->in[k]) != other->in[k])
			return false;
	return true;
}

static bool is_body(const cut *c, const tl_body *b)
{
	const tl_node *nodes = c->t->nodes, *result = &b->nodes[b->result];
	if (b->hash != c->hash || b->n_inputs != c->n_inputs || b->n_nodes != c->n_inputs + c->n_body + 2 ||
		result->n_in != c->n_keep)
		return false;
	for (uint32_t k = 0; k < c->n_inputs; k++) {
		const tl_node *node = &nodes[c->input[k]], *other = &b->nodes[k + 1];
		if (input_op(node) != other->op || !same_type(&node->value, &other->value))
			return false;
	}
	for (uint32_t i = c->first; i < c->end; i++)
		if (kind_of(c, i) == BODY && !same_node(c, &nodes[i], &b->nodes[in_body(c, i)]))
			return false;
	for (uint32_t k = 0; k < c->n_keep; k++)
		if (in_body(c, c->keep[k]->index) != result->in[k])
			return false;
	return true;
}

static bool add_inputs(const cut *c, tl_body *b)
{
	for (uint32_t k = 0; k < c->n_inputs; k++) {
		const tl_node *from = &c->t->nodes[c->input[k]];
		tl_node node = {.op = input_op(from), .value = {.dtype = from->value.dtype, .shape = from->value.shape}};
		if (!tl__body_add(b, &node))
			return false;
		b->input[k] = k + 1;
	}
	b->n_inputs = c->n_inputs;
	return true;
}

static bool add_nodes(const cut *c, tl_body *b)
{
	for (uint32_t i = c->first; i < c->end; i++) {
		if (kind_of(c, i) != BODY)
			continue;
		tl_node node = c->t->nodes[i];
		uint32_t *in = tl_arena_alloc_small(&c->t->scratch, (node.n_in + 1) * sizeof *in);
		if (!in)
			return false;
		for (uint32_t k = 0; k < node.n_in; k++)
			in[k] = in_body(c, node.in[k]);
		node.in = in;
		node.scope = node.scope < c->t->segment.n_scopes ? 0 : node.scope - c->t->segment.n_scopes + 1;
		node.draw -= node.op->flags & TL_OP_RANDOM ? c->t->segment.draws : 0;
		if (!tl__body_add(b, &node))
			return false;
	}
	return true;
}

/* The kept values, one behind the other. */
static bool add_result(const cut *c, tl_body *b)
{
	uint32_t *in = tl_arena_alloc_small(&c->t->scratch, c->n_keep * sizeof *in);
	int64_t *params = tl_arena_alloc_small(&c->t->scratch, (c->n_keep + 1) * sizeof *params);
	if (!in || !params)
		return false;
	params[0] = 0;
	for (uint32_t k = 0; k < c->n_keep; k++) {
		in[k] = in_body(c, c->keep[k]->index);
		params[k + 1] = params[0];
		params[0] += tl_shape_size(c->t->nodes[c->keep[k]->index].value.shape);
	}
	b->result = b->n_nodes;
	return tl__body_add(b, &(tl_node){.op = &tl__op_flat, .in = in, .n_in = c->n_keep, .params = params,
		.params_size = (c->n_keep + 1) * (uint32_t)sizeof *params, .value.shape = TL_SHAPE(params[0])});
}

/*
 * Scope s of the tape, begun in the segment, as one of the body's. Steps that follow the one in which the segment
 * began are told by their distance from it: bodies are shared by segments.
 */
static bool scope_in_body(const cut *c, uint32_t s, tl_scope_entry *to)
{
	const tl_tape *t = c->t;
	const tl_scope_entry *from = &t->scopes[s], *here = &t->scopes[t->segment.scope];
	char label[64];
	*to = *from;
	to->parent = from->parent < t->segment.n_scopes ? 0 : from->parent - t->segment.n_scopes + 1;
	if (t->segment.scope == 0 || from->parent != here->parent || from->index < here->index || here->index < 0 ||
		strcmp(from->label, here->label))
		return true;
	snprintf(label, sizeof label, "%.40s+%" PRId64, from->label, from->index - here->index);
	to->label = tl_arena_strdup(&c->t->scratch, label);
	to->index = -1;
	return to->label;
}

static bool add_scopes(const cut *c, tl_body *b)
{
	const tl_tape *t = c->t;
	uint32_t n = t->n_scopes - t->segment.n_scopes + 1;
	tl_scope_entry *scopes = tl_arena_alloc_small(&c->t->scratch, n * sizeof *scopes);
	if (!scopes)
		return false;
	scopes[0] = (tl_scope_entry){.index = -1};
	for (uint32_t s = 1; s < n; s++)
		if (!scope_in_body(c, t->segment.n_scopes + s - 1, &scopes[s]))
			return false;
	return tl__body_set_scopes(b, n, scopes);
}

static tl_body *find_body(cut *c)
{
	tl_calls *calls = tl__calls(c->t);
	if (!calls)
		return NULL;
	for (tl_body *b = calls->bodies; b; b = b->next)
		if (is_body(c, b))
			return b;
	tl_body *b = tl__body_new(calls, c->n_inputs + c->n_body + 1);
	if (!b || !add_scopes(c, b) || !add_inputs(c, b) || !add_nodes(c, b) || !add_result(c, b)) {
		tl__body_free(b);
		tl_error_memory(&c->t->error);
		return NULL;
	}
	b->hash = c->hash;
	b->next = calls->bodies;
	return calls->bodies = b;
}

/* The number of node i after the move; not for those of the body. */
static uint32_t on_tape(const cut *c, uint32_t i)
{
	return i < c->first ? i : c->number[i - c->first];
}

/* What moves is copied out of the segment's records. */
static bool move_nodes(cut *c)
{
	tl_tape *t = c->t;
	for (uint32_t i = c->first; i < c->end; i++) {
		if (kind_of(c, i) != MOVED)
			continue;
		tl_node node = t->nodes[i];
		uint32_t *in = tl_arena_alloc_small(&t->records, (node.n_in + 1) * sizeof *in);
		void *params = tl_arena_alloc_small(&t->records, node.params_size + 1);
		if (!in || !params || (node.name && !(node.name = tl_arena_strdup(&t->records, node.name))))
			return false;
		for (uint32_t k = 0; k < node.n_in; k++)
			in[k] = on_tape(c, node.in[k]);
		if (node.params_size)
			memcpy(params, node.params, node.params_size);
		node.in = in;
		node.params = node.params_size ? params : NULL;
		node.scope = node.op == &tl_op_param ? 0 : t->segment.scope;
		t->nodes[on_tape(c, i)] = node;
	}
	for (uint32_t k = 0; k < t->n_used; k++)
		t->used[k].node = on_tape(c, t->used[k].node);
	t->cut += c->end - c->first - c->n_moved;
	t->n_nodes = c->first + c->n_moved;
	return true;
}

/* Scopes that were begun in the segment are forgotten, but for those still open. */
static bool drop_scopes(tl_tape *t)
{
	uint32_t from = t->segment.n_scopes, depth = 0, n = 0;
	for (uint32_t s = t->scope; s >= from; s = t->scopes[s].parent)
		depth++;
	uint32_t *open = tl_arena_alloc_small(&t->scratch, (depth + 1) * sizeof *open);
	if (!open)
		return false;
	for (uint32_t s = t->scope; s >= from; s = t->scopes[s].parent)
		open[depth - ++n] = s;
	for (uint32_t k = 0; k < depth; k++) { /* from + k <= open[k] */
		tl_scope_entry e = t->scopes[open[k]];
		if (!(e.label = tl_arena_strdup(&t->records, e.label)))
			return false;
		e.parent = k ? from + k - 1 : e.parent;
		t->scopes[from + k] = e;
	}
	t->n_scopes = from + depth;
	t->scope = depth ? from + depth - 1 : t->scope;
	return true;
}

/* The tape is as it was before the segment but for what moved; new nodes stand behind that. */
static tl_status record_call(cut *c, tl_body *body)
{
	tl_tape *t = c->t;
	tl_var *in = tl_arena_alloc_small(&t->scratch, (c->n_inputs + 1) * sizeof *in);
	tl_shape *shape = tl_arena_alloc_small(&t->scratch, (c->n_keep + 1) * sizeof *shape);
	const char **name = tl_arena_alloc_small(&t->scratch, (c->n_keep + 1) * sizeof *name);
	if (!in || !shape || !name)
		return tl_error_memory(&t->error);
	for (uint32_t k = 0; k < c->n_keep; k++) {
		const tl_node *node = &t->nodes[c->keep[k]->index];
		shape[k] = node->value.shape;
		name[k] = node->name;
	}
	if (!move_nodes(c))
		return tl_error_memory(&t->error);
	t->segment.first = UINT32_MAX; /* closed: records go to the tape's again */
	for (uint32_t k = 0; k < c->n_inputs; k++)
		in[k] = tl__var(t, on_tape(c, c->input[k]));
	uint32_t scope = t->scope;
	t->scope = t->segment.scope;
	tl_var all = tl__call(t, body, in, t->segment.draws);
	int64_t offset = 0;
	for (uint32_t k = 0; k < c->n_keep; k++) {
		*c->keep[k] = tl__flat_part(all, offset, shape[k]);
		if (name[k])
			tl_name(*c->keep[k], name[k]);
		offset += tl_shape_size(shape[k]);
	}
	t->scope = scope;
	return t->error.status;
}

/* The variables that the segment recorded are those to be handed out. */
static tl_status check_keep(cut *c, int n, tl_var *const *keep)
{
	tl_tape *t = c->t;
	for (int k = 0; k < n; k++) {
		const tl_node *node = keep[k]->tape == t ? tl__node(*keep[k]) : NULL;
		if (!node)
			tl__fail_var(t, "checkpoint", *keep[k]);
		else if (keep[k]->index < c->first)
			continue;
		else if (node->value.dtype != TL_REAL)
			tl_tape_fail(t, TL_ERR_TYPE, "checkpoint: variable %d to be kept holds %s, not reals", k,
				tl_dtype_name(node->value.dtype));
		else
			c->keep[c->n_keep++] = keep[k];
	}
	return t->error.status;
}

static tl_status cut_out(cut *c, int n, tl_var *const *keep)
{
	tl_tape *t = c->t;
	size_t size = c->end - c->first;
	c->kind = tl_arena_alloc_small(&t->scratch, size + 1);
	c->number = tl_arena_alloc_small(&t->scratch, (size + 1) * sizeof *c->number);
	c->keep = tl_arena_alloc_small(&t->scratch, ((size_t)n + 1) * sizeof *c->keep);
	if (!c->kind || !c->number || !c->keep)
		return tl_error_memory(&t->error);
	if (check_keep(c, n, keep))
		return t->error.status;
	memset(c->kind, DROPPED, size);
	sort_nodes(c);
	if (!find_inputs(c))
		return tl_error_memory(&t->error);
	if (c->n_keep == 0)
		return move_nodes(c) ? TL_OK : tl_error_memory(&t->error);
	find_hash(c);
	tl_body *body = find_body(c);
	return body ? record_call(c, body) : t->error.status;
}

tl_status tl_checkpoint_end(tl_tape *t, int n, tl_var *const *keep)
{
	if (t->segment.first == UINT32_MAX)
		tl_tape_fail(t, TL_ERR_ARGUMENT, "checkpoint: ended without having been begun");
	if (!t->error.status) {
		cut c = {.t = t, .first = t->segment.first, .end = t->n_nodes};
		tl_mark mark = tl_arena_mark(&t->scratch);
		if (!cut_out(&c, n, keep) && !drop_scopes(t))
			tl_error_memory(&t->error);
		tl_arena_rewind(&t->scratch, mark);
	}
	t->segment.first = UINT32_MAX;
	t->segment.generation = t->generation;
	for (int k = 0; t->error.status && k < n; k++)
		*keep[k] = tl__var(t, 0);
	return t->error.status;
}
