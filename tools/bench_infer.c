/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tapeloop bench infer: a net as a stream, one step at a time, the state carried. A step is what a program does: an
 * input in, the output copied out. Beside it, the same step recorded anew on a tape each time.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "models/carry.h"
#include "models/cells.h"
#include "models/stream.h"
#include "tools/bench.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "tools/score.h"
#include "tools/task.h"

#define INPUTS 16 /* that come in turn */
#define WARMUP 50
#define SLICE 50  /* steps of one kind before those of the other */

typedef struct infer_options {
	const tl_cell *cell;
	int64_t input, hidden, layers, batch, steps, threads, seed;
	const char *plan;
} infer_options;

enum { CELL = 0x100, INPUT, HIDDEN, LAYERS, BATCH, STEPS, THREADS, SEED, PLAN };

static const struct argp_option options[] = {
	{0, 0, 0, 0, "Work:", 1},
	{"cell", CELL, "NAME", 0, "Recurrent cell (lstm), as in train lm", 1},
	{"input", INPUT, "N", 0, "Size of the input (256)", 1},
	{"hidden", HIDDEN, "N", 0, "Size of each state (256)", 1},
	{"layers", LAYERS, "N", 0, "Recurrent layers (2)", 1},
	{"batch", BATCH, "N", 0, "Streams side by side (1)", 1},
	{0, 0, 0, 0, "Measuring:", 2},
	{"steps", STEPS, "N", 0, "Steps to time (2000)", 2},
	{"threads", THREADS, "N", 0, "Threads (TL_THREADS, or all cores)", 2},
	{"seed", SEED, "N", 0, "Of first values and data (1)", 2},
	{"plan", PLAN, "LIST", 0, "Passes of the planner: \"fuse,place\", all, none, -split (TL_PLAN, or all)", 2},
	{0},
};

