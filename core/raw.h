/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as files hold them: bytes to bits, bits to reals, and tensors to little-endian bytes. */
#ifndef TL_CORE_RAW_H
#define TL_CORE_RAW_H

#include <math.h>
#include <string.h>

#include "core/atomic_file.h"
#include "core/tensor.h"

static inline uint64_t tl__raw_little(const unsigned char *from, int bytes)
{
	uint64_t v = 0;
	for (int i = 0; i < bytes; i++)
		v |= (uint64_t)from[i] << (8 * i);
	return v;
}

static inline uint64_t tl__raw_big(const unsigned char *from, int bytes)
{
	uint64_t v = 0;
	for (int i = 0; i < bytes; i++)
		v = v << 8 | from[i];
	return v;
}

static inline float tl__raw_f32(uint64_t bits)
{
	uint32_t low = (uint32_t)bits;
	float v;
	memcpy(&v, &low, sizeof v);
	return v;
}

/* False where a finite number is outside tl_real's range. */
static inline bool tl__raw_f64(uint64_t bits, tl_real *to)
{
	double v;
	memcpy(&v, &bits, sizeof v);
	*to = (tl_real)v;
	return isinf(v) || !isinf(*to);
}

/* IEEE 754's binary16. */
tl_real tl__raw_f16(uint64_t bits);

static inline void tl__raw_put(unsigned char *to, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		to[i] = (unsigned char)(v >> (8 * i));
}

/* A tensor's elements, row-major, little-endian, as wide as they are, in blocks; the first failure ends it. */
typedef tl_status (*tl__raw_fn)(void *ctx, const unsigned char *bytes, size_t n);
tl_status tl__raw_bytes(const tl_tensor *t, tl__raw_fn put, void *ctx);
tl_status tl__raw_write(tl_atomic_file *file, const tl_tensor *t, tl_error *err);

#endif
