/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/op_util.h"

#include <stdlib.h>

tl_var tl__merge(int n, const tl_var *v, const void *params, size_t size)
{
	size_t total = 0;
	for (int i = 0; i < n; i++)
		total += (size_t)tl_var_operands(v[i]);
	tl_var *in = malloc(total * sizeof *in);
	if (!in)
		return (tl_var){0};
	int used = 0;
	for (int i = 0; i < n; i++)
		for (int k = 0; k < tl_var_operands(v[i]); k++)
			in[used++] = tl_var_operand(v[i], k);
	tl_var r = tl_apply(NULL, tl_var_op(v[0]), used, in, params, size);
	free(in);
	return r;
}

const void *tl__dense(const tl_call *c, const tl_tensor *t)
{
	if (tl_tensor_is_dense(t))
		return t->data;
	void *copy = tl_arena_alloc(c->scratch, (size_t)tl_shape_size(t->shape) * tl_dtype_size(t->dtype));
	if (copy) {
		tl_tensor to = tl_tensor_dense(t->dtype, t->shape, copy);
		tl_tensor_copy(&to, t);
	}
	return copy;
}
