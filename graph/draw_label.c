/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in a box: names first, then ops, counts and shapes. */
#include "graph/draw_parts.h"

#include <inttypes.h>
#include <string.h>

#include "graph/call.h"

#define OPS 12     /* told apart in a list */
#define LINE 26    /* characters */
#define LEAVES 8   /* named in a box of several */

typedef struct op_count {
	const char *name;
	uint32_t n;
} op_count;

typedef struct op_counts {
	op_count of[OPS];
	uint32_t n, others; /* others: of further names */
	uint32_t all;
} op_counts;

static void count(op_counts *c, const tl_op *op)
{
	const char *name = op->name;
	uint32_t at = 0;
	if (op->flags & TL_OP_LEAF)
		return;
	c->all++;
	while (at < c->n && strcmp(c->of[at].name, name) != 0)
		at++;
	if (at == OPS) {
		c->others++;
		return;
	}
	if (at == c->n)
		c->of[c->n++] = (op_count){name, 0};
	c->of[at].n++;
}

__attribute__((format(printf, 4, 5))) static void add(
	char *text, size_t size, size_t *line, const char *format, ...)
{
	char word[96];
	va_list args;
	va_start(args, format);
	int printed = vsnprintf(word, sizeof word, format, args);
	va_end(args);
	size_t used = strlen(text), length = printed < 0 ? 0 : strlen(word);
	if (used + length + 4 > size)
		return;
	bool wraps = used && *line + length > LINE;
	snprintf(text + used, size - used, "%s%s", !used ? "" : wraps ? ",\n" : ", ", word);
	*line = wraps || !used ? length : *line + length + 2;
}

/* "matmul x 2, add" */
static void list(const op_counts *c, char *text, size_t size)
{
	size_t line = 0;
	*text = '\0';
	for (uint32_t k = 0; k < c->n; k++)
		if (c->of[k].n == 1)
			add(text, size, &line, "%s", c->of[k].name);
		else
			add(text, size, &line, "%s x %" PRIu32, c->of[k].name, c->of[k].n);
	if (c->others)
		add(text, size, &line, "%" PRIu32 " others", c->others);
}

/* A checkpoint's call is one node, but its body has many. */
static void count_node(op_counts *c, const tl_node *node)
{
	const tl_body *body = tl__call_body(node);
	if (!body)
		count(c, node->op);
	for (uint32_t i = 1; body && i < body->n_nodes; i++)
		count(c, body->nodes[i].op);
}

static op_counts count_box(const tl__draw *d, const tl__draw_box *b)
{
	op_counts c = {.n = 0};
	for (uint32_t k = 0; k < b->count; k++)
		count_node(&c, tl__draw_node(d, d->member[b->first + k]));
	return c;
}

void tl__draw_count_ops(const tl__draw *d, uint32_t box, char *text, size_t size)
{
	op_counts c = count_box(d, &d->boxes[box]);
	list(&c, text, size);
}

static void bold(FILE *to, const char *text)
{
	char brief[TL__DRAW_BRIEF];
	fputs("<b>", to);
	tl__draw_text(to, tl__draw_brief(text, brief));
	fputs("</b>", to);
}

static void small(FILE *to, const char *text)
{
	fputs("<br/><font point-size=\"9\">", to);
	tl__draw_text(to, text);
	fputs("</font>", to);
}

static void shape(const tl__draw *d, uint32_t i, bool typed)
{
	char text[TL__DRAW_SHAPE], line[TL__DRAW_SHAPE + 16];
	const tl_tensor *value = &tl__draw_node(d, i)->value;
	if (d->options.hide_shapes)
		return;
	snprintf(line, sizeof line, "%s%s%s", typed ? tl_dtype_name(value->dtype) : "", typed ? " " : "",
		tl__draw_shape(d, value->shape, text));
	small(d->to, line);
}

static void label_body(const tl__draw *d, const tl_node *call)
{
	char text[256];
	op_counts c = {.n = 0};
	count_node(&c, call);
	snprintf(text, sizeof text, "%" PRIu32 " ops", c.all);
	small(d->to, text);
	list(&c, text, sizeof text);
	small(d->to, text);
}

static void label_node(const tl__draw *d, uint32_t i)
{
	const tl_node *node = tl__draw_node(d, i);
	bool named = node->name && *node->name;
	if (named)
		bold(d->to, node->name);
	if (node->op == &tl_op_fill)
		fprintf(d->to, "%s%.6g", named ? " = " : "", *(const double *)node->params);
	else if (!named)
		tl__draw_text(d->to, node->op->name);
	else if (!(node->op->flags & TL_OP_LEAF))
		small(d->to, node->op->name);
	if (tl__call_body(node))
		label_body(d, node);
	if (node->op->flags & TL_OP_LEAF || d->mark[i] & TL__DRAW_OUTPUT)
		shape(d, i, node->op == &tl_op_input || node->value.dtype == TL_I32);
}

