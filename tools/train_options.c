/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/train_options.h"

#include <string.h>

enum {
	DATA = 0x100, UNIT, LOWERCASE, LIMIT, SPLIT, BATCH, LENGTH, SHIFT, OPTIMIZER, LR, MOMENTUM, NESTEROV, LAZY,
	WEIGHT_DECAY, CLIP, SCHEDULE, GAMMA, PERIOD, WARMUP, EPOCHS, FORGET_BIAS, SEED, THREADS, OUT, LOG, QUIET
};

static const struct argp_option options[] = {
	{0, 0, 0, 0, "Text:", 2},
	{"data", DATA, "FILE", 0, "UTF-8 text to learn (required)", 2},
	{"unit", UNIT, "char|word", 0, "What one symbol is (char)", 2},
	{"split", SPLIT, "A,B,C", 0, "Percent of the text for training, validation, test (90,5,5)", 2},
	{"lowercase-letters", LOWERCASE, 0, 0,
		"Reduce the text to lower-case letters and single spaces, lines joined, as d2l.ai does", 2},
	{"limit", LIMIT, "N", 0, "Only the first N symbols", 2},
	{0, 0, 0, 0, "Training:", 3},
	{"batch", BATCH, "N", 0, "Rows read side by side (32)", 3},
	{"length", LENGTH, "N", 0, "Time steps before each update (64); the state is carried on, gradients are not", 3},
	{"shift", SHIFT, "N", 0, "Epoch e starts N (e-1) symbols later, modulo length + 1 (0)", 3},
	{"optimizer", OPTIMIZER, "NAME", 0, "adam (default), adamw, sgd, rmsprop, adagrad, adadelta", 3},
	{"lr", LR, "X", 0, "Learning rate (0.002 for adam, else torch.optim's default)", 3},
	{"momentum", MOMENTUM, "X", 0, "Of sgd or rmsprop (0)", 3},
	{"nesterov", NESTEROV, 0, 0, "Nesterov's momentum in sgd", 3},
	{"lazy", LAZY, 0, 0, "Update of an embedding only what was read, as SparseAdam does: faster with many symbols", 3},
	{"weight-decay", WEIGHT_DECAY, "X", 0, "torch.optim's default if not given", 3},
	{"clip", CLIP, "X", 0, "Largest norm of the whole gradient (1); 0: no limit", 3},
	{"schedule", SCHEDULE, "NAME", 0,
		"Learning rate over the updates: constant (default), step, exponential, cosine, plateau (of the "
		"validation loss)", 3},
	{"gamma", GAMMA, "X", 0, "Factor of step and exponential", 3},
	{"period", PERIOD, "N", 0, "Updates from step to step, or to the cosine's end", 3},
	{"warmup", WARMUP, "N", 0, "Updates in which the rate grows from 0 (0)", 3},
	{"epochs", EPOCHS, "N", 0, "Times to read the text (10)", 3},
	{"forget-bias", FORGET_BIAS, "X", 0, "Start value of forget gates' biases, for cells that have one", 3},
	{"seed", SEED, "N", 0, "Of initial weights and dropout (1)", 3},
	{"threads", THREADS, "N", 0, "Threads (TL_THREADS, or all cores)", 3},
	{0, 0, 0, 0, "Output:", 4},
	{"out", OUT, "DIR", 0, "Directory for model.safetensors, saved after each epoch (out)", 4},
	{"log", LOG, "FILE", 0, "One JSON object an epoch (DIR/log.jsonl)", 4},
	{"quiet", QUIET, 0, 0, "No progress", 4},
	{0},
};

static const char doc[] =
	"Train a recurrent language model on a text and save it."
	"\v"
	"The last line on standard output is a JSON object with loss (nats a symbol) and perplexity of each part "
	"of the text. Training loss is the mean over the last epoch, taken before each update; validation and test "
	"are read as one sequence. Examples:\n\n"
	"  tapeloop train lm --data book.txt --epochs 20 --out model\n"
	"  tapeloop train lm --data book.txt --cell gru --layers 2 --dropout 0.2\n"
	"  tapeloop train lm --data book.txt --unit word --embed 200 --hidden 200\n";

