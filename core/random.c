/* SPDX-License-Identifier: Apache-2.0 */
#include "core/random.h"

#include <assert.h>
#include <math.h>

void tl_philox(uint64_t key, uint64_t stream, uint64_t index, uint32_t out[4])
{
	uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
	uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32);
	uint32_t c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
	for (int round = 0; round < 10; round++) {
		uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
		c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
		c1 = (uint32_t)p1;
		c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
		c3 = (uint32_t)p0;
		k0 += 0x9E3779B9u;
		k1 += 0xBB67AE85u;
	}
	out[0] = c0;
	out[1] = c1;
	out[2] = c2;
	out[3] = c3;
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
