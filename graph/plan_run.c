/* SPDX-License-Identifier: Apache-2.0 */
/* Running a plan's steps, one after the other or, in a split recurrence, by rows. */
#include "graph/plan_run.h"

#include <stdatomic.h>
#include <string.h>

#include "core/copy.h"
#include "core/gemm.h"
#include "graph/call.h"
#include "graph/profile_run.h"

#define MAP_GRAIN 16384 /* block elements times ops that are worth waking a thread for */
#define GATHER_GRAIN 65536 /* elements that are worth waking a thread for */

/* A part of the result: rows [row, row + rows), columns [column, column + columns). */
typedef struct tile {
	int64_t row, rows, column, columns;
} tile;

static void copy_rows(const tl_gemm_step *g, const tl_frame *f, const tile *t)
{
	tl_real *c = (tl_real *)tl__address(f, g->c) + t->column;
	const tl_real *rows = (const tl_real *)tl__address(f, g->rows) + t->column;
	for (int64_t r = t->row; r < t->row + t->rows; r++)
		memcpy(c + r * g->ldc, rows + r * g->rows_ld, (size_t)t->columns * sizeof *c);
}

static tl_status add_terms(
	const tl_gemm_step *g, const tl_frame *f, const tile *at, tl_pool *pool, tl_error *err)
{
	tl_status status = TL_OK;
	for (uint32_t k = 0; k < g->n_terms && !status; k++) {
		const tl_gemm_term *t = &g->terms[k];
		tl_gemm call = {
			.ta = t->ta,
			.tb = t->tb,
			.m = at->rows,
			.n = at->columns,
			.k = t->k,
			.a = (const tl_real *)tl__address(f, t->a) + at->row * (t->ta ? 1 : t->lda),
			.lda = t->lda,
			.b = (const tl_real *)tl__address(f, t->b) + at->column * (t->tb ? t->ldb : 1),
			.ldb = t->ldb,
			.beta = k > 0 || g->start != TL_START_ZERO,
			.c = (tl_real *)tl__address(f, g->c) + at->row * g->ldc + at->column,
			.ldc = g->ldc,
			.pool = pool,
		};
		status = tl__gemm(&call, err);
	}
	return status;
}

/* Tile by tile, of equal heights. */
static tl_status from_rows(const tl_gemm_step *g, const tl_frame *f, const tile *whole, tl_error *err)
{
	int64_t bands = (whole->rows + TL_TILE_ROWS - 1) / TL_TILE_ROWS;
	int64_t columns = tl__tile_columns(whole->rows, whole->columns);
	tl_status status = TL_OK;
	for (int64_t done = 0; done < whole->columns && !status; done += columns)
		for (int64_t b = 0; b < bands && !status; b++) {
			int64_t first = whole->rows * b / bands, rest = whole->columns - done;
			tile t = {whole->row + first, whole->rows * (b + 1) / bands - first,
				whole->column + done, rest < columns ? rest : columns};
			copy_rows(g, f, &t);
			status = add_terms(g, f, &t, NULL, err);
		}
	return status;
}

/* Rows of a result were written. */
static void check_rows(const tl_frame *f, const tl_real *x, int64_t rows, int64_t columns, int64_t step, tl_pool *pool)
{
	if (f->limit && tl__greatest_bits_rows(x, rows, columns, step, pool) >= f->limit)
		atomic_store(f->beyond, true);
}

