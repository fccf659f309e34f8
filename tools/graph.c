/* SPDX-License-Identifier: Apache-2.0 */
/* tapeloop graph: the command line. */
#include "tools/graph.h"

#include <stdlib.h>
#include <string.h>

#include "models/cells.h"
#include "tools/command.h"
#include "tools/tasks.h"

#define MOST_OPTIONS 32 /* of a task's model */

enum {
	LENGTH = 0x500, TARGET_LENGTH, BATCH, SYMBOLS, LABELS, INPUTS, TEXT, TARGET, DATA, SEED, THREADS, FOLD, STEPS,
	EXPAND, FORWARD, BACKWARD, BOTH, SHOW, DIRECTION, LEGEND, NO_SHAPES, TIME_LIMIT
};

static const struct argp_option options[] = {
	{0, 0, 0, 0, "What is read:", 2},
	{"length", LENGTH, "N", 0, "Time steps of symbols drawn at random (3); of a text: at most", 2},
	{"target-length", TARGET_LENGTH, "N", 0, "The same of what a translator writes (--length)", 2},
	{"batch", BATCH, "N", 0, "Rows (1)", 2},
	{"text", TEXT, "TEXT", 0, "Read a text in place of random symbols", 2},
	{"target", TARGET, "TEXT", 0, "What a translator writes for it", 2},
	{"data", DATA, "FILE", 0, "Read a file: a language model its text, others its first line, models of series the "
		"first one in an .npy file", 2},
	{"symbols", SYMBOLS, "N", 0, "Size of a new model's vocabularies (65, or those of --text)", 2},
	{"labels", LABELS, "N", 0, "Labels that a new tagger, classifier or model of series knows (5)", 2},
	{"inputs", INPUTS, "N", 0, "Numbers that a new model of series reads at each step (3)", 2},
	{"seed", SEED, "N", 0, "Of what is drawn at random: a new model's weights, symbols, labels (1)", 2},
	{"threads", THREADS, "N", 0, "Threads for --show (TL_THREADS, or all cores)", 2},
	{0, 0, 0, 0, "Drawing:", 3},
	{"forward", FORWARD, 0, 0, "Draw the values, up to the loss (default)", 3},
	{"backward", BACKWARD, 0, 0, "Draw the gradients of the loss with respect to the parameters", 3},
	{"both", BOTH, 0, 0, "Draw both, and which values the gradients use", 3},
	{"fold", FOLD, "none|op-groups|cell|layer|auto", 0,
		"Draw several operations as one box: elementwise chains, each step of a cell, a layer's steps (auto)", 3},
	{"steps", STEPS, "LIST", 0, "Time steps to draw, as Python slices them: 0:3,-1 are the first three and the last; "
		"the others are elided (chosen by --fold auto, or all)", 3},
	{"expand", EXPAND, "GLOB", 0, "Scopes not to fold, whatever else is, as 'encoder/l1/t3' or '**/attention'", 3},
	{"show", SHOW, "shape|value|grad|time|bytes|plan", 0,
		"Run it, and colour boxes by log10 of the number of elements, the mean magnitude, the gradient's norm, seconds, "
		"bytes; or by the planner's instruction. The figures are in the boxes and, in an .svg, under the pointer", 3},
	{"direction", DIRECTION, "LR|TB", 0, "Left to right, or top to bottom (LR)", 3},
	{"no-shapes", NO_SHAPES, 0, 0, "Leave out shapes", 3},
	{"legend", LEGEND, 0, 0, "Explain the boxes and colours", 3},
	{"output", 'o', "FILE", 0, "Write .svg, .png, .pdf or .dot; without it, dot text goes to standard output", 3},
	{"time-limit", TIME_LIMIT, "N", 0, "Seconds that Graphviz may take for -o (60)", 3},
	{0},
};

static const char doc[] =
	"Draw a model unrolled over time, with a frame for each layer and step: a new one by its sizes, or a saved one."
	"\v"
	"What is drawn is a training step, up to its loss. The tasks are lm, tagger, classifier, series and translator, "
	"with the options under 'Model' of tapeloop train TASK (--bidirectional draws a language model, too, that training "
	"refuses). Parameters are drawn at each use; long loops are folded and their steps elided until Graphviz lays them "
	"out in a moment. Labels that are not given are drawn at random. Examples:\n\n"
	"  tapeloop graph lm --cell lstm --fold none -o lstm.svg\n"
	"  tapeloop graph lm --cell gru --layers 3 --length 200 -o gru.svg\n"
	"  tapeloop graph translator --length 40 --target-length 40 --fold cell \\\n"
	"      --steps 0:2,-1 | dot -Tpdf > t.pdf\n"
	"  tapeloop graph lm --length 30 --fold cell --show grad -o fading.svg\n"
	"  tapeloop graph out/model.safetensors --text \"The time\" --both -o both.svg\n";

static const char *const directions[] = {[TL_DRAW_LR] = "LR", [TL_DRAW_TB] = "TB", NULL};
static const char *const folds[] = {[TL_DRAW_FOLD_AUTO] = "auto", [TL_DRAW_FOLD_NONE] = "none",
	[TL_DRAW_FOLD_OPS] = "op-groups", [TL_DRAW_FOLD_CELL] = "cell", [TL_DRAW_FOLD_LAYER] = "layer", NULL};

