/* SPDX-License-Identifier: Apache-2.0 */
/* Running a plan's steps, one after the other or, in a split recurrence, by rows. */
#include "graph/plan_run.h"

#include <stdatomic.h>
#include <string.h>

#include "core/gemm.h"

#define MAP_GRAIN 16384    /* block elements times ops that are worth waking a thread for */
#define GATHER_GRAIN 65536 /* elements that are worth waking a thread for */
#define ROWS_AT_ONCE 128   /* of a product that starts from rows: they stay in the cache until gemm adds */

static void copy_rows(const tl_gemm_step *g, const tl_frame *f, int64_t first, int64_t last)
{
	tl_real *c = tl__address(f, g->c);
	const tl_real *rows = tl__address(f, g->rows);
	for (int64_t r = first; r < last; r++)
		memcpy(c + r * g->ldc, rows + r * g->rows_ld, (size_t)g->n * sizeof *c);
}

static tl_status add_terms(const tl_gemm_step *g, const tl_frame *f, int64_t first, int64_t last, tl_pool *pool, tl_error *err)
{
	tl_status status = TL_OK;
	for (uint32_t k = 0; k < g->n_terms && !status; k++) {
		const tl_gemm_term *t = &g->terms[k];
		tl_gemm call = {
			.ta = t->ta,
			.tb = t->tb,
			.m = last - first,
			.n = g->n,
			.k = t->k,
			.a = (const tl_real *)tl__address(f, t->a) + first * (t->ta ? 1 : t->lda),
			.lda = t->lda,
			.b = tl__address(f, t->b),
			.ldb = t->ldb,
			.beta = k > 0 || g->start != TL_START_ZERO,
			.c = (tl_real *)tl__address(f, g->c) + first * g->ldc,
			.ldc = g->ldc,
			.pool = pool,
		};
		status = tl__gemm(&call, err);
	}
	return status;
}

tl_status tl__run_gemm(const tl_gemm_step *g, const tl_frame *f, int64_t first, int64_t last, tl_error *err)
{
	last = last < g->m ? last : g->m;
	if (first >= last)
		return TL_OK;
	if (g->start == TL_START_ROWS)
		copy_rows(g, f, first, last);
	return add_terms(g, f, first, last, NULL, err);
}

/* What threads share. */
typedef struct work {
	const tl_plan *plan;
	tl_frame *f;
	const tl_split *split;
	const void *step;
	int64_t rows;
	int parts;
	atomic_int status;
	tl_error error; /* of part 0 */
} work;

static void note(work *w, tl_status status)
{
	int ok = TL_OK;
	if (status)
		atomic_compare_exchange_strong(&w->status, &ok, (int)status);
}

static void gemm_chunks(void *ctx, int64_t first, int64_t last)
{
	work *w = ctx;
	const tl_gemm_step *g = w->step;
	tl_error err = {0};
	for (int64_t k = first; k < last; k++)
		note(w, tl__run_gemm(g, w->f, k * ROWS_AT_ONCE, (k + 1) * ROWS_AT_ONCE, &err));
}

static tl_status backend_failed(tl_status status, tl_error *err)
{
	return tl_error_set(err, status, "oneDNN refused a product");
}

