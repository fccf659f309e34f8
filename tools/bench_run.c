/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How `tapeloop bench` measures. One training step is what a program does: record, forward, loss,
 * backward, update, reset; nothing but the tape may ask for memory in it. A work without gradients is recorded once, as
 * a function, and a step is a run of that (but profiled steps record, compute and reset). In this order:
 *
 *	the first step | --warmup steps | recording alone, RECORDINGS times | --steps timed steps
 *	and for --profile: | --steps profiled steps
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "graph/function.h"
#include "graph/grad.h"
#include "optim/optimizer.h"
#include "tools/bench.h"
#include "tools/bench_profile.h"
#include "tools/progress.h"
#include "tools/score.h"
#include "tools/task.h"

#define RECORDINGS 5
#define RATE 0.1 /* of SGD */

typedef struct bench_run {
	const bench_work *work;
	const bench_job *job;
	tl_tape *tape;
	tl_optimizer *sgd;
	tl_function *function; /* of a work without gradients, unless its steps are recorded */
	double *seconds; /* of each timed step */
	tl_var *params, *grads;
	tl_real loss;    /* of the last step */
	FILE *to;        /* for the profile; NULL: none is wanted */
} bench_run;

typedef struct bench_figures {
	double first, median; /* seconds of a step */
	uint64_t nodes;       /* forward and gradient nodes of one step */
	double recording;     /* seconds to record them */
	tl_tape_stats stats;  /* differences over the timed steps */
} bench_figures;

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

double bench_median(double *x, int64_t n)
{
	qsort(x, (size_t)n, sizeof *x, compare);
	return (x[(n - 1) / 2] + x[n / 2]) / 2;
}

static void record_function(void *user, const tl_recording *to)
{
	const bench_run *r = user;
	to->out[0] = r->work->record(r->job->model, to->tape);
}

/* The first one makes the function. */
static tl_status step_function(bench_run *r, double *seconds, tl_error *err)
{
	double begin = seconds_now();
	if (!r->function)
		r->function = tl_function_new(
			r->tape, &(tl_function_options){.record = record_function, .user = r, .outputs = 1}, err);
	if (!r->function)
		return err->status;
	if (tl_function_run(r->function, NULL))
		return tl_error_set(err, tl_function_error(r->function)->status, "%s", tl_function_error(r->function)->text);
	*seconds = seconds_now() - begin;
	return TL_OK;
}

static tl_status step_tape(bench_run *r, double *seconds, tl_error *err)
{
	double begin = seconds_now();
	tl_profile_enter(r->tape, TL_PHASE_RECORD);
	tl_var result = r->work->record(r->job->model, r->tape);
	tl_profile_enter(r->tape, TL_PHASE_OTHER);
	if (r->work->forward ? tl_eval(1, &result)
			     : tl_store_backward(r->job->store, result) || tl_read(result, &r->loss, 1))
		return tape_error(r->tape, err);
	tl_profile_enter(r->tape, TL_PHASE_UPDATE);
	if (!r->work->forward)
		tl_optimizer_step(r->sgd);
	tl_profile_enter(r->tape, TL_PHASE_OTHER);
	tl_tape_reset(r->tape);
	*seconds = seconds_now() - begin;
	return TL_OK;
}

static tl_status step(bench_run *r, double *seconds, tl_error *err)
{
	return r->work->forward ? step_function(r, seconds, err) : step_tape(r, seconds, err);
}

static tl_tape_stats stats(const bench_run *r)
{
	return r->function ? tl_function_get_stats(r->function) : tl_tape_get_stats(r->tape);
}

/* The graph of one step, gradients included if there are any, without a value. */
static tl_status record(bench_run *r, double *seconds, uint64_t *nodes, tl_error *err)
{
	int n = tl_store_count(r->job->store);
	double begin = seconds_now();
	tl_var loss = r->work->record(r->job->model, r->tape);
	for (int k = 0; k < n; k++)
		r->params[k] = tl_use(r->tape, tl_store_at(r->job->store, k));
	if (!r->work->forward && tl_grad(loss, n, r->params, r->grads))
		return tape_error(r->tape, err);
	*seconds = seconds_now() - begin;
	*nodes = tl_tape_get_stats(r->tape).nodes;
	tl_tape_reset(r->tape);
	return TL_OK;
}

static tl_status measure(bench_run *r, const bench_options *o, bench_figures *f, tl_error *err)
{
	double unused, recordings[RECORDINGS];
	if (step(r, &f->first, err))
		return err->status;
	for (int64_t k = 0; k < o->warmup; k++)
		if (step(r, &unused, err))
			return err->status;
	for (int k = 0; k < RECORDINGS; k++)
		if (record(r, &recordings[k], &f->nodes, err))
			return err->status;
	tl_tape_stats before = stats(r);
	for (int64_t k = 0; k < o->steps; k++)
		if (step(r, &r->seconds[k], err))
			return err->status;
	f->stats = stats(r);
	f->stats.allocations -= before.allocations;
	f->stats.plan_hits -= before.plan_hits;
	f->stats.plan_misses -= before.plan_misses;
	f->median = bench_median(r->seconds, o->steps);
	f->recording = bench_median(recordings, RECORDINGS);
	return TL_OK;
}