static tl_overlay_kind option_overlay(struct argp_state *state, const char *arg)
{
	tl_overlay_kind kind = TL_OVERLAYS;
	tl_error err = {0};
	if (tl_overlay_parse(arg, &kind, &err))
		argp_error(state, "--show: %s", err.text);
	return kind;
}

static void parse_drawing(int key, char *arg, struct argp_state *state, graph_options *o)
{
	switch (key) {
	case FOLD: o->draw.fold = (tl_draw_fold)option_word(state, "--fold", arg, folds); break;
	case STEPS: o->draw.steps = arg; break;
	case EXPAND: o->draw.expand = arg; break;
	case FORWARD: o->draw.part = TL_DRAW_FORWARD; break;
	case BACKWARD: o->draw.part = TL_DRAW_BACKWARD; break;
	case BOTH: o->draw.part = TL_DRAW_BOTH; break;
	case SHOW: o->show = option_overlay(state, arg); break;
	case DIRECTION: o->draw.direction = (tl_draw_direction)option_word(state, "--direction", arg, directions); break;
	case NO_SHAPES: o->draw.hide_shapes = true; break;
	case LEGEND: o->draw.legend = true; break;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	graph_options *o = state->input;
	example *e = &o->example;
	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = o->task ? (void *)o->task : &o->net; break;
	case LENGTH: e->length = option_int(state, "--length", arg, 1, 1000000); break;
	case TARGET_LENGTH: e->target_length = option_int(state, "--target-length", arg, 1, 1000000); break;
	case BATCH: e->rows = option_int(state, "--batch", arg, 1, 1 << 20); break;
	case SYMBOLS: e->symbols = option_int(state, "--symbols", arg, 1, 1 << 24); break;
	case LABELS: e->labels = option_int(state, "--labels", arg, 1, 1 << 20); break;
	case INPUTS: e->inputs = option_int(state, "--inputs", arg, 1, 1 << 20); break;
	case TEXT: e->text = arg; break;
	case TARGET: e->target = arg; break;
	case DATA: e->data = option_path(state, "--data", arg); break;
	case SEED: e->rng.seed = (uint64_t)option_int(state, "--seed", arg, 0, INT64_MAX); break;
	case THREADS: o->threads = option_int(state, "--threads", arg, 1, 4096); break;
	case TIME_LIMIT: o->seconds = (int)option_int(state, "--time-limit", arg, 1, 86400); break;
	case 'o': o->output = option_path(state, "-o", arg); break;
	case ARGP_KEY_ARG: option_model(state, &o->what, arg, ""); break;
	case ARGP_KEY_END:
		if (!o->what)
			argp_error(state, "say what to draw: lm or another task, or a model file");
		if (e->text && e->data)
			argp_error(state, "--text and --data exclude each other");
		break;
	default:
		if (key < FOLD || key > NO_SHAPES)
			return ARGP_ERR_UNKNOWN;
		parse_drawing(key, arg, state, o);
	}
	return 0;
}

/* The options of a task's model, without its data's: what the parser says at the end is about these. */
static error_t parse_model(int key, char *arg, struct argp_state *state)
{
	const task *t = state->input;
	return key == ARGP_KEY_END ? 0 : t->kind->train_argp->parser(key, arg, state);
}

static void model_argp(const task_kind *kind, struct argp *argp, struct argp_option own[MOST_OPTIONS])
{
	int n = 0;
	*argp = *kind->train_argp;
	for (const struct argp_option *o = argp->options; o->name || o->key || o->doc; o++)
		if (o->name && o->group == 1 && n < MOST_OPTIONS - 1)
			own[n++] = *o;
	own[n] = (struct argp_option){0};
	argp->options = own;
	argp->parser = parse_model;
	argp->doc = NULL;
}

/* The task among the words of the line; NULL: a model file is named. */
static const task_kind *find_kind(int argc, char **argv)
{
	const task_kind *kind = NULL;
	for (int i = 1; i < argc && !kind; i++)
		kind = task_kind_by_name(argv[i]);
	return kind;
}

static tl_status read_options(graph_options *o, int argc, char **argv, tl_error *err)
{
	const task_kind *kind = find_kind(argc, argv);
	struct argp_option own[MOST_OPTIONS];
	struct argp model = net_argp;
	if (kind) {
		if (!(o->task = task_new(kind, NULL)))
			return tl_error_memory(err);
		model_argp(kind, &model, own);
	}
	struct argp_child children[] = {{&model, 0, NULL, 0}, {0}};
	struct argp argp = {options, parse, "TASK|MODEL", doc, children, NULL, NULL};
	argp_parse(&argp, argc, argv, 0, NULL, o);
	if (o->output && picture_check(o->output, err))
		return err->status;
	if (!kind && o->net.given)
		return tl_error_set(err, TL_ERR_ARGUMENT,
			"%s has its own cell and sizes: the options under 'Model' are for graph lm and other tasks", o->what);
	return TL_OK;
}

tl_status command_graph(int argc, char **argv, tl_error *err)
{
	graph_options o = {.net = NET_DEFAULTS, .show = TL_OVERLAYS, .seconds = 60, .draw.part = TL_DRAW_FORWARD,
		.example = {.rows = 1, .symbols = 65, .labels = 5, .inputs = 3, .rng.seed = 1}};
	if (!read_options(&o, argc, argv, err))
		graph_draw(&o, err);
	example_release(&o.example);
	task_free(o.task);
	return err->status;
}
