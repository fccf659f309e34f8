/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tensor is a description of memory that somebody else owns: type, shape, strides, first element.
 * Strides count elements; they may be 0 (an axis that is repeated without being stored) or negative
 * (an axis read backwards), so slices, transposes, broadcasts and flips are tensors without a copy.
 */
#ifndef TL_CORE_TENSOR_H
#define TL_CORE_TENSOR_H

#include "core/shape.h"

typedef enum tl_dtype {
	TL_REAL, /* tl_real: float in the library that users get */
	TL_I32,  /* int32_t: indices and class labels; never differentiated */
} tl_dtype;

typedef struct tl_tensor {
	tl_dtype dtype;
	tl_shape shape;
	int64_t stride[TL_MAX_AXES]; /* in elements */
	void *data;                  /* the element with all indices 0 */
} tl_tensor;

TL_API size_t tl_dtype_size(tl_dtype dtype);
TL_API const char *tl_dtype_name(tl_dtype dtype);

/* A dense row-major tensor over data. */
TL_API tl_tensor tl_tensor_dense(tl_dtype dtype, tl_shape shape, void *data);
TL_API bool tl_tensor_is_dense(const tl_tensor *t);

/* The same memory seen through a larger shape (strides 0 where an axis is repeated); shapes must fit. */
TL_API tl_tensor tl_tensor_broadcast(const tl_tensor *t, tl_shape shape);

/*
 * The same elements in row-major order under another shape of equal size, without a copy; false where
 * the strides do not allow it.
 */
TL_API bool tl_tensor_reshape(const tl_tensor *t, tl_shape shape, tl_tensor *out);

/* Copy or add element by element in row-major order; equal shape and type, add only for TL_REAL. */
TL_API void tl_tensor_copy(const tl_tensor *to, const tl_tensor *from);
TL_API void tl_tensor_add(const tl_tensor *to, const tl_tensor *from);

#endif
