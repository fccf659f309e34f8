/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking for numbers that are not finite, at the speed of reading them. The bits of |x|, taken for a whole
 * number, are in the order of the numbers:
 *
 *	all finite ones < TL_BITS_INFINITY (infinity) < all NaN
 *
 * so the greatest of them tells whether there is an infinity or a NaN.
 */
#ifndef TL_CORE_FINITE_H
#define TL_CORE_FINITE_H

#include "core/tensor.h"
#include "core/threads.h"

#ifdef TL_DOUBLE
typedef int64_t tl_bits;
#define TL_BITS_INFINITY INT64_C(0x7ff0000000000000)
#else
typedef int32_t tl_bits;
#define TL_BITS_INFINITY INT32_C(0x7f800000)
#endif

/* The greatest bits of |x| of n numbers; 0 for none. */
tl_bits tl__greatest_bits(int64_t n, const tl_real *x);
/* The same of rows that lie `step` elements apart, on the pool's threads (NULL: on this one). */
tl_bits tl__greatest_bits_rows(const tl_real *x, int64_t rows, int64_t columns, int64_t step, tl_pool *pool);

/* Where in row-major order the first NaN or infinity of a tensor of reals is, and which; -1: there is none. */
int64_t tl__first_not_finite(const tl_tensor *t, double *value);

#endif
