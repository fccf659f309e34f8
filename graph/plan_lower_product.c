/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products as calls of gemm. Two merges are made by looking at where the operands lie:
 *
 *   sum_p A_p B_p       = [A_1 A_2 ..] [B_1; B_2; ..]   where A_p+1 stands beside A_p and B_p+1 below B_p
 *   C_i = A_i B, all i  : [C_1; C_2; ..] = [A_1; A_2; ..] B   where they stand below each other
 *
 * A matrix that gemm cannot read (neither rows nor columns are contiguous) is copied first.
 */
#include "graph/plan_lower_product.h"

#include <stdlib.h>
#include <string.h>

#include "graph/plan_note.h"

static tl_matrix as_matrix(const tl_at *at)
{
	const tl_tensor *t = &at->t;
	bool row = t->shape.axes == 1;
	return (tl_matrix){tl__ref(at), row ? 1 : t->shape.dim[0], t->shape.dim[row ? 0 : 1], row ? 0 : t->stride[0],
		t->stride[row ? 0 : 1]};
}

static bool plain(const tl_matrix *m)
{
	return (m->right == 1 || m->columns == 1) && (m->rows == 1 || m->down >= m->columns);
}

static bool transposed(const tl_matrix *m)
{
	return (m->down == 1 || m->rows == 1) && (m->columns == 1 || m->right >= m->rows);
}

/* Like tl__at, but a value that was copied beside others is found there. */
static bool operand_at(tl_lowering *l, uint32_t i, tl_at *at)
{
	uint32_t id;
	const tl_node *node = &l->d->nodes[i];
	if (l->p->n_stand_ins && tl__stands_in(l->p, i, &id)) {
		*at = (tl_at){0, l->p->look[id]};
		return true;
	}
	if (l->p->n_stand_ins && l->d->kind[i] == TL_DRAFT_VIEW && node->n_in == 1 && tl__stands_in(l->p, node->in[0], &id)) {
		*at = (tl_at){0, node->value};
		if (node->op->view(node->params, &l->p->look[id], &at->t))
			return true;
	}
	return tl__at(l, i, at);
}

static bool operand(tl_lowering *l, uint32_t i, uint32_t stretch, tl_matrix *m)
{
	tl_at at;
	if (!operand_at(l, i, &at))
		return false;
	*m = as_matrix(&at);
	if (plain(m) || transposed(m))
		return true;
	tl_at copy = tl__temporary(l, at.t.dtype, at.t.shape);
	*m = as_matrix(&copy);
	return tl__add_copy(l, &copy, &at, i, stretch);
}

static bool follows(tl_ref a, tl_ref b, int64_t elements)
{
	return a.base == b.base && b.offset - a.offset == tl__real_bytes(elements);
}

static int by_place(const void *x, const void *y)
{
	const tl_pair *p = x, *q = y;
	if (p->a.at.base != q->a.at.base)
		return p->a.at.base < q->a.at.base ? -1 : 1;
	return (p->a.at.offset > q->a.at.offset) - (p->a.at.offset < q->a.at.offset);
}

/* q's operands continue p's along the inner axis. Of a single column or row the distance is the stride. */
static bool continues_inner(const tl_pair *p, const tl_pair *q)
{
	tl_pair s = *p;
	int64_t k = p->a.columns;
	if (k == 1) {
		s.a.right = (q->a.at.offset - p->a.at.offset) / tl__real_bytes(1);
		s.b.down = (q->b.at.offset - p->b.at.offset) / tl__real_bytes(1);
	}
	bool alike = q->a.columns == 1 || (q->a.right == s.a.right && q->b.down == s.b.down);
	return alike && q->a.down == p->a.down && q->b.right == p->b.right && follows(p->a.at, q->a.at, k * s.a.right) &&
	       follows(p->b.at, q->b.at, k * s.b.down);
}

static void append_inner(tl_pair *p, const tl_pair *q)
{
	if (p->a.columns == 1) {
		p->a.right = (q->a.at.offset - p->a.at.offset) / tl__real_bytes(1);
		p->b.down = (q->b.at.offset - p->b.at.offset) / tl__real_bytes(1);
	}
	p->a.columns += q->a.columns;
	p->b.rows += q->b.rows;
}

