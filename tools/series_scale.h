/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vectors brought to mean 0 and deviation 1, number by number, and back:  v' = (v - mean) / deviation. A number that
 * never changes keeps deviation 1.
 */
#ifndef TL_TOOLS_SERIES_SCALE_H
#define TL_TOOLS_SERIES_SCALE_H

#include <jansson.h>

#include "tools/series_data.h"

typedef struct series_scale {
	int64_t n; /* size of a vector; 0: vectors stay as they are */
	tl_real *mean, *deviation;
} series_scale;

/* Of all real steps of x, or of y's values. */
tl_status series_scale_of(series_scale *c, const series *s, bool y, tl_error *err);
void series_scale_release(series_scale *c);

void series_scale_apply(const series_scale *c, tl_real *v, int64_t vectors);
void series_scale_undo(const series_scale *c, tl_real *v, int64_t vectors);
/* The deviation of number k, or 1. */
double series_scale_unit(const series_scale *c, int64_t k);

/* {"mean": [...], "deviation": [...]}; NULL where memory is out. */
json_t *series_scale_to_json(const series_scale *c);
tl_status series_scale_from_json(series_scale *c, const json_t *object, int64_t n, tl_error *err);

/* Every series' real steps of x, or values of y, one series after the other: `vectors` of them. */
typedef void (*series_visit)(void *ctx, const tl_real *v, int64_t vectors);
tl_status series_visit_all(const series *s, bool y, series_visit visit, void *ctx, tl_error *err);

#endif
