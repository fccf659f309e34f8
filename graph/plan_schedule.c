/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order in which groups of nodes run. Units are stretches and classes outside of them; a unit runs
 * when all that it reads has run, the one recorded earliest first. Inside a stretch, where rank(n) is
 * the place of the last node of n's class in the order of recording,
 *
 *	early(n) = max over n's reads r in the stretch: early(r) + step(r, n),  step(r, n) = rank(r) >= rank(n) ? 1 : 0
 *	late(n)  = min over n's readers u in the stretch: late(u) - step(n, u), or the last level
 *
 * are levels, and nodes run by (level, rank). A path from one node of a class to another returns to a lower
 * rank at least once, so nodes of equal level and class are independent: they are a group.
 *
 * Where examples run together the way there and back should meet the same companions, for then all values
 * lie side by side. Forward by early(n): trees by their height, sequences from their beginnings. Backward,
 * which began at the roots or the ends, by late(n): by the same heights, to the same beginnings. In a group
 * those come first that have the longest way to go to the end of the forward pass, where sequences that
 * are over leave a prefix of rows.
 */
#include "graph/plan_draft.h"

#include <string.h>

typedef struct schedule {
	tl_draft *d;
	uint32_t units;
	uint32_t *unit_of;             /* of node i */
	uint32_t *start, *node;        /* nodes of a unit, in creation order */
	uint32_t *missing;             /* units that unit u waits for, counted by reads */
	uint32_t *use_start, *use;     /* units that read unit u */
	uint32_t *heap, heap_size;
	uint32_t *rank;                /* of class c: its last node; the copies recorded first often lack something */
	uint32_t *early, *late;        /* levels of node i */
	uint32_t *tie;                 /* goes before the order of recording in a group */
	uint32_t *class_number;        /* of node i, in its stretch */
	uint32_t *sorted, *count;
	uint32_t n_members;
} schedule;

