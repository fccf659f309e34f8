/* SPDX-License-Identifier: Apache-2.0 */
/* Making a function: recording, and what is refused. */
#include "graph/function_parts.h"

#include <stdlib.h>
#include <string.h>

#include "graph/plan.h"

#define CHUNK ((size_t)1 << 14) /* bytes: a step is small, and functions may be many */

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

/* Zeros for the largest of the leaves, should the recording look at their values before that is refused. */
static void *zeros(const tl_function_options *o)
{
	size_t most = 1;
	for (int k = 0; k < o->inputs; k++)
		most = tl__slot_bytes(&o->input[k]) > most ? tl__slot_bytes(&o->input[k]) : most;
	for (int k = 0; k < o->states; k++)
		most = tl__slot_bytes(&o->state[k]) > most ? tl__slot_bytes(&o->state[k]) : most;
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
	tl_var *in = tl__function_array(f, (size_t)f->inputs, sizeof *in, err);
	tl_var *out = tl__function_array(f, (size_t)f->outputs, sizeof *out, err);
	tl_var *state = tl__function_array(f, (size_t)f->states, sizeof *state, err);
	tl_var *next = tl__function_array(f, (size_t)f->states, sizeof *next, err);
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

static tl_status make(tl_function *f, tl_tape *lender, const tl_function_options *o, void *zero, tl_error *err)
{
	size_t outputs = (size_t)f->outputs, states = (size_t)f->states;
	f->input = tl__function_array(f, (size_t)f->inputs, sizeof *f->input, err);
	f->output = tl__function_array(f, outputs, sizeof *f->output, err);
	f->want = tl__function_array(f, outputs + states, sizeof *f->want, err);
	f->state = tl__function_array(f, states, sizeof *f->state, err);
	if (!f->input || !f->output || !f->want || !f->state || record(f, o, zero, err))
		return err->status;
	if (f->tape->executor == &tl_executor_planned && tl__function_plan(f, lender, o->shared, err))
		return err->status;
	for (int k = 0; k < f->inputs; k++)
		unbind(f, f->input[k]);
	for (int k = 0; k < f->states; k++) {
		unbind(f, f->state[k].node);
		if (tl__function_place(f, &o->state[k], k, err))
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
