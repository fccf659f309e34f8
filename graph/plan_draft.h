/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A draft: what the planner finds out about the needed nodes, pass by pass, before it writes a plan. For
 * the files plan_*.c only. All memory is the draft's arena's; functions return false where it is out.
 *
 * A value lies in the memory of its root: a node that is computed, or one that was given (a leaf, or
 * computed by an earlier run). Views are looks at their root's memory and cost nothing.
 *
 * Order of passes: need -> roll -> distribute -> merge -> schedule -> fuse -> place -> lower -> pack -> split.
 */
#ifndef TL_GRAPH_PLAN_DRAFT_H
#define TL_GRAPH_PLAN_DRAFT_H

#include "graph/node.h"
#include "graph/plan.h"
#include "graph/plan_ir.h"

enum {
	TL_DRAFT_UNNEEDED,
	TL_DRAFT_GIVEN, /* has a value already */
	TL_DRAFT_VIEW,
	TL_DRAFT_NODE,  /* to be computed */
	TL_DRAFT_GONE,  /* a product that became part of another node */
};

/* How a node is computed. */
enum {
	TL_BY_KERNEL,
	TL_BY_MAP,     /* block by block */
	TL_BY_PRODUCT, /* by the gemm of core */
	TL_BY_PARTS,   /* its operands were computed in place already */
};

/* A node that is a sum of products; its reads are: pairs, then the row or the start. */
typedef struct tl_product {
	uint32_t pairs;
	bool row;   /* added to each row */
	bool start; /* a value of the result's shape that the products are added to; not both */
} tl_product;

/* Nodes that run together: members[first .. first+count), independent of each other, of one class. */
typedef struct tl_group {
	uint32_t first, count;
	uint32_t stretch; /* 1 + number of the recurrence, or 0 */
	uint32_t program; /* 1 + number of the fused program, or 0 */
} tl_group;

/* Groups of elementwise nodes that run in one pass; instance k of each belongs together. */
typedef struct tl_program {
	uint32_t first_group, last_group; /* linked by next_in_program; runs at the place of the first */
	uint32_t count;                   /* instances */
	uint32_t nodes;                   /* groups in it */
	uint32_t stretch;
	uint32_t at;      /* schedule position */
} tl_program;

typedef struct tl_draft {
	tl_tape *tape;
	const tl_node *nodes;
	unsigned passes;
	tl_arena *mem;
	uint32_t size; /* nodes 0..size-1 exist for the draft */

	unsigned char *kind, *by, *wanted;
	uint32_t placed;      /* the node that is computed in memory of its own, or 0 */
	uint32_t *root;
	tl_tensor *look;      /* relative to the root's first byte, as if every computed root were dense */
	const uint32_t **reads;
	uint32_t *n_reads;
	tl_product *product;  /* of nodes by TL_BY_PRODUCT */

	uint32_t *seq, n_seq; /* nodes to compute in creation order */
	uint32_t *class_of;   /* of node i */
	uint32_t n_classes;
	uint32_t *stretch_of; /* 1 + recurrence of node i, or 0 */
	uint32_t n_stretches;

	uint32_t *reader_start, *reader; /* nodes that read root i: reader[reader_start[i] .. reader_start[i+1]) */

	uint32_t *members;    /* of the groups, nodes */
	tl_group *groups;
	uint32_t n_groups;
	uint32_t *group_of;   /* of node i */
	uint32_t *place_in_group;
	uint32_t *next_group; /* in a program: 1 + group, or 0 */
	tl_program *programs;
	uint32_t n_programs;
	unsigned char *internal; /* node i lives in a program's registers only */

	uint32_t *with, *tail; /* of graph/plan_note.h; NULL: nobody asks */
} tl_draft;

static inline bool tl__draft_has(const tl_draft *d, unsigned pass)
{
	return d->passes & pass;
}

/* The place in the schedule where node i is computed. */
static inline uint32_t tl__time_of(const tl_draft *d, uint32_t i)
{
	const tl_group *g = &d->groups[d->group_of[i]];
	return g->program ? d->programs[g->program - 1].at : d->group_of[i];
}

/* An array of the draft, zeroed; NULL where memory is out. */
void *tl__draft_array(tl_draft *d, size_t count, size_t size);
static inline uint64_t tl__mix(uint64_t h, uint64_t x)
{
	h = (h ^ x) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

/* What is needed for the wanted nodes, what are views, who reads what. */
bool tl__draft_need(tl_draft *d, int n, const uint32_t *want);
/* Does node i, read as its look, show all of its root, element by element? */
bool tl__draft_whole(const tl_draft *d, uint32_t i);
bool tl__draft_readers(tl_draft *d);
/* Classes: nodes at the same place of a repeated body. */
bool tl__draft_roll(tl_draft *d);
/* The second half of it: loop[s] is a key for the place of seq[s] in a loop's body, or 0. Overwrites loop. */
bool tl__draft_classify(tl_draft *d, uint64_t *loop);
/* A shape but for its number of rows. */
uint64_t tl__draft_shape_key(tl_shape s);
/* Which columns of its root node i shows: those of gate k, say. */
uint64_t tl__draft_columns_key(const tl_draft *d, uint32_t i);
/* Recurrences. */
bool tl__draft_distribute(tl_draft *d);
/* Groups in the order in which they run. */
bool tl__draft_schedule(tl_draft *d);
bool tl__draft_merge(tl_draft *d);
bool tl__draft_fuse(tl_draft *d);

#endif
