/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splitting a recurrence by rows. If row r of every step reads only row r of what other steps of the
 * stretch write, then threads can take some rows each through all of its time steps, without waiting for
 * each other. Checked on memory: a read or write that touches what a step of the stretch writes must have the
 * same distance between rows, and lie in the same row.
 */
#include "graph/plan_lower.h"
#include "graph/plan_run.h"

#include <stdlib.h>

#define WORTH 3e6       /* floating-point operations of a stretch that are worth a second thread */
#define TOO_MUCH 3e6     /* bytes: more than a second-level cache */
#define FEW_ROWS 64
#define WORTH_WAKING 6e7 /* of a plan: about half a millisecond; threads that sleep wake up too late for less */

/* Rows of a matrix in memory; offsets in bytes. */
typedef struct area {
	uint32_t base;
	int64_t at, down, rows, width;
} area;

typedef struct split {
	area *writes;
	uint32_t n;
	int64_t longest; /* in bytes, of a write */
	int64_t rows;
} split;

static int64_t length(const area *a)
{
	return (a->rows - 1) * a->down + a->width;
}

static area area_of(tl_ref r, int64_t rows, int64_t down, int64_t columns)
{
	int64_t size = (int64_t)sizeof(tl_real);
	return (area){r.base, r.offset, down * size, rows, columns * size};
}

static void add_write(split *s, area a)
{
	s->writes[s->n++] = a;
	s->longest = length(&a) > s->longest ? length(&a) : s->longest;
	s->rows = a.rows > s->rows ? a.rows : s->rows;
}

static int by_place(const void *x, const void *y)
{
	const area *a = x, *b = y;
	if (a->base != b->base)
		return a->base < b->base ? -1 : 1;
	return (a->at > b->at) - (a->at < b->at);
}

/* Does row r of the read share bytes with row r of the write only? Then both lie within one distance of rows. */
static bool aligned(const area *read, const area *write)
{
	if (read->rows == 1 && write->rows == 1)
		return true;
	if (read->rows > 1 && write->rows > 1 && read->down != write->down)
		return false;
	int64_t down = read->rows > 1 ? read->down : write->down;
	int64_t first = read->at < write->at ? read->at : write->at;
	int64_t read_end = read->at + read->width, write_end = write->at + write->width;
	return (read_end > write_end ? read_end : write_end) - first <= down;
}

