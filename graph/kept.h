/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ops keep with a tape from step to step, beside its nodes: primitives that are made once for each
 * shape, tables. A tape has one object of each kind, made when it is first asked for and destroyed with the
 * tape:
 *
 *	static const tl_kept tables = {.create = create, .destroy = destroy};
 *	...
 *	struct tables *t = tl_tape_keep(tape, &tables);
 */
#ifndef TL_GRAPH_KEPT_H
#define TL_GRAPH_KEPT_H

#include "graph/op.h"

typedef struct tl_kept {
	void *(*create)(void);	 /* NULL: out of memory */
	void (*reset)(void *it); /* the tape was reset: no node refers to it now; may be NULL */
	void (*destroy)(void *it);
	void (*stats)(
		const void *it, uint64_t *allocations, size_t *bytes); /* adds what it has; may be NULL */
} tl_kept;

/* NULL, and an error on the tape, where memory is out. */
TL_API void *tl_tape_keep(tl_tape *tape, const tl_kept *kind);

/* For the tape. */
typedef struct tl__kept_list tl__kept_list;
struct tl_tape_stats;
void tl__kept_reset(tl__kept_list *list);
void tl__kept_free(tl__kept_list *list);
void tl__kept_stats(const tl__kept_list *list, struct tl_tape_stats *stats);

#endif
