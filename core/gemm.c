/* SPDX-License-Identifier: Apache-2.0 */
#include "core/gemm.h"

#include <stdio.h>

#ifdef TL_DOUBLE

tl_status tl__gemm(const tl_gemm *g, tl_error *err)
{
	(void)err;
	tl__gemm_plain(g);
	return TL_OK;
}

const char *tl_gemm_backend(char buf[32])
{
	snprintf(buf, 32, "plain C");
	return buf;
}

#else

#include <stdatomic.h>

#include "core/onednn.h"

typedef struct shared {
	const tl_gemm *whole;
	bool rows; /* cut C's rows, else its columns */
	atomic_int status;
} shared;

static dnnl_status_t run(const tl_gemm *g)
{
	int before = tl__onednn_enter();
	dnnl_status_t status = dnnl_sgemm(g->ta ? 'T' : 'N', g->tb ? 'T' : 'N', g->m, g->n, g->k, 1.0f, g->a, g->lda,
		g->b, g->ldb, g->beta, g->c, g->ldc);
	tl__onednn_leave(before);
	return status;
}

/* How long each of the fewest parts of equal length is that are no longer than `most`. */
static int64_t part_length(int64_t n, int64_t most)
{
	int64_t parts = (n + most - 1) / most;
	return ((n + parts - 1) / parts + TL_TILE_UNIT - 1) / TL_TILE_UNIT * TL_TILE_UNIT;
}

/* Tile by tile: what one of them reads and writes stays in the second-level cache, whatever oneDNN does. */
static dnnl_status_t run_tiles(const tl_gemm *g)
{
	int64_t rows = part_length(g->m, TL_TILE_ROWS), columns = part_length(g->n, tl__tile_columns(g->m, g->n));
	int64_t depth = part_length(g->k, TL_TILE_DEPTH);
	dnnl_status_t status = dnnl_success;
	for (int64_t n = 0; n < g->n; n += columns)
		for (int64_t m = 0; m < g->m; m += rows)
			for (int64_t k = 0; k < g->k && status == dnnl_success; k += depth) {
				tl_gemm t = *g;
				t.m = g->m - m < rows ? g->m - m : rows;
				t.n = g->n - n < columns ? g->n - n : columns;
				t.k = g->k - k < depth ? g->k - k : depth;
				t.a += g->ta ? k * g->lda + m : m * g->lda + k;
				t.b += g->tb ? n * g->ldb + k : k * g->ldb + n;
				t.c += m * g->ldc + n;
				t.beta = k > 0 ? 1 : g->beta;
				status = run(&t);
			}
	return status;
}

/* Units first..last-1 of C's rows or columns. */
static void run_part(void *ctx, int64_t first, int64_t last)
{
	shared *s = ctx;
	tl_gemm g = *s->whole;
	int64_t size = s->rows ? g.m : g.n, from = first * TL_TILE_UNIT, to = last * TL_TILE_UNIT;
	to = to < size ? to : size;
	if (s->rows) {
		g.a += from * (g.ta ? 1 : g.lda);
		g.c += from * g.ldc;
		g.m = to - from;
	} else {
		g.b += from * (g.tb ? g.ldb : 1);
		g.c += from;
		g.n = to - from;
	}
	dnnl_status_t status = run_tiles(&g);
	if (status != dnnl_success)
		atomic_store(&s->status, (int)status);
}

tl_status tl__gemm(const tl_gemm *g, tl_error *err)
{
	if (g->m == 0 || g->n == 0)
		return TL_OK;
	if (g->k == 0) {
		tl__gemm_plain(g);
		return TL_OK;
	}
	shared s = {.whole = g, .rows = g->m > g->n};
	int64_t units = ((s.rows ? g->m : g->n) + TL_TILE_UNIT - 1) / TL_TILE_UNIT;
	double each = tl__gemm_work(g->m, g->n, g->k) / (double)units;
	tl_parallel(g->pool, units, 1 + (int64_t)((double)TL_SHARED_WORK / (each + 1)), run_part, &s);
	int status = atomic_load(&s.status);
	if (status == dnnl_success)
		return TL_OK;
	return tl_error_set(err, status == dnnl_out_of_memory ? TL_ERR_MEMORY : TL_ERR_BACKEND,
		"oneDNN refused a product of %lld x %lld x %lld (status %d)", (long long)g->m, (long long)g->n,
		(long long)g->k, status);
}

const char *tl_gemm_backend(char buf[32])
{
	const dnnl_version_t *v = dnnl_version();
	snprintf(buf, 32, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
	return buf;
}

#endif
