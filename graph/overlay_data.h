/* SPDX-License-Identifier: Apache-2.0 */
/* Between overlay.c, which makes and asks overlays, overlay_measure.c, which fills them, and overlay_text.c. */
#ifndef TL_GRAPH_OVERLAY_DATA_H
#define TL_GRAPH_OVERLAY_DATA_H

#include "graph/node.h"
#include "graph/overlay.h"

enum { TL__HAS_VALUE = 1, TL__HAS_GRADIENT = 2, TL__IS_GRADIENT = 4 };

struct tl_overlay {
	tl_overlay_kind kind;
	tl_draw_overlay drawn;
	tl_tape *tape;
	uint32_t generation, size; /* variables 1..size-1 */
	/* Of variable i; NULL where the kind has no use for them. */
	unsigned char *has; /* TL__HAS_... */
	tl_statistics *value, *gradient;
	double *seconds, *bytes; /* < 0: none */
	tl_plan_view *view;
	uint32_t *count; /* of instruction k, in one box; 0 between boxes */
};

/* Fills value and, with a loss, gradient, of all that n variables depend on. */
tl_status tl__overlay_compute(tl_overlay *o, int n, const tl_var *outputs, tl_var loss, tl_error *err);
/* Fills seconds, bytes and view; `runs` of them are timed. */
tl_status tl__overlay_plan(tl_overlay *o, int n, const tl_var *outputs, int runs, tl_error *err);

/* The callback of tl_draw_overlay; context is the overlay. */
void tl__overlay_mark(void *context, const tl_draw_box *box, tl_draw_mark *mark);
/* What the legend says. */
const char *tl__overlay_scale(tl_overlay_kind kind);

#endif
