/* SPDX-License-Identifier: Apache-2.0 */
#include "models/seq2seq_search.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OWN_STEPS 16 /* numbers of rows that a search by itself keeps functions for */

void tl_seq2seq_search_free(tl_seq2seq_search *s)
{
	for (int k = 0; s && k < TL__ARRAYS; k++)
		free(s->memory[k].data);
	for (int k = 0; s && k < TL_MAX_STATES; k++) {
		free(s->state[k].data);
		free(s->next[k]);
	}
	if (s) {
		if (s->own_steps)
			tl_function_cache_free(s->steps_of);
		free(s->source_of);
		free(s->symbol);
		free(s->from);
		free(s->index);
		free(s->weights);
	}
	free(s);
}

/* At most one eighth more, and eight numbers from one power of two to the next. */
static int64_t round_rows(int64_t rows)
{
	int64_t unit = 1;
	while (rows > 16 * unit)
		unit *= 2;
	return (rows + unit - 1) / unit * unit;
}

static bool grow_reals(tl_real **p, int64_t n)
{
	tl_real *bigger = realloc(*p, (size_t)n * sizeof *bigger + 1);
	*p = bigger ? bigger : *p;
	return bigger;
}

static bool grow_indices(int32_t **p, int64_t n)
{
	int32_t *bigger = realloc(*p, (size_t)n * sizeof *bigger + 1);
	*p = bigger ? bigger : *p;
	return bigger;
}

/* Room for that many rows; states keep theirs. */
static tl_status reserve(tl_seq2seq_search *s, int64_t rows, tl_error *err)
{
	if (rows <= s->capacity)
		return TL_OK;
	bool fine = grow_indices(&s->source_of, rows) && grow_indices(&s->symbol, rows) &&
		    grow_indices(&s->from, rows) && grow_indices(&s->index, s->steps * rows);
	for (int k = 0; fine && k < s->model->decoder->options.cell->states; k++) {
		int64_t size = tl_shape_size(tl_rnn_state_shape(s->model->decoder, k, rows));
		tl_real *state = s->state[k].data;
		fine = grow_reals(&state, size) && grow_reals(&s->next[k], size);
		s->state[k].data = state;
	}
	if (!fine)
		return tl_error_memory(err);
	s->capacity = rows;
	return TL_OK;
}

static tl_status fail_as(const tl_tape *tape, tl_error *err)
{
	const tl_error *why = tl_tape_error(tape);
	return tl_error_set(err, why->status, "%s", why->text);
}

/* Copies a value into memory of our own. */
static tl_status keep(tl_var v, tl_real **to, tl_error *err)
{
	int64_t n = tl_shape_size(tl_var_shape(v));
	if (!grow_reals(to, n))
		return tl_error_memory(err);
	return tl_read(v, *to, n) ? fail_as(v.tape, err) : TL_OK;
}

static tl_status keep_array(tl_var v, tl__source_array *to, tl_error *err)
{
	if (!v.tape)
		return TL_OK;
	to->columns = tl_dim(v, -1);
	return keep(v, &to->data, err);
}

/* The value of state k for that many rows, (layers, rows, size). */
static tl_status keep_state(tl_seq2seq_search *s, int k, tl_var v, int64_t rows, tl_error *err)
{
	s->state[k] = tl_tensor_dense(TL_REAL, tl_rnn_state_shape(s->model->decoder, k, rows), s->state[k].data);
	return tl_read(v, s->state[k].data, tl_shape_size(s->state[k].shape)) ? fail_as(v.tape, err) : TL_OK;
}

static tl_status encode(tl_seq2seq_search *s, const int32_t *source, const int64_t *lengths, tl_error *err)
{
	tl_tape_reset(s->tape);
	tl_var x = tl_index(s->tape, TL_SHAPE(s->steps, s->batch), source);
	tl_seq2seq_memory m = tl_seq2seq_encode(s->model, x, lengths, false);
	if (tl_tape_status(s->tape))
		return fail_as(s->tape, err);
	if (keep_array(m.attention.keys, &s->memory[TL__KEYS], err) ||
		keep_array(m.attention.values, &s->memory[TL__VALUES], err) ||
		keep_array(m.attention.bias, &s->memory[TL__BIAS], err) || reserve(s, round_rows(s->batch), err))
		return err->status;
	for (int k = 0; k < m.first.n; k++)
		if (keep_state(s, k, m.first.v[k], s->batch, err))
			return err->status;
	for (int64_t b = 0; b < s->batch; b++)
		s->source_of[b] = (int32_t)b;
	s->rows = s->batch;
	return TL_OK;
}

