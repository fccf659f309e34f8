/* SPDX-License-Identifier: Apache-2.0 */
/* tapeloop problem */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "models/cells.h"
#include "tools/command.h"
#include "tools/options.h"
#include "tools/plot.h"
#include "tools/problem_net.h"
#include "tools/progress.h"
#include "tools/score.h"

enum { CELL = 0x100, HIDDEN, LAYERS, LENGTH, STEPS, BATCH, TESTS, LR, CLIP, FORGET_BIAS, SEED, THREADS, CHECK_NAN, QUIET };

static const struct argp_option options[] = {
	{"cell", CELL, "NAME", 0, "Recurrent cell (lstm), as in train lm", 0},
	{"hidden", HIDDEN, "N", 0, "Size of a layer's state", 0},
	{"layers", LAYERS, "N", 0, "Recurrent layers (1)", 0},
	{"length", LENGTH, "N", 0, "How long, see below", 0},
	{"steps", STEPS, "N", 0, "Updates", 0},
	{"batch", BATCH, "N", 0, "Examples in each (32)", 0},
	{"test", TESTS, "N", 0, "Examples to score in the end (1024)", 0},
	{"lr", LR, "X", 0, "Learning rate of Adam; it falls to a tenth in the last third", 0},
	{"clip", CLIP, "X", 0, "Largest norm of the whole gradient (1); 0: no limit", 0},
	{"forget-bias", FORGET_BIAS, "X", 0, "Start value of forget gates' biases, where the cell has one", 0},
	{"seed", SEED, "N", 0, "Of examples and initial weights (1)", 0},
	{"threads", THREADS, "N", 0, "Threads (TL_THREADS, or all cores)", 0},
	{"check-nan", CHECK_NAN, 0, 0, OPTION_CHECK_NAN_HELP, 0},
	{"output", 'o', "FILE", 0, "Plot of the loss over the updates, by gnuplot: .svg, .png, .pdf, or .gp", 0},
	{"quiet", QUIET, 0, 0, "No progress", 0},
	{0},
};

typedef struct settings {
	problem_options net;
	const char *output; /* NULL: no plot */
	bool quiet;
} settings;

static error_t parse(int key, char *arg, struct argp_state *state)
{
	settings *s = state->input;
	problem_options *o = &s->net;
	switch (key) {
	case CELL: o->cell = option_cell(state, arg); break;
	case HIDDEN: o->hidden = option_int(state, "--hidden", arg, 1, 65536); break;
	case LAYERS: o->layers = option_int(state, "--layers", arg, 1, 1000); break;
	case LENGTH: o->length = option_int(state, "--length", arg, o->problem->least, 100000); break;
	case STEPS: o->steps = option_int(state, "--steps", arg, 1, INT32_MAX); break;
	case BATCH: o->batch = option_int(state, "--batch", arg, 1, 1 << 20); break;
	case TESTS: o->test = option_int(state, "--test", arg, 1, INT32_MAX); break;
	case LR: o->lr = option_real(state, "--lr", arg, 1e-12, 1e6); break;
	case CLIP: o->clip = option_real(state, "--clip", arg, 0, 1e12); break;
	case FORGET_BIAS: o->forget_bias = option_real(state, "--forget-bias", arg, -100, 100); break;
	case SEED: o->seed = option_int(state, "--seed", arg, 0, INT64_MAX); break;
	case THREADS: o->threads = option_int(state, "--threads", arg, 1, 4096); break;
	case CHECK_NAN: o->check_nan = true; break;
	case 'o': s->output = option_path(state, "-o", arg); break;
	case QUIET: s->quiet = true; break;
	case ARGP_KEY_ARG: argp_error(state, "'%s' is not an option; one problem at a time", arg); break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static json_t *figures(const problem *p, const problem_score *score)
{
	json_t *test = json_object();
	for (int k = 0; k < PROBLEM_FIGURES && p->figures[k]; k++)
		json_object_set_new(test, p->figures[k], real_json(score->sum[k] / score->count[k]));
	return test;
}

#define POINTS 200

/* Means of the loss over equal stretches of the training. */
typedef struct curve {
	double step[POINTS], sum[POINTS];
	int64_t count[POINTS];
} curve;

static void curve_add(curve *c, int64_t step, int64_t steps, double loss)
{
	int64_t k = (step - 1) * POINTS / steps;
	c->sum[k] += loss;
	c->count[k]++;
	c->step[k] = (double)step;
}

static tl_status curve_draw(const curve *c, const problem_options *o, const char *path, tl_error *err)
{
	char title[128];
	double mean[POINTS];
	for (int k = 0; k < POINTS; k++)
		mean[k] = c->sum[k] / (double)c->count[k]; /* NaN, a gap, where there are fewer steps than points */
	snprintf(title, sizeof title, "%s, length %lld", o->problem->name, (long long)o->length);
	return plot_write(path,
		&(plot){.title = title, .x = "update", .y = "loss", .log_y = true, .n = 1,
			.series = &(plot_series){.name = o->cell->name, .n = POINTS, .x = c->step, .y = mean}},
		err);
}

static tl_status train(problem_net *n, bool quiet, double *loss, curve *c, tl_error *err)
{
	progress show;
	progress_init(&show, quiet);
	for (int64_t k = 1; k <= n->o.steps; k++) {
		double now;
		if (problem_step(n, &now, err))
			return err->status;
		curve_add(c, k, n->o.steps, now);
		*loss = k == 1 ? now : *loss + (now - *loss) / (double)(k < 100 ? k : 100);
		if (progress_due(&show) || k == n->o.steps)
			progress_show(&show, k == n->o.steps, "step %lld/%lld  loss %.5f", (long long)k,
				(long long)n->o.steps, *loss);
	}
	return TL_OK;
}

static tl_status run(problem_net *n, const settings *s, tl_error *err)
{
	const problem_options *o = &n->o;
	problem_score score;
	curve c = {{0}, {0}, {0}};
	double loss = 0, begin = seconds_now();
	if (train(n, s->quiet, &loss, &c, err))
		return err->status;
	double seconds = seconds_now() - begin;
	if (problem_test(n, &score, err) || (s->output && curve_draw(&c, o, s->output, err)))
		return err->status;
	json_t *line = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:f, s:I}", "problem",
		o->problem->name, "cell", o->cell->name, "hidden", (json_int_t)o->hidden, "layers", (json_int_t)o->layers,
		"length", (json_int_t)o->length, "steps", (json_int_t)o->steps, "batch", (json_int_t)o->batch, "seed",
		(json_int_t)o->seed, "loss", real_json(loss), "test", figures(o->problem, &score), "seconds", seconds,
		"params", (json_int_t)tl_store_size(n->store));
	if (!print_json_line(stdout, line))
		tl_error_set(err, TL_ERR_IO, "standard output: %s", strerror(errno));
	return err->status;
}

