/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One choice of what is folded and left out. Frames, from the outermost in, are open or part of a bundle;
 * then each standing node gets a box: its bundle's, its group's or its own.
 */
#include "graph/draw_parts.h"

#define ALIKE 8 /* boxes of one name that a frame may hold before some are left out */

static uint32_t new_bundle(tl__draw *d, tl__draw_bundle bundle)
{
	tl__draw_bundle *b = tl__draw_push(d, &d->bundles, &d->n_bundles, &d->cap_bundles, sizeof *b);
	if (!b)
		return 0;
	*b = bundle;
	return d->n_bundles - 1;
}

static bool is_step(const tl__draw *d, const tl__draw_frame *f)
{
	return f->series && !d->series[f->series].layers;
}

/* All of a series of steps in one box: where layers are, and these steps stand in none. */
static bool whole(const tl__draw *d, const tl__draw_frame *f)
{
	return d->choice.fold == TL_DRAW_FOLD_LAYER && is_step(d, f) && !d->frames[f->parent].pinned;
}

/* Between two that are shown: what would stand in its place is no smaller. */
static bool alone(const tl__draw *d, uint32_t place, uint32_t count)
{
	const tl__draw_slices *shown = d->choice.steps;
	return place && place + 1 < count && tl__draw_shows(shown, place - 1, count) &&
		tl__draw_shows(shown, place + 1, count);
}

static bool left_out(const tl__draw *d, uint32_t f)
{
	const tl__draw_frame *frame = &d->frames[f];
	const tl__draw_series *s = &d->series[frame->series];
	if (frame->kept || !frame->series)
		return false;
	if (whole(d, frame))
		return true;
	if (s->layers)
		return d->choice.most && s->count > d->choice.most && frame->place >= d->choice.most - 1 &&
			frame->place + 1 < s->count;
	return d->choice.steps && !tl__draw_shows(d->choice.steps, frame->place, s->count) &&
		(d->options.steps || !alone(d, frame->place, s->count));
}

/* The bundle of a run of members that are left out, which f is the first one of to be met. */
static uint32_t bundle_steps(tl__draw *d, uint32_t f)
{
	const tl__draw_series *s = &d->series[d->frames[f].series];
	uint32_t first = d->frames[f].place, last = first;
	while (first > 0 && left_out(d, s->member[first - 1]))
		first--;
	while (last + 1 < s->count && left_out(d, s->member[last + 1]))
		last++;
	bool all = whole(d, &d->frames[f]);
	uint32_t bundle = new_bundle(d,
		(tl__draw_bundle){.what = all ? TL__DRAW_WHOLE : TL__DRAW_STEPS,
			.frame = d->frames[f].parent,
			.first = s->member[first],
			.last = s->member[last],
			.count = last - first + 1});
	for (uint32_t k = first; bundle && k <= last; k++)
		d->frames[s->member[k]].bundle = bundle;
	return bundle;
}

static bool folded(const tl__draw *d, const tl__draw_frame *f)
{
	if (f->pinned || !f->label)
		return false;
	if (d->choice.depth && f->depth >= d->choice.depth)
		return true;
	if (d->choice.fold == TL_DRAW_FOLD_LAYER && f->has_steps)
		return true;
	return d->choice.fold >= TL_DRAW_FOLD_CELL && is_step(d, f);
}

/* Child frames of f that are no series, but for the first ones and the last, where there are very many. */
static bool bundle_children(tl__draw *d, uint32_t f)
{
	uint32_t most = d->choice.most, seen = 0, all = 0, bundle = 0;
	for (uint32_t c = d->frames[f].first_child; c; c = d->frames[c].next)
		all += d->frames[c].series == 0;
	if (!most || all <= most)
		return true;
	for (uint32_t c = d->frames[f].first_child; c; c = d->frames[c].next) {
		if (d->frames[c].series)
			continue;
		seen++;
		if (seen < most || seen == all || d->frames[c].kept || !d->frames[c].label)
			continue;
		if (!bundle)
			bundle = new_bundle(d, (tl__draw_bundle){.what = TL__DRAW_FRAMES, .frame = f, .first = c});
		if (!bundle)
			return false;
		d->bundles[bundle].last = c;
		d->bundles[bundle].count++;
		d->frames[c].bundle = bundle;
	}
	return true;
}

static tl_status fold_frames(tl__draw *d, tl_error *err)
{
	for (uint32_t f = 0; f < d->n_frames; f++) {
		tl__draw_frame *frame = &d->frames[f];
		frame->bundle = frame->items = frame->seen = frame->rest = 0;
		frame->first_box = frame->last_box = 0;
	}
	for (uint32_t f = 0; f < d->n_frames; f++) {
		tl__draw_frame *frame = &d->frames[f];
		if (!frame->bundle)
			frame->bundle = d->frames[frame->parent].bundle;
		if (!frame->bundle && left_out(d, f) && !bundle_steps(d, f))
			return tl_error_memory(err);
		if (!frame->bundle && f && folded(d, frame))
			if (!(frame->bundle = new_bundle(d,
				      (tl__draw_bundle){.what = TL__DRAW_FOLDED,
					      .frame = frame->parent,
					      .first = f,
					      .last = f,
					      .count = 1})))
				return tl_error_memory(err);
		if (!frame->bundle && !bundle_children(d, f))
			return tl_error_memory(err);
	}
	return TL_OK;
}

static uint32_t group_of(const tl__draw *d, uint32_t i)
{
	return d->choice.fold >= TL_DRAW_FOLD_OPS ? d->group[i] : i;
}

/* Boxes directly in a frame that have one name. */
typedef struct tl__draw_like {
	uint32_t count, seen, rest;
} tl__draw_like;

