/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Draws a tape: marks what the outputs need going back over it, then tries ways to fold, the most detailed
 * first, until one is found that Graphviz lays out quickly.
 */
#include "graph/draw_parts.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* What a chosen drawing may cost, see tl__draw_rank: one that shows every op, to be readable; any other. */
#define PLAIN 250
#define COST 600 /* Graphviz 2.43 takes a tenth of a second for it */

static tl_status check(int n, const tl_var *v, tl_error *err)
{
	if (n < 1)
		return tl_error_set(err, TL_ERR_ARGUMENT, "draw: there is no output to draw");
	for (int k = 0; k < n; k++) {
		const tl_tape *t = v[k].tape;
		if (!t)
			return tl_error_set(err, TL_ERR_STALE,
				"draw: output %d is no variable (it was never assigned)", k);
		if (t != v[0].tape)
			return tl_error_set(
				err, TL_ERR_STALE, "draw: output %d is a variable of another tape", k);
		if (!tl__alive(v[k]))
			return tl_error_set(err, TL_ERR_STALE,
				"draw: output %d is a variable that was used after its tape was reset", k);
		if (v[k].index == 0)
			return tl_error_set(err, t->error.status ? t->error.status : TL_ERR_ARGUMENT,
				"draw: output %d failed when it was recorded: %s", k, t->error.text);
	}
	return TL_OK;
}

/* Runs of tl_grad, parted by what the program recorded between them. */
static void number_runs(tl__draw *d)
{
	uint32_t run = 0;
	bool between = true;
	for (uint32_t i = 1; i < d->end; i++) {
		const tl_node *node = tl__draw_node(d, i);
		bool adjoint = node->flags & TL_NODE_ADJOINT;
		if (!adjoint && !(node->op->flags & TL_OP_LEAF))
			between = true;
		run += adjoint && between;
		between = between && !adjoint;
		d->run[i] = adjoint ? run : 0;
	}
}

/* What the outputs need, and which of it stands in the drawing. */
static tl_status mark(tl__draw *d, int n, const tl_var *outputs, tl_error *err)
{
	for (int k = 0; k < n; k++)
		if (outputs[k].index >= d->end)
			d->end = outputs[k].index + 1;
	d->mark = tl__draw_zeroed(d, d->end, sizeof *d->mark);
	d->run = tl__draw_zeroed(d, d->end, sizeof *d->run);
	d->frame = tl__draw_zeroed(d, d->end, sizeof *d->frame);
	d->user = tl__draw_zeroed(d, d->end, sizeof *d->user);
	if (!d->mark || !d->run || !d->frame || !d->user)
		return tl_error_memory(err);
	number_runs(d);
	for (int k = 0; k < n; k++)
		d->mark[outputs[k].index] = TL__DRAW_NEEDED | TL__DRAW_OUTPUT;
	bool any = false;
	for (uint32_t i = d->end; i-- > 1;) {
		const tl_node *node = tl__draw_node(d, i);
		for (uint32_t k = 0; d->mark[i] && k < node->n_in; k++) {
			uint32_t *user = &d->user[node->in[k]];
			d->mark[node->in[k]] |= TL__DRAW_NEEDED;
			*user = *user == 0 || *user == i ? i : UINT32_MAX;
		}
		bool leaf = tl__draw_is_leaf(node) && !(d->mark[i] & TL__DRAW_OUTPUT);
		bool out = d->options.part == (d->run[i] ? TL_DRAW_FORWARD : TL_DRAW_BACKWARD);
		if (d->mark[i] && !leaf && !out) {
			d->mark[i] |= TL__DRAW_STANDS;
			any = true;
		}
	}
	if (!any)
		return tl_error_set(err, TL_ERR_ARGUMENT, "draw: the outputs depend on nothing that %s",
			d->options.part == TL_DRAW_FORWARD ? "the program recorded itself" : "tl_grad recorded");
	return TL_OK;
}

/* Makes a drawing of the choice; one that costs more than `most` may be left unfinished. */
static tl_status try(tl__draw *d, tl__draw_choice choice, double most, double *cost, tl_error *err)
{
	d->choice = choice;
	d->bundles = NULL;
	d->boxes = NULL;
	d->edges = NULL;
	d->leaves = NULL;
	d->n_bundles = d->cap_bundles = d->n_boxes = d->cap_boxes = 0;
	d->likes = NULL;
	d->n_likes = d->cap_likes = 0;
	d->like_of = (tl__draw_map){0};
	d->n_edges = d->cap_edges = d->n_leaves = d->cap_leaves = 0;
	d->edge_of = d->leaf_of = d->used_in = (tl__draw_map){0};
	tl_status status = tl__draw_make_boxes(d, most, err);
	*cost = d->n_boxes;
	if (status || *cost > most)
		return status;
	status = tl__draw_make_edges(d, err);
	return status ? status : tl__draw_rank(d, cost, err);
}

