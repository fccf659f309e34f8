/* SPDX-License-Identifier: Apache-2.0 */
/* The tape's life, and recording: every node is appended here. */
#include "graph/call.h"
#include "graph/node.h"
#include "graph/plan.h"
#include "graph/replay.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

bool tl__grow(void **array, uint32_t count, uint32_t *cap, size_t size, uint64_t *grown)
{
	if (count < *cap)
		return true;
	if (*cap > UINT32_MAX / 2)
		return false;
	uint32_t want = *cap ? *cap * 2 : 64;
	void *larger = realloc(*array, want * size);
	if (!larger)
		return false;
	*array = larger;
	*cap = want;
	++*grown;
	return true;
}

/* With threads of its own, or those of a pool that is lent. */
static tl_tape *make(tl_tape_options o, tl_pool *lent)
{
	tl_tape *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->seed = o.seed;
	t->check = o.check;
	t->executor = o.executor ? o.executor : &tl_executor_planned;
	t->plan = o.plan ? strdup(o.plan) : NULL;
	tl_arena_init(&t->records, 0);
	tl_arena_init(&t->scratch, 0);
	tl_arena_init(&t->segment.records, 0);
	t->segment.first = UINT32_MAX;
	t->pool_lent = lent;
	t->pool = lent ? lent : tl_pool_new(o.threads > 0 ? o.threads : tl_threads_default());
	if ((o.plan && !t->plan) || !t->pool || !tl__grow((void **)&t->nodes, 0, &t->cap_nodes, sizeof *t->nodes, &t->grown) ||
		!tl__grow((void **)&t->scopes, 0, &t->cap_scopes, sizeof *t->scopes, &t->grown) ||
		!(t->executor_state = t->executor->create(t))) {
		tl_tape_free(t);
		return NULL;
	}
	t->nodes[0] = (tl_node){0};
	t->scopes[0] = (tl_scope_entry){.index = -1};
	t->n_nodes = t->n_scopes = 1;
	t->generation = t->segment.generation = t->last_generation = 1;
	return t;
}

tl_tape *tl_tape_new(const tl_tape_options *options)
{
	return make(options ? *options : (tl_tape_options){0}, NULL);
}

static tl_tape_options options_of(const tl_tape *t)
{
	return (tl_tape_options){
		.threads = tl_tape_threads(t), .seed = t->seed, .executor = t->executor, .plan = t->plan};
}

tl_tape *tl_tape_like(const tl_tape *t)
{
	return make(options_of(t), NULL);
}

tl_tape *tl__tape_within(const tl_tape *t)
{
	tl_tape_options o = options_of(t);
	o.check = t->check;
	return make(o, t->pool);
}

void tl_tape_free(tl_tape *t)
{
	if (!t)
		return;
	if (t->executor_state)
		t->executor->destroy(t->executor_state);
	tl__calls_free(t->calls);
	tl__kept_free(t->kept);
	if (!t->pool_lent)
		tl_pool_free(t->pool);
	tl__replay_free(t->replay);
	tl_arena_release(&t->records);
	tl_arena_release(&t->scratch);
	tl_arena_release(&t->segment.records);
	free(t->plan);
	free(t->nodes);
	free(t->scopes);
	free(t->used);
	free(t);
}

void tl_tape_reset(tl_tape *t)
{
	tl_phase before = tl_profile_enter(t, TL_PHASE_RESET);
	t->executor->reset(t->executor_state);
	tl_arena_clear(&t->records);
	tl_arena_clear(&t->scratch);
	tl_arena_clear(&t->segment.records);
	tl__calls_reset(t->calls);
	tl__kept_reset(t->kept);
	t->n_nodes = t->n_scopes = 1;
	t->n_used = 0;
	t->scope = 0;
	t->draws = 0;
	t->cut = 0;
	t->infinite = false;
	t->generation = t->segment.generation = ++t->last_generation;
	t->segment.first = UINT32_MAX;
	t->step++;
	tl_error_clear(&t->error);
	tl_profile_enter(t, before);
}

const tl_error *tl_tape_error(const tl_tape *t)
{
	return &t->error;
}

tl_status tl_tape_status(const tl_tape *t)
{
	return t->error.status;
}

void tl_tape_set_step(tl_tape *t, uint64_t step)
{
	t->step = step;
}

int tl_tape_threads(const tl_tape *t)
{
	return tl_pool_threads(t->pool);
}

tl_pool *tl_tape_pool(const tl_tape *t)
{
	return t->pool;
}

tl_tape_stats tl_tape_get_stats(const tl_tape *t)
{
	tl_executor_stats e;
	t->executor->stats(t->executor_state, &e);
	tl_tape_stats stats = {
		.nodes = t->n_nodes - 1 + t->cut,
		.computed = e.computed,
		.allocations = e.allocations + t->grown + t->records.grown + t->scratch.grown + t->segment.records.grown +
			       tl__replay_allocations(t->replay),
		.bytes = e.bytes + t->records.total + t->scratch.total + t->segment.records.total +
			 t->cap_nodes * sizeof *t->nodes + t->cap_scopes * sizeof *t->scopes +
			 t->cap_used * sizeof *t->used + tl__replay_bytes(t->replay),
		.plan_hits = e.plan_hits,
		.plan_misses = e.plan_misses,
	};
	tl__calls_stats(t->calls, &stats);
	tl__kept_stats(t->kept, &stats);
	return stats;
}

