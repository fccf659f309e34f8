/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps in a row. Graphviz puts frames that have a rank in common one above the other, so steps of which one
 * begins where another ends would stand along a diagonal. Where a step uses something of the one before it,
 * edges that are not seen keep all of it right of that one: from boxes that nothing in their step uses to
 * boxes that use nothing of theirs.
 */
#include "graph/draw_parts.h"

#define PAIRS 32 /* of boxes in two steps at most */
#define ENDS 6   /* of a box at most */

/* Units are steps that are drawn: open frames, by their number; or boxes of bundles, by n_frames and theirs. */
typedef struct order {
	uint32_t *unit;        /* of a box: its step; 0: it is in none */
	bool *uses, *used;     /* a box: others of its unit */
	uint32_t *next;        /* of a unit: the one after it in its series */
	bool *linked;          /* a unit: it is used by the next one */
	uint32_t *first, *more; /* boxes of a unit; the next one of a box's unit */
} order;

static bool is_step(const tl__draw *d, uint32_t f)
{
	return d->frames[f].series && !d->series[d->frames[f].series].layers;
}

static uint32_t unit_of(const tl__draw *d, uint32_t box)
{
	const tl__draw_box *b = &d->boxes[box];
	const tl__draw_bundle *bundle = b->bundle ? &d->bundles[b->bundle] : NULL;
	if (bundle && bundle->first && is_step(d, bundle->first))
		return d->n_frames + b->bundle;
	uint32_t f = b->frame;
	while (f && !is_step(d, f))
		f = d->frames[f].parent;
	return f;
}

static bool make(tl__draw *d, order *o)
{
	size_t units = d->n_frames + d->n_bundles + 1, boxes = d->n_boxes + 1;
	o->unit = tl__draw_zeroed(d, boxes, sizeof *o->unit);
	o->uses = tl__draw_zeroed(d, boxes, sizeof *o->uses);
	o->used = tl__draw_zeroed(d, boxes, sizeof *o->used);
	o->more = tl__draw_zeroed(d, boxes, sizeof *o->more);
	o->next = tl__draw_zeroed(d, units, sizeof *o->next);
	o->first = tl__draw_zeroed(d, units, sizeof *o->first);
	o->linked = tl__draw_zeroed(d, units, sizeof *o->linked);
	return o->unit && o->uses && o->used && o->more && o->next && o->first && o->linked;
}

static void link_series(const tl__draw *d, order *o, const tl__draw_series *s)
{
	uint32_t last = 0;
	for (uint32_t k = 0; k < s->count; k++) {
		uint32_t f = s->member[k], bundle = d->frames[f].bundle, unit = bundle ? d->n_frames + bundle : f;
		if (last && last != unit)
			o->next[last] = unit;
		last = unit;
	}
}

static void look(const tl__draw *d, order *o)
{
	for (uint32_t s = 1; s < d->n_series; s++)
		if (!d->series[s].layers)
			link_series(d, o, &d->series[s]);
	for (uint32_t b = d->n_boxes; b-- > 1;) {
		o->unit[b] = unit_of(d, b);
		o->more[b] = o->first[o->unit[b]];
		o->first[o->unit[b]] = b;
	}
	for (uint32_t k = 1; k < d->n_edges; k++) {
		const tl__draw_edge *e = &d->edges[k];
		uint32_t a = tl__draw_tail(e), b = tl__draw_head(e);
		if (e->far)
			continue;
		if (o->unit[a] == o->unit[b])
			o->used[a] = o->uses[b] = true;
		else if (o->unit[a] && o->unit[b] && o->next[o->unit[a]] == o->unit[b])
			o->linked[o->unit[a]] = true;
	}
}

static bool has_edge(tl__draw *d, uint32_t from, uint32_t to)
{
	const uint32_t *edge = tl__draw_find(d, &d->edge_of, from, to);
	return edge && *edge && !d->edges[*edge].far;
}

/* What stands outermost of a box on its left or right: leaves beside it, or itself. Returns how many. */
static int ends(const tl__draw *d, uint32_t box, bool right, const char *id[ENDS])
{
	int n = 0;
	tl__draw_leaves l = {.box = box};
	while (!tl__draw_one_leaf(d, box) && n < ENDS && tl__draw_next_leaves(d, &l))
		if ((d->leaves[l.leaf].edge == TL__DRAW_BACK) == right)
			id[n++] = d->leaves[l.leaf].id;
	if (n == 0)
		id[n++] = d->boxes[box].id;
	return n;
}

static void put_pair(tl__draw *d, uint32_t a, uint32_t b)
{
	const char *from[ENDS], *to[ENDS];
	int n_from = ends(d, a, true, from), n_to = ends(d, b, false, to);
	for (int i = 0; i < n_from; i++)
		for (int k = 0; k < n_to; k++) {
			bool boxes = from[i] == d->boxes[a].id && to[k] == d->boxes[b].id;
			if (boxes && (has_edge(d, a, b) || has_edge(d, b, a)))
				continue;
			fputc(' ', d->to);
			tl__draw_quoted(d->to, from[i]);
			fputs(" -> ", d->to);
			tl__draw_quoted(d->to, to[k]);
			fputs(" [style=invis weight=0]\n", d->to);
		}
}

static void put_in_order(tl__draw *d, const order *o, uint32_t unit)
{
	int pairs = 0;
	for (uint32_t a = o->first[unit]; a; a = o->more[a])
		for (uint32_t b = o->used[a] ? 0 : o->first[o->next[unit]]; b && pairs < PAIRS; b = o->more[b])
			if (!o->uses[b]) {
				put_pair(d, a, b);
				pairs++;
			}
}

/* What has no operands stands above or below the one box that uses it, as parameters do. */
static bool write_sources(tl__draw *d)
{
	uint32_t *uses = tl__draw_zeroed(d, d->n_boxes + 1, sizeof *uses);
	uint32_t *user = tl__draw_zeroed(d, d->n_boxes + 1, sizeof *user);
	if (!uses || !user)
		return false;
	for (uint32_t k = 1; k < d->n_edges; k++) {
		const tl__draw_edge *e = &d->edges[k];
		uses[e->to]++;
		user[e->from] = user[e->from] || e->far ? UINT32_MAX : e->to;
	}
	for (uint32_t b = 1; b < d->n_boxes; b++) {
		uint32_t to = user[b];
		const tl__draw_box *box = &d->boxes[b];
		if (!box->frame || box->first_leaf || uses[b] || !to || to == UINT32_MAX ||
			d->boxes[to].frame != box->frame || d->boxes[to].first_leaf)
			continue;
		fputs(" {rank=same; ", d->to);
		tl__draw_quoted(d->to, d->boxes[to].id);
		fputs("; ", d->to);
		tl__draw_quoted(d->to, d->boxes[b].id);
		fputs("}\n", d->to);
	}
	return true;
}

bool tl__draw_write_order(tl__draw *d)
{
	order o;
	fputs(" // what has no operands beside its use, steps in a row\n", d->to);
	if (!make(d, &o) || !write_sources(d))
		return false;
	look(d, &o);
	for (uint32_t u = 1; u < d->n_frames + d->n_bundles; u++)
		if (o.linked[u])
			put_in_order(d, &o, u);
	return true;
}
