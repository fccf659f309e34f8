/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What computes nodes. A tape asks its executor for values and knows no more about it, so a planner
 * can take the plain executor's place. One state belongs to one tape.
 *
 * Contract of run: afterwards every wanted node's value is ready and stays until `reset`. A node may be
 * dropped and computed again: nodes are pure functions of their operands, random ones included.
 */
#ifndef TL_GRAPH_EXECUTOR_H
#define TL_GRAPH_EXECUTOR_H

#include "graph/op.h"

/* Since the last reset, but for allocations and plans: since the executor was made. */
typedef struct tl_executor_stats {
	uint64_t computed;    /* kernel calls, or a plan's instructions */
	uint64_t allocations; /* requests to the system */
	size_t bytes;         /* held now */
	uint64_t plan_hits, plan_misses;
} tl_executor_stats;

typedef struct tl_executor {
	const char *name;
	void *(*create)(tl_tape *tape); /* NULL: out of memory */
	tl_status (*run)(void *state, tl_tape *tape, int n, const uint32_t *want);
	void (*reset)(void *state);
	void (*destroy)(void *state);
	void (*stats)(const void *state, tl_executor_stats *stats);
} tl_executor;

/*
 * Node by node in creation order, each with its own kernel: simple, and the oracle for every other
 * executor. Values of recorded nodes stay until the reset; values of adjoints (nodes that tl_grad
 * appended) are dropped after their last use in the run, unless they were asked for.
 */
extern TL_API const tl_executor tl_executor_plain;

#endif
