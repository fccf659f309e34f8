/* SPDX-License-Identifier: Apache-2.0 */
/* The clock around a plan's instructions; for the files of graph/ only. */
#ifndef TL_GRAPH_PROFILE_RUN_H
#define TL_GRAPH_PROFILE_RUN_H

#include "graph/plan_ir.h"
#include "graph/profile.h"

#define TL_PROFILE_CLOCK 8 /* int64_t from one thread's clock to the next: a cache line */

int64_t tl__now(void); /* nanoseconds of the monotonic clock */

/* Before and after a plan is run. The time of both is not the run's. */
void tl__profile_begin(tl_tape *t, const tl_plan *plan);
void tl__profile_end(tl_tape *t, const tl_plan *plan);
/* The wall clock's share of a step in the plan's run that has just ended; 0 without a profile. */
double tl__profile_seconds(const tl_tape *t, const tl_plan *plan, uint32_t step);

/* Where an executor computes node by node: the node's kernel ran since `begin`. There is a profile. */
void tl__profile_node(tl_tape *t, const tl_node *node, int64_t begin);

/* An entry without times for one instruction, or one node. */
void tl__profile_describe(tl_profile_entry *e, const tl_profile *p, const tl_tape *t, const tl_step *s);
void tl__profile_describe_node(tl_profile_entry *e, const tl_profile *p, const tl_tape *t, const tl_node *node);
/* Adds one call to the entry that is like e, which may be a new one. */
void tl__profile_count(tl_profile *p, const tl_profile_entry *e, double seconds, double thread_seconds);
/* Scopes' labels that count far are not told from each other from here on. */
void tl__profile_learn_labels(tl_profile *p, const tl_tape *t);

void tl__profile_lap(tl_profile *p, int clock, uint32_t step);

/* The time since the clock's last stamp belongs to the step. Clock 0 is the caller's, 1 + k that of part k. */
static inline void tl__lap(const tl_tape *t, int clock, uint32_t step)
{
	if (t->profile)
		tl__profile_lap(t->profile, clock, step);
}

/* The clock's first stamp. */
static inline void tl__lap_first(const tl_tape *t, int clock)
{
	if (t->profile && t->profile->n_steps)
		t->profile->clocks[clock * TL_PROFILE_CLOCK] = tl__now();
}

#endif
