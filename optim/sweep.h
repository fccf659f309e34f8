/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passes over a parameter's elements. Not installed.
 *
 * A pass is cut into at most TL_SWEEP_PARTS parts, which threads share; how depends on the parameter only, so
 * sums over parts are the same for any number of threads.
 */
#ifndef TL_OPTIM_SWEEP_H
#define TL_OPTIM_SWEEP_H

#include "core/threads.h"
#include "graph/param.h"

#define TL_SWEEP_PARTS 256

/* Elements at .. at + n of the parameter, in part `part`; called several times for a part that has many rows. */
typedef void (*tl_sweep_fn)(void *ctx, int part, int64_t at, int64_t n);

/* All elements. */
void tl__sweep_all(tl_pool *pool, const tl_param *p, tl_sweep_fn fn, void *ctx);
/* Those outside of which the gradient is certainly 0. */
void tl__sweep_nonzero(tl_pool *pool, const tl_param *p, tl_sweep_fn fn, void *ctx);

#endif
