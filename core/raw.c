/* SPDX-License-Identifier: Apache-2.0 */
#include "core/raw.h"

#include "core/walk.h"

#define WRITE_BLOCK 32768 /* bytes; a multiple of every dtype's size */

/* 1 bit of sign, 5 of exponent (bias 15; 0: subnormal, 31: infinite or NaN), 10 of fraction. */
tl_real tl__raw_f16(uint64_t bits)
{
	uint32_t sign = (uint32_t)bits >> 15 << 31, fraction = bits & 0x3FF;
	int exponent = (int)(bits >> 10 & 0x1F);
	if (exponent == 31)
		return tl__raw_f32(sign | 0x7F800000 | fraction << 13);
	double size = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
	return (tl_real)(sign ? -size : size);
}

/* Elements on their way into a file. */
struct sink {
	tl__raw_fn put;
	void *ctx;
	tl_status status; /* the first failure; nothing is written after it */
	size_t size;	  /* bytes an element */
	size_t used;	  /* bytes of the block */
	unsigned char block[WRITE_BLOCK];
};

static void sink_flush(struct sink *s)
{
	if (!s->status)
		s->status = s->put(s->ctx, s->block, s->used);
	s->used = 0;
}

static void write_run(void *ctx, int64_t n, char *const *at, const int64_t *step)
{
	struct sink *s = ctx;
	for (int64_t i = 0; i < n && !s->status; i++) {
		const char *from = at[0] + i * step[0] * (int64_t)s->size;
		uint64_t bits;
		if (s->size == sizeof(uint32_t)) {
			uint32_t half;
			memcpy(&half, from, sizeof half);
			bits = half;
		} else {
			memcpy(&bits, from, sizeof bits);
		}
		if (s->used == WRITE_BLOCK)
			sink_flush(s);
		for (size_t b = 0; b < s->size; b++)
			s->block[s->used++] = (unsigned char)(bits >> (8 * b));
	}
}

tl_status tl__raw_bytes(const tl_tensor *t, tl__raw_fn put, void *ctx)
{
	struct sink s = {.put = put, .ctx = ctx, .size = tl_dtype_size(t->dtype)};
	if (tl_shape_size(t->shape) > 0)
		tl__walk(1, (const tl_tensor *[]){t}, write_run, &s);
	sink_flush(&s);
	return s.status;
}

struct target {
	tl_atomic_file *file;
	tl_error *err;
};

static tl_status put(void *ctx, const unsigned char *bytes, size_t n)
{
	struct target *t = ctx;
	return tl_atomic_file_write(t->file, bytes, n, t->err);
}

tl_status tl__raw_write(tl_atomic_file *file, const tl_tensor *t, tl_error *err)
{
	return tl__raw_bytes(t, put, &(struct target){file, err});
}
