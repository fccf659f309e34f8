/* SPDX-License-Identifier: Apache-2.0 */
/* Running a function: what is given is bound, the plan runs, its results and the states are where they are. */
#include "graph/function_parts.h"

#include <inttypes.h>
#include <string.h>

#include "graph/leaf.h"

/* Leaves' values: inputs, states, and parameters, whose memory moves when others are added to their store. */
static tl_status bind(tl_function *f, const void *const *in)
{
	tl_node *nodes = f->tape->nodes;
	for (int k = 0; k < f->inputs; k++) {
		tl_tensor *value = &nodes[f->input[k]].value;
		if (tl_shape_size(value->shape) == 0)
			continue;
		if (!in || !in[k])
			return tl_error_set(&f->error, TL_ERR_ARGUMENT, "function: input %d has no data", k);
		value->data = (void *)(uintptr_t)in[k];
	}
	for (int k = 0; k < f->states; k++)
		if (tl_shape_size(f->state[k].value.shape) > 0)
			nodes[f->state[k].node].value.data = f->state[k].value.data;
	for (uint32_t k = 0; k < f->tape->n_used; k++)
		nodes[f->tape->used[k].node].value.data = f->tape->used[k].param->value.data;
	return TL_OK;
}

static tl_status run_plan(tl_function *f)
{
	const tl_plan *plan = f->plan;
	tl_node *nodes = f->tape->nodes;
	f->frame.bases[0] = f->shared ? f->shared->data : f->memory[f->turn];
	for (uint32_t k = 0; k < plan->n_given; k++)
		f->frame.bases[k + 1] = nodes[plan->given[k]].value.data;
	tl_status status = tl__run_plan(plan, &f->frame);
	for (uint32_t k = 0; k < plan->n_results; k++) {
		const tl_at *at = &plan->results[k].at;
		tl_tensor *value = &nodes[plan->results[k].node].value;
		*value = at->t;
		value->data = f->frame.bases[at->base] + tl__look_offset(&at->t);
	}
	return status;
}

/* The nodes as if they had just been recorded. */
static tl_status run_nodes(tl_function *f)
{
	tl_tape *t = f->tape;
	t->executor->reset(t->executor_state);
	for (uint32_t i = 1; i < t->n_nodes; i++)
		if (!(t->nodes[i].op->flags & TL_OP_LEAF))
			t->nodes[i].flags &= ~(uint32_t)(TL_NODE_READY | TL_NODE_PINNED | TL_NODE_VIEW);
	return t->executor->run(t->executor_state, t, f->wanted, f->want);
}

/* Copies go to places that nothing is copied from. */
static void keep_states(tl_function *f)
{
	for (int k = 0; k < f->states; k++) {
		tl__function_state *s = &f->state[k];
		const tl_tensor *next = &f->tape->nodes[s->next].value;
		if (!s->copy[0]) {
			s->value.data = next->data;
			continue;
		}
		s->value.data = s->copy[f->turn];
		tl_tensor_copy(&s->value, next);
	}
}

tl_status tl_function_run(tl_function *f, const void *const *in)
{
	tl_error_clear(&f->error);
	if (bind(f, in))
		return f->error.status;
	if (f->plan ? run_plan(f) : run_nodes(f)) {
		f->error = f->tape->error;
		tl_error_clear(&f->tape->error);
		return f->error.status;
	}
	keep_states(f);
	f->turn = !f->turn;
	f->ran = true;
	f->tape->step++;
	return TL_OK;
}

const tl_error *tl_function_error(const tl_function *f)
{
	return &f->error;
}

const tl_tensor *tl_function_output(const tl_function *f, int k)
{
	return k >= 0 && k < f->outputs && f->ran ? &f->tape->nodes[f->output[k]].value : NULL;
}

static tl_status read_out(tl_function *f, int k, tl_dtype dtype, void *to, int64_t n)
{
	const tl_tensor *value = tl_function_output(f, k);
	char text[TL_SHAPE_TEXT];
	tl_error_clear(&f->error);
	if (!f->ran)
		return tl_error_set(&f->error, TL_ERR_ARGUMENT, "function: it has not run yet");
	if (!value)
		return tl_error_set(&f->error, TL_ERR_ARGUMENT, "function: there is no output %d, it has %d", k, f->outputs);
	if (value->dtype != dtype)
		return tl_error_set(&f->error, TL_ERR_TYPE, "function: output %d holds %s", k, tl_dtype_name(value->dtype));
	if (tl_shape_size(value->shape) != n)
		return tl_error_set(&f->error, TL_ERR_SHAPE,
			"function: %" PRId64 " elements wanted of output %d, whose shape is %s", n, k,
			tl_shape_text(value->shape, text));
	tl_tensor dense = tl_tensor_dense(dtype, value->shape, to);
	tl_tensor_copy(&dense, value);
	return TL_OK;
}

tl_status tl_function_read(tl_function *f, int k, tl_real *to, int64_t n)
{
	return read_out(f, k, TL_REAL, to, n);
}

tl_status tl_function_read_index(tl_function *f, int k, int32_t *to, int64_t n)
{
	return read_out(f, k, TL_I32, to, n);
}

void *tl_function_state(tl_function *f, int k)
{
	return k >= 0 && k < f->states ? f->state[k].value.data : NULL;
}

tl_shape tl_function_state_shape(const tl_function *f, int k)
{
	return k >= 0 && k < f->states ? f->state[k].value.shape : TL_SCALAR;
}

void tl_function_clear(tl_function *f)
{
	for (int k = 0; k < f->states; k++) {
		const tl_tensor *v = &f->state[k].value;
		memset(v->data, 0, (size_t)tl_shape_size(v->shape) * tl_dtype_size(v->dtype));
	}
}

tl_tape_stats tl_function_get_stats(const tl_function *f)
{
	tl_tape_stats s = tl_tape_get_stats(f->tape);
	s.computed += f->frame.computed;
	s.allocations += f->mem.grown + f->scratch.grown;
	s.bytes += sizeof *f + f->mem.total + f->scratch.total;
	return s;
}