/* Anything but ":"? */
static bool leaves_out(const tl__draw_slices *s)
{
	return s->n != 1 || s->at->single || !s->at->from_first || !s->at->to_last || s->at->step != 1;
}

/* The most detailed choice that is cheap enough, or the last one. */
static tl_status choose(tl__draw *d, tl_error *err)
{
	static const struct {
		tl_draw_fold fold;
		const char *steps; /* NULL: all */
		uint32_t most, depth;
	} ways[] = {
		{TL_DRAW_FOLD_NONE, NULL, 0, 0},
		{TL_DRAW_FOLD_NONE, "0:3,-1", 0, 0},
		{TL_DRAW_FOLD_NONE, "0:2,-1", 0, 0},
		{TL_DRAW_FOLD_OPS, "0:3,-1", 0, 0},
		{TL_DRAW_FOLD_OPS, "0:2,-1", 0, 0},
		{TL_DRAW_FOLD_CELL, NULL, 0, 0},
		{TL_DRAW_FOLD_CELL, "0:4,-2:", 0, 0},
		{TL_DRAW_FOLD_CELL, "0:2,-1", 40, 0},
		{TL_DRAW_FOLD_LAYER, "0:2,-1", 40, 0},
		{TL_DRAW_FOLD_LAYER, "0:2,-1", 20, 4},
		{TL_DRAW_FOLD_LAYER, "0,-1", 10, 2},
		{TL_DRAW_FOLD_LAYER, "0,-1", 6, 1},
	};
	enum { WAYS = sizeof ways / sizeof *ways };
	const tl_draw_options *o = &d->options;
	tl__draw_slices given, chosen;
	tl_status status = o->steps ? tl__draw_parse_steps(d, o->steps, &given, err) : TL_OK;
	tl_mark start = tl_arena_mark(&d->arena);
	bool told = o->steps && o->fold;
	for (int k = 0; k < WAYS && !status; k++) {
		tl__draw_choice c = {.fold = o->fold ? o->fold : ways[k].fold};
		double cost;
		tl_arena_rewind(&d->arena, start);
		c.alike = o->steps ? leaves_out(&given) : k > 0;
		c.steps = o->steps ? &given : ways[k].steps ? &chosen : NULL;
		if (!told) {
			c.most = ways[k].most;
			c.depth = ways[k].depth;
		}
		if (c.steps == &chosen)
			status = tl__draw_parse_steps(d, ways[k].steps, &chosen, err);
		double most = c.fold == TL_DRAW_FOLD_NONE && !o->fold ? PLAIN : COST;
		if (told || k + 1 == WAYS)
			most = HUGE_VAL;
		if (!status)
			status = try(d, c, most, &cost, err);
		if (status || cost <= most)
			break;
	}
	return status ? status : tl__draw_cut_far(d, err);
}

static tl_status prepare(tl__draw *d, int n, const tl_var *outputs, tl_error *err)
{
	const tl_draw_options *o = &d->options;
	tl_status status = mark(d, n, outputs, err);
	if (!status && o->axes)
		status = tl__draw_parse_axes(d, o->axes, err);
	if (!status)
		status = tl__draw_make_frames(d, err);
	if (!status)
		status = tl__draw_make_series(d, err);
	if (!status && o->expand)
		status = tl__draw_pin(d, o->expand, err);
	if (!status)
		status = tl__draw_make_groups(d, err);
	if (!status)
		status = choose(d, err);
	return status ? status : tl__draw_ask(d, err);
}

tl_status tl_tape_draw(FILE *to, int n, const tl_var *outputs, const tl_draw_options *options, tl_error *err)
{
	tl_status status = check(n, outputs, err);
	if (status)
		return status;
	tl__draw d = {.tape = outputs[0].tape, .options = options ? *options : (tl_draw_options){0}, .to = to};
	tl_arena_init(&d.arena, 0);
	status = prepare(&d, n, outputs, err);
	if (!status)
		status = tl__draw_write(&d, err);
	if (!status && (fflush(to) || ferror(to)))
		status = tl_error_set(
			err, TL_ERR_IO, "draw: the drawing could not be written: %s", strerror(errno));
	tl_arena_release(&d.arena);
	return status;
}
