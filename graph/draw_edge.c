/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edges between boxes, one for all values that go from one to the other, and leaves beside boxes.
 *
 * Where boxes will stand is guessed from the constraint that Graphviz has, too: an edge's tail stands left of
 * its head, as they are written. A pass from left to right finds each box's leftmost rank, one back its
 * rightmost; the latter is used: what can move stands beside its first use. Graphviz splits an edge into a
 * piece for each rank that it crosses, and these pieces are what its time is spent on.
 */
#include "graph/draw_parts.h"

#define FAR 64      /* ranks that an edge may cross */
#define PIECES 1500 /* of edges, besides two for each; fewer ranks where there are more */

static bool is_left_out(const tl__draw *d, const tl__draw_box *b)
{
	tl__draw_bundled what = b->bundle ? d->bundles[b->bundle].what : TL__DRAW_FOLDED;
	return what != TL__DRAW_FOLDED && what != TL__DRAW_WHOLE;
}

static bool add_leaf(tl__draw *d, uint32_t box, tl__draw_leaf leaf)
{
	uint32_t *known = tl__draw_find(d, &d->leaf_of, box, leaf.node);
	if (known && *known) {
		d->leaves[*known].place = 0;
		return true;
	}
	tl__draw_leaf *l = known ? tl__draw_push(d, &d->leaves, &d->n_leaves, &d->cap_leaves, sizeof *l) : NULL;
	if (!l)
		return false;
	*l = leaf;
	tl__draw_box *b = &d->boxes[box];
	*known = d->n_leaves - 1;
	if (b->last_leaf)
		d->leaves[b->last_leaf].next = *known;
	else
		b->first_leaf = *known;
	b->last_leaf = *known;
	return true;
}

static tl__draw_kind kind_of(const tl__draw *d, uint32_t from, uint32_t to)
{
	uint32_t run = d->run[to];
	if (run == 0)
		return TL__DRAW_FORWARD;
	return d->run[from] == run || tl__draw_is_leaf(tl__draw_node(d, from)) ? TL__DRAW_BACK : TL__DRAW_KEPT;
}

/* Operand k of node i is drawn beside i. */
static bool leaf_beside(tl__draw *d, uint32_t i, uint32_t k, uint32_t place)
{
	uint32_t from = tl__draw_node(d, i)->in[k], box = d->box[i];
	const tl__draw_box *b = &d->boxes[box];
	const tl_op *op = tl__draw_node(d, from)->op;
	bool several = b->bundle || b->count > 1;
	if (is_left_out(d, b) || (op == &tl_op_fill && several))
		return true;
	return add_leaf(d, box,
		(tl__draw_leaf){.kind = op == &tl_op_param ? TL__DRAW_PARAM
					: op == &tl_op_fill ? TL__DRAW_CONSTANT
							    : TL__DRAW_REFERENCE,
			.node = from,
			.place = several ? 0 : place,
			.edge = kind_of(d, from, i)});
}

static bool add_edge(tl__draw *d, uint32_t i, uint32_t k, uint32_t place)
{
	uint32_t from = tl__draw_node(d, i)->in[k], a = d->box[from], b = d->box[i];
	if (a == b)
		return true;
	tl__draw_kind kind = kind_of(d, from, i);
	uint32_t *known = tl__draw_find(d, &d->edge_of, a, b), *used = tl__draw_find(d, &d->used_in, from, b);
	if (!known || !used)
		return false;
	if (*used) {
		d->edges[*known].place = 0;
		return true;
	}
	*used = 1;
	if (*known) {
		tl__draw_edge *e = &d->edges[*known];
		e->mixed = e->mixed ||
			!tl_shape_equal(tl__draw_node(d, e->node)->value.shape, tl__draw_node(d, from)->value.shape);
		e->count++;
		e->place = 0;
		return true;
	}
	tl__draw_edge *e = tl__draw_push(d, &d->edges, &d->n_edges, &d->cap_edges, sizeof *e);
	if (!e)
		return false;
	*e = (tl__draw_edge){.from = a, .to = b, .count = 1, .node = from, .place = place, .kind = kind};
	*known = d->n_edges - 1;
	return true;
}

tl_status tl__draw_make_edges(tl__draw *d, tl_error *err)
{
	for (uint32_t i = 1; i < d->end; i++) {
		const tl_node *node = tl__draw_node(d, i);
		bool single = d->box[i] && d->boxes[d->box[i]].count == 1;
		for (uint32_t k = 0; d->box[i] && k < node->n_in; k++) {
			uint32_t from = node->in[k], place = single && node->n_in > 1 ? k + 1 : 0;
			bool leaf = tl__draw_is_leaf(tl__draw_node(d, from)) || !d->box[from];
			if (!(leaf ? leaf_beside(d, i, k, place) : add_edge(d, i, k, place)))
				return tl_error_memory(err);
		}
	}
	return TL_OK;
}