static void parse_text(int key, char *arg, struct argp_state *state, corpus_options *o)
{
	switch (key) {
	case DATA: o->path = option_path(state, "--data", arg); break;
	case UNIT:
		if (strcmp(arg, "char") && strcmp(arg, "word"))
			argp_error(state, "--unit: '%s' is neither char nor word", arg);
		o->unit = strcmp(arg, "word") ? UNIT_CHAR : UNIT_WORD;
		break;
	case LOWERCASE: o->lowercase_letters = true; break;
	case LIMIT: o->limit = option_int(state, "--limit", arg, 1, INT64_MAX); break;
	case SPLIT: option_split(state, arg, o->split); break;
	}
}

static void parse_schedule(int key, char *arg, struct argp_state *state, tl_schedule *s)
{
	switch (key) {
	case SCHEDULE:
		if (!(s->kind = tl_schedule_kind_from_name(arg)))
			argp_error(state, "--schedule: '%s' is none of constant, step, exponential, cosine, plateau", arg);
		break;
	case GAMMA: s->gamma = option_real(state, "--gamma", arg, 0, 1); break;
	case PERIOD: s->period = option_int(state, "--period", arg, 1, INT64_MAX); break;
	case WARMUP: s->warmup = option_int(state, "--warmup", arg, 0, INT64_MAX); break;
	}
}

static void parse_optimizer(int key, char *arg, struct argp_state *state, tl_optimizer_options *o)
{
	switch (key) {
	case OPTIMIZER:
		if (!(o->kind = tl_optimizer_kind_from_name(arg)))
			argp_error(
				state, "--optimizer: '%s' is none of sgd, rmsprop, adagrad, adadelta, adam, adamw", arg);
		break;
	case LR: o->lr = option_real(state, "--lr", arg, 1e-12, 1e6); break;
	case MOMENTUM: o->momentum = option_real(state, "--momentum", arg, 0, 0.999999); break;
	case NESTEROV: o->nesterov = true; break;
	case LAZY: o->lazy = true; break;
	case WEIGHT_DECAY: /* 0 in the options is the optimiser's default */
		o->weight_decay = option_real(state, "--weight-decay", arg, 0, 1e6);
		o->weight_decay = o->weight_decay > 0 ? o->weight_decay : 1e-30;
		break;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	train_options *o = state->input;
	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &o->net; break;
	case BATCH: o->batch = option_int(state, "--batch", arg, 1, 1 << 20); break;
	case LENGTH: o->length = option_int(state, "--length", arg, 1, 1 << 20); break;
	case SHIFT: o->shift = option_int(state, "--shift", arg, 0, 1 << 20); break;
	case CLIP: o->clip = option_real(state, "--clip", arg, 0, 1e12); break;
	case EPOCHS: o->epochs = option_int(state, "--epochs", arg, 1, 1000000); break;
	case FORGET_BIAS:
		o->forget_bias = option_real(state, "--forget-bias", arg, -100, 100);
		o->set_forget_bias = true;
		break;
	case SEED: o->seed = option_int(state, "--seed", arg, 0, INT64_MAX); break;
	case THREADS: o->threads = option_int(state, "--threads", arg, 1, 4096); break;
	case OUT: o->out = option_path(state, "--out", arg); break;
	case LOG: o->log = option_path(state, "--log", arg); break;
	case QUIET: o->quiet = true; break;
	case ARGP_KEY_ARG: argp_error(state, "'%s' is not an option; the text is named with --data", arg); break;
	case ARGP_KEY_END:
		if (!o->text.path)
			argp_error(state, "--data FILE is missing");
		if (o->text.split[TRAIN] <= 0)
			argp_error(state, "--split leaves nothing to train on");
		break;
	default:
		if (key >= DATA && key <= SPLIT)
			parse_text(key, arg, state, &o->text);
		else if (key >= OPTIMIZER && key <= WEIGHT_DECAY)
			parse_optimizer(key, arg, state, &o->optimizer);
		else if (key >= SCHEDULE && key <= WARMUP)
			parse_schedule(key, arg, state, &o->schedule);
		else
			return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

void train_options_parse(train_options *o, int argc, char **argv)
{
	*o = (train_options){
		.text.split = {90, 5, 5},
		.net = NET_DEFAULTS,
		.batch = 32,
		.length = 64,
		.epochs = 10,
		.seed = 1,
		.clip = 1,
		.out = "out",
	};
	static const struct argp_child children[] = {{&net_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {options, parse, NULL, doc, children, NULL, NULL};
	argp_parse(&argp, argc, argv, 0, NULL, o);
}
