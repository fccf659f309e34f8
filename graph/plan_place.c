/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Placement: values lie side by side where they are read so.
 *
 *  1. Claims. An operand that fills a part of a concat, stack or place is computed in that part, and the
 *     sum that a product starts from is computed where the product's result goes.
 *  2. Chains. What a merged product or a group reads or writes one after the other is laid out one
 *     after the other: for an LSTM, h_t and dz_t of all steps become slabs (T B, H), (T B, 4H), and the
 *     weight's gradient is one product over all their rows.
 *  3. A chain gets memory from its first write to its last read; a node that comes with a place has that.
 *
 * Looks at strided memory may fail where looks at dense memory did not (a reshape): the roots concerned
 * are then marked and everything is placed again.
 */
#include "graph/plan_place.h"

#include <stdlib.h>
#include <string.h>

#define ALIAS 1024 /* bytes */
#define PAD 16	   /* elements: a line of the cache */

static bool is_root(const tl_draft *d, uint32_t i)
{
	return d->kind[i] == TL_DRAFT_NODE && !d->internal[i];
}

/* Does the look cover all of its root in order, if under another shape? */
static bool covers(const tl_draft *d, uint32_t i)
{
	const tl_tensor *look = &d->look[i];
	return tl__look_offset(look) == 0 && tl_tensor_is_dense(look) &&
	       tl_shape_size(look->shape) == tl_shape_size(d->look[d->root[i]].shape);
}

/* Not a repeated look, nor a turned one. */
static bool separate_rows(const tl_tensor *t)
{
	return t->shape.axes == 2 && (t->shape.dim[1] == 1 || t->stride[1] == 1) &&
	       (t->shape.dim[0] == 1 || t->stride[0] >= t->shape.dim[1]);
}

/* Can root i be computed straight into memory like `at`? */
static bool can_write(const tl_places *p, uint32_t i, const tl_tensor *at)
{
	const tl_draft *d = p->d;
	if (tl_tensor_is_dense(at))
		return true;
	if (p->dense[i])
		return false;
	return d->by[i] == TL_BY_MAP || (d->by[i] == TL_BY_PRODUCT && separate_rows(at));
}

static void claim(tl_places *p, uint32_t i, uint32_t in, const tl_tensor *spot)
{
	if (i == p->d->placed)
		return;
	p->claim[i] = in;
	p->spot[i] = *spot;
}

static bool claim_parts(tl_places *p, uint32_t i)
{
	tl_draft *d = p->d;
	const tl_node *node = &d->nodes[i];
	const tl_tensor **in = tl__draft_array(d, node->n_in, sizeof *in);
	tl_tensor *part = tl_arena_alloc(d->mem, (node->n_in + 1) * sizeof *part);
	if (!in || !part)
		return false;
	for (uint32_t k = 0; k < node->n_in; k++)
		in[k] = &d->look[node->in[k]];
	if (!node->op->parts(node->params, (int)node->n_in, in, &d->look[i], part, d->mem))
		return true;
	d->by[i] = TL_BY_PARTS;
	for (uint32_t k = 0; k < node->n_in; k++) {
		uint32_t r = d->root[node->in[k]];
		tl_tensor spot = {.dtype = TL_REAL, .shape = d->look[r].shape};
		if (!is_root(d, r) || p->claim[r] || d->by[r] == TL_BY_PARTS || !covers(d, node->in[k]) ||
			!tl_tensor_reshape(&part[k], spot.shape, &spot))
			continue;
		spot.dtype = TL_REAL;
		if (can_write(p, r, &spot))
			claim(p, r, i, &spot);
	}
	return true;
}

/* The first byte after the last element that a look without negative strides shows. */
static int64_t end_of(const tl_tensor *look)
{
	int64_t end = 0;
	for (int64_t i = 0; i < look->shape.axes; i++)
		end += (look->shape.dim[i] - 1) * look->stride[i];
	return tl__look_offset(look) + (end + 1) * (int64_t)tl_dtype_size(look->dtype);
}

/* Certainly no common element: one ends before the other begins, or they take other columns of the same rows.
 */
