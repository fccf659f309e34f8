/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elementwise functions over blocks. A kernel sees n elements stored one behind the other, whatever
 * the strides of its operands: the driver hands dense runs through as they are, and copies strided or
 * repeated operands into a small buffer first. So an elementwise kernel is one plain loop, and a
 * planner can chain kernels over one block that stays in the cache.
 */
#ifndef TL_CORE_MAP_H
#define TL_CORE_MAP_H

#include "core/tensor.h"
#include "core/threads.h"

#define TL_BLOCK 512  /* elements a kernel is called with at most */
#define TL_MAP_MAX 4  /* operands at most */

/* out may be the same memory as an operand, but does not overlap one otherwise. */
typedef void (*tl_map_fn)(const void *params, int64_t n, tl_real *out, const tl_real *const *in);

/* Operands broadcast to out's shape; out is dense. */
TL_API void tl__map(tl_map_fn fn, const void *params, const tl_tensor *out, const tl_tensor *const *in,
	int n_in, tl_pool *pool);

#endif
