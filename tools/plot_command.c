/* SPDX-License-Identifier: Apache-2.0 */
/* tapeloop plot */
#include <argp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "tools/command.h"
#include "tools/options.h"
#include "tools/plot.h"
#include "tools/training.h"

#define MOST_RUNS 32
#define MOST_PANELS 16

typedef struct settings {
	const char *path[MOST_RUNS];
	int n;
	training_axis axis;
	bool within, log_loss;
	const char *only; /* names of panels between commas; NULL: all */
	const char *output, *title;
} settings;

/* What is drawn: panels whose series lie in the arena, as their names do. */
typedef struct sheet {
	const settings *s;
	training *run; /* [s->n] */
	tl_arena memory;
	plot panel[MOST_PANELS];
	int n;
} sheet;

enum { AXIS = 0x100, WITHIN, LOG_LOSS, PANELS, TITLE };

static const struct argp_option options[] = {
	{"output", 'o', "FILE", 0, "The picture, by gnuplot: .svg, .png, .pdf, or .gp", 0},
	{"x", AXIS, "epoch|step|seconds", 0, "What the x axis counts: epochs, updates, or the time of training (epoch)", 0},
	{"within", WITHIN, 0, 0,
		"Training loss, gradient norm, rate and speed within epochs, too, as DIR/progress.jsonl tells them", 0},
	{"panels", PANELS, "NAME,...", 0, "Only these: loss, perplexity, accuracy, ..., grad_norm, lr, speed", 0},
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
	"  tapeloop plot out --within --panels loss,lr -o loss.png\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const char *const axes[] = {"epoch", "step", "seconds", NULL};
	settings *s = state->input;
	switch (key) {
	case 'o': s->output = option_path(state, "-o", arg); break;
	case AXIS: s->axis = (training_axis)option_word(state, "--x", arg, axes); break;
	case WITHIN: s->within = true; break;
	case LOG_LOSS: s->log_loss = true; break;
	case PANELS: s->only = arg; break;
	case TITLE: s->title = arg; break;
	case ARGP_KEY_ARG:
		if (s->n == MOST_RUNS)
			argp_error(state, "more than %d trainings", MOST_RUNS);
		s->path[s->n++] = arg;
		break;
	case ARGP_KEY_END:
		if (!s->n)
			argp_error(state, "say which training: its directory, or its log.jsonl");
		if (!s->output)
			argp_error(state, "say where the picture goes: -o curves.svg");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static bool is_wanted(const char *only, const char *name)
{
	size_t n = strlen(name);
	for (const char *at = only; at; at = strchr(at, ','), at = at ? at + 1 : NULL)
		if (!strncmp(at, name, n) && (at[n] == ',' || !at[n]))
			return true;
	return !only;
}

static bool any_finite(const double *y, size_t n)
{
	for (size_t k = 0; k < n; k++)
		if (isfinite(y[k]))
			return true;
	return false;
}

/* Room for a run's series in the newest panel; NULL where memory is out. */
static plot_series *next_series(sheet *h, int r, const char *extra)
{
	plot *p = &h->panel[h->n];
	plot_series *series = (plot_series *)(void *)p->series + p->n;
	const training *t = &h->run[r];
	size_t most = records_count(&t->epochs) + records_count(&t->entries) + 1, length = strlen(t->name) + strlen(extra) + 1;
	double *x = tl_arena_alloc_small(&h->memory, 2 * most * sizeof *x);
	char *name = tl_arena_alloc_small(&h->memory, length);
	if (!x || !name)
		return NULL;
	snprintf(name, length, "%s%s", t->name, extra);
	*series = (plot_series){.name = name, .x = x, .y = x + most, .points = true, .colour = r + 1};
	return series;
}

/* line[part][name] of each run; `within` is its name in the journal, or NULL. */
static tl_status add_curves(sheet *h, const char *part, const char *name, const char *within, tl_error *err)
{
	for (int r = 0; r < h->s->n; r++) {
		const training *t = &h->run[r];
		bool valid = part && !strcmp(part, "valid");
		plot_series *s = next_series(h, r, valid ? ", validation" : "");
		if (!s)
			return tl_error_memory(err);
		double *x = (double *)s->x, *y = (double *)s->y;
		size_t n = within && h->s->within ? training_curve_within(t, h->s->axis, within, x, y) : 0;
		s->points = n <= 8;
		if (!n) {
			training_curve(t, h->s->axis, part, name, x, y);
			n = records_count(&t->epochs);
		}
		s->n = (int64_t)n;
		s->dashed = valid;
		h->panel[h->n].n += any_finite(y, n);
	}
	return TL_OK;
}

/* A panel, unless there is nothing in it: of scores, where part by part is told, or of one figure a line. */
static tl_status add_panel(sheet *h, const char *name, const char *title, const char *key, bool score, tl_error *err)
{
	plot *p = &h->panel[h->n];
	if (h->n == MOST_PANELS || !is_wanted(h->s->only, name))
		return TL_OK;
	plot_series *series = tl_arena_alloc_small(&h->memory, 2 * (size_t)h->s->n * sizeof *series);
	if (!series)
		return tl_error_memory(err);
	*p = (plot){.title = title, .series = series};
	if (score)
		p->log_y = h->s->log_loss && !strcmp(name, "loss");
	const char *within = !score || !strcmp(name, "loss") ? key : NULL;
	if (add_curves(h, score ? "train" : NULL, key, within, err) || (score && add_curves(h, "valid", key, NULL, err)))
		return err->status;
	h->n += p->n > 0;
	return TL_OK;
}

static bool is_new(const sheet *h, const char *name)
{
	for (int k = 0; k < h->n; k++)
		if (!strcmp(h->panel[k].title, name))
			return false;
	return true;
}

/* Panels for the members of an object, in their order. */
static tl_status add_scores(sheet *h, const json_t *score, tl_error *err)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)score, name, value)
		if (is_new(h, name) && add_panel(h, name, name, name, true, err))
			return err->status;
	return TL_OK;
}