tl_seq2seq_search *tl_seq2seq_search_new(const tl_seq2seq *model, tl_tape *tape, int64_t steps, int64_t batch,
	const int32_t *source, const int64_t *lengths, tl_error *err)
{
	if (!model || steps < 1 || batch < 1 || batch > INT32_MAX / steps) {
		tl_error_set(err, TL_ERR_ARGUMENT,
			"search: %" PRId64 " sources of %" PRId64
			" symbols and a model are needed: both positive, not too many",
			batch, steps);
		return NULL;
	}
	tl_seq2seq_search *s = calloc(1, sizeof *s);
	if (!s) {
		tl_error_memory(err);
		return NULL;
	}
	*s = (tl_seq2seq_search){.model = model, .tape = tape, .own_steps = true, .steps = steps, .batch = batch};
	s->steps_of = tl_function_cache_new(OWN_STEPS);
	if (!s->steps_of)
		tl_error_memory(err);
	if (!s->steps_of || encode(s, source, lengths, err)) {
		tl_seq2seq_search_free(s);
		return NULL;
	}
	return s;
}

void tl_seq2seq_search_use(tl_seq2seq_search *s, tl_function_cache *steps)
{
	if (s->own_steps)
		tl_function_cache_free(s->steps_of);
	s->own_steps = false;
	s->steps_of = steps;
}

/*
 * The states and sources of the new rows, `all` of them with those that fill up: these continue the first row with
 * its symbol.
 */
static void take_parents(
	tl_seq2seq_search *s, int64_t rows, int64_t all, const int32_t *parent, const int32_t *symbol)
{
	for (int64_t r = 0; r < all; r++) {
		s->from[r] = s->source_of[parent[r < rows ? r : 0]];
		s->symbol[r] = symbol[r < rows ? r : 0];
	}
	memcpy(s->source_of, s->from, (size_t)all * sizeof *s->from);
	for (int k = 0; k < s->model->decoder->options.cell->states; k++) {
		tl_tensor *old = &s->state[k];
		int64_t layers = old->shape.dim[0], had = old->shape.dim[1], size = old->shape.dim[2];
		for (int64_t j = 0; j < layers; j++)
			for (int64_t r = 0; r < all; r++)
				memcpy(s->next[k] + (j * all + r) * size,
					(tl_real *)old->data + (j * had + parent[r < rows ? r : 0]) * size,
					(size_t)size * sizeof(tl_real));
		tl_real *read = s->next[k];
		s->next[k] = old->data;
		*old = tl_tensor_dense(TL_REAL, TL_SHAPE(layers, all, size), read);
	}
	for (int64_t t = 0; t < s->steps; t++)
		for (int64_t r = 0; r < all; r++)
			s->index[t * all + r] = (int32_t)(t * s->batch + s->source_of[r]);
}

/* (S, rows, N) without the rows that fill up. */
static tl_status keep_weights(tl_seq2seq_search *s, const tl_tensor *weights, int64_t rows, tl_error *err)
{
	tl_tensor from = *weights;
	from.shape.dim[1] = rows;
	int64_t n = tl_shape_size(from.shape);
	if (n > s->weights_size && !grow_reals(&s->weights, n))
		return tl_error_memory(err);
	s->weights_size = n > s->weights_size ? n : s->weights_size;
	tl_tensor to = tl_tensor_dense(TL_REAL, from.shape, s->weights);
	tl_tensor_copy(&to, &from);
	return TL_OK;
}

static tl_status check_step(const tl_seq2seq_search *s, int64_t rows, const int32_t *parent, tl_error *err)
{
	if (rows < 1 || round_rows(rows) > INT32_MAX / s->steps)
		return tl_error_set(err, TL_ERR_ARGUMENT, "search: a step of %" PRId64 " rows", rows);
	for (int64_t r = 0; r < rows; r++)
		if (parent[r] < 0 || parent[r] >= s->rows)
			return tl_error_set(err, TL_ERR_ARGUMENT,
				"search: row %" PRId64 " continues row %" PRId32 ", the last step had %" PRId64, r,
				parent[r], s->rows);
	return TL_OK;
}