/* Edges by tail, as they are written. */
typedef struct ranking {
	uint32_t *first, *edge; /* of box b: edge[first[b]] .. edge[first[b + 1]] */
	uint32_t *waiting;      /* edges to it from boxes without a rank */
	uint32_t *order, n;     /* boxes by rank, about */
} ranking;

static bool sort_edges(tl__draw *d, ranking *r)
{
	r->first = tl__draw_zeroed(d, d->n_boxes + 2, sizeof *r->first);
	r->edge = tl__draw_zeroed(d, d->n_edges, sizeof *r->edge);
	r->waiting = tl__draw_zeroed(d, d->n_boxes + 1, sizeof *r->waiting);
	r->order = tl__draw_zeroed(d, d->n_boxes + 1, sizeof *r->order);
	if (!r->first || !r->edge || !r->waiting || !r->order)
		return false;
	for (uint32_t e = 1; e < d->n_edges; e++)
		r->first[tl__draw_tail(&d->edges[e]) + 2]++;
	for (uint32_t b = 1; b <= d->n_boxes + 1; b++)
		r->first[b] += r->first[b - 1];
	for (uint32_t e = 1; e < d->n_edges; e++) {
		r->edge[r->first[tl__draw_tail(&d->edges[e]) + 1]++] = e;
		r->waiting[tl__draw_head(&d->edges[e])]++;
	}
	return true;
}

static void rank_right(tl__draw *d, ranking *r, uint32_t b)
{
	for (uint32_t k = r->first[b]; k < r->first[b + 1]; k++) {
		uint32_t to = tl__draw_head(&d->edges[r->edge[k]]);
		if (!r->waiting[to])
			continue; /* against a circle that was opened here */
		if (d->boxes[to].rank <= d->boxes[b].rank)
			d->boxes[to].rank = d->boxes[b].rank + 1;
		if (--r->waiting[to] == 0)
			r->order[r->n++] = to;
	}
}

/* Folding can make circles: each is opened at its first box. */
static void rank_all(tl__draw *d, ranking *r)
{
	uint32_t done = 0, least = 1;
	for (uint32_t b = 1; b < d->n_boxes; b++)
		if (!r->waiting[b])
			r->order[r->n++] = b;
	for (;;) {
		for (; done < r->n; done++)
			rank_right(d, r, r->order[done]);
		while (least < d->n_boxes && !r->waiting[least])
			least++;
		if (least >= d->n_boxes)
			return;
		r->waiting[least] = 0;
		r->order[r->n++] = least;
	}
}

static int64_t length(const tl__draw *d, const tl__draw_edge *e)
{
	int64_t n = d->boxes[e->to].rank - d->boxes[e->from].rank;
	return n < 0 ? -n : n;
}

/* Marks edges as far, as few as will do. Returns the number of pieces of the others. */
static double mark_far(tl__draw *d)
{
	int64_t pieces, most = PIECES + 2 * (int64_t)d->n_edges;
	for (int64_t far = FAR;; far /= 2) {
		pieces = 0;
		for (uint32_t e = 1; e < d->n_edges; e++) {
			int64_t n = length(d, &d->edges[e]);
			d->edges[e].far = n > far;
			pieces += n > far ? 1 : n;
		}
		if (pieces <= most || far <= 4)
			return (double)pieces;
	}
}

tl_status tl__draw_rank(tl__draw *d, double *cost, tl_error *err)
{
	ranking r = {.n = 0};
	if (!sort_edges(d, &r))
		return tl_error_memory(err);
	rank_all(d, &r);
	for (uint32_t k = r.n; k-- > 0;) {
		tl__draw_box *b = &d->boxes[r.order[k]];
		int64_t rank = INT64_MAX;
		for (uint32_t j = r.first[r.order[k]]; j < r.first[r.order[k] + 1]; j++) {
			const tl__draw_box *to = &d->boxes[tl__draw_head(&d->edges[r.edge[j]])];
			if (to->rank > b->rank && to->rank - 1 < rank)
				rank = to->rank - 1;
		}
		if (rank != INT64_MAX)
			b->rank = rank;
	}
	*cost = (double)(d->n_boxes + d->n_leaves) + mark_far(d);
	return TL_OK;
}

tl_status tl__draw_cut_far(tl__draw *d, tl_error *err)
{
	for (uint32_t e = 1; e < d->n_edges; e++) {
		const tl__draw_edge *edge = &d->edges[e];
		if (edge->far &&
			!add_leaf(d, edge->to,
				(tl__draw_leaf){.kind = TL__DRAW_REFERENCE,
					.node = edge->node,
					.place = edge->place,
					.edge = edge->kind,
					.of = edge->from}))
			return tl_error_memory(err);
	}
	return TL_OK;
}
