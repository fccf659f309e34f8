/* SPDX-License-Identifier: Apache-2.0 */
#include "core/map.h"

#include <assert.h>

#include "core/walk.h"

#define MAP_GRAIN 32768 /* elements that are worth waking a thread for */

struct map {
	tl_map_fn fn;
	const void *params;
	int n_in;
	tl_walk walk;
};

static void map_run(void *ctx, int64_t n, char *const *at, const int64_t *step)
{
	const struct map *m = ctx;
	tl_real buffer[TL_MAP_MAX][TL_BLOCK];
	const tl_real *in[TL_MAP_MAX] = {0};
	tl_real *out = (tl_real *)at[0];
	for (int64_t done = 0; done < n; done += TL_BLOCK) {
		int64_t count = n - done < TL_BLOCK ? n - done : TL_BLOCK;
		for (int k = 0; k < m->n_in; k++) {
			const tl_real *from = (const tl_real *)at[k + 1];
			int64_t s = step[k + 1];
			if (s == 1) {
				in[k] = from + done;
				continue;
			}
			if (s != 0 || done == 0)
				for (int64_t i = 0; i < count; i++)
					buffer[k][i] = from[(done + i) * s];
			in[k] = buffer[k];
		}
		m->fn(m->params, count, out + done, in);
	}
}

static void map_rows(void *ctx, int64_t first, int64_t last)
{
	struct map *m = ctx;
	tl__walk_rows(&m->walk, first, last, map_run, m);
}

/* One long run, cut between threads. */
static void map_part(void *ctx, int64_t first, int64_t last)
{
	struct map *m = ctx;
	char *at[TL_WALK_MAX];
	int64_t step[TL_WALK_MAX];
	for (int k = 0; k < m->walk.n; k++) {
		step[k] = m->walk.stride[k][0];
		at[k] = m->walk.base[k] + first * step[k] * (int64_t)m->walk.size[k];
	}
	map_run(m, last - first, at, step);
}

void tl__map(tl_map_fn fn, const void *params, const tl_tensor *out, const tl_tensor *const *in, int n_in,
	tl_pool *pool)
{
	assert(n_in <= TL_MAP_MAX && tl_tensor_is_dense(out));
	tl_tensor wide[TL_MAP_MAX];
	const tl_tensor *all[TL_MAP_MAX + 1] = {out};
	for (int k = 0; k < n_in; k++) {
		wide[k] = tl_tensor_broadcast(in[k], out->shape);
		all[k + 1] = &wide[k];
	}
	struct map m = {.fn = fn, .params = params, .n_in = n_in};
	tl__walk_init(&m.walk, n_in + 1, all);
	if (m.walk.rows == 1) {
		tl_parallel(pool, m.walk.dim[m.walk.axes - 1], MAP_GRAIN, map_part, &m);
	} else if (m.walk.rows > 1) {
		int64_t length = m.walk.dim[m.walk.axes - 1];
		tl_parallel(pool, m.walk.rows, 1 + MAP_GRAIN / length, map_rows, &m);
	}
}
