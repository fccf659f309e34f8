/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a step asks for too late. A run keeps what it was asked for, and drops the rest: that is what lets
 * chains be fused and memory be used again. If a later run of the same step (the gradients after the loss
 * was read, the last states after the gradients) has to compute something again that an earlier one had
 * computed, the earlier one keeps it from the next step on:
 *
 *	frontier = what the earlier run computed, and the later one needs computed, and
 *	           was asked for or is read by something that only the later one computes
 *
 * So such a step pays twice once. Runs are known by the hash of what they were asked, and lessons are kept
 * while there is room: one that is no longer needed costs memory, and a chain that is cut. For plan.c.
 */
#ifndef TL_GRAPH_PLAN_LESSON_H
#define TL_GRAPH_PLAN_LESSON_H

#include "graph/plan_draft.h"

#define TL_LESSONS 32
#define TL_STEP_RUNS 8 /* runs of a step that are looked at */

typedef struct tl_lesson {
	uint64_t run;
	uint32_t *keep, n, cap; /* nodes */
} tl_lesson;

typedef struct tl_ran {
	uint64_t run;
	uint64_t *computed; /* bit i: node i */
	uint32_t nodes, cap;
} tl_ran;

typedef struct tl_lessons {
	tl_lesson lesson[TL_LESSONS];
	uint32_t next; /* to be forgotten */
	tl_ran ran[TL_STEP_RUNS];
	uint32_t n_ran;
	uint32_t *want, cap_want;
	uint64_t grown;
} tl_lessons;

/*
 * The nodes that a run has to be asked for: want[0..n) and what it learned to keep; *count of them. Valid
 * until the next call; NULL where memory is out.
 */
const uint32_t *tl__lessons_want(tl_lessons *l, const tl_tape *t, uint64_t run, int n, const uint32_t *want, int *count);
/* A run was planned: teaches those before it in this step. */
bool tl__lessons_learn(tl_lessons *l, const tl_draft *d);
/* A run was made that computed the plan's nodes. */
bool tl__lessons_ran(tl_lessons *l, uint64_t run, const tl_plan *plan);
void tl__lessons_reset(tl_lessons *l);
void tl__lessons_free(tl_lessons *l);
size_t tl__lessons_bytes(const tl_lessons *l);

#endif
