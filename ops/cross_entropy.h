/* SPDX-License-Identifier: Apache-2.0 */
/* Between cross_entropy.c and its kernels. Not installed. */
#ifndef TL_OPS_CROSS_ENTROPY_H
#define TL_OPS_CROSS_ENTROPY_H

#include "ops/loss.h"

/* The options without padding. */
typedef struct tl__ce_params {
	int64_t reduction, has_ignore, ignore_index;
	double smoothing;
} tl__ce_params;

tl_status tl__ce_loss(const tl_call *c);   /* (logits, targets) */
tl_status tl__ce_grad(const tl_call *c);   /* (logits, targets, adjoint of the loss) */
tl_status tl__ce_weight(const tl_call *c); /* (targets) */

#endif
