/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variables put into traces by sorting. Those whose scopes have the same labels and that have the same name make a
 * family; in it one place of the path is found whose index counts the steps; what agrees in all others is a trace.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/find.h"
#include "graph/node.h"

typedef struct found {
	uint32_t node, again;  /* again: how many with the same path stand before it */
	int depth, counts;     /* counts: place of the index that counts steps, or -1 */
	const tl_scope_entry **scope; /* from the outermost */
	const char *name, *point;
} found;

static int compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int compare_families(const found *a, const found *b)
{
	int c = compare(a->depth, b->depth);
	for (int k = 0; k < a->depth && !c; k++) {
		c = strcmp(a->scope[k]->label, b->scope[k]->label);
		if (!c)
			c = compare(a->scope[k]->index < 0, b->scope[k]->index < 0);
	}
	c = c ? c : strcmp(a->point, b->point);
	return c ? c : strcmp(a->name, b->name);
}

/* Of one family: by all indices but the one that counts. */
static int compare_indices(const found *a, const found *b)
{
	int c = 0;
	for (int k = 0; k < a->depth && !c; k++)
		if (k != a->counts)
			c = compare(a->scope[k]->index, b->scope[k]->index);
	return c;
}

static int compare_traces(const found *a, const found *b)
{
	int c = compare_families(a, b);
	c = c ? c : compare(a->again, b->again);
	return c ? c : compare_indices(a, b);
}

/* While no place counts: equal paths are neighbours. */
static int by_path(const void *pa, const void *pb)
{
	const found *a = pa, *b = pb;
	int c = compare_families(a, b);
	c = c ? c : compare_indices(a, b);
	return c ? c : compare(a->node, b->node);
}

static int64_t step_of(const found *f)
{
	return f->counts < 0 ? 0 : f->scope[f->counts]->index;
}

static int by_trace(const void *pa, const void *pb)
{
	const found *a = pa, *b = pb;
	int c = compare_traces(a, b);
	c = c ? c : compare(step_of(a), step_of(b));
	return c ? c : compare(a->node, b->node);
}

static int by_first(const void *pa, const void *pb)
{
	const tl_trace *a = pa, *b = pb;
	return compare(a->at[0].index, b->at[0].index);
}

/* All that match, as found; NULL where memory is out. */
static found *collect(tl_tape *t, const char *pattern, int64_t *n)
{
	*n = tl_find(t, pattern, 0, NULL);
	tl_var *v = tl_tape_alloc(t, (size_t)*n * sizeof *v);
	found *all = tl_tape_alloc(t, (size_t)*n * sizeof *all);
	if (!v || !all)
		return NULL;
	tl_find(t, pattern, *n, v);
	for (int64_t i = 0; i < *n; i++) {
		const tl_node *node = &t->nodes[v[i].index];
		int depth = 0;
		for (uint32_t s = node->scope; s; s = t->scopes[s].parent)
			depth++;
		all[i] = (found){.node = v[i].index, .depth = depth, .counts = -1};
		all[i].name = node->name ? node->name : node->op->name;
		all[i].point = node->name ? "" : ".";
		if (!(all[i].scope = tl_tape_alloc(t, (size_t)depth * sizeof *all[i].scope)))
			return NULL;
		for (uint32_t s = node->scope; s; s = t->scopes[s].parent)
			all[i].scope[--depth] = &t->scopes[s];
	}
	return all;
}

/* Which place's index counts the steps of a family? */
static int find_count(const found *f, int64_t n)
{
	int best = -1;
	bool is_time = false;
	for (int k = 0; k < f->depth; k++) {
		bool varies = false, time = !strcmp(f->scope[k]->label, "t");
		for (int64_t i = 1; i < n && !varies; i++)
			varies = f[i].scope[k]->index != f->scope[k]->index;
		if (varies && (time || (!is_time && strcmp(f->scope[k]->label, "layer")))) {
			best = k;
			is_time = time;
		}
	}
	return best;
}

