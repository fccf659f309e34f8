/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loops that become vector code.
 *
 *	TL_VECTOR static void double_all(int64_t n, const float *x, float *y)
 *	{
 *		TL_INDEPENDENT
 *		for (int64_t i = 0; i < n; i++)
 *			y[i] = 2 * x[i];
 *	}
 *
 * TL_VECTOR compiles a function for AVX-512, AVX2 and the baseline; the loader chooses once, when the
 * program starts. Multiply-adds are never contracted (meson.build), so all of them round alike. It is
 * empty where the system has no indirect functions, where a sanitizer would run before the loader is done
 * with them, and for clang, whose version 14 gives the choosers of static functions global names.
 *
 * TL_INDEPENDENT before a loop: no element depends on another one, so the compiler need not compare
 * addresses at run time; the arrays may be the same, but do not overlap otherwise.
 */
#ifndef TL_CORE_VECTOR_H
#define TL_CORE_VECTOR_H

#include <stdint.h> /* __GLIBC__ */

#if defined(__x86_64__) && defined(__ELF__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#if __GNUC__ >= 12 && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define TL_VECTOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif
#endif
#ifndef TL_VECTOR
#define TL_VECTOR
#endif

/* clang would warn where a sanitizer, or a call of libm, keeps it from vectorising. */
#ifdef __clang__
#pragma clang diagnostic ignored "-Wpass-failed"
#define TL_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define TL_INDEPENDENT _Pragma("GCC ivdep")
#endif

#endif
