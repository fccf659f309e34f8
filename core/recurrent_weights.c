/* SPDX-License-Identifier: Apache-2.0 */
#include "core/recurrent_weights.h"

#ifndef TL_DOUBLE

#include <string.h>

#include "core/copy.h"
#include "core/vector.h"

#define MOST_BLOCKS 4
#define GRAIN 32768 /* elements that are worth waking a thread for */

/*
 * Gates side by side in both layouts: in an operand from gate `from` on, in oneDNN's tensor from gate `to`
 * on.
 */
typedef struct block {
	int operand, from, to, gates;
} block;

/* A tensor of oneDNN's, (rows, gates H), is made of these blocks; returns how many. */
static int blocks_of(const tl_onednn_shape *s, int tensor, block *b)
{
	static const int operand[TL_ONEDNN_TENSORS] = {[TL_ONEDNN_W] = TL_RECURRENT_W,
		[TL_ONEDNN_U] = TL_RECURRENT_U,
		[TL_ONEDNN_PEEP] = TL_RECURRENT_PEEP,
		[TL_ONEDNN_PROJ] = TL_RECURRENT_PROJ,
		[TL_ONEDNN_BIAS] = TL_RECURRENT_B};
	int whole = operand[tensor];
	bool gru = s->cell == TL_ONEDNN_GRU, lbr = s->cell == TL_ONEDNN_LBR_GRU;
	if (!gru && !lbr) {
		b[0] = (block){whole, 0, 0,
			tensor == TL_ONEDNN_PROJ   ? 1
			: tensor == TL_ONEDNN_PEEP ? 3
						   : (int)tl__onednn_gates(s->cell)};
		return 1;
	}
	b[0] = (block){whole, 0, 1, 1}; /* r */
	b[1] = (block){whole, 1, 0, 1}; /* z, oneDNN's u */
	b[2] = (block){whole, 2, 2, 1};
	if (gru && tensor == TL_ONEDNN_U)
		b[2] = (block){TL_RECURRENT_MORE, 0, 2, 1};
	b[3] = (block){TL_RECURRENT_MORE, 0, 3, 1};
	return lbr && tensor == TL_ONEDNN_BIAS ? 4 : 3;
}

/* The matrix that tensor k is: rows, gates, elements of a gate. */
typedef struct matrix {
	int64_t rows, gates, width;
} matrix;

static int64_t columns_of(const matrix *m)
{
	return m->gates * m->width;
}

static matrix matrix_of(const tl_onednn_shape *s, int k)
{
	int64_t gates = tl__onednn_gates(s->cell), h = s->hidden;
	switch (k) {
	case TL_ONEDNN_W:
		return (matrix){s->input, gates, h};
	case TL_ONEDNN_U:
		return (matrix){s->out, gates, h};
	case TL_ONEDNN_PROJ:
		return (matrix){h, 1, s->out};
	case TL_ONEDNN_PEEP:
		return (matrix){1, 3, h};
	default:
		break;
	}
	gates += s->cell == TL_ONEDNN_LBR_GRU;
	return (matrix){1, gates, h};
}

static bool has(const tl_onednn_shape *s, int k)
{
	return k == TL_ONEDNN_W || k == TL_ONEDNN_U || k == TL_ONEDNN_BIAS ||
	       (k == TL_ONEDNN_PEEP && s->peephole) || (k == TL_ONEDNN_PROJ && s->projected);
}

/* Vectors are never transposed. */
static bool turned(int k, bool transposed)
{
	return transposed && k != TL_ONEDNN_PEEP && k != TL_ONEDNN_BIAS;
}

/* From row to row of the transposed matrix. */
static int64_t turned_ld(int k, const matrix *m)
{
	return k == TL_ONEDNN_PROJ ? m->rows : tl__onednn_ld(m->rows);
}

/* Of tensor k, padding included. */
static int64_t size_of(const tl_onednn_shape *s, int k, bool transposed)
{
	matrix m = matrix_of(s, k);
	return columns_of(&m) * (turned(k, transposed) ? turned_ld(k, &m) : m.rows);
}

/* Whether tensor k is the dense operand as it is. */
static bool is_operand(const tl_onednn_shape *s, int k)
{
	block b[MOST_BLOCKS];
	return blocks_of(s, k, b) == 1;
}

static bool get(const tl_onednn_shape *s, int k, bool transposed, tl_arena *scratch, tl_real **at)
{
	return (*at = tl_arena_alloc(scratch, (size_t)size_of(s, k, transposed) * sizeof(tl_real)));
}

