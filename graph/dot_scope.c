/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of a drawing. A tape appends an entry whenever a scope begins, so one path may have many;
 * entries of equal parent frame, label and index are one frame, found by hashing. Entries come after
 * their parents, so one pass makes the tree; adjoints have a tree of their own.
 */
#include "graph/dot_draw.h"

#include <string.h>

/* What is used while frames are made; arrays over the tape's scopes, for recorded nodes and adjoints. */
typedef struct builder {
	tl__dot *d;
	uint32_t *frame[2]; /* of a scope: first 1 where one is needed, then its number */
	uint32_t *slot;     /* frames by hash; 0: empty */
	uint64_t mask;      /* the number of slots, a power of two, less one */
} builder;

static uint32_t append_frame(tl__dot *d, uint32_t parent, tl__dot_frame frame)
{
	uint32_t at = d->n_frames++;
	tl__dot_frame *p = &d->frames[parent];
	frame.parent = parent;
	d->frames[at] = frame;
	if (p->last_child)
		d->frames[p->last_child].next = at;
	else
		p->first_child = at;
	p->last_child = at;
	return at;
}

static uint64_t hash(uint32_t parent, const char *label, int64_t index)
{
	uint64_t h = 14695981039346656037u ^ parent;
	for (; *label; label++)
		h = (h ^ (unsigned char)*label) * 1099511628211u;
	h = (h ^ (uint64_t)index) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

static uint32_t find_frame(builder *b, uint32_t parent, const tl_scope_entry *scope)
{
	tl__dot *d = b->d;
	int64_t index = scope->index < 0 ? -1 : scope->index;
	uint64_t at = hash(parent, scope->label, index) & b->mask;
	for (; b->slot[at]; at = (at + 1) & b->mask) {
		const tl__dot_frame *f = &d->frames[b->slot[at]];
		if (f->parent == parent && f->index == index && strcmp(f->label, scope->label) == 0)
			return b->slot[at];
	}
	const tl__dot_frame *p = &d->frames[parent];
	return b->slot[at] = append_frame(d, parent,
		       (tl__dot_frame){.depth = p->depth + 1,
			       .adjoint = p->adjoint,
			       .label = scope->label,
			       .index = index});
}

/* Which scopes have something standing in them, or in a scope within? Returns their number. */
static size_t mark_scopes(builder *b)
{
	const tl_tape *t = b->d->tape;
	size_t count = 0;
	for (uint32_t i = 1; i < b->d->end; i++)
		if (b->d->mark[i] & TL__DOT_STANDS)
			b->frame[tl__dot_is_adjoint(&t->nodes[i])][t->nodes[i].scope] = 1;
	for (int a = 0; a < 2; a++)
		for (uint32_t s = t->n_scopes; s-- > 0;)
			if (b->frame[a][s]) {
				b->frame[a][t->scopes[s].parent] = 1;
				count++;
			}
	return count;
}

static bool make_frames(builder *b)
{
	tl__dot *d = b->d;
	const tl_tape *t = d->tape;
	for (int a = 0; a < 2; a++)
		if (!(b->frame[a] = tl__dot_zeroed(d, t->n_scopes, sizeof *b->frame[a])))
			return false;
	size_t most = mark_scopes(b) + 2, slots = 16;
	while (slots < most * 2)
		slots *= 2;
	b->mask = slots - 1;
	b->slot = tl__dot_zeroed(d, slots, sizeof *b->slot);
	d->frames = tl_arena_alloc(&d->arena, most * sizeof *d->frames);
	if (!b->slot || !d->frames)
		return false;
	d->frames[0] = (tl__dot_frame){.index = -1};
	d->n_frames = 1;
	for (int a = 0; a < 2; a++) {
		if (a && b->frame[a][0])
			b->frame[a][0] = append_frame(d, 0, (tl__dot_frame){.adjoint = true, .index = -1});
		else
			b->frame[a][0] = 0;
		for (uint32_t s = 1; s < t->n_scopes; s++)
			if (b->frame[a][s])
				b->frame[a][s] =
					find_frame(b, b->frame[a][t->scopes[s].parent], &t->scopes[s]);
	}
	return true;
}

tl_status tl__dot_place(tl__dot *d, tl_error *err)
{
	builder b = {.d = d};
	d->frame = tl__dot_zeroed(d, d->end, sizeof *d->frame);
	d->next = tl__dot_zeroed(d, d->end, sizeof *d->next);
	if (!d->frame || !d->next || !make_frames(&b))
		return tl_error_memory(err);
	for (uint32_t i = 1; i < d->end; i++) {
		if (!(d->mark[i] & TL__DOT_STANDS))
			continue;
		const tl_node *node = &d->tape->nodes[i];
		d->frame[i] = b.frame[tl__dot_is_adjoint(node)][node->scope];
		tl__dot_frame *f = &d->frames[d->frame[i]];
		if (f->last_node)
			d->next[f->last_node] = i;
		else
			f->first_node = i;
		f->last_node = i;
	}
	return TL_OK;
}

typedef void draw_fn(tl__dot *d, uint32_t node);

static void open_frame(tl__dot *d, uint32_t at, draw_fn *draw)
{
	fprintf(d->to, "\tsubgraph cluster_%u {\n", at);
	tl__dot_frame_style(d, &d->frames[at]);
	for (uint32_t i = d->frames[at].first_node; i; i = d->next[i])
		draw(d, i);
}

void tl__dot_walk(tl__dot *d, draw_fn *draw)
{
	uint32_t to = 0;
	do {
		uint32_t at = to;
		open_frame(d, at, draw);
		to = d->frames[at].first_child;
		while (!to && at) {
			fputs("\t}\n", d->to);
			to = d->frames[at].next;
			at = d->frames[at].parent;
		}
	} while (to);
	fputs("\t}\n", d->to);
}
