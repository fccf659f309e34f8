/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for the whole drawing, and what its shapes and colours mean, as far as they occur. */
#include "graph/draw_parts.h"

#include <math.h>

typedef struct seen {
	bool style[2][TL__DRAW_STYLES];
	bool kept, reference;
} seen;

static void look(const tl__draw *d, seen *s)
{
	for (uint32_t b = 1; b < d->n_boxes; b++)
		s->style[d->frames[d->boxes[b].frame].run > 0][tl__draw_box_style(d, b)] = true;
	for (uint32_t k = 1; k < d->n_leaves; k++)
		if (d->leaves[k].kind == TL__DRAW_REFERENCE)
			s->reference = true;
		else
			s->style[0][tl__draw_node_style(d, d->leaves[k].node)] = true;
	for (uint32_t e = 1; e < d->n_edges; e++)
		s->kept = s->kept || (d->edges[e].kind == TL__DRAW_KEPT && !d->edges[e].far);
}

/* One row: the styles from first to last that occur. */
static void row(const tl__draw *d, const char *caption, int first, int last, bool gradient, const bool *occurs)
{
	bool any = false;
	for (int k = first; k <= last; k++)
		any = any || occurs[k];
	if (!any)
		return;
	fprintf(d->to, "\t<tr><td border=\"0\" align=\"left\">%s</td>", caption);
	for (int k = first; k <= last; k++)
		if (occurs[k])
			fprintf(d->to, "<td bgcolor=\"%s\" color=\"%s\">%s</td>", tl__draw_styles[k].fill[gradient],
				tl__draw_styles[k].line[gradient], tl__draw_styles[k].meaning);
	fputs("</tr>\n", d->to);
}

#define COLOURS 5

static void scale(const tl__draw *d)
{
	const char *name = d->options.overlay->scale;
	if (!name)
		return;
	fputs("\t<tr><td border=\"0\" align=\"left\">", d->to);
	tl__draw_text(d->to, name);
	fputs("</td>", d->to);
	for (int k = 0; isfinite(d->low) && k < COLOURS; k++) {
		tl__draw_look at = {.paint = TL_DRAW_VALUE, .value = d->low + (d->high - d->low) * k / (COLOURS - 1)};
		char fill[8], text[8];
		tl__draw_paint(d, &at, fill, text);
		fprintf(d->to, "<td bgcolor=\"%s\"><font color=\"%s\">%.3g</font></td>", fill, text,
			d->options.overlay->logarithmic ? pow(10, at.value) : at.value);
	}
	fputs("</tr>\n", d->to);
}

void tl__draw_legend(const tl__draw *d)
{
	seen s = {.kept = false};
	look(d, &s);
	fputs("\tlabel=<<table border=\"0\" cellborder=\"1\" cellspacing=\"4\" cellpadding=\"3\">\n", d->to);
	if (d->looks) {
		scale(d);
	} else {
		row(d, "given", TL__DRAW_INPUT, TL__DRAW_NUMBER, false, s.style[0]);
		row(d, "computed", TL__DRAW_PRODUCT, TL__DRAW_LEFT_OUT, false, s.style[0]);
		row(d, "gradient", TL__DRAW_PRODUCT, TL__DRAW_LEFT_OUT, true, s.style[1]);
	}
	fputs("\t<tr><td border=\"0\" align=\"left\">marks</td><td border=\"0\">double border: output</td>"
	      "<td border=\"0\">number: operand's place</td>",
		d->to);
	if (s.kept)
		fputs("<td border=\"0\">dashed line: used by the gradient</td>", d->to);
	if (s.reference)
		fputs("<td border=\"0\">dashed box: stands elsewhere</td>", d->to);
	fputs("</tr>\n", d->to);
	if (d->options.axes) {
		fputs("\t<tr><td border=\"0\" align=\"left\">axes</td><td border=\"0\" colspan=\"4\" align=\"left\">",
			d->to);
		tl__draw_text(d->to, d->options.axes);
		fputs("</td></tr>\n", d->to);
	}
	fputs("\t</table>>\n", d->to);
}

void tl__draw_preamble(const tl__draw *d)
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
		d->options.direction == TL_DRAW_TB ? "TB" : "LR");
	if (d->options.title && *d->options.title) {
		fputs("\tlabelloc=t\n\tlabel=<<font point-size=\"18\">", d->to);
		tl__draw_text(d->to, d->options.title);
		fputs("</font>>\n", d->to);
	}
}