/* Earlier recorded units first: a unit's number grows with its first node. */
static void push(schedule *s, uint32_t unit)
{
	uint32_t i = s->heap_size++;
	for (; i > 0 && s->heap[(i - 1) / 2] > unit; i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = unit;
}

static uint32_t pop(schedule *s)
{
	uint32_t top = s->heap[0], last = s->heap[--s->heap_size], i = 0;
	for (;;) {
		uint32_t child = 2 * i + 1;
		if (child >= s->heap_size)
			break;
		if (child + 1 < s->heap_size && s->heap[child + 1] < s->heap[child])
			child++;
		if (s->heap[child] >= last)
			break;
		s->heap[i] = s->heap[child];
		i = child;
	}
	s->heap[i] = last;
	return top;
}

static bool alive(const tl_draft *d, uint32_t i)
{
	return d->kind[i] == TL_DRAFT_NODE;
}

static bool make_units(schedule *s)
{
	tl_draft *d = s->d;
	uint32_t *by_class = tl__draft_array(d, d->n_classes, sizeof *by_class);
	uint32_t *by_stretch = tl__draft_array(d, d->n_stretches + 1, sizeof *by_stretch);
	s->unit_of = tl__draft_array(d, d->size, sizeof *s->unit_of);
	s->rank = tl__draft_array(d, d->n_classes, sizeof *s->rank);
	if (!by_class || !by_stretch || !s->unit_of || !s->rank)
		return false;
	bool alone = !tl__draft_has(d, TL_PASS_DISTRIBUTE);
	for (uint32_t k = 0; k < d->n_seq; k++) {
		uint32_t i = d->seq[k], none = 0, class = d->class_of[i], stretch = d->stretch_of[i];
		if (!alive(d, i))
			continue;
		s->rank[class] = i;
		uint32_t *unit = alone ? &none : stretch ? &by_stretch[stretch] : &by_class[class];
		if (!*unit)
			*unit = ++s->units;
		s->unit_of[i] = *unit - 1;
	}
	return true;
}

static bool fill_units(schedule *s)
{
	tl_draft *d = s->d;
	uint32_t *fill = tl__draft_array(d, s->units, sizeof *fill), total = 0;
	s->start = tl__draft_array(d, s->units + 1, sizeof *s->start);
	s->node = tl__draft_array(d, d->n_seq, sizeof *s->node);
	s->missing = tl__draft_array(d, s->units, sizeof *s->missing);
	s->use_start = tl__draft_array(d, s->units + 1, sizeof *s->use_start);
	s->heap = tl__draft_array(d, s->units, sizeof *s->heap);
	if (!fill || !s->start || !s->node || !s->missing || !s->use_start || !s->heap)
		return false;
	for (uint32_t k = 0; k < d->n_seq; k++)
		if (alive(d, d->seq[k]))
			s->start[s->unit_of[d->seq[k]] + 1]++;
	for (uint32_t u = 0; u < s->units; u++)
		s->start[u + 1] += s->start[u];
	for (uint32_t k = 0; k < d->n_seq; k++)
		if (alive(d, d->seq[k])) {
			uint32_t u = s->unit_of[d->seq[k]];
			s->node[s->start[u] + fill[u]++] = d->seq[k];
		}
	for (uint32_t k = 0; k < s->start[s->units]; k++)
		total += d->n_reads[s->node[k]];
	s->use = tl__draft_array(d, total, sizeof *s->use);
	return s->use != NULL;
}

/* Calls for every read of one unit by another; pass 0 counts, pass 1 fills. */
static bool link_units(schedule *s)
{
	tl_draft *d = s->d;
	uint32_t *fill = tl__draft_array(d, s->units, sizeof *fill);
	if (!fill)
		return false;
	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t u = 0; u < s->units; u++)
			for (uint32_t m = s->start[u]; m < s->start[u + 1]; m++)
				for (uint32_t k = 0, i = s->node[m]; k < d->n_reads[i]; k++) {
					uint32_t from = d->root[d->reads[i][k]];
					if (!alive(d, from) || s->unit_of[from] == u)
						continue;
					uint32_t v = s->unit_of[from];
					if (pass == 0)
						s->use_start[v + 1]++;
					else
						s->use[s->use_start[v] + fill[v]++] = u;
					s->missing[u] += pass == 0;
				}
		for (uint32_t u = 0; pass == 0 && u < s->units; u++)
			s->use_start[u + 1] += s->use_start[u];
	}
	return true;
}

/* Are both computed alike: as products of one form, or by the same elementwise op with the same parameters? */
static bool alike(const tl_draft *d, uint32_t i, uint32_t j)
{
	const tl_node *a = &d->nodes[i], *b = &d->nodes[j];
	const tl_product *p = &d->product[i], *q = &d->product[j];
	if (d->by[i] != d->by[j] || d->n_reads[i] != d->n_reads[j])
		return false;
	if (d->by[i] == TL_BY_PRODUCT)
		return p->pairs == q->pairs && p->row == q->row && p->start == q->start;
	if (d->by[i] != TL_BY_MAP)
		return true;
	return a->op == b->op && a->n_in == b->n_in && a->params_size == b->params_size &&
	       (a->params_size == 0 || !memcmp(a->params, b->params, a->params_size));
}

/* Independent nodes of one class, cut where they are not alike: of two sums one may be part of a product. */
static void add_group(schedule *s, uint32_t n, const uint32_t *node, uint32_t stretch)
{
	tl_draft *d = s->d;
	for (uint32_t k = 0, first; k < n; d->n_groups++) {
		first = s->n_members;
		for (uint32_t one = k; k < n; k++) {
			if (!alike(d, node[one], node[k]))
				break;
			d->group_of[node[k]] = d->n_groups;
			d->place_in_group[node[k]] = s->n_members - first;
			d->members[s->n_members++] = node[k];
		}
		d->groups[d->n_groups] =
			(tl_group){.first = first, .count = s->n_members - first, .stretch = stretch};
	}
}

