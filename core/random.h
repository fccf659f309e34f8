/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counted random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy
 * as 1, 2, 3", SC 2011). A number is a function of (seed, stream, index) and of nothing else: the same
 * whatever the thread count, and it can be made again instead of stored.
 */
#ifndef TL_CORE_RANDOM_H
#define TL_CORE_RANDOM_H

#include <stdint.h>

#include "core/real.h"

/* The block cipher: 128 bits for each counter (stream, index) under each key. */
TL_API void tl_philox(uint64_t key, uint64_t stream, uint64_t index, uint32_t out[4]);
/* The same for indices index .. index + n - 1, side by side: several times as fast. out[4 n] */
TL_API void tl_philox_blocks(uint64_t key, uint64_t stream, uint64_t index, int64_t n, uint32_t *out);

/* A sequence of numbers; three integers are its whole state, copy them to keep its place. */
typedef struct tl_rng {
	uint64_t seed;
	uint64_t stream; /* sequences of different streams are independent */
	uint64_t index;  /* next number */
} tl_rng;

TL_API double tl_rng_uniform(tl_rng *r);                   /* in [0, 1), 53 bits */
TL_API double tl_rng_normal(tl_rng *r);                    /* mean 0, variance 1 (Box, Muller, 1958) */
TL_API int64_t tl_rng_below(tl_rng *r, int64_t n);         /* in 0..n-1; n > 0 */

#endif
