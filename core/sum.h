/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums of many numbers: sixteen running sums keep the vector units busy, and each block of TL_BLOCK
 * elements goes to a double, so that long sums stay exact to the last digits of a float.
 */
#ifndef TL_CORE_SUM_H
#define TL_CORE_SUM_H

#include <stdint.h>

#include "core/real.h"

/* x[0] + x[step] + ... : n terms. */
TL_API double tl__sum(int64_t n, const tl_real *x, int64_t step);

#endif