static bool disjoint(const tl_tensor *a, const tl_tensor *b)
{
	for (int64_t i = 0; i < a->shape.axes; i++)
		if (a->stride[i] < 0)
			return false;
	for (int64_t i = 0; i < b->shape.axes; i++)
		if (b->stride[i] < 0)
			return false;
	if (end_of(a) <= tl__look_offset(b) || end_of(b) <= tl__look_offset(a))
		return true;
	if (a->shape.axes != 2 || b->shape.axes != 2 || a->stride[0] != b->stride[0] || a->stride[1] != 1 ||
		b->stride[1] != 1 || a->stride[0] == 0)
		return false;
	int64_t width = a->stride[0], size = (int64_t)tl_dtype_size(a->dtype);
	int64_t from_a = tl__look_offset(a) / size % width, from_b = tl__look_offset(b) / size % width;
	return (from_a + a->shape.dim[1] <= from_b && from_b + b->shape.dim[1] <= width) ||
	       (from_b + b->shape.dim[1] <= from_a && from_a + a->shape.dim[1] <= width);
}

/* Nobody but product z reads the elements of its start, which may then be overwritten. */
static bool start_is_free(const tl_draft *d, uint32_t z, uint32_t start)
{
	uint32_t root = d->root[start], seen = 0;
	if (!is_root(d, root) || d->wanted[root] || d->by[root] == TL_BY_KERNEL)
		return false;
	for (uint32_t r = d->reader_start[root]; r < d->reader_start[root + 1]; r++)
		for (uint32_t k = 0, i = d->reader[r]; k < d->n_reads[i]; k++) {
			uint32_t read = d->reads[i][k];
			if (d->root[read] != root)
				continue;
			if (i == z && read == start && k == d->n_reads[z] - 1)
				seen = 1;
			else if (!disjoint(&d->look[read], &d->look[start]))
				return false;
		}
	return seen;
}

static void claim_start(tl_places *p, uint32_t z)
{
	tl_draft *d = p->d;
	uint32_t start = d->reads[z][d->n_reads[z] - 1], root = d->root[start];
	if (!start_is_free(d, z, start) || p->dense[root])
		return;
	if (covers(d, start) && tl_shape_equal(d->look[root].shape, d->look[z].shape) && !p->claim[root]) {
		if (!p->claim[z] || can_write(p, root, &p->spot[z]))
			claim(p, root, z, &d->look[z]);
	} else if (!p->claim[z] && separate_rows(&d->look[start]) && can_write(p, z, &d->look[start])) {
		claim(p, z, root, &d->look[start]);
	}
}

/* Claims of later nodes first: a part of a part is then placed in what is placed itself. */
static bool make_claims(tl_places *p)
{
	tl_draft *d = p->d;
	for (uint32_t k = d->n_seq; k-- > 0;) {
		uint32_t i = d->seq[k];
		if (is_root(d, i) && d->nodes[i].op->parts && !claim_parts(p, i))
			return false;
	}
	for (uint32_t k = 0; k < d->n_seq; k++) {
		uint32_t i = d->seq[k];
		if (is_root(d, i) && d->by[i] == TL_BY_PRODUCT && d->product[i].start)
			claim_start(p, i);
	}
	return true;
}

/* The root whose memory holds root i in the end. */
static uint32_t base_of(const tl_places *p, uint32_t i)
{
	while (i < p->d->size && p->claim[i])
		i = p->claim[i];
	return i;
}

static const tl_tensor *draft_look(const tl_places *p, uint32_t id)
{
	return &p->d->look[id < p->d->size ? id : p->stand_in[id - p->d->size].given];
}

static int64_t columns_of_shape(tl_shape s)
{
	return s.axes ? s.dim[s.axes - 1] : 1;
}

static int64_t columns_of(const tl_tensor *t)
{
	return columns_of_shape(t->shape);
}

