/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax along an axis, without overflow. An axis that x lacks is TL_ERR_ARGUMENT. */
#ifndef TL_OPS_SOFTMAX_H
#define TL_OPS_SOFTMAX_H

#include "graph/tape.h"

/*
 * exp(x) / sum(exp(x)). A row of nothing but -inf gives zeros, and its gradient is 0 (not NaN as in
 * PyTorch): attention over a sequence that is masked as a whole then adds nothing.
 */
TL_API tl_var tl_softmax(tl_var x, int axis);

/* log(softmax(x)), exact where softmax underflows. A row of nothing but -inf gives -inf. */
TL_API tl_var tl_log_softmax(tl_var x, int axis);

extern TL_API const tl_op tl_op_softmax, tl_op_log_softmax;

#endif
