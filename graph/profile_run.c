/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiling a plan's run. While it goes on, stamps are added up by step and thread; afterwards they are
 * folded into the profile's entries, as long as the tape still knows names and scopes. Plans come and go,
 * entries stay.
 */
#include "graph/profile_run.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t tl__now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool make_room(int64_t **array, size_t *cap, size_t need)
{
	if (need <= *cap)
		return true;
	int64_t *larger = realloc(*array, need * sizeof *larger);
	if (!larger)
		return false;
	*array = larger;
	*cap = need;
	return true;
}

void tl__profile_begin(tl_tape *t, const tl_plan *plan)
{
	tl_profile *p = t->profile;
	if (!p)
		return;
	tl_phase before = tl_profile_enter(t, TL_PHASE_PROFILE);
	size_t clocks = (size_t)tl_pool_threads(t->pool) + 1;
	if (!make_room(&p->laps, &p->cap_laps, clocks * (plan->n_steps + 1)) ||
		!make_room(&p->clocks, &p->cap_clocks, clocks * TL_PROFILE_CLOCK)) {
		p->incomplete = true;
		p->n_steps = 0;
	} else {
		p->n_steps = plan->n_steps;
		memset(p->laps, 0, clocks * p->n_steps * sizeof *p->laps);
		memset(p->clocks, 0, clocks * TL_PROFILE_CLOCK * sizeof *p->clocks);
	}
	tl_profile_enter(t, before);
	tl__lap_first(t, 0);
}

void tl__profile_lap(tl_profile *p, int clock, uint32_t step)
{
	if (step >= p->n_steps)
		return;
	int64_t now = tl__now(), *last = &p->clocks[clock * TL_PROFILE_CLOCK];
	p->laps[(size_t)clock * p->n_steps + step] += now - *last;
	*last = now;
}

static double lap(const tl_profile *p, int clock, uint32_t step)
{
	return 1e-9 * (double)p->laps[(size_t)clock * p->n_steps + step];
}

/* Of all threads. */
static double all_laps(const tl_profile *p, uint32_t step, int threads)
{
	double sum = threads ? 0 : lap(p, 0, step);
	for (int k = 1; k <= threads; k++)
		sum += lap(p, k, step);
	return sum;
}

static void fold_step(tl_profile *p, const tl_tape *t, const tl_plan *plan, uint32_t step, int threads)
{
	tl_profile_entry e;
	double sum = all_laps(p, step, threads), seconds = threads ? sum / threads : sum;
	tl__profile_describe(&e, p, t, &plan->steps[step]);
	e.threads = threads;
	if (threads)
		p->waiting -= seconds;
	tl__profile_count(p, &e, seconds, sum);
}

static int threads_of(const tl_tape *t, const tl_split *s)
{
	int threads = tl_pool_threads(t->pool);
	return threads > s->rows ? (int)s->rows : threads;
}

double tl__profile_seconds(const tl_tape *t, const tl_plan *plan, uint32_t step)
{
	const tl_profile *p = t->profile;
	if (!p || p->n_steps != plan->n_steps)
		return 0;
	for (uint32_t k = 0; k < plan->n_splits; k++)
		if (plan->splits[k].first <= step && step < plan->splits[k].last)
			return all_laps(p, step, threads_of(t, &plan->splits[k])) / threads_of(t, &plan->splits[k]);
	return lap(p, 0, step);
}

/* Clock 0 stood still while threads shared the steps, and has all of that time at the first one. */
void tl__profile_end(tl_tape *t, const tl_plan *plan)
{
	tl_profile *p = t->profile;
	if (!p || p->n_steps != plan->n_steps)
		return;
	tl_phase before = tl_profile_enter(t, TL_PHASE_PROFILE);
	tl__profile_learn_labels(p, t);
	p->runs++;
	for (uint32_t k = 0, next = 0; k < plan->n_steps; k++) {
		while (next < plan->n_splits && plan->splits[next].last <= k)
			next++;
		bool split = next < plan->n_splits && plan->splits[next].first <= k;
		if (split && plan->splits[next].first == k)
			p->waiting += lap(p, 0, k);
		fold_step(p, t, plan, k, split ? threads_of(t, &plan->splits[next]) : 0);
	}
	tl_profile_enter(t, before);
}

/* Labels are learnt before the first node of a run. */
void tl__profile_node(tl_tape *t, const tl_node *node, int64_t begin)
{
	tl_profile_entry e;
	tl_profile *p = t->profile;
	double seconds = 1e-9 * (double)(tl__now() - begin);
	tl_phase before = tl_profile_enter(t, TL_PHASE_PROFILE);
	tl__profile_describe_node(&e, p, t, node);
	tl__profile_count(p, &e, seconds, seconds);
	tl_profile_enter(t, before);
}
