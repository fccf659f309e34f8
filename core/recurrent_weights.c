/* SPDX-License-Identifier: Apache-2.0 */
#include "core/recurrent_weights.h"

#ifndef TL_DOUBLE

#include <string.h>

#include "core/copy.h"
#include "core/vector.h"

#define MOST_BLOCKS 4
#define GRAIN 32768 /* elements that are worth waking a thread for */

/* Gates side by side in both layouts: in an operand from gate `from` on, in oneDNN's tensor from gate `to` on. */
typedef struct block {
	int operand, from, to, gates;
} block;

/* A tensor of oneDNN's, (rows, gates H), is made of these blocks; returns how many. */
static int blocks_of(const tl_onednn_shape *s, int tensor, block *b)
{
	static const int operand[TL_ONEDNN_TENSORS] = {[TL_ONEDNN_W] = TL_RECURRENT_W, [TL_ONEDNN_U] = TL_RECURRENT_U,
		[TL_ONEDNN_PEEP] = TL_RECURRENT_PEEP, [TL_ONEDNN_PROJ] = TL_RECURRENT_PROJ,
		[TL_ONEDNN_BIAS] = TL_RECURRENT_B};
	int whole = operand[tensor];
	bool gru = s->cell == TL_ONEDNN_GRU, lbr = s->cell == TL_ONEDNN_LBR_GRU;
	if (!gru && !lbr) {
		b[0] = (block){whole, 0, 0, tensor == TL_ONEDNN_PROJ ? 1 : tensor == TL_ONEDNN_PEEP ? 3 : (int)tl__onednn_gates(s->cell)};
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

/* The matrix that tensor k is: rows, gates, elements of a gate, and from row to row. */
typedef struct matrix {
	int64_t rows, gates, width, ld;
} matrix;

static matrix matrix_of(const tl_onednn_shape *s, int k)
{
	int64_t gates = tl__onednn_gates(s->cell), h = s->hidden;
	switch (k) {
	case TL_ONEDNN_W: return (matrix){s->input, gates, h, tl__onednn_ld(gates * h)};
	case TL_ONEDNN_U: return (matrix){s->out, gates, h, tl__onednn_ld(gates * h)};
	case TL_ONEDNN_PROJ: return (matrix){h, 1, s->out, s->out};
	case TL_ONEDNN_PEEP: return (matrix){1, 3, h, 3 * h};
	default: break;
	}
	gates += s->cell == TL_ONEDNN_LBR_GRU;
	return (matrix){1, gates, h, gates * h};
}

static bool has(const tl_onednn_shape *s, int k)
{
	return k == TL_ONEDNN_W || k == TL_ONEDNN_U || k == TL_ONEDNN_BIAS || (k == TL_ONEDNN_PEEP && s->peephole) ||
	       (k == TL_ONEDNN_PROJ && s->projected);
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

int64_t tl__weights_size(const tl_onednn_shape *s, int k, bool transposed)
{
	matrix m = matrix_of(s, k);
	if (!has(s, k))
		return 0;
	return turned(k, transposed) ? m.gates * m.width * turned_ld(k, &m) : m.rows * m.ld;
}

bool tl__weights_alloc(const tl_onednn_shape *s, bool transposed, tl_arena *scratch, tl__weights *w)
{
	bool fine = true;
	*w = (tl__weights){0};
	for (int k = TL_ONEDNN_W; k <= TL_ONEDNN_BIAS && fine; k++)
		if (has(s, k)) {
			size_t bytes = (size_t)tl__weights_size(s, k, transposed) * sizeof(tl_real);
			fine = (w->at[k] = tl_arena_alloc(scratch, bytes));
		}
	return fine;
}

/* The columns of a block in an operand of any strides. */
static tl_tensor operand_columns(const tl_tensor *t, const matrix *m, const block *b)
{
	int last = (int)t->shape.axes - 1;
	tl_tensor look = {TL_REAL, TL_SHAPE(m->rows, b->gates * m->width), {last ? t->stride[0] : 0, t->stride[last]}, NULL};
	look.data = (tl_real *)t->data + b->from * m->width * t->stride[last];
	return look;
}

void tl__weights_set(const tl_onednn_shape *s, const tl_recurrent_run *run, bool transposed, const tl__weights *w)
{
	for (int k = TL_ONEDNN_W; k <= TL_ONEDNN_BIAS; k++) {
		block b[MOST_BLOCKS];
		matrix m = matrix_of(s, k);
		bool turn = turned(k, transposed);
		int64_t ld = turn ? turned_ld(k, &m) : m.ld;
		for (int i = w->at[k] ? blocks_of(s, k, b) : 0; i-- > 0;) {
			tl_tensor from = operand_columns(run->in[b[i].operand], &m, &b[i]), to = from;
			to.stride[0] = turn ? 1 : ld;
			to.stride[1] = turn ? ld : 1;
			to.data = w->at[k] + b[i].to * m.width * to.stride[1];
			tl__copy(&to, &from, run->pool);
		}
	}
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

TL_VECTOR static void add_row(tl_real *to, const tl_real *from, int64_t n)
{
	TL_INDEPENDENT
	for (int64_t j = 0; j < n; j++)
		to[j] += from[j];
}

TL_VECTOR static void add_two(tl_real *to, const tl_real *a, const tl_real *b, int64_t n)
{
	TL_INDEPENDENT
	for (int64_t j = 0; j < n; j++)
		to[j] = a[j] + b[j];
}

static void add_rows(void *ctx, int64_t first, int64_t last)
{
	const addition *a = ctx;
	int64_t width = a->b.gates * a->m.width;
	for (int64_t i = first; i < last; i++) {
		tl_real *to = a->to + i * a->to_ld + a->b.from * a->m.width;
		int64_t at = i * a->m.ld + a->b.to * a->m.width;
		if (a->n == 1)
			memcpy(to, a->w[0].at[a->tensor] + at, (size_t)width * sizeof *to);
		else
			add_two(to, a->w[0].at[a->tensor] + at, a->w[1].at[a->tensor] + at, width);
		for (int k = 2; k < a->n; k++)
			add_row(to, a->w[k].at[a->tensor] + at, width);
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
