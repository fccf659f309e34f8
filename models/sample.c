/* SPDX-License-Identifier: Apache-2.0 */
#include "models/sample.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* What may be drawn: finite logits above a threshold, and the first `ties` of those that are equal to it. */
typedef struct choice {
	const tl_real *logits;
	int64_t n;
	double threshold;
	int64_t ties;
} choice;

/* A number that is larger where x is. */
static uint64_t ordered(double x)
{
	uint64_t bits;
	x += 0.0; /* -0 is 0 */
	memcpy(&bits, &x, sizeof bits);
	return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static double from_ordered(uint64_t key)
{
	uint64_t bits = key >> 63 ? key & ~(UINT64_C(1) << 63) : ~key;
	double x;
	memcpy(&x, &bits, sizeof x);
	return x;
}

/*
 * The top_k-th largest logit, found byte by byte from the highest: among those whose upper bytes are known to
 * be its own, count how many have each next byte. Not more than the finite ones are asked for.
 */
static void restrict_to(choice *c, int64_t top_k)
{
	uint64_t key = 0;
	int64_t left = top_k; /* which it is, from the largest on, among those that share the bytes so far */
	for (int shift = 56; shift >= 0; shift -= 8) {
		int64_t count[256] = {0};
		for (int64_t k = 0; k < c->n; k++) {
			uint64_t x = ordered((double)c->logits[k]);
			if (isfinite(c->logits[k]) && (shift == 56 || (x ^ key) >> (shift + 8) == 0))
				count[x >> shift & 255]++;
		}
		int byte = 255;
		for (; left > count[byte]; byte--)
			left -= count[byte];
		key |= (uint64_t)byte << shift;
	}
	c->threshold = from_ordered(key);
	c->ties = left;
}

/* The next index from k on that may be drawn, or n. `ties` counts down. */
static int64_t next(const choice *c, int64_t k, int64_t *ties)
{
	for (; k < c->n; k++) {
		if (!isfinite(c->logits[k]) || (double)c->logits[k] < c->threshold)
			continue;
		if ((double)c->logits[k] > c->threshold || (*ties)-- > 0)
			break;
	}
	return k;
}

int64_t tl_sample_index(const tl_real *logits, int64_t n, double temperature, tl_rng *rng)
{
	return tl_sample_top_k(logits, n, 0, temperature, rng);
}

int64_t tl_sample_top_k(const tl_real *logits, int64_t n, int64_t top_k, double temperature, tl_rng *rng)
{
	choice c = {logits, n, -(double)INFINITY, 0};
	int64_t best = -1, finite = 0;
	for (int64_t k = 0; k < n; k++) {
		if (!isfinite(logits[k]))
			continue;
		finite++;
		if (best < 0 || logits[k] > logits[best])
			best = k;
	}
	if (best < 0 || temperature <= 0)
		return best;
	if (top_k > 0 && top_k < finite)
		restrict_to(&c, top_k);
	double total = 0;
	int64_t ties = c.ties;
	for (int64_t k = next(&c, 0, &ties); k < n; k = next(&c, k + 1, &ties))
		total += exp((double)(logits[k] - logits[best]) / temperature);
	double left = tl_rng_uniform(rng) * total;
	ties = c.ties;
	for (int64_t k = next(&c, 0, &ties); k < n; k = next(&c, k + 1, &ties)) {
		left -= exp((double)(logits[k] - logits[best]) / temperature);
		if (left < 0)
			return k;
	}
	return best;
}
