/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs, block by block: the inputs of a block are made contiguous, each op runs over the block, the
 * results go to memory. Blocks are rows where these are long, else several rows together. What lies
 * contiguously already is read and written in place; an input that is the same in all rows is spread
 * over its buffer once.
 */
#include "graph/plan_run.h"

#include <string.h>

#include "core/vector.h"

#define LONG_ROW 192 /* columns that are worth a block of their own */

typedef struct block {
	const tl_map_step *m;
	const tl_frame *f;
	int64_t rows, columns;     /* of a full block */
	tl_real *reg[TL_MOST_REGISTERS];
	tl_real *buffers;
	unsigned char spread[TL_MOST_REGISTERS]; /* port p's buffer holds all that is needed */
} block;

static tl_real *buffer(const block *b, uint32_t reg)
{
	return b->buffers + (size_t)b->m->buffer_of[reg] * TL_BLOCK;
}

static bool contiguous(const block *b, const tl_port *p, int64_t rows)
{
	int row = b->m->axes - 2;
	return (p->stride[row + 1] == 1 || b->columns == 1) && (rows == 1 || p->stride[row] == b->columns);
}

/* Sixteen elements that are moved at once. */
typedef tl_real sixteen __attribute__((vector_size(16 * sizeof(tl_real)), aligned(sizeof(tl_real))));

/* Rows of `columns` elements; calls of memcpy would cost more than the short rows that it copied. */
TL_VECTOR static void copy_rows(tl_real *to, const tl_real *from, int64_t rows, int64_t columns, int64_t to_step,
	int64_t from_step)
{
	for (int64_t r = 0; r < rows; r++, to += to_step, from += from_step) {
		int64_t c = 0;
		for (; c + 16 <= columns; c += 16)
			*(sixteen *)(to + c) = *(const sixteen *)(from + c);
		for (; c < columns; c++)
			to[c] = from[c];
	}
}

static void gather(tl_real *to, const tl_real *from, int64_t rows, int64_t columns, int64_t down, int64_t right)
{
	if (right == 1) {
		copy_rows(to, from, rows, columns, columns, down);
		return;
	}
	for (int64_t r = 0; r < rows; r++, from += down, to += columns)
		for (int64_t c = 0; c < columns; c++)
			to[c] = from[c * right];
}

static void scatter(tl_real *to, const tl_real *from, int64_t rows, int64_t columns, int64_t down, int64_t right)
{
	if (right == 1) {
		copy_rows(to, from, rows, columns, down, columns);
		return;
	}
	for (int64_t r = 0; r < rows; r++, to += down, from += columns)
		for (int64_t c = 0; c < columns; c++)
			to[c * right] = from[c];
}

static void load(block *b, uint32_t k, tl_real *from, int64_t rows, int64_t columns)
{
	const tl_port *p = &b->m->ports[k];
	int row = b->m->axes - 2;
	if (contiguous(b, p, rows)) {
		b->reg[p->reg] = from;
		return;
	}
	b->reg[p->reg] = buffer(b, p->reg);
	bool same = p->stride[row] == 0 && (b->columns <= TL_BLOCK || p->stride[row + 1] == 0);
	if (same && b->spread[k])
		return;
	gather(b->reg[p->reg], from, same ? b->rows : rows, same ? b->columns < TL_BLOCK ? b->columns : TL_BLOCK : columns, p->stride[row],
		p->stride[row + 1]);
	b->spread[k] = same;
}

static void run_block(block *b, tl_real *const *at, int64_t row_from, int64_t rows, int64_t column_from, int64_t columns)
{
	const tl_map_step *m = b->m;
	int row = m->axes - 2;
	tl_real *place[TL_MOST_REGISTERS];
	for (uint32_t k = 0; k < m->n_ports; k++) {
		const tl_port *p = &m->ports[k];
		place[k] = at[k] + row_from * p->stride[row] + column_from * p->stride[row + 1];
		if (k < m->n_inputs)
			load(b, k, place[k], rows, columns);
		else
			b->reg[p->reg] = contiguous(b, p, rows) ? place[k] : buffer(b, p->reg);
	}
	for (uint32_t k = 0; k < m->n_ops; k++) {
		const tl_block_op *op = &m->ops[k];
		const tl_real *in[TL_MAP_MAX];
		for (uint32_t r = 0; r < op->n_in; r++)
			in[r] = b->reg[op->in[r]];
		op->fn(op->params, rows * columns, b->reg[op->out], in);
		if (b->f->limit && tl__greatest_bits(rows * columns, b->reg[op->out]) >= b->f->limit)
			atomic_store(b->f->beyond, true);
	}
	for (uint32_t k = m->n_inputs; k < m->n_ports; k++) {
		const tl_port *p = &m->ports[k];
		if (!contiguous(b, p, rows))
			scatter(place[k], b->reg[p->reg], rows, columns, p->stride[row], p->stride[row + 1]);
	}
}

/* Rows [first, last) of one plane: all but the last two indices are fixed. */
static void run_plane(block *b, tl_real *const *at, int64_t first, int64_t last)
{
	for (int64_t r = first; r < last; r += b->rows) {
		int64_t rows = last - r < b->rows ? last - r : b->rows;
		for (int64_t c = 0; c < b->columns; c += TL_BLOCK)
			run_block(b, at, r, rows, c, b->columns - c < TL_BLOCK ? b->columns - c : TL_BLOCK);
	}
}

int64_t tl__map_rows(const tl_map_step *m)
{
	int64_t rows = 1;
	for (int i = 0; i + 1 < m->axes; i++)
		rows *= m->dim[i];
	return rows;
}

void tl__run_map(const tl_map_step *m, const tl_frame *f, int part, int64_t first, int64_t last)
{
	int row = m->axes - 2;
	int64_t columns = m->dim[row + 1], plane = m->dim[row];
	block b;
	b.m = m;
	b.f = f;
	b.columns = columns;
	b.rows = columns >= LONG_ROW ? 1 : TL_BLOCK / columns;
	b.buffers = f->buffers + (size_t)part * f->buffers_each * TL_BLOCK;
	memset(b.spread, 0, m->n_ports);
	for (uint32_t r = 0; r < m->registers; r++)
		b.reg[r] = buffer(&b, r);
	for (int64_t r = first; r < last;) {
		tl_real *at[TL_MOST_REGISTERS];
		int64_t outer = r / plane, from = r % plane, to = last - outer * plane < plane ? last - outer * plane : plane;
		for (uint32_t k = 0; k < m->n_ports; k++) {
			int64_t rest = outer, offset = 0;
			for (int i = row - 1; i >= 0; i--) {
				offset += rest % m->dim[i] * m->ports[k].stride[i];
				rest /= m->dim[i];
			}
			at[k] = (tl_real *)tl__address(f, m->ports[k].at) + offset;
			if (row > 0)
				b.spread[k] = 0;
		}
		run_plane(&b, at, from, to);
		r += to - from;
	}
}
