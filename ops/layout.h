/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moving elements without changing them. Reshape (where strides allow), transpose, slice, split and
 * flip are views: no element is copied, forward or when a product reads them. Negative axes count from
 * the back. Elements may be real or int32 unless said otherwise.
 */
#ifndef TL_OPS_LAYOUT_H
#define TL_OPS_LAYOUT_H

#include "graph/tape.h"

/* The same elements in row-major order; one size may be -1 and is then computed. */
TL_API tl_var tl_reshape(tl_var x, tl_shape shape);
/* An axis of size 1 inserted before `axis` (0..axes, or negative from behind the last), or removed. */
TL_API tl_var tl_unsqueeze(tl_var x, int axis);
TL_API tl_var tl_squeeze(tl_var x, int axis);

/* Axis i of the result is axis order[i] of x; order has as many entries as x has axes. */
TL_API tl_var tl_transpose(tl_var x, const int *order);
/* The last two axes swapped. */
TL_API tl_var tl_t(tl_var x);

/*
 * Indices start, start + step, ... before stop along an axis. 0 <= start <= size; a stop above the size is
 * the size; step != 0; with a negative step, stop -1 goes down to index 0. No index counts from the back.
 */
TL_API tl_var tl_slice(tl_var x, int axis, int64_t start, int64_t stop, int64_t step);
/* One index along an axis, which disappears: x[t]; -1 is the last. */
TL_API tl_var tl_select(tl_var x, int axis, int64_t index);
/* Part k of `of` equal ones along an axis: tl_part(z, -1, 2, 4) is the third quarter of z's columns. */
TL_API tl_var tl_part(tl_var x, int axis, int k, int of);
/* All the parts at once: out[0..n). */
TL_API tl_status tl_split(tl_var x, int axis, int n, tl_var *out);
/* An axis in reverse order. */
TL_API tl_var tl_flip(tl_var x, int axis);

/* One behind the other along an axis; the other axes must agree. Reals only, as are those below. */
TL_API tl_var tl_concat(int n, const tl_var *v, int axis);
/* Along a new axis. */
TL_API tl_var tl_stack(int n, const tl_var *v, int axis);
/* `before` and `after` elements of `value` added along an axis. */
TL_API tl_var tl_pad(tl_var x, int axis, int64_t before, int64_t after, double value);

extern TL_API const tl_op tl_op_reshape, tl_op_transpose, tl_op_slice, tl_op_place, tl_op_concat, tl_op_pad;

#endif