static void label_group(const tl__draw *d, uint32_t box)
{
	const tl__draw_box *b = &d->boxes[box];
	const char *name = tl__draw_node(d, b->node)->name;
	char ops[256];
	tl__draw_count_ops(d, box, ops, sizeof ops);
	if (name && *name) {
		bold(d->to, name);
		small(d->to, ops);
	} else {
		tl__draw_text(d->to, ops);
	}
	if (b->output)
		shape(d, b->node, false);
}

static uint32_t steps_in(const tl__draw *d, uint32_t f)
{
	uint32_t n = 0;
	for (uint32_t c = d->frames[f].first_child; c; c = d->frames[c].next)
		n += d->frames[c].series && !d->series[d->frames[c].series].layers;
	return n;
}

static void label_bundle(const tl__draw *d, const tl__draw_box *b)
{
	const tl__draw_bundle *bundle = &d->bundles[b->bundle];
	char first[128], last[128], line[300];
	tl__draw_frame_name(&d->frames[bundle->first], first, sizeof first);
	tl__draw_frame_name(&d->frames[bundle->last], last, sizeof last);
	bool left_out = bundle->what != TL__DRAW_FOLDED && bundle->what != TL__DRAW_WHOLE;
	if (left_out) {
		snprintf(line, sizeof line, "... x %" PRIu32 " ...", bundle->count);
		bold(d->to, line);
	}
	snprintf(line, sizeof line, bundle->count > 1 ? "%s ... %s" : "%s", first, last);
	if (!left_out)
		bold(d->to, line);
	else if (bundle->what != TL__DRAW_BOXES && bundle->what != TL__DRAW_ALIKE)
		small(d->to, line);
	uint32_t steps = bundle->what == TL__DRAW_WHOLE ? bundle->count
		: bundle->what == TL__DRAW_FOLDED	? steps_in(d, bundle->first)
							: 0;
	op_counts c = count_box(d, b);
	if (bundle->what == TL__DRAW_ALIKE)
		list(&c, line, sizeof line);
	else if (steps)
		snprintf(line, sizeof line, "%" PRIu32 " step%s, %" PRIu32 " ops", steps, steps == 1 ? "" : "s", c.all);
	else
		snprintf(line, sizeof line, "%" PRIu32 " op%s", c.all, c.all == 1 ? "" : "s");
	small(d->to, line);
}

void tl__draw_label_box(const tl__draw *d, uint32_t box)
{
	const tl__draw_box *b = &d->boxes[box];
	if (b->bundle)
		label_bundle(d, b);
	else if (b->count > 1)
		label_group(d, box);
	else
		label_node(d, b->node);
}

/* A value that stands elsewhere: the name, or the box's id. */
static void label_reference(const tl__draw *d, const tl__draw_leaf *leaf)
{
	const tl_node *node = tl__draw_node(d, leaf->node);
	char brief[TL__DRAW_BRIEF];
	tl__draw_text(d->to, tl__draw_brief(leaf->of ? d->boxes[leaf->of].id : tl__draw_name(node), brief));
	shape(d, leaf->node, false);
}

/* What is behind the last dot, with the dot, where all before it is as in another name. */
static const char *rest_of(const char *name, const char *before)
{
	const char *dot = strrchr(name, '.'), *its = before ? strrchr(before, '.') : NULL;
	bool same = dot && its && dot - name == its - before && strncmp(name, before, (size_t)(dot - name)) == 0;
	return same ? dot : name;
}

/* Names only, of parameters of many nodes. */
static void label_parameters(const tl__draw *d, const tl__draw_leaves *l)
{
	char text[512] = "";
	const char *before = NULL;
	size_t line = 0;
	for (uint32_t k = l->leaf; k; k = tl__draw_next_leaf(d, l, k)) {
		const char *name = tl__draw_name(tl__draw_node(d, d->leaves[k].node));
		add(text, sizeof text, &line, "%s", rest_of(name, before));
		before = name;
	}
	tl__draw_text(d->to, text);
}

void tl__draw_label_leaves(const tl__draw *d, const tl__draw_leaves *l)
{
	const uint32_t most = d->leaves[l->leaf].kind == TL__DRAW_REFERENCE ? 2 : LEAVES;
	uint32_t n = 0;
	if (d->boxes[l->box].bundle && d->leaves[l->leaf].kind == TL__DRAW_PARAM) {
		label_parameters(d, l);
		return;
	}
	for (uint32_t k = l->leaf; k; k = tl__draw_next_leaf(d, l, k), n++) {
		if (n >= most)
			continue;
		fputs(n ? "<br/>" : "", d->to);
		if (d->leaves[k].kind == TL__DRAW_REFERENCE)
			label_reference(d, &d->leaves[k]);
		else
			label_node(d, d->leaves[k].node);
	}
	if (n > most)
		fprintf(d->to, "<br/>... %" PRIu32 " more", n - most);
}
