/* SPDX-License-Identifier: Apache-2.0 */
/* Layer normalisation (Ba, Kiros, Hinton, "Layer normalization", 2016). */
#ifndef TL_OPS_NORM_H
#define TL_OPS_NORM_H

#include "graph/tape.h"

/*
 * gain * (x - mean) / sqrt(var + eps) + bias over the last axis of x (..., H), var the mean of squares (1/H,
 * as in PyTorch); gain (H) and bias (H), or {0} for none. TL_ERR_SHAPE for any other shape, TL_ERR_ARGUMENT
 * unless eps >= 0.
 */
TL_API tl_var tl_layer_norm(tl_var x, tl_var gain, tl_var bias, double eps);

/* The same without gain and bias. */
TL_API tl_var tl_normalize(tl_var x, double eps);

/* rstd (x): 1 / sqrt(var + eps), (..., 1). normalize_grad (y, rstd, dy): dx in one node. */
extern TL_API const tl_op tl_op_normalize, tl_op_normalize_grad, tl_op_rstd;

#endif
