/* SPDX-License-Identifier: Apache-2.0 */
#include "models/sample.h"

#include <math.h>

int64_t tl_sample_index(const tl_real *logits, int64_t n, double temperature, tl_rng *rng)
{
	int64_t best = -1;
	for (int64_t k = 0; k < n; k++)
		if (isfinite(logits[k]) && (best < 0 || logits[k] > logits[best]))
			best = k;
	if (best < 0 || temperature <= 0)
		return best;
	double total = 0;
	for (int64_t k = 0; k < n; k++)
		if (isfinite(logits[k]))
			total += exp((double)(logits[k] - logits[best]) / temperature);
	double left = tl_rng_uniform(rng) * total;
	for (int64_t k = 0; k < n; k++) {
		if (!isfinite(logits[k]))
			continue;
		left -= exp((double)(logits[k] - logits[best]) / temperature);
		if (left < 0)
			return k;
	}
	return best;
}
