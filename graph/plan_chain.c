/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains: values that lie one after the other. What a merged product or a group reads or writes in turn is
 * linked: for an LSTM, h_t and dz_t of all steps become slabs (T B, H), (T B, 4H), and the weight's gradient
 * is one product over all their rows. Batches of a recurrence come first, level below level, then sums of
 * products, then groups that run at once. A root has one neighbour on each side; who comes first wins.
 */
#include "graph/plan_place.h"

#include <stdlib.h>

/* Does root i, in its base's memory, begin where the base begins (or end where it ends)? */
static bool at_edge(const tl_places *p, uint32_t i, bool begin)
{
	int64_t offset = 0, size = 0;
	uint32_t base = i;
	for (; base < p->d->size && p->claim[base]; base = p->claim[base]) {
		const tl_tensor *spot = &p->spot[base];
		if (tl__columns(spot->shape) != tl__columns(p->d->look[p->claim[base]].shape) || !tl_tensor_is_dense(spot))
			return false;
		offset += tl__look_offset(spot);
	}
	size = tl_shape_size(tl__draft_look(p, i)->shape) * (int64_t)tl_dtype_size(tl__draft_look(p, i)->dtype);
	int64_t whole = tl_shape_size(tl__draft_look(p, base)->shape) *
			(int64_t)tl_dtype_size(tl__draft_look(p, base)->dtype);
	return begin ? offset == 0 : offset + size == whole;
}

/* Which chain a root is in: union-find with halved paths, for long chains are many links. */
static uint32_t find_chain(tl_places *p, uint32_t i)
{
	while (p->chain[i] != i)
		i = p->chain[i] = p->chain[p->chain[i]];
	return i;
}

/* Lay root b behind root a, if neither has another neighbour there. */
static void link_roots(tl_places *p, uint32_t a, uint32_t b)
{
	uint32_t before = tl__base_of(p, a), behind = tl__base_of(p, b), placed = p->d->placed;
	if (before == behind || (placed && (before == placed || behind == placed)) || p->next[before] ||
		p->prev[behind] || !at_edge(p, a, false) || !at_edge(p, b, true) ||
		tl__columns(tl__draft_look(p, before)->shape) != tl__columns(tl__draft_look(p, behind)->shape) ||
		tl__draft_look(p, before)->dtype != tl__draft_look(p, behind)->dtype)
		return;
	uint32_t a_chain = find_chain(p, before), b_chain = find_chain(p, behind);
	if (a_chain == b_chain)
		return;
	p->chain[b_chain] = a_chain;
	p->next[before] = behind + 1;
	p->prev[behind] = before + 1;
}

bool tl__stands_in(const tl_places *p, uint32_t given, uint32_t *id)
{
	for (uint32_t k = 0; k < p->n_stand_ins; k++)
		if (p->stand_in[k].given == given) {
			*id = p->stand_in[k].id;
			return true;
		}
	return false;
}

/* The root to link for operand i of a sum of products; a given matrix among computed ones is copied. */
static bool sum_root(tl_places *p, uint32_t i, tl_shape like, uint32_t *root)
{
	tl_draft *d = p->d;
	*root = d->root[i];
	if (d->kind[*root] == TL_DRAFT_NODE)
		return tl__is_root(d, *root);
	tl_shape s = d->look[i].shape;
	uint32_t given = i;
	if (d->kind[i] == TL_DRAFT_VIEW && d->nodes[i].n_in == 1 &&
		d->look[d->nodes[i].in[0]].shape.axes == 2)
		given = d->nodes[i].in[0];
	if (tl__stands_in(p, given, root))
		return true;
	s = d->look[given].shape;
	if (!tl_shape_equal(s, like) || d->look[given].dtype != TL_REAL ||
		p->n_stand_ins == TL_MOST_STAND_INS)
		return false;
	*root = d->size + p->n_stand_ins;
	p->stand_in[p->n_stand_ins++] = (tl_stand_in){given, *root};
	return true;
}

/* Nodes of several examples, run together in a recurrence: they lie as they run. */
static bool is_batch(const tl_group *g)
{
	return g->stretch && g->count > 1;
}

typedef struct turn {
	uint32_t group, place, pair;
} turn;

static int by_turn(const void *x, const void *y)
{
	const turn *a = x, *b = y;
	if (a->group != b->group)
		return a->group > b->group ? -1 : 1; /* backward: the last level is the first step */
	return (a->place > b->place) - (a->place < b->place);
}

/* A sum over batches, in the order in which side 1, or else side 0, lies. */
static bool batch_order(const tl_draft *d, uint32_t i, uint32_t n, uint32_t *order, bool *found)
{
	turn *turns = tl_arena_alloc(d->mem, n * sizeof *turns);
	*found = false;
	if (!turns)
		return false;
	for (int side = 1; side >= 0 && !*found; side--) {
		*found = true;
		for (uint32_t k = 0; k < n && *found; k++) {
			uint32_t root = d->root[d->reads[i][2 * k + (uint32_t)side]];
			*found = tl__is_root(d, root) && d->groups[d->group_of[root]].stretch;
			turns[k] = (turn){d->group_of[root], d->place_in_group[root], k};
		}
	}
	if (!*found)
		return true;
	qsort(turns, n, sizeof *turns, by_turn);
	for (uint32_t k = 0; k < n; k++)
		order[k] = turns[k].pair;
	return true;
}

