/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the elements of a tensor are like, in one pass. Least, greatest, mean, mean magnitude and norm are of the finite
 * elements x_1 .. x_m:
 *
 *	mean = sum x_i / m,    magnitude = sum |x_i| / m,    norm = sqrt(sum x_i^2)
 *
 * all in double precision; the norm of numbers whose squares overflow or vanish is right, too.
 */
#ifndef TL_CORE_STATISTICS_H
#define TL_CORE_STATISTICS_H

#include "core/tensor.h"

typedef struct tl_statistics {
	int64_t count;  /* of all elements */
	int64_t finite, zeros, infinite, nans;
	double least, greatest, mean, magnitude, norm; /* 0 where no element is finite */
} tl_statistics;

/* Of reals and int32; any strides. */
TL_API tl_statistics tl_statistics_of(const tl_tensor *t);

#endif
