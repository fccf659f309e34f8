/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The planner: an executor that looks at all recorded nodes before it computes any. It runs what a loop
 * repeats as one, computes elementwise chains in one pass and keeps the result for the next step with
 * the same structure. Its passes know what ops say about themselves, never which cell they make up.
 *
 * Each pass can be switched off, by tl_tape_options.plan or by TL_PLAN in the environment: a list like
 * "fuse,place" of those to use, "all", "none", or "-split" for all but one. The results are the same up
 * to rounding. "tiny" beside them lets threads share recurrences that are too small for it, for tests.
 */
#ifndef TL_GRAPH_PLAN_H
#define TL_GRAPH_PLAN_H

#include "graph/executor.h"

extern TL_API const tl_executor tl_executor_planned;

enum {
	TL_PASS_ROLL = 1,       /* find what the recorded nodes repeat */
	TL_PASS_DISTRIBUTE = 2, /* what does not depend on its own past runs for all steps at once */
	TL_PASS_BATCH = 4,      /* equal nodes of unequal graphs run together */
	TL_PASS_MERGE = 8,      /* products that share an operand, sums of products: one product */
	TL_PASS_FUSE = 16,      /* elementwise chains: one pass over blocks that stay in the cache */
	TL_PASS_PLACE = 32,     /* values side by side where they are read so; memory used again */
	TL_PASS_PACK = 64,      /* weights laid out for products, once for all time steps of a run */
	TL_PASS_SPLIT = 128,    /* threads share a recurrence by rows, without a barrier per step */
	TL_PASS_ALL = 255,
	TL_PLAN_TINY = 256,     /* no pass: share work of any size */
};

/* The name of pass k (bit k), with one line about it in *about if that is not NULL; NULL after the last. */
TL_API const char *tl_plan_pass(int k, const char **about);
/* "fuse,place", "all", "none", "-split,-pack"; NULL: all. */
TL_API tl_status tl_plan_parse(const char *text, unsigned *passes, tl_error *err);

#endif
