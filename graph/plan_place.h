/* SPDX-License-Identifier: Apache-2.0 */
/* Where the values of a draft lie: made by plan_place.c and its parts, read by plan_lower*.c. */
#ifndef TL_GRAPH_PLAN_PLACE_H
#define TL_GRAPH_PLAN_PLACE_H

#include "graph/plan_draft.h"

/* A given value that is copied to stand beside computed ones. */
typedef struct tl_stand_in {
	uint32_t given; /* the node */
	uint32_t id;    /* its number among roots: draft size + its place in the list */
} tl_stand_in;

#define TL_MOST_STAND_INS 64

typedef struct tl_places {
	tl_draft *d;
	uint32_t roots;       /* draft size + room for stand-ins */
	uint32_t *claim;      /* the node in whose memory root i lies, or 0 */
	tl_tensor *spot;      /* where, as a look at that node's draft look */
	unsigned char *dense; /* root i must not lie strided: a view of it needs that */
	unsigned char *in_sum; /* root i is read down its columns, by a sum of products over time */
	uint32_t *next, *prev; /* neighbours in memory: 1 + root, or 0 */
	uint32_t *chain;       /* union-find: roots that are neighbours, directly or not */
	bool batches;         /* some nodes of a recurrence run together */
	tl_tensor *look;      /* final; data relative to TL_PLAN_BASE */
	tl_stand_in stand_in[TL_MOST_STAND_INS];
	uint32_t n_stand_ins;
	size_t bytes;
} tl_places;

bool tl__draft_place(tl_places *p, tl_draft *d);
/* Its passes; false where memory is out. */
bool tl__make_claims(tl_places *p);
bool tl__link_chains(tl_places *p);
bool tl__assign_memory(tl_places *p);

/* A value with memory, its own or another's. */
static inline bool tl__is_root(const tl_draft *d, uint32_t i)
{
	return d->kind[i] == TL_DRAFT_NODE && !d->internal[i];
}

/* The root whose memory holds root i in the end. */
static inline uint32_t tl__base_of(const tl_places *p, uint32_t i)
{
	while (i < p->d->size && p->claim[i])
		i = p->claim[i];
	return i;
}

static inline const tl_tensor *tl__draft_look(const tl_places *p, uint32_t id)
{
	return &p->d->look[id < p->d->size ? id : p->stand_in[id - p->d->size].given];
}

static inline int64_t tl__columns(tl_shape s)
{
	return s.axes ? s.dim[s.axes - 1] : 1;
}

/* Is a given node copied to stand beside computed ones, and as which root? */
bool tl__stands_in(const tl_places *p, uint32_t given, uint32_t *id);

/* The parts of memory: offsets for blocks that are in use from `first` to `last`. */
typedef struct tl_lifetime {
	size_t bytes;
	uint32_t first, last;
	size_t offset;
} tl_lifetime;
bool tl__assign_offsets(tl_draft *d, uint32_t n, tl_lifetime *blocks, bool reuse, size_t *total);

#endif
