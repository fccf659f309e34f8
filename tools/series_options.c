/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/series.h"

#include <stdio.h>

#include "models/cells.h"

/* An option for part k is X + k, Y + k or LENGTHS + k. */
enum {
	X = 0x100,
	Y = X + PARTS,
	LENGTHS = Y + PARTS,
	POOL = LENGTHS + PARTS,
	AUTOREGRESSIVE,
	LINEAR,
	AHEAD,
	STANDARDIZE,
};

#define LOOKED_AT                                                                                                  \
	{"valid-x", X + VALID, "FILE", 0, "Series that choose the best epoch", 2},                                \
	{"valid-y", Y + VALID, "FILE", 0, "What is to be found in them", 2},                                      \
	{"valid-lengths", LENGTHS + VALID, "FILE", 0, "Their lengths", 2},                                        \
	{"test-x", X + TEST, "FILE", 0, "Series that are looked at when all is done", 2},                         \
	{"test-y", Y + TEST, "FILE", 0, "What is to be found in them", 2},                                        \
	{"test-lengths", LENGTHS + TEST, "FILE", 0, "Their lengths", 2}

#define FAR \
	{"ahead", AHEAD, "N", 0, "Where next steps are predicted: predict the last N of each series one after the other, " \
		"too, for mse_ahead; 0: do not (10)", 2}

static const struct argp_option own_options[] = {
	{0, 0, 0, 0, "Data (.npy files, or FILE.npz:NAME):", 2},
	{"train-x", X + TRAIN, "FILE", 0, "Series to learn from: (N, T, D), or (N, T) for D = 1, of reals, or uint8 that is "
		"divided by 255 (required)", 2},
	{"train-y", Y + TRAIN, "FILE", 0, "What is to be found: whole numbers (N) are classes, (N, T) classes of "
		"steps, where -100 counts for nothing; reals (N) or (N, K) are values, (N, T, K) values of steps", 2},
	{"train-lengths", LENGTHS + TRAIN, "FILE", 0, "Steps of each series, where some are shorter than T: whole numbers (N)", 2},
	LOOKED_AT,
	FAR,
	{"standardize", STANDARDIZE, 0, 0, "Bring each number of x, and values that are to be found, to mean 0 and "
		"deviation 1", 2},
	{"pool", POOL, "last|mean|max", 0, "Which of the outputs over time, or what of all of them, is looked at "
		"where there is one answer a series (last)", 1},
	{"autoregressive", AUTOREGRESSIVE, "N", 0, "There is no y: predict the next step of x from the last N ones, "
		"through one layer of --hidden units; 0: from all, by the recurrent net", 1},
	{"linear", LINEAR, 0, 0, "With --autoregressive N: no hidden units", 1},
	{0},
};

static const struct argp_option eval_options[] = {{0, 0, 0, 0, "Data (.npy files, or FILE.npz:NAME):", 2}, LOOKED_AT, FAR, {0}};

static const char **path_of(series_task *t, int key)
{
	series_part *p = &t->part[(key - X) % PARTS];
	return key < Y ? &p->x : key < LENGTHS ? &p->y : &p->lengths;
}

static void check_parts(const series_task *t, struct argp_state *state)
{
	for (int k = 0; k < PARTS; k++)
		if (!t->part[k].x && (t->part[k].y || t->part[k].lengths))
			argp_error(state, "--%s-x FILE is missing", part_name(k));
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	series_task *t = state->input;
	static const char *const what[] = {"x", "y", "lengths"};
	char option[32];
	if (key >= X && key < POOL) {
		snprintf(option, sizeof option, "--%s-%s", part_name((key - X) % PARTS), what[(key - X) / PARTS]);
		*path_of(t, key) = option_path(state, option, arg);
		return 0;
	}
	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &t->net; break;
	case POOL: t->pool = (tl_pool_rule)option_word(state, "--pool", arg, option_pools); break;
	case AUTOREGRESSIVE:
		t->order = option_int(state, "--autoregressive", arg, 0, 1 << 20);
		t->next = true;
		break;
	case LINEAR: t->linear = true; break;
	case AHEAD: t->ahead = option_int(state, "--ahead", arg, 0, 1 << 20); break;
	case STANDARDIZE: t->standardize = true; break;
	case ARGP_KEY_END:
		check_parts(t, state);
		if (!t->part[TRAIN].x)
			argp_error(state, "--train-x FILE is missing");
		if (t->linear && t->order == 0)
			argp_error(state, "--linear is for --autoregressive N, N at least 1");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_eval(int key, char *arg, struct argp_state *state)
{
	const series_task *t = state->input;
	if (key != ARGP_KEY_END)
		return key == ARGP_KEY_INIT ? 0 : parse(key, arg, state);
	check_parts(t, state);
	if (!t->part[VALID].x && !t->part[TEST].x)
		argp_error(state, "--test-x FILE is missing");
	return 0;
}

static const struct argp_child children[] = {{&net_argp, 0, NULL, 0}, {0}};

#define FIGURES \
	"accuracy and macro_f1 (the mean of the classes' F1) are in percent, of series or of steps that count; mse is " \
	"the mean square of what values miss, mse_ahead of the last --ahead steps, each predicted from predictions. " \
	"loss is the cross-entropy in nats, or the mean square, with --standardize in its units. "

const struct argp series_train_argp = {own_options, parse, NULL,
	"Train a net that finds classes, values or labels of series, or what comes next in them."
	"\v"
	"recurrent layers -> pooling over time, unless each step is asked for -> dropout -> one number for each class or "
	"value. What is learned follows from y's type and shape. The last line on standard output is a JSON object; " FIGURES
	"Examples:\n\n"
	"  tapeloop train series --train-x x.npy --train-y y.npy \\\n"
	"      --valid-x vx.npy --valid-y vy.npy --out digits\n"
	"  tapeloop train series --train-x x.npy --autoregressive 4 --standardize \\\n"
	"      --out next\n"
	"  tapeloop predict digits/model.safetensors --x new.npy -o found.npy\n", children, NULL, NULL};

const struct argp series_eval_argp = {eval_options, parse_eval, NULL,
	"How good a trained model of series is, as one JSON object."
	"\v" FIGURES "Example:\n\n"
	"  tapeloop eval series digits/model.safetensors --test-x x.npy --test-y y.npy\n",
	NULL, NULL, NULL};

void series_defaults(task *base, train_options *o)
{
	series_task *t = (series_task *)base;
	t->net = (net_options){.cell = &tl_cell_lstm, .hidden = 64, .layers = 1, .vectors = true};
	t->ahead = 10;
	o->usual_lr = 1e-3;
	o->usual_keep = KEEP_BEST;
	o->clip = 1;
	o->batch = 32;
	o->epochs = 20;
}
