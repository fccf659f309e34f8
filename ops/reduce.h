/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reductions over axes: tl_sum(x, TL_AXES(0, -1), false). With `keep`, reduced axes stay with size 1, so
 * the result broadcasts against x; else they disappear. Negative axes count from the back; an axis that x
 * lacks or that is named twice is TL_ERR_ARGUMENT. No axes at all: x itself, element by element.
 */
#ifndef TL_OPS_REDUCE_H
#define TL_OPS_REDUCE_H

#include "graph/algebra.h" /* tl_sum_to */

typedef struct tl_axes {
	int n;
	int axis[TL_MAX_AXES];
} tl_axes;

#define TL_AXES(...) ((tl_axes){(int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), {__VA_ARGS__}})
#define TL_ALL_AXES ((tl_axes){-1, {0}})

TL_API tl_var tl_sum(tl_var x, tl_axes axes, bool keep);
TL_API tl_var tl_mean(tl_var x, tl_axes axes, bool keep); /* NaN over no elements */
/* Over all axes, a scalar. */
TL_API tl_var tl_sum_all(tl_var x);
TL_API tl_var tl_mean_all(tl_var x);

/*
 * The greatest and the least; NaN where there is one. Equal ones share the gradient equally. An axis
 * without elements is TL_ERR_SHAPE.
 */
TL_API tl_var tl_max(tl_var x, tl_axes axes, bool keep);
TL_API tl_var tl_min(tl_var x, tl_axes axes, bool keep);

/*
 * Where the greatest is along an axis, which disappears: int32, the first of equal ones, the first NaN
 * where there is one. No gradient flows through. An axis without elements is TL_ERR_SHAPE.
 */
TL_API tl_var tl_argmax(tl_var x, int axis);

/*
 * log(sum(exp(x))), without overflow. A row of nothing but -inf, or without elements, gives -inf, and its
 * gradient is 0.
 */
TL_API tl_var tl_logsumexp(tl_var x, tl_axes axes, bool keep);

extern TL_API const tl_op tl_op_max, tl_op_min, tl_op_argmax, tl_op_logsumexp;

#endif