static const char doc[] =
	"Time a recurrent net as a stream: one step at a time, the state carried, no gradients."
	"\v"
	"The step is recorded once, as a function, and run again and again on random input; in slices between, it is "
	"recorded anew each time, for comparison. One JSON object goes to standard output:\n\n"
	"  ms_per_step           median of the timed steps of the function\n"
	"  best_ms, p99_ms       the fastest, and what one in a hundred exceeds\n"
	"  tok_per_s             inputs a second\n"
	"  recorded_ms_per_step  median of steps that are recorded anew\n"
	"  allocations_per_step  requests to the system, of the function\n"
	"  rss_mib               the process's greatest memory\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	infer_options *o = state->input;
	switch (key) {
	case CELL: o->cell = option_cell(state, arg); break;
	case INPUT: o->input = option_int(state, "--input", arg, 1, BENCH_LIMIT); break;
	case HIDDEN: o->hidden = option_int(state, "--hidden", arg, 1, BENCH_LIMIT); break;
	case LAYERS: o->layers = option_int(state, "--layers", arg, 1, 1024); break;
	case BATCH: o->batch = option_int(state, "--batch", arg, 1, BENCH_LIMIT); break;
	case STEPS: o->steps = option_int(state, "--steps", arg, 1, 10000000); break;
	case THREADS: o->threads = option_int(state, "--threads", arg, 1, 4096); break;
	case SEED: o->seed = option_int(state, "--seed", arg, 0, INT64_MAX); break;
	case PLAN: o->plan = option_plan(state, arg); break;
	case ARGP_KEY_ARG: argp_error(state, "'%s' is not an option", arg); break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

typedef struct infer {
	const infer_options *o;
	bench_job job;
	tl_tape *tape; /* for steps that are recorded */
	tl_rnn *rnn;
	tl_function *step;
	tl_carry carry;
	tl_tensor x; /* (INPUTS, B, E) */
	tl_real *y;  /* (B, output) */
	int64_t outputs;
	double *seconds[2]; /* of each timed step: as a function, and recorded */
	int64_t done[2];    /* of each; negative while warming up */
	uint64_t allocations;
} infer;

static tl_status make(infer *b, tl_error *err)
{
	const infer_options *o = b->o;
	tl_rnn_options net = {.cell = o->cell, .input = o->input, .hidden = o->hidden, .layers = (int)o->layers};
	b->rnn = tl_rnn_new(b->job.store, "rnn", &net, err);
	if (!b->rnn || bench_normal(&b->job, TL_SHAPE(INPUTS, o->batch, o->input), &b->x, err))
		return err->status;
	tl_rnn_init(b->rnn, &b->job.rng);
	b->outputs = o->batch * tl_rnn_output_size(b->rnn);
	b->y = bench_alloc(&b->job, (size_t)b->outputs * sizeof *b->y, err);
	for (int k = 0; k < 2; k++)
		b->seconds[k] = bench_alloc(&b->job, (size_t)o->steps * sizeof **b->seconds, err);
	if (!err->status && !tl_carry_init(&b->carry, b->rnn, o->batch, err))
		b->step = tl_rnn_stream(b->tape, b->rnn, o->batch, err);
	return err->status;
}

static tl_status run_function(infer *b, const tl_real *x, tl_error *err)
{
	if (tl_function_run(b->step, (const void *[]){x}) || tl_function_read(b->step, 0, b->y, b->outputs))
		return tl_error_set(err, tl_function_error(b->step)->status, "%s", tl_function_error(b->step)->text);
	return TL_OK;
}

static tl_status run_recorded(infer *b, const tl_real *x, tl_error *err)
{
	tl_tape_reset(b->tape);
	tl_rnn_result r = tl_rnn_step(b->rnn, tl_input(b->tape, TL_SHAPE(b->o->batch, b->o->input), x),
		tl_carry_in(&b->carry, b->tape));
	tl_var want[TL_MAX_STATES + 1] = {r.output};
	for (int k = 0; k < r.last.n; k++)
		want[k + 1] = r.last.v[k];
	if (tl_eval(r.last.n + 1, want) || tl_read(r.output, b->y, b->outputs) || tl_carry_out(&b->carry, r.last))
		return tape_error(b->tape, err);
	return TL_OK;
}

/* A slice of steps of one kind; `way` 0: the function. */
static tl_status run_slice(infer *b, int way, int64_t n, tl_error *err)
{
	int64_t size = b->o->batch * b->o->input;
	tl_status status = TL_OK;
	for (int64_t i = 0; i < n && !status; i++) {
		const tl_real *x = (const tl_real *)b->x.data + i % INPUTS * size;
		double begin = seconds_now();
		status = way ? run_recorded(b, x, err) : run_function(b, x, err);
		if (b->done[way] >= 0)
			b->seconds[way][b->done[way]] = seconds_now() - begin;
		b->done[way]++;
	}
	return status;
}

static tl_status measure(infer *b, tl_error *err)
{
	for (int way = 1; way >= 0; way--) {
		b->done[way] = -WARMUP;
		if (run_slice(b, way, WARMUP, err))
			return err->status;
	}
	uint64_t before = tl_function_get_stats(b->step).allocations;
	for (int64_t left = b->o->steps, n; left > 0; left -= n) {
		n = left < SLICE ? left : SLICE;
		if (run_slice(b, 0, n, err) || run_slice(b, 1, n, err))
			return err->status;
	}
	b->allocations = tl_function_get_stats(b->step).allocations - before;
	return TL_OK;
}

static tl_status report(infer *b, tl_error *err)
{
	const infer_options *o = b->o;
	struct rusage usage = {0};
	char name[160];
	snprintf(name, sizeof name, "infer %s I%lld H%lld L%lld B%lld", o->cell->name, (long long)o->input,
		(long long)o->hidden, (long long)o->layers, (long long)o->batch);
	getrusage(RUSAGE_SELF, &usage);
	double median = bench_median(b->seconds[0], o->steps), recorded = bench_median(b->seconds[1], o->steps);
	double best = b->seconds[0][0], late = b->seconds[0][(o->steps - 1) * 99 / 100]; /* sorted now */
	json_t *line = json_pack("{s:s, s:s, s:s, s:i, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "work", name, "framework",
		"tapeloop", "version", TL_VERSION, "threads", tl_tape_threads(b->tape), "ms_per_step", 1e3 * median,
		"best_ms", 1e3 * best, "p99_ms", 1e3 * late, "tok_per_s", (double)o->batch / median,
		"recorded_ms_per_step", 1e3 * recorded, "allocations_per_step",
		(double)b->allocations / (double)o->steps, "rss_mib", (double)usage.ru_maxrss / 1024);
	return print_json_line(stdout, line) ? TL_OK : tl_error_set(err, TL_ERR_IO, "standard output: %s", strerror(errno));
}

tl_status bench_infer(int argc, char **argv, tl_error *err)
{
	static const struct argp argp = {options, parse, NULL, doc, NULL, NULL, NULL};
	infer_options o = {
		.cell = &tl_cell_lstm, .input = 256, .hidden = 256, .layers = 2, .batch = 1, .steps = 2000, .seed = 1};
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	infer b = {.o = &o, .job = {.store = tl_store_new(), .rng = {.seed = (uint64_t)o.seed}}};
	tl_arena_init(&b.job.memory, 0);
	b.tape = tl_tape_new(&(tl_tape_options){.threads = (int)o.threads, .plan = o.plan});
	if (!b.job.store || !b.tape)
		tl_error_memory(err);
	else if (!make(&b, err) && !measure(&b, err))
		report(&b, err);
	tl_function_free(b.step);
	tl_carry_release(&b.carry);
	tl_rnn_free(b.rnn);
	tl_tape_free(b.tape);
	tl_store_free(b.job.store);
	tl_arena_release(&b.job.memory);
	return err->status;
}
