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

/*
 * The same among the top_k largest logits only, of equal ones those with the lower index; top_k <= 0: among
 * all. Takes time in proportion to n, whatever top_k is, and no memory.
 */
TL_API int64_t tl_sample_top_k(const tl_real *logits, int64_t n, int64_t top_k, double temperature, tl_rng *rng);

#endif
