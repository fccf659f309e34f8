/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "core/threads.h"

#include <sched.h>
#include <stdlib.h>

/* libgomp's stable interface (GOMP_4.0, OMP_1.0). */
extern void GOMP_parallel(void (*fn)(void *), void *data, unsigned threads, unsigned flags);
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);
extern int omp_get_max_threads(void);
extern int omp_in_parallel(void);
extern void omp_set_num_threads(int threads);

int tl_threads_default(void)
{
	const char *text = getenv("TL_THREADS");
	if (text) {
		char *end;
		long n = strtol(text, &end, 10);
		if (*end == '\0' && n > 0 && n <= 4096)
			return (int)n;
	}
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
		return CPU_COUNT(&set);
	return 1;
}

struct job {
	tl_range_fn fn;
	void *ctx;
	int64_t n;
	int parts;
};

static void run_parts(void *data)
{
	const struct job *j = data;
	int team = omp_get_num_threads();
	for (int part = omp_get_thread_num(); part < j->parts; part += team)
		j->fn(j->ctx, j->n * part / j->parts, j->n * (part + 1) / j->parts);
}

void tl__parallel(int threads, int64_t n, int64_t grain, tl_range_fn fn, void *ctx)
{
	int64_t parts = grain > 0 ? n / grain : n;
	if (parts > threads)
		parts = threads;
	if (parts <= 1 || omp_in_parallel()) {
		if (n > 0)
			fn(ctx, 0, n);
		return;
	}
	struct job job = {fn, ctx, n, (int)parts};
	GOMP_parallel(run_parts, &job, (unsigned)parts, 0);
}

int tl__threads_limit(int threads)
{
	int before = omp_get_max_threads();
	if (before != threads)
		omp_set_num_threads(threads);
	return before;
}
