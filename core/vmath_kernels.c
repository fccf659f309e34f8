/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The float kernels of core/vmath.h, compiled once for each instruction set with -DTL_ISA=avx512, avx2
 * or baseline. They are plain C without branches, so that the compiler turns the loops into vector
 * code; this needs -O3 -fno-math-errno -fno-trapping-math. Fused multiply-adds are written out, and
 * -ffp-contract=off forbids others: so the vector and the scalar part of a loop round alike, and gcc
 * and clang agree to the last bit.
 *
 * exp and expm1. x = n ln 2 + r with n = round(x / ln 2), so |r| <= ln 2 / 2; ln 2 is split in two
 * parts of which the first, 15 bits long, has an exact product with n (Cody and Waite, "Software manual
 * for the elementary functions", 1980). Then
 *
 *	q = e^r - 1 = r + r^2 Q(r)
 *	e^x         = 2^n (q + 1)
 *	e^x - 1     = 2^n q + (2^n - 1)
 *
 * The second form is as accurate: for n = 0 it is q, else |2^n q| stays below |2^n - 1|. For e^x,
 * 2^n is multiplied in two steps, 2^floor(n/2) and the rest: the first product is exact and the second
 * one rounds once, also to denormal numbers and to infinity.
 *
 * sigmoid(x) = 1 / (1 + e) for x >= 0, e / (1 + e) for x < 0, where e = e^-|x|.
 *
 * tanh(x) = sign(x) t / (t + 2) with t = e^(2|x|) - 1.
 *
 * erf(x) = sign(x) (1 - e^-h) with h = -ln erfc(|x|) = |x| + |x| H(|x|): one polynomial for the whole
 * range, because h is smooth and the errors of large h vanish in the exponential.
 *
 * log. x = 2^e (1 + f) with 2/3 <= 1 + f < 4/3, after denormal numbers were multiplied by 2^23;
 *
 *	ln x = e ln 2 + ln(1 + f),    ln(1 + f) = f - f^2/2 + f^3 L(f)
 *
 * Q, H and L are minimax polynomials of our own, weighted for the relative error of the function that
 * they serve: Lawson's algorithm on 400 Chebyshev nodes against 40-digit values of mpmath, coefficients
 * rounded to float one after the other, from the lowest, with a new fit of the others after each. Their
 * share of the relative error is 2^-26 (Q), 2^-27.8 (H) and 2^-27.7 (L).
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/vector.h"
#include "core/vmath.h"

#define LN2_HIGH 0x1.62e4p-1f
#define LN2_LOW 0x1.7f7d1cp-20f

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define MULADD(a, b, c) __builtin_fmaf(a, b, c)
#else
#define MULADD(a, b, c) ((a) * (b) + (c))
#endif

static inline uint32_t bits_of(float x)
{
	uint32_t u;
	memcpy(&u, &x, sizeof u);
	return u;
}

static inline float from_bits(uint32_t u)
{
	float x;
	memcpy(&x, &u, sizeof x);
	return x;
}

/* 2^n, -126 <= n <= 127 */
static inline float power_of_two(uint32_t n)
{
	return from_bits((n + 127) << 23);
}

/*
 * n modulo 2^32 as the result, and e^r - 1. Adding 1.5 * 2^23 rounds to an integer, which stands in the
 * low bits of the sum.
 */
static inline uint32_t reduce(float x, float *q)
{
	float sum = MULADD(x, 0x1.715476p+0f, 0x1.8p23f);
	float n = sum - 0x1.8p23f;
	float r = MULADD(n, -LN2_HIGH, x);
	r = MULADD(n, -LN2_LOW, r);
	float p = 0x1.6b9ca6p-10f;
	p = MULADD(p, r, 0x1.12256p-7f);
	p = MULADD(p, r, 0x1.5556f2p-5f);
	p = MULADD(p, r, 0x1.5554b4p-3f);
	p = MULADD(p, r, 0x1.fffffep-2f);
	*q = MULADD(p, r * r, r);
	return bits_of(sum) - bits_of(0x1.8p23f);
}

/* For -104 <= x <= 89, beyond which e^x rounds to 0 and to infinity. */
static inline float exp_clamped(float x)
{
	float q;
	uint32_t n = reduce(x, &q);
	uint32_t half = (uint32_t)((int32_t)n >> 1);
	return (q + 1) * power_of_two(half) * power_of_two(n - half);
}

static inline float exp_one(float x)
{
	x = x > 89 ? 89 : x;
	return exp_clamped(x < -104 ? -104 : x);
}

/* For |x| < 80. */
static inline float expm1_one(float x)
{
	float q;
	float scale = power_of_two(reduce(x, &q));
	return MULADD(scale, q, scale - 1);
}

static inline float sigmoid_one(float x)
{
	float a = fabsf(x);
	float e = exp_clamped(-(a > 104 ? 104 : a));
	return (x < 0 ? e : 1) / (1 + e);
}

/* From 9.02 on the result rounds to 1. */
static inline float tanh_one(float x)
{
	float a = fabsf(x);
	a = a > 10 ? 10 : a;
	float t = expm1_one(2 * a);
	return copysignf(t / (t + 2), x);
}

/* From 3.92 on the result rounds to 1. */
static inline float erf_one(float x)
{
	float a = fabsf(x);
	a = a > 4 ? 4 : a;
	float p = -0x1.3afa52p-17f;
	p = MULADD(p, a, 0x1.f283ccp-14f);
	p = MULADD(p, a, -0x1.4e275ep-11f);
	p = MULADD(p, a, 0x1.b74380p-10f);
	p = MULADD(p, a, -0x1.63749ep-13f);
	p = MULADD(p, a, -0x1.39b7ccp-6f);
	p = MULADD(p, a, 0x1.a4f8c4p-4f);
	p = MULADD(p, a, 0x1.45f3p-1f);
	p = MULADD(p, a, 0x1.06eba8p-3f);
	float h = MULADD(p, a, a);
	return copysignf(expm1_one(-h), x);
}

static inline float log_one(float x)
{
	float scaled = x < 0x1p-126f ? x * 0x1p23f : x;
	float shift = x < 0x1p-126f ? -23 : 0;
	uint32_t u = bits_of(scaled);
	int32_t exponent = (int32_t)(u - bits_of(0x1.555556p-1f)) >> 23;
	float f = from_bits(u - ((uint32_t)exponent << 23)) - 1;
	float e = (float)exponent + shift;
	float p = -0x1.07d482p-3f;
	p = MULADD(p, f, 0x1.1e6bp-3f);
	p = MULADD(p, f, -0x1.f32caep-4f);
	p = MULADD(p, f, 0x1.1ed5cep-3f);
	p = MULADD(p, f, -0x1.559c8ap-3f);
	p = MULADD(p, f, 0x1.99d04ap-3f);
	p = MULADD(p, f, -0x1.fffefap-3f);
	p = MULADD(p, f, 0x1.555506p-2f);
	p = MULADD(p, f, -0.5f);
	p = MULADD(p, f * f, e * LN2_LOW);
	float y = MULADD(e, LN2_HIGH, f + p);
	y = x > 0 ? y : x == 0 ? -INFINITY : NAN;
	return x < INFINITY ? y : x;
}

#define JOIN(a, b) a##_##b
#define NAME(a, b) JOIN(a, b)
#define TEXT(a) #a
#define NAME_TEXT(a) TEXT(a)

#define KERNEL(name, one)                                                                                    \
	static void name(int64_t n, const float *x, float *y)                                                \
	{                                                                                                    \
		TL_INDEPENDENT                                                                               \
		for (int64_t i = 0; i < n; i++)                                                              \
			y[i] = one(x[i]);                                                                    \
	}

KERNEL(vexp, exp_one)
KERNEL(vlog, log_one)
KERNEL(vtanh, tanh_one)
KERNEL(vsigmoid, sigmoid_one)
KERNEL(verf, erf_one)

extern const tl_vmath NAME(tl__vmath, TL_ISA);
const tl_vmath NAME(tl__vmath, TL_ISA) = {NAME_TEXT(TL_ISA), vexp, vlog, vtanh, vsigmoid, verf};