static tl__draw_like *like_of(tl__draw *d, uint32_t i)
{
	uint32_t *at = tl__draw_find(d, &d->like_of, d->frame[i], d->label[i]);
	if (at && !*at) {
		if (!tl__draw_push(d, &d->likes, &d->n_likes, &d->cap_likes, sizeof *d->likes))
			return NULL;
		*at = d->n_likes - 1;
	}
	return at ? &d->likes[*at] : NULL;
}

/* Counts boxes by frame, and by name where that is asked for. */
static tl_status count_items(tl__draw *d, tl_error *err)
{
	for (uint32_t i = 1; i < d->end; i++) {
		if (!(d->mark[i] & TL__DRAW_STANDS) || group_of(d, i) != i || d->frames[d->frame[i]].bundle)
			continue;
		d->frames[d->frame[i]].items++;
		tl__draw_like *like = d->choice.alike ? like_of(d, i) : NULL;
		if (like)
			like->count++;
		else if (d->choice.alike)
			return tl_error_memory(err);
	}
	return TL_OK;
}

/* The bundle of the boxes left out that are named like node i's, or 0: the first two and the last one stay. */
static bool rest_alike(tl__draw *d, uint32_t i, uint32_t *bundle)
{
	*bundle = 0;
	if (!d->choice.alike || d->frames[d->frame[i]].matched || d->mark[i] & TL__DRAW_OUTPUT)
		return true;
	tl__draw_like *like = like_of(d, i);
	if (!like)
		return false;
	uint32_t at = like->seen++;
	if (like->count <= ALIKE || at < 2 || at + 1 == like->count)
		return true;
	if (!like->rest)
		like->rest = new_bundle(d,
			(tl__draw_bundle){
				.what = TL__DRAW_ALIKE, .frame = d->frame[i], .name = d->labels.at[d->label[i]]});
	*bundle = like->rest;
	return *bundle;
}

/* The bundle of any boxes left out of a frame, or 0: the first ones and the last one stay. */
static bool rest_of_frame(tl__draw *d, uint32_t f, uint32_t *bundle)
{
	tl__draw_frame *frame = &d->frames[f];
	uint32_t most = d->choice.most, at = frame->seen++;
	*bundle = 0;
	if (!most || frame->items <= most || frame->matched || at < most - 2 || at + 1 >= frame->items)
		return true;
	if (!frame->rest)
		frame->rest = new_bundle(d, (tl__draw_bundle){.what = TL__DRAW_BOXES, .frame = f});
	*bundle = frame->rest;
	return *bundle;
}

/* A box of node i's group, or of those left out with it. */
static bool rest_of(tl__draw *d, uint32_t i, uint32_t *bundle)
{
	if (!rest_alike(d, i, bundle) || (!*bundle && !rest_of_frame(d, d->frame[i], bundle)))
		return false;
	if (*bundle)
		d->bundles[*bundle].count++;
	return true;
}

static uint32_t new_box(tl__draw *d, uint32_t frame, uint32_t bundle, uint32_t node)
{
	tl__draw_box *b = tl__draw_push(d, &d->boxes, &d->n_boxes, &d->cap_boxes, sizeof *b);
	if (!b)
		return 0;
	uint32_t at = d->n_boxes - 1;
	tl__draw_frame *f = &d->frames[frame];
	*b = (tl__draw_box){.frame = frame, .bundle = bundle, .node = node};
	if (f->last_box)
		d->boxes[f->last_box].next = at;
	else
		f->first_box = at;
	f->last_box = at;
	return at;
}

/* The box of node i; 0 where memory is out. */
static uint32_t box_of(tl__draw *d, uint32_t i)
{
	uint32_t group = group_of(d, i), f = d->frame[i], bundle = d->frames[f].bundle;
	if (!bundle && d->box[group])
		return d->box[group];
	if (!bundle && !rest_of(d, group, &bundle))
		return 0;
	uint32_t box = bundle ? d->bundles[bundle].box : 0;
	if (!box)
		box = new_box(d, bundle ? d->bundles[bundle].frame : f, bundle, bundle ? i : group);
	if (bundle)
		d->bundles[bundle].box = box;
	if (!d->frames[f].bundle)
		d->box[group] = box;
	return box;
}

/* Lists of the nodes of each box. */
static tl_status list_members(tl__draw *d, tl_error *err)
{
	d->member = tl__draw_zeroed(d, d->end, sizeof *d->member);
	if (!d->member)
		return tl_error_memory(err);
	uint32_t at = 0;
	for (uint32_t b = 1; b < d->n_boxes; b++) {
		d->boxes[b].first = at;
		at += d->boxes[b].count;
		d->boxes[b].count = 0;
	}
	for (uint32_t i = 1; i < d->end; i++)
		if (d->box[i]) {
			tl__draw_box *b = &d->boxes[d->box[i]];
			d->member[b->first + b->count++] = i;
		}
	return TL_OK;
}

tl_status tl__draw_make_boxes(tl__draw *d, double most, tl_error *err)
{
	if (fold_frames(d, err))
		return TL_ERR_MEMORY;
	d->box = tl__draw_zeroed(d, d->end, sizeof *d->box);
	if (!d->box)
		return tl_error_memory(err);
	if (count_items(d, err))
		return TL_ERR_MEMORY;
	for (uint32_t i = 1; i < d->end && d->n_boxes <= most; i++) {
		if (!(d->mark[i] & TL__DRAW_STANDS))
			continue;
		uint32_t box = box_of(d, i);
		if (!box)
			return tl_error_memory(err);
		d->box[i] = box;
		d->boxes[box].count++;
		d->boxes[box].output = d->boxes[box].output || d->mark[i] & TL__DRAW_OUTPUT;
	}
	return d->n_boxes <= most ? list_members(d, err) : TL_OK;
}
