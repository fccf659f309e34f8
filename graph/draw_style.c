/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a drawing looks. A box's kind gives its shape and colour: recorded ops are blue, those of gradients red,
 * the darker the dearer; inputs green, parameters yellow. Frames get darker inwards. Every fill is light
 * enough for black text, and differs from its neighbours in grey, too, for printers without colour.
 */
#include "graph/draw_parts.h"

#include <inttypes.h>

#include "graph/algebra.h"
#include "graph/call.h"

const tl__draw_colours tl__draw_styles[TL__DRAW_STYLES] = {
	[TL__DRAW_INPUT] = {"input", " shape=ellipse style=filled", {"#d3ecc8"}, {"#5c8f47"}},
	[TL__DRAW_INDEX] = {"input of indices", " shape=ellipse style=filled", {"#edf5c9"}, {"#7d8f35"}},
	[TL__DRAW_PARAMETER] = {"parameter", " style=filled", {"#ffe9a3"}, {"#b58c1a"}},
	[TL__DRAW_NUMBER] = {"constant", " style=filled", {"#f4f4f4"}, {"#a8a8a8"}},
	[TL__DRAW_PRODUCT] = {"matrix product", "", {"#9cc3ee", "#f2a79b"}, {"#2f66a3", "#a8382a"}},
	[TL__DRAW_ELEMENTWISE] = {"element by element", "", {"#d4e6f9", "#fbdad3"}, {"#6796c8", "#cf7668"}},
	[TL__DRAW_OTHER] = {"other op", "", {"#c8c2ec", "#eabfd8"}, {"#6f63b5", "#aa5087"}},
	[TL__DRAW_VIEW] = {"view of the same memory", "", {"#ffffff", "#ffffff"}, {"#9fb6cf", "#d9aaa2"}},
	[TL__DRAW_FOLD] = {"many ops folded", " shape=box3d style=filled", {"#c3d7ec", "#f3c9c0"},
		{"#2f66a3", "#a8382a"}},
	[TL__DRAW_LEFT_OUT] = {"left out", " style=\"filled,dashed\"", {"#fbfbfb", "#fbfbfb"},
		{"#5a6a7a", "#8a5a50"}},
};

/* sum_to has a view, too, but looks at its operand's memory only where nothing is added up. */
static bool is_view(const tl__draw *d, const tl_node *node)
{
	return node->op->view &&
		(node->op != &tl_op_sum_to ||
			tl_shape_size(node->value.shape) ==
				tl_shape_size(tl__draw_node(d, node->in[0])->value.shape));
}

tl__draw_style tl__draw_node_style(const tl__draw *d, uint32_t i)
{
	const tl_node *node = tl__draw_node(d, i);
	if (node->op == &tl_op_param)
		return TL__DRAW_PARAMETER;
	if (node->op == &tl_op_fill)
		return TL__DRAW_NUMBER;
	if (node->op->flags & TL_OP_LEAF)
		return node->value.dtype == TL_I32 ? TL__DRAW_INDEX : TL__DRAW_INPUT;
	if (tl__call_body(node))
		return TL__DRAW_FOLD;
	if (node->op->flags & TL_OP_PRODUCT)
		return TL__DRAW_PRODUCT;
	if (node->op->map)
		return TL__DRAW_ELEMENTWISE;
	return is_view(d, node) ? TL__DRAW_VIEW : TL__DRAW_OTHER;
}

/* A group looks like its dearest op. */
tl__draw_style tl__draw_box_style(const tl__draw *d, uint32_t box)
{
	const tl__draw_box *b = &d->boxes[box];
	if (b->bundle) {
		tl__draw_bundled what = d->bundles[b->bundle].what;
		return what == TL__DRAW_FOLDED || what == TL__DRAW_WHOLE ? TL__DRAW_FOLD : TL__DRAW_LEFT_OUT;
	}
	tl__draw_style style = tl__draw_node_style(d, b->node);
	for (uint32_t k = 0; k < b->count; k++) {
		tl__draw_style other = tl__draw_node_style(d, d->member[b->first + k]);
		style = other < style ? other : style;
	}
	return style;
}

bool tl__draw_next_leaves(const tl__draw *d, tl__draw_leaves *l)
{
	const tl__draw_box *b = &d->boxes[l->box];
	l->several = b->bundle || b->count > 1;
	if (!l->leaf)
		l->leaf = b->first_leaf;
	else if (!l->several)
		l->leaf = d->leaves[l->leaf].next;
	else {
		tl__draw_leaf_kind kind = d->leaves[l->leaf].kind;
		uint32_t next = 0;
		/* The kinds in order of their first leaves would need a list: they come by number. */
		while (!next && ++kind < TL__DRAW_LEAVES)
			for (next = b->first_leaf; next && d->leaves[next].kind != kind;)
				next = d->leaves[next].next;
		l->leaf = next;
		return next;
	}
	if (l->several && l->leaf) {
		uint32_t least = l->leaf;
		for (uint32_t k = least; k; k = d->leaves[k].next)
			if (d->leaves[k].kind < d->leaves[least].kind)
				least = k;
		l->leaf = least;
	}
	return l->leaf;
}

bool tl__draw_one_leaf(const tl__draw *d, uint32_t box)
{
	tl__draw_leaves l = {.box = box};
	return tl__draw_next_leaves(d, &l) && !tl__draw_next_leaves(d, &l);
}

uint32_t tl__draw_next_leaf(const tl__draw *d, const tl__draw_leaves *l, uint32_t leaf)
{
	uint32_t next = l->several ? d->leaves[leaf].next : 0;
	while (next && d->leaves[next].kind != d->leaves[leaf].kind)
		next = d->leaves[next].next;
	return next;
}

