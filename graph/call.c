/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/call.h"

#include <stdlib.h>
#include <string.h>

#include "graph/flat.h"
#include "graph/grad.h"
#include "graph/leaf.h"

#define MOST_BYTES ((size_t)32 << 20) /* of bodies that nobody calls any more */

typedef struct call_params {
	tl_body *body;
	uint64_t serial;
} call_params;

tl_calls *tl__calls(tl_tape *t)
{
	if (t->calls)
		return t->calls;
	tl_calls *c = calloc(1, sizeof *c);
	if (!c || !(c->runner = tl__tape_within(t))) {
		free(c);
		tl_error_memory(&t->error);
		return NULL;
	}
	c->owner = t;
	c->runner->no_replay = true;
	return t->calls = c;
}

void tl__body_free(tl_body *body)
{
	if (!body)
		return;
	for (tl_body *b = body->gradients, *next; b; b = next) {
		next = b->next;
		tl__body_free(b);
	}
	tl_arena_release(&body->mem);
	free(body);
}

void tl__calls_free(tl_calls *c)
{
	if (!c)
		return;
	for (tl_body *b = c->bodies, *next; b; b = next) {
		next = b->next;
		tl__body_free(b);
	}
	tl_tape_free(c->runner);
	free(c);
}

static size_t bytes_of(const tl_body *list)
{
	size_t bytes = 0;
	for (const tl_body *b = list; b; b = b->next)
		bytes += sizeof *b + b->mem.total + bytes_of(b->gradients);
	return bytes;
}

/* Steps of training call what the last one called. Others are forgotten where they take up much memory. */
void tl__calls_reset(tl_calls *c)
{
	if (!c)
		return;
	c->computed = 0;
	bool much = bytes_of(c->bodies) > MOST_BYTES;
	for (tl_body **at = &c->bodies, *b; (b = *at);) {
		if (much && !b->called) {
			*at = b->next;
			tl__body_free(b);
			continue;
		}
		b->called = false;
		at = &b->next;
	}
}

void tl__calls_stats(const tl_calls *c, tl_tape_stats *s)
{
	if (!c)
		return;
	tl_tape_stats inner = tl_tape_get_stats(c->runner);
	s->computed += c->computed;
	s->allocations += inner.allocations + c->grown + 1;
	s->bytes += inner.bytes + bytes_of(c->bodies) + sizeof *c;
	s->plan_hits += inner.plan_hits;
	s->plan_misses += inner.plan_misses;
}

tl_body *tl__body_new(tl_calls *c, uint32_t n)
{
	tl_body *b = calloc(1, sizeof *b);
	if (!b)
		return NULL;
	tl_arena_init(&b->mem, 1 << 14);
	b->calls = c;
	b->serial = ++c->serial;
	b->nodes = tl_arena_alloc(&b->mem, (n + 1) * sizeof *b->nodes);
	b->input = tl_arena_alloc_small(&b->mem, (n + 1) * sizeof *b->input);
	c->grown += 2;
	if (!b->nodes || !b->input) {
		tl__body_free(b);
		return NULL;
	}
	b->nodes[0] = (tl_node){0};
	b->n_nodes = 1;
	return b;
}

static void *copy(tl_arena *mem, const void *from, size_t bytes)
{
	void *to = tl_arena_alloc_small(mem, bytes + !bytes);
	if (to && bytes)
		memcpy(to, from, bytes);
	return to;
}

bool tl__body_add(tl_body *b, const tl_node *node)
{
	tl_node *to = &b->nodes[b->n_nodes++];
	*to = (tl_node){.op = node->op, .value = node->value, .n_in = node->n_in, .params_size = node->params_size,
		.draw = node->draw, .scope = node->scope, .adjoint_of = node->adjoint_of,
		.flags = TL_NODE_ADJOINT}; /* so that the plain executor drops it, too */
	if (node->name && !(to->name = tl_arena_strdup(&b->mem, node->name)))
		return false;
	to->in = copy(&b->mem, node->in, node->n_in * sizeof *node->in);
	to->params = copy(&b->mem, node->params, node->params_size);
	if (node->op == &tl_op_fill) { /* a constant */
		to->value.data = copy(&b->mem, node->value.data, sizeof(tl_real));
		to->flags = TL_NODE_READY;
	}
	return to->in && to->params && (to->value.data || node->op != &tl_op_fill);
}

