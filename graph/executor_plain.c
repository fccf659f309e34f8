/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plain executor: what is needed is marked from the newest wanted node backwards, then computed
 * forwards, each node by its own kernel into memory of its own.
 *
 * Dropping adjoints: `uses` counts the marked readers of each node in this run. When the last reader of
 * an adjoint has been computed, its buffer goes to a list of buffers of that size and serves the next
 * node of that size. A view reads its operand for as long as it lives itself. Pinned nodes (asked for,
 * or behind a pinned view) stay.
 */
#include "graph/executor.h"
#include "graph/call.h"
#include "graph/check_run.h"
#include "graph/profile_run.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A buffer that waits for reuse; the record lies in the buffer itself. */
typedef struct spare {
	struct spare *next;
} spare;

typedef struct shelf {
	size_t bytes;
	spare *first;
} shelf;

typedef struct plain {
	tl_arena values;
	tl_arena scratch; /* for one kernel */
	uint32_t *uses;   /* readers of node i that are not computed yet; all 0 between runs */
	unsigned char *need;
	uint32_t cap;     /* of the two arrays */
	shelf *shelves;   /* one for each size */
	uint32_t n_shelves, cap_shelves;
	uint64_t grown, computed;
} plain;

static void *plain_create(tl_tape *tape)
{
	(void)tape;
	plain *p = calloc(1, sizeof *p);
	if (p) {
		tl_arena_init(&p->values, 0);
		tl_arena_init(&p->scratch, 0);
	}
	return p;
}

static void plain_reset(void *state)
{
	plain *p = state;
	tl_arena_clear(&p->values);
	p->n_shelves = 0;
	p->computed = 0;
}

static void plain_destroy(void *state)
{
	plain *p = state;
	tl_arena_release(&p->values);
	tl_arena_release(&p->scratch);
	free(p->shelves);
	free(p->uses);
	free(p->need);
	free(p);
}

static void plain_stats(const void *state, tl_executor_stats *stats)
{
	const plain *p = state;
	*stats = (tl_executor_stats){
		.computed = p->computed,
		.allocations = p->grown + p->values.grown + p->scratch.grown,
		.bytes = p->values.total + p->scratch.total + p->cap_shelves * sizeof *p->shelves +
			 p->cap * (sizeof *p->uses + sizeof *p->need),
	};
}

static size_t buffer_bytes(const tl_tensor *t)
{
	size_t bytes = (size_t)tl_shape_size(t->shape) * tl_dtype_size(t->dtype);
	return (bytes + TL_ALIGN - 1) / TL_ALIGN * TL_ALIGN + (bytes ? 0 : TL_ALIGN);
}

static shelf *find_shelf(plain *p, size_t bytes)
{
	for (uint32_t i = 0; i < p->n_shelves; i++)
		if (p->shelves[i].bytes == bytes)
			return &p->shelves[i];
	return NULL;
}

static void *take_buffer(plain *p, size_t bytes)
{
	shelf *s = find_shelf(p, bytes);
	if (!s || !s->first)
		return tl_arena_alloc(&p->values, bytes);
	spare *b = s->first;
	s->first = b->next;
	return b;
}

/* Without memory for the shelf the buffer just waits for the reset. */
static void give_buffer(plain *p, void *data, size_t bytes)
{
	shelf *s = find_shelf(p, bytes);
	if (!s) {
		if (!tl__grow((void **)&p->shelves, p->n_shelves, &p->cap_shelves, sizeof *p->shelves, &p->grown))
			return;
		s = &p->shelves[p->n_shelves++];
		*s = (shelf){.bytes = bytes};
	}
	spare *b = data;
	b->next = s->first;
	s->first = b;
}

static void drop_use(plain *p, tl_tape *t, uint32_t i)
{
	for (;;) {
		tl_node *node = &t->nodes[i];
		if (!(node->flags & TL_NODE_ADJOINT) || node->flags & TL_NODE_PINNED)
			return;
		assert(p->uses[i] > 0);
		if (--p->uses[i] > 0)
			return;
		node->flags &= ~(unsigned)TL_NODE_READY;
		if (!(node->flags & TL_NODE_VIEW)) {
			give_buffer(p, node->value.data, buffer_bytes(&node->value));
			return;
		}
		node->flags &= ~(unsigned)TL_NODE_VIEW;
		i = node->in[0];
	}
}

static tl_status run_kernel(plain *p, tl_tape *t, tl_node *node, const tl_tensor *const *in)
{
	tl_error err;
	tl_call call = {
		.params = node->params,
		.n_in = (int)node->n_in,
		.in = in,
		.out = &node->value,
		.pool = t->pool,
		.seed = t->seed,
		.stream = tl__stream(t, node),
		.scratch = &p->scratch,
		.error = &err,
	};
	tl_status status = TL_OK;
	int64_t begin = t->profile ? tl__now() : 0;
	tl_error_clear(&err);
	if (node->op->map)
		tl__map(node->op->map, node->params, &node->value, in, (int)node->n_in, t->pool);
	else
		status = node->op->kernel(&call);
	if (t->profile)
		tl__profile_node(t, node, begin);
	tl_arena_clear(&p->scratch);
	p->computed++;
	if (status == TL_ERR_VALUE && node->op == &tl__op_call)
		tl__check_call(t, node);
	if (status)
		tl__fail_op(t, status, node->op, (int)node->n_in, node->in, node->scope, err.text);
	return status;
}

