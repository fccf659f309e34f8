/* SPDX-License-Identifier: Apache-2.0 */
/* tapeloop gradients */
#include <argp.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/cells.h"
#include "tools/command.h"
#include "tools/jacobian.h"
#include "tools/options.h"
#include "tools/plot.h"
#include "tools/score.h"

#define MOST_CELLS 8
#define MOST_SERIES (2 * TL_MAX_STATES * MOST_CELLS)
#define DECILES 10

typedef struct settings {
	jacobian_options each;
	const tl_cell *cell[MOST_CELLS];
	int cells;
	const char *output;
} settings;

/* A curve: one state of one cell, with or without clipping. */
typedef struct curve {
	const tl_cell *cell;
	double clip;
	const char *state;
	const double *norm; /* T + 1 */
	char name[64];
} curve;

typedef struct curves {
	int n;
	curve of[MOST_SERIES];
	double *memory[2 * MOST_CELLS];
	int blocks;
} curves;

enum { CELL = 0x100, HIDDEN, LENGTH, SCALE, FORGET_BIAS, CLIP, SEED, THREADS };

static const struct argp_option options[] = {
	{"cell", CELL, "NAME,...", 0, "Cells (rnn,gru,lstm)", 0},
	{"hidden", HIDDEN, "N", 0, "Size of the state, and of the input (32)", 0},
	{"length", LENGTH, "N", 0, "Time steps (1000)", 0},
	{"scale", SCALE, "X", 0, "Factor of the initial weights of states (1); above 1 gradients may explode", 0},
	{"forget-bias", FORGET_BIAS, "X", 0, "Value of forget gates' biases, where the cell has one", 0},
	{"clip", CLIP, "X", 0, "Curves with the adjoint clipped to this norm in each step, too", 0},
	{"seed", SEED, "N", 0, "Of weights and inputs (1)", 0},
	{"threads", THREADS, "N", 0, "Threads (TL_THREADS, or all cores)", 0},
	{"output", 'o', "FILE", 0, "Plot, by gnuplot: .svg, .png, .pdf, or .gp", 0},
	{0},
};

static const char doc[] =
	"How gradients vanish or explode: the norm of dh_T/ds_t over t, for each state s of a cell."
	"\v"
	"Cells have their first weights, as in train lm, and read noise of variance 1. The Jacobian is exact; its "
	"measure is |J|_F / sqrt H, the root mean square of |v'J| over unit vectors v. One JSON object a curve goes to "
	"standard output, with log10 of the measure at every tenth of the time, and a table to standard error. Clipping "
	"bounds what explodes; what vanishes it does not bring back. Examples:\n\n"
	"  tapeloop gradients -o vanishing.svg\n"
	"  tapeloop gradients --scale 8 --clip 1 -o exploding.svg\n"
	"  tapeloop gradients --cell lstm --forget-bias 5\n";

