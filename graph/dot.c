/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a drawing: what the outputs need is marked going back over the tape, then written and numbered
 * frame by frame, edges between computed nodes last. No recursion; the time is linear in the tape's length.
 *
 * What keeps Graphviz's time in bounds, in seconds for an LSTM over T steps with Graphviz 2.43:
 *  - leaves beside their uses: T = 30 took 45 with one node for each weight, 0.5 with copies; T = 60 took
 *    19 with one node for the tokens, 1 with one in each step;
 *  - adjoints that run back: T = 10 took 118 with gradients after the loss, 1 with gradients below;
 *  - "newrank", which ranks the nodes of all frames together: T = 60 of a simpler cell took more than 100
 *    where each frame was ranked by itself, 0.5 with it.
 */
#include "graph/dot_draw.h"

#include <errno.h>
#include <string.h>

static tl_status check(int n, const tl_var *v, tl_error *err)
{
	if (n < 1)
		return tl_error_set(err, TL_ERR_ARGUMENT, "dot: there is no output to draw");
	for (int k = 0; k < n; k++) {
		const tl_tape *t = v[k].tape;
		if (!t)
			return tl_error_set(err, TL_ERR_STALE,
				"dot: output %d is no variable (it was never assigned)", k);
		if (t != v[0].tape)
			return tl_error_set(
				err, TL_ERR_STALE, "dot: output %d is a variable of another tape", k);
		if (!tl__alive(v[k]))
			return tl_error_set(err, TL_ERR_STALE,
				"dot: output %d is a variable that was used after its tape was reset", k);
		if (v[k].index == 0)
			return tl_error_set(err, t->error.status ? t->error.status : TL_ERR_ARGUMENT,
				"dot: output %d failed when it was recorded: %s", k, t->error.text);
	}
	return TL_OK;
}

void *tl__dot_zeroed(tl__dot *d, size_t count, size_t size)
{
	void *p = tl_arena_alloc(&d->arena, count * size);
	return p ? memset(p, 0, count * size) : NULL;
}

/* What the outputs need, and the numbers of what stands. */
static tl_status mark(tl__dot *d, int n, const tl_var *outputs, tl_error *err)
{
	for (int k = 0; k < n; k++)
		if (outputs[k].index >= d->end)
			d->end = outputs[k].index + 1;
	d->mark = tl__dot_zeroed(d, d->end, sizeof *d->mark);
	d->id = tl__dot_zeroed(d, d->end, sizeof *d->id);
	d->copy = tl__dot_zeroed(d, d->end, sizeof *d->copy);
	d->copied_for = tl__dot_zeroed(d, d->end, sizeof *d->copied_for);
	if (!d->mark || !d->id || !d->copy || !d->copied_for)
		return tl_error_memory(err);
	for (int k = 0; k < n; k++)
		d->mark[outputs[k].index] = TL__DOT_NEEDED | TL__DOT_OUTPUT | TL__DOT_STANDS;
	for (uint32_t i = d->end; i-- > 1;) {
		const tl_node *node = &d->tape->nodes[i];
		for (uint32_t k = 0; d->mark[i] && k < node->n_in; k++) {
			uint32_t from = node->in[k];
			d->mark[from] |= TL__DOT_NEEDED;
			if (!tl__dot_is_leaf(&d->tape->nodes[from]))
				d->mark[from] |= TL__DOT_STANDS;
		}
	}
	for (uint32_t i = 1; i < d->end; i++)
		if (d->mark[i] & TL__DOT_STANDS)
			d->id[i] = ++d->ids;
	return TL_OK;
}

/* Gradients run against the time, and stand where the values stand that they belong to. */
static void draw_edge(const tl__dot *d, uint32_t i, uint32_t k, bool copied)
{
	uint32_t from = d->tape->nodes[i].in[k];
	uint32_t tail = copied ? d->copy[from] : d->id[from], head = d->id[i];
	tl__dot_edge edge = TL__DOT_FORWARD;
	if (tl__dot_is_adjoint(&d->tape->nodes[i]))
		edge = copied || tl__dot_is_adjoint(&d->tape->nodes[from]) ? TL__DOT_BACK : TL__DOT_KEPT;
	bool back = edge == TL__DOT_BACK;
	fprintf(d->to, "\tn%u -> n%u", back ? head : tail, back ? tail : head);
	tl__dot_edge_style(d, i, k, edge);
}

static void draw_copy(tl__dot *d, uint32_t i, uint32_t k)
{
	uint32_t from = d->tape->nodes[i].in[k];
	if (tl__dot_needs_copy(d, i, k)) {
		d->copied_for[from] = i;
		d->copy[from] = ++d->ids;
		fprintf(d->to, "\tn%u", d->ids);
		tl__dot_node_style(d, from,
			tl__dot_is_leaf(&d->tape->nodes[from]) ? TL__DOT_PLAIN : TL__DOT_REFERENCE);
	}
	draw_edge(d, i, k, true);
}

static void draw_node(tl__dot *d, uint32_t i)
{
	fprintf(d->to, "\tn%u", d->id[i]);
	tl__dot_node_style(d, i, d->mark[i] & TL__DOT_OUTPUT ? TL__DOT_IS_OUTPUT : TL__DOT_PLAIN);
	for (uint32_t k = 0; k < d->tape->nodes[i].n_in; k++)
		if (tl__dot_is_copied(d, i, k))
			draw_copy(d, i, k);
}

/* Edges between standing nodes come last: inside a frame, they would pull both ends into it. */
static void draw(tl__dot *d)
{
	fputs("digraph tape {\n", d->to);
	tl__dot_head(d);
	tl__dot_walk(d, draw_node);
	for (uint32_t i = 1; i < d->end; i++)
		for (uint32_t k = 0; d->mark[i] && k < d->tape->nodes[i].n_in; k++)
			if (!tl__dot_is_copied(d, i, k))
				draw_edge(d, i, k, false);
	fputs("}\n", d->to);
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
	if (!status)
		status = tl__dot_measure(&d, err);
	if (!status) {
		draw(&d);
		if (fflush(to) || ferror(to))
			status = tl_error_set(
				err, TL_ERR_IO, "dot: the drawing could not be written: %s", strerror(errno));
	}
	tl_arena_release(&d.arena);
	return status;
}
