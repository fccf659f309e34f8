/* SPDX-License-Identifier: Apache-2.0 */
#include "core/random.h"

#include <assert.h>
#include <math.h>

#include "core/vector.h"

#define LANES 16 /* blocks side by side */

/* Words w of blocks index .. index + LANES - 1. Each lane is one block. */
static inline __attribute__((always_inline)) void blocks(
	uint64_t key, uint64_t stream, uint64_t index, int lanes, uint32_t w[4][LANES])
{
	uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
	for (int i = 0; i < lanes; i++) {
		w[0][i] = (uint32_t)(index + (uint64_t)i);
		w[1][i] = (uint32_t)((index + (uint64_t)i) >> 32);
		w[2][i] = (uint32_t)stream;
		w[3][i] = (uint32_t)(stream >> 32);
	}
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < lanes; i++) {
			uint64_t p0 = (uint64_t)0xD2511F53u * w[0][i], p1 = (uint64_t)0xCD9E8D57u * w[2][i];
			w[0][i] = (uint32_t)(p1 >> 32) ^ w[1][i] ^ k0;
			w[1][i] = (uint32_t)p1;
			w[2][i] = (uint32_t)(p0 >> 32) ^ w[3][i] ^ k1;
			w[3][i] = (uint32_t)p0;
		}
		k0 += 0x9E3779B9u;
		k1 += 0xBB67AE85u;
	}
}

void tl_philox(uint64_t key, uint64_t stream, uint64_t index, uint32_t out[4])
{
	uint32_t w[4][LANES];
	blocks(key, stream, index, 1, w);
	for (int j = 0; j < 4; j++)
		out[j] = w[j][0];
}

TL_VECTOR void tl_philox_blocks(uint64_t key, uint64_t stream, uint64_t index, int64_t n, uint32_t *out)
{
	uint32_t w[4][LANES];
	for (; n >= LANES; n -= LANES, index += LANES, out += 4 * LANES) {
		blocks(key, stream, index, LANES, w);
		for (int i = 0; i < LANES; i++)
			for (int j = 0; j < 4; j++)
				out[4 * i + j] = w[j][i];
	}
	for (int64_t i = 0; i < n; i++)
		tl_philox(key, stream, index + (uint64_t)i, out + 4 * i);
}

double tl_rng_uniform(tl_rng *r)
{
	uint32_t w[4];
	tl_philox(r->seed, r->stream, r->index++, w);
	return (double)((((uint64_t)w[0] << 32) | w[1]) >> 11) * 0x1p-53;
}

double tl_rng_normal(tl_rng *r)
{
	double u = 1.0 - tl_rng_uniform(r), v = tl_rng_uniform(r);
	return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

int64_t tl_rng_below(tl_rng *r, int64_t n)
{
	assert(n > 0);
	int64_t k = (int64_t)(tl_rng_uniform(r) * (double)n);
	return k < n ? k : n - 1;
}