static tl_status run_gemm(const tl_gemm_step *g, tl_frame *f, tl_pool *pool, tl_error *err)
{
	if (g->start == TL_START_ROWS && g->m >= 2 * ROWS_AT_ONCE) {
		work w = {.f = f, .step = g};
		tl_parallel(pool, (g->m + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE, 1, gemm_chunks, &w);
		int status = atomic_load(&w.status);
		return status ? backend_failed((tl_status)status, err) : TL_OK;
	}
	if (g->start == TL_START_ROWS)
		copy_rows(g, f, 0, g->m);
	return add_terms(g, f, 0, g->m, pool, err);
}

static void map_parts(void *ctx, int64_t first, int64_t last)
{
	work *w = ctx;
	for (int64_t p = first; p < last; p++)
		tl__run_map(w->step, w->f, (int)p, w->rows * p / w->parts, w->rows * (p + 1) / w->parts);
}

static void run_map(const tl_map_step *m, tl_frame *f, tl_pool *pool)
{
	work w = {.f = f, .step = m, .rows = tl__map_rows(m)};
	int64_t cost = w.rows * m->dim[m->axes - 1] * m->n_ops;
	w.parts = tl_pool_threads(pool);
	if (cost / w.parts < MAP_GRAIN || w.rows < w.parts)
		tl__run_map(m, f, 0, 0, w.rows);
	else
		tl_parallel(pool, w.parts, 1, map_parts, &w);
}

static void gather_pieces(void *ctx, int64_t first, int64_t last)
{
	work *w = ctx;
	const tl_gather_step *g = w->step;
	for (int64_t k = first; k < last; k++) {
		const tl_piece *p = &g->pieces[k];
		tl_real *to = tl__address(w->f, p->to);
		const tl_real *from = tl__address(w->f, p->from);
		for (int64_t r = 0; r < p->rows; r++)
			memcpy(to + r * p->to_ld, from + r * p->from_ld, (size_t)g->columns * sizeof *to);
	}
}

static void run_gather(const tl_gather_step *g, tl_frame *f, tl_pool *pool)
{
	work w = {.f = f, .step = g};
	if (g->rows * g->columns < GATHER_GRAIN)
		gather_pieces(&w, 0, g->n);
	else
		tl_parallel(pool, g->n, 1, gather_pieces, &w);
}

static tl_tensor tensor_at(const tl_frame *f, const tl_at *at)
{
	tl_tensor t = at->t;
	t.data = f->bases[at->base] + ((char *)at->t.data - TL_PLAN_BASE);
	return t;
}

static tl_status run_kernel(const tl_kernel_step *k, tl_frame *f)
{
	tl_tape *t = f->tape;
	tl_error err = {0};
	tl_tensor *values = tl_arena_alloc_small(f->scratch, (k->n_in + 1) * sizeof *values);
	const tl_tensor **in = tl_arena_alloc_small(f->scratch, (k->n_in + 1) * sizeof *in);
	if (!values || !in)
		return tl_error_memory(&t->error);
	for (uint32_t r = 0; r <= k->n_in; r++) {
		values[r] = tensor_at(f, &k->in[r]);
		in[r] = &values[r];
	}
	const tl_node *node = &t->nodes[k->node];
	tl_call call = {
		.params = k->params,
		.n_in = (int)k->n_in,
		.in = in,
		.out = &values[k->n_in],
		.pool = t->pool,
		.seed = t->seed,
		.stream = t->step << 24 | node->draw,
		.scratch = f->scratch,
		.error = &err,
	};
	tl_status status = TL_OK;
	if (k->op->map)
		tl__map(k->op->map, k->params, call.out, in, call.n_in, t->pool);
	else
		status = k->op->kernel(&call);
	tl_arena_clear(f->scratch);
	if (status)
		tl__fail_op(t, status, k->op, call.n_in, node->in, node->scope, err.text);
	return status;
}

static tl_status run_step(const tl_step *s, tl_frame *f)
{
	tl_error err = {0};
	tl_tape *t = f->tape;
	tl_status status = TL_OK;
	f->computed++;
	switch (s->kind) {
	case TL_STEP_GEMM: status = run_gemm(s->what, f, t->pool, &err); break;
	case TL_STEP_MAP: run_map(s->what, f, t->pool); break;
	case TL_STEP_KERNEL: return run_kernel(s->what, f);
	case TL_STEP_GATHER: run_gather(s->what, f, t->pool); break;
	case TL_STEP_COPY: {
		const tl_copy_step *c = s->what;
		tl_tensor to = tensor_at(f, &c->to), from = tensor_at(f, &c->from);
		tl_tensor_copy(&to, &from);
		break;
	}
	}
	if (status) {
		const tl_node *node = &t->nodes[s->node];
		tl__fail_op(t, status, node->op, (int)node->n_in, node->in, node->scope, err.text);
	}
	return status;
}

/* The first row of part p: rows before it make up p / parts of the work. */
static int64_t border(const tl_split *s, int p, int parts)
{
	double want = s->weight[s->rows] * p / parts;
	int64_t row = 0;
	while (row < s->rows && s->weight[row] + 0.5 * (s->weight[row + 1] - s->weight[row]) < want)
		row++;
	return p == parts ? s->rows : row;
}

static void split_parts(void *ctx, int64_t first, int64_t last)
{
	work *w = ctx;
	tl_error err = {0};
	for (int64_t p = first; p < last; p++) {
		int64_t from = border(w->split, (int)p, w->parts), to = border(w->split, (int)p + 1, w->parts);
		for (uint32_t k = w->split->first; k < w->split->last; k++) {
			const tl_step *s = &w->plan->steps[k];
			if (s->kind == TL_STEP_GEMM) {
				note(w, tl__run_gemm(s->what, w->f, from, to, &err));
			} else {
				int64_t rows = tl__map_rows(s->what);
				if (from < rows)
					tl__run_map(s->what, w->f, (int)p, from, to < rows ? to : rows);
			}
		}
	}
}

static tl_status run_split(const tl_plan *plan, const tl_split *split, tl_frame *f)
{
	tl_tape *t = f->tape;
	work w = {.plan = plan, .f = f, .split = split, .parts = tl_pool_threads(t->pool)};
	if (w.parts > split->rows)
		w.parts = (int)split->rows;
	tl_parallel(t->pool, w.parts, 1, split_parts, &w);
	f->computed += split->last - split->first;
	int status = atomic_load(&w.status);
	if (!status)
		return TL_OK;
	const tl_node *node = &t->nodes[plan->steps[split->first].node];
	tl__fail_op(t, (tl_status)status, node->op, (int)node->n_in, node->in, node->scope, "oneDNN refused a product");
	return t->error.status;
}

tl_status tl__run_plan(const tl_plan *plan, tl_frame *f)
{
	uint32_t next = 0;
	tl_status status = TL_OK;
	for (uint32_t k = 0; k < plan->n_steps && !status;) {
		if (next < plan->n_splits && plan->splits[next].first == k) {
			status = run_split(plan, &plan->splits[next], f);
			k = plan->splits[next++].last;
		} else {
			status = run_step(&plan->steps[k++], f);
		}
	}
	return status;
}
