/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elementwise groups of one shape become a program: one pass over blocks, whose intermediate values stay
 * in registers (small buffers in the cache). Going through the schedule, a group joins an open program if
 * all that it reads from elsewhere has been computed where the program stands; it then runs there.
 *
 * Nodes of a group that only their own program reads, element by element, are internal and get no memory.
 */
#include "graph/plan_draft.h"

#define OPEN 6        /* programs that may still grow */
#define MOST_NODES 40 /* in a program */
#define MOST_READS 40 /* by its nodes */

typedef struct fuse {
	tl_draft *d;
	uint32_t open[OPEN]; /* 1 + program; the most recent one first */
	uint32_t *reads;     /* of program p */
} fuse;

static bool same_domain(const tl_draft *d, const tl_group *a, const tl_group *b)
{
	if (a->count != b->count || a->stretch != b->stretch)
		return false;
	for (uint32_t k = 0; k < a->count; k++)
		if (!tl_shape_equal(
			    d->look[d->members[a->first + k]].shape, d->look[d->members[b->first + k]].shape))
			return false;
	return true;
}

/* 1 + the group of the program that computes node i, or 0. */
static uint32_t group_in(const tl_draft *d, uint32_t program, uint32_t i)
{
	uint32_t root = d->root[i];
	if (d->kind[root] != TL_DRAFT_NODE || d->groups[d->group_of[root]].program != program)
		return 0;
	return d->group_of[root] + 1;
}

/* Has node i been computed where the program stands? */
static bool in_time(const tl_draft *d, uint32_t program, uint32_t i)
{
	uint32_t root = d->root[i];
	return d->kind[root] != TL_DRAFT_NODE || tl__time_of(d, root) < d->programs[program - 1].at;
}

/* Operand r of all members is there in time, or is the program's own: instance k's for member k. */
static bool available(const tl_draft *d, const tl_group *g, uint32_t r, uint32_t program)
{
	uint32_t from = group_in(d, program, d->reads[d->members[g->first]][r]);
	for (uint32_t k = 0; k < g->count; k++) {
		uint32_t i = d->reads[d->members[g->first + k]][r];
		if (group_in(d, program, i) != from)
			return false;
		if (from ? !tl__draft_whole(d, i) || d->members[d->groups[from - 1].first + k] != d->root[i]
			 : !in_time(d, program, i))
			return false;
	}
	return true;
}

static bool can_join(const fuse *f, const tl_group *g, uint32_t program)
{
	const tl_draft *d = f->d;
	const tl_program *p = &d->programs[program - 1];
	uint32_t reads = d->n_reads[d->members[g->first]];
	if (!same_domain(d, g, &d->groups[p->first_group]) || p->nodes >= MOST_NODES ||
		f->reads[program] + reads > MOST_READS)
		return false;
	for (uint32_t r = 0; r < reads; r++)
		if (!available(d, g, r, program))
			return false;
	return true;
}

static void remember(fuse *f, uint32_t program)
{
	uint32_t k = 0;
	while (k < OPEN - 1 && f->open[k] != program)
		k++;
	for (; k > 0; k--)
		f->open[k] = f->open[k - 1];
	f->open[0] = program;
}

static void join(fuse *f, uint32_t group)
{
	tl_draft *d = f->d;
	tl_group *g = &d->groups[group];
	uint32_t program = 0;
	for (uint32_t k = 0; k < OPEN && f->open[k] && !program; k++)
		if (tl__draft_has(d, TL_PASS_FUSE) && can_join(f, g, f->open[k]))
			program = f->open[k];
	if (program) {
		tl_program *p = &d->programs[program - 1];
		d->next_group[p->last_group] = group + 1;
		p->last_group = group;
		p->nodes++;
	} else {
		d->programs[d->n_programs++] = (tl_program){.first_group = group, .last_group = group,
			.count = g->count, .nodes = 1, .stretch = g->stretch, .at = group};
		program = d->n_programs;
	}
	g->program = program;
	f->reads[program] += d->n_reads[d->members[g->first]];
	remember(f, program);
}

static bool is_internal(const tl_draft *d, uint32_t i)
{
	uint32_t program = d->groups[d->group_of[i]].program;
	if (!program || d->wanted[i])
		return false;
	for (uint32_t r = d->reader_start[i]; r < d->reader_start[i + 1]; r++) {
		uint32_t reader = d->reader[r];
		if (d->groups[d->group_of[reader]].program != program)
			return false;
		for (uint32_t k = 0; k < d->n_reads[reader]; k++)
			if (d->root[d->reads[reader][k]] == i && !tl__draft_whole(d, d->reads[reader][k]))
				return false;
	}
	return true;
}

bool tl__draft_fuse(tl_draft *d)
{
	fuse f = {.d = d};
	d->next_group = tl__draft_array(d, d->n_groups, sizeof *d->next_group);
	d->programs = tl__draft_array(d, d->n_groups, sizeof *d->programs);
	d->internal = tl__draft_array(d, d->size, 1);
	f.reads = tl__draft_array(d, d->n_groups + 1, sizeof *f.reads);
	if (!d->next_group || !d->programs || !d->internal || !f.reads)
		return false;
	for (uint32_t g = 0; g < d->n_groups; g++)
		if (d->by[d->members[d->groups[g].first]] == TL_BY_MAP)
			join(&f, g);
	for (uint32_t g = 0; g < d->n_groups; g++) {
		const uint32_t *node = d->members + d->groups[g].first, n = d->groups[g].count;
		bool internal = d->by[*node] == TL_BY_MAP;
		for (uint32_t k = 0; k < n && internal; k++)
			internal = is_internal(d, node[k]);
		for (uint32_t k = 0; k < n; k++)
			d->internal[node[k]] = internal;
	}
	return true;
}
