/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a drawing: what the outputs need is marked going back over the tape, numbered going forward, and
 * written frame by frame, edges last. No recursion, and time linear in the tape's length.
 */
#include "graph/dot_draw.h"

#include <errno.h>
#include <string.h>

#include "graph/leaf.h"

/* Parameters and constants stand beside each use. */
static bool is_copied(const tl__dot *d, uint32_t node)
{
	const tl_op *op = d->tape->nodes[node].op;
	return op == &tl_op_param || op == &tl_op_fill;
}

static tl_status check(int n, const tl_var *v, tl_error *err)
{
	if (n < 1)
		return tl_error_set(err, TL_ERR_ARGUMENT, "dot: there is no output to draw");
	for (int k = 0; k < n; k++) {
		const tl_tape *t = v[k].tape;
		if (!t)
			return tl_error_set(err, TL_ERR_STALE, "dot: output %d is no variable (it was never assigned)", k);
		if (t != v[0].tape)
			return tl_error_set(err, TL_ERR_STALE, "dot: output %d is a variable of another tape", k);
		if (v[k].generation != t->generation)
			return tl_error_set(
				err, TL_ERR_STALE, "dot: output %d is a variable that was used after its tape was reset", k);
		if (v[k].index == 0)
			return tl_error_set(err, t->error.status ? t->error.status : TL_ERR_ARGUMENT,
				"dot: output %d failed when it was recorded: %s", k, t->error.text);
	}
	return TL_OK;
}

static tl_status mark(tl__dot *d, int n, const tl_var *outputs, tl_error *err)
{
	for (int k = 0; k < n; k++)
		if (outputs[k].index >= d->end)
			d->end = outputs[k].index + 1;
	d->mark = tl_arena_alloc(&d->arena, d->end);
	d->id = tl_arena_alloc(&d->arena, d->end * sizeof *d->id);
	if (!d->mark || !d->id)
		return tl_error_memory(err);
	memset(d->mark, 0, d->end);
	for (int k = 0; k < n; k++)
		d->mark[outputs[k].index] = TL__DOT_NEEDED | TL__DOT_OUTPUT | TL__DOT_STANDS;
	for (uint32_t i = d->end; i-- > 1;) {
		const tl_node *node = &d->tape->nodes[i];
		if (d->mark[i])
			for (uint32_t k = 0; k < node->n_in; k++)
				d->mark[node->in[k]] |= TL__DOT_NEEDED | (is_copied(d, node->in[k]) ? 0 : TL__DOT_STANDS);
	}
	uint32_t id = 1;
	for (uint32_t i = 1; i < d->end; i++)
		if (d->mark[i] & TL__DOT_STANDS) {
			d->id[i] = id++;
			for (uint32_t k = 0; k < d->tape->nodes[i].n_in; k++)
				id += is_copied(d, d->tape->nodes[i].in[k]);
		}
	return TL_OK;
}

static void draw_node(const tl__dot *d, uint32_t i)
{
	const tl_node *node = &d->tape->nodes[i];
	uint32_t copy = d->id[i];
	fprintf(d->to, "\tn%u", d->id[i]);
	tl__dot_node_style(d, node, d->mark[i] & TL__DOT_OUTPUT);
	for (uint32_t k = 0; k < node->n_in; k++)
		if (is_copied(d, node->in[k])) {
			fprintf(d->to, "\tn%u", ++copy);
			tl__dot_node_style(d, &d->tape->nodes[node->in[k]], false);
		}
}
#include <stdlib.h>

static void draw_edges(const tl__dot *d, uint32_t i)
{
	const tl_node *node = &d->tape->nodes[i];
	uint32_t copy = d->id[i];
	bool mirror = getenv("MIRROR");
	const char *lab = getenv("LABELS");
	for (uint32_t k = 0; k < node->n_in; k++) {
		bool copied = is_copied(d, node->in[k]);
		uint32_t from = copied ? ++copy : d->id[node->in[k]];
		bool adj = tl__dot_is_adjoint(node), fadj = tl__dot_is_adjoint(&d->tape->nodes[node->in[k]]);
		bool cross = adj && !fadj && !copied;
		bool rev = mirror && adj && !cross;
		fprintf(d->to, "\tn%u -> n%u", rev ? d->id[i] : from, rev ? from : d->id[i]);
		fputs(" [penwidth=0.8", d->to);
		if (rev)
			fputs(",dir=back", d->to);
		if (cross)
			fprintf(d->to, ",style=dashed,color=\"#c8a8a0\",%s",getenv("CROSS")?getenv("CROSS"):"");
		if (getenv("WEIGHT")&&(copied || d->frame[i]==d->frame[node->in[k]]))
			fprintf(d->to, ",weight=%s", getenv("WEIGHT"));
		if (lab && strchr(lab,'n') && node->n_in > 1)
			fprintf(d->to, ",%s=\"%u\"", rev ? "taillabel" : "headlabel", k + 1);
		char shape[TL_SHAPE_TEXT];
		if (lab && strchr(lab,'s'))
			fprintf(d->to, ",label=\"%s\"", tl_shape_text(d->tape->nodes[node->in[k]].value.shape, shape));
		fputs("]\n", d->to);
	}
}

tl_status tl_dot_write(FILE *to, int n, const tl_var *outputs, const tl_dot_options *options, tl_error *err)
{
	tl_status status = check(n, outputs, err);
	if (status)
		return status;
	tl__dot d = {.tape = outputs[0].tape, .options = options ? *options : (tl_dot_options){0}, .to = to};
	tl_arena_init(&d.arena, 0);
	status = mark(&d, n, outputs, err);
	if (!status)
		status = tl__dot_place(&d, err);
	if (!status) {
		fputs("digraph tape {\n", to);
		tl__dot_head(&d);
		tl__dot_walk(&d, draw_node);
		for (uint32_t i = 1; i < d.end; i++)
			if (d.mark[i] & TL__DOT_STANDS)
				draw_edges(&d, i);
		fputs("}\n", to);
		if (fflush(to) || ferror(to))
			status = tl_error_set(err, TL_ERR_IO, "dot: the drawing could not be written: %s", strerror(errno));
	}
	tl_arena_release(&d.arena);
	return status;
}
