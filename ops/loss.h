/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Losses. `reduction` says what becomes of the losses of single elements (or rows): their mean, their sum,
 * or nothing. Anything else is TL_ERR_ARGUMENT.
 */
#ifndef TL_OPS_LOSS_H
#define TL_OPS_LOSS_H

#include "graph/tape.h"

enum {
	TL_MEAN,
	TL_SUM,
	TL_NONE,
};

/* Zero-initialise; every default is 0. */
typedef struct tl_cross_entropy_options {
	int reduction;
	bool has_ignore;
	int32_t ignore_index;   /* with has_ignore: rows with this target count for nothing */
	double label_smoothing; /* in [0, 1] */
} tl_cross_entropy_options;

/*
 * -sum_c q_c log softmax(logits)_c over the last axis, with q = (1 - e) onehot(target) + e / C and e =
 * label_smoothing (Szegedy et al., "Rethinking the Inception architecture", 2016): PyTorch's
 * cross_entropy, but with the classes last. logits (..., C), targets (...) int32; the result is a scalar,
 * or (...) for TL_NONE. NULL options: all defaults.
 *
 * The mean is over rows that are not ignored; where all are, it is 0 (PyTorch: NaN). The loss of a row
 * whose true class has logit -inf is inf. TL_ERR_INDEX, when the value or the gradient is computed, for a
 * target that is neither in 0..C-1 nor ignored.
 */
TL_API tl_var tl_cross_entropy(tl_var logits, tl_var targets, const tl_cross_entropy_options *options);

/* (prediction - target)^2; equal shapes, else TL_ERR_SHAPE. */
TL_API tl_var tl_mse(tl_var prediction, tl_var target, int reduction);

/*
 * -t log s(x) - (1 - t) log(1 - s(x)), s the logistic sigmoid, t in [0, 1]; computed without overflow as
 * max(x, 0) - x t + log(1 + exp(-|x|)). Equal shapes, else TL_ERR_SHAPE.
 */
TL_API tl_var tl_bce_with_logits(tl_var logits, tl_var targets, int reduction);

/*
 * cross_entropy_grad (logits, targets, dout): dL/dlogits in one node. cross_entropy_weight (targets): what
 * a row counts for, (..., 1).
 */
extern TL_API const tl_op tl_op_cross_entropy, tl_op_cross_entropy_grad, tl_op_cross_entropy_weight,
	tl_op_bce_with_logits;

#endif