void *tl_tape_alloc(tl_tape *t, size_t bytes)
{
	void *p = tl_arena_alloc_small(tl__records(t), bytes + !bytes);
	if (!p)
		tl_error_memory(&t->error);
	return p;
}

/* Only the types are checked here; shapes are the shape rule's. */
static tl_status check_types(const tl_op *op, tl_infer *s)
{
	int real = 0;
	while (real < s->n_in && s->in[real]->dtype == TL_REAL)
		real++;
	if ((real == s->n_in && !op->index_operands) || op->flags & TL_OP_OWN_TYPES)
		return TL_OK;
	for (int k = 0; k < s->n_in; k++) {
		bool index = op->index_operands >> k % 32 & 1;
		if (op->flags & TL_OP_ANY_TYPE && !index) {
			if (s->in[k]->dtype != s->in[0]->dtype)
				return tl_error_set(s->error, TL_ERR_TYPE, "operands 0 and %d differ in type, %s and %s",
					k, tl_dtype_name(s->in[0]->dtype), tl_dtype_name(s->in[k]->dtype));
		} else if ((s->in[k]->dtype == TL_I32) != index) {
			return tl_error_set(s->error, TL_ERR_TYPE, "operand %d must be %s, but it is %s", k,
				index ? "int32" : "real", tl_dtype_name(s->in[k]->dtype));
		}
	}
	return TL_OK;
}

static tl_status broadcast_all(tl_infer *s)
{
	s->out = s->n_in ? s->in[0]->shape : TL_SCALAR;
	for (int k = 1; k < s->n_in; k++)
		if (!tl_shape_broadcast(s->out, s->in[k]->shape, &s->out))
			return tl_error_set(s->error, TL_ERR_SHAPE, "shapes do not broadcast together");
	return TL_OK;
}

static tl_status infer(const tl_op *op, tl_infer *s)
{
	if (op->arity != TL_VARIADIC && op->arity != s->n_in)
		return tl_error_set(s->error, TL_ERR_ARGUMENT, "takes %d operands, got %d", op->arity, s->n_in);
	tl_status status = check_types(op, s);
	if (!status)
		status = op->infer ? op->infer(s) : broadcast_all(s);
	if (!status && !tl_shape_valid(s->out))
		status = tl_error_set(s->error, TL_ERR_SHAPE, "the result's shape is out of range");
	return status;
}

static tl_var out_of_memory(tl_tape *t)
{
	tl_error_memory(&t->error);
	return tl__var(t, 0);
}

#define FEW 8

tl_var tl_apply(tl_tape *t, const tl_op *op, int n, const tl_var *in, const void *params, size_t size)
{
	for (int k = 0; k < n && !t; k++)
		t = in[k].tape;
	if (!t)
		return (tl_var){0};
	for (int k = 0; k < n; k++) {
		if (in[k].tape != t || !tl__alive(in[k]))
			return tl__fail_var(t, op->name, in[k]);
		if (in[k].index == 0)
			return tl__var(t, 0);
	}
	const tl_tensor *few[FEW], **operands = few;
	tl_arena *records = tl__records(t);
	size_t list = ((size_t)n * sizeof(uint32_t) + 7) & ~(size_t)7;
	uint32_t *index = tl_arena_alloc_small(records, list + size); /* the operands, then the parameters */
	if (n > FEW)
		operands = tl_arena_alloc_small(records, (size_t)n * sizeof *operands);
	if (!index || !operands || !tl__grow((void **)&t->nodes, t->n_nodes, &t->cap_nodes, sizeof *t->nodes, &t->grown))
		return out_of_memory(t);
	void *copy = size ? (char *)index + list : NULL;
	if (size)
		memcpy(copy, params, size);
	for (int k = 0; k < n; k++) {
		index[k] = in[k].index;
		operands[k] = &t->nodes[in[k].index].value;
	}
	tl_error err;
	err.status = TL_OK;
	tl_infer s;
	s.params = copy;
	s.n_in = n;
	s.in = operands;
	s.out = TL_SCALAR;
	s.dtype = op->flags & TL_OP_ANY_TYPE && n ? operands[0]->dtype : TL_REAL;
	s.error = &err;
	if (infer(op, &s))
		return tl__fail_op(t, err.status, op, n, index, t->scope, err.text);
	tl_node *node = &t->nodes[t->n_nodes];
	node->op = op;
	node->params = copy;
	node->in = index;
	node->name = NULL;
	node->value.dtype = s.dtype;
	node->value.shape = s.out; /* strides and data follow with the value */
	node->shown = NULL;
	node->n_in = (uint32_t)n;
	node->params_size = (uint32_t)size;
	node->scope = t->scope;
	node->draw = op->flags & TL_OP_RANDOM ? t->draws++ : 0;
	node->flags = t->recording_adjoints ? TL_NODE_ADJOINT | t->role << TL_NODE_ROLE : 0;
	node->adjoint_of = t->recording_adjoints ? t->adjoint_of : 0;
	node->slot = 0;
	return tl__var(t, t->n_nodes++);
}
