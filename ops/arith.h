/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic, element by element. Operands broadcast together as NumPy's do. */
#ifndef TL_OPS_ARITH_H
#define TL_OPS_ARITH_H

#include "graph/algebra.h" /* tl_add */

TL_API tl_var tl_sub(tl_var a, tl_var b);
TL_API tl_var tl_mul(tl_var a, tl_var b);
TL_API tl_var tl_div(tl_var a, tl_var b);
TL_API tl_var tl_neg(tl_var x);
TL_API tl_var tl_scale(tl_var x, double factor); /* factor * x */
TL_API tl_var tl_shift(tl_var x, double offset); /* x + offset */
/* a + t (b - a): a where t = 0, b where t = 1. */
TL_API tl_var tl_lerp(tl_var a, tl_var b, tl_var t);

extern TL_API const tl_op tl_op_sub, tl_op_mul, tl_op_div, tl_op_neg, tl_op_scale, tl_op_shift, tl_op_lerp;
/* For the gradient of lerp: a (1 - b), a (b - c). */
extern TL_API const tl_op tl_op_mul_rest, tl_op_mul_diff;

#endif
