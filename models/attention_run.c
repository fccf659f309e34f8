/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an attention records. One step is elementwise work over (S, B, columns), which stays in the cache; with
 * all queries at hand, dot products and contexts are products of (T, D) (D, S) and (T, S) (S, D_v) for each row
 * and head, (B N) of them.
 */
#include <inttypes.h>
#include <math.h>

#include "models/attention.h"
#include "models/mask.h"
#include "ops/activation.h"
#include "ops/arith.h"
#include "ops/layout.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/select.h"
#include "ops/softmax.h"

/*
 * Each head's columns of x (..., N D) times its own D rows of w, from row `first` of every `stride` on, plus b:
 * (..., N A). b may be {0}.
 */
static tl_var product(tl_var x, tl_param *param, int heads, int64_t first, int64_t stride, tl_var b)
{
	tl_var w = tl_use(x.tape, param);
	int64_t rows = tl_dim(x, -1) / heads;
	if (heads == 1) {
		if (rows < tl_dim(w, 0))
			w = tl_slice(w, 0, first, first + rows, 1);
		return b.tape ? tl_linear(x, w, b) : tl_matmul(x, w);
	}
	tl_var *part = tl_tape_alloc(x.tape, (size_t)heads * sizeof *part);
	for (int k = 0; part && k < heads; k++) {
		tl_var own = tl_slice(w, 0, k * stride + first, k * stride + first + rows, 1);
		part[k] = tl_matmul(tl_part(x, -1, k, heads), own);
	}
	tl_var y = part ? tl_concat(heads, part, -1) : (tl_var){x.tape, 0, x.generation};
	return b.tape ? tl_add(y, b) : y;
}

static bool is_dot(const tl_attention *a)
{
	return a->options.score <= TL_SCORE_GENERAL;
}

/* Keys as the score needs them: a dot product's other side, or what stands in the tanh. */
static tl_var score_keys(const tl_attention *a, tl_var k)
{
	const tl_attention_options *o = &a->options;
	if (o->project)
		k = tl_dense_run(&a->to_key, k);
	int64_t rows = tl_dim(k, -1) / o->heads;
	if (a->w_key)
		return product(k, a->w_key, o->heads, 0, rows, (tl_var){0});
	return a->w ? product(k, a->w, o->heads, 0, a->w->value.shape.dim[0] / o->heads, (tl_var){0}) : k;
}

/* Queries likewise: (..., Q) -> (..., N D). */
static tl_var score_queries(const tl_attention *a, tl_var q)
{
	const tl_attention_options *o = &a->options;
	if (o->project)
		q = tl_dense_run(&a->to_query, q);
	int64_t rows = tl_dim(q, -1) / o->heads;
	if (o->score == TL_SCORE_SCALED_DOT)
		return tl_scale(q, 1 / sqrt((double)rows));
	if (is_dot(a))
		return q;
	tl_var b = tl_use(q.tape, a->b);
	if (a->w_query)
		return product(q, a->w_query, o->heads, 0, rows, b);
	int64_t stride = a->w->value.shape.dim[0] / o->heads;
	return product(q, a->w, o->heads, stride - rows, stride, b);
}

/* v . tanh(keys + queries), for each head: (..., N). */
static tl_var additive_scores(const tl_attention *a, tl_var keys, tl_var queries)
{
	return product(tl_tanh(tl_add(keys, queries)), a->v, a->options.heads, 0, a->options.hidden, (tl_var){0});
}

/* (..., N D) as (..., N, D) */
static tl_var by_heads(tl_var x, int heads)
{
	tl_shape s = tl_var_shape(x);
	s.dim[s.axes] = s.dim[s.axes - 1] / heads;
	s.dim[s.axes - 1] = heads;
	s.axes++;
	return tl_reshape(x, s);
}

static tl_var from_heads(tl_var x)
{
	tl_shape s = tl_var_shape(x);
	s.dim[s.axes - 2] *= s.dim[s.axes - 1];
	s.dim[--s.axes] = 0;
	return tl_reshape(x, s);
}

static tl_var failed(tl_var v)
{
	return (tl_var){v.tape, 0, v.generation};
}

static bool refuse(tl_var v, const char *what, const char *should, int64_t size)
{
	char is[TL_SHAPE_TEXT];
	if (!tl_ok(v))
		tl_detach(v); /* reports why */
	else
		tl_tape_fail(v.tape, TL_ERR_SHAPE,
			"attention: %s have shape %s, %s is needed, the last size %" PRId64, what,
			tl_shape_text(tl_var_shape(v), is), should, size);
	return false;
}

