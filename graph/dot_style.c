/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a drawing looks. A node's kind gives its shape and colour: recorded ops are blue, adjoints red, the
 * darker the dearer; inputs green, parameters yellow. Frames get darker inwards. Every fill is light
 * enough for black text, and differs from its neighbours in grey, too, for printers without colour.
 */
#include "graph/dot_draw.h"

#include "graph/algebra.h"
#include "graph/leaf.h"

#include <inttypes.h>
#include <stdlib.h>

typedef enum kind { INPUT, INDEX, PARAM, CONSTANT, PRODUCT, ELEMENTWISE, OTHER, VIEW, KINDS } kind;

typedef struct style {
	const char *meaning;
	const char *look;              /* attributes besides the colours; an op's are the defaults */
	const char *fill[2], *line[2]; /* recorded, adjoint; a leaf is drawn as recorded always */
} style;

static const style styles[KINDS] = {
	[INPUT] = {"input", " shape=ellipse style=filled", {"#d3ecc8"}, {"#5c8f47"}},
	[INDEX] = {"input of indices", " shape=ellipse style=filled", {"#edf5c9"}, {"#7d8f35"}},
	[PARAM] = {"parameter", " style=filled", {"#ffe9a3"}, {"#b58c1a"}},
	[CONSTANT] = {"constant", " style=filled", {"#f4f4f4"}, {"#a8a8a8"}},
	[PRODUCT] = {"matrix product", "", {"#9cc3ee", "#f2a79b"}, {"#2f66a3", "#a8382a"}},
	[ELEMENTWISE] = {"element by element", "", {"#d4e6f9", "#fbdad3"}, {"#6796c8", "#cf7668"}},
	[OTHER] = {"other op", "", {"#c8c2ec", "#eabfd8"}, {"#6f63b5", "#aa5087"}},
	[VIEW] = {"view of the same memory", "", {"#ffffff", "#ffffff"}, {"#9fb6cf", "#d9aaa2"}},
};

/* sum_to has a view, too, but looks at its operand's memory only where nothing is added up. */
static bool is_view(const tl_tape *t, const tl_node *node)
{
	return node->op->view &&
		(node->op != &tl_op_sum_to ||
			tl_shape_size(node->value.shape) == tl_shape_size(t->nodes[node->in[0]].value.shape));
}

static kind kind_of(const tl_tape *t, const tl_node *node)
{
	if (node->op == &tl_op_param)
		return PARAM;
	if (node->op == &tl_op_fill)
		return CONSTANT;
	if (node->op->flags & TL_OP_LEAF)
		return node->value.dtype == TL_I32 ? INDEX : INPUT;
	if (node->op->flags & TL_OP_PRODUCT)
		return PRODUCT;
	if (node->op->map)
		return ELEMENTWISE;
	return is_view(t, node) ? VIEW : OTHER;
}

/* Bytes of the printable character at s; 0 where there is none: a control character, broken UTF-8. */
static int printable(const unsigned char *s)
{
	static const uint32_t least[] = {0, 0, 0xa0, 0x800, 0x10000};
	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	int n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	uint32_t c = s[0] & 0x7fu >> n;
	for (int i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fu);
	}
	bool surrogate = c >= 0xd800 && c <= 0xdfff, character = (c & 0xfffe) != 0xfffe;
	return c >= least[n] && c <= 0x10ffff && !surrogate && character ? n : 0;
}

/*
 * Inside a label, quoted or HTML-like. What does not print becomes '?', and so does no text at all, which
 * an HTML-like label may not hold.
 */
static void text(FILE *to, const char *label)
{
	const unsigned char *s = (const unsigned char *)label;
	if (!*s)
		fputc('?', to);
	for (int n; *s; s += n ? n : 1) {
		n = printable(s);
		switch (n ? *s : 0) {
		case 0: fputc('?', to); break;
		case '&': fputs("&amp;", to); break;
		case '<': fputs("&lt;", to); break;
		case '>': fputs("&gt;", to); break;
		case '"': fputs("&quot;", to); break;
		case '\\': fputs("\\\\", to); break;
		default: fwrite(s, 1, (size_t)n, to);
		}
	}
}

/* One row of the legend: the kinds from first to last that occur. */
static void legend_row(
	const tl__dot *d, const char *caption, kind first, kind last, bool adjoint, const bool *seen)
{
	bool any = false;
	for (kind k = first; k <= last; k++)
		any = any || seen[k];
	if (!any)
		return;
	fprintf(d->to, "\t<tr><td border=\"0\" align=\"left\">%s</td>", caption);
	for (kind k = first; k <= last; k++)
		if (seen[k])
			fprintf(d->to, "<td bgcolor=\"%s\" color=\"%s\">%s</td>", styles[k].fill[adjoint],
				styles[k].line[adjoint], styles[k].meaning);
	fputs("</tr>\n", d->to);
}

static void legend(const tl__dot *d)
{
	bool seen[2][KINDS] = {{false}}, adjoints = false;
	for (uint32_t i = 1; i < d->end; i++)
		if (d->mark[i]) {
			const tl_node *node = &d->tape->nodes[i];
			bool adjoint = tl__dot_is_adjoint(node) && !tl__dot_is_leaf(node);
			seen[adjoint][kind_of(d->tape, node)] = true;
			adjoints = adjoints || adjoint;
		}
	fputs("\tlabel=<<table border=\"0\" cellborder=\"1\" cellspacing=\"4\" cellpadding=\"3\">\n", d->to);
	legend_row(d, "given", INPUT, CONSTANT, false, seen[0]);
	legend_row(d, "computed", PRODUCT, VIEW, false, seen[0]);
	legend_row(d, "gradient", PRODUCT, VIEW, true, seen[1]);
	fprintf(d->to,
		"\t<tr><td border=\"0\" align=\"left\">marks</td>"
		"<td border=\"0\">double border: output</td>"
		"<td border=\"0\">number: operand's place</td>%s</tr>\n\t</table>>\n",
		adjoints ? "<td border=\"0\">dashed: used by the gradient</td>" : "");
}

