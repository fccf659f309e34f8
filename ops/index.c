/* SPDX-License-Identifier: Apache-2.0 */
/* Gather and its adjoint: dtable[index[i]] += dout[i]. Several gathers of one table scatter in one pass. */
#include "ops/index.h"

#include <inttypes.h>
#include <string.h>

#include "ops/op_util.h"

/* index's shape followed by table's without its first axis; false where that is too many axes. */
static bool rows_shape(tl_shape index, tl_shape table, tl_shape *out)
{
	if (table.axes < 1 || table.axes > TL_MAX_AXES || index.axes + table.axes - 1 > TL_MAX_AXES)
		return false;
	*out = index;
	for (int i = 1; i < table.axes; i++)
		out->dim[out->axes++] = table.dim[i];
	return true;
}

static tl_status check_index(const tl_call *c, const int32_t *index, int64_t n, int64_t limit)
{
	for (int64_t i = 0; i < n; i++)
		if (index[i] < 0 || index[i] >= limit)
			return tl_error_set(c->error, TL_ERR_INDEX,
				"index %" PRId32 " at position %" PRId64 " is outside 0..%" PRId64, index[i], i,
				limit - 1);
	return TL_OK;
}

static tl_status gather_infer(tl_infer *s)
{
	if (!rows_shape(s->in[1]->shape, s->in[0]->shape, &s->out))
		return tl_error_set(s->error, TL_ERR_SHAPE, "needs a table of at least one axis, at most %d in all",
			TL_MAX_AXES);
	return TL_OK;
}

static tl_status gather_kernel(const tl_call *c)
{
	const tl_tensor *table = c->in[0];
	int64_t n = tl_shape_size(c->in[1]->shape);
	int64_t row = n ? tl_shape_size(c->out->shape) / n : 0;
	const tl_real *from = tl__dense(c, table);
	const int32_t *index = tl__dense(c, c->in[1]);
	tl_real *to = c->out->data;
	if (!from || !index)
		return tl_error_memory(c->error);
	if (check_index(c, index, n, table->shape.dim[0]))
		return c->error->status;
	for (int64_t i = 0; i < n; i++)
		memcpy(to + i * row, from + index[i] * row, (size_t)row * sizeof *to);
	return TL_OK;
}

static tl_var gather_gradient(const tl_adjoint *a, int k)
{
	return tl_scatter_add(tl_var_shape(a->in[k]), a->in[1], a->dout);
}

const tl_op tl_op_gather = {
	.name = "gather",
	.arity = 2,
	.index_operands = 2,
	.infer = gather_infer,
	.kernel = gather_kernel,
	.gradient = gather_gradient,
	.samples =
		(tl_sample[]){
			{.n = 2, .in = {{2, {5, 3}}, {2, {2, 4}}}, .limit = 5},
			{.n = 2, .in = {{1, {5}}, {0}}, .limit = 5},
			{0},
		},
};

tl_var tl_gather(tl_var table, tl_var index)
{
	return tl__apply2(&tl_op_gather, table, index);
}

static tl_status scatter_infer(tl_infer *s)
{
	s->out = *(const tl_shape *)s->params;
	tl_shape want;
	char text[TL_SHAPE_TEXT];
	for (int k = 0; k + 1 < s->n_in; k += 2) {
		if (!rows_shape(s->in[k]->shape, s->out, &want))
			return tl_error_set(s->error, TL_ERR_SHAPE, "%s has no rows to add to",
				tl_shape_text(s->out, text));
		if (!tl_shape_equal(want, s->in[k + 1]->shape))
			return tl_error_set(s->error, TL_ERR_SHAPE, "the values must have shape %s",
				tl_shape_text(want, text));
	}
	return TL_OK;
}

