/* SPDX-License-Identifier: Apache-2.0 */
#include "optim/clip.h"

#include <math.h>

#include "core/vector.h"
#include "optim/sweep.h"

#define LANES 16 /* sums side by side, so that additions do not wait for each other */

TL_VECTOR static double sum_of_squares(int64_t n, const tl_real *x)
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

typedef struct pass {
	tl_real *grad;
	tl_real factor, limit;
	double sum[TL_SWEEP_PARTS];
} pass;

static void add_squares(void *ctx, int part, int64_t at, int64_t n)
{
	pass *p = ctx;
	p->sum[part] += sum_of_squares(n, p->grad + at);
}

TL_VECTOR static void scale(void *ctx, int part, int64_t at, int64_t n)
{
	const pass *p = ctx;
	tl_real *g = p->grad + at, factor = p->factor;
	(void)part;
	for (int64_t i = 0; i < n; i++)
		g[i] *= factor;
}

TL_VECTOR static void cut(void *ctx, int part, int64_t at, int64_t n)
{
	const pass *p = ctx;
	tl_real *g = p->grad + at, most = p->limit;
	(void)part;
	for (int64_t i = 0; i < n; i++)
		g[i] = g[i] > most ? most : g[i] < -most ? -most : g[i];
}

/* Over what may differ from 0 in a gradient that is not frozen. */
static void pass_over_one(const tl_store *store, const tl_param *param, tl_sweep_fn fn, pass *p)
{
	p->grad = param->grad.data;
	if (!param->frozen)
		tl__sweep_nonzero(tl__store_pool(store), param, fn, p);
}

static void pass_over(const tl_store *store, tl_sweep_fn fn, pass *p)
{
	for (int k = 0; k < tl_store_count(store); k++)
		pass_over_one(store, tl_store_at(store, k), fn, p);
}

static double root_of_sum(const pass *p)
{
	double sum = 0;
	for (int i = 0; i < TL_SWEEP_PARTS; i++)
		sum += p->sum[i];
	return sqrt(sum);
}

double tl_grad_norm(const tl_store *store)
{
	pass p = {0};
	pass_over(store, add_squares, &p);
	return root_of_sum(&p);
}

double tl_param_grad_norm(const tl_store *store, const tl_param *param)
{
	pass p = {0};
	pass_over_one(store, param, add_squares, &p);
	return root_of_sum(&p);
}

double tl_clip_norm(tl_store *store, double max_norm)
{
	double norm = tl_grad_norm(store), factor = max_norm / (norm + 1e-6);
	if (!(max_norm > 0) || !isfinite(norm) || factor >= 1)
		return norm;
	tl_scale_grad(store, factor);
	return norm;
}

void tl_scale_grad(tl_store *store, double factor)
{
	pass_over(store, scale, &(pass){.factor = (tl_real)factor});
}

void tl_clip_value(tl_store *store, double limit)
{
	if (limit > 0)
		pass_over(store, cut, &(pass){.limit = (tl_real)limit});
}