bool tl__weights_alloc(const tl_onednn_shape *s, const tl_recurrent_run *run, bool first, tl__weights *w)
{
	bool fine = true;
	*w = (tl__weights){0};
	for (int k = TL_ONEDNN_W; k <= TL_ONEDNN_BIAS && fine; k++) {
		block b[MOST_BLOCKS];
		if (has(s, k) && first && is_operand(s, k) && blocks_of(s, k, b))
			w->at[k] = run->d[b[0].operand];
		else if (has(s, k))
			fine = get(s, k, false, run->scratch, &w->at[k]);
	}
	return fine;
}

void tl__weights_clear(const tl_onednn_shape *s, const tl__weights *w)
{
	for (int k = TL_ONEDNN_W; k <= TL_ONEDNN_BIAS; k++)
		if (w->at[k])
			memset(w->at[k], 0, (size_t)size_of(s, k, false) * sizeof(tl_real));
}

/* A matrix as a tensor; the axis along which it is written comes last. */
static tl_tensor look_at(tl_real *data, int64_t rows, int64_t columns, int64_t down, int64_t right, bool turn)
{
	return turn ? (tl_tensor){TL_REAL, TL_SHAPE(columns, rows), {right, down}, data}
		    : (tl_tensor){TL_REAL, TL_SHAPE(rows, columns), {down, right}, data};
}

static void set_block(const tl_tensor *operand, const matrix *m, const block *b, tl_real *at, int64_t ld,
	bool turn, tl_pool *pool)
{
	int last = (int)operand->shape.axes - 1;
	int64_t right = operand->stride[last], down = last ? operand->stride[0] : 0,
		columns = b->gates * m->width;
	tl_real *source = (tl_real *)operand->data + b->from * m->width * right;
	tl_tensor from = look_at(source, m->rows, columns, down, right, turn);
	at += b->to * m->width * (turn ? ld : 1);
	tl_tensor to = look_at(at, m->rows, columns, turn ? 1 : ld, turn ? ld : 1, turn);
	tl__copy(&to, &from, pool);
}

static bool set_tensor(
	const tl_onednn_shape *s, const tl_recurrent_run *run, int k, bool transposed, tl_real **at)
{
	block b[MOST_BLOCKS];
	matrix m = matrix_of(s, k);
	bool turn = turned(k, transposed);
	int n = blocks_of(s, k, b);
	const tl_tensor *first = run->in[b[0].operand];
	if (!turn && is_operand(s, k) && tl_tensor_is_dense(first)) {
		*at = first->data;
		return true;
	}
	if (!get(s, k, transposed, run->scratch, at))
		return false;
	for (int i = 0; i < n; i++)
		set_block(run->in[b[i].operand], &m, &b[i], *at, turn ? turned_ld(k, &m) : columns_of(&m), turn,
			run->pool);
	return true;
}

bool tl__weights_set(const tl_onednn_shape *s, const tl_recurrent_run *run, bool transposed, tl__weights *w)
{
	bool fine = true;
	*w = (tl__weights){0};
	for (int k = TL_ONEDNN_W; k <= TL_ONEDNN_BIAS && fine; k++)
		fine = !has(s, k) || set_tensor(s, run, k, transposed, &w->at[k]);
	return fine;
}

/* A block of the sum. */
typedef struct addition {
	const tl__weights *w;
	int n, tensor;
	matrix m;
	block b;
	tl_real *to; /* the operand's gradient */
	int64_t to_ld;
} addition;

TL_VECTOR static void add_row(tl_real *to, const tl_real *x, const tl_real *y, int64_t n)
{
	TL_INDEPENDENT
	for (int64_t j = 0; j < n; j++)
		to[j] = x[j] + y[j];
}

static void add_rows(void *ctx, int64_t first, int64_t last)
{
	const addition *a = ctx;
	int64_t width = a->b.gates * a->m.width;
	for (int64_t i = first; i < last; i++) {
		tl_real *to = a->to + i * a->to_ld + a->b.from * a->m.width;
		int64_t at = i * columns_of(&a->m) + a->b.to * a->m.width;
		const tl_real *sum = a->w[0].at[a->tensor] + at;
		for (int k = 1; k < a->n; k++, sum = to)
			add_row(to, sum, a->w[k].at[a->tensor] + at, width);
		if (to != sum)
			memcpy(to, sum, (size_t)width * sizeof *to);
	}
}

void tl__weights_sum(const tl_onednn_shape *s, const tl_recurrent_run *run, int n, const tl__weights *w)
{
	for (int k = TL_ONEDNN_W; k <= TL_ONEDNN_BIAS; k++) {
		block b[MOST_BLOCKS];
		matrix m = matrix_of(s, k);
		for (int i = w->at[k] ? blocks_of(s, k, b) : 0; i-- > 0;) {
			tl_shape shape = run->in[b[i].operand]->shape;
			addition a = {w, n, k, m, b[i], run->d[b[i].operand], shape.dim[shape.axes - 1]};
			tl_parallel(run->pool, m.rows, 1 + GRAIN / (b[i].gates * m.width), add_rows, &a);
		}
	}
}

#endif