/* The pairs of a sum in the order in which side 0 was recorded, so that slabs run forwards in time. */
static bool sum_order(const tl_places *p, uint32_t i, uint32_t **order)
{
	tl_draft *d = p->d;
	uint32_t n = d->product[i].pairs;
	const uint32_t *reads = d->reads[i];
	bool found = false;
	*order = tl__draft_array(d, n, sizeof **order);
	if (!*order || (p->batches && !batch_order(d, i, n, *order, &found)))
		return false;
	bool descending = n > 1 && (d->root[reads[0]] > d->root[reads[2 * n - 2]] ||
					   (d->root[reads[0]] == d->root[reads[2 * n - 2]] &&
						   tl__look_offset(&d->look[reads[0]]) >
							   tl__look_offset(&d->look[reads[2 * n - 2]])));
	for (uint32_t k = 0; !found && k < n; k++)
		(*order)[k] = descending ? n - 1 - k : k;
	return true;
}

static bool link_sum(tl_places *p, uint32_t i)
{
	tl_draft *d = p->d;
	uint32_t n = d->product[i].pairs, *order;
	if (n < 2)
		return true;
	if (!sum_order(p, i, &order))
		return false;
	for (uint32_t side = 0; side < 2; side++) {
		uint32_t computed = 0, last = 0;
		for (uint32_t k = 0; k < n && !computed; k++)
			if (tl__is_root(d, d->root[d->reads[i][2 * k + side]]))
				computed = d->root[d->reads[i][2 * k + side]];
		for (uint32_t k = 0, root; computed && k < n; k++) {
			bool found =
				sum_root(p, d->reads[i][2 * order[k] + side], d->look[computed].shape, &root);
			if (found && last && root != last)
				link_roots(p, last, root);
			last = found ? root : 0;
			p->in_sum[root] |= found;
		}
	}
	return true;
}

/* The root that member k of the group writes (read < 0) or reads, or 0 where it is none of ours. */
static uint32_t listed_root(const tl_draft *d, const tl_group *g, uint32_t k, int read)
{
	uint32_t i = d->members[g->first + k], root = read < 0 ? i : d->root[d->reads[i][read]];
	return tl__is_root(d, root) ? root : 0;
}

/* Does an operand of the group lie with the last member first, as the gradients of a layer above do? */
static bool lies_backwards(const tl_places *p, const tl_group *g)
{
	const tl_draft *d = p->d;
	for (uint32_t r = 0; r < d->n_reads[d->members[g->first]]; r++) {
		uint32_t a = listed_root(d, g, 0, (int)r), b = listed_root(d, g, 1, (int)r);
		if (a && b && p->next[tl__base_of(p, b)] == tl__base_of(p, a) + 1)
			return true;
	}
	return false;
}

static void link_list(tl_places *p, const tl_group *g, int read, bool backwards)
{
	uint32_t last = 0;
	for (uint32_t k = 0; k < g->count; k++) {
		uint32_t root = listed_root(p->d, g, backwards ? g->count - 1 - k : k, read);
		if (last && root && root != last)
			link_roots(p, last, root);
		last = root;
	}
}

/* Batches before the others. */
static void link_groups(tl_places *p, bool batches)
{
	tl_draft *d = p->d;
	for (uint32_t g = 0; g < d->n_groups; g++) {
		uint32_t i = d->members[d->groups[g].first];
		if (d->groups[g].count < 2 || d->by[i] == TL_BY_KERNEL || is_batch(&d->groups[g]) != batches)
			continue;
		p->batches |= batches;
		bool backwards = lies_backwards(p, &d->groups[g]);
		link_list(p, &d->groups[g], -1, backwards);
		for (uint32_t r = 0; d->by[i] != TL_BY_PARTS && r < d->n_reads[i]; r++)
			link_list(p, &d->groups[g], (int)r, backwards);
	}
}

/* What the levels of a class compute, one level below the other, forwards in time. */
static bool link_levels(tl_places *p)
{
	tl_draft *d = p->d;
	uint32_t *before = tl__draft_array(d, d->n_classes, sizeof *before); /* 1 + group of the level before */
	if (!before)
		return false;
	for (uint32_t g = 0; g < d->n_groups; g++) {
		const uint32_t *node = d->members + d->groups[g].first, *last = node + d->groups[g].count - 1;
		uint32_t *level = &before[d->class_of[*node]];
		if (!d->groups[g].stretch || !tl__is_root(d, *node) || d->by[*node] == TL_BY_KERNEL)
			continue;
		if (*level && d->nodes[*node].flags & TL_NODE_ADJOINT)
			link_roots(p, *last, d->members[d->groups[*level - 1].first]);
		else if (*level)
			link_roots(p, d->members[d->groups[*level - 1].first + d->groups[*level - 1].count - 1], *node);
		*level = g + 1;
	}
	return true;
}

bool tl__link_chains(tl_places *p)
{
	tl_draft *d = p->d;
	link_groups(p, true);
	if (p->batches && !link_levels(p))
		return false;
	for (uint32_t k = 0; k < d->n_seq; k++)
		if (tl__is_root(d, d->seq[k]) && d->by[d->seq[k]] == TL_BY_PRODUCT && !link_sum(p, d->seq[k]))
			return false;
	link_groups(p, false);
	return true;
}
