/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits for the gradients in a store, against the rare steps at which those of recurrent networks
 * explode (Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks", ICML
 * 2013). Frozen parameters do not count and are not changed.
 */
#ifndef TL_OPTIM_CLIP_H
#define TL_OPTIM_CLIP_H

#include "optim/store.h"

/* The Euclidean norm of all gradients as one vector, summed in double. */
TL_API double tl_grad_norm(const tl_store *store);

/* That of one parameter; 0 where it is frozen. */
TL_API double tl_param_grad_norm(const tl_store *store, const tl_param *param);

/*
 * Scales the gradients by max_norm / (norm + 1e-6) where that is below 1; returns the norm before. A norm
 * that is infinite or not a number is returned with the gradients untouched: the caller should skip the
 * step or stop. A max_norm that is not above 0 clips nothing.
 */
TL_API double tl_clip_norm(tl_store *store, double max_norm);

/* Multiplies the gradients: sums over several batches become means. */
TL_API void tl_scale_grad(tl_store *store, double factor);

/* Cuts each element to [-limit, limit]; NaN stays. A limit that is not above 0 clips nothing. */
TL_API void tl_clip_value(tl_store *store, double limit);

#endif