static tl_status report(const bench_run *r, const bench_options *o, const bench_figures *f, tl_error *err)
{
	struct rusage usage = {0};
	getrusage(RUSAGE_SELF, &usage);
	json_t *loss = r->work->forward ? NULL : real_json((double)r->loss);
	json_t *line = json_pack("{s:s, s:s, s:s, s:i, s:f, s:f, s:f, s:f, s:f, s:I, s:f, s:f, s:I, s:I, s:o*}", "work",
		r->job->name, "framework", "tapeloop", "version", TL_VERSION, "threads", tl_tape_threads(r->tape),
		"ms_per_step", 1e3 * f->median, "best_ms", 1e3 * r->seconds[0], "first_step_ms", 1e3 * f->first, "tok_per_s",
		(double)r->job->tokens / f->median, "rss_mib", (double)usage.ru_maxrss / 1024, "nodes",
		(json_int_t)f->nodes, "record_ns_per_node", 1e9 * f->recording / (double)f->nodes,
		"allocations_per_step", (double)f->stats.allocations / (double)o->steps, "plan_hits",
		(json_int_t)f->stats.plan_hits, "plan_misses", (json_int_t)f->stats.plan_misses, "loss", loss);
	return print_json_line(stdout, line) ? TL_OK : tl_error_set(err, TL_ERR_IO, "standard output: %s", strerror(errno));
}

static tl_status profile_error(const char *path, tl_error *err)
{
	return tl_error_set(err, TL_ERR_IO, "%s: %s", *path ? path : "standard error", strerror(errno));
}

/* As many steps again, with stamps of the clock in them. */
static tl_status profile(bench_run *r, const bench_options *o, const bench_figures *f, tl_error *err)
{
	bench_profile p = {.work = r->job->name, .threads = tl_tape_threads(r->tape), .steps = o->steps, .usual = f->median};
	tl_profile *times = tl_profile_new();
	if (!times)
		return tl_error_memory(err);
	tl_profile_attach(r->tape, times);
	for (int64_t k = 0; k < o->steps && !err->status; k++)
		if (!step_tape(r, &r->seconds[k], err))
			p.seconds += r->seconds[k];
	tl_profile_attach(r->tape, NULL);
	p.times = times;
	p.plan = tl_plan_last(r->tape);
	if (!err->status)
		p.peak = bench_gemm_peak(p.threads, err);
	if (!err->status && !(r->to == stderr ? bench_profile_print(&p, stderr) : bench_profile_write(&p, r->to)))
		profile_error(o->profile, err);
	tl_profile_free(times);
	return err->status;
}

static tl_status run(const bench_work *work, bench_job *job, const bench_options *o, tl_error *err)
{
	size_t n = (size_t)tl_store_count(job->store);
	tl_tape_options tape = {
		.threads = (int)o->threads, .seed = (uint64_t)o->seed, .plan = o->plan, .executor = o->executor,
		.check = o->check_nan};
	bench_run r = {
		.work = work,
		.job = job,
		.tape = tl_tape_new(&tape),
		.sgd = tl_optimizer_new(job->store, &(tl_optimizer_options){.kind = &tl_sgd, .lr = RATE}, err),
		.seconds = bench_alloc(job, (size_t)o->steps * sizeof *r.seconds, err),
		.params = bench_alloc(job, n * sizeof *r.params, err),
		.grads = bench_alloc(job, n * sizeof *r.grads, err),
	};
	bench_figures figures = {0};
	if (r.tape)
		tl_store_set_pool(job->store, tl_tape_pool(r.tape));
	else
		tl_error_memory(err);
	if (o->profile && !(r.to = *o->profile ? fopen(o->profile, "w") : stderr))
		profile_error(o->profile, err);
	if (!err->status && !measure(&r, o, &figures, err) && !report(&r, o, &figures, err) && r.to)
		profile(&r, o, &figures, err);
	if (r.to && r.to != stderr && fclose(r.to) && !err->status)
		profile_error(o->profile, err);
	tl_function_free(r.function);
	tl_optimizer_free(r.sgd);
	tl_store_set_pool(job->store, NULL);
	tl_tape_free(r.tape);
	return err->status;
}

tl_status bench_command(const bench_work *work, int argc, char **argv, tl_error *err)
{
	bench_options o;
	bench_options_parse(&o, work, argc, argv);
	bench_job job = {.store = tl_store_new(), .rng = {.seed = (uint64_t)o.seed}};
	tl_arena_init(&job.memory, 0);
	if (!job.store)
		tl_error_memory(err);
	else if (!work->make(&job, &o, err))
		run(work, &job, &o, err);
	if (job.model)
		work->release(job.model);
	tl_store_free(job.store);
	tl_arena_release(&job.memory);
	return err->status;
}
