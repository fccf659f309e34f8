/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loop distribution (Allen, Kennedy, "Automatic translation of Fortran programs to vector form", 1987).
 * Draw an edge between classes where a node of one reads a node of the other. Nodes of a class outside
 * every cycle do not depend on each other: they can all run at once, before or after the loop that they
 * were recorded in. A strongly connected component with a cycle is a recurrence, here called a stretch.
 *
 * Components are found by Tarjan's algorithm ("Depth-first search and linear graph algorithms", 1972),
 * with a stack of its own in place of recursion.
 */
#include "graph/plan_draft.h"

typedef struct graph {
	uint32_t n;
	uint32_t *start, *edge; /* class c reads edge[start[c] .. start[c+1]) */
	unsigned char *self;    /* class c reads itself */
} graph;

typedef struct tarjan {
	const graph *g;
	uint32_t *number, *low, *next; /* number 0: not met yet */
	uint32_t *stack, *path;
	uint32_t depth, used, count;
	unsigned char *open;
	uint32_t *component, components;
	uint32_t *size;
} tarjan;

static bool members_of_classes(const tl_draft *d, uint32_t **start, uint32_t **member, tl_draft *mem)
{
	uint32_t n = d->n_classes;
	*start = tl__draft_array(mem, n + 1, sizeof **start);
	*member = tl__draft_array(mem, d->n_seq, sizeof **member);
	uint32_t *fill = tl__draft_array(mem, n, sizeof *fill);
	if (!*start || !*member || !fill)
		return false;
	for (uint32_t s = 0; s < d->n_seq; s++)
		(*start)[d->class_of[d->seq[s]] + 1]++;
	for (uint32_t c = 0; c < n; c++)
		(*start)[c + 1] += (*start)[c];
	for (uint32_t s = 0; s < d->n_seq; s++) {
		uint32_t c = d->class_of[d->seq[s]];
		(*member)[(*start)[c] + fill[c]++] = d->seq[s];
	}
	return true;
}

/* Each edge once. */
static bool build(tl_draft *d, graph *g)
{
	uint32_t *start, *member, edges = 0;
	size_t most = 0;
	for (uint32_t s = 0; s < d->n_seq; s++)
		most += d->n_reads[d->seq[s]];
	g->n = d->n_classes;
	g->start = tl__draft_array(d, g->n + 1, sizeof *g->start);
	g->edge = tl__draft_array(d, most, sizeof *g->edge);
	g->self = tl__draft_array(d, g->n, 1);
	uint32_t *stamp = tl__draft_array(d, g->n, sizeof *stamp);
	if (!g->start || !g->edge || !g->self || !stamp || !members_of_classes(d, &start, &member, d))
		return false;
	for (uint32_t c = 0; c < g->n; c++) {
		for (uint32_t m = start[c]; m < start[c + 1]; m++)
			for (uint32_t k = 0, i = member[m]; k < d->n_reads[i]; k++) {
				uint32_t from = d->root[d->reads[i][k]];
				if (d->kind[from] != TL_DRAFT_NODE || stamp[d->class_of[from]] == c + 1)
					continue;
				stamp[d->class_of[from]] = c + 1;
				g->edge[edges++] = d->class_of[from];
				g->self[c] |= d->class_of[from] == c;
			}
		g->start[c + 1] = edges;
	}
	return true;
}

static void enter(tarjan *t, uint32_t v)
{
	t->number[v] = t->low[v] = ++t->count;
	t->next[v] = t->g->start[v];
	t->open[v] = 1;
	t->stack[t->used++] = v;
	t->path[t->depth++] = v;
}

static void close_component(tarjan *t, uint32_t v)
{
	uint32_t w;
	do {
		w = t->stack[--t->used];
		t->open[w] = 0;
		t->component[w] = t->components;
		t->size[t->components]++;
	} while (w != v);
	t->components++;
}

static void visit(tarjan *t, uint32_t root)
{
	enter(t, root);
	while (t->depth > 0) {
		uint32_t v = t->path[t->depth - 1];
		if (t->next[v] < t->g->start[v + 1]) {
			uint32_t w = t->g->edge[t->next[v]++];
			if (!t->number[w])
				enter(t, w);
			else if (t->open[w] && t->number[w] < t->low[v])
				t->low[v] = t->number[w];
			continue;
		}
		t->depth--;
		if (t->low[v] == t->number[v])
			close_component(t, v);
		else if (t->low[v] < t->low[t->path[t->depth - 1]])
			t->low[t->path[t->depth - 1]] = t->low[v];
	}
}

bool tl__draft_distribute(tl_draft *d)
{
	graph g;
	d->stretch_of = tl__draft_array(d, d->size, sizeof *d->stretch_of);
	if (!d->stretch_of)
		return false;
	if (!tl__draft_has(d, TL_PASS_DISTRIBUTE))
		return true;
	if (!build(d, &g))
		return false;
	tarjan t = {.g = &g};
	uint32_t n = g.n, **arrays[] = {&t.number, &t.low, &t.next, &t.stack, &t.path, &t.component, &t.size};
	for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++)
		if (!(*arrays[k] = tl__draft_array(d, n, sizeof **arrays[k])))
			return false;
	uint32_t *stretch = tl__draft_array(d, n, sizeof *stretch);
	if (!stretch || !(t.open = tl__draft_array(d, n, 1)))
		return false;
	for (uint32_t v = 0; v < n; v++)
		if (!t.number[v])
			visit(&t, v);
	for (uint32_t v = 0; v < n; v++) {
		uint32_t *number = &stretch[t.component[v]];
		if (!*number && (t.size[t.component[v]] > 1 || g.self[v]))
			*number = ++d->n_stretches;
	}
	for (uint32_t s = 0; s < d->n_seq; s++)
		d->stretch_of[d->seq[s]] = stretch[t.component[d->class_of[d->seq[s]]]];
	return true;
}