static void tell(const tl_tape *t, uint32_t i)
{
	if (t->witness)
		t->witness->see(t->witness->context, t, i);
}

static tl_status compute(plain *p, tl_tape *t, uint32_t i)
{
	tl_node *node = &t->nodes[i];
	const tl_tensor *few[8], **in = few;
	if (node->n_in > 8) {
		in = tl_arena_alloc_small(&p->scratch, node->n_in * sizeof *in);
		if (!in)
			return tl_error_memory(&t->error);
	}
	for (uint32_t k = 0; k < node->n_in; k++)
		in[k] = &t->nodes[node->in[k]].value;
	if (node->op->view && node->op->view(node->params, in[0], &node->value)) {
		node->flags |= TL_NODE_READY | TL_NODE_VIEW;
		tell(t, i);
		for (uint32_t k = 1; k < node->n_in; k++)
			drop_use(p, t, node->in[k]);
		return TL_OK;
	}
	size_t bytes = buffer_bytes(&node->value);
	void *data = take_buffer(p, bytes);
	if (!data)
		return tl_error_memory(&t->error);
	node->value = tl_tensor_dense(node->value.dtype, node->value.shape, data);
	tl_status status = run_kernel(p, t, node, in);
	if (status)
		return status;
	node->flags |= TL_NODE_READY;
	if (t->check && tl__check_node(t, i))
		return t->error.status;
	tell(t, i);
	for (uint32_t k = 0; k < node->n_in; k++)
		drop_use(p, t, node->in[k]);
	return TL_OK;
}

/* Room for nodes up to `top`; new entries are 0. */
static bool make_room(plain *p, uint32_t top)
{
	if (top < p->cap)
		return true;
	uint32_t cap = p->cap ? p->cap : 1024;
	while (cap <= top && cap <= UINT32_MAX / 2)
		cap *= 2;
	uint32_t *uses = realloc(p->uses, cap * sizeof *uses);
	if (uses)
		p->uses = uses;
	unsigned char *need = uses ? realloc(p->need, cap) : NULL;
	if (!need || cap <= top)
		return false;
	p->need = need;
	memset(p->uses + p->cap, 0, (cap - p->cap) * sizeof *uses);
	memset(p->need + p->cap, 0, cap - p->cap);
	p->cap = cap;
	p->grown += 2;
	return true;
}

/*
 * Marks what must be computed, from `top` down to the lowest such node, which is returned. `pending`
 * counts marked nodes below i, so a read of something recent does not walk the whole tape.
 */
static uint32_t mark_needed(plain *p, tl_tape *t, uint32_t top, uint32_t pending)
{
	uint32_t i = top;
	for (;; i--) {
		tl_node *node = &t->nodes[i];
		if (!p->need[i])
			continue;
		bool stays = node->flags & TL_NODE_PINNED || !(node->flags & TL_NODE_ADJOINT);
		if (node->op->view && stays)
			t->nodes[node->in[0]].flags |= TL_NODE_PINNED;
		for (uint32_t k = 0; k < node->n_in; k++) {
			uint32_t operand = node->in[k];
			if (t->nodes[operand].flags & TL_NODE_READY)
				continue;
			p->uses[operand]++;
			pending += !p->need[operand];
			p->need[operand] = 1;
		}
		if (--pending == 0)
			return i;
	}
}

static tl_status plain_run(void *state, tl_tape *t, int n, const uint32_t *want)
{
	plain *p = state;
	uint32_t top = 0, pending = 0;
	for (int k = 0; k < n; k++) {
		t->nodes[want[k]].flags |= TL_NODE_PINNED;
		if (!(t->nodes[want[k]].flags & TL_NODE_READY) && want[k] > top)
			top = want[k];
	}
	if (top == 0)
		return TL_OK;
	if (!make_room(p, top))
		return tl_error_memory(&t->error);
	for (int k = 0; k < n; k++)
		if (!(t->nodes[want[k]].flags & TL_NODE_READY) && !p->need[want[k]]) {
			p->need[want[k]] = 1;
			pending++;
		}
	tl_phase before = tl_profile_enter(t, TL_PHASE_RUN);
	if (t->profile)
		tl__profile_learn_labels(t->profile, t);
	uint32_t low = mark_needed(p, t, top, pending);
	tl_status status = TL_OK;
	for (uint32_t i = low; i <= top && !status; i++)
		if (p->need[i])
			status = compute(p, t, i);
	memset(p->uses + low, 0, (top - low + 1) * sizeof *p->uses);
	memset(p->need + low, 0, top - low + 1);
	tl_profile_enter(t, before);
	return status;
}

const tl_executor tl_executor_plain = {
	.name = "plain",
	.create = plain_create,
	.run = plain_run,
	.reset = plain_reset,
	.destroy = plain_destroy,
	.stats = plain_stats,
};
