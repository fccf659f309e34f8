/* SPDX-License-Identifier: Apache-2.0 */
#include "core/statistics.h"

#include <float.h>
#include <math.h>

#include "core/walk.h"

typedef struct sums {
	tl_statistics s;
	tl_dtype dtype;
	double sum, magnitudes, squares;
	double unit; /* squares are of elements measured in it */
} sums;

static double element(const char *at, tl_dtype dtype, int64_t offset)
{
	return dtype == TL_REAL ? (double)((const tl_real *)(const void *)at)[offset]
				: (double)((const int32_t *)(const void *)at)[offset];
}

static void add(void *ctx, int64_t n, char *const *at, const int64_t *step)
{
	sums *all = ctx;
	tl_statistics *s = &all->s;
	for (int64_t i = 0; i < n; i++) {
		double x = element(at[0], all->dtype, i * step[0]);
		if (!isfinite(x)) {
			*(isnan(x) ? &s->nans : &s->infinite) += 1;
			continue;
		}
		s->least = s->finite == 0 || x < s->least ? x : s->least;
		s->greatest = s->finite == 0 || x > s->greatest ? x : s->greatest;
		s->finite++;
		s->zeros += x == 0;
		all->sum += x / all->unit;
		all->magnitudes += fabs(x / all->unit);
		all->squares += x / all->unit * (x / all->unit);
	}
	s->count += n;
}

tl_statistics tl_statistics_of(const tl_tensor *t)
{
	sums all = {.dtype = t->dtype, .unit = 1};
	if (tl_shape_size(t->shape) == 0)
		return all.s;
	tl__walk(1, &t, add, &all);
	double most = fmax(fabs(all.s.least), fabs(all.s.greatest));
	if (most > 0 && (!(all.squares < DBL_MAX) || all.squares < DBL_MIN / DBL_EPSILON)) {
		all = (sums){.dtype = t->dtype, .unit = most};
		tl__walk(1, &t, add, &all);
	}
	if (all.s.finite) {
		all.s.mean = all.sum / (double)all.s.finite * all.unit;
		all.s.magnitude = all.magnitudes / (double)all.s.finite * all.unit;
		all.s.norm = sqrt(all.squares) * all.unit;
	}
	return all.s;
}
