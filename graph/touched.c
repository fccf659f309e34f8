/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/touched.h"

#include <stdlib.h>
#include <string.h>

#define WORD 64 /* bits */
#define PAGE (4096 / (int64_t)sizeof(tl_real)) /* elements */

static int64_t rows_of(const tl_param *p)
{
	return p->grad.shape.dim[0];
}

/* Elements of one row. */
static int64_t row_size(const tl_param *p)
{
	int64_t rows = rows_of(p);
	return rows ? tl_shape_size(p->grad.shape) / rows : 0;
}

/* The first element that is not 0, or n. */
static int64_t first_nonzero(const tl_real *x, int64_t n)
{
	int64_t i = 0;
	while (i < n && x[i] == 0)
		i++;
	return i;
}

void tl__zero(tl_real *x, int64_t n)
{
	for (int64_t at = 0; at < n; at += PAGE) {
		int64_t count = n - at < PAGE ? n - at : PAGE;
		if (first_nonzero(x + at, count) < count)
			memset(x + at, 0, (size_t)count * sizeof *x);
	}
}

/* Without memory there is no list: a step is slow then, and right. */
void tl__touched_start(tl_param *p)
{
	tl_touched *t = p->touched;
	if (!t || t->row)
		return;
	size_t rows = (size_t)rows_of(p);
	int64_t size = tl_shape_size(p->grad.shape);
	t->row = malloc((rows + 1) * sizeof *t->row);
	t->met = calloc(rows / WORD + 1, sizeof *t->met);
	if (!t->row || !t->met)
		tl__touched_release(t);
	else /* somebody may have written to it before there was a list */
		t->all = first_nonzero(p->grad.data, size) < size;
}

void tl__touched_add(tl_param *p, int64_t n, const int32_t *index)
{
	tl_touched *t = p->touched;
	if (!tl__touched_listed(p))
		return;
	for (int64_t i = 0; i < n; i++) {
		uint64_t bit = (uint64_t)1 << index[i] % WORD;
		if (t->met[index[i] / WORD] & bit)
			continue;
		t->met[index[i] / WORD] |= bit;
		t->row[t->count++] = index[i];
	}
}

void tl__touched_forget(tl_param *p)
{
	tl_touched *t = p->touched;
	if (!t || !t->row)
		return;
	for (int64_t k = 0; k < t->count; k++)
		t->met[t->row[k] / WORD] = 0;
	t->count = 0;
	t->all = false;
}

void tl__touched_zero(tl_param *p)
{
	tl_real *grad = p->grad.data;
	int64_t row = row_size(p);
	if (tl__touched_listed(p))
		for (int64_t k = 0; k < p->touched->count; k++)
			memset(grad + p->touched->row[k] * row, 0, (size_t)row * sizeof *grad);
	else
		tl__zero(grad, tl_shape_size(p->grad.shape));
	tl__touched_forget(p);
}

void tl__touched_release(tl_touched *t)
{
	free(t->row);
	free(t->met);
	*t = (tl_touched){0};
}

void tl_param_touch(tl_param *p)
{
	if (p->touched)
		p->touched->all = true;
}
