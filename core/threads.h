/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads. A pool belongs to whoever made it (a tape makes one); its threads start with the first work
 * that is worth sharing. Between pieces of work they spin for some tens of microseconds and then sleep,
 * so they are at hand during a training step and cost nothing beside it, nor on a busy machine.
 *
 * oneDNN has an OpenMP pool of its own, whose threads spin without end and fall to a tenth of their speed
 * next to another busy process (measured: 2,500 characters/s of training against 37,000). So oneDNN is
 * called on one thread at a time, and products are cut here (core/gemm.c).
 */
#ifndef TL_CORE_THREADS_H
#define TL_CORE_THREADS_H

#include <stdint.h>

#include "core/real.h"

/* TL_THREADS from the environment if it is a positive number, else the cores this process may use. */
TL_API int tl_threads_default(void);

typedef struct tl_pool tl_pool;

/* At most `threads` run at the same time, the caller's included. NULL where memory is out. */
TL_API tl_pool *tl_pool_new(int threads);
TL_API void tl_pool_free(tl_pool *pool); /* NULL is fine */
/* 1 for NULL, which stands for a pool of the caller's thread alone. */
TL_API int tl_pool_threads(const tl_pool *pool);

/*
 * Call fn(ctx, first, last) for parts of 0..n that together cover it once; a part has at least `grain`
 * elements unless it is the only one. The parts depend on n, grain and the pool's size only, so results
 * repeat from run to run; which thread runs a part does not: parts may not wait for each other. A call from within
 * fn runs on its own thread.
 */
typedef void (*tl_range_fn)(void *ctx, int64_t first, int64_t last);
TL_API void tl_parallel(tl_pool *pool, int64_t n, int64_t grain, tl_range_fn fn, void *ctx);

#endif