static void mark_families(found *all, int64_t n)
{
	for (int64_t i = 1; i < n; i++)
		if (!compare_families(&all[i - 1], &all[i]) && !compare_indices(&all[i - 1], &all[i]))
			all[i].again = all[i - 1].again + 1;
	for (int64_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && !compare_families(&all[i], &all[end]); end++)
			;
		int counts = find_count(&all[i], end - i);
		for (int64_t k = i; k < end; k++)
			all[k].counts = counts;
	}
}

static const char *path_of(tl_tape *t, const found *f)
{
	char text[TL_PATH_TEXT], *copy;
	size_t used = 0;
	for (int k = 0; k < f->depth && used < sizeof text; k++) {
		const tl_scope_entry *s = f->scope[k];
		used += (size_t)(s->index < 0 ? snprintf(text + used, sizeof text - used, "%s/", s->label)
				: k == f->counts
				? snprintf(text + used, sizeof text - used, "%s=*/", s->label)
				: snprintf(text + used, sizeof text - used, "%s=%" PRId64 "/", s->label, s->index));
	}
	if (used < sizeof text)
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", f->point, f->name);
	if (f->again && used < sizeof text)
		snprintf(text + used, sizeof text - used, "#%" PRIu32, f->again + 1);
	size_t size = strlen(text) + 1;
	return (copy = tl_tape_alloc(t, size)) ? memcpy(copy, text, size) : NULL;
}

static bool make_trace(tl_tape *t, const found *f, int64_t steps, tl_trace *to)
{
	tl_var *at = tl_tape_alloc(t, (size_t)steps * sizeof *at);
	int64_t *index = tl_tape_alloc(t, (size_t)steps * sizeof *index);
	*to = (tl_trace){path_of(t, f), steps, at, index};
	if (!to->path || !at || !index)
		return false;
	for (int64_t i = 0; i < steps; i++) {
		at[i] = tl__var(t, f[i].node);
		index[i] = step_of(&f[i]);
	}
	return true;
}

int tl_trace_find(tl_tape *t, const char *pattern, const tl_trace **out)
{
	int64_t n;
	int traces = 0;
	found *all = collect(t, pattern, &n);
	tl_trace *list = all ? tl_tape_alloc(t, (size_t)n * sizeof *list) : NULL;
	*out = list;
	if (!list)
		return 0;
	qsort(all, (size_t)n, sizeof *all, by_path);
	mark_families(all, n);
	qsort(all, (size_t)n, sizeof *all, by_trace);
	for (int64_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && !compare_traces(&all[i], &all[end]); end++)
			;
		if (!make_trace(t, &all[i], end - i, &list[traces++]))
			return 0;
	}
	qsort(list, (size_t)traces, sizeof *list, by_first);
	return traces;
}

tl_shape tl_trace_shape(const tl_trace *trace)
{
	tl_shape one = tl_var_shape(trace->at[0]), all = {.axes = one.axes + 1, .dim = {trace->steps}};
	for (int64_t i = 1; i < trace->steps; i++)
		if (!tl_shape_equal(tl_var_shape(trace->at[i]), one))
			return TL_SCALAR;
	if (all.axes > TL_MAX_AXES)
		return TL_SCALAR;
	memcpy(all.dim + 1, one.dim, (size_t)one.axes * sizeof *one.dim);
	return all;
}

tl_status tl_trace_read(const tl_trace *trace, tl_real *to, int64_t n)
{
	tl_tape *t = trace->at[0].tape;
	tl_shape shape = tl_trace_shape(trace);
	int64_t one = trace->steps > 0 ? n / trace->steps : 0;
	char text[TL_SHAPE_TEXT];
	if (shape.axes == 0)
		tl_tape_fail(t, TL_ERR_SHAPE, "trace: %s differs in shape from step to step", trace->path);
	else if (tl_shape_size(shape) != n)
		tl_tape_fail(t, TL_ERR_SHAPE, "trace: %" PRId64 " elements wanted of %s, which is %s", n, trace->path,
			tl_shape_text(shape, text));
	tl_status status = tl_eval((int)trace->steps, trace->at);
	for (int64_t i = 0; i < trace->steps && !status; i++)
		status = tl_read(trace->at[i], to + i * one, one);
	return status;
}