static bool check_vectors(tl_var v, const char *what, int axes, int64_t size)
{
	tl_shape s = tl_var_shape(v);
	bool fine = tl_ok(v) && s.axes == axes && s.dim[axes - 1] == size && s.dim[0] > 0;
	return fine || refuse(v, what, axes == 3 ? "(time, B, size)" : "(B, size)", size);
}

/* Reports an attention that is not there. */
static bool exists(const tl_attention *a, tl_var v)
{
	if (!a && v.tape)
		tl_tape_fail(v.tape, TL_ERR_ARGUMENT,
			"attention: there is none: tl_attention_new returned NULL, and its error says why");
	return a && v.tape;
}

static bool check_source(const tl_attention *a, tl_var keys, tl_var values)
{
	if (!exists(a, keys) || !check_vectors(keys, "keys", 3, a->options.key) ||
		!check_vectors(values, "values", 3, a->options.value))
		return false;
	if (tl_dim(keys, 0) == tl_dim(values, 0) && tl_dim(keys, 1) == tl_dim(values, 1))
		return true;
	tl_tape_fail(keys.tape, TL_ERR_SHAPE,
		"attention: there are keys for %" PRId64 " places of %" PRId64 " rows, values for %" PRId64
		" of %" PRId64,
		tl_dim(keys, 0), tl_dim(keys, 1), tl_dim(values, 0), tl_dim(values, 1));
	return false;
}

static tl_var number(tl_tape *tape, double x)
{
	return tl_fill(tape, TL_SCALAR, x);
}

/* Keys and values are clean. */
static tl_attention_memory prepare(const tl_attention *a, tl_var keys, tl_var values, tl_var mask)
{
	tl_attention_memory m = {.mask = mask};
	m.keys = score_keys(a, keys);
	m.values = a->options.project ? tl_dense_run(&a->to_value, values) : values;
	if (mask.tape) {
		tl_var never = number(keys.tape, -INFINITY);
		m.bias = tl_where(mask, number(keys.tape, 0), never);
	}
	return m;
}

static bool same(tl_var a, tl_var b)
{
	return a.tape == b.tape && a.index == b.index && a.generation == b.generation;
}

tl_attention_memory tl_attention_prepare(
	const tl_attention *a, tl_var keys, tl_var values, const int64_t *lengths, tl_var mask)
{
	if (!check_source(a, keys, values))
		return (tl_attention_memory){.keys = failed(keys), .values = failed(keys)};
	int64_t steps = tl_dim(keys, 0), batch = tl_dim(keys, 1);
	if (mask.tape && !tl_shape_equal(tl_var_shape(mask), TL_SHAPE(steps, batch))) {
		refuse(mask, "the rows of a mask", "(S, B)", batch);
		return (tl_attention_memory){.keys = failed(keys), .values = failed(keys)};
	}
	if (mask.tape)
		mask = tl_unsqueeze(mask, 2);
	if (lengths) {
		tl_var within = tl_length_mask(keys.tape, steps, batch, lengths);
		mask = mask.tape ? tl_masked(mask, within) : within;
	}
	tl_var clean = tl_masked(keys, mask);
	return prepare(a, clean, same(keys, values) ? clean : tl_masked(values, mask), mask);
}

static tl_var finish(const tl_attention *a, tl_var context)
{
	return a->options.project ? tl_dense_run(&a->to_context, context) : context;
}

static bool check_query(const tl_attention *a, const tl_attention_memory *m, tl_var query, int axes)
{
	if (!exists(a, query) || !check_vectors(query, "queries", axes, a->options.query))
		return false;
	if (tl_ok(m->keys) && tl_dim(m->keys, 1) != tl_dim(query, -2)) {
		tl_tape_fail(query.tape, TL_ERR_SHAPE, "attention: queries have %" PRId64 " rows, keys %" PRId64,
			tl_dim(query, -2), tl_dim(m->keys, 1));
		return false;
	}
	return tl_ok(m->keys) || refuse(m->keys, "keys", "(S, B, K)", a->options.key);
}

