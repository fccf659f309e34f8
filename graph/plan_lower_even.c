/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instances of a program that lie scattered. A pass over blocks needs each port's instances at equal
 * distances; where they are not, there would be one pass for each few. Their rows are then copied side by
 * side first, or computed side by side and copied to their places: cheaper, while instances are short, than
 * a pass for each.
 */
#include "graph/plan_lower_even.h"

#define SHORT 4096 /* elements of all uneven ports that an uninterrupted run has: more are worth a pass of their own */

static const tl_at *at(const tl_instances *v, uint32_t place)
{
	return &v->at[v->order[place]];
}

bool tl__instances_even(const tl_instances *v)
{
	int64_t first = 0;
	for (uint32_t k = 1; k < v->n; k++) {
		const tl_at *a = at(v, k - 1), *b = at(v, k);
		int64_t step = tl__look_offset(&b->t) - tl__look_offset(&a->t);
		if (k == 1)
			first = step;
		if (a->base != b->base || step != first)
			return false;
		for (int64_t i = 0; i < a->t.shape.axes; i++)
			if (a->t.stride[i] != b->t.stride[i])
				return false;
	}
	return true;
}

/* Rows and columns that have memory of their own: those of a broadcast do not. False: no rows to copy. */
static bool extent(const tl_tensor *t, int64_t *rows, int64_t *columns, int64_t *down)
{
	int64_t axes = t->shape.axes;
	for (int64_t i = 0; i + 2 < axes; i++)
		if (t->shape.dim[i] != 1)
			return false;
	int64_t height = axes > 1 ? t->shape.dim[axes - 2] : 1, width = axes > 0 ? t->shape.dim[axes - 1] : 1;
	int64_t right = width > 1 ? t->stride[axes - 1] : 1;
	*down = height > 1 ? t->stride[axes - 2] : 0;
	*rows = *down ? height : 1;
	*columns = right ? width : 1;
	return t->dtype == TL_REAL && (right == 0 || right == 1);
}

bool tl__instances_movable(const tl_instances *v)
{
	int64_t rows, columns, down, r, c;
	if (!extent(&at(v, 0)->t, &rows, &columns, &down))
		return false;
	for (uint32_t k = 1; k < v->n; k++)
		if (!tl_shape_equal(at(v, k)->t.shape, at(v, 0)->t.shape) || !extent(&at(v, k)->t, &r, &c, &down) ||
			r != rows || c != columns)
			return false;
	return true;
}

bool tl__instances_short(uint32_t runs, uint32_t uneven, uint32_t n, int64_t elements)
{
	return runs > 1 && uneven > 0 && n * elements / runs * uneven < SHORT;
}

bool tl__even_out(tl_lowering *l, tl_instances *v, bool write, tl_gather_step **step)
{
	int64_t rows = 0, columns = 0, down = 0; /* tl__instances_movable: extent does not fail */
	tl_gather_step *g = tl__plan_array(l, 1, sizeof *g);
	tl_piece *pieces = tl__plan_array(l, v->n, sizeof *pieces);
	tl_at *moved = tl_arena_alloc(l->d->mem, v->n * sizeof *moved);
	if (!g || !pieces || !moved)
		return false;
	extent(&at(v, 0)->t, &rows, &columns, &down);
	tl_ref to = tl__scratch(l, v->n * rows * columns);
	for (uint32_t k = 0; k < v->n; k++) {
		tl_at *m = &moved[v->order[k]];
		*m = *at(v, k);
		int64_t axes = m->t.shape.axes;
		extent(&m->t, &rows, &columns, &down);
		pieces[k] = write ? (tl_piece){tl__ref(m), to, rows, down, columns}
				  : (tl_piece){to, tl__ref(m), rows, columns, down};
		m->base = to.base;
		m->t.data = TL_PLAN_BASE + to.offset;
		for (int64_t i = 0; i + 2 < axes; i++)
			m->t.stride[i] = 0;
		if (axes > 1)
			m->t.stride[axes - 2] = rows > 1 ? columns : 0;
		if (axes > 0)
			m->t.stride[axes - 1] = columns == m->t.shape.dim[axes - 1];
		to.offset += rows * columns * (int64_t)sizeof(tl_real);
	}
	v->at = moved;
	*g = (tl_gather_step){.columns = columns, .rows = v->n * rows, .n = v->n, .pieces = pieces};
	*step = g;
	return true;
}