/* First write that may reach `at`. */
static uint32_t first_near(const split *s, uint32_t base, int64_t at)
{
	uint32_t low = 0, high = s->n;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (s->writes[mid].base < base || (s->writes[mid].base == base && s->writes[mid].at + s->longest <= at))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Do rows of a and b share bytes? Both have the same distance between rows, or one is a single row. */
static bool overlap(const area *a, const area *b)
{
	if (a->at + length(a) <= b->at || b->at + length(b) <= a->at)
		return false;
	if (a->down != b->down || a->down <= 0 || a->width > a->down || b->width > b->down)
		return true;
	int64_t x = a->at % a->down, y = b->at % a->down;
	if (x + a->width > a->down || y + b->width > a->down)
		return true;
	return x < y + b->width && y < x + a->width;
}

static bool read_is_fine(const split *s, area a, bool all_rows)
{
	int64_t end = a.at + length(&a);
	if (a.down < 0)
		return false;
	for (uint32_t k = first_near(s, a.base, a.at); k < s->n && s->writes[k].base == a.base && s->writes[k].at < end; k++)
		if (overlap(&a, &s->writes[k]) && (all_rows || !aligned(&a, &s->writes[k])))
			return false;
	return true;
}

static bool gemm_is_fine(const split *s, const tl_gemm_step *g)
{
	for (uint32_t k = 0; k < g->n_terms; k++) {
		const tl_gemm_term *t = &g->terms[k];
		area a = t->ta ? area_of(t->a, t->k, t->lda, g->m) : area_of(t->a, g->m, t->lda, t->k);
		area b = t->tb ? area_of(t->b, g->n, t->ldb, t->k) : area_of(t->b, t->k, t->ldb, g->n);
		if (!read_is_fine(s, a, t->ta && (g->m > 1 || t->k > 1)) || !read_is_fine(s, b, true))
			return false;
	}
	area rows = area_of(g->rows, g->rows_ld ? g->m : 1, g->rows_ld, g->n);
	return g->start != TL_START_ROWS || read_is_fine(s, rows, !g->rows_ld && g->m > 1);
}

static bool map_is_fine(const split *s, const tl_map_step *m)
{
	for (uint32_t k = 0; k < m->n_inputs; k++) {
		const tl_port *p = &m->ports[k];
		if (p->stride[1] != 1 && p->stride[1] != 0 && m->dim[1] > 1)
			return false;
		area a = area_of(p->at, p->stride[0] ? m->dim[0] : 1, p->stride[0], p->stride[1] ? m->dim[1] : 1);
		if (!read_is_fine(s, a, p->stride[0] == 0 && m->dim[0] > 1))
			return false;
	}
	return true;
}

static bool note_writes(split *s, const tl_step *step)
{
	if (step->kind == TL_STEP_GEMM) {
		const tl_gemm_step *g = step->what;
		add_write(s, area_of(g->c, g->m, g->ldc, g->n));
		return true;
	}
	const tl_map_step *m = step->what;
	if (step->kind != TL_STEP_MAP || m->axes != 2)
		return false;
	for (uint32_t k = m->n_inputs; k < m->n_ports; k++) {
		const tl_port *p = &m->ports[k];
		if ((p->stride[1] != 1 && m->dim[1] > 1) || (p->stride[0] <= 0 && m->dim[0] > 1))
			return false;
		add_write(s, area_of(p->at, m->dim[0], p->stride[0], m->dim[1]));
	}
	return true;
}

static double work_per_row(const tl_step *step, int64_t *rows)
{
	if (step->kind == TL_STEP_GEMM) {
		const tl_gemm_step *g = step->what;
		double inner = 0;
		for (uint32_t k = 0; k < g->n_terms; k++)
			inner += (double)g->terms[k].k;
		*rows = g->m;
		return 2 * inner * (double)g->n;
	}
	const tl_map_step *m = step->what;
	*rows = tl__map_rows(m);
	return 8.0 * m->n_ops * (double)m->dim[m->axes - 1];
}

static double work_of(const tl_step *step)
{
	int64_t rows;
	switch (step->kind) {
	case TL_STEP_KERNEL: {
		const tl_kernel_step *k = step->what;
		double elements = 0;
		if (k->op->flags & TL_OP_ALONE)
			return WORTH_WAKING;
		for (uint32_t r = 0; r <= k->n_in; r++)
			elements += (double)tl_shape_size(k->in[r].t.shape);
		return 16 * elements;
	}
	case TL_STEP_GATHER: {
		const tl_gather_step *g = step->what;
		return 4 * (double)g->rows * (double)g->columns;
	}
	case TL_STEP_COPY: return 4 * (double)tl_shape_size(((const tl_copy_step *)step->what)->to.t.shape);
	default: {
		double each = work_per_row(step, &rows);
		return each * (double)rows;
	}
	}
}

/*
 * Does a product of few rows read more than a core's cache holds? Each thread would fetch all of it in every
 * time step; if they share the product by columns, each fetches its part.
 */
static bool reads_too_much(const tl_step *step)
{
	if (step->kind != TL_STEP_GEMM)
		return false;
	const tl_gemm_step *g = step->what;
	double bytes = 0;
	for (uint32_t k = 0; k < g->n_terms; k++)
		bytes += (double)g->terms[k].k * (double)g->n * sizeof(tl_real);
	return g->m < FEW_ROWS && bytes > TOO_MUCH;
}

/* Threads take steps [first, last) by rows, if that is right and worth it. */
static bool split_stretch(tl_lowering *l, uint32_t first, uint32_t last, tl_split *out, bool *done)
{
	split s = {0};
	size_t ports = 0;
	*done = false;
	for (uint32_t k = first; k < last; k++)
		ports += l->plan->steps[k].kind == TL_STEP_MAP ? ((const tl_map_step *)l->plan->steps[k].what)->n_ports : 1;
	s.writes = tl__draft_array(l->d, ports, sizeof *s.writes);
	if (!s.writes)
		return false;
	for (uint32_t k = first; k < last; k++)
		if (reads_too_much(&l->plan->steps[k]) || !note_writes(&s, &l->plan->steps[k]))
			return true;
	qsort(s.writes, s.n, sizeof *s.writes, by_place);
	for (uint32_t k = 0; k < s.n; k++) /* what is added to, or written twice */
		if (!read_is_fine(&s, s.writes[k], false))
			return true;
	for (uint32_t k = first; k < last; k++) {
		const tl_step *step = &l->plan->steps[k];
		if (step->kind == TL_STEP_GEMM ? !gemm_is_fine(&s, step->what) : !map_is_fine(&s, step->what))
			return true;
	}
	double *weight = tl__plan_array(l, (size_t)s.rows, sizeof *weight);
	if (!weight)
		return false;
	for (int64_t r = 0; r <= s.rows; r++)
		weight[r] = 0;
	for (uint32_t k = first; k < last; k++) {
		int64_t rows;
		double work = work_per_row(&l->plan->steps[k], &rows);
		weight[rows] += work; /* of each of the rows before */
	}
	double each = 0;
	for (int64_t r = s.rows; r >= 1; r--) {
		each += weight[r];
		weight[r] = each;
	}
	weight[0] = 0;
	for (int64_t r = 1; r <= s.rows; r++)
		weight[r] += weight[r - 1];
	if (s.rows < 2 || (weight[s.rows] < WORTH && !tl__draft_has(l->d, TL_PLAN_TINY)))
		return true;
	*out = (tl_split){first, last, s.rows, weight};
	*done = true;
	return true;
}

bool tl__lower_splits(tl_lowering *l)
{
	tl_plan *plan = l->plan;
	plan->splits = tl__plan_array(l, l->d->n_stretches, sizeof *plan->splits);
	if (!plan->splits)
		return false;
	if (!tl__draft_has(l->d, TL_PASS_SPLIT) || tl_pool_threads(l->d->tape->pool) < 2)
		return true;
	double work = 0;
	for (uint32_t k = 0; k < plan->n_steps; k++)
		work += work_of(&plan->steps[k]);
	plan->alone = work < WORTH_WAKING && !tl__draft_has(l->d, TL_PLAN_TINY);
	for (uint32_t k = 0, end; k < plan->n_steps && !plan->alone; k = end) {
		uint32_t stretch = plan->steps[k].stretch;
		bool done;
		for (end = k + 1; end < plan->n_steps && plan->steps[end].stretch == stretch;)
			end++;
		if (!stretch)
			continue;
		if (!split_stretch(l, k, end, &plan->splits[plan->n_splits], &done))
			return false;
		plan->n_splits += done;
	}
	return true;
}
