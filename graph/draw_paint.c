/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The overlay's colours. The scale is viridis (van der Walt, Smith, 2015) from its light end to its dark one:
 * it grows darker evenly, so it reads the same without colour vision and in grey. Groups take turns with
 * eight light colours after Okabe and Ito, "Color universal design", 2008.
 */
#include "graph/draw_parts.h"

#include <math.h>
#include <string.h>

static const unsigned char viridis[][3] = {{253, 231, 37}, {173, 220, 48}, {94, 201, 98}, {40, 174, 128},
	{33, 145, 140}, {44, 114, 142}, {59, 82, 139}, {71, 45, 123}, {68, 1, 84}};
static const char *const groups[] = {
	"#ffe0a6", "#bfe3f8", "#a9dcc9", "#f9f3b0", "#b5d0e8", "#f2c9a8", "#ebcfdf", "#d9d9d9"};

enum { STOPS = sizeof viridis / sizeof *viridis, GROUPS = sizeof groups / sizeof *groups };

void tl__draw_scale(double x, char fill[8])
{
	double at = fmin(fmax(x, 0), 1) * (STOPS - 1);
	int k = (int)at < STOPS - 2 ? (int)at : STOPS - 2;
	int c[3];
	for (int i = 0; i < 3; i++)
		c[i] = (int)lround(viridis[k][i] + (at - k) * (viridis[k + 1][i] - viridis[k][i]));
	snprintf(fill, 8, "#%02x%02x%02x", c[0] & 255, c[1] & 255, c[2] & 255);
}

void tl__draw_paint(const tl__draw *d, const tl__draw_look *look, char fill[8], char text[8])
{
	memcpy(text, "#000000", 8);
	if (look->paint == TL_DRAW_GROUP && look->group > 0) {
		memcpy(fill, groups[(look->group - 1) % GROUPS], 8);
	} else if (look->paint != TL_DRAW_VALUE) {
		memcpy(fill, "#ffffff", 8);
	} else if (isnan(look->value)) {
		memcpy(fill, "#ff9ce0", 8);
	} else if (isinf(look->value)) {
		memcpy(fill, look->value > 0 ? "#000000" : "#c8c8c8", 8);
		memcpy(text, look->value > 0 ? "#ffffff" : "#000000", 8);
	} else {
		double x = d->high > d->low ? (look->value - d->low) / (d->high - d->low) : 0.5;
		tl__draw_scale(x, fill);
		if (x > 0.45)
			memcpy(text, "#ffffff", 8);
	}
}

const tl__draw_look *tl__draw_look_of(const tl__draw *d, uint32_t box, uint32_t leaf)
{
	return d->looks ? &d->looks[leaf ? d->n_boxes + leaf : box] : NULL;
}

static tl_status keep(tl__draw *d, tl__draw_look *look, const tl_draw_mark *mark, tl_error *err)
{
	*look = (tl__draw_look){.paint = mark->paint, .value = mark->value, .group = mark->group};
	if (*mark->label && !(look->label = tl_arena_strdup(&d->arena, mark->label)))
		return tl_error_memory(err);
	if (*mark->tip && !(look->tip = tl_arena_strdup(&d->arena, mark->tip)))
		return tl_error_memory(err);
	if (mark->paint == TL_DRAW_VALUE && isfinite(mark->value)) {
		d->low = fmin(d->low, mark->value);
		d->high = fmax(d->high, mark->value);
	}
	return TL_OK;
}

static tl_status ask(tl__draw *d, tl__draw_look *look, const tl_draw_box *box, tl_error *err)
{
	tl_draw_mark mark;
	memset(&mark, 0, sizeof mark);
	d->options.overlay->mark(d->options.overlay->context, box, &mark);
	mark.label[TL_DRAW_LABEL - 1] = mark.tip[TL_DRAW_TIP - 1] = '\0';
	return keep(d, look, &mark, err);
}

static tl_status ask_leaves(tl__draw *d, tl_var *room, const tl__draw_leaves *l, tl_draw_box box, tl_error *err)
{
	box.n = 0;
	for (uint32_t k = l->leaf; k; k = tl__draw_next_leaf(d, l, k))
		room[box.n++] = tl__var((tl_tape *)d->tape, d->leaves[k].node);
	box.folded = box.n > 1;
	box.elided = false;
	return ask(d, &d->looks[d->n_boxes + l->leaf], &box, err);
}

tl_status tl__draw_ask(tl__draw *d, tl_error *err)
{
	const tl_draw_overlay *o = d->options.overlay;
	if (!o || !o->mark)
		return TL_OK;
	d->looks = tl__draw_zeroed(d, d->n_boxes + d->n_leaves + 1, sizeof *d->looks);
	tl_var *room = tl__draw_zeroed(d, d->end + d->n_leaves, sizeof *room);
	if (!d->looks || !room)
		return tl_error_memory(err);
	d->low = INFINITY;
	d->high = -INFINITY;
	for (uint32_t i = 1; i < d->n_boxes; i++) {
		const tl__draw_box *b = &d->boxes[i];
		const tl__draw_bundle *bundle = b->bundle ? &d->bundles[b->bundle] : NULL;
		tl_draw_box box = {.nodes = room, .n = b->count, .gradient = (int)d->frames[b->frame].run};
		box.folded = b->count > 1 || bundle;
		box.elided = bundle && bundle->what != TL__DRAW_FOLDED && bundle->what != TL__DRAW_WHOLE;
		uint32_t frame = bundle && bundle->what == TL__DRAW_FOLDED ? bundle->first : b->frame;
		box.path = tl__draw_path(d, frame, false);
		if (!box.path)
			return tl_error_memory(err);
		for (uint32_t k = 0; k < b->count; k++)
			room[k] = tl__var((tl_tape *)d->tape, d->member[b->first + k]);
		tl_status status = ask(d, &d->looks[i], &box, err);
		for (tl__draw_leaves l = {.box = i}; !status && tl__draw_next_leaves(d, &l);)
			status = ask_leaves(d, room, &l, box, err);
		if (status)
			return status;
	}
	if (o->low < o->high) {
		d->low = o->low;
		d->high = o->high;
	}
	return TL_OK;
}
