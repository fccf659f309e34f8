/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Figures over a drawing: what runs of a tape were like, for each box of tl_tape_draw.
 *
 *	tl_overlay *o = tl_overlay_new(TL_OVERLAY_GRAD, 1, &loss, NULL, &err);
 *	if (!o)
 *		return err.status;
 *	status = tl_tape_draw(to, 1, &loss, &(tl_draw_options){.overlay = tl_overlay_drawn(o)}, &err);
 *	tl_overlay_free(o);
 *
 *	shape   how many elements a value has
 *	value   the mean magnitude of its elements; least, greatest, mean, norm, and how many are 0, infinite or NaN
 *	grad    |dL/dy|, the Euclidean norm, for every value y; of gradients that tl_grad recorded, their own norm
 *	time    the seconds that its instruction took, the best of some runs, shared by all that the instruction computes
 *	bytes   memory that it takes: a look, or what lives in a program's registers, takes none
 *	plan    the instruction that computes it: equal colours run together
 *
 * Parameters and constants, which stand beside each use, have one gradient, time and place for all of them, by
 * which they are not coloured.
 *
 * All but plan are drawn by their decimal logarithm, for gradients vanish by factors: at h_t = a h_t-1 the
 * norms fall by log10 a with each step. What is 0 has none and is drawn off the scale. Boxes of several
 * nodes are drawn by the greatest of their norms and magnitudes, by the sums of their times, elements and bytes. Each
 * box's tip has all figures in words and numbers.
 *
 * Figures are measured on a copy of the tape's nodes, which reads its inputs and parameters where they lie; so
 * the tape, its values and its error stay as they are. Values and gradients are computed node by node and
 * forgotten after their last use, so that memory is that of a backward pass, not of all gradients at once. Times,
 * bytes and plans are those of one run of the tape's planner for the outputs; times differ from one overlay to the
 * next, all other figures are the same each time. An overlay belongs to the step in which it was made: it is of no
 * use after the tape is reset.
 */
#ifndef TL_GRAPH_OVERLAY_H
#define TL_GRAPH_OVERLAY_H

#include "core/statistics.h"
#include "graph/draw.h"
#include "graph/plan_view.h"

typedef enum tl_overlay_kind {
	TL_OVERLAY_SHAPE,
	TL_OVERLAY_VALUE,
	TL_OVERLAY_GRAD,
	TL_OVERLAY_TIME,
	TL_OVERLAY_BYTES,
	TL_OVERLAY_PLAN,
	TL_OVERLAYS,
} tl_overlay_kind;

typedef struct tl_overlay_options {
	tl_var loss; /* of which gradients are taken: one element; {0}: the first output */
	int runs;    /* that are timed, after one that is not; 0: 5 */
} tl_overlay_options;

typedef struct tl_overlay tl_overlay;

/* "shape", "value", ...; NULL for others. */
TL_API const char *tl_overlay_name(tl_overlay_kind kind);
/* TL_ERR_ARGUMENT, and a sentence with all names, where `name` is none of them. */
TL_API tl_status tl_overlay_parse(const char *name, tl_overlay_kind *kind, tl_error *err);

/*
 * Computes what is to be shown of all that the outputs depend on; they are variables of one tape. NULL options: all
 * defaults. NULL on failure: TL_ERR_ARGUMENT for n < 1; TL_ERR_SHAPE for a loss that is no scalar; TL_ERR_STALE, or
 * what an op reports.
 */
TL_API tl_overlay *tl_overlay_new(
	tl_overlay_kind kind, int n, const tl_var *outputs, const tl_overlay_options *options, tl_error *err);
TL_API void tl_overlay_free(tl_overlay *o); /* NULL is fine */

/* For tl_draw_options; lives as long as the overlay. */
TL_API const tl_draw_overlay *tl_overlay_drawn(const tl_overlay *o);

/* What is known of one variable. A kind measures only what it shows: the rest is not there. */
typedef struct tl_overlay_figures {
	const tl_statistics *value;    /* NULL: not there */
	const tl_statistics *gradient; /* NULL: not there, or no gradient flows to it */
	double seconds;                /* < 0: not there */
	double bytes;                  /* < 0: not there */
} tl_overlay_figures;
TL_API tl_overlay_figures tl_overlay_of(const tl_overlay *o, tl_var v);
/* NULL but for time, bytes and plan. */
TL_API const tl_plan_view *tl_overlay_plan(const tl_overlay *o);

#endif
