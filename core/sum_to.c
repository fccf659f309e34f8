/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums of tensors over any axes. Every number of the result has a total in double. Threads take parts of
 * the result along its first axis, so no sum is cut and the totals of a part lie one behind the other; a
 * sum to a single number is cut into pieces of fixed size instead.
 *
 * The two innermost axes of an operand, merged with its neighbours (core/walk.h), are its rows and
 * columns:
 *
 *	rows summed            ROWS of them into a partial row, that into the totals
 *	columns summed         tl__sum of each row
 *	neither                added to the totals one by one
 */
#include "core/sum.h"

#include <string.h>

#include "core/map.h"
#include "core/vector.h"
#include "core/walk.h"

#define ROWS 64     /* of a partial row */
#define GRAIN 32768 /* elements worth waking a thread for */
#define COLUMNS 128 /* of a part, lest threads share cache lines */

/* Adds `rows` rows of at most TL_BLOCK columns to the totals. */
TL_VECTOR static void add_rows(int64_t rows, int64_t columns, const tl_real *x, int64_t step, double *total)
{
	tl_real partial[TL_BLOCK];
	for (int64_t done = 0; done < rows; done += ROWS) {
		int64_t last = rows - done < ROWS ? rows : done + ROWS;
		memcpy(partial, x + done * step, (size_t)columns * sizeof *x);
		for (int64_t r = done + 1; r < last; r++)
			for (int64_t i = 0; i < columns; i++)
				partial[i] += x[r * step + i];
		for (int64_t i = 0; i < columns; i++)
			total[i] += partial[i];
	}
}

TL_VECTOR static void add_each(int64_t n, const tl_real *x, int64_t step, double *total)
{
	for (int64_t i = 0; i < n; i++)
		total[i] += x[i * step];
}

TL_VECTOR static void round_totals(int64_t n, const double *total, tl_real *out)
{
	for (int64_t i = 0; i < n; i++)
		out[i] = (tl_real)total[i];
}

/* The innermost axis of an operand. */
struct columns {
	int64_t n, step;
	bool summed;
};

/* at: totals, operand */
static void rows_run(void *ctx, int64_t n, char *const *at, const int64_t *step)
{
	const struct columns *c = ctx;
	double *total = (double *)at[0];
	const tl_real *x = (const tl_real *)at[1];
	if (c->summed)
		for (int64_t i = 0; i < n; i++)
			total[i * step[0]] += tl__sum(c->n, x + i * step[1], c->step);
	else if (step[0] != 0)
		for (int64_t i = 0; i < n; i++)
			add_each(c->n, x + i * step[1], c->step, total + i * step[0]);
	else if (c->step != 1)
		for (int64_t i = 0; i < c->n; i++)
			total[i] += tl__sum(n, x + i * c->step, step[1]);
	else
		for (int64_t i = 0; i < c->n; i += TL_BLOCK)
			add_rows(n, c->n - i < TL_BLOCK ? c->n - i : TL_BLOCK, x + i, step[1], total + i);
}

/* `totals` has the result's shape; its data are doubles. */
static void add_operand(const tl_tensor *totals, const tl_tensor *x)
{
	tl_tensor wide = tl_tensor_broadcast(totals, x->shape);
	tl_walk w;
	tl__walk_init(&w, 2, (const tl_tensor *[]){&wide, x});
	if (w.rows == 0)
		return;
	w.size[0] = sizeof(double);
	int inner = w.axes - 1;
	struct columns c = {w.dim[inner], w.stride[1][inner], w.stride[0][inner] == 0};
	if (inner > 0) {
		w.axes--;
		w.rows /= w.dim[inner - 1];
	} else {
		w.dim[0] = 1;
		w.stride[0][0] = w.stride[1][0] = 0;
	}
	tl__walk_rows(&w, 0, w.rows, rows_run, &c);
}

struct sums {
	const tl_tensor *out;
	int n;
	const tl_tensor *const *in;
	double *total;
	int axis; /* the first one of out with more than one element */
	int64_t inner;
};

static void sum_part(void *ctx, int64_t first, int64_t last)
{
	const struct sums *s = ctx;
	tl_shape shape = s->out->shape;
	int64_t size = (last - first) * s->inner, at = first * s->inner;
	memset(s->total + at, 0, (size_t)size * sizeof *s->total);
	shape.dim[s->axis] = last - first;
	tl_tensor totals = tl_tensor_dense(TL_REAL, shape, s->total + at);
	for (int k = 0; k < s->n; k++) {
		tl_tensor x = *s->in[k];
		int64_t axis = s->axis + x.shape.axes - shape.axes;
		x.shape.dim[axis] = last - first;
		x.data = (tl_real *)x.data + first * x.stride[axis];
		add_operand(&totals, &x);
	}
	round_totals(size, s->total + at, (tl_real *)s->out->data + at);
}

/* One operand, cut into pieces of GRAIN elements. */
struct pieces {
	const tl_real *x;
	int64_t n;
	double *total;
};

static void sum_pieces(void *ctx, int64_t first, int64_t last)
{
	const struct pieces *p = ctx;
	for (int64_t k = first; k < last; k++) {
		int64_t rest = p->n - k * GRAIN;
		p->total[k] = tl__sum(rest < GRAIN ? rest : GRAIN, p->x + k * GRAIN, 1);
	}
}

static bool add_all(double *total, const tl_tensor *x, tl_pool *pool, tl_arena *scratch)
{
	tl_tensor totals = tl_tensor_dense(TL_REAL, TL_SCALAR, total);
	int64_t n = tl_shape_size(x->shape), count = (n + GRAIN - 1) / GRAIN;
	if (!tl_tensor_is_dense(x) || count < 2) {
		add_operand(&totals, x);
		return true;
	}
	struct pieces p = {x->data, n, tl_arena_alloc(scratch, (size_t)count * sizeof *p.total)};
	if (!p.total)
		return false;
	tl_parallel(pool, count, 1, sum_pieces, &p);
	for (int64_t k = 0; k < count; k++)
		*total += p.total[k];
	return true;
}

static bool sum_to_one(const tl_tensor *out, int n, const tl_tensor *const *in, tl_pool *pool,
	tl_arena *scratch)
{
	double total = 0;
	for (int k = 0; k < n; k++)
		if (!add_all(&total, in[k], pool, scratch))
			return false;
	*(tl_real *)out->data = (tl_real)total;
	return true;
}

bool tl__sum_to(const tl_tensor *out, int n, const tl_tensor *const *in, tl_pool *pool, tl_arena *scratch)
{
	int64_t size = tl_shape_size(out->shape), work = 0;
	struct sums s = {.out = out, .n = n, .in = in};
	if (size < 2)
		return size == 0 || sum_to_one(out, n, in, pool, scratch);
	while (out->shape.dim[s.axis] == 1)
		s.axis++;
	int64_t dim = out->shape.dim[s.axis];
	for (int k = 0; k < n; k++)
		work += tl_shape_size(in[k]->shape);
	s.inner = size / dim;
	s.total = tl_arena_alloc(scratch, (size_t)size * sizeof *s.total);
	if (!s.total)
		return false;
	int64_t grain = GRAIN / (1 + work / dim), columns = COLUMNS / s.inner;
	tl_parallel(pool, dim, 1 + (grain > columns ? grain : columns), sum_part, &s);
	return true;
}
