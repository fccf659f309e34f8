/* SPDX-License-Identifier: Apache-2.0 */
#include "core/vmath.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef TL_DOUBLE

#include <math.h>

static void libm_exp(int64_t n, const double *x, double *y)
{
	for (int64_t i = 0; i < n; i++)
		y[i] = exp(x[i]);
}

static void libm_log(int64_t n, const double *x, double *y)
{
	for (int64_t i = 0; i < n; i++)
		y[i] = log(x[i]);
}

static void libm_tanh(int64_t n, const double *x, double *y)
{
	for (int64_t i = 0; i < n; i++)
		y[i] = tanh(x[i]);
}

static void libm_sigmoid(int64_t n, const double *x, double *y)
{
	for (int64_t i = 0; i < n; i++) {
		double e = exp(-fabs(x[i]));
		y[i] = (x[i] < 0 ? e : 1) / (1 + e);
	}
}

static void libm_erf(int64_t n, const double *x, double *y)
{
	for (int64_t i = 0; i < n; i++)
		y[i] = erf(x[i]);
}

static const tl_vmath tl__vmath_baseline = {"libm", libm_exp, libm_log, libm_tanh, libm_sigmoid, libm_erf};

#else

extern const tl_vmath tl__vmath_baseline;

#endif

#if defined(__x86_64__) && !defined(TL_DOUBLE)

extern const tl_vmath tl__vmath_avx2, tl__vmath_avx512;

static bool has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
	return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
}

const tl_vmath *tl__vmath_isa(int k)
{
	switch (k) {
	case 0: return has_avx512() ? &tl__vmath_avx512 : NULL;
	case 1: return has_avx2() ? &tl__vmath_avx2 : NULL;
	case 2: return &tl__vmath_baseline;
	}
	return NULL;
}

static const tl_vmath *best(void)
{
	return has_avx512() ? &tl__vmath_avx512 : has_avx2() ? &tl__vmath_avx2 : &tl__vmath_baseline;
}

#else

const tl_vmath *tl__vmath_isa(int k)
{
	return k == TL_VMATH_ISAS - 1 ? &tl__vmath_baseline : NULL;
}

static const tl_vmath *best(void)
{
	return &tl__vmath_baseline;
}

#endif

void tl__vexp(int64_t n, const tl_real *x, tl_real *y)
{
	best()->vexp(n, x, y);
}

void tl__vlog(int64_t n, const tl_real *x, tl_real *y)
{
	best()->vlog(n, x, y);
}

void tl__vtanh(int64_t n, const tl_real *x, tl_real *y)
{
	best()->vtanh(n, x, y);
}

void tl__vsigmoid(int64_t n, const tl_real *x, tl_real *y)
{
	best()->vsigmoid(n, x, y);
}

void tl__verf(int64_t n, const tl_real *x, tl_real *y)
{
	best()->verf(n, x, y);
}