tl_status tl__run_gemm(const tl_gemm_step *g, const tl_frame *f, int64_t first, int64_t last, tl_error *err)
{
	last = last < g->m ? last : g->m;
	tile t = {first, last - first, 0, g->n};
	if (first >= last)
		return TL_OK;
	tl_status status = g->start == TL_START_ROWS ? from_rows(g, f, &t, err) : add_terms(g, f, &t, NULL, err);
	check_rows(f, (const tl_real *)tl__address(f, g->c) + first * g->ldc, last - first, g->n, g->ldc, NULL);
	return status;
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

static void gemm_part(void *ctx, int64_t first, int64_t last)
{
	work *w = ctx;
	const tl_gemm_step *g = w->step;
	tl_error err;
	bool by_rows = g->m > g->n;
	int64_t size = by_rows ? g->m : g->n, from = first * TL_TILE_UNIT,
		to = last * TL_TILE_UNIT < size ? last * TL_TILE_UNIT : size;
	tile t = by_rows ? (tile){from, to - from, 0, g->n} : (tile){0, g->m, from, to - from};
	tl_error_clear(&err);
	note(w, from_rows(g, w->f, &t, &err));
}

static tl_status run_gemm(const tl_gemm_step *g, tl_frame *f, tl_pool *pool, tl_error *err)
{
	if (g->start != TL_START_ROWS)
		return add_terms(g, f, &(tile){0, g->m, 0, g->n}, pool, err);
	work w = {.f = f, .step = g};
	int64_t units = ((g->m > g->n ? g->m : g->n) + TL_TILE_UNIT - 1) / TL_TILE_UNIT;
	double each = 0;
	for (uint32_t k = 0; k < g->n_terms; k++)
		each += tl__gemm_work(g->m, g->n, g->terms[k].k) / (double)units;
	tl_parallel(pool, units, 1 + (int64_t)((double)TL_SHARED_WORK / (each + 1)), gemm_part, &w);
	int status = atomic_load(&w.status);
	return status ? tl_error_set(err, (tl_status)status, "oneDNN refused a product") : TL_OK;
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
	tl_error err;
	tl_tensor *values = tl_arena_alloc_small(f->scratch, (k->n_in + 1) * sizeof *values);
	const tl_tensor **in = tl_arena_alloc_small(f->scratch, (k->n_in + 1) * sizeof *in);
	if (!values || !in)
		return tl_error_memory(&t->error);
	tl_error_clear(&err);
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
		.pool = f->pool,
		.seed = t->seed,
		.stream = tl__stream(t, node),
		.scratch = f->scratch,
		.error = &err,
	};
	tl_status status = TL_OK;
	if (k->op->map)
		tl__map(k->op->map, k->params, call.out, in, call.n_in, f->pool);
	else
		status = k->op->kernel(&call);
	if (!status && f->limit && call.out->dtype == TL_REAL) {
		int64_t n = tl__check_size(k->op, k->params, call.out);
		check_rows(f, call.out->data, 1, n, n, f->pool);
	}
	tl_arena_clear(f->scratch);
	if (status == TL_ERR_VALUE && k->op == &tl__op_call)
		tl__check_call(t, node);
	if (status)
		tl__fail_op(t, status, k->op, call.n_in, node->in, node->scope, err.text);
	return status;
}

static void check_gemm(const tl_gemm_step *g, const tl_frame *f)
{
	check_rows(f, tl__address(f, g->c), g->m, g->n, g->ldc, f->pool);
}

static tl_status run_step(const tl_step *s, tl_frame *f)
{
	tl_error err;
	tl_tape *t = f->tape;
	tl_status status = TL_OK;
	tl_error_clear(&err);
	f->computed++;
	switch (s->kind) {
	case TL_STEP_GEMM:
		status = run_gemm(s->what, f, f->pool, &err);
		check_gemm(s->what, f);
		break;
	case TL_STEP_MAP:
		run_map(s->what, f, f->pool);
		break;
	case TL_STEP_KERNEL:
		return run_kernel(s->what, f);
	case TL_STEP_GATHER:
		run_gather(s->what, f, f->pool);
		break;
	case TL_STEP_COPY: {
		const tl_copy_step *c = s->what;
		tl_tensor to = tensor_at(f, &c->to), from = tensor_at(f, &c->from);
		tl__copy(&to, &from, f->pool);
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
	tl_error err;
	tl_error_clear(&err);
	for (int64_t p = first; p < last; p++) {
		int64_t from = border(w->split, (int)p, w->parts), to = border(w->split, (int)p + 1, w->parts);
		tl__lap_first(w->f->tape, 1 + (int)p);
		for (uint32_t k = w->split->first; k < w->split->last; k++) {
			const tl_step *s = &w->plan->steps[k];
			if (s->kind == TL_STEP_GEMM) {
				note(w, tl__run_gemm(s->what, w->f, from, to, &err));
			} else {
				int64_t rows = tl__map_rows(s->what);
				if (from < rows)
					tl__run_map(s->what, w->f, (int)p, from, to < rows ? to : rows);
			}
			tl__lap(w->f->tape, 1 + (int)p, k);
		}
	}
}

static tl_status run_split(const tl_plan *plan, const tl_split *split, tl_frame *f)
{
	tl_tape *t = f->tape;
	work w = {.plan = plan, .f = f, .split = split, .parts = tl_pool_threads(f->pool)};
	if (w.parts > split->rows)
		w.parts = (int)split->rows;
	tl_parallel(f->pool, w.parts, 1, split_parts, &w);
	f->computed += split->last - split->first;
	int status = atomic_load(&w.status);
	if (!status)
		return TL_OK;
	const tl_node *node = &t->nodes[plan->steps[split->first].node];
	tl__fail_op(t, (tl_status)status, node->op, (int)node->n_in, node->in, node->scope,
		"oneDNN refused a product");
	return t->error.status;
}

static bool beyond(const tl_frame *f)
{
	return f->limit && atomic_load(f->beyond);
}

tl_status tl__run_plan(const tl_plan *plan, tl_frame *f)
{
	uint32_t next = 0;
	tl_status status = TL_OK;
	for (uint32_t k = 0; k < plan->n_steps && !status && !beyond(f);) {
		f->last = k;
		if (next < plan->n_splits && plan->splits[next].first == k) {
			status = run_split(plan, &plan->splits[next], f);
			tl__lap(f->tape, 0, k);
			k = plan->splits[next++].last;
		} else {
			status = run_step(&plan->steps[k], f);
			tl__lap(f->tape, 0, k++);
		}
	}
	return status;
}
