/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shapes of up to six axes, row-major, and NumPy's broadcasting: shapes are aligned at their last
 * axes; two axes fit if they are equal or one of them is 1. An axis may have size 0. A scalar has no
 * axes and one element.
 */
#ifndef TL_CORE_SHAPE_H
#define TL_CORE_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/real.h"

#define TL_MAX_AXES 6

typedef struct tl_shape {
	int64_t axes;             /* how many, 0 to TL_MAX_AXES; as wide as a size, so there is no padding */
	int64_t dim[TL_MAX_AXES]; /* sizes, outermost first; unused entries are 0 */
} tl_shape;

/* TL_SHAPE(T, B, H): a shape as an expression. TL_SCALAR: the shape of a scalar. */
#define TL_SHAPE(...)                                                                              \
	((tl_shape){(int64_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), {__VA_ARGS__}})
#define TL_SCALAR ((tl_shape){0, {0}})

/* False where axes or a size are out of range, or the number of bytes would not fit size_t. */
TL_API bool tl_shape_valid(tl_shape s);

/* Number of elements. */
static inline int64_t tl_shape_size(tl_shape s)
{
	int64_t n = 1;
	for (int64_t i = 0; i < s.axes; i++)
		n *= s.dim[i];
	return n;
}

static inline bool tl_shape_equal(tl_shape a, tl_shape b)
{
	bool equal = a.axes == b.axes;
	for (int64_t i = 0; i < a.axes && equal; i++)
		equal = a.dim[i] == b.dim[i];
	return equal;
}

/* The shape that a and b broadcast to; false where they do not fit. */
TL_API bool tl_shape_broadcast(tl_shape a, tl_shape b, tl_shape *out);

/* An axis counted from the front (0..axes-1) or from the back (-1 is the last) as 0..axes-1, or -1. */
TL_API int tl_shape_axis(tl_shape s, int axis);

/* Row-major strides in elements. */
TL_API void tl_shape_strides(tl_shape s, int64_t stride[TL_MAX_AXES]);

#define TL_SHAPE_TEXT 128
/* "(32, 256)"; returns buf. */
TL_API const char *tl_shape_text(tl_shape s, char buf[TL_SHAPE_TEXT]);

#endif