static void parse_cells(struct argp_state *state, char *arg, settings *s)
{
	char *rest = NULL;
	s->cells = 0;
	for (char *name = strtok_r(arg, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
		if (s->cells == MOST_CELLS)
			argp_error(state, "--cell: more than %d cells", MOST_CELLS);
		s->cell[s->cells++] = option_cell(state, name);
	}
	if (!s->cells)
		argp_error(state, "--cell: no cell is named");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	settings *s = state->input;
	jacobian_options *o = &s->each;
	switch (key) {
	case CELL: parse_cells(state, arg, s); break;
	case HIDDEN: o->hidden = option_int(state, "--hidden", arg, 1, 1024); break;
	case LENGTH: o->length = option_int(state, "--length", arg, 1, 1000000); break;
	case SCALE: o->scale = option_real(state, "--scale", arg, 0, 1e6); break;
	case FORGET_BIAS:
		o->forget_bias = option_real(state, "--forget-bias", arg, -100, 100);
		o->set_forget_bias = true;
		break;
	case CLIP: o->clip = option_real(state, "--clip", arg, 1e-30, 1e30); break;
	case SEED: o->seed = (uint64_t)option_int(state, "--seed", arg, 0, INT64_MAX); break;
	case THREADS: o->threads = (int)option_int(state, "--threads", arg, 1, 4096); break;
	case 'o': s->output = option_path(state, "-o", arg); break;
	case ARGP_KEY_ARG: argp_error(state, "'%s' is not an option", arg); break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static tl_status add_curves(curves *c, const jacobian_options *o, tl_error *err)
{
	static const char *const states[TL_MAX_STATES] = {"h", "c", "s2", "s3"};
	double *norm = malloc((size_t)o->cell->states * (size_t)(o->length + 1) * sizeof *norm);
	if (!norm)
		return tl_error_memory(err);
	c->memory[c->blocks++] = norm;
	for (int k = 0; k < o->cell->states; k++) {
		curve *to = &c->of[c->n++];
		*to = (curve){.cell = o->cell, .clip = o->clip, .state = states[k], .norm = norm + k * (o->length + 1)};
		snprintf(to->name, sizeof to->name, "%.40s %s%s", o->cell->name, states[k], o->clip > 0 ? " clip" : "");
	}
	return jacobian_norms(o, norm, err);
}

static tl_status print(const curves *c, int64_t length, int64_t hidden, tl_error *err)
{
	for (int k = 0; k < c->n; k++) {
		const curve *of = &c->of[k];
		json_t *time = json_array(), *norm = json_array();
		for (int i = 0; i <= DECILES; i++) {
			json_array_append_new(time, json_integer(length * i / DECILES));
			json_array_append_new(norm, real_json(of->norm[length * i / DECILES]));
		}
		json_t *line = json_pack("{s:s, s:s, s:o, s:I, s:o, s:o}", "cell", of->cell->name, "state", of->state, "clip",
			of->clip > 0 ? json_real(of->clip) : json_null(), "hidden", (json_int_t)hidden, "t", time,
			"log10_norm", norm);
		if (!print_json_line(stdout, line))
			return tl_error_set(err, TL_ERR_IO, "standard output: %s", strerror(errno));
	}
	return TL_OK;
}

static void table(const curves *c, int64_t length)
{
	int width[MOST_SERIES];
	fprintf(stderr, "log10 of |dh_T/ds_t|, T = %lld\n%8s", (long long)length, "t");
	for (int k = 0; k < c->n; k++) {
		width[k] = 2 + (int)fmax(8, (double)strlen(c->of[k].name));
		fprintf(stderr, "%*s", width[k], c->of[k].name);
	}
	for (int i = DECILES; i >= 0; i--) {
		int64_t t = length * i / DECILES;
		fprintf(stderr, "\n%8lld", (long long)t);
		for (int k = 0; k < c->n; k++)
			fprintf(stderr, "%*.2f", width[k], c->of[k].norm[t] + 0.0);
	}
	fputc('\n', stderr);
}

static tl_status draw(const curves *c, int64_t length, const char *path, tl_error *err)
{
	plot_series series[MOST_SERIES];
	for (int k = 0; k < c->n; k++)
		series[k] = (plot_series){.name = c->of[k].name, .n = length + 1, .y = c->of[k].norm, .dashed = c->of[k].clip > 0};
	return plot_write(path,
		&(plot){.title = "How much h_T depends on an earlier state", .x = "t", .y = "log10 |dh_T/ds_t|", .n = c->n,
			.series = series},
		err);
}

tl_status command_gradients(int argc, char **argv, tl_error *err)
{
	static const struct argp argp = {options, parse, NULL, doc, NULL, NULL, NULL};
	settings s = {
		.each = {.hidden = 32, .length = 1000, .scale = 1, .seed = 1},
		.cell = {&tl_cell_rnn, &tl_cell_gru, &tl_cell_lstm},
		.cells = 3,
	};
	argp_parse(&argp, argc, argv, 0, NULL, &s);
	if (s.output && plot_check(s.output, err))
		return err->status;
	curves c = {0};
	double clip = s.each.clip;
	for (int clipped = 0; clipped <= (clip > 0); clipped++)
		for (int k = 0; k < s.cells && !err->status; k++) {
			s.each.cell = s.cell[k];
			s.each.clip = clipped ? clip : 0;
			add_curves(&c, &s.each, err);
		}
	if (!err->status && !print(&c, s.each.length, s.each.hidden, err))
		table(&c, s.each.length);
	if (!err->status && s.output)
		draw(&c, s.each.length, s.output, err);
	for (int k = 0; k < c.blocks; k++)
		free(c.memory[k]);
	return err->status;
}
