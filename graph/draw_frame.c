/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of a drawing. A tape appends an entry whenever a scope begins, so one path may have many;
 * entries of equal parent frame, label and index are one frame. Each run of tl_grad has a tree of its own.
 * Frames that differ in their index only are the members of a series.
 */
#include "graph/draw_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static uint32_t append_frame(tl__draw *d, uint32_t parent, const char *label, int64_t index, uint32_t run)
{
	tl__draw_frame *f = tl__draw_push(d, &d->frames, &d->n_frames, &d->cap_frames, sizeof *f);
	if (!f)
		return 0;
	uint32_t at = d->n_frames - 1;
	tl__draw_frame *p = &d->frames[parent];
	*f = (tl__draw_frame){.parent = parent, .depth = p->depth + 1, .run = run, .label = label, .index = index};
	if (p->last_child)
		d->frames[p->last_child].next = at;
	else
		p->first_child = at;
	p->last_child = at;
	p->children++;
	return at;
}

/* The frame of a gradient. */
static uint32_t top(tl__draw *d, uint32_t run)
{
	if (run == 0)
		return 0;
	uint32_t *at = tl__draw_find(d, &d->scopes, run, 0);
	if (at && !*at)
		*at = append_frame(d, 0, NULL, -1, run);
	return at ? *at : 0;
}

/* The series of frames with this label and any index in a frame. */
static uint32_t series_of(tl__draw *d, uint32_t parent, uint32_t label)
{
	uint32_t *at = tl__draw_find(d, &d->series_of, parent, label);
	if (!at || *at)
		return at ? *at : 0;
	tl__draw_series *s = tl__draw_push(d, &d->series, &d->n_series, &d->cap_series, sizeof *s);
	if (!s)
		return 0;
	*s = (tl__draw_series){.layers = strcmp(d->labels.at[label], "layer") == 0};
	return *at = d->n_series - 1;
}

/* The frame of a scope inside that of its parent. */
static uint32_t within(tl__draw *d, uint32_t parent, const tl_scope_entry *scope, uint32_t run)
{
	uint32_t label = tl__draw_string(d, &d->labels, scope->label), series = 0;
	if (!label)
		return 0;
	if (scope->index >= 0 && !(series = series_of(d, parent, label)))
		return 0;
	uint32_t *at = series ? tl__draw_find(d, &d->members, series, (uint64_t)scope->index)
			      : tl__draw_find(d, &d->named, parent, label);
	if (!at || *at)
		return at ? *at : 0;
	*at = append_frame(d, parent, d->labels.at[label], series ? scope->index : -1, run);
	if (*at && series) {
		d->frames[*at].series = series;
		d->series[series].count++;
		if (!d->series[series].layers)
			d->frames[parent].has_steps = true;
	}
	return *at;
}

/* The frame of a scope; `chain` has room for all of its ancestors. False where memory is out. */
static bool frame_of(tl__draw *d, uint32_t run, uint32_t scope, uint32_t *chain, uint32_t *frame)
{
	const tl_scope_entry *scopes = d->tape->scopes;
	uint32_t n = 0, at = top(d, run);
	if (run && !at)
		return false;
	for (; scope; scope = scopes[scope].parent) {
		uint32_t *known = tl__draw_find(d, &d->scopes, run, scope);
		if (!known)
			return false;
		if (*known) {
			at = *known;
			break;
		}
		*known = UINT32_MAX; /* until its frame is made */
		chain[n++] = scope;
	}
	while (n > 0) {
		scope = chain[--n];
		uint32_t *known = tl__draw_find(d, &d->scopes, run, scope);
		at = known ? within(d, at, &scopes[scope], run) : 0;
		if (!at)
			return false;
		*known = at;
	}
	*frame = at;
	return true;
}

static bool is_within(const tl__draw *d, uint32_t inner, uint32_t outer)
{
	while (d->frames[inner].depth > d->frames[outer].depth)
		inner = d->frames[inner].parent;
	return inner == outer;
}

/*
 * A view computes nothing: where loops cut their inputs and stack their outputs, one for each step, it stands
 * with what it views or with what uses it, if that is further in.
 */
static void move_views(tl__draw *d)
{
	for (uint32_t i = 1; i < d->end; i++) {
		const tl_node *node = tl__draw_node(d, i);
		uint32_t from = node->op && node->op->view ? node->in[0] : 0;
		if (from && tl__draw_user(d, i) && d->mark[from] & TL__DRAW_STANDS &&
			is_within(d, d->frame[from], d->frame[i]))
			d->frame[i] = d->frame[from];
	}
	for (uint32_t i = d->end; i-- > 1;) {
		uint32_t to = tl__draw_user(d, i);
		if (to && tl__draw_node(d, i)->op->view && is_within(d, d->frame[to], d->frame[i]))
			d->frame[i] = d->frame[to];
	}
}

