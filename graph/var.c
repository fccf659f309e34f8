/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at variables and reading their values. */
#include "graph/node.h"

#include <inttypes.h>

bool tl_ok(tl_var v)
{
	return tl__node(v) != NULL;
}

tl_shape tl_var_shape(tl_var v)
{
	const tl_node *node = tl__node(v);
	return node ? node->value.shape : TL_SCALAR;
}

tl_dtype tl_var_dtype(tl_var v)
{
	const tl_node *node = tl__node(v);
	return node ? node->value.dtype : TL_REAL;
}

int64_t tl_dim(tl_var v, int axis)
{
	tl_shape s = tl_var_shape(v);
	axis = tl_shape_axis(s, axis);
	return axis < 0 ? 0 : s.dim[axis];
}

const tl_op *tl_var_op(tl_var v)
{
	const tl_node *node = tl__node(v);
	return node ? node->op : NULL;
}

const void *tl_var_params(tl_var v)
{
	const tl_node *node = tl__node(v);
	return node ? node->params : NULL;
}

int tl_var_operands(tl_var v)
{
	const tl_node *node = tl__node(v);
	return node ? (int)node->n_in : 0;
}

tl_var tl_var_operand(tl_var v, int k)
{
	const tl_node *node = tl__node(v);
	if (!node || k < 0 || k >= (int)node->n_in)
		return (tl_var){0};
	return tl__var(v.tape, node->in[k]);
}

const char *tl_var_name(tl_var v)
{
	const tl_node *node = tl__node(v);
	return node ? node->name : NULL;
}

tl_status tl_eval(int n, const tl_var *v)
{
	if (n <= 0)
		return TL_OK;
	tl_tape *t = v[0].tape;
	if (!t)
		return TL_ERR_STALE;
	uint32_t few[16], *want = few;
	if (n > 16 && !(want = tl_arena_alloc_small(&t->records, (size_t)n * sizeof *want)))
		return tl_error_memory(&t->error);
	for (int k = 0; k < n; k++) {
		if (v[k].tape != t || !tl__alive(v[k]))
			tl__fail_var(t, "eval", v[k]);
		want[k] = v[k].index;
	}
	if (t->error.status)
		return t->error.status;
	t->runs++;
	return t->executor->run(t->executor_state, t, n, want);
}

const tl_tensor *tl_value(tl_var v)
{
	if (tl_eval(1, &v))
		return NULL;
	tl_node *node = &v.tape->nodes[v.index];
	if (!node->shown) { /* nodes move as recording goes on */
		tl_tensor *copy = tl_arena_alloc_small(&v.tape->records, sizeof *copy);
		if (!copy) {
			tl_error_memory(&v.tape->error);
			return NULL;
		}
		*copy = node->value;
		node->shown = copy;
	}
	return node->shown;
}

static tl_status read_out(tl_var v, tl_dtype dtype, void *to, int64_t n)
{
	const tl_tensor *value = tl_value(v);
	if (!value)
		return v.tape ? v.tape->error.status : TL_ERR_STALE;
	char text[TL_SHAPE_TEXT];
	if (value->dtype != dtype)
		return tl_error_set(&v.tape->error, TL_ERR_TYPE, "read: the variable holds %s",
			tl_dtype_name(value->dtype));
	if (tl_shape_size(value->shape) != n)
		return tl_error_set(&v.tape->error, TL_ERR_SHAPE,
			"read: %" PRId64 " elements wanted of a variable of shape %s", n,
			tl_shape_text(value->shape, text));
	tl_tensor dense = tl_tensor_dense(dtype, value->shape, to);
	tl_tensor_copy(&dense, value);
	return TL_OK;
}

tl_status tl_read(tl_var v, tl_real *to, int64_t n)
{
	return read_out(v, TL_REAL, to, n);
}

tl_status tl_read_index(tl_var v, int32_t *to, int64_t n)
{
	return read_out(v, TL_I32, to, n);
}