/* Stable, by key[node]; keys are below `keys`. */
static void sort_by(schedule *s, uint32_t n, uint32_t *node, const uint32_t *key, uint32_t keys)
{
	for (uint32_t k = 0; k <= keys; k++)
		s->count[k] = 0;
	for (uint32_t k = 0; k < n; k++)
		s->count[key[node[k]] + 1]++;
	for (uint32_t k = 0; k < keys; k++)
		s->count[k + 1] += s->count[k];
	for (uint32_t k = 0; k < n; k++)
		s->sorted[s->count[key[node[k]]]++] = node[k];
	for (uint32_t k = 0; k < n; k++)
		node[k] = s->sorted[k];
}

/* Does the stretch's node i read root `from` in the stretch, and a level later? */
static bool reads_within(const schedule *s, uint32_t from, uint32_t i, uint32_t *step)
{
	const tl_draft *d = s->d;
	if (!alive(d, from) || d->stretch_of[from] != d->stretch_of[i])
		return false;
	*step = s->rank[d->class_of[from]] >= s->rank[d->class_of[i]];
	return true;
}

/* Sets `early` and `late`; returns the number of levels. */
static uint32_t find_levels(schedule *s, uint32_t n, const uint32_t *node)
{
	tl_draft *d = s->d;
	uint32_t last = 0, step;
	for (uint32_t m = 0; m < n; m++) {
		uint32_t i = node[m], *early = &s->early[i];
		for (uint32_t k = 0; k < d->n_reads[i]; k++) {
			uint32_t from = d->root[d->reads[i][k]];
			if (reads_within(s, from, i, &step) && s->early[from] + step > *early)
				*early = s->early[from] + step;
		}
		last = *early > last ? *early : last;
	}
	for (uint32_t m = 0; m < n; m++)
		s->late[node[m]] = last;
	for (uint32_t m = n; m-- > 0;)
		for (uint32_t k = 0, i = node[m]; k < d->n_reads[i]; k++) {
			uint32_t from = d->root[d->reads[i][k]];
			if (reads_within(s, from, i, &step) && s->late[i] - step < s->late[from])
				s->late[from] = s->late[i] - step;
		}
	return last + 1;
}

/* The level of the forward pass that adjoint i belongs to; 0: none is known. */
static uint64_t home_of(const schedule *s, uint32_t i)
{
	const tl_draft *d = s->d;
	uint32_t of = d->root[d->nodes[i].adjoint_of];
	return of && of < i && alive(d, of) && d->stretch_of[of] ? (uint64_t)d->stretch_of[of] << 32 | s->early[of] : 0;
}

/*
 * Late is early enough for the first adjoints of a level of the forward pass. What follows from those of its
 * own level runs with them, and so does what they hand down: products with weights, shares of the adjoint.
 */
static void settle_levels(schedule *s, uint32_t n, const uint32_t *node)
{
	tl_draft *d = s->d;
	for (uint32_t m = 0; m < n; m++) {
		uint32_t i = node[m], least = 0, step;
		uint64_t home = home_of(s, i);
		bool follows = !home || d->by[i] == TL_BY_PRODUCT;
		for (uint32_t k = 0; k < d->n_reads[i]; k++) {
			uint32_t from = d->root[d->reads[i][k]];
			if (!reads_within(s, from, i, &step))
				continue;
			follows |= home_of(s, from) == home;
			least = s->late[from] + step > least ? s->late[from] + step : least;
		}
		if (follows)
			s->late[i] = least;
	}
}

static uint32_t number_classes(schedule *s, uint32_t n, const uint32_t *node)
{
	uint32_t classes = 0;
	for (uint32_t m = 0; m < n; m++)
		if (s->rank[s->d->class_of[node[m]]] == node[m])
			s->class_number[node[m]] = classes++;
	for (uint32_t m = 0; m < n; m++)
		s->class_number[node[m]] = s->class_number[s->rank[s->d->class_of[node[m]]]];
	return classes;
}

static bool together(const schedule *s, uint32_t i, uint32_t j, const uint32_t *level)
{
	return level[i] == level[j] && s->d->class_of[i] == s->d->class_of[j];
}

