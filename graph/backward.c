/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From adjoints to the gradients of parameters.
 *
 * Where the adjoint of a table is nothing but rows added to zeros (TL_OP_ROWS), the sum is never made as a
 * tensor of the table's shape: the rows and their indices are computed, and added to the gradient where they
 * belong, in the order of the op's operands. So the work is that of the rows, however large the table is.
 * Threads share the columns, so each element has one sum, in one order, however many threads there are.
 *
 * All that may fail is done before the first gradient is changed.
 */
#include "graph/grad.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/vector.h"
#include "graph/node.h"
#include "graph/touched.h"

#define GRAIN 131072 /* elements that are worth waking a thread for */
#define LINE ((int64_t)(TL_ALIGN / sizeof(tl_real)))

/* n rows of `width` elements for the rows index[i] of a parameter's gradient. */
typedef struct rows {
	tl_param *param;
	int64_t n, width;
	const int32_t *index;
	const tl_real *from;
} rows;

typedef struct sources {
	tl_tape *tape;
	int n; /* parameters */
	tl_param **param;
	tl_var *d; /* param[k] as a variable, then its adjoint */
	tl_var *want;
	int n_want;
	rows *rows;
	int n_rows;
} sources;

/* Is dL/dparam rows added to zeros, and the gradient memory to which they can be added? */
static bool by_rows(const sources *s, int k)
{
	const tl_node *node = tl__node(s->d[k]);
	return node->op->flags & TL_OP_ROWS && tl_tensor_is_dense(&s->param[k]->grad);
}

static tl_status find_params(sources *s)
{
	tl_tape *t = s->tape;
	size_t most = t->n_used + 1;
	s->d = tl_arena_alloc_small(&t->records, most * sizeof *s->d);
	s->param = tl_arena_alloc_small(&t->records, most * sizeof(tl_param *));
	if (!s->d || !s->param)
		return tl_error_memory(&t->error);
	for (uint32_t i = 0; i < t->n_used; i++)
		if (!t->used[i].param->frozen) {
			s->param[s->n] = t->used[i].param;
			s->d[s->n++] = tl__var(t, t->used[i].node);
		}
	return TL_OK;
}

/* What has to be computed: the adjoints, or the operands of those that are rows; and the loss. */
static tl_status find_wanted(sources *s, tl_var loss)
{
	size_t most = 1, pairs = 0;
	for (int k = 0; k < s->n; k++) {
		most += by_rows(s, k) ? tl__node(s->d[k])->n_in : 1;
		pairs += by_rows(s, k) ? tl__node(s->d[k])->n_in / 2 : 0;
	}
	s->want = tl_arena_alloc_small(&s->tape->records, most * sizeof *s->want);
	s->rows = tl_arena_alloc_small(&s->tape->records, (pairs + 1) * sizeof *s->rows);
	if (!s->want || !s->rows)
		return tl_error_memory(&s->tape->error);
	for (int k = 0; k < s->n; k++)
		if (by_rows(s, k))
			for (int i = 0; i < tl_var_operands(s->d[k]); i++)
				s->want[s->n_want++] = tl_var_operand(s->d[k], i);
		else
			s->want[s->n_want++] = s->d[k];
	s->want[s->n_want++] = loss;
	return TL_OK;
}

/* The elements one behind the other, copied where they are not; NULL where memory is out. */
static const void *dense(tl_tape *t, const tl_tensor *x)
{
	if (tl_tensor_is_dense(x))
		return x->data;
	size_t bytes = (size_t)tl_shape_size(x->shape) * tl_dtype_size(x->dtype);
	tl_tensor copy = tl_tensor_dense(x->dtype, x->shape, tl_arena_alloc(&t->scratch, bytes));
	if (copy.data)
		tl_tensor_copy(&copy, x);
	return copy.data;
}

static tl_status check_range(tl_tape *t, const tl_node *node, const rows *r, int64_t limit)
{
	char text[96];
	for (int64_t i = 0; i < r->n; i++)
		if (r->index[i] < 0 || r->index[i] >= limit) {
			snprintf(text, sizeof text, "index %" PRId32 " at position %" PRId64 " is outside 0..%" PRId64,
				r->index[i], i, limit - 1);
			tl__fail_op(t, TL_ERR_INDEX, node->op, (int)node->n_in, node->in, node->scope, text);
			return t->error.status;
		}
	return TL_OK;
}

