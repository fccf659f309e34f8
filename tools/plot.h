/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Curves, drawn by gnuplot:
 *
 *	double loss[3] = {3.1, 2.2, 1.9};
 *	plot p = {.title = "training", .x = "epoch", .y = "loss", .n = 1,
 *		.series = (plot_series[]){{.name = "LSTM", .n = 3, .first = 1, .y = loss}}};
 *	if (plot_write("loss.svg", &p, err)) ...
 */
#ifndef TL_TOOLS_PLOT_H
#define TL_TOOLS_PLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/status.h"

typedef struct plot_series {
	const char *name;
	int64_t n;
	const double *x; /* NULL: first, first + 1, ... */
	double first;
	const double *y; /* where one is no finite number, there is a gap */
	bool dashed;
	bool points;     /* marks on the line, of another shape for each colour */
	int colour;      /* 1, 2, ...: what has the same number looks the same in all panels; 0: by its place */
} plot_series;

typedef struct plot {
	const char *title, *x, *y; /* x and y name the axes */
	bool log_x, log_y;         /* logarithmic axes, on which what is not positive is a gap */
	int n;
	const plot_series *series;
} plot;

/*
 * Small multiples: panels in columns, row by row, over one x axis, whose name stands below each column; those with a
 * NULL title have none. The legend has a place of its own, after the last panel, and names what is named in any
 * panel, each name once.
 */
tl_status plots_write(const char *path, const char *title, int columns, int n, const plot *p, tl_error *err);
/* By the ending: .svg, .png, .pdf, or .gp: what gnuplot would read. The file appears complete or not at all. */
tl_status plot_write(const char *path, const plot *p, tl_error *err);
/* Fails where the ending is none of these. */
tl_status plot_check(const char *path, tl_error *err);

#endif
