/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/plan_lesson.h"

#include <stdlib.h>
#include <string.h>

/* Room for `count` elements; what stood there is kept. */
static bool reserve(tl_lessons *l, void **array, uint32_t *cap, uint32_t count, size_t size)
{
	if (count <= *cap)
		return true;
	uint32_t more = count + count / 2 + 16;
	void *larger = realloc(*array, more * size);
	if (!larger)
		return false;
	*array = larger;
	*cap = more;
	l->grown++;
	return true;
}

static tl_lesson *find(tl_lessons *l, uint64_t run)
{
	for (uint32_t k = 0; k < TL_LESSONS; k++)
		if (l->lesson[k].n > 0 && l->lesson[k].run == run)
			return &l->lesson[k];
	return NULL;
}

const uint32_t *tl__lessons_want(tl_lessons *l, const tl_tape *t, uint64_t run, int n, const uint32_t *want, int *count)
{
	const tl_lesson *known = find(l, run);
	*count = n;
	if (!known)
		return want;
	if (!reserve(l, (void **)&l->want, &l->cap_want, (uint32_t)n + known->n, sizeof *want))
		return NULL;
	memcpy(l->want, want, (size_t)n * sizeof *want);
	for (uint32_t k = 0; k < known->n; k++)
		if (known->keep[k] < t->n_nodes && !(t->nodes[known->keep[k]].flags & TL_NODE_READY))
			l->want[(*count)++] = known->keep[k];
	return l->want;
}

static bool computed_by(const tl_ran *r, uint32_t i)
{
	return i < r->nodes && r->computed[i / 64] >> i % 64 & 1;
}

static bool keep(tl_lessons *l, tl_lesson **lesson, uint64_t run, uint32_t i)
{
	if (!*lesson && !(*lesson = find(l, run))) {
		*lesson = &l->lesson[l->next++ % TL_LESSONS];
		(*lesson)->run = run;
		(*lesson)->n = 0;
	}
	tl_lesson *to = *lesson;
	if (!reserve(l, (void **)&to->keep, &to->cap, to->n + 1, sizeof *to->keep))
		return false;
	to->keep[to->n++] = i;
	return true;
}

static bool teach(tl_lessons *l, const tl_ran *r, const tl_draft *d)
{
	tl_lesson *lesson = NULL;
	unsigned char *frontier = tl_arena_alloc(d->mem, d->size);
	if (!frontier)
		return false;
	memset(frontier, 0, d->size);
	for (uint32_t s = 0; s < d->n_seq; s++) {
		uint32_t i = d->seq[s];
		frontier[i] |= d->wanted[i];
		for (uint32_t k = 0; !computed_by(r, i) && k < d->n_reads[i]; k++)
			frontier[d->root[d->reads[i][k]]] = 1;
	}
	for (uint32_t s = 0; s < d->n_seq; s++)
		if (frontier[d->seq[s]] && computed_by(r, d->seq[s]) && !keep(l, &lesson, r->run, d->seq[s]))
			return false;
	return true;
}

bool tl__lessons_learn(tl_lessons *l, const tl_draft *d)
{
	for (uint32_t k = 0; k < l->n_ran; k++)
		if (!teach(l, &l->ran[k], d))
			return false;
	return true;
}

bool tl__lessons_ran(tl_lessons *l, uint64_t run, const tl_plan *plan)
{
	if (l->n_ran == TL_STEP_RUNS)
		return true;
	tl_ran *r = &l->ran[l->n_ran];
	uint32_t words = (plan->nodes + 63) / 64;
	if (!reserve(l, (void **)&r->computed, &r->cap, words, sizeof *r->computed))
		return false;
	memcpy(r->computed, plan->computed, words * sizeof *r->computed);
	r->run = run;
	r->nodes = plan->nodes;
	l->n_ran++;
	return true;
}

void tl__lessons_reset(tl_lessons *l)
{
	l->n_ran = 0;
}

void tl__lessons_free(tl_lessons *l)
{
	for (uint32_t k = 0; k < TL_LESSONS; k++)
		free(l->lesson[k].keep);
	for (uint32_t k = 0; k < TL_STEP_RUNS; k++)
		free(l->ran[k].computed);
	free(l->want);
}

size_t tl__lessons_bytes(const tl_lessons *l)
{
	size_t bytes = l->cap_want * sizeof *l->want;
	for (uint32_t k = 0; k < TL_LESSONS; k++)
		bytes += l->lesson[k].cap * sizeof *l->lesson[k].keep;
	for (uint32_t k = 0; k < TL_STEP_RUNS; k++)
		bytes += l->ran[k].cap * sizeof *l->ran[k].computed;
	return bytes;
}
