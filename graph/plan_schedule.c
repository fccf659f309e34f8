/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order in which groups of nodes run. Units are stretches and classes outside of them; a unit runs
 * when all that it reads has run, the one recorded earliest first. Inside a stretch, where rank(n) is
 * the place of n's class in the order of recording,
 *
 *	level(n) = max over n's reads r in the stretch: level(r) + (rank(r) >= rank(n) ? 1 : 0)
 *
 * and nodes run by (level, rank). A path from one node of a class to another returns to a lower rank at
 * least once, so nodes of equal level and class are independent: they are a group.
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
	uint32_t *rank;                /* of class c: its first node */
	uint32_t *level, *sorted, *count;
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
		if (!s->rank[class])
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

/* Are both computed alike: as products, or by the same elementwise op with the same parameters? */
static bool alike(const tl_draft *d, uint32_t i, uint32_t j)
{
	const tl_node *a = &d->nodes[i], *b = &d->nodes[j];
	if (d->by[i] != TL_BY_MAP || d->by[j] != TL_BY_MAP)
		return d->by[i] == d->by[j];
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

static void run_stretch(schedule *s, uint32_t n, uint32_t *node, uint32_t stretch, uint32_t *class_number)
{
	tl_draft *d = s->d;
	uint32_t levels = 0, classes = 0;
	for (uint32_t m = 0; m < n; m++) {
		uint32_t i = node[m], rank = s->rank[d->class_of[i]], level = 0;
		for (uint32_t k = 0; k < d->n_reads[i]; k++) {
			uint32_t from = d->root[d->reads[i][k]];
			if (!alive(d, from) || d->stretch_of[from] != stretch)
				continue;
			uint32_t after = s->level[from] + (s->rank[d->class_of[from]] >= rank);
			level = after > level ? after : level;
		}
		s->level[i] = level;
		levels = level >= levels ? level + 1 : levels;
		classes += rank == i;
		class_number[i] = rank == i ? classes - 1 : class_number[rank];
	}
	sort_by(s, n, node, class_number, classes);
	sort_by(s, n, node, s->level, levels);
	bool batch = tl__draft_has(d, TL_PASS_BATCH);
	for (uint32_t m = 0, end; m < n; m = end) {
		for (end = m + 1; batch && end < n && s->level[node[end]] == s->level[node[m]] &&
				  d->class_of[node[end]] == d->class_of[node[m]];)
			end++;
		add_group(s, end - m, node + m, stretch);
	}
}

static bool run_units(schedule *s)
{
	tl_draft *d = s->d;
	uint32_t *class_number = tl__draft_array(d, d->size, sizeof *class_number);
	if (!class_number)
		return false;
	for (uint32_t u = 0; u < s->units; u++)
		if (!s->missing[u])
			push(s, u);
	while (s->heap_size > 0) {
		uint32_t u = pop(s), n = s->start[u + 1] - s->start[u], *node = s->node + s->start[u];
		if (d->stretch_of[*node])
			run_stretch(s, n, node, d->stretch_of[*node], class_number);
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
	s.level = tl__draft_array(d, d->size, sizeof *s.level);
	s.sorted = tl__draft_array(d, d->n_seq, sizeof *s.sorted);
	s.count = tl__draft_array(d, d->n_seq + 2, sizeof *s.count);
	if (!d->members || !d->groups || !d->group_of || !s.level || !s.sorted || !s.count)
		return false;
	return make_units(&s) && fill_units(&s) && link_units(&s) && run_units(&s);
}
