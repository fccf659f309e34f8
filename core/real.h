/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The number type. The library is built with float; the same sources are built a second time with
 * -DTL_DOUBLE for the tests, where central differences need the digits. Kernels include <tgmath.h>,
 * so exp(x) is expf or exp as tl_real asks.
 */
#ifndef TL_CORE_REAL_H
#define TL_CORE_REAL_H

#ifdef TL_DOUBLE
typedef double tl_real;
#else
typedef float tl_real;
#endif

/* Marks what the shared library exports; everything else is hidden. */
#define TL_API __attribute__((visibility("default")))

#endif