/* to[index[i]] += from[i] for n rows of `row` elements. */
TL_VECTOR static void scatter_rows(
	int64_t n, const int32_t *index, int64_t row, const tl_real *from, tl_real *to)
{
	for (int64_t i = 0; i < n; i++) {
		TL_INDEPENDENT
		for (int64_t j = 0; j < row; j++)
			to[index[i] * row + j] += from[i * row + j];
	}
}

static tl_status scatter_kernel(const tl_call *c)
{
	tl_real *to = c->out->data;
	int64_t rows = c->out->shape.dim[0];
	int64_t size = tl_shape_size(c->out->shape), row = rows ? size / rows : 0;
	memset(to, 0, (size_t)size * sizeof *to);
	for (int k = 0; k + 1 < c->n_in; k += 2) {
		const int32_t *index = tl__dense(c, c->in[k]);
		const tl_real *from = tl__dense(c, c->in[k + 1]);
		int64_t n = tl_shape_size(c->in[k]->shape);
		if (!index || !from)
			return tl_error_memory(c->error);
		if (check_index(c, index, n, rows))
			return c->error->status;
		scatter_rows(n, index, row, from, to);
	}
	return TL_OK;
}

static tl_var scatter_gradient(const tl_adjoint *a, int k)
{
	return tl_gather(a->dout, a->in[k - 1]);
}

static tl_var scatter_sum(int n, const tl_var *v)
{
	tl_shape shape = tl_var_shape(v[0]);
	return tl__merge(n, v, &shape, sizeof shape);
}

const tl_op tl_op_scatter_add = {
	.name = "scatter_add",
	.arity = TL_VARIADIC,
	.flags = TL_OP_ROWS,
	.index_operands = 0x55555555,
	.infer = scatter_infer,
	.kernel = scatter_kernel,
	.gradient = scatter_gradient,
	.sum = scatter_sum,
	.samples =
		(tl_sample[]){
			{.n = 2, .in = {{2, {2, 4}}, {3, {2, 4, 3}}}, .limit = 5, .params = &TL_SHAPE(5, 3),
				.params_size = sizeof(tl_shape)},
			{.n = 4, .in = {{1, {2}}, {2, {2, 3}}, {0}, {1, {3}}}, .limit = 5, .params = &TL_SHAPE(5, 3),
				.params_size = sizeof(tl_shape)},
			{0},
		},
};

tl_var tl_scatter_add(tl_shape shape, tl_var index, tl_var values)
{
	return tl_apply(NULL, &tl_op_scatter_add, 2, (tl_var[]){index, values}, &shape, sizeof shape);
}

static tl_status one_hot_infer(tl_infer *s)
{
	int64_t classes = *(const int64_t *)s->params;
	s->out = s->in[0]->shape;
	if (classes < 1 || s->out.axes == TL_MAX_AXES)
		return tl_error_set(s->error, TL_ERR_ARGUMENT, "%" PRId64 " classes, an index of %" PRId64 " axes",
			classes, s->out.axes);
	s->out.dim[s->out.axes++] = classes;
	return TL_OK;
}

static tl_status one_hot_kernel(const tl_call *c)
{
	int64_t classes = *(const int64_t *)c->params, n = tl_shape_size(c->in[0]->shape);
	const int32_t *index = tl__dense(c, c->in[0]);
	tl_real *to = c->out->data;
	if (!index)
		return tl_error_memory(c->error);
	if (check_index(c, index, n, classes))
		return c->error->status;
	memset(to, 0, (size_t)(n * classes) * sizeof *to);
	for (int64_t i = 0; i < n; i++)
		to[i * classes + index[i]] = 1;
	return TL_OK;
}

const tl_op tl_op_one_hot = {
	.name = "one_hot",
	.arity = 1,
	.flags = TL_OP_STOP,
	.index_operands = 1,
	.infer = one_hot_infer,
	.kernel = one_hot_kernel,
	.no_gradient = "an index is no real number",
};

tl_var tl_one_hot(tl_var index, int64_t classes)
{
	return tl_apply(NULL, &tl_op_one_hot, 1, &index, &classes, sizeof classes);
}
