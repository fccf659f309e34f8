/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choosing and comparing, element by element, on reals. Operands broadcast together. A comparison with
 * NaN is false, except not_equal; minimum, maximum and clamp hand NaN on.
 */
#ifndef TL_OPS_SELECT_H
#define TL_OPS_SELECT_H

#include "graph/tape.h"

/* NaN where either operand is. Where both are equal, each gets half the gradient. */
TL_API tl_var tl_minimum(tl_var a, tl_var b);
TL_API tl_var tl_maximum(tl_var a, tl_var b);

/*
 * x, but at least low and at most high; either may be infinite. The gradient is 1 inside, both bounds
 * included, and 0 outside. TL_ERR_ARGUMENT unless low <= high.
 */
TL_API tl_var tl_clamp(tl_var x, double low, double high);

/*
 * a where cond is not 0, else b. No gradient flows to cond. What stands in the operand that is not
 * chosen, NaN included, reaches neither the value nor a gradient: its own gradient is exactly 0. (Further
 * back 0 times an infinite derivative is NaN as ever: log(where(x, x, 1)), not where(x, log(x), 0).)
 */
TL_API tl_var tl_where(tl_var cond, tl_var a, tl_var b);

/* 1 where the relation holds, else 0. No gradient flows through. */
TL_API tl_var tl_less(tl_var a, tl_var b);
TL_API tl_var tl_less_equal(tl_var a, tl_var b);
TL_API tl_var tl_greater(tl_var a, tl_var b);
TL_API tl_var tl_greater_equal(tl_var a, tl_var b);
TL_API tl_var tl_equal(tl_var a, tl_var b);
TL_API tl_var tl_not_equal(tl_var a, tl_var b);

/* x itself, of either type, but no gradient flows through. A view. */
TL_API tl_var tl_detach(tl_var x);

extern TL_API const tl_op tl_op_minimum, tl_op_maximum, tl_op_clamp, tl_op_where, tl_op_less,
	tl_op_less_equal, tl_op_greater, tl_op_greater_equal, tl_op_equal, tl_op_not_equal, tl_op_detach;

#endif
