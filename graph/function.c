/* SPDX-License-Identifier: Apache-2.0 */
/* Making a function: recording, what is refused, memory. */
#include "graph/function_parts.h"

#include <stdlib.h>
#include <string.h>

#include "graph/kept.h"
#include "graph/plan.h"

#define CHUNK ((size_t)1 << 14) /* bytes: a step is small, and functions may be many */

static void *array(tl_function *f, size_t count, size_t size, tl_error *err)
{
	size_t bytes = (count + 1) * size;
	void *p = tl_arena_alloc(&f->mem, bytes);
	if (p)
		memset(p, 0, bytes);
	else
		tl_error_memory(err);
	return p;
}

static tl_status check_slots(const char *what, int n, const tl_slot *slot, tl_error *err)
{
	char text[TL_SHAPE_TEXT];
	if (n < 0 || (n > 0 && !slot))
		return tl_error_set(err, TL_ERR_ARGUMENT, "function: %d %ss, which are not described", n, what);
	for (int k = 0; k < n; k++) {
		if (!tl_shape_valid(slot[k].shape))
			return tl_error_set(err, TL_ERR_SHAPE, "function: %s %d: %s is no valid shape", what, k,
				tl_shape_text(slot[k].shape, text));
		if (slot[k].dtype != TL_REAL && slot[k].dtype != TL_I32)
			return tl_error_set(err, TL_ERR_TYPE, "function: %s %d is neither real nor int32", what, k);
	}
	return TL_OK;
}

static tl_status check_options(const tl_function_options *o, tl_error *err)
{
	if (!o->record)
		return tl_error_set(err, TL_ERR_ARGUMENT, "function: there is nothing to record");
	if (o->outputs < 0)
		return tl_error_set(err, TL_ERR_ARGUMENT, "function: %d outputs", o->outputs);
	if (o->outputs == 0 && o->states == 0)
		return tl_error_set(err, TL_ERR_ARGUMENT, "function: it has neither outputs nor states: nothing to compute");
	if (o->shared && o->states > 0)
		return tl_error_set(err, TL_ERR_ARGUMENT, "function: one with states cannot share its memory");
	return check_slots("input", o->inputs, o->input, err) ? err->status
							      : check_slots("state", o->states, o->state, err);
}

static size_t slot_bytes(const tl_slot *s)
{
	return (size_t)tl_shape_size(s->shape) * tl_dtype_size(s->dtype);
}

/* Zeros for the largest of the leaves, should the recording look at their values before that is refused. */
static void *zeros(const tl_function_options *o)
{
	size_t most = 1;
	for (int k = 0; k < o->inputs; k++)
		most = slot_bytes(&o->input[k]) > most ? slot_bytes(&o->input[k]) : most;
	for (int k = 0; k < o->states; k++)
		most = slot_bytes(&o->state[k]) > most ? slot_bytes(&o->state[k]) : most;
	return calloc(most, 1);
}

static tl_var leaf(tl_tape *t, const tl_slot *s, void *data)
{
	tl_tensor value = tl_tensor_dense(s->dtype, s->shape, data);
	return tl_borrow(t, &value);
}

/* Until the first run. */
static void unbind(tl_function *f, uint32_t node)
{
	tl_tensor *value = &f->tape->nodes[node].value;
	if (tl_shape_size(value->shape) > 0)
		value->data = NULL;
}

/* What the recording set must be a live variable of its tape. */
static tl_status check_set(const tl_function *f, const char *what, int k, tl_var v, tl_error *err)
{
	if (!v.tape)
		return tl_error_set(err, TL_ERR_ARGUMENT, "function: the recording did not set %s %d", what, k);
	if (v.tape != f->tape || !tl__alive(v))
		return tl_error_set(err, TL_ERR_STALE,
			"function: %s %d is no variable of the recording's tape, or it was recorded before a reset", what, k);
	return TL_OK;
}

static tl_status check_state(const tl_slot *slot, int k, tl_var next, tl_error *err)
{
	char was[TL_SHAPE_TEXT], is[TL_SHAPE_TEXT];
	if (tl_var_dtype(next) == slot->dtype && tl_shape_equal(tl_var_shape(next), slot->shape))
		return TL_OK;
	return tl_error_set(err, TL_ERR_SHAPE, "function: state %d is %s %s, the next one %s %s", k,
		tl_dtype_name(slot->dtype), tl_shape_text(slot->shape, was), tl_dtype_name(tl_var_dtype(next)),
		tl_shape_text(tl_var_shape(next), is));
}

static tl_status take_results(tl_function *f, const tl_function_options *o, const tl_recording *r, tl_error *err)
{
	for (int k = 0; k < f->outputs; k++) {
		if (check_set(f, "output", k, r->out[k], err))
			return err->status;
		f->output[k] = f->want[f->wanted++] = r->out[k].index;
	}
	for (int k = 0; k < f->states; k++) {
		if (check_set(f, "next state", k, r->next[k], err) || check_state(&o->state[k], k, r->next[k], err))
			return err->status;
		f->state[k].next = f->want[f->wanted++] = r->next[k].index;
	}
	return TL_OK;
}

