/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matrices as heat maps in one picture, one below the other. Each cell is a rectangle whose darkness grows with its
 * value's size (colour_scale.h), so that it can be read in grey, too; where a scale has negative values, those have a
 * dash. Pointing at a cell shows its labels and its value. The same matrices make the same bytes.
 *
 *	heatmap *h = heatmap_new(0, 1);
 *	heatmap_add(h, &(heatmap_panel){"attention", T, S, values, target_words, source_words}, &err);
 *	heatmap_write(h, "attention.svg", &err);
 *	heatmap_free(h);
 */
#ifndef TL_TOOLS_HEATMAP_H
#define TL_TOOLS_HEATMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/status.h"
#include "tools/colour_scale.h"

typedef struct heatmap heatmap;

/* Any text in UTF-8 is a title or a label; all are copied. */
typedef struct heatmap_panel {
	const char *title;           /* NULL: none */
	int64_t rows, columns;
	const tl_real *values;       /* (rows, columns) */
	const char *const *row_labels, *const *column_labels;
	const char *note;          /* a line below the title; NULL: none */
	const colour_scale *scale; /* of its own, drawn above it; NULL: the map's */
	bool hide_scale;           /* it is drawn above another panel */
	double cell_width, cell_height; /* pixels; 0: 24. Of rows that are too low for their labels only some are labelled */
} heatmap_panel;

/* Values from low to high; what is outside has the nearest one's colour, and NaN is hatched. */
heatmap *heatmap_new(double low, double high); /* NULL where memory is out */
void heatmap_free(heatmap *h);
tl_status heatmap_add(heatmap *h, const heatmap_panel *panel, tl_error *err);
/* Fails where the ending is none of .svg, .png, .pdf. */
tl_status heatmap_check(const char *path, tl_error *err);
/* By the ending; all but .svg through the program rsvg-convert. The file appears complete or not at all. */
tl_status heatmap_write(const heatmap *h, const char *path, tl_error *err);

#endif
