/* SPDX-License-Identifier: Apache-2.0 */
/* tapeloop plot */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "tools/command.h"
#include "tools/options.h"
#include "tools/plot_trainings.h"

#define MOST_RUNS 32

typedef struct settings {
	trainings all;
	const char *path[MOST_RUNS];
	plot_kind kind;
	const char *output, *title;
} settings;

enum { SHOW = 0x100, AXIS, WITHIN, LOG_LOSS, PANELS, TITLE };

static const struct argp_option options[] = {
	{"output", 'o', "FILE", 0, "The picture, by gnuplot: .svg, .png, .pdf, or .gp", 0},
	{"show", SHOW, "progress|parameters|steps", 0,
		"progress: loss, scores, gradient norm, rate, speed (this is the default). Of a training with "
		"--log-gradients: parameters: the gradient's norm of each; steps: that of the states over time", 0},
	{"x", AXIS, "epoch|step|seconds", 0, "What the x axis counts: epochs, updates, or the time of training (epoch)", 0},
	{"within", WITHIN, 0, 0,
		"Training loss, gradient norm, rate and speed within epochs, too, as DIR/progress.jsonl tells them", 0},
	{"panels", PANELS, "NAME,...", 0,
		"Only these: loss, perplexity, accuracy, ..., grad_norm, lr, speed; or modules, as rnn.l0; or layers", 0},
	{"log-loss", LOG_LOSS, 0, 0, "A logarithmic axis for the loss", 0},
	{"title", TITLE, "TEXT", 0, "Above all panels", 0},
	{0},
};

static const char doc[] =
	"Draw how trainings went: loss, scores, gradient norm, learning rate and speed, one panel each, all runs in each."
	"\v"
	"An argument is the directory of a training, or a log.jsonl; one that is being written is fine. Training parts are "
	"solid, validations dashed; runs differ in colour and in marks. Examples:\n\n"
	"  tapeloop plot out -o curves.svg\n"
	"  tapeloop plot lstm gru rnn/log.jsonl --x seconds -o compared.pdf\n"
	"  tapeloop plot out --within --panels loss,lr -o loss.png\n"
	"  tapeloop plot out --show steps -o vanishing.svg\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const char *const axes[] = {"epoch", "step", "seconds", NULL};
	static const char *const shows[] = {"progress", "parameters", "steps", NULL};
	static const plot_kind kinds[] = {plot_progress, plot_parameters, plot_steps};
	settings *s = state->input;
	trainings *all = &s->all;
	switch (key) {
	case 'o': s->output = option_path(state, "-o", arg); break;
	case SHOW: s->kind = kinds[option_word(state, "--show", arg, shows)]; break;
	case AXIS: all->axis = (training_axis)option_word(state, "--x", arg, axes); break;
	case WITHIN: all->within = true; break;
	case LOG_LOSS: all->log_loss = true; break;
	case PANELS: all->only = arg; break;
	case TITLE: s->title = arg; break;
	case ARGP_KEY_ARG:
		if (all->n == MOST_RUNS)
			argp_error(state, "more than %d trainings", MOST_RUNS);
		s->path[all->n++] = arg;
		break;
	case ARGP_KEY_END:
		if (!all->n)
			argp_error(state, "say which training: its directory, or its log.jsonl");
		if (!s->output)
			argp_error(state, "say where the picture goes: -o curves.svg");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

bool is_wanted(const char *only, const char *name)
{
	size_t n = strlen(name);
	for (const char *at = only; at; at = strchr(at, ','), at = at ? at + 1 : NULL)
		if (!strncmp(at, name, n) && (at[n] == ',' || !at[n]))
			return true;
	return !only;
}

static tl_status draw(const settings *s, sheet *h, tl_error *err)
{
	const char *x;
	if (s->kind(h, &s->all, &x, err))
		return err->status;
	if (!h->n)
		return tl_error_set(err, TL_ERR_FORMAT, "%s: there is nothing to draw yet%s", s->all.run[0].name,
			s->all.only ? " in these panels" : "");
	return sheet_draw(h, s->output, s->title, x, err);
}

tl_status command_plot(int argc, char **argv, tl_error *err)
{
	static const struct argp argp = {options, parse, "TRAINING...", doc, NULL, NULL, NULL};
	settings s = {.title = "", .kind = plot_progress};
	sheet h;
	argp_parse(&argp, argc, argv, 0, NULL, &s);
	if (plot_check(s.output, err))
		return err->status;
	sheet_init(&h);
	s.all.run = calloc((size_t)s.all.n, sizeof *s.all.run);
	if (!s.all.run)
		tl_error_memory(err);
	for (int k = 0; k < s.all.n && !err->status; k++)
		if (!training_open(&s.all.run[k], s.path[k], err))
			training_read(&s.all.run[k], true, err);
	if (!err->status)
		draw(&s, &h, err);
	for (int k = 0; s.all.run && k < s.all.n; k++)
		training_release(&s.all.run[k]);
	free(s.all.run);
	sheet_release(&h);
	return err->status;
}