static bool readable(const tl_pair *p)
{
	return (plain(&p->a) || transposed(&p->a)) && (plain(&p->b) || transposed(&p->b));
}

static void merge_inner(tl_factors *f)
{
	uint32_t n = 0;
	qsort(f->pairs, f->n, sizeof *f->pairs, by_place);
	for (uint32_t k = 0; k < f->n; k++) {
		if (n > 0 && continues_inner(&f->pairs[n - 1], &f->pairs[k])) {
			tl_pair longer = f->pairs[n - 1];
			append_inner(&longer, &f->pairs[k]);
			if (readable(&longer)) {
				f->pairs[n - 1] = longer;
				continue;
			}
		}
		f->pairs[n++] = f->pairs[k];
	}
	f->n = n;
}

/* Where the start is not the result's place and not made of rows, it is copied there first. */
static bool read_start(tl_lowering *l, uint32_t start, uint32_t stretch, const tl_at *c, tl_factors *f)
{
	tl_at at;
	if (!start)
		return true;
	if (!tl__at(l, start, &at))
		return false;
	f->start = as_matrix(&at);
	f->here = f->start.rows == f->c.rows && f->start.at.base == f->c.at.base &&
		  f->start.at.offset == f->c.at.offset && (f->c.rows == 1 || f->start.down == f->c.down);
	if (f->here || f->start.right == 1 || f->start.columns == 1)
		return true;
	f->start = f->c;
	f->here = true;
	at.t = tl_tensor_broadcast(&at.t, c->t.shape);
	return tl__add_copy(l, c, &at, f->node, stretch);
}

static bool read_product(tl_lowering *l, uint32_t i, uint32_t stretch, tl_factors *f)
{
	tl_draft *d = l->d;
	const tl_product *p = &d->product[i];
	const uint32_t *reads = d->reads[i];
	tl_at at;
	*f = (tl_factors){.node = i, .n = p->pairs, .pairs = tl__draft_array(d, p->pairs, sizeof *f->pairs)};
	if (!f->pairs || !tl__at(l, i, &at))
		return false;
	f->c = as_matrix(&at);
	for (uint32_t k = 0; k < p->pairs; k++)
		if (!operand(l, reads[2 * k], stretch, &f->pairs[k].a) ||
			!operand(l, reads[2 * k + 1], stretch, &f->pairs[k].b))
			return false;
	tl_factors single = *f;
	if (p->pairs > 1 && tl__draft_has(d, TL_PASS_BATCH)) {
		single.pairs = tl__draft_array(d, f->n, sizeof *single.pairs);
		if (!single.pairs)
			return false;
		memcpy(single.pairs, f->pairs, f->n * sizeof *f->pairs);
	}
	if (p->pairs > 1 && tl__draft_has(d, TL_PASS_MERGE))
		merge_inner(f);
	if (single.pairs != f->pairs && f->n == p->pairs) /* in one order in all of a group */
		memcpy(f->pairs, single.pairs, f->n * sizeof *f->pairs);
	if (p->pairs > 1 && tl__draft_has(d, TL_PASS_BATCH) && !tl__gather_inner(l, f, &single))
		return false;
	return read_start(l, p->row || p->start ? reads[2 * p->pairs] : 0, stretch, &at, f);
}

/* The rows of `next` continue those of `m`; of a single row the distance is the stride. */
static bool continues_rows(const tl_matrix *m, int64_t rows, const tl_matrix *next, bool fixed, int64_t *down)
{
	if (fixed) {
		*down = m->down;
		return m->at.base == next->at.base && m->at.offset == next->at.offset && m->down == next->down &&
		       m->right == next->right;
	}
	*down = rows == 1 ? (next->at.offset - m->at.offset) / tl__real_bytes(1) : m->down;
	return follows(m->at, next->at, rows * *down) && m->right == next->right && (next->rows == 1 || next->down == *down);
}

