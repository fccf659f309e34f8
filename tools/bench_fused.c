/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tapeloop bench fused: one recurrent layer, forward and backward, in every way that there is: oneDNN's primitives on
 * their own, the layer in one node, step by step, and as `auto` chooses. All take turns in one process, so that each
 * sees the machine in the same state.
 */
#include "tools/bench_fused.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "graph/grad.h"
#include "models/cells.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "tools/score.h"
#include "tools/tape_error.h"

enum { RAW, COMPOSED, FUSED, AUTO, WAYS };

static const char *const names[WAYS] = {"raw", "composed", "fused", "auto"};
static const tl_impl impls[WAYS] = {[COMPOSED] = TL_COMPOSED, [FUSED] = TL_FUSED, [AUTO] = TL_AUTO};

typedef struct settings {
	const tl_cell *cell;
	int64_t input, hidden, length, batch, threads, rounds, warmup, seed;
} settings;

typedef struct layer {
	bench_job job;
	tl_pool *pool;
	raw_layer *raw;
	tl_rnn *rnn;
	tl_tensor x, dy;     /* (T, B, E), (T, B, H) */
	tl_tape *tape[WAYS];
	double best[WAYS], cpu[WAYS]; /* seconds of the fastest round, and of all threads in the cheapest one */
} layer;

enum { CELL = 0x100, INPUT, HIDDEN, LENGTH, BATCH, THREADS, ROUNDS, WARMUP, SEED };

static const struct argp_option options[] = {
	{0, 0, 0, 0, "Work:", 1},
	{"cell", CELL, "NAME", 0, "lstm, gru, gru_lbr, rnn, rnn_relu (lstm)", 1},
	{"input", INPUT, "N", 0, "Size of the input (256)", 1},
	{"hidden", HIDDEN, "N", 0, "Size of each state (256)", 1},
	{"length", LENGTH, "N", 0, "Time steps (35)", 1},
	{"batch", BATCH, "N", 0, "Rows (32)", 1},
	{0, 0, 0, 0, "Measuring:", 2},
	{"threads", THREADS, "N", 0, "Threads (TL_THREADS, or all cores)", 2},
	{"rounds", ROUNDS, "N", 0, "In which each takes its turn; the fastest counts (40)", 2},
	{"warmup", WARMUP, "N", 0, "Rounds before those (3)", 2},
	{"seed", SEED, "N", 0, "Of first values and data (1)", 2},
	{0},
};