static tl_status fill(sheet *h, tl_error *err)
{
	static const char *const parts[] = {"train", "valid"};
	char *speed = tl_arena_alloc_small(&h->memory, 64);
	const char *unit = training_unit(&h->run[0]);
	if (!speed)
		return tl_error_memory(err);
	if (add_panel(h, "loss", "loss", "loss", true, err))
		return err->status;
	for (int r = 0; r < h->s->n; r++)
		for (int k = 0; k < 2; k++) {
			size_t last = records_count(&h->run[r].epochs);
			const json_t *line = last ? records_at(&h->run[r].epochs, last - 1) : NULL;
			if (add_scores(h, json_object_get(line, parts[k]), err))
				return err->status;
		}
	for (int r = 1; r < h->s->n; r++)
		if (strcmp(unit, training_unit(&h->run[r])))
			unit = "tokens";
	snprintf(speed, 64, "speed, %.30s a second", unit);
	if (add_panel(h, "grad_norm", "gradient norm", "grad_norm", false, err) ||
		add_panel(h, "lr", "learning rate", "lr", false, err) ||
		add_panel(h, "speed", speed, "tok_per_s", false, err))
		return err->status;
	if (!h->n)
		return tl_error_set(err, TL_ERR_FORMAT, "%s: there is nothing to draw yet%s", h->run[0].name,
			h->s->only ? " in these panels" : "");
	return TL_OK;
}

static tl_status draw(sheet *h, tl_error *err)
{
	static const char *const axes[] = {"epoch", "update", "seconds of training"};
	if (fill(h, err))
		return err->status;
	int columns = h->n > 2 ? 2 : 1;
	for (int k = 0; k < h->n; k++) /* the last one of each column */
		h->panel[k].x = k + columns >= h->n ? axes[h->s->axis] : "";
	return plots_write(h->s->output, h->s->title, columns, h->n, h->panel, err);
}

tl_status command_plot(int argc, char **argv, tl_error *err)
{
	static const struct argp argp = {options, parse, "TRAINING...", doc, NULL, NULL, NULL};
	settings s = {.title = ""};
	argp_parse(&argp, argc, argv, 0, NULL, &s);
	if (plot_check(s.output, err))
		return err->status;
	sheet h = {.s = &s, .run = calloc((size_t)s.n, sizeof *h.run)};
	tl_arena_init(&h.memory, 0);
	if (!h.run)
		tl_error_memory(err);
	for (int k = 0; k < s.n && !err->status; k++)
		if (!training_open(&h.run[k], s.path[k], err))
			training_read(&h.run[k], true, err);
	if (!err->status)
		draw(&h, err);
	for (int k = 0; h.run && k < s.n; k++)
		training_release(&h.run[k]);
	free(h.run);
	tl_arena_release(&h.memory);
	return err->status;
}