/* Takes q into f, if its rows continue f's everywhere. */
static bool append_rows(tl_factors *f, const tl_factors *q)
{
	tl_factors longer = *f;
	tl_pair pairs[8];
	if (f->n != q->n || f->n > 8 || f->here != q->here || !f->start.rows != !q->start.rows)
		return false;
	for (uint32_t k = 0; k < f->n; k++) {
		int64_t unused;
		pairs[k] = f->pairs[k];
		if (!continues_rows(&f->pairs[k].a, f->c.rows, &q->pairs[k].a, false, &pairs[k].a.down) ||
			!continues_rows(&f->pairs[k].b, 0, &q->pairs[k].b, true, &unused) || f->pairs[k].a.columns != q->pairs[k].a.columns)
			return false;
		pairs[k].a.rows = f->c.rows + q->c.rows;
		if (!readable(&pairs[k]))
			return false;
	}
	if (!continues_rows(&f->c, f->c.rows, &q->c, false, &longer.c.down) || longer.c.down < f->c.columns)
		return false;
	bool row = f->start.rows == 1 && f->start.down == 0;
	if (f->start.rows && !f->here && !continues_rows(&f->start, f->c.rows, &q->start, row, &longer.start.down))
		return false;
	longer.c.rows += q->c.rows;
	for (uint32_t k = 0; k < f->n; k++)
		f->pairs[k] = pairs[k];
	longer.pairs = f->pairs;
	*f = longer;
	return true;
}

static tl_gemm_term as_term(const tl_pair *p)
{
	bool ta = !plain(&p->a), tb = !plain(&p->b);
	return (tl_gemm_term){
		.a = p->a.at,
		.b = p->b.at,
		.ta = ta,
		.tb = tb,
		.lda = ta ? (p->a.columns == 1 ? p->a.rows : p->a.right) : (p->a.rows == 1 ? p->a.columns : p->a.down),
		.ldb = tb ? (p->b.columns == 1 ? p->b.rows : p->b.right) : (p->b.rows == 1 ? p->b.columns : p->b.down),
		.k = p->a.columns,
	};
}

bool tl__emit_product(tl_lowering *l, const tl_factors *f, uint32_t stretch)
{
	tl_gemm_step *g = tl__plan_array(l, 1, sizeof *g);
	tl_gemm_term *terms = tl__plan_array(l, f->n, sizeof *terms);
	if (!g || !terms)
		return false;
	for (uint32_t k = 0; k < f->n; k++)
		terms[k] = as_term(&f->pairs[k]);
	*g = (tl_gemm_step){
		.m = f->c.rows,
		.n = f->c.columns,
		.c = f->c.at,
		.ldc = f->c.rows == 1 ? f->c.columns : f->c.down,
		.terms = terms,
		.n_terms = f->n,
		.start = f->here ? TL_START_HERE : f->start.rows ? TL_START_ROWS : TL_START_ZERO,
		.rows = f->start.at,
		.rows_ld = f->start.down,
	};
	return tl__add_step(l, TL_STEP_GEMM, f->node, stretch, g);
}

static int by_result(const void *x, const void *y)
{
	const tl_factors *f = x, *g = y;
	return (f->c.at.offset > g->c.at.offset) - (f->c.at.offset < g->c.at.offset);
}

bool tl__lower_products(tl_lowering *l, const tl_group *g)
{
	tl_draft *d = l->d;
	tl_factors *all = tl__draft_array(d, g->count, sizeof *all);
	if (!all)
		return false;
	l->scratch_used = 0;
	for (uint32_t k = 0; k < g->count; k++)
		if (!read_product(l, d->members[g->first + k], g->stretch, &all[k]))
			return false;
	qsort(all, g->count, sizeof *all, by_result);
	uint32_t n = 0;
	for (uint32_t k = 0; k < g->count; n++) {
		all[n] = all[k];
		for (k++; k < g->count && append_rows(&all[n], &all[k]); k++)
			tl__note_together(d, all[n].node, all[k].node);
	}
	if (n > 1 && tl__draft_has(d, TL_PASS_BATCH))
		return tl__gather_rows(l, all, n, g->stretch);
	for (uint32_t k = 0; k < n; k++)
		if (!tl__emit_product(l, &all[k], g->stretch))
			return false;
	return true;
}
