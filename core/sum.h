/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums of many numbers, exact to the last digits of a float however long they are: vector units sum short
 * blocks, and each block's sum goes to a double.
 */
#ifndef TL_CORE_SUM_H
#define TL_CORE_SUM_H

#include "core/arena.h"
#include "core/tensor.h"
#include "core/threads.h"

/* x[0] + x[step] + ... : n terms. */
TL_API double tl__sum(int64_t n, const tl_real *x, int64_t step);

/*
 * out = in[0] + in[1] + ..., each summed over the axes that broadcasting out to its shape repeats. out is
 * dense. The result does not depend on the number of threads. False where memory is out.
 */
TL_API bool tl__sum_to(const tl_tensor *out, int n, const tl_tensor *const *in, tl_pool *pool,
	tl_arena *scratch);

#endif
