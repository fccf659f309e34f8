/* SPDX-License-Identifier: Apache-2.0 */
/* Panels with series of numbers that belong to them, made one after the other, for plots_write. */
#ifndef TL_TOOLS_PLOT_SHEET_H
#define TL_TOOLS_PLOT_SHEET_H

#include <stddef.h>

#include "core/arena.h"
#include "tools/plot.h"

#define MOST_PANELS 24

typedef struct sheet {
	tl_arena memory;
	plot panel[MOST_PANELS + 1]; /* the newest stands behind those that are kept */
	int n;
	bool log_y;
} sheet;

void sheet_init(sheet *h);
void sheet_release(sheet *h);

/*
 * Begin a panel with room for so many series; NULL where memory is out. It counts when it is kept, and it is kept
 * where a series was. The title is copied.
 */
plot *sheet_panel(sheet *h, const char *title, int most);
/* The panel's next series, with room for so many numbers in x and y, to be filled by the caller; NULL: no memory. */
plot_series *sheet_series(sheet *h, size_t most, const char *name, const char *rest);
/* It has n numbers; it is kept where one of them is finite. */
void sheet_keep_series(sheet *h, size_t n);
/* False where there are too many. */
bool sheet_keep_panel(sheet *h);

/* Name the x axis below the last panel of each column, and draw. */
tl_status sheet_draw(sheet *h, const char *path, const char *title, const char *x, tl_error *err);

#endif
