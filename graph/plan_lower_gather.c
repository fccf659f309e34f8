/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products whose operands could not be placed side by side. In a tree a state is read once, by a parent
 * at another height and among others than those it was computed with. Rows are then copied together:
 *
 *   C_i = A_i B, all i   : p products of few rows read B (K x N) p times; one product of M rows once, for
 *                          M K elements copied, and M N if the results lie scattered, too
 *   C = sum_p A_p' B_p   : p products go over C (M x N) p times; one, for K (M + N) elements copied
 *
 * What is copied and what is saved are both elements that go through memory; the smaller one decides. Each
 * product besides costs a call.
 */
#include "graph/plan_lower_product.h"

#include <stdlib.h>

#include "graph/plan_note.h"

#define CALL 1024     /* elements that could be copied while gemm is called */
#define SHARE 4       /* a run without gaps has at least such a part of the family, or all of it is copied together */
#define STRANGERS 256 /* after so many products with other factors nobody akin is expected */

/* Matrices with contiguous rows, one below the other in this order: is that one matrix? */
static bool one_below_other(const tl_matrix *const *m, uint32_t n, tl_matrix *all)
{
	int64_t rows = m[0]->rows, down = m[0]->rows > 1 ? m[0]->down : 0;
	for (uint32_t k = 1; k < n; k++) {
		int64_t apart = m[k]->at.offset - m[0]->at.offset;
		if (!down)
			down = apart / tl__real_bytes(1);
		if (m[k]->at.base != m[0]->at.base || apart != tl__real_bytes(rows * down) ||
			(m[k]->rows > 1 && m[k]->down != down))
			return false;
		rows += m[k]->rows;
	}
	*all = (tl_matrix){m[0]->at, rows, m[0]->columns, rows > 1 ? down : m[0]->columns, 1};
	return all->down >= all->columns;
}

static tl_matrix new_matrix(tl_lowering *l, int64_t rows, int64_t columns)
{
	return (tl_matrix){tl__scratch(l, rows * columns), rows, columns, columns, 1};
}

/* A step that copies m[0 .. n) one below the other into `all`, or back. Threads wait for each other there. */
static bool copy_rows(tl_lowering *l, const tl_matrix *const *m, uint32_t n, const tl_matrix *all, bool back, uint32_t node)
{
	tl_gather_step *g = tl__plan_array(l, 1, sizeof *g);
	tl_piece *pieces = tl__plan_array(l, n, sizeof *pieces);
	if (!g || !pieces)
		return false;
	*g = (tl_gather_step){.columns = all->columns, .rows = all->rows, .n = n, .pieces = pieces};
	tl_ref at = all->at;
	for (uint32_t k = 0; k < n; k++) {
		pieces[k] = back ? (tl_piece){m[k]->at, at, m[k]->rows, m[k]->down, all->down}
				 : (tl_piece){at, m[k]->at, m[k]->rows, all->down, m[k]->down};
		at.offset += tl__real_bytes(m[k]->rows * all->down);
	}
	return tl__add_step(l, TL_STEP_GATHER, node, 0, g);
}

/* --- Sums */

/* A turned, B not, as in a weight's gradient; weights themselves are not worth copying. */
static bool gradient_pair(const tl_pair *p)
{
	return p->a.rows > 1 && p->a.down == 1 && (p->b.right == 1 || p->b.columns == 1);
}

static tl_matrix turned(const tl_matrix *m)
{
	return (tl_matrix){m->at, m->columns, m->rows, m->right, m->down};
}

/* In the order of B's rows, which are the longer ones as a rule. */
static int by_b(const void *x, const void *y)
{
	const tl_matrix *a = &((const tl_pair *)x)->b, *b = &((const tl_pair *)y)->b;
	if (a->at.base != b->at.base)
		return a->at.base < b->at.base ? -1 : 1;
	return (a->at.offset > b->at.offset) - (a->at.offset < b->at.offset);
}

/* The rows of all A_p' and B_p. */
static bool list_sides(tl_lowering *l, const tl_factors *f, const tl_matrix *const *side[2])
{
	tl_matrix *a = tl__draft_array(l->d, f->n, sizeof *a);
	const tl_matrix **as = tl__draft_array(l->d, f->n, sizeof *as), **bs = tl__draft_array(l->d, f->n, sizeof *bs);
	if (!a || !as || !bs)
		return false;
	for (uint32_t k = 0; k < f->n; k++) {
		a[k] = turned(&f->pairs[k].a);
		as[k] = &a[k];
		bs[k] = &f->pairs[k].b;
	}
	side[0] = as;
	side[1] = bs;
	return true;
}