/* Does root i, in its base's memory, begin where the base begins (or end where it ends)? */
static bool at_edge(const tl_places *p, uint32_t i, bool begin)
{
	int64_t offset = 0, size = 0;
	uint32_t base = i;
	for (; base < p->d->size && p->claim[base]; base = p->claim[base]) {
		const tl_tensor *spot = &p->spot[base];
		if (columns_of(spot) != columns_of(&p->d->look[p->claim[base]]) || !tl_tensor_is_dense(spot))
			return false;
		offset += tl__look_offset(spot);
	}
	size = tl_shape_size(draft_look(p, i)->shape) * (int64_t)tl_dtype_size(draft_look(p, i)->dtype);
	int64_t whole = tl_shape_size(draft_look(p, base)->shape) *
			(int64_t)tl_dtype_size(draft_look(p, base)->dtype);
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
	uint32_t before = base_of(p, a), behind = base_of(p, b), placed = p->d->placed;
	if (before == behind || (placed && (before == placed || behind == placed)) || p->next[before] ||
		p->prev[behind] || !at_edge(p, a, false) || !at_edge(p, b, true) ||
		columns_of(draft_look(p, before)) != columns_of(draft_look(p, behind)) ||
		draft_look(p, before)->dtype != draft_look(p, behind)->dtype)
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
		return is_root(d, *root);
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
			*found = is_root(d, root) && d->groups[d->group_of[root]].stretch;
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
			if (is_root(d, d->root[d->reads[i][2 * k + side]]))
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
	return is_root(d, root) ? root : 0;
}

/* Does an operand of the group lie with the last member first, as the gradients of a layer above do? */
static bool lies_backwards(const tl_places *p, const tl_group *g)
{
	const tl_draft *d = p->d;
	for (uint32_t r = 0; r < d->n_reads[d->members[g->first]]; r++) {
		uint32_t a = listed_root(d, g, 0, (int)r), b = listed_root(d, g, 1, (int)r);
		if (a && b && p->next[base_of(p, b)] == base_of(p, a) + 1)
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
		if (!d->groups[g].stretch || !is_root(d, *node) || d->by[*node] == TL_BY_KERNEL)
			continue;
		if (*level && d->nodes[*node].flags & TL_NODE_ADJOINT)
			link_roots(p, *last, d->members[d->groups[*level - 1].first]);
		else if (*level)
			link_roots(p, d->members[d->groups[*level - 1].first + d->groups[*level - 1].count - 1], *node);
		*level = g + 1;
	}
	return true;
}

static bool link_chains(tl_places *p)
{
	tl_draft *d = p->d;
	link_groups(p, true);
	if (p->batches && !link_levels(p))
		return false;
	for (uint32_t k = 0; k < d->n_seq; k++)
		if (is_root(d, d->seq[k]) && d->by[d->seq[k]] == TL_BY_PRODUCT && !link_sum(p, d->seq[k]))
			return false;
	link_groups(p, false);
	return true;
}

/* The place in the schedule where node i is computed. */
static uint32_t time_of(const tl_draft *d, uint32_t i)
{
	const tl_group *g = &d->groups[d->group_of[i]];
	return g->program ? d->programs[g->program - 1].at : d->group_of[i];
}

/* In a stretch threads go at their own pace: all of it counts as one moment, from its first group to its
 * last. */
static void extend(const tl_draft *d, const uint32_t *stretch_end, const uint32_t *stretch_start, uint32_t i,
	tl_lifetime *l)
{
	uint32_t s = d->stretch_of[i], from = s ? stretch_start[s] : time_of(d, i),
		 to = s ? stretch_end[s] : time_of(d, i);
	l->first = from < l->first ? from : l->first;
	l->last = to > l->last ? to : l->last;
}

static bool find_lifetimes(tl_places *p, uint32_t *chain_of, tl_lifetime *life)
{
	tl_draft *d = p->d;
	uint32_t *from = tl__draft_array(d, d->n_stretches + 1, sizeof *from);
	uint32_t *to = tl__draft_array(d, d->n_stretches + 1, sizeof *to);
	if (!from || !to)
		return false;
	for (uint32_t s = 0; s <= d->n_stretches; s++)
		from[s] = UINT32_MAX;
	for (uint32_t g = 0; g < d->n_groups; g++) {
		uint32_t s = d->groups[g].stretch;
		from[s] = g < from[s] ? g : from[s];
		to[s] = g > to[s] ? g : to[s];
	}
	for (uint32_t k = 0; k < d->n_seq; k++) {
		uint32_t i = d->seq[k];
		if (!is_root(d, i))
			continue;
		tl_lifetime *l = &life[chain_of[base_of(p, i)]];
		extend(d, to, from, i, l);
		for (uint32_t r = d->reader_start[i]; r < d->reader_start[i + 1]; r++)
			extend(d, to, from, d->reader[r], l);
		if (d->wanted[i])
			l->last = UINT32_MAX;
	}
	for (uint32_t k = 0; k < p->n_stand_ins; k++) {
		tl_lifetime *l = &life[chain_of[p->stand_in[k].id]];
		*l = (tl_lifetime){.bytes = l->bytes, .first = 0, .last = UINT32_MAX};
	}
	return true;
}

