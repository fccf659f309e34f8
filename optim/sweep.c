/* SPDX-License-Identifier: Apache-2.0 */
#include "optim/sweep.h"

#include "graph/touched.h"

#define PART 32768 /* elements that stay in the second-level cache */
#define GRAIN 8    /* parts that are worth waking a thread for */

/* `count` units of `size` elements: the rows row[k], or units one behind the other. */
typedef struct sweep {
	int64_t count, size, units; /* of a part */
	const int32_t *row;
	tl_sweep_fn fn;
	void *ctx;
} sweep;

static void sweep_parts(void *ctx, int64_t first, int64_t last)
{
	const sweep *s = ctx;
	for (int64_t part = first; part < last; part++) {
		int64_t from = part * s->units, to = from + s->units < s->count ? from + s->units : s->count;
		if (!s->row)
			s->fn(s->ctx, (int)part, from * s->size, (to - from) * s->size);
		for (int64_t k = from; s->row && k < to; k++)
			s->fn(s->ctx, (int)part, s->row[k] * s->size, s->size);
	}
}

static void run(tl_pool *pool, sweep s)
{
	if (s.count == 0 || s.size == 0)
		return;
	int64_t least = (s.count + TL_SWEEP_PARTS - 1) / TL_SWEEP_PARTS;
	s.units = (PART + s.size - 1) / s.size;
	s.units = s.units > least ? s.units : least;
	tl_parallel(pool, (s.count + s.units - 1) / s.units, GRAIN, sweep_parts, &s);
}

void tl__sweep_all(tl_pool *pool, const tl_param *p, tl_sweep_fn fn, void *ctx)
{
	run(pool, (sweep){.count = tl_shape_size(p->value.shape), .size = 1, .fn = fn, .ctx = ctx});
}

void tl__sweep_nonzero(tl_pool *pool, const tl_param *p, tl_sweep_fn fn, void *ctx)
{
	if (!tl__touched_listed(p)) {
		tl__sweep_all(pool, p, fn, ctx);
		return;
	}
	run(pool, (sweep){.count = p->touched->count,
			  .size = tl_shape_size(p->value.shape) / (p->value.shape.dim[0] + !p->value.shape.dim[0]),
			  .row = p->touched->row,
			  .fn = fn,
			  .ctx = ctx});
}
