/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The planned executor: finds a plan for what was recorded, or makes one, and runs it.
 *
 * Memory: one block serves all plans. Runs between two resets lie one after the other in it, for what an
 * earlier one computed stays; a step with one run uses the block from its start, like every step before.
 */
#include "graph/plan.h"

#include <stdlib.h>
#include <string.h>

#include "graph/plan_cache.h"
#include "graph/plan_draft.h"
#include "graph/plan_key.h"
#include "graph/plan_lesson.h"
#include "graph/plan_lower.h"
#include "graph/plan_note.h"
#include "graph/plan_run.h"
#include "graph/profile_run.h"

#define NOTED 1 /* a word more: the plan has notes for views */

/* A piece of memory that values lie in. A step that needed several gets one in their place. */
typedef struct values {
	struct values *next;
	size_t bytes, used;
	char *data;
} values;

typedef struct planner {
	unsigned passes;
	tl_error bad_passes;
	tl_plan_cache cache;
	tl_words words;
	tl_lessons lessons;
	tl_arena draft, scratch;
	values *memory;
	size_t enough; /* bytes that the last step took, if one block was not enough for it */
	char **bases;
	uint32_t cap_bases;
	tl_real *buffers;
	size_t cap_buffers;
	uint64_t computed, grown, hits, misses;
} planner;

static void destroy(void *state)
{
	planner *p = state;
	for (values *v = p->memory, *next; v; v = next) {
		next = v->next;
		free(v->data);
		free(v);
	}
	tl__plan_cache_release(&p->cache);
	tl_arena_release(&p->draft);
	tl_arena_release(&p->scratch);
	tl__lessons_free(&p->lessons);
	free(p->words.word);
	free(p->bases);
	free(p->buffers);
	free(p);
}

static void *create(tl_tape *t)
{
	planner *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	tl_arena_init(&p->draft, 0);
	tl_arena_init(&p->scratch, 0);
	const char *text = t->plan ? t->plan : getenv("TL_PLAN");
	tl_plan_parse(text, &p->passes, &p->bad_passes);
	return p;
}

/* One block that is large enough for all of the last step takes the place of several. */
static void reset(void *state)
{
	planner *p = state;
	p->computed = 0;
	tl__lessons_reset(&p->lessons);
	if (p->memory && p->memory->next) {
		p->enough = 0;
		for (values *v = p->memory, *next; v; v = next) {
			next = v->next;
			p->enough += v->used;
			free(v->data);
			free(v);
		}
		p->memory = NULL;
	}
	if (p->memory)
		p->memory->used = 0;
}

static char *take_values(planner *p, size_t bytes)
{
	for (values *v = p->memory; v; v = v->next)
		if (v->bytes - v->used >= bytes) {
			char *at = v->data + v->used;
			v->used += bytes;
			return at;
		}
	values *v = calloc(1, sizeof *v);
	size_t most = bytes > p->enough ? bytes : p->enough, size = (most + (most >> 3) + 4096) / 4096 * 4096;
	p->enough = 0;
	char *data = v ? aligned_alloc(4096, size) : NULL;
	if (!data) {
		free(v);
		return NULL;
	}
	*v = (values){p->memory, size, bytes, data};
	p->memory = v;
	p->grown += 2;
	return data;
}

/* Arrays of the run; kept. */
static bool make_room(planner *p, const tl_plan *plan, int threads)
{
	if (plan->n_given + 1 > p->cap_bases) {
		char **bases = realloc(p->bases, 2 * (plan->n_given + 1) * sizeof *bases);
		if (!bases)
			return false;
		p->bases = bases;
		p->cap_bases = 2 * (plan->n_given + 1);
		p->grown++;
	}
	size_t need = (size_t)threads * plan->buffers * TL_BLOCK * sizeof *p->buffers;
	if (need > p->cap_buffers) {
		tl_real *buffers = aligned_alloc(TL_ALIGN, need);
		if (!buffers)
			return false;
		free(p->buffers);
		p->buffers = buffers;
		p->cap_buffers = need;
		p->grown++;
	}
	return true;
}

static bool note_computed(const tl_draft *d, tl_plan *plan)
{
	size_t bytes = (d->size + 63) / 64 * sizeof *plan->computed;
	plan->nodes = d->size;
	plan->computed = tl_arena_alloc_small(&plan->mem, bytes);
	if (!plan->computed)
		return false;
	memset(plan->computed, 0, bytes);
	for (uint32_t i = 1; i < d->size; i++)
		if (d->kind[i] == TL_DRAFT_NODE || d->kind[i] == TL_DRAFT_VIEW)
			plan->computed[i / 64] |= (uint64_t)1 << i % 64;
	return true;
}

static bool draw_plan(planner *p, tl_draft *d, int n, const uint32_t *want, tl_plan *plan)
{
	tl_places *places = tl__draft_array(d, 1, sizeof *places);
	return places && tl__draft_need(d, n, want) && (!d->tape->view || tl__note_begin(d)) && note_computed(d, plan) && tl__lessons_learn(&p->lessons, d) &&
	       tl__draft_roll(d) && tl__draft_distribute(d) && tl__draft_merge(d) && tl__draft_schedule(d) &&
	       tl__draft_fuse(d) && tl__draft_place(places, d) && tl__lower(d, places, plan) &&
	       tl__plan_count(d, places, plan) && (!d->tape->view || tl__note_keep(d, places, plan));
}

