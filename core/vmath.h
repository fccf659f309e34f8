/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elementary functions of n numbers. y may be x, but does not overlap it otherwise. In the float build
 * every result is within 4 units in the last place of the true one, over all floats: infinities, NaN
 * and denormal numbers, as argument and as result, included. A result depends on its argument and on
 * the processor only, not on n or on the place in the row.
 *
 * The float kernels exist once for each instruction set, and the best one that the processor runs is
 * chosen at each call. The double build has plain loops over libm.
 */
#ifndef TL_CORE_VMATH_H
#define TL_CORE_VMATH_H

#include <stdint.h>

#include "core/real.h"

TL_API void tl__vexp(int64_t n, const tl_real *x, tl_real *y);
TL_API void tl__vlog(int64_t n, const tl_real *x, tl_real *y);
TL_API void tl__vtanh(int64_t n, const tl_real *x, tl_real *y);
TL_API void tl__vsigmoid(int64_t n, const tl_real *x, tl_real *y); /* 1 / (1 + e^-x) */
TL_API void tl__verf(int64_t n, const tl_real *x, tl_real *y);

typedef void (*tl_vmath_fn)(int64_t n, const tl_real *x, tl_real *y);

/* The functions for one instruction set. */
typedef struct tl_vmath {
	const char *name;
	tl_vmath_fn vexp, vlog, vtanh, vsigmoid, verf;
} tl_vmath;

#define TL_VMATH_ISAS 3

/*
 * The functions for instruction set k, 0 to TL_VMATH_ISAS - 1, the best one first; NULL where they were
 * not built or this processor lacks it. The last one is always there.
 */
TL_API const tl_vmath *tl__vmath_isa(int k);

#endif
