/* SPDX-License-Identifier: Apache-2.0 */
/* A search's step as a function, for each number of rows. */
#include "models/seq2seq_search.h"

#include "ops/index.h"
#include "ops/softmax.h"

enum { SLOTS = 2 + TL__ARRAYS + TL_MAX_STATES };

/* A step of so many rows. Its inputs, in this order, as far as there are such: symbol, index, memory, states. */
typedef struct step_shape {
	const tl_seq2seq_search *s;
	int64_t rows;
	tl_slot slot[SLOTS];
	const void *data[SLOTS];
	int n;
} step_shape;

static void add_input(step_shape *p, tl_dtype dtype, tl_shape shape, const void *data)
{
	p->slot[p->n] = (tl_slot){dtype, shape};
	p->data[p->n++] = data;
}

static void list_inputs(step_shape *p)
{
	const tl_seq2seq_search *s = p->s;
	add_input(p, TL_I32, TL_SHAPE(p->rows), s->symbol);
	if (s->model->attention)
		add_input(p, TL_I32, TL_SHAPE(s->steps, p->rows), s->index);
	for (int k = 0; k < TL__ARRAYS && s->model->attention; k++)
		if (s->memory[k].data)
			add_input(p, TL_REAL, TL_SHAPE(s->steps * s->batch, s->memory[k].columns), s->memory[k].data);
	for (int k = 0; k < s->model->decoder->options.cell->states; k++)
		add_input(p, TL_REAL, s->state[k].shape, s->state[k].data);
}

/* An array of the memory, for each row that of its source: (S, rows, columns). */
static tl_var look_up(const tl_seq2seq_search *s, int k, const tl_var *index, const tl_var **in)
{
	return s->memory[k].data ? tl_gather(*(*in)++, *index) : (tl_var){0};
}

static void record_step(void *user, const tl_recording *r)
{
	const tl_seq2seq_search *s = ((const step_shape *)user)->s;
	tl_state state = {.n = s->model->decoder->options.cell->states};
	tl_seq2seq_memory m = {0};
	const tl_var *symbol = r->in, *in = r->in + 1;
	if (s->model->attention) {
		const tl_var *index = in++;
		m.attention.keys = look_up(s, TL__KEYS, index, &in);
		m.attention.values = look_up(s, TL__VALUES, index, &in);
		m.attention.bias = look_up(s, TL__BIAS, index, &in);
	}
	for (int k = 0; k < state.n; k++)
		state.v[k] = in[k];
	m.first = state;
	tl_seq2seq_result y = tl_seq2seq_step(s->model, &m, *symbol, state);
	r->out[0] = tl_log_softmax(y.logits, -1);
	for (int k = 0; k < state.n; k++)
		r->out[1 + k] = y.state.v[k];
	if (s->model->attention)
		r->out[1 + state.n] = y.weights;
}

/* The function for that many rows: log p, the states, and with attention its weights. */
static tl_function *find_step(tl_seq2seq_search *s, step_shape *p, tl_error *err)
{
	int64_t key[] = {s->steps, s->batch, p->rows, s->memory[TL__BIAS].data != NULL};
	tl_function *f = tl_function_cache_find(s->steps_of, 4, key);
	if (f)
		return f;
	tl_function_options o = {.record = record_step, .user = p, .inputs = p->n, .input = p->slot, .shared = true,
		.outputs = 1 + s->model->decoder->options.cell->states + (s->model->attention != NULL)};
	f = tl_function_new(s->tape, &o, err);
	if (f)
		tl_function_cache_add(s->steps_of, 4, key, f);
	return f;
}

tl_function *tl__seq2seq_compute(tl_seq2seq_search *s, int64_t all, tl_error *err)
{
	step_shape p = {.s = s, .rows = all};
	list_inputs(&p);
	tl_function *f = find_step(s, &p, err);
	if (f && tl_function_run(f, p.data)) {
		tl_error_set(err, tl_function_error(f)->status, "%s", tl_function_error(f)->text);
		return NULL;
	}
	return f;
}
