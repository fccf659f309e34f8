/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads. The pool is libgomp's, because Debian's oneDNN computes on it: a second pool would have
 * twice as many threads running as there are cores. It is entered through GOMP_parallel, the function
 * that gcc's own "#pragma omp parallel" calls, so clang needs no OpenMP runtime of its own.
 */
#ifndef TL_CORE_THREADS_H
#define TL_CORE_THREADS_H

#include <stdint.h>

#include "core/real.h"

/* TL_THREADS from the environment if it is a positive number, else the cores this process may use. */
TL_API int tl_threads_default(void);

/*
 * Call fn(ctx, first, last) for parts of 0..n that together cover it once, on at most `threads`
 * threads; a part has at least `grain` elements unless it is the only one. The parts depend on n,
 * grain and threads only, so results repeat from run to run.
 */
typedef void (*tl_range_fn)(void *ctx, int64_t first, int64_t last);
TL_API void tl__parallel(int threads, int64_t n, int64_t grain, tl_range_fn fn, void *ctx);

/* Sets how many threads oneDNN's next call from this thread uses; returns the number before. */
TL_API int tl__threads_limit(int threads);

#endif