void tl__draw_write_frame(const tl__draw *d, uint32_t frame, int indent)
{
	static const char *const fill[2][4] = {
		{"#f6f8fb", "#edf1f6", "#e4eaf1", "#dbe3ec"},
		{"#fcf4f1", "#faede9", "#f7e6e1", "#f4dfd8"},
	};
	const tl__draw_frame *f = &d->frames[frame];
	char name[256], brief[TL__DRAW_BRIEF];
	tl__draw_frame_name(f, name, sizeof name);
	bool gradient = f->run;
	fprintf(d->to, "%*slabel=", indent, "");
	tl__draw_quoted(d->to, tl__draw_brief(name, brief));
	fprintf(d->to, "; style=\"rounded,filled\"; fillcolor=\"%s\"; color=\"%s\"\n",
		fill[gradient][f->depth < 4 ? f->depth - 1 : 3], gradient ? "#dcbdb5" : "#b9c4d2");
}

static void write_tip(const tl__draw *d, uint32_t box, const tl__draw_look *look)
{
	char ops[256];
	const tl__draw_box *b = &d->boxes[box];
	if (look && look->tip) {
		fputs(" tooltip=", d->to);
		tl__draw_quoted(d->to, look->tip);
	} else if (b->count > 1) {
		tl__draw_count_ops(d, box, ops, sizeof ops);
		fputs(" tooltip=", d->to);
		tl__draw_quoted(d->to, ops);
	}
}

static void write_colours(
	const tl__draw *d, const tl__draw_look *look, tl__draw_style style, bool gradient, const char *extra)
{
	const tl__draw_colours *c = &tl__draw_styles[style];
	int k = gradient && c->fill[1];
	char fill[8], text[8];
	if (look) {
		tl__draw_paint(d, look, fill, text);
		fprintf(d->to, "%s%s fillcolor=\"%s\" color=\"%s\" fontcolor=\"%s\"", c->look, extra, fill,
			c->line[k], text);
	} else {
		fprintf(d->to, "%s%s fillcolor=\"%s\" color=\"%s\"", c->look, extra, c->fill[k], c->line[k]);
	}
}

static void write_look_label(const tl__draw *d, const tl__draw_look *look)
{
	if (look && look->label) {
		fputs("<br/>", d->to);
		tl__draw_text(d->to, look->label);
	}
	fputs(">", d->to);
}

void tl__draw_write_box(const tl__draw *d, uint32_t box)
{
	const tl__draw_box *b = &d->boxes[box];
	const tl__draw_look *look = tl__draw_look_of(d, box, 0);
	fputs(" [label=<", d->to);
	tl__draw_label_box(d, box);
	write_look_label(d, look);
	write_colours(d, look, tl__draw_box_style(d, box), d->frames[b->frame].run > 0,
		b->output && !b->bundle ? " peripheries=2" : "");
	write_tip(d, box, look);
	fputs("]\n", d->to);
}

void tl__draw_write_leaves(const tl__draw *d, const tl__draw_leaves *l)
{
	const tl__draw_leaf *leaf = &d->leaves[l->leaf];
	const tl__draw_look *look = tl__draw_look_of(d, l->box, l->leaf);
	bool reference = leaf->kind == TL__DRAW_REFERENCE;
	fputs(" [label=<", d->to);
	tl__draw_label_leaves(d, l);
	write_look_label(d, look);
	if (reference)
		fputs(" style=\"rounded,dashed\"", d->to);
	write_colours(d, look, reference ? TL__DRAW_VIEW : tl__draw_node_style(d, leaf->node),
		d->run[leaf->node] > 0, "");
	fputs("]\n", d->to);
}

void tl__draw_write_place(const tl__draw *d, tl__draw_kind kind, bool between, uint32_t place, const char *label)
{
	static const char *const look[] = {
		[TL__DRAW_FORWARD] = "",
		[TL__DRAW_BACK] = " dir=back color=\"#a8786c\"",
		[TL__DRAW_KEPT] = " style=dashed color=\"#c4a49c\"",
	};
	fprintf(d->to, " [%s%s", between ? "weight=1" : "weight=8", look[kind]);
	if (label) {
		fputs(" label=", d->to);
		tl__draw_quoted(d->to, label);
	}
	if (place)
		fprintf(d->to, " %s=%" PRIu32, kind == TL__DRAW_BACK ? "taillabel" : "headlabel", place - 1);
	fputs("]", d->to);
}

void tl__draw_write_edge(const tl__draw *d, const tl__draw_edge *e)
{
	char shape[TL__DRAW_SHAPE], label[TL__DRAW_SHAPE + 32] = "";
	bool between = d->boxes[e->from].frame != d->boxes[e->to].frame;
	uint32_t place = e->place;
	tl__draw_shape(d, tl__draw_node(d, e->node)->value.shape, shape);
	if (e->kind == TL__DRAW_KEPT || (d->options.hide_shapes && e->count == 1))
		*label = '\0';
	else if (d->options.hide_shapes)
		snprintf(label, sizeof label, "x %" PRIu32, e->count);
	else if (e->mixed)
		snprintf(label, sizeof label, "%" PRIu32 " values", e->count);
	else if (e->count > 1)
		snprintf(label, sizeof label, "%s x %" PRIu32, shape, e->count);
	else if (place)
		snprintf(label, sizeof label, "%" PRIu32 ": %s", place - 1, shape);
	else
		snprintf(label, sizeof label, "%s", shape);
	tl__draw_write_place(d, e->kind, between, *label ? 0 : place, *label ? label : NULL);
	fputs("\n", d->to);
}