static const char doc[] =
	"Time one recurrent layer, forward and backward, as oneDNN's primitives alone, in one node, step by step, and as "
	"auto chooses."
	"\v"
	"The four take turns. The primitives alone (raw) have their data where they want them; what they cost a layer "
	"besides (weights in their layout, rows for each thread) is what fused_over_raw tells. Gradients are those of "
	"the input and of all weights. One JSON object goes to standard output:\n\n"
	"  WAY_ms            the fastest round, for raw, composed, fused, auto\n"
	"  WAY_cpu_ms        the least time of all threads together\n"
	"  fused_over_raw    1.03: 3 % more than the primitives alone\n"
	"  auto_over_better  over the faster one of composed and fused\n\n"
	"On a busy machine the ratios of the times of all threads, ..._cpu, are steadier.\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	settings *s = state->input;
	switch (key) {
	case CELL: s->cell = option_cell(state, arg); break;
	case INPUT: s->input = option_int(state, "--input", arg, 1, BENCH_LIMIT); break;
	case HIDDEN: s->hidden = option_int(state, "--hidden", arg, 1, BENCH_LIMIT); break;
	case LENGTH: s->length = option_int(state, "--length", arg, 1, BENCH_LIMIT); break;
	case BATCH: s->batch = option_int(state, "--batch", arg, 1, BENCH_LIMIT); break;
	case THREADS: s->threads = option_int(state, "--threads", arg, 1, 4096); break;
	case ROUNDS: s->rounds = option_int(state, "--rounds", arg, 1, 1000000); break;
	case WARMUP: s->warmup = option_int(state, "--warmup", arg, 0, 1000000); break;
	case SEED: s->seed = option_int(state, "--seed", arg, 0, INT64_MAX); break;
	case ARGP_KEY_ARG: argp_error(state, "'%s' is not an option", arg); break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* oneDNN's name of the cell; false where it has no form without peepholes and projection. */
static bool find_cell(const tl_cell *cell, tl_onednn_cell *to)
{
	static const struct {
		const tl_cell *ours;
		tl_onednn_cell theirs;
	} known[] = {{&tl_cell_rnn, TL_ONEDNN_TANH}, {&tl_cell_rnn_relu, TL_ONEDNN_RELU}, {&tl_cell_lstm, TL_ONEDNN_LSTM},
		{&tl_cell_gru, TL_ONEDNN_GRU}, {&tl_cell_gru_lbr, TL_ONEDNN_LBR_GRU}};
	for (size_t k = 0; k < sizeof known / sizeof *known; k++)
		if (known[k].ours == cell) {
			*to = known[k].theirs;
			return true;
		}
	return false;
}

static tl_status make(layer *l, const settings *s, tl_error *err)
{
	tl_onednn_shape shape = {
		.steps = s->length, .rows = s->batch, .input = s->input, .hidden = s->hidden, .out = s->hidden};
	int threads = s->threads ? (int)s->threads : tl_threads_default();
	tl_rnn_options net = {.cell = s->cell, .input = s->input, .hidden = s->hidden};
	if (!find_cell(s->cell, &shape.cell))
		return tl_error_set(err, TL_ERR_ARGUMENT, "--cell: %s is none of lstm, gru, gru_lbr, rnn, rnn_relu", s->cell->name);
	l->pool = tl_pool_new(threads);
	l->job.store = tl_store_new();
	for (int k = COMPOSED; k < WAYS; k++)
		l->tape[k] = tl_tape_new(&(tl_tape_options){.threads = threads});
	if (!l->pool || !l->job.store || !l->tape[COMPOSED] || !l->tape[FUSED] || !l->tape[AUTO])
		return tl_error_memory(err);
	if (!(l->rnn = tl_rnn_new(l->job.store, "rnn", &net, err)))
		return err->status;
	tl_rnn_init(l->rnn, &l->job.rng);
	if (bench_normal(&l->job, TL_SHAPE(s->length, s->batch, s->input), &l->x, err) ||
		bench_normal(&l->job, TL_SHAPE(s->length, s->batch, s->hidden), &l->dy, err))
		return err->status;
	l->raw = raw_layer_new(&l->job, shape, l->pool, err);
	return err->status;
}

/* The layer's output and gradients, on a tape. */
static tl_status run_layer(layer *l, int way, tl_error *err)
{
	tl_tape *tape = l->tape[way];
	tl_var wrt[TL_ONEDNN_TENSORS];
	tl_rnn rnn = *l->rnn;
	int n = 0;
	rnn.options.impl = impls[way];
	tl_tape_reset(tape);
	wrt[n++] = tl_borrow(tape, &l->x);
	for (int k = 0; k < rnn.count; k++)
		wrt[n++] = tl_use(tape, rnn.params[k]);
	tl_var y = tl_rnn_run(&rnn, wrt[0], (tl_state){0}, true).output;
	if (tl_grad_from(y, tl_borrow(tape, &l->dy), n, wrt, wrt) || tl_eval(n, wrt))
		return tape_error(tape, err);
	return TL_OK;
}

static double cpu_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static tl_status measure(layer *l, const settings *s, tl_error *err)
{
	for (int way = 0; way < WAYS; way++)
		l->best[way] = l->cpu[way] = HUGE_VAL;
	for (int64_t round = -s->warmup; round < s->rounds; round++)
		for (int way = 0; way < WAYS; way++) {
			double cpu = cpu_seconds(), begin = seconds_now();
			if (way == RAW ? raw_layer_step(l->raw, err) : run_layer(l, way, err))
				return err->status;
			double seconds = seconds_now() - begin;
			cpu = cpu_seconds() - cpu;
			if (round >= 0) {
				l->best[way] = fmin(l->best[way], seconds);
				l->cpu[way] = fmin(l->cpu[way], cpu);
			}
		}
	return TL_OK;
}

static bool add_times(json_t *line, const double t[WAYS], const char *unit, const char *ending)
{
	char key[32];
	bool fine = true;
	for (int way = 0; way < WAYS; way++) {
		snprintf(key, sizeof key, "%s%s", names[way], unit);
		fine = fine && !json_object_set_new(line, key, json_real(1e3 * t[way]));
	}
	snprintf(key, sizeof key, "fused_over_raw%s", ending);
	fine = fine && !json_object_set_new(line, key, json_real(t[FUSED] / t[RAW]));
	snprintf(key, sizeof key, "auto_over_better%s", ending);
	return fine && !json_object_set_new(line, key, json_real(t[AUTO] / fmin(t[COMPOSED], t[FUSED])));
}

static tl_status report(const layer *l, const settings *s, tl_error *err)
{
	char work[160];
	snprintf(work, sizeof work, "fused %s I%lld H%lld T%lld B%lld", s->cell->name, (long long)s->input,
		(long long)s->hidden, (long long)s->length, (long long)s->batch);
	json_t *line = json_pack("{s:s, s:s, s:s, s:i}", "work", work, "framework", "tapeloop", "version", TL_VERSION, "threads",
		tl_pool_threads(l->pool));
	if (!line || !add_times(line, l->best, "_ms", "") || !add_times(line, l->cpu, "_cpu_ms", "_cpu")) {
		json_decref(line);
		return tl_error_memory(err);
	}
	return print_json_line(stdout, line) ? TL_OK : tl_error_set(err, TL_ERR_IO, "standard output: %s", strerror(errno));
}

tl_status bench_fused(int argc, char **argv, tl_error *err)
{
	static const struct argp argp = {options, parse, NULL, doc, NULL, NULL, NULL};
	settings s = {
		.cell = &tl_cell_lstm, .input = 256, .hidden = 256, .length = 35, .batch = 32, .rounds = 40, .warmup = 3, .seed = 1};
	argp_parse(&argp, argc, argv, 0, NULL, &s);
	layer l = {.job.rng = {.seed = (uint64_t)s.seed}};
	tl_arena_init(&l.job.memory, 0);
	if (!make(&l, &s, err) && !measure(&l, &s, err))
		report(&l, &s, err);
	raw_layer_free(l.raw);
	tl_rnn_free(l.rnn);
	for (int k = COMPOSED; k < WAYS; k++)
		tl_tape_free(l.tape[k]);
	tl_store_free(l.job.store);
	tl_pool_free(l.pool);
	tl_arena_release(&l.job.memory);
	return err->status;
}