/* Will some nodes run together? Walking in order of recording, a class in a plain loop only goes up. */
static bool any_together(schedule *s, uint32_t n, const uint32_t *node, uint32_t classes)
{
	uint32_t *next = s->count; /* 1 + the last level met, by class */
	for (uint32_t c = 0; c < classes; c++)
		next[c] = 0;
	for (uint32_t m = 0; m < n; m++) {
		uint32_t i = node[m], *least = &next[s->class_number[i]];
		if (s->early[i] < *least)
			return true;
		*least = s->early[i] + 1;
	}
	return false;
}

/* Examples side by side: the backward pass meets the forward one's companions. Returns the levels to run by. */
static const uint32_t *align(schedule *s, uint32_t n, uint32_t *node, uint32_t levels)
{
	bool back = s->d->nodes[*node].flags & TL_NODE_ADJOINT;
	if (back)
		settle_levels(s, n, node);
	for (uint32_t m = 0; m < n; m++)
		s->tie[node[m]] = back ? levels - 1 - s->early[node[m]] : s->late[node[m]];
	for (uint32_t m = 0; back && m < n / 2; m++) {
		uint32_t other = node[n - 1 - m];
		node[n - 1 - m] = node[m];
		node[m] = other;
	}
	sort_by(s, n, node, s->tie, levels);
	return back ? s->late : s->early;
}

static void run_stretch(schedule *s, uint32_t n, uint32_t *node, uint32_t stretch)
{
	bool batch = tl__draft_has(s->d, TL_PASS_BATCH), several = false;
	uint32_t levels = find_levels(s, n, node), classes = number_classes(s, n, node);
	const uint32_t *level = s->early;
	if (batch && (several = n > levels * classes || any_together(s, n, node, classes)))
		level = align(s, n, node, levels);
	sort_by(s, n, node, s->class_number, classes);
	sort_by(s, n, node, level, levels);
	for (uint32_t m = 0, end; m < n; m = end) {
		for (end = m + 1; several && end < n && together(s, node[end], node[m], level);)
			end++;
		add_group(s, end - m, node + m, stretch);
	}
}

static bool run_units(schedule *s)
{
	tl_draft *d = s->d;
	for (uint32_t u = 0; u < s->units; u++)
		if (!s->missing[u])
			push(s, u);
	while (s->heap_size > 0) {
		uint32_t u = pop(s), n = s->start[u + 1] - s->start[u], *node = s->node + s->start[u];
		if (d->stretch_of[*node])
			run_stretch(s, n, node, d->stretch_of[*node]);
		else
			add_group(s, n, node, 0);
		for (uint32_t k = s->use_start[u]; k < s->use_start[u + 1]; k++)
			if (--s->missing[s->use[k]] == 0)
				push(s, s->use[k]);
	}
	return true;
}

bool tl__draft_schedule(tl_draft *d)
{
	schedule s = {.d = d};
	d->members = tl__draft_array(d, d->n_seq, sizeof *d->members);
	d->groups = tl__draft_array(d, d->n_seq, sizeof *d->groups);
	d->group_of = tl__draft_array(d, d->size, sizeof *d->group_of);
	d->place_in_group = tl__draft_array(d, d->size, sizeof *d->place_in_group);
	s.early = tl__draft_array(d, d->size, sizeof *s.early);
	s.late = tl__draft_array(d, d->size, sizeof *s.late);
	s.tie = tl__draft_array(d, d->size, sizeof *s.tie);
	s.class_number = tl__draft_array(d, d->size, sizeof *s.class_number);
	s.sorted = tl__draft_array(d, d->n_seq, sizeof *s.sorted);
	s.count = tl__draft_array(d, d->n_seq + 2, sizeof *s.count);
	if (!d->members || !d->groups || !d->group_of || !d->place_in_group || !s.early || !s.late || !s.tie || !s.class_number || !s.sorted || !s.count)
		return false;
	return make_units(&s) && fill_units(&s) && link_units(&s) && run_units(&s);
}