bool tl__gather_inner(tl_lowering *l, tl_factors *f, tl_factors *single)
{
	int64_t inner = 0, m = f->c.rows, n = f->c.columns;
	for (uint32_t k = 0; k < f->n; k++) {
		if (!gradient_pair(&f->pairs[k]))
			return true;
		inner += f->pairs[k].a.columns;
	}
	if (f->n < 2 || inner * (m + n) >= (f->n - 1) * (m * n + CALL))
		return true;
	const tl_matrix *const *side[2], *const *singles[2];
	qsort(f->pairs, f->n, sizeof *f->pairs, by_b);
	qsort(single->pairs, single->n, sizeof *single->pairs, by_b);
	if (!list_sides(l, f, side) || !list_sides(l, single, singles))
		return false;
	tl_matrix whole[2];
	uint32_t pieces = f->n;
	if (one_below_other(singles[1], single->n, &whole[1])) { /* B need not be copied if A follows its order */
		pieces = single->n;
		side[0] = singles[0];
		side[1] = singles[1];
	}
	for (int k = 0; k < 2; k++) {
		if (one_below_other(side[k], pieces, &whole[k]))
			continue;
		whole[k] = new_matrix(l, inner, k ? n : m);
		if (!copy_rows(l, side[k], pieces, &whole[k], false, f->node))
			return false;
	}
	f->n = 1;
	f->pairs[0] = (tl_pair){turned(&whole[0]), whole[1]};
	return true;
}

/* --- Rows */

static bool same_matrix(const tl_matrix *a, const tl_matrix *b)
{
	return a->at.base == b->at.base && a->at.offset == b->at.offset && a->rows == b->rows && a->columns == b->columns &&
	       a->down == b->down && a->right == b->right;
}

static bool contiguous_rows(const tl_matrix *m)
{
	return m->right == 1 || m->columns == 1;
}

/* Can g's rows stand below f's in one product? */
static bool akin(const tl_factors *f, const tl_factors *g)
{
	if (f->n != g->n || f->c.columns != g->c.columns || f->here != g->here || !f->start.rows != !g->start.rows)
		return false;
	for (uint32_t k = 0; k < f->n; k++)
		if (!same_matrix(&f->pairs[k].b, &g->pairs[k].b) || !contiguous_rows(&g->pairs[k].a))
			return false;
	return contiguous_rows(&g->c) && (!g->start.rows || contiguous_rows(&g->start));
}

typedef struct family {
	tl_lowering *l;
	tl_factors **member;
	uint32_t n, stretch;
	int64_t rows;
	const tl_matrix **list;
} family;

static tl_matrix *result_of(tl_factors *f, uint32_t k)
{
	(void)k;
	return &f->c;
}

static tl_matrix *left_of(tl_factors *f, uint32_t k)
{
	return &f->pairs[k].a;
}

static bool list(family *v, tl_matrix *(*of)(tl_factors *f, uint32_t k), uint32_t k, tl_matrix *all)
{
	for (uint32_t i = 0; i < v->n; i++)
		v->list[i] = of(v->member[i], k);
	return one_below_other(v->list, v->n, all);
}

static bool copy(family *v, const tl_matrix *all, bool back)
{
	return copy_rows(v->l, v->list, v->n, all, back, v->member[0]->node);
}

/* Elements copied to make one product of the family, against those read again and again without. */
static bool pays(family *v)
{
	const tl_factors *f = v->member[0];
	tl_matrix all;
	int64_t copied = 0, saved = 0;
	v->rows = 0;
	for (uint32_t i = 0; i < v->n; i++)
		v->rows += v->member[i]->c.rows;
	for (uint32_t k = 0; k < f->n; k++) {
		if (!list(v, left_of, k, &all))
			copied += v->rows * f->pairs[k].a.columns;
		saved += (v->n - 1) * f->pairs[k].b.rows * f->pairs[k].b.columns;
	}
	if (!list(v, result_of, 0, &all))
		copied += v->rows * f->c.columns * (f->here ? 2 : 1);
	return v->n > 1 && 2 * copied < saved + (v->n - 1) * CALL;
}

