/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/plot_sheet.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void sheet_init(sheet *h)
{
	*h = (sheet){0};
	tl_arena_init(&h->memory, 0);
}

void sheet_release(sheet *h)
{
	tl_arena_release(&h->memory);
}

static char *join(sheet *h, const char *a, const char *b)
{
	size_t size = strlen(a) + strlen(b) + 1;
	char *text = tl_arena_alloc_small(&h->memory, size);
	if (text)
		snprintf(text, size, "%s%s", a, b);
	return text;
}

plot *sheet_panel(sheet *h, const char *title, int most)
{
	plot *p = &h->panel[h->n];
	plot_series *series = tl_arena_alloc_small(&h->memory, (size_t)most * sizeof *series);
	*p = (plot){.title = join(h, title, ""), .x = "", .y = "", .series = series, .log_y = h->log_y};
	return p->title && series ? p : NULL;
}

/* The newest series; those before it are kept. */
static plot_series *newest(sheet *h)
{
	plot *p = &h->panel[h->n];
	return (plot_series *)p->series + p->n;
}

plot_series *sheet_series(sheet *h, size_t most, const char *name, const char *rest)
{
	double *x = tl_arena_alloc_small(&h->memory, (2 * most + 1) * sizeof *x);
	char *both = join(h, name, rest);
	if (!x || !both)
		return NULL;
	*newest(h) = (plot_series){.name = both, .x = x, .y = x + most, .points = true};
	return newest(h);
}

void sheet_keep_series(sheet *h, size_t n)
{
	plot_series *s = newest(h);
	plot *p = &h->panel[h->n];
	bool any = false;
	s->n = (int64_t)n;
	for (size_t k = 0; k < n && !any; k++)
		any = isfinite(s->x[k]) && isfinite(s->y[k]) && (!p->log_y || s->y[k] > 0);
	p->n += any;
}

bool sheet_keep_panel(sheet *h)
{
	if (h->n == MOST_PANELS && h->panel[h->n].n)
		return false;
	h->n += h->panel[h->n].n > 0;
	return true;
}

tl_status sheet_draw(sheet *h, const char *path, const char *title, const char *x, tl_error *err)
{
	int columns = h->n > 2 ? 2 : 1;
	for (int k = 0; k < h->n; k++)
		if (k + columns >= h->n)
			h->panel[k].x = x;
	return plots_write(path, title, columns, h->n, h->panel, err);
}
