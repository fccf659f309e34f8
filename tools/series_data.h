/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data of the series model, from .npy files (core/npy.h):
 *
 *	x        (N, T, D), or (N, T) for D = 1; reals, or uint8, which is divided by 255
 *	y        what is to be found:
 *	         whole numbers (N)       SERIES_CLASSES      one class a series
 *	         whole numbers (N, T)    SERIES_STEP_LABELS  one class a step
 *	         reals (N) or (N, K)     SERIES_VALUES       K values a series
 *	         reals (N, T, K)         SERIES_STEP_VALUES  K values a step
 *	         no file                 SERIES_NEXT         at each step x of the next one
 *	lengths  (N) whole numbers in 0..T, where series are shorter than T; what stands past them is not read
 *
 * A step whose label is SERIES_IGNORED counts for nothing. Everything but x, and y in the last case, is held in
 * memory; these are read as they are asked for, so that they may be larger than memory, unless they are
 * column-major, where a row's elements are far apart. All numbers within the
 * series' lengths are checked when the files are opened: no NaN, no infinity, no negative class.
 */
#ifndef TL_TOOLS_SERIES_DATA_H
#define TL_TOOLS_SERIES_DATA_H

#include "core/npy.h"

typedef enum series_target {
	SERIES_CLASSES,
	SERIES_STEP_LABELS,
	SERIES_VALUES,
	SERIES_STEP_VALUES,
	SERIES_NEXT,
} series_target;

#define SERIES_IGNORED (-100) /* for tl_cross_entropy_options.ignore_index */

typedef struct series {
	tl_npy *x, *y;
	tl_real *x_held, *y_held; /* all of a column-major file, or NULL */
	series_target target;
	int64_t n, steps, inputs; /* N, T, D */
	int64_t outputs;          /* K, or the number of classes: 1 + the largest label, or D of the next step */
	bool scaled;              /* x is uint8 / 255 */
	int32_t *labels;          /* (N) or (N, T), or NULL */
	tl_real *values;          /* (N, K), or NULL */
	int64_t *length;          /* N */
} series;

/* y and lengths may be NULL. Sentences name the file (both files where they do not fit together) and the row. */
tl_status series_open(series *s, const char *x, const char *y, const char *lengths, tl_error *err);
void series_release(series *s);
/*
 * Does `other` (valid, test) fit to what the model was trained on: same target, D, K; no class that is not
 * below `outputs`? A sentence naming the file, if not.
 */
tl_status series_check(const series *other, series_target target, int64_t inputs, int64_t outputs, tl_error *err);
/* "classes", "labels of steps", "values", "values of steps", "next steps". */
const char *series_target_name(series_target target);

/* In how many places there is something to be found in series i: 1 for a class or values, or so many steps. */
int64_t series_count(const series *s, int64_t i);
/* The largest length among which[0..rows), at least 1. */
int64_t series_longest(const series *s, const int64_t *which, int64_t rows);
/*
 * Series which[0..rows): x (steps, rows, D) with 0 past each one's length; lengths (rows) or NULL. steps is
 * series_longest or more, at most T.
 */
tl_status series_read_x(const series *s, const int64_t *which, int64_t rows, int64_t steps, tl_real *x,
	int64_t *lengths, tl_error *err);
/* For classes: labels (rows). For labels of steps: (steps, rows), SERIES_IGNORED past the lengths. */
void series_read_labels(const series *s, const int64_t *which, int64_t rows, int64_t steps, int32_t *labels);
/* For values: y (rows, K). For values of steps: (steps, rows, K), 0 past the lengths. */
tl_status series_read_values(
	const series *s, const int64_t *which, int64_t rows, int64_t steps, tl_real *y, tl_error *err);

#endif