static tl_plan *make_plan(planner *p, tl_tape *t, int n, const uint32_t *want)
{
	tl_plan *plan = tl__plan_new(&p->words);
	tl_draft d = {.tape = t, .passes = p->passes, .mem = &p->draft};
	bool drawn = plan && draw_plan(p, &d, n, want, plan);
	tl_arena_clear(&p->draft);
	p->misses++;
	if (!drawn) {
		tl__plan_free(plan);
		return NULL;
	}
	tl__plan_cache_add(&p->cache, plan);
	return plan;
}

static tl_status run_plan(planner *p, tl_tape *t, const tl_plan *plan, int n, const uint32_t *want)
{
	atomic_bool beyond = false;
	char *memory = take_values(p, plan->bytes + TL_ALIGN);
	if (!memory || !make_room(p, plan, tl_pool_threads(t->pool)))
		return tl_error_memory(&t->error);
	memory += (TL_ALIGN - (uintptr_t)memory % TL_ALIGN) % TL_ALIGN;
	p->bases[0] = memory;
	for (uint32_t k = 0; k < plan->n_given; k++)
		p->bases[k + 1] = t->nodes[plan->given[k]].value.data;
	tl_frame f = {.tape = t, .pool = plan->alone ? NULL : t->pool, .bases = p->bases, .buffers = p->buffers, .buffers_each = plan->buffers,
		.scratch = &p->scratch, .limit = tl__check_limit(t), .beyond = &beyond};
	tl__profile_begin(t, plan);
	tl_status status = tl__run_plan(plan, &f);
	tl__profile_end(t, plan);
	p->computed += f.computed;
	if (!status && beyond)
		status = tl__check_search(t, n, want, plan->steps[f.last].node);
	if (t->view && !status)
		tl__view_add(t, plan);
	for (uint32_t k = 0; k < plan->n_results && !status; k++) {
		tl_node *node = &t->nodes[plan->results[k].node];
		node->value = plan->results[k].at.t;
		node->value.data = p->bases[plan->results[k].at.base] + tl__look_offset(&plan->results[k].at.t);
		node->flags |= TL_NODE_READY;
	}
	return status;
}

static tl_status find_and_run(planner *p, tl_tape *t, int n, const uint32_t *want)
{
	int count;
	if (!tl__structure(&p->words, t, n, want))
		return tl_error_memory(&t->error);
	uint64_t asked = p->words.hash;
	const uint32_t *all = tl__lessons_want(&p->lessons, t, asked, n, want, &count);
	if (!all || (count > n && !tl__structure(&p->words, t, count, all)))
		return tl_error_memory(&t->error);
	if (t->view && !tl__add_word(&p->words, NOTED))
		return tl_error_memory(&t->error);
	tl_plan *plan = tl__plan_cache_find(&p->cache, &p->words);
	if (plan) {
		p->hits++;
	} else {
		tl_profile_enter(t, TL_PHASE_PLANNING);
		if (!(plan = make_plan(p, t, count, all)))
			return tl_error_memory(&t->error);
	}
	tl_profile_enter(t, TL_PHASE_RUN);
	tl_status status = run_plan(p, t, plan, count, all);
	if (!status && !tl__lessons_ran(&p->lessons, asked, plan))
		return tl_error_memory(&t->error);
	return status;
}

static tl_status run(void *state, tl_tape *t, int n, const uint32_t *want)
{
	planner *p = state;
	bool ready = true;
	for (int k = 0; k < n && ready; k++)
		ready = t->nodes[want[k]].flags & TL_NODE_READY;
	if (ready)
		return TL_OK;
	if (p->bad_passes.status) {
		t->error = p->bad_passes;
		return t->error.status;
	}
	tl_phase before = tl_profile_enter(t, TL_PHASE_LOOKUP);
	tl_status status = find_and_run(p, t, n, want);
	tl_profile_enter(t, before);
	return status;
}

static void stats(const void *state, tl_executor_stats *s)
{
	const planner *p = state;
	*s = (tl_executor_stats){
		.computed = p->computed,
		.allocations = p->grown + p->cache.made + p->words.grown + p->lessons.grown + p->draft.grown + p->scratch.grown,
		.bytes = p->cache.bytes + p->words.cap * sizeof *p->words.word + p->draft.total + p->scratch.total +
			 tl__lessons_bytes(&p->lessons) + 			 p->cap_bases * sizeof *p->bases + p->cap_buffers,
		.plan_hits = p->hits,
		.plan_misses = p->misses,
	};
	for (const values *v = p->memory; v; v = v->next)
		s->bytes += v->bytes;
}

const tl_plan *tl__plan_of(tl_tape *t, int n, const uint32_t *want)
{
	planner *p = t->executor_state;
	tl_plan *plan = NULL;
	if (p->bad_passes.status)
		t->error = p->bad_passes;
	else if (!tl__structure(&p->words, t, n, want) || !(plan = make_plan(p, t, n, want)))
		tl_error_memory(&t->error);
	tl_arena_release(&p->draft);
	free(p->words.word);
	p->words = (tl_words){0};
	return plan;
}

const tl_plan_figures *tl_plan_last(const tl_tape *t)
{
	if (t->executor != &tl_executor_planned)
		return NULL;
	const planner *p = t->executor_state;
	return p->cache.newest ? &p->cache.newest->figures : NULL;
}

const tl_executor tl_executor_planned = {
	.name = "planned", .create = create, .run = run, .reset = reset, .destroy = destroy, .stats = stats};
