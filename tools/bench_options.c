/* SPDX-License-Identifier: Apache-2.0 */
/* The options of `tapeloop bench`: those of all works, and the sizes of one. */
#include <stdio.h>
#include <string.h>

#include "graph/plan.h"
#include "tools/bench.h"
#include "tools/options.h"

enum { THREADS = 0x100, IMPL, PLAN, EXECUTOR, STEPS, WARMUP, SEED, PROFILE, CHECK_NAN, CELL, SIZE };

static const struct argp_option options[] = {
	{0, 0, 0, 0, "Measuring:", 2},
	{"threads", THREADS, "N", 0, "Threads (TL_THREADS, or all cores)", 2},
	{"impl", IMPL, "NAME", 0, "Layers: composed (default), fused, or auto: the faster one", 2},
	{"plan", PLAN, "LIST", 0, "Passes of the planner: \"fuse,place\", all, none, -split (TL_PLAN, or all)", 2},
	{"executor", EXECUTOR, "NAME", 0, "planned or plain (the tape's own)", 2},
	{"steps", STEPS, "N", 0, "Steps to time; the median counts (12)", 2},
	{"warmup", WARMUP, "N", 0, "Steps between the very first and the timed ones (3)", 2},
	{"seed", SEED, "N", 0, "Of first values and data (1)", 2},
	{"profile", PROFILE, "FILE", OPTION_ARG_OPTIONAL,
		"As many steps again, and where their time goes: tables to stderr, or JSON to FILE", 2},
	{"check-nan", CHECK_NAN, 0, 0, OPTION_CHECK_NAN_HELP, 2},
	{0},
};

static const char after[] =
	"\v"
	"A step records the graph, computes loss and gradients, updates by SGD and resets the tape; the work "
	"forward records once and runs that again and again. One JSON object goes to standard output:\n\n"
	"  ms_per_step           median of the timed steps\n"
	"  best_ms               the fastest of them\n"
	"  first_step_ms         the very first step\n"
	"  rss_mib               the process's greatest memory\n"
	"  nodes                 recorded in one step, gradients included\n"
	"  record_ns_per_node    to record them, without computing, in a step like\n"
	"                        those before: gradients are then copied\n"
	"  allocations_per_step  requests to the system\n"
	"  plan_hits, misses     of the planner's cache, in the timed steps\n"
	"  loss                  of the last step, where there is one\n\n"
	"--profile then takes as many steps again with stamps of the clock in them and shows, in milliseconds of one "
	"step, its phases, the instructions that were run, their kinds, and the scopes that they belong to.\n";

typedef struct parser {
	const bench_work *work;
	bench_options *to;
} parser;

static tl_impl parse_impl(const bench_work *work, char *arg, struct argp_state *state)
{
	static const char *const names[] = {[TL_COMPOSED] = "composed", [TL_FUSED] = "fused", [TL_AUTO] = "auto"};
	if (!strcmp(arg, names[TL_FUSED]) && !work->fused)
		argp_error(state, "--impl fused: the layers of this work cannot be fused; composed and auto are there");
	for (int k = 0; k < 3; k++)
		if (!strcmp(arg, names[k]))
			return (tl_impl)k;
	argp_error(state, "--impl: '%s' is none of composed, fused, auto", arg);
	return TL_COMPOSED;
}

static const tl_executor *parse_executor(char *arg, struct argp_state *state)
{
	const tl_executor *known[] = {&tl_executor_planned, &tl_executor_plain};
	const char *names[] = {"planned", "plain"};
	for (int k = 0; k < 2; k++)
		if (!strcmp(arg, names[k]))
			return known[k];
	argp_error(state, "--executor: '%s' is neither planned nor plain", arg);
	return NULL;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	const parser *p = state->input;
	bench_options *o = p->to;
	switch (key) {
	case THREADS: o->threads = option_int(state, "--threads", arg, 1, 4096); break;
	case IMPL: o->impl = parse_impl(p->work, arg, state); break;
	case PLAN: o->plan = option_plan(state, arg); break;
	case EXECUTOR: o->executor = parse_executor(arg, state); break;
	case STEPS: o->steps = option_int(state, "--steps", arg, 1, 1000000); break;
	case WARMUP: o->warmup = option_int(state, "--warmup", arg, 0, 1000000); break;
	case SEED: o->seed = option_int(state, "--seed", arg, 0, INT64_MAX); break;
	case CHECK_NAN: o->check_nan = true; break;
	case PROFILE: o->profile = arg ? option_path(state, "--profile", arg) : ""; break;
	case ARGP_KEY_ARG: argp_error(state, "'%s' is not an option", arg); break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_size(int key, char *arg, struct argp_state *state)
{
	const parser *p = state->input;
	char name[32];
	if (key == ARGP_KEY_INIT) {
		state->child_inputs[0] = state->input;
	} else if (key == CELL) {
		p->to->cell = option_cell(state, arg);
	} else if (key >= SIZE && key < SIZE + BENCH_SIZES) {
		const bench_size *size = &p->work->sizes[key - SIZE];
		snprintf(name, sizeof name, "--%s", size->name);
		p->to->size[key - SIZE] = option_int(state, name, arg, size->low, BENCH_LIMIT);
	} else {
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

void bench_options_parse(bench_options *o, const bench_work *work, int argc, char **argv)
{
	static const struct argp measuring = {options, parse, NULL, NULL, NULL, NULL, NULL};
	static const struct argp_child children[] = {{&measuring, 0, NULL, 0}, {0}};
	struct argp_option sizes[BENCH_SIZES + 3] = {{0, 0, 0, 0, "Work:", 1}};
	char about[BENCH_SIZES + 1][96], doc[2048];
	int n = 1;
	*o = (bench_options){.cell = work->cell, .steps = 12, .warmup = 3, .seed = 1};
	for (int k = 0; work->sizes[k].name; k++) {
		const bench_size *size = &work->sizes[k];
		o->size[k] = size->value;
		snprintf(about[k], sizeof about[k], size->value ? "%s (%lld)" : "%s", size->about, (long long)size->value);
		sizes[n++] = (struct argp_option){size->name, SIZE + k, "N", 0, about[k], 1};
	}
	if (work->cell) {
		snprintf(about[BENCH_SIZES], sizeof about[BENCH_SIZES], "Recurrent cell (%s), as in train lm", work->cell->name);
		sizes[n++] = (struct argp_option){"cell", CELL, "NAME", 0, about[BENCH_SIZES], 1};
	}
	snprintf(doc, sizeof doc, "%s%s", work->doc, after);
	struct argp argp = {sizes, parse_size, NULL, doc, children, NULL, NULL};
	argp_parse(&argp, argc, argv, 0, NULL, &(parser){work, o});
}
