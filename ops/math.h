/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elementary functions, element by element. Outside a function's domain the result is what the C
 * function of that name gives: NaN, or an infinity at a pole.
 */
#ifndef TL_OPS_MATH_H
#define TL_OPS_MATH_H

#include "graph/tape.h"

TL_API tl_var tl_square(tl_var x);
TL_API tl_var tl_sqrt(tl_var x); /* at 0 the gradient is infinite */
TL_API tl_var tl_exp(tl_var x);
TL_API tl_var tl_log(tl_var x); /* natural */
TL_API tl_var tl_abs(tl_var x); /* at 0 the gradient is 0 */
/* -1, 0 or 1; NaN for NaN. No gradient flows through. */
TL_API tl_var tl_sign(tl_var x);
/*
 * a to the power b, broadcast together. Gradients at a = 0: the one for a is b 0^(b-1), thus finite for
 * b >= 1 and 0 for b = 0; the one for b is 0.
 */
TL_API tl_var tl_pow(tl_var a, tl_var b);
/* The same for one exponent that is not differentiated. */
TL_API tl_var tl_pow_by(tl_var x, double p);
TL_API tl_var tl_erf(tl_var x);
TL_API tl_var tl_sin(tl_var x);
TL_API tl_var tl_cos(tl_var x);

extern TL_API const tl_op tl_op_square, tl_op_sqrt, tl_op_exp, tl_op_log, tl_op_abs, tl_op_sign, tl_op_pow,
	tl_op_pow_by, tl_op_erf, tl_op_sin, tl_op_cos;

#endif