/*
 * Elements between the end of a row and the next row. Rows at distances of a multiple of ALIAS bytes fall
 * on few sets of the cache, which costs a product that reads down the columns up to a tenth of its speed.
 */
static int64_t padding(tl_shape s)
{
	return s.axes > 1 && columns_of_shape(s) * (int64_t)sizeof(tl_real) % ALIAS == 0 ? PAD : 0;
}

static bool can_pad(const tl_places *p, uint32_t i)
{
	const tl_draft *d = p->d;
	return i < d->size && d->by[i] != TL_BY_KERNEL && !p->dense[i] && !d->wanted[i] &&
	       padding(d->look[i].shape);
}

/* The chain's roots one after the other, all with the same distance between rows. */
static tl_tensor lay_out(const tl_tensor *like, int64_t pad)
{
	tl_tensor t = tl_tensor_dense(like->dtype, like->shape, TL_PLAN_BASE);
	for (int64_t i = 0, last = t.shape.axes - 1; pad && i < last; i++)
		t.stride[i] = t.stride[i] / t.shape.dim[last] * (t.shape.dim[last] + pad);
	return t;
}

static size_t bytes_of(const tl_tensor *t, int64_t pad)
{
	int64_t columns = columns_of_shape(t->shape), size = tl_shape_size(t->shape);
	return (size_t)(columns ? size / columns * (columns + pad) : 0) * tl_dtype_size(t->dtype);
}

static bool assign(tl_places *p)
{
	tl_draft *d = p->d;
	uint32_t *chain_of = tl__draft_array(d, p->roots, sizeof *chain_of), chains = 0;
	int64_t *pad = tl__draft_array(d, p->roots, sizeof *pad); /* of chains */
	size_t *within = tl__draft_array(d, p->roots, sizeof *within);
	tl_lifetime *life = tl__draft_array(d, p->roots, sizeof *life);
	if (!chain_of || !pad || !within || !life)
		return false;
	bool reuse = tl__draft_has(d, TL_PASS_PLACE);
	uint32_t end = d->size + p->n_stand_ins;
	for (uint32_t i = 1; i < end; i++) {
		if (i < d->size ? !is_root(d, i) || p->claim[i] : false)
			continue;
		if (p->prev[i])
			continue;
		size_t bytes = 0;
		pad[chains] = reuse ? padding(draft_look(p, i)->shape) : 0;
		bool in_sum = false;
		for (uint32_t at = i + 1; at; at = p->next[at - 1]) {
			in_sum |= p->in_sum[at - 1];
			if (!can_pad(p, at - 1))
				pad[chains] = 0;
		}
		if (!in_sum)
			pad[chains] = 0;
		for (uint32_t at = i + 1; at; at = p->next[at - 1]) {
			chain_of[at - 1] = chains;
			within[at - 1] = bytes;
			bytes += at - 1 == d->placed ? 0 : bytes_of(draft_look(p, at - 1), pad[chains]);
		}
		life[chains++] = (tl_lifetime){.bytes = bytes, .first = UINT32_MAX};
	}
	if (!find_lifetimes(p, chain_of, life) || !tl__assign_offsets(d, chains, life, reuse, &p->bytes))
		return false;
	for (uint32_t i = 1; i < end; i++)
		if (i >= d->size || (is_root(d, i) && !p->claim[i])) {
			p->look[i] = lay_out(draft_look(p, i), pad[chain_of[i]]);
			if (i != d->placed)
				p->look[i].data = TL_PLAN_BASE + life[chain_of[i]].offset + within[i];
		}
	return true;
}

/* `part` is a look at a dense tensor like `whole`; the same look at `real`, which has the same shape as
 * `whole`. */