tl_status tl_seq2seq_search_step(
	void *user, int64_t rows, const int32_t *parent, const int32_t *symbol, tl_real *log_p, tl_error *err)
{
	tl_seq2seq_search *s = user;
	int64_t all = round_rows(rows);
	int states = s->model->decoder->options.cell->states;
	if (check_step(s, rows, parent, err) || reserve(s, all, err))
		return err->status;
	take_parents(s, rows, all, parent, symbol);
	tl_function *f = tl__seq2seq_compute(s, all, err);
	if (!f)
		return err->status;
	tl_tensor from = *tl_function_output(f, 0);
	from.shape.dim[0] = rows;
	tl_tensor to = tl_tensor_dense(TL_REAL, from.shape, log_p);
	tl_tensor_copy(&to, &from);
	for (int k = 0; k < states; k++)
		tl_tensor_copy(&s->state[k], tl_function_output(f, 1 + k));
	s->rows = rows;
	return s->model->attention ? keep_weights(s, tl_function_output(f, 1 + states), rows, err) : TL_OK;
}

const tl_real *tl_seq2seq_search_weights(const tl_seq2seq_search *s)
{
	return s->weights;
}

/* The likeliest symbol, or -1. */
static int32_t best_symbol(const tl_real *log_p, int64_t n, const tl_greedy_options *o)
{
	int64_t best = -1;
	for (int64_t k = 0; k < n; k++) {
		if (!isfinite(log_p[k]) || (best >= 0 && log_p[k] <= log_p[best]))
			continue;
		bool banned = k == o->bos && k != o->eos;
		for (int i = 0; i < o->n_banned; i++)
			banned = banned || o->banned[i] == k;
		best = banned ? best : k;
	}
	return (int32_t)best;
}

/* Rows that go on: where they stood in the last step, the symbol to continue with, the sentence. */
typedef struct live_rows {
	int64_t n;
	int32_t *parent, *symbol, *sentence;
} live_rows;

/* Takes a symbol for each row; those that end leave. */
static tl_status advance(live_rows *live, const tl_real *log_p, int64_t symbols, const tl_greedy_options *o,
	int32_t *out, int64_t *length, tl_error *err)
{
	int64_t n = 0;
	for (int64_t r = 0; r < live->n; r++) {
		int32_t b = live->sentence[r], k = best_symbol(log_p + r * symbols, symbols, o);
		if (k < 0)
			return tl_error_set(
				err, TL_ERR_VALUE, "greedy: no symbol has a finite log p, in row %" PRId32, b);
		if (k == o->eos)
			continue;
		out[b * o->limit + length[b]++] = k;
		live->parent[n] = (int32_t)r;
		live->symbol[n] = k;
		live->sentence[n++] = b;
	}
	live->n = n;
	return TL_OK;
}

tl_status tl_seq2seq_greedy(
	tl_seq2seq_search *s, const tl_greedy_options *o, int32_t *out, int64_t *length, tl_error *err)
{
	int64_t symbols = s->model->options.target_symbols;
	int32_t *rows = malloc((size_t)s->batch * 3 * sizeof *rows);
	tl_real *log_p = malloc((size_t)(s->batch * symbols) * sizeof *log_p);
	live_rows live = {s->batch, rows, rows + s->batch, rows + 2 * s->batch};
	tl_status status = rows && log_p ? TL_OK : tl_error_memory(err);
	for (int64_t b = 0; !status && b < s->batch; b++) {
		live.parent[b] = live.sentence[b] = (int32_t)b;
		live.symbol[b] = o->bos;
		length[b] = 0;
	}
	for (int64_t t = 0; !status && t < o->limit && live.n > 0; t++) {
		status = tl_seq2seq_search_step(s, live.n, live.parent, live.symbol, log_p, err);
		if (!status)
			status = advance(&live, log_p, symbols, o, out, length, err);
	}
	free(rows);
	free(log_p);
	return status;
}
