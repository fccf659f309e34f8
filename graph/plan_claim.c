/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: values that are computed in the memory of others. An operand that fills a part of a concat, stack
 * or place is computed in that part; the sum that a product starts from is computed where the product's
 * result goes, or the product in that sum's place, if nobody else reads it.
 */
#include "graph/plan_place.h"

/* Does the look cover all of its root in order, if under another shape? */
static bool covers(const tl_draft *d, uint32_t i)
{
	const tl_tensor *look = &d->look[i];
	return tl__look_offset(look) == 0 && tl_tensor_is_dense(look) &&
	       tl_shape_size(look->shape) == tl_shape_size(d->look[d->root[i]].shape);
}

/* Not a repeated look, nor a turned one. */
static bool separate_rows(const tl_tensor *t)
{
	return t->shape.axes == 2 && (t->shape.dim[1] == 1 || t->stride[1] == 1) &&
	       (t->shape.dim[0] == 1 || t->stride[0] >= t->shape.dim[1]);
}

/* Can root i be computed straight into memory like `at`? */
static bool can_write(const tl_places *p, uint32_t i, const tl_tensor *at)
{
	const tl_draft *d = p->d;
	if (tl_tensor_is_dense(at))
		return true;
	if (p->dense[i])
		return false;
	return d->by[i] == TL_BY_MAP || (d->by[i] == TL_BY_PRODUCT && separate_rows(at));
}

static void claim(tl_places *p, uint32_t i, uint32_t in, const tl_tensor *spot)
{
	if (i == p->d->placed)
		return;
	p->claim[i] = in;
	p->spot[i] = *spot;
}

static bool claim_parts(tl_places *p, uint32_t i)
{
	tl_draft *d = p->d;
	const tl_node *node = &d->nodes[i];
	const tl_tensor **in = tl__draft_array(d, node->n_in, sizeof *in);
	tl_tensor *part = tl_arena_alloc(d->mem, (node->n_in + 1) * sizeof *part);
	if (!in || !part)
		return false;
	for (uint32_t k = 0; k < node->n_in; k++)
		in[k] = &d->look[node->in[k]];
	if (!node->op->parts(node->params, (int)node->n_in, in, &d->look[i], part, d->mem))
		return true;
	d->by[i] = TL_BY_PARTS;
	for (uint32_t k = 0; k < node->n_in; k++) {
		uint32_t r = d->root[node->in[k]];
		tl_tensor spot = {.dtype = TL_REAL, .shape = d->look[r].shape};
		if (!tl__is_root(d, r) || p->claim[r] || d->by[r] == TL_BY_PARTS || !covers(d, node->in[k]) ||
			!tl_tensor_reshape(&part[k], spot.shape, &spot))
			continue;
		spot.dtype = TL_REAL;
		if (can_write(p, r, &spot))
			claim(p, r, i, &spot);
	}
	return true;
}

/* The first byte after the last element that a look without negative strides shows. */
static int64_t end_of(const tl_tensor *look)
{
	int64_t end = 0;
	for (int64_t i = 0; i < look->shape.axes; i++)
		end += (look->shape.dim[i] - 1) * look->stride[i];
	return tl__look_offset(look) + (end + 1) * (int64_t)tl_dtype_size(look->dtype);
}

/* Certainly no common element: one ends before the other begins, or they take other columns of the same rows.
 */
static bool disjoint(const tl_tensor *a, const tl_tensor *b)
{
	for (int64_t i = 0; i < a->shape.axes; i++)
		if (a->stride[i] < 0)
			return false;
	for (int64_t i = 0; i < b->shape.axes; i++)
		if (b->stride[i] < 0)
			return false;
	if (end_of(a) <= tl__look_offset(b) || end_of(b) <= tl__look_offset(a))
		return true;
	if (a->shape.axes != 2 || b->shape.axes != 2 || a->stride[0] != b->stride[0] || a->stride[1] != 1 ||
		b->stride[1] != 1 || a->stride[0] == 0)
		return false;
	int64_t width = a->stride[0], size = (int64_t)tl_dtype_size(a->dtype);
	int64_t from_a = tl__look_offset(a) / size % width, from_b = tl__look_offset(b) / size % width;
	return (from_a + a->shape.dim[1] <= from_b && from_b + b->shape.dim[1] <= width) ||
	       (from_b + b->shape.dim[1] <= from_a && from_a + a->shape.dim[1] <= width);
}

/* Nobody but product z reads the elements of its start, which may then be overwritten. */
static bool start_is_free(const tl_draft *d, uint32_t z, uint32_t start)
{
	uint32_t root = d->root[start], seen = 0;
	if (!tl__is_root(d, root) || d->wanted[root] || d->by[root] == TL_BY_KERNEL || d->by[root] == TL_BY_PARTS)
		return false; /* others may read what lies in its parts */
	for (uint32_t r = d->reader_start[root]; r < d->reader_start[root + 1]; r++)
		for (uint32_t k = 0, i = d->reader[r]; k < d->n_reads[i]; k++) {
			uint32_t read = d->reads[i][k];
			if (d->root[read] != root)
				continue;
			if (i == z && read == start && k == d->n_reads[z] - 1)
				seen = 1;
			else if (!disjoint(&d->look[read], &d->look[start]))
				return false;
		}
	return seen;
}

static void claim_start(tl_places *p, uint32_t z)
{
	tl_draft *d = p->d;
	uint32_t start = d->reads[z][d->n_reads[z] - 1], root = d->root[start];
	if (!start_is_free(d, z, start) || p->dense[root])
		return;
	if (covers(d, start) && tl_shape_equal(d->look[root].shape, d->look[z].shape) && !p->claim[root]) {
		if (!p->claim[z] || can_write(p, root, &p->spot[z]))
			claim(p, root, z, &d->look[z]);
	} else if (!p->claim[z] && separate_rows(&d->look[start]) && can_write(p, z, &d->look[start])) {
		claim(p, z, root, &d->look[start]);
	}
}

/* Claims of later nodes first: a part of a part is then placed in what is placed itself. */
bool tl__make_claims(tl_places *p)
{
	tl_draft *d = p->d;
	for (uint32_t k = d->n_seq; k-- > 0;) {
		uint32_t i = d->seq[k];
		if (tl__is_root(d, i) && d->nodes[i].op->parts && !claim_parts(p, i))
			return false;
	}
	for (uint32_t k = 0; k < d->n_seq; k++) {
		uint32_t i = d->seq[k];
		if (tl__is_root(d, i) && d->by[i] == TL_BY_PRODUCT && d->product[i].start)
			claim_start(p, i);
	}
	return true;
}