tl_status tl__draw_make_frames(tl__draw *d, tl_error *err)
{
	const tl_tape *t = d->tape;
	uint32_t *chain = tl__draw_zeroed(d, t->n_scopes + 1, sizeof *chain);
	tl__draw_frame *root = tl__draw_push(d, &d->frames, &d->n_frames, &d->cap_frames, sizeof *root);
	d->label = tl__draw_zeroed(d, d->end, sizeof *d->label);
	if (!chain || !root || !d->label)
		return tl_error_memory(err);
	d->n_frames = 1; /* the drawing is number 0 */
	d->frames[0] = (tl__draw_frame){.index = -1};
	for (uint32_t i = 1; i < d->end; i++) {
		if (!(d->mark[i] & TL__DRAW_STANDS))
			continue;
		d->label[i] = tl__draw_string(d, &d->labels, tl__draw_name(&t->nodes[i]));
		if (!d->label[i] || !frame_of(d, d->run[i], t->nodes[i].scope, chain, &d->frame[i]))
			return tl_error_memory(err);
	}
	move_views(d);
	return TL_OK;
}

typedef struct ranked {
	int64_t index;
	uint32_t frame;
} ranked;

static int by_index(const void *a, const void *b)
{
	const ranked *x = a, *y = b;
	return (x->index > y->index) - (x->index < y->index);
}

/* Members in order of their index. */
static tl_status sort_series(tl__draw *d, ranked *room, tl_error *err)
{
	for (uint32_t s = 1; s < d->n_series; s++)
		if (!(d->series[s].member = tl__draw_zeroed(d, d->series[s].count, sizeof(uint32_t))))
			return tl_error_memory(err);
	uint32_t *filled = tl__draw_zeroed(d, d->n_series + 1, sizeof *filled);
	if (!filled)
		return tl_error_memory(err);
	for (uint32_t f = 1; f < d->n_frames; f++) {
		uint32_t s = d->frames[f].series;
		if (s)
			d->series[s].member[filled[s]++] = f;
	}
	for (uint32_t s = 1; s < d->n_series; s++) {
		tl__draw_series *of = &d->series[s];
		for (uint32_t k = 0; k < of->count; k++)
			room[k] = (ranked){d->frames[of->member[k]].index, of->member[k]};
		qsort(room, of->count, sizeof *room, by_index);
		for (uint32_t k = 0; k < of->count; k++) {
			of->member[k] = room[k].frame;
			d->frames[room[k].frame].place = k;
		}
	}
	return TL_OK;
}

tl_status tl__draw_make_series(tl__draw *d, tl_error *err)
{
	ranked *room = tl__draw_zeroed(d, d->n_frames, sizeof *room);
	return room ? sort_series(d, room, err) : tl_error_memory(err);
}

void tl__draw_frame_name(const tl__draw_frame *f, char *buf, size_t size)
{
	if (!f->label && f->run < 2)
		snprintf(buf, size, "%s", f->run ? "gradient" : "");
	else if (!f->label)
		snprintf(buf, size, "gradient %" PRIu32, f->run);
	else if (f->index < 0)
		snprintf(buf, size, "%s", f->label);
	else
		snprintf(buf, size, "%s=%" PRId64, f->label, f->index);
}

/* From the innermost frame out, each written in front of what is there. */
const char *tl__draw_path(tl__draw *d, uint32_t frame, bool with_gradient)
{
	size_t size = 1;
	char name[256];
	for (uint32_t f = frame; f; f = d->frames[f].parent) {
		tl__draw_frame_name(&d->frames[f], name, sizeof name);
		size += strlen(name) + 1;
	}
	char *path = tl_arena_alloc_small(&d->arena, size);
	if (!path)
		return NULL;
	size_t at = size - 1;
	path[at] = '\0';
	for (uint32_t f = frame; f; f = d->frames[f].parent) {
		if (!with_gradient && !d->frames[f].label)
			continue;
		tl__draw_frame_name(&d->frames[f], name, sizeof name);
		if (path[at])
			path[--at] = '/';
		size_t length = strlen(name);
		at -= length;
		memcpy(path + at, name, length);
	}
	return path + at;
}