static bool transfer(const tl_tensor *part, const tl_tensor *whole, const tl_tensor *real, tl_tensor *out)
{
	int64_t size = (int64_t)tl_dtype_size(whole->dtype), offset = tl__look_offset(part) / size, moved = 0;
	*out = *part;
	for (int64_t i = 0; i < whole->shape.axes; i++) {
		int64_t index = whole->stride[i] ? offset / whole->stride[i] : 0;
		offset -= index * whole->stride[i];
		moved += index * real->stride[i];
	}
	out->data = (char *)real->data + moved * size;
	if (tl_tensor_is_dense(real))
		return true;
	for (int64_t i = 0; i < part->shape.axes; i++) {
		if (part->shape.dim[i] <= 1)
			continue;
		int64_t axis = 0;
		while (axis < whole->shape.axes &&
			(part->stride[i] % whole->stride[axis] || whole->shape.dim[axis] <= 1 ||
				part->stride[i] / whole->stride[axis] * (part->shape.dim[i] - 1) >=
					whole->shape.dim[axis]))
			axis++;
		if (axis == whole->shape.axes)
			return false;
		out->stride[i] = part->stride[i] / whole->stride[axis] * real->stride[axis];
	}
	return true;
}

/* Final looks of claimed roots and of views; false marks what has to be dense, to be placed again. */
static bool settle(tl_places *p, bool *again)
{
	tl_draft *d = p->d;
	uint32_t *path = tl__draft_array(d, d->size, sizeof *path);
	unsigned char *done = tl__draft_array(d, d->size, 1);
	if (!path || !done)
		return false;
	for (uint32_t i = 1; i < d->size; i++) {
		if (!is_root(d, i))
			continue;
		uint32_t depth = 0, at = i;
		for (; p->claim[at] && !done[at]; at = p->claim[at])
			path[depth++] = at;
		while (depth > 0) {
			uint32_t r = path[--depth], in = p->claim[r];
			done[r] = 1;
			if (!transfer(&p->spot[r], &d->look[in], &p->look[in], &p->look[r])) {
				p->dense[r] = p->dense[in] = 1;
				*again = true;
			}
		}
	}
	for (uint32_t i = 1; i < d->size; i++) {
		const tl_node *node = &d->nodes[i];
		if (d->kind[i] == TL_DRAFT_GIVEN)
			p->look[i] = d->look[i];
		if (d->kind[i] != TL_DRAFT_VIEW)
			continue;
		uint32_t root = d->root[i];
		p->look[i] = d->look[i];
		if (d->kind[root] == TL_DRAFT_NODE && d->internal[root])
			continue;
		if (!node->op->view(node->params, &p->look[node->in[0]], &p->look[i])) {
			for (uint32_t r = root; r; r = p->claim[r])
				p->dense[r] = 1;
			*again = true;
		}
	}
	return true;
}

const tl_tensor *tl__placed(const tl_places *p, uint32_t i)
{
	return &p->look[i];
}

bool tl__draft_place(tl_places *p, tl_draft *d)
{
	uint32_t roots = d->size + TL_MOST_STAND_INS;
	*p = (tl_places){.d = d, .roots = roots};
	p->dense = tl__draft_array(d, roots, 1);
	p->in_sum = tl__draft_array(d, roots, 1);
	p->look = tl_arena_alloc(d->mem, roots * sizeof *p->look);
	p->spot = tl_arena_alloc(d->mem, roots * sizeof *p->spot);
	p->claim = tl__draft_array(d, roots, sizeof *p->claim);
	p->next = tl__draft_array(d, roots, sizeof *p->next);
	p->prev = tl__draft_array(d, roots, sizeof *p->prev);
	p->chain = tl__draft_array(d, roots, sizeof *p->chain);
	if (!p->dense || !p->in_sum || !p->look || !p->spot || !p->claim || !p->next || !p->prev || !p->chain)
		return false;
	bool again = true;
	for (int tries = 0; again; tries++) {
		again = false;
		if (tries == 4)
			d->passes &= ~(unsigned)TL_PASS_PLACE;
		p->n_stand_ins = 0;
		memset(p->claim, 0, roots * sizeof *p->claim);
		memset(p->next, 0, roots * sizeof *p->next);
		memset(p->prev, 0, roots * sizeof *p->prev);
		for (uint32_t i = 0; i < roots; i++)
			p->chain[i] = i;
		if (tl__draft_has(d, TL_PASS_PLACE) && (!make_claims(p) || !link_chains(p)))
			return false;
		if (!assign(p) || !settle(p, &again))
			return false;
	}
	return true;
}
