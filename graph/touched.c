/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/touched.h"

#include <stdlib.h>
#include <string.h>

#define WORD 64 /* bits */

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

static bool is_zero(const tl_param *p)
{
	const tl_real *grad = p->grad.data;
	int64_t n = tl_shape_size(p->grad.shape), i = 0;
	while (i < n && grad[i] == 0)
		i++;
	return i == n;
}

/* Without memory there is no list: a step is slow then, and right. */
static void start(tl_param *p)
{
	tl_touched *t = p->touched;
	size_t rows = (size_t)rows_of(p);
	t->row = malloc((rows + 1) * sizeof *t->row);
	t->met = calloc(rows / WORD + 1, sizeof *t->met);
	if (!t->row || !t->met)
		tl__touched_release(t);
	else
		t->all = !is_zero(p); /* somebody may have written to it before there was a list */
}

void tl__touched_add(tl_param *p, int64_t n, const int32_t *index)
{
	tl_touched *t = p->touched;
	if (t && !t->row)
		start(p);
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
		memset(grad, 0, (size_t)tl_shape_size(p->grad.shape) * sizeof *grad);
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
