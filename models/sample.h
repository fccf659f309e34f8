/* SPDX-License-Identifier: Apache-2.0 */
/* Drawing a symbol from a model's logits. */
#ifndef TL_MODELS_SAMPLE_H
#define TL_MODELS_SAMPLE_H

#include "core/random.h"

/*
 * An index k with probability proportional to exp(logits[k] / temperature); temperature 0 is the
 * largest logit. A logit that is not finite, -INFINITY say, is never drawn. Returns -1 where none is finite.
 */
TL_API int64_t tl_sample_index(const tl_real *logits, int64_t n, double temperature, tl_rng *rng);

#endif
