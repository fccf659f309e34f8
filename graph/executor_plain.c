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
#include "graph/node.h"

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
	free(p);
}

static void plain_stats(const void *state, uint64_t *computed, uint64_t *allocations, size_t *bytes)
{
	const plain *p = state;
	*computed = p->computed;
	*allocations = p->grown + p->values.grown + p->scratch.grown;
	*bytes = p->values.total + p->scratch.total + p->cap_shelves * sizeof *p->shelves;
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

static void drop_use(plain *p, tl_tape *t, uint32_t *uses, uint32_t i)
{
	for (;;) {
		tl_node *node = &t->nodes[i];
		assert(uses[i] > 0);
		if (--uses[i] > 0 || !(node->flags & TL_NODE_ADJOINT) || node->flags & TL_NODE_PINNED)
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
	tl_error err = {0};
	tl_call call = {
		.params = node->params,
		.n_in = (int)node->n_in,
		.in = in,
		.out = &node->value,
		.threads = t->threads,
		.seed = t->seed,
		.stream = t->step << 24 | node->draw,
		.scratch = &p->scratch,
		.error = &err,
	};
	tl_status status = TL_OK;
	if (node->op->map)
		tl__map(node->op->map, node->params, &node->value, in, (int)node->n_in, t->threads);
	else
		status = node->op->kernel(&call);
	tl_arena_clear(&p->scratch);
	p->computed++;
	if (status)
		tl__fail_op(t, status, node->op, (int)node->n_in, node->in, node->scope, err.text);
	return status;
}

static tl_status compute(plain *p, tl_tape *t, uint32_t *uses, uint32_t i)
{
	tl_node *node = &t->nodes[i];
	const tl_tensor *few[8], **in = few;
	if (node->n_in > 8) {
		in = tl_arena_alloc_small(&t->scratch, node->n_in * sizeof *in);
		if (!in)
			return tl_error_memory(&t->error);
	}
	for (uint32_t k = 0; k < node->n_in; k++)
		in[k] = &t->nodes[node->in[k]].value;
	if (node->op->view && node->op->view(node->params, in[0], &node->value)) {
		node->flags |= TL_NODE_READY | TL_NODE_VIEW;
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
	for (uint32_t k = 0; k < node->n_in; k++)
		drop_use(p, t, uses, node->in[k]);
	return TL_OK;
}

static tl_status plain_run(void *state, tl_tape *t, int n, const uint32_t *want)
{
	plain *p = state;
	uint32_t top = 0;
	for (int k = 0; k < n; k++) {
		t->nodes[want[k]].flags |= TL_NODE_PINNED;
		if (!(t->nodes[want[k]].flags & TL_NODE_READY) && want[k] > top)
			top = want[k];
	}
	if (top == 0)
		return TL_OK;
	tl_arena_clear(&t->scratch);
	uint32_t *uses = tl_arena_alloc(&t->scratch, (top + 1) * sizeof *uses);
	unsigned char *need = tl_arena_alloc(&t->scratch, top + 1);
	if (!uses || !need)
		return tl_error_memory(&t->error);
	memset(uses, 0, (top + 1) * sizeof *uses);
	memset(need, 0, top + 1);
	for (int k = 0; k < n; k++)
		if (want[k] <= top)
			need[want[k]] = 1;
	uint32_t low = top;
	for (uint32_t i = top; i > 0; i--) {
		tl_node *node = &t->nodes[i];
		if (!need[i] || node->flags & TL_NODE_READY)
			continue;
		low = i;
		for (uint32_t k = 0; k < node->n_in; k++) {
			need[node->in[k]] = 1;
			uses[node->in[k]]++;
		}
		bool stays = node->flags & TL_NODE_PINNED || !(node->flags & TL_NODE_ADJOINT);
		if (node->op->view && stays)
			t->nodes[node->in[0]].flags |= TL_NODE_PINNED;
	}
	for (uint32_t i = low; i <= top; i++) {
		if (!need[i] || t->nodes[i].flags & TL_NODE_READY)
			continue;
		tl_status status = compute(p, t, uses, i);
		if (status)
			return status;
	}
	return TL_OK;
}

const tl_executor tl_executor_plain = {
	.name = "plain",
	.create = plain_create,
	.run = plain_run,
	.reset = plain_reset,
	.destroy = plain_destroy,
	.stats = plain_stats,
};