static const char doc[] = "Train a recurrent network on a problem made by rule: %s."
	"\v"
	"Defaults: --length %lld (%s), --hidden %lld, --steps %lld, --lr %g, --forget-bias %g. The last line on standard output is a JSON "
	"object: loss is that of the last 100 batches or so, test holds what is scored.\n";

static void print_problems(void)
{
	const problem *p;
	puts("Usage: tapeloop problem NAME [OPTION...]\n\nProblems made by rule, which show what a cell can remember:\n");
	for (int k = 0; (p = problem_at(k)); k++)
		printf("  %-8s %s\n", p->name, p->doc);
	puts("\nEach explains itself: tapeloop problem adding --help.");
}

static tl_status refuse_problem(const char *word, tl_error *err)
{
	char names[128] = "";
	size_t used = 0;
	const problem *p;
	for (int k = 0; (p = problem_at(k)) && used < sizeof names; k++)
		used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", k ? ", " : "", p->name);
	if (word)
		return tl_error_set(err, TL_ERR_ARGUMENT, "'%s' is no problem; there are %s", word, names);
	return tl_error_set(err, TL_ERR_ARGUMENT,
		"say which problem first: %s; each explains itself: tapeloop problem adding --help", names);
}

tl_status command_problem(int argc, char **argv, tl_error *err)
{
	const char *word = argc > 1 ? argv[1] : NULL;
	const problem *p = word ? problem_by_name(word) : NULL;
	if (word && (!strcmp(word, "--help") || !strcmp(word, "-?"))) {
		print_problems();
		return TL_OK;
	}
	if (!p)
		return refuse_problem(word, err);
	char text[1024], name[64];
	snprintf(text, sizeof text, doc, p->doc, (long long)p->length, p->length_is, (long long)p->hidden,
		(long long)p->steps, p->lr, p->forget_bias);
	snprintf(name, sizeof name, "%s %s", argv[0], p->name);
	argv[1] = name;
	const struct argp argp = {options, parse, NULL, text, NULL, NULL, NULL};
	settings s = {.net = problem_defaults(p)};
	s.net.cell = &tl_cell_lstm;
	argp_parse(&argp, argc - 1, argv + 1, 0, NULL, &s);
	if (s.output && plot_check(s.output, err))
		return err->status;
	problem_net n;
	if (!problem_net_init(&n, &s.net, err))
		run(&n, &s, err);
	problem_net_release(&n);
	return err->status;
}
