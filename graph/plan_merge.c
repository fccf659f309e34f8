/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sum whose one side is a product that nobody else reads becomes part of the product: gemm adds to
 * what stands in its result,
 *
 *	a + h U           = products {h U} that start from a
 *	h U + (x W + b)   = products {h U, x W} that start from the row b, if both wait for the same loop
 *
 * The product node is gone then, and the sum is computed as a product.
 */
#include "graph/plan_draft.h"

#include <string.h>

#include "graph/algebra.h"

static bool only_reader(const tl_draft *d, uint32_t i)
{
	return d->reader_start[i + 1] - d->reader_start[i] == 1 && !d->wanted[i];
}

/* A product that sum z can take in. */
static bool can_take(const tl_draft *d, uint32_t z, uint32_t m)
{
	return d->kind[m] == TL_DRAFT_NODE && d->by[m] == TL_BY_PRODUCT && only_reader(d, m) &&
	       d->stretch_of[m] == d->stretch_of[z] && tl_shape_equal(d->look[m].shape, d->look[z].shape);
}

static uint32_t copy_pairs(const tl_draft *d, uint32_t m, uint32_t *to)
{
	uint32_t n = 2 * d->product[m].pairs;
	memcpy(to, d->reads[m], n * sizeof *to);
	return n;
}

/* z = m + other, where other may be taken in, too. */
static bool take(tl_draft *d, uint32_t z, uint32_t m, uint32_t other, bool both)
{
	tl_product p = d->product[m], q = both ? d->product[other] : (tl_product){0};
	bool is_row = !both && d->look[other].shape.axes == 1;
	tl_product sum = {.pairs = p.pairs + q.pairs, .row = p.row || q.row || is_row,
		.start = p.start || q.start || (!both && !is_row)};
	uint32_t n = 0, *reads = tl__draft_array(d, 2 * sum.pairs + sum.row + sum.start, sizeof *reads);
	if (!reads)
		return false;
	n += copy_pairs(d, m, reads + n);
	if (both)
		n += copy_pairs(d, other, reads + n);
	if (sum.row)
		reads[n++] = p.row ? d->reads[m][2 * p.pairs] : q.row ? d->reads[other][2 * q.pairs] : other;
	if (sum.start)
		reads[n++] = p.start ? d->reads[m][2 * p.pairs + p.row]
			     : q.start ? d->reads[other][2 * q.pairs + q.row] : other;
	d->kind[m] = TL_DRAFT_GONE;
	if (both)
		d->kind[other] = TL_DRAFT_GONE;
	d->by[z] = TL_BY_PRODUCT;
	d->product[z] = sum;
	d->reads[z] = reads;
	d->n_reads[z] = n;
	return true;
}

/* Can `other` be what product m starts from? */
static bool can_start(const tl_draft *d, uint32_t z, uint32_t m, uint32_t other)
{
	tl_shape s = d->look[other].shape;
	if (d->product[m].row || d->product[m].start)
		return false;
	return tl_shape_equal(s, d->look[z].shape) || (s.axes == 1 && s.dim[0] == d->look[z].shape.dim[1]);
}

static bool merge_sum(tl_draft *d, uint32_t z)
{
	uint32_t a = d->reads[z][0], b = d->reads[z][1];
	bool take_a = can_take(d, z, a), take_b = can_take(d, z, b);
	tl_product p = d->product[a], q = d->product[b];
	if (take_a && take_b && p.row + q.row + p.start + q.start < 2)
		return take(d, z, a, b, true);
	if (take_b && can_start(d, z, b, a))
		return take(d, z, b, a, false);
	if (take_a && can_start(d, z, a, b))
		return take(d, z, a, b, false);
	return true;
}

bool tl__draft_merge(tl_draft *d)
{
	if (!tl__draft_readers(d))
		return false;
	if (!tl__draft_has(d, TL_PASS_MERGE))
		return true;
	for (uint32_t k = 0; k < d->n_seq; k++) {
		uint32_t z = d->seq[k];
		if (d->nodes[z].op == &tl_op_add && d->by[z] == TL_BY_MAP && d->look[z].shape.axes == 2 && !merge_sum(d, z))
			return false;
	}
	return tl__draft_readers(d);
}