static tl_status record(tl_function *f, const tl_function_options *o, void *zero, tl_error *err)
{
	tl_var *in = array(f, (size_t)f->inputs, sizeof *in, err), *out = array(f, (size_t)f->outputs, sizeof *out, err);
	tl_var *state = array(f, (size_t)f->states, sizeof *state, err), *next = array(f, (size_t)f->states, sizeof *next, err);
	tl_recording r = {f->tape, in, state, out, next};
	if (!in || !out || !state || !next)
		return err->status;
	for (int k = 0; k < f->inputs; k++)
		f->input[k] = (in[k] = leaf(f->tape, &o->input[k], zero)).index;
	for (int k = 0; k < f->states; k++)
		f->state[k].node = (state[k] = leaf(f->tape, &o->state[k], zero)).index;
	uint64_t runs = f->tape->runs;
	uint32_t generation = f->tape->generation;
	o->record(o->user, &r);
	const tl_error *why = &f->tape->error;
	if (why->status)
		return tl_error_set(err, why->status, "%s", why->text);
	if (f->tape->runs != runs)
		return tl_error_set(err, TL_ERR_ARGUMENT,
			"function: the recording asked for a value (tl_eval, tl_read, tl_value or tl_backward), which would "
			"be that of no call");
	if (f->tape->generation != generation || f->tape->segment.first != UINT32_MAX)
		return tl_error_set(err, TL_ERR_ARGUMENT, "function: the recording %s",
			f->tape->generation != generation ? "reset its tape" : "did not end a checkpoint");
	return take_results(f, o, &r, err);
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

static tl_status place_state(tl_function *f, const tl_slot *slot, int k, tl_error *err)
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
		if (!(s->copy[i] = block(f, slot_bytes(slot), err)))
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

/* The plan, its memory, and all that running it takes. */
static tl_status prepare_plan(tl_function *f, tl_tape *lender, bool shared, tl_error *err)
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
		.bases = array(f, p->n_given + 1, sizeof *f->frame.bases, err),
		.buffers = (tl_real *)block(f, threads * p->buffers * TL_BLOCK * sizeof(tl_real), err),
		.buffers_each = p->buffers,
		.scratch = &f->scratch,
	};
	return f->frame.bases && f->frame.buffers ? TL_OK : err->status;
}

static tl_status make(tl_function *f, tl_tape *lender, const tl_function_options *o, void *zero, tl_error *err)
{
	size_t outputs = (size_t)f->outputs, states = (size_t)f->states;
	f->input = array(f, (size_t)f->inputs, sizeof *f->input, err);
	f->output = array(f, outputs, sizeof *f->output, err);
	f->want = array(f, outputs + states, sizeof *f->want, err);
	f->state = array(f, states, sizeof *f->state, err);
	if (!f->input || !f->output || !f->want || !f->state || record(f, o, zero, err))
		return err->status;
	if (f->tape->executor == &tl_executor_planned && prepare_plan(f, lender, o->shared, err))
		return err->status;
	for (int k = 0; k < f->inputs; k++)
		unbind(f, f->input[k]);
	for (int k = 0; k < f->states; k++) {
		unbind(f, f->state[k].node);
		if (place_state(f, &o->state[k], k, err))
			return err->status;
	}
	tl_function_clear(f);
	return TL_OK;
}

tl_function *tl_function_new(tl_tape *tape, const tl_function_options *o, tl_error *err)
{
	tl_error own = {0};
	if (check_options(o, &own)) {
		tl_error_set(err, own.status, "%s", own.text);
		return NULL;
	}
	tl_function *f = calloc(1, sizeof *f);
	void *zero = zeros(o);
	if (f) {
		tl_arena_init(&f->mem, CHUNK);
		tl_arena_init(&f->scratch, CHUNK);
		f->inputs = o->inputs;
		f->outputs = o->outputs;
		f->states = o->states;
		f->tape = tl__tape_within(tape);
	}
	if (f && f->tape)
		f->tape->records.chunk_bytes = f->tape->scratch.chunk_bytes = CHUNK;
	if (!f || !zero || !f->tape)
		tl_error_memory(&own);
	else
		make(f, tape, o, zero, &own);
	free(zero);
	if (!own.status)
		return f;
	tl_error_set(err, own.status, "%s", own.text);
	tl_function_free(f);
	return NULL;
}

void tl_function_free(tl_function *f)
{
	if (!f)
		return;
	tl_tape_free(f->tape);
	tl_arena_release(&f->mem);
	tl_arena_release(&f->scratch);
	free(f);
}