tl_attention_result tl_attention_step(const tl_attention *a, const tl_attention_memory *m, tl_var query)
{
	if (!check_query(a, m, query, 2))
		return (tl_attention_result){failed(query), failed(query)};
	int heads = a->options.heads;
	tl_var q = score_queries(a, query), scores;
	if (!is_dot(a)) {
		scores = additive_scores(a, m->keys, q);
	} else if (heads == 1) {
		scores = tl_sum(tl_mul(m->keys, q), TL_AXES(-1), true);
	} else {
		q = by_heads(q, heads);
		scores = tl_sum(tl_mul(by_heads(m->keys, heads), q), TL_AXES(-1), false);
	}
	tl_var weights = tl_softmax(m->bias.tape ? tl_add(scores, m->bias) : scores, 0), context;
	if (heads == 1) {
		context = tl_sum(tl_mul(weights, m->values), TL_AXES(0), false);
	} else {
		tl_var values = by_heads(m->values, heads);
		context = from_heads(tl_sum(tl_mul(tl_unsqueeze(weights, -1), values), TL_AXES(0), false));
	}
	return (tl_attention_result){tl_name(finish(a, context), "context"), tl_name(weights, "weights")};
}

/* (T, B, N D) as B N matrices (T, D) */
static tl_var matrices(tl_var x, int heads)
{
	static const int first[] = {1, 0, 2};
	int64_t n = heads * tl_dim(x, 1);
	return tl_transpose(tl_reshape(x, TL_SHAPE(tl_dim(x, 0), n, tl_dim(x, 2) / heads)), first);
}

/* 0 where place s is at most t, else -inf: (T, S) */
static tl_var causal_bias(tl_tape *tape, int64_t steps, int64_t places)
{
	tl_shape shape = TL_SHAPE(steps, places);
	tl_real *bias = tl_shape_valid(shape) ? tl_tape_alloc(tape, (size_t)(steps * places) * sizeof *bias) : NULL;
	if (!bias)
		return tl_tape_fail(tape, TL_ERR_MEMORY, "attention: no memory for a causal mask");
	for (int64_t t = 0; t < steps; t++)
		for (int64_t s = 0; s < places; s++)
			bias[t * places + s] = s <= t ? 0 : (tl_real)-INFINITY;
	tl_tensor tensor = tl_tensor_dense(TL_REAL, shape, bias);
	return tl_borrow(tape, &tensor);
}

/* (B, N, T, S) */
static tl_var all_scores(const tl_attention *a, const tl_attention_memory *m, tl_var q)
{
	static const int rows_first[] = {2, 3, 0, 1};
	int heads = a->options.heads;
	if (!is_dot(a))
		return tl_transpose(additive_scores(a, m->keys, tl_unsqueeze(q, 1)), rows_first);
	tl_var keys = tl_t(matrices(m->keys, heads)), scores = tl_matmul(matrices(q, heads), keys);
	return tl_reshape(scores, TL_SHAPE(tl_dim(q, 1), heads, tl_dim(q, 0), tl_dim(m->keys, 0)));
}

tl_attention_result tl_attention_run(
	const tl_attention *a, const tl_attention_memory *m, tl_var queries, bool causal)
{
	static const int rows_first[] = {1, 2, 0}, time_first[] = {2, 0, 1, 3}, weights_back[] = {2, 3, 0, 1};
	if (!check_query(a, m, queries, 3))
		return (tl_attention_result){failed(queries), failed(queries)};
	int64_t steps = tl_dim(queries, 0), batch = tl_dim(queries, 1), places = tl_dim(m->keys, 0);
	int heads = a->options.heads;
	tl_var scores = all_scores(a, m, score_queries(a, queries));
	if (m->bias.tape)
		scores = tl_add(scores, tl_unsqueeze(tl_transpose(m->bias, rows_first), 1));
	if (causal)
		scores = tl_add(scores, causal_bias(queries.tape, steps, places));
	tl_var weights = tl_softmax(scores, -1), values = matrices(m->values, heads);
	tl_var all = tl_matmul(tl_reshape(weights, TL_SHAPE(batch * heads, steps, places)), values);
	all = tl_transpose(tl_reshape(all, TL_SHAPE(batch, heads, steps, tl_dim(all, 2))), time_first);
	all = finish(a, from_heads(all));
	return (tl_attention_result){tl_name(all, "context"), tl_name(tl_transpose(weights, weights_back), "weights")};
}

tl_attention_result tl_attention_self(const tl_attention *a, tl_var x, const int64_t *lengths, bool causal)
{
	if (!check_source(a, x, x) || !check_vectors(x, "queries", 3, a->options.query))
		return (tl_attention_result){failed(x), failed(x)};
	tl_var mask = {0};
	if (lengths)
		mask = tl_length_mask(x.tape, tl_dim(x, 0), tl_dim(x, 1), lengths);
	x = tl_masked(x, mask);
	tl_attention_memory m = prepare(a, x, x, mask);
	tl_attention_result r = tl_attention_run(a, &m, x, causal);
	r.context = tl_masked(r.context, mask);
	return r;
}
