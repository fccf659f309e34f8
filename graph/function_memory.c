/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of a function: of its plan, its own or shared, and where states are. */
#include "graph/function_parts.h"

#include <stdlib.h>
#include <string.h>

#include "graph/kept.h"

void *tl__function_array(tl_function *f, size_t count, size_t size, tl_error *err)
{
	size_t bytes = (count + 1) * size;
	void *p = tl_arena_alloc(&f->mem, bytes);
	if (p)
		memset(p, 0, bytes);
	else
		tl_error_memory(err);
	return p;
}

static char *block(tl_function *f, size_t bytes, tl_error *err)
{
	char *p = tl_arena_alloc(&f->mem, bytes + !bytes);
	if (!p)
		tl_error_memory(err);
	return p;
}

/* The result that is state k's next value, if it lies dense in the plan's memory. */
static const tl_result *own_place(const tl_function *f, int k)
{
	for (uint32_t i = 0; i < f->plan->n_results; i++) {
		const tl_result *r = &f->plan->results[i];
		if (r->node == f->state[k].next)
			return r->at.base == 0 && tl_tensor_is_dense(&r->at.t) ? r : NULL;
	}
	return NULL;
}

static bool overlap(const tl_function *f, int i, int k)
{
	const tl_result *a = own_place(f, i), *b = own_place(f, k);
	if (!a || !b)
		return false;
	int64_t from = tl__look_offset(&a->at.t), other = tl__look_offset(&b->at.t);
	int64_t size = (int64_t)tl_dtype_size(a->at.t.dtype) * tl_shape_size(a->at.t.shape);
	int64_t other_size = (int64_t)tl_dtype_size(b->at.t.dtype) * tl_shape_size(b->at.t.shape);
	return from < other + other_size && other < from + size;
}

tl_status tl__function_place(tl_function *f, const tl_slot *slot, int k, tl_error *err)
{
	tl__function_state *s = &f->state[k];
	const tl_result *own = f->plan ? own_place(f, k) : NULL;
	for (int i = 0; i < k && own; i++)
		if (overlap(f, i, k))
			own = NULL;
	s->value = tl_tensor_dense(slot->dtype, slot->shape, NULL);
	if (own) {
		s->value.data = f->memory[!f->turn] + tl__look_offset(&own->at.t);
		return TL_OK;
	}
	for (int i = 0; i < 2; i++)
		if (!(s->copy[i] = block(f, tl__slot_bytes(slot), err)))
			return err->status;
	s->value.data = s->copy[!f->turn];
	return TL_OK;
}

static void *create_values(void)
{
	return calloc(1, sizeof(tl__shared_values));
}

static void destroy_values(void *it)
{
	tl__shared_values *v = it;
	free(v->data);
	free(v);
}

static void count_values(const void *it, uint64_t *allocations, size_t *bytes)
{
	const tl__shared_values *v = it;
	*allocations += 1 + v->grown;
	*bytes += sizeof *v + v->bytes;
}

static const tl_kept shared_values = {.create = create_values, .destroy = destroy_values, .stats = count_values};

/* The memory that the tape's functions share, made large enough. Nothing in it is needed between runs. */
static tl_status share_memory(tl_function *f, tl_tape *tape, size_t bytes, tl_error *err)
{
	tl__shared_values *v = tl_tape_keep(tape, &shared_values);
	if (v && v->bytes < bytes) {
		size_t size = (bytes + bytes / 4 + 4096) / 4096 * 4096;
		free(v->data);
		v->data = aligned_alloc(4096, size);
		v->bytes = v->data ? size : 0;
		v->grown++;
	}
	f->shared = v;
	return v && v->bytes >= bytes ? TL_OK : tl_error_memory(err);
}

static tl_status own_memory(tl_function *f, size_t bytes, tl_error *err)
{
	for (int i = 0; i < (f->states ? 2 : 1); i++)
		if (!(f->memory[i] = block(f, bytes, err)))
			return err->status;
	if (f->states == 0)
		f->memory[1] = f->memory[0];
	return TL_OK;
}

tl_status tl__function_plan(tl_function *f, tl_tape *lender, bool shared, tl_error *err)
{
	f->plan = tl__plan_of(f->tape, f->wanted, f->want);
	if (!f->plan)
		return tl_error_set(err, f->tape->error.status, "%s", f->tape->error.text);
	const tl_plan *p = f->plan;
	size_t threads = (size_t)tl_pool_threads(f->tape->pool);
	if (shared ? share_memory(f, lender, p->bytes, err) : own_memory(f, p->bytes, err))
		return err->status;
	f->frame = (tl_frame){
		.tape = f->tape,
		.pool = p->alone ? NULL : f->tape->pool,
		.bases = tl__function_array(f, p->n_given + 1, sizeof *f->frame.bases, err),
		.buffers = (tl_real *)block(f, threads * p->buffers * TL_BLOCK * sizeof(tl_real), err),
		.buffers_each = p->buffers,
		.scratch = &f->scratch,
	};
	return f->frame.bases && f->frame.buffers ? TL_OK : err->status;
}
