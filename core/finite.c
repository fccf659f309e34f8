/* SPDX-License-Identifier: Apache-2.0 */
#include "core/finite.h"

#include <math.h>
#include <stdatomic.h>

#include "core/vector.h"
#include "core/walk.h"

#define GRAIN 65536 /* elements that are worth waking a thread for */

#ifdef TL_DOUBLE
#define MAGNITUDE INT64_MAX
#else
#define MAGNITUDE INT32_MAX
#endif

/* Reals, read as bits. */
typedef tl_bits __attribute__((may_alias)) real_bits;

TL_VECTOR tl_bits tl__greatest_bits(int64_t n, const tl_real *x)
{
	const real_bits *bits = (const real_bits *)x;
	tl_bits most = 0;
	for (int64_t i = 0; i < n; i++) {
		tl_bits b = bits[i] & MAGNITUDE;
		most = most > b ? most : b;
	}
	return most;
}

typedef struct scan {
	const tl_real *x;
	int64_t columns, step;
	_Atomic tl_bits most;
} scan;

static void scan_rows(void *ctx, int64_t first, int64_t last)
{
	scan *s = ctx;
	tl_bits most = 0;
	if (s->columns == 1 && s->step == 1)
		most = tl__greatest_bits(last - first, s->x + first);
	else
		for (int64_t r = first; r < last; r++) {
			tl_bits b = tl__greatest_bits(s->columns, s->x + r * s->step);
			most = most > b ? most : b;
		}
	tl_bits seen = atomic_load(&s->most);
	while (seen < most && !atomic_compare_exchange_weak(&s->most, &seen, most))
		;
}

tl_bits tl__greatest_bits_rows(const tl_real *x, int64_t rows, int64_t columns, int64_t step, tl_pool *pool)
{
	scan s = {.x = x, .columns = columns, .step = step};
	if (columns == step) { /* one row behind the other: as single elements, to be shared out evenly */
		rows *= columns;
		s.columns = s.step = 1;
	}
	if (!pool || rows * s.columns < GRAIN)
		scan_rows(&s, 0, rows);
	else
		tl_parallel(pool, rows, 1 + GRAIN / (s.columns + 1), scan_rows, &s);
	return atomic_load(&s.most);
}

typedef struct place {
	int64_t at, first; /* elements that were passed; -1 */
	double value;
} place;

static void look(void *ctx, int64_t n, char *const *at, const int64_t *step)
{
	place *p = ctx;
	const tl_real *x = (const tl_real *)at[0];
	for (int64_t i = 0; i < n && p->first < 0; i++)
		if (!isfinite(x[i * step[0]])) {
			p->first = p->at + i;
			p->value = (double)x[i * step[0]];
		}
	p->at += n;
}

int64_t tl__first_not_finite(const tl_tensor *t, double *value)
{
	place p = {.first = -1};
	if (tl_shape_size(t->shape) > 0)
		tl__walk(1, &t, look, &p);
	*value = p.value;
	return p.first;
}