/* The rows for one parameter; all values are ready. */
static tl_status take_rows(sources *s, int k)
{
	tl_tape *t = s->tape;
	const tl_node *node = tl__node(s->d[k]);
	int64_t limit = node->value.shape.dim[0], size = tl_shape_size(node->value.shape);
	for (uint32_t i = 0; i + 1 < node->n_in; i += 2) {
		const tl_tensor *index = &t->nodes[node->in[i]].value, *from = &t->nodes[node->in[i + 1]].value;
		rows *r = &s->rows[s->n_rows++];
		*r = (rows){.param = s->param[k],
			.n = tl_shape_size(index->shape),
			.width = limit ? size / limit : 0,
			.index = dense(t, index),
			.from = dense(t, from)};
		if (!r->index || !r->from)
			return tl_error_memory(&t->error);
		tl_status status = check_range(t, node, r, limit);
		if (status)
			return status;
	}
	return TL_OK;
}

TL_VECTOR static void add_columns(void *ctx, int64_t first, int64_t last)
{
	const rows *r = ctx;
	tl_real *grad = r->param->grad.data;
	for (int64_t i = 0; i < r->n; i++) {
		const tl_real *from = r->from + i * r->width;
		tl_real *to = grad + r->index[i] * r->width;
		TL_INDEPENDENT
		for (int64_t j = first; j < last; j++)
			to[j] += from[j];
	}
}

static void add_rows(tl_tape *t, rows *r)
{
	tl_param *p = r->param;
	tl__touched_start(p);
	if (p->stale)
		tl__touched_zero(p);
	p->stale = false;
	tl__touched_add(p, r->n, r->index);
	int64_t grain = GRAIN / (r->n + 1);
	tl_parallel(t->pool, r->width, grain > LINE ? grain : LINE, add_columns, r);
}

typedef struct addition {
	tl_tensor to, from;
	bool replace;
} addition;

static tl_tensor slice(const tl_tensor *t, int64_t first, int64_t last)
{
	tl_tensor s = *t;
	s.shape.dim[0] = last - first;
	s.data = (tl_real *)t->data + first * t->stride[0];
	return s;
}

static void add_slice(void *ctx, int64_t first, int64_t last)
{
	const addition *a = ctx;
	tl_tensor to = slice(&a->to, first, last), from = slice(&a->from, first, last);
	if (a->replace)
		tl_tensor_copy(&to, &from);
	else
		tl_tensor_add(&to, &from);
}

/* What counts as 0 is written, not cleared and added to. */
static void add_tensor(tl_tape *t, tl_param *p, const tl_tensor *d)
{
	addition a = {p->grad, *d, p->stale};
	p->stale = false;
	tl_param_touch(p);
	if (d->shape.axes == 0) { /* as a vector of one */
		a.to.shape = a.from.shape = TL_SHAPE(1);
		a.to.stride[0] = a.from.stride[0] = 1;
	}
	int64_t slices = a.to.shape.dim[0], size = tl_shape_size(a.to.shape);
	if (size > 0)
		tl_parallel(t->pool, slices, 1 + GRAIN / (size / slices), add_slice, &a);
}

static tl_status add_all(sources *s)
{
	tl_status status = TL_OK;
	for (int k = 0; k < s->n && !status; k++)
		if (by_rows(s, k))
			status = take_rows(s, k);
	for (int k = 0; k < s->n && !status; k++)
		if (!by_rows(s, k))
			add_tensor(s->tape, s->param[k], &tl__node(s->d[k])->value);
	for (int k = 0; k < s->n_rows && !status; k++)
		add_rows(s->tape, &s->rows[k]);
	return status;
}

tl_status tl_backward(tl_var loss)
{
	tl_status status = tl__check_scalar("backward", loss);
	if (status)
		return status;
	sources s = {.tape = loss.tape};
	status = find_params(&s);
	if (!status)
		status = tl_grad(loss, s.n, s.d, s.d);
	if (!status)
		status = find_wanted(&s, loss);
	if (!status)
		status = tl_eval(s.n_want, s.want);
	tl_mark mark = tl_arena_mark(&s.tape->scratch);
	tl_phase before = tl_profile_enter(s.tape, TL_PHASE_ADD);
	if (!status)
		status = add_all(&s);
	tl_profile_enter(s.tape, before);
	tl_arena_rewind(&s.tape->scratch, mark);
	return status;
}
