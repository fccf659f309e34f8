/* SPDX-License-Identifier: Apache-2.0 */
/* What `tapeloop bench --profile` tells: where the time of a step goes. */
#ifndef TL_TOOLS_BENCH_PROFILE_H
#define TL_TOOLS_BENCH_PROFILE_H

#include <stdio.h>

#include "graph/plan_figures.h"
#include "graph/profile.h"

/* Sums over `steps` steps, taken when they were over. */
typedef struct bench_profile {
	const char *work;
	int threads;
	int64_t steps;
	double seconds;          /* of all profiled steps */
	double usual;            /* of one step without a profile */
	double peak;             /* of products, operations a second */
	const tl_profile *times;
	const tl_plan_figures *plan; /* NULL: none ran */
} bench_profile;

/* Of the step, what no phase but TL_PHASE_OTHER has; of the run, what no instruction has. */
double bench_profile_rest(const bench_profile *p);
double bench_profile_run_rest(const bench_profile *p);

/* Tables for people, at most 100 columns wide; false where the stream fails. */
bool bench_profile_print(const bench_profile *p, FILE *to);
/* All entries as one JSON object. */
bool bench_profile_write(const bench_profile *p, FILE *to);

#endif
