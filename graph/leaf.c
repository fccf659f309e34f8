/* SPDX-License-Identifier: Apache-2.0 */
/* Leaves: nodes whose value is given. Their shape comes with the value, so they bypass the shape rule. */
#include "graph/leaf.h"

#include <math.h>
#include <string.h>

#include "graph/check_run.h"

const tl_op tl_op_input = {
	.name = "input", .flags = TL_OP_LEAF | TL_OP_STOP, .no_gradient = "an input has no operands"};
const tl_op tl_op_param = {
	.name = "param", .flags = TL_OP_LEAF | TL_OP_STOP, .no_gradient = "a parameter has no operands"};
const tl_op tl_op_fill = {
	.name = "fill", .flags = TL_OP_LEAF | TL_OP_STOP, .no_gradient = "a constant has no operands"};

static tl_var leaf(tl_tape *t, const tl_op *op, const tl_tensor *value, const void *params, size_t size)
{
	tl_var v = tl_apply(t, op, 0, NULL, params, size);
	tl_node *node = tl__node(v);
	if (node) {
		node->value = *value;
		node->flags |= TL_NODE_READY | TL_NODE_PINNED;
	}
	return v;
}

static tl_var bad_shape(tl_tape *t, const char *who, tl_shape shape)
{
	char text[TL_SHAPE_TEXT];
	return tl_tape_fail(t, TL_ERR_SHAPE, "%s: %s is no valid shape", who, tl_shape_text(shape, text));
}

static tl_var copied(tl_tape *t, tl_dtype dtype, tl_shape shape, const void *data)
{
	if (!tl_shape_valid(shape))
		return bad_shape(t, "input", shape);
	if (!data && tl_shape_size(shape) > 0)
		return tl_tape_fail(t, TL_ERR_ARGUMENT, "input: there are no data");
	size_t bytes = (size_t)tl_shape_size(shape) * tl_dtype_size(dtype);
	void *copy = tl_arena_alloc(&t->records, bytes);
	if (!copy) {
		tl_error_memory(&t->error);
		return tl__var(t, 0);
	}
	if (bytes)
		memcpy(copy, data, bytes);
	tl_tensor value = tl_tensor_dense(dtype, shape, copy);
	if (t->check)
		tl__check_leaf(t, &value);
	return leaf(t, &tl_op_input, &value, NULL, 0);
}

tl_var tl_input(tl_tape *t, tl_shape shape, const tl_real *data)
{
	return copied(t, TL_REAL, shape, data);
}

tl_var tl_index(tl_tape *t, tl_shape shape, const int32_t *data)
{
	return copied(t, TL_I32, shape, data);
}

tl_var tl_borrow(tl_tape *t, const tl_tensor *tensor)
{
	if (!tl_shape_valid(tensor->shape))
		return bad_shape(t, "borrow", tensor->shape);
	tl_tensor value = *tensor;
	if (tl_shape_size(value.shape) == 0) /* NULL is fine here, but kernels take it for a failed allocation */
		value = tl_tensor_dense(value.dtype, value.shape, t);
	if (t->check)
		tl__check_leaf(t, &value);
	return leaf(t, &tl_op_input, &value, NULL, 0);
}

tl_var tl_fill(tl_tape *t, tl_shape shape, double value)
{
	if (!tl_shape_valid(shape))
		return bad_shape(t, "fill", shape);
	tl_real *one = tl_arena_alloc_small(&t->records, sizeof *one);
	if (!one) {
		tl_error_memory(&t->error);
		return tl__var(t, 0);
	}
	*one = (tl_real)value;
	t->infinite |= isinf(value) != 0;
	tl_tensor tensor = {.dtype = TL_REAL, .shape = shape, .data = one};
	return leaf(t, &tl_op_fill, &tensor, &value, sizeof value);
}

tl_var tl_use(tl_tape *t, tl_param *param)
{
	if (!t)
		return (tl_var){0};
	for (uint32_t i = t->n_used; i-- > 0;)
		if (t->used[i].param == param)
			return tl__var(t, t->used[i].node);
	if (!tl__grow((void **)&t->used, t->n_used, &t->cap_used, sizeof *t->used, &t->grown)) {
		tl_error_memory(&t->error);
		return tl__var(t, 0);
	}
	tl_var v = leaf(t, &tl_op_param, &param->value, NULL, 0);
	if (v.index) {
		t->used[t->n_used++] = (tl_used_param){param, v.index};
		tl_name(v, param->name);
		t->nodes[v.index].scope = 0;
	}
	return v;
}
