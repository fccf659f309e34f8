/* SPDX-License-Identifier: Apache-2.0 */
#include "optim/clip.h"

#include <math.h>

#define LANES 8 /* sums side by side, so that additions do not wait for each other */

static double sum_of_squares(int64_t n, const tl_real *x)
{
	double lane[LANES] = {0}, sum = 0;
	int64_t i = 0;
	for (; i + LANES <= n; i += LANES)
		for (int j = 0; j < LANES; j++)
			lane[j] += (double)x[i + j] * (double)x[i + j];
	for (; i < n; i++)
		sum += (double)x[i] * (double)x[i];
	for (int j = 0; j < LANES; j++)
		sum += lane[j];
	return sum;
}

/* The gradient of the next parameter from *k on that is not frozen; false past the last. */
static bool next_grad(const tl_store *store, int *k, tl_real **grad, int64_t *n)
{
	while (*k < tl_store_count(store)) {
		const tl_param *p = tl_store_at(store, (*k)++);
		if (p->frozen)
			continue;
		*grad = p->grad.data;
		*n = tl_shape_size(p->grad.shape);
		return true;
	}
	return false;
}

double tl_grad_norm(const tl_store *store)
{
	double sum = 0;
	tl_real *g;
	int64_t n;
	for (int k = 0; next_grad(store, &k, &g, &n);)
		sum += sum_of_squares(n, g);
	return sqrt(sum);
}

double tl_clip_norm(tl_store *store, double max_norm)
{
	double norm = tl_grad_norm(store), factor = max_norm / (norm + 1e-6);
	if (!(max_norm > 0) || !isfinite(norm) || factor >= 1)
		return norm;
	tl_real *g;
	int64_t n;
	for (int k = 0; next_grad(store, &k, &g, &n);)
		for (int64_t i = 0; i < n; i++)
			g[i] *= (tl_real)factor;
	return norm;
}

void tl_clip_value(tl_store *store, double limit)
{
	if (!(limit > 0))
		return;
	tl_real most = (tl_real)limit, *g;
	int64_t n;
	for (int k = 0; next_grad(store, &k, &g, &n);)
		for (int64_t i = 0; i < n; i++)
			g[i] = g[i] > most ? most : g[i] < -most ? -most : g[i];
}