bool tl__body_set_scopes(tl_body *b, uint32_t n, const tl_scope_entry *scopes)
{
	b->scopes = copy(&b->mem, scopes, n * sizeof *scopes);
	b->n_scopes = b->scopes ? n : 0;
	for (uint32_t s = 1; s < b->n_scopes; s++)
		if (!(b->scopes[s].label = tl_arena_strdup(&b->mem, scopes[s].label)))
			return false;
	return b->scopes;
}

tl_var tl__call(tl_tape *t, tl_body *body, const tl_var *in, uint32_t draws)
{
	call_params p = {body, body->serial};
	tl_var v = tl_apply(t, &tl__op_call, (int)body->n_inputs, in, &p, sizeof p);
	tl_node *node = tl__node(v);
	if (node)
		node->draw = draws;
	body->called = true;
	return v;
}

static tl_status call_infer(tl_infer *s)
{
	const call_params *p = s->params;
	s->out = p->body->nodes[p->body->result].value.shape;
	return TL_OK;
}

/* In place of its own nodes and scopes, which it has only while it records a gradient, the runner shows the body's. */
static tl_status run_body(tl_tape *runner, tl_body *b, const tl_call *c)
{
	tl_node *own = runner->nodes;
	tl_scope_entry *own_scopes = runner->scopes;
	uint32_t n_own = runner->n_nodes;
	for (uint32_t i = 1; i < b->n_nodes; i++)
		b->nodes[i].flags &= b->nodes[i].op == &tl_op_fill ? TL_NODE_READY : TL_NODE_ADJOINT;
	for (uint32_t k = 0; k < b->n_inputs; k++) {
		b->nodes[b->input[k]].value = *c->in[k];
		b->nodes[b->input[k]].flags |= TL_NODE_READY | TL_NODE_PINNED;
	}
	tl_node *result = &b->nodes[b->result];
	result->value.data = c->out->data;
	result->flags |= TL_NODE_PLACED;
	runner->nodes = b->nodes;
	runner->n_nodes = b->n_nodes;
	runner->scopes = b->scopes;
	runner->check = b->calls->owner->check;
	runner->infinite = b->calls->owner->infinite;
	runner->seed = c->seed;
	runner->step = c->stream >> 24;
	runner->draws_before = c->stream & 0xffffff;
	tl_status status = runner->executor->run(runner->executor_state, runner, 1, &b->result);
	if (status)
		tl_error_set(c->error, status, "%s", runner->error.text);
	else if (result->value.data != c->out->data)
		tl_tensor_copy(c->out, &result->value);
	runner->error = (tl_error){0};
	runner->nodes = own;
	runner->scopes = own_scopes;
	runner->n_nodes = n_own;
	return status;
}

/* A body may hold calls itself: they run on the runner's own runner. */
static tl_status call_kernel(const tl_call *call)
{
	const call_params *p = call->params;
	tl_calls *c = p->body->calls;
	while (c && c->busy)
		c = tl__calls(c->runner);
	if (!c)
		return tl_error_memory(call->error);
	c->busy = true;
	tl_status status = run_body(c->runner, p->body, call);
	tl_executor_stats stats;
	c->runner->executor->stats(c->runner->executor_state, &stats);
	c->computed += stats.computed;
	c->runner->executor->reset(c->runner->executor_state);
	c->busy = false;
	return status;
}

/* The runner gets the body's nodes and scopes as its own, to record behind them. */
static bool show(tl_tape *runner, const tl_body *b)
{
	tl_arena_clear(&runner->records);
	runner->n_nodes = 1;
	for (uint32_t i = 1; i < b->n_nodes; i++, runner->n_nodes++) {
		if (!tl__grow((void **)&runner->nodes, runner->n_nodes, &runner->cap_nodes, sizeof *runner->nodes, &runner->grown))
			return false;
		runner->nodes[i] = b->nodes[i];
	}
	for (runner->n_scopes = 0; runner->n_scopes < b->n_scopes; runner->n_scopes++) {
		if (!tl__grow((void **)&runner->scopes, runner->n_scopes, &runner->cap_scopes, sizeof *runner->scopes, &runner->grown))
			return false;
		runner->scopes[runner->n_scopes] = b->scopes[runner->n_scopes];
	}
	return true;
}