void tl__dot_head(const tl__dot *d)
{
	fprintf(d->to,
		"\trankdir=%s\n"
		"\tnewrank=true\n"
		"\tgraph [fontname=\"Helvetica\", fontsize=11, fontcolor=\"#404040\", nodesep=0.18, "
		"ranksep=0.3, labeljust=l]\n"
		"\tnode [fontname=\"Helvetica\", fontsize=11, shape=box, style=\"rounded,filled\", "
		"height=0.3, margin=\"0.1,0.04\"]\n"
		"\tedge [fontname=\"Helvetica\", fontsize=8, fontcolor=\"#606060\", color=\"#808080\", "
		"penwidth=0.8, arrowsize=0.6, labeldistance=1.4]\n",
		d->options.direction == TL_DOT_TB ? "TB" : "LR");
	if (d->options.title && *d->options.title) {
		fputs("\tlabelloc=t\n\tlabel=<<font point-size=\"18\">", d->to);
		text(d->to, d->options.title);
		fputs("</font>>\n", d->to);
	}
}

void tl__dot_frame_style(const tl__dot *d, const tl__dot_frame *f)
{
	static const char *const fill[2][5] = {
		{"#ffffff", "#f6f8fb", "#edf1f6", "#e4eaf1", "#dbe3ec"},
		{"#fefaf9", "#fcf4f1", "#faede9", "#f7e6e1", "#f4dfd8"},
	};
	if (f == d->frames) {
		fputs("\tpenwidth=0\n", d->to);
		if (d->options.legend)
			legend(d);
		else
			fputs("\tlabel=\"\"\n", d->to);
		return;
	}
	fputs("\tlabel=\"", d->to);
	text(d->to, f->label ? f->label : "gradient");
	if (f->index >= 0)
		fprintf(d->to, "=%" PRId64, f->index);
	fprintf(d->to, "\"; penwidth=1; style=\"rounded,filled\"; fillcolor=\"%s\"; color=\"%s\"\n",
		fill[f->adjoint][f->depth < 4 ? f->depth : 4], f->adjoint ? "#dcbdb5" : "#b9c4d2");
}

void tl__dot_node_style(const tl__dot *d, uint32_t i, tl__dot_role role)
{
	static const char *const extra[] = {
		[TL__DOT_PLAIN] = "",
		[TL__DOT_IS_OUTPUT] = " peripheries=2",
		[TL__DOT_REFERENCE] = " style=\"rounded,filled,dashed\"",
	};
	const tl_node *node = &d->tape->nodes[i];
	kind k = kind_of(d->tape, node);
	bool adjoint = tl__dot_is_adjoint(node) && styles[k].fill[1];
	bool named = node->name && *node->name;
	fputs(" [label=<", d->to);
	if (named) {
		fputs("<b>", d->to);
		text(d->to, node->name);
		fputs("</b>", d->to);
	}
	if (k == CONSTANT) {
		fprintf(d->to, "%s%.6g", named ? " = " : "", *(const double *)node->params);
	} else if (!named || !tl__dot_is_leaf(node)) {
		fputs(named ? "<br/>" : "", d->to);
		text(d->to, node->op->name);
		if (d->mark[i] & TL__DOT_REFERRED && !tl__dot_is_leaf(node))
			fprintf(d->to, " #%u", d->id[i]);
	}
	if (!d->options.hide_shapes) {
		char shape[TL_SHAPE_TEXT];
		bool typed = k == INPUT || node->value.dtype == TL_I32;
		fprintf(d->to, "<br/><font point-size=\"9\" color=\"#505050\">%s%s%s</font>",
			typed ? tl_dtype_name(node->value.dtype) : "", typed ? " " : "",
			tl_shape_text(node->value.shape, shape));
	}
	fprintf(d->to, ">%s fillcolor=\"%s\" color=\"%s\"%s]\n", styles[k].look, styles[k].fill[adjoint],
		styles[k].line[adjoint], extra[role]);
}

void tl__dot_edge_style(const tl__dot *d, uint32_t i, uint32_t k, tl__dot_edge edge)
{
	static const char *const look[] = {
		[TL__DOT_FORWARD] = "",
		[TL__DOT_BACK] = "dir=back color=\"#a8786c\"",
		[TL__DOT_KEPT] = "style=dashed color=\"#c4a49c\"",
	};
	const tl_node *node = &d->tape->nodes[i];
	fprintf(d->to, " [%s", look[edge]);
	bool placed = node->n_in > 1 && node->op != &tl_op_add;
	if (d->options.edge_shapes && !d->options.hide_shapes) {
		char shape[TL_SHAPE_TEXT];
		fputs(" label=\"", d->to);
		if (placed)
			fprintf(d->to, "%u: ", k);
		fprintf(d->to, "%s\"", tl_shape_text(d->tape->nodes[node->in[k]].value.shape, shape));
	} else if (placed) {
		fprintf(d->to, " %s=%u", edge == TL__DOT_BACK ? "taillabel" : "headlabel", k);
	}
	if (getenv("W") && (tl__dot_is_copied(d,i,k) || d->frame[i]==d->frame[node->in[k]])) fprintf(d->to," weight=%s",getenv("W"));
	fputs("]\n", d->to);
}
