/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dot text: frame in frame, a box with the leaves beside it, then the edges between boxes: inside a frame,
 * these would pull both ends into it.
 */
#include "graph/draw_parts.h"

#include <inttypes.h>

/* The path, then the name or op, and its place among its like in the frame: the same whatever is folded. */
static const char *node_id(tl__draw *d, tl__draw_map *counts, uint32_t i)
{
	const char *name = d->labels.at[d->label[i]], *path = d->frames[d->frame[i]].path;
	uint32_t *n = tl__draw_find(d, counts, d->frame[i], d->label[i]);
	if (!n)
		return NULL;
	const char *slash = *path ? "/" : "";
	if (++*n == 1)
		return tl__draw_print(d, "%s%s%s", path, slash, name);
	return tl__draw_print(d, "%s%s%s.%" PRIu32, path, slash, name, *n);
}

static const char *bundle_id(tl__draw *d, const tl__draw_bundle *b)
{
	char last[128];
	const char *path = d->frames[b->frame].path;
	if (b->what == TL__DRAW_BOXES || b->what == TL__DRAW_ALIKE)
		return tl__draw_print(d, "%s%s...%s", path, *path ? "/" : "", b->name ? b->name : "");
	tl__draw_frame_name(&d->frames[b->last], last, sizeof last);
	const char *first = tl__draw_path(d, b->first, true);
	return first && b->count > 1 ? tl__draw_print(d, "%s ... %s", first, last) : first;
}

static bool give_ids(tl__draw *d)
{
	tl__draw_map counts = {0};
	for (uint32_t f = 0; f < d->n_frames; f++)
		if (!d->frames[f].bundle && !(d->frames[f].path = tl__draw_path(d, f, true)))
			return false;
	for (uint32_t i = 1; i < d->end; i++) {
		if (!d->box[i] || d->frames[d->frame[i]].bundle)
			continue;
		const char *id = node_id(d, &counts, i);
		tl__draw_box *b = &d->boxes[d->box[i]];
		if (!id)
			return false;
		if (!b->bundle && b->node == i && !(b->id = tl__draw_unique(d, &d->ids, id)))
			return false;
	}
	for (uint32_t k = 1; k < d->n_boxes; k++) {
		tl__draw_box *b = &d->boxes[k];
		if (b->bundle && !(b->id = tl__draw_unique(d, &d->ids, bundle_id(d, &d->bundles[b->bundle]))))
			return false;
	}
	return true;
}

static bool write_leaves(tl__draw *d, uint32_t box, int indent)
{
	static const char *const kinds[] = {"parameters", "constants", "values"};
	const char *of = d->boxes[box].id;
	bool one = tl__draw_one_leaf(d, box);
	for (tl__draw_leaves l = {.box = box}; tl__draw_next_leaves(d, &l);) {
		tl__draw_leaf *leaf = &d->leaves[l.leaf];
		const tl_node *node = tl__draw_node(d, leaf->node);
		const char *name = l.several ? kinds[leaf->kind] : tl__draw_name(node);
		const char *id = tl__draw_unique(d, &d->ids, tl__draw_print(d, "%s < %s", of, name));
		if (!id)
			return false;
		leaf->id = id;
		fprintf(d->to, "%*s", indent, "");
		tl__draw_quoted(d->to, id);
		tl__draw_write_leaves(d, &l);
		bool back = leaf->edge == TL__DRAW_BACK;
		fprintf(d->to, "%*s%s", indent, "", one ? "{rank=same; " : "");
		tl__draw_quoted(d->to, back ? of : id);
		fputs(" -> ", d->to);
		tl__draw_quoted(d->to, back ? id : of);
		tl__draw_write_place(d, leaf->edge, false, leaf->place, NULL);
		fputs(one ? "}\n" : "\n", d->to);
	}
	return true;
}

static bool write_boxes(tl__draw *d, uint32_t frame, int indent)
{
	for (uint32_t b = d->frames[frame].first_box; b; b = d->boxes[b].next) {
		fprintf(d->to, "%*s", indent, "");
		tl__draw_quoted(d->to, d->boxes[b].id);
		tl__draw_write_box(d, b);
		if (!write_leaves(d, b, indent))
			return false;
	}
	return true;
}

static int indent_of(const tl__draw *d, uint32_t frame)
{
	uint32_t depth = d->frames[frame].depth;
	return (int)(depth < 32 ? depth + 1 : 32);
}

/* The next frame to be drawn in the same one. */
static uint32_t open_one(const tl__draw *d, uint32_t frame)
{
	while (frame && d->frames[frame].bundle)
		frame = d->frames[frame].next;
	return frame;
}

static bool write_frames(tl__draw *d)
{
	uint32_t at = 0;
	for (;;) {
		int indent = indent_of(d, at);
		if (at) {
			fprintf(d->to, "%*ssubgraph ", indent - 1, "");
			const char *id = tl__draw_print(d, "cluster %s", d->frames[at].path);
			if (!id)
				return false;
			tl__draw_quoted(d->to, id);
			fputs(" {\n", d->to);
			tl__draw_write_frame(d, at, indent);
		}
		if (!write_boxes(d, at, indent))
			return false;
		uint32_t to = open_one(d, d->frames[at].first_child);
		while (!to && at) {
			fprintf(d->to, "%*s}\n", indent_of(d, at) - 1, "");
			to = open_one(d, d->frames[at].next);
			at = d->frames[at].parent;
		}
		if (!to)
			return true;
		at = to;
	}
}

static void write_edges(const tl__draw *d)
{
	if (d->n_edges > 1)
		fputs(" // between boxes\n", d->to);
	for (uint32_t k = 1; k < d->n_edges; k++) {
		const tl__draw_edge *e = &d->edges[k];
		bool back = e->kind == TL__DRAW_BACK;
		if (e->far)
			continue;
		fputc(' ', d->to);
		tl__draw_quoted(d->to, d->boxes[back ? e->to : e->from].id);
		fputs(" -> ", d->to);
		tl__draw_quoted(d->to, d->boxes[back ? e->from : e->to].id);
		tl__draw_write_edge(d, e);
	}
}

tl_status tl__draw_write(tl__draw *d, tl_error *err)
{
	static const char *const folds[] = {"", "nothing", "chains of ops", "steps", "layers"};
	uint32_t nodes = 0, boxes = d->n_boxes ? d->n_boxes - 1 : 0;
	if (!give_ids(d))
		return tl_error_memory(err);
	for (uint32_t b = 1; b <= boxes; b++)
		nodes += d->boxes[b].count;
	fprintf(d->to, "// %" PRIu32 " nodes of a tape in %" PRIu32 " boxes; folded: %s\ndigraph tape {\n", nodes,
		boxes, folds[d->choice.fold]);
	tl__draw_preamble(d);
	if (d->options.legend) {
		fputs(" subgraph \"cluster drawing\" {\n penwidth=0\n", d->to);
		tl__draw_legend(d);
	}
	bool fine = write_frames(d);
	if (d->options.legend)
		fputs(" }\n", d->to);
	write_edges(d);
	fine = fine && tl__draw_write_order(d);
	fputs("}\n", d->to);
	return fine ? TL_OK : tl_error_memory(err);
}