/* A place for a value to be given when the body runs. */
static tl_var slot(tl_tape *t, tl_tensor like)
{
	tl_var v = tl_apply(t, &tl_op_input, 0, NULL, NULL, 0);
	if (v.index)
		t->nodes[v.index].value = like;
	return v;
}

/* All that the runner has as a body; `more` inputs stand behind those of `from`. */
static tl_body *take(tl_calls *c, const tl_body *from, const uint32_t *more, uint32_t n_more, tl_var result)
{
	tl_tape *t = c->runner;
	tl_body *b = tl__body_new(c, t->n_nodes);
	bool fine = b && tl__body_set_scopes(b, t->n_scopes, t->scopes);
	for (uint32_t i = 1; fine && i < t->n_nodes; i++)
		fine = tl__body_add(b, &t->nodes[i]);
	if (!fine) {
		tl__body_free(b);
		return NULL;
	}
	memcpy(b->input, from->input, from->n_inputs * sizeof *b->input);
	memcpy(b->input + from->n_inputs, more, n_more * sizeof *more);
	b->n_inputs = from->n_inputs + n_more;
	b->result = result.index;
	return b;
}

/* Records the adjoints of the inputs that need one, given that of the result, and lays them out flat. */
static tl_body *record_gradient(tl_calls *c, tl_body *b, const unsigned char *need)
{
	tl_tape *t = c->runner;
	if (!show(t, b))
		return NULL;
	tl_var *d = tl_tape_alloc(t, b->n_inputs * sizeof *d), dy = slot(t, b->nodes[b->result].value);
	int n = 0;
	for (uint32_t k = 0; d && k < b->n_inputs; k++)
		if (need[k])
			d[n++] = tl__var(t, b->input[k]);
	if (!d || tl_grad_from(tl__var(t, b->result), dy, n, d, d))
		return NULL;
	tl_var flat = tl__flat(t, n, d);
	return tl_tape_status(t) ? NULL : take(c, b, &dy.index, 1, flat);
}

/* Recorded once, and kept with the body. */
static tl_body *gradient_of(tl_tape *t, tl_calls *c, tl_body *b, const unsigned char *need)
{
	for (tl_body *g = b->gradients; g; g = g->next)
		if (!memcmp(g->need, need, b->n_inputs))
			return g;
	tl_body *g = record_gradient(c, b, need);
	if (g && !(g->need = copy(&g->mem, need, b->n_inputs))) {
		tl__body_free(g);
		g = NULL;
	}
	tl_error *why = &c->runner->error;
	if (g) {
		g->next = b->gradients;
		b->gradients = g;
	} else if (why->status) {
		tl_tape_fail(t, why->status, "%s", why->text);
	} else {
		tl_error_memory(&t->error);
	}
	*why = (tl_error){0};
	return g;
}

static void call_gradients(const tl_adjoint *a, const unsigned char *need, tl_var *d)
{
	tl_tape *t = a->out.tape;
	const call_params *p = a->params;
	tl_body *b = p->body;
	tl_var *in = tl_tape_alloc(t, ((size_t)a->n_in + 1) * sizeof *in);
	tl_body *g = in ? gradient_of(t, tl__calls(t), b, need) : NULL;
	if (!g)
		return;
	memcpy(in, a->in, (size_t)a->n_in * sizeof *in);
	in[a->n_in] = a->dout;
	tl_var all = tl__call(t, g, in, tl__node(a->out)->draw);
	int64_t offset = 0;
	for (int k = 0; k < a->n_in; k++)
		if (need[k]) {
			d[k] = tl__flat_part(all, offset, tl_var_shape(a->in[k]));
			offset += tl_shape_size(tl_var_shape(a->in[k]));
		}
}

const tl_body *tl__call_body(const tl_node *node)
{
	const call_params *p = node->op == &tl__op_call ? node->params : NULL;
	return p ? p->body : NULL;
}

const tl_op tl__op_call = {
	.name = "checkpoint",
	.arity = TL_VARIADIC,
	.flags = TL_OP_OWN_TYPES | TL_OP_ALONE,
	.infer = call_infer,
	.kernel = call_kernel,
	.gradients = call_gradients,
};