/* A start that is one row for all stays; others are copied to where the result goes. */
static bool gather_start(family *v, tl_factors *all)
{
	bool row = true;
	if (!all->start.rows)
		return true;
	for (uint32_t i = 0; i < v->n && row; i++) {
		const tl_matrix *s = &v->member[i]->start;
		row = !all->here && s->down == 0 && s->at.base == all->start.at.base && s->at.offset == all->start.at.offset;
	}
	if (row)
		return true;
	tl_matrix whole;
	if (all->here && list(v, result_of, 0, &whole))
		return true; /* stands there already */
	tl_matrix *rows = tl__draft_array(v->l->d, v->n, sizeof *rows);
	if (!rows)
		return false;
	for (uint32_t i = 0; i < v->n; i++) { /* a row that is added to all of a member's rows is read for each */
		const tl_factors *f = v->member[i];
		rows[i] = f->here ? f->c : f->start;
		rows[i].rows = f->c.rows;
		v->list[i] = &rows[i];
	}
	all->here = true;
	all->start = all->c;
	return copy(v, &all->c, false);
}

static bool emit_family(family *v)
{
	tl_lowering *l = v->l;
	tl_factors all = *v->member[0];
	tl_pair *pairs = tl__draft_array(l->d, all.n, sizeof *pairs);
	if (!pairs)
		return false;
	for (uint32_t k = 0; k < all.n; k++) {
		pairs[k] = all.pairs[k];
		if (list(v, left_of, k, &pairs[k].a))
			continue;
		pairs[k].a = new_matrix(l, v->rows, all.pairs[k].a.columns);
		if (!copy(v, &pairs[k].a, false))
			return false;
	}
	all.pairs = pairs;
	bool together = list(v, result_of, 0, &all.c);
	if (!together)
		all.c = new_matrix(l, v->rows, v->member[0]->c.columns);
	if (!gather_start(v, &all) || !tl__emit_product(l, &all, v->stretch))
		return false;
	if (together)
		return true;
	list(v, result_of, 0, &(tl_matrix){0});
	return copy(v, &all.c, true);
}

/* The rows of `next` continue those of a result that begins with `first`. */
static bool extends(const tl_matrix *first, int64_t rows, int64_t *down, const tl_matrix *next)
{
	int64_t apart = next->at.offset - first->at.offset;
	if (first->at.base != next->at.base)
		return false;
	if (rows == 1)
		*down = apart / tl__real_bytes(1);
	return apart == tl__real_bytes(rows * *down) && *down >= first->columns && (next->rows == 1 || next->down == *down);
}

/* The products behind all[k] that are akin to it: those whose results follow it without a gap, or all. */
static void find_family(family *v, tl_factors *all, const unsigned char *done, uint32_t k, uint32_t n, bool gaps)
{
	const tl_matrix *first = &all[k].c;
	int64_t rows = 0, down = first->down;
	v->n = 0;
	for (uint32_t i = k, strangers = 0; i < n && strangers < STRANGERS; i++) {
		bool fits = !done[i] && akin(&all[k], &all[i]) && (gaps || i == k || extends(first, rows, &down, &all[i].c));
		if (fits) {
			v->member[v->n++] = &all[i];
			rows += all[i].c.rows;
		} else if (!gaps) {
			break;
		}
		strangers += !fits;
	}
}

bool tl__gather_rows(tl_lowering *l, tl_factors *all, uint32_t n, uint32_t stretch)
{
	family v = {.l = l, .stretch = stretch};
	unsigned char *done = tl__draft_array(l->d, n, 1);
	v.member = tl__draft_array(l->d, n, sizeof *v.member);
	v.list = tl__draft_array(l->d, n, sizeof *v.list);
	if (!done || !v.member || !v.list)
		return false;
	for (uint32_t k = 0; k < n; k++) {
		if (done[k])
			continue;
		find_family(&v, all, done, k, n, true);
		uint32_t akin = v.n;
		find_family(&v, all, done, k, n, false);
		if (v.n < 2 || SHARE * v.n < akin || !pays(&v))
			find_family(&v, all, done, k, n, true);
		if (v.n < 2 || !pays(&v)) {
			if (!tl__emit_product(l, &all[k], stretch))
				return false;
			continue;
		}
		for (uint32_t i = 0; i < v.n; i++) {
			done[v.member[i] - all] = 1;
			tl__note_together(l->d, v.member[0]->node, v.member[i]->node);
		}
		if (!emit_family(&v))
			return false;
	}
	return true;
}
