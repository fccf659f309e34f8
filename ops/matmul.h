/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products, through oneDNN. Transposed operands (tl_t) are read as they lie in memory. */
#ifndef TL_OPS_MATMUL_H
#define TL_OPS_MATMUL_H

#include "graph/tape.h"

/*
 * a b over the last two axes. Leading axes:
 *	(M, K) (K, N)             -> (M, N)
 *	(..., M, K) (K, N)        -> (..., M, N)    one product over all rows
 *	(..., M, K) (..., K, N)   -> (..., M, N)    a product for each leading index; equal leading axes
 *	(M, K) (..., K, N)        -> (..., M, N)
 */
TL_API tl_var tl_matmul(tl_var a, tl_var b);

/* x (..., K) times w (K, N) plus b (N), added to each row: (..., N). */
TL_API tl_var tl_linear(tl_var x, tl_var w, tl_var b);

extern TL_API const tl_op tl_op_matmul, tl_op_linear;

#endif
