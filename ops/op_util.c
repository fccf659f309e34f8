/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/op_util.h"

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
