/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/train_options.h"

#include <string.h>

#include "tools/options.h"

enum {
	BATCH = 0x300, ACCUMULATE, OPTIMIZER, LR, MOMENTUM, NESTEROV, LAZY, WEIGHT_DECAY, CLIP, SCHEDULE, GAMMA, PERIOD,
	WARMUP, EPOCHS, MAX_STEPS, PATIENCE, SEED, THREADS, CHECK_NAN, OUT, PYTORCH_NAMES, KEEP, SAVE_EVERY, RESUME,
	OVERWRITE, LOG, LOG_GRADIENTS, TENSORBOARD, QUIET
};

static const struct argp_option options[] = {
	{0, 0, 0, 0, "Training:", 3},
	{"batch", BATCH, "N", 0, "Rows (sequences, examples) read side by side", 3},
	{"accumulate", ACCUMULATE, "N", 0, "Batches an update, weighted as if they were one (1)", 3},
	{"optimizer", OPTIMIZER, "NAME", 0, "adam, adamw, sgd, rmsprop, adagrad, adadelta", 3},
	{"lr", LR, "X", 0, "Learning rate", 3},
	{"momentum", MOMENTUM, "X", 0, "Of sgd or rmsprop (0)", 3},
	{"nesterov", NESTEROV, 0, 0, "Nesterov's momentum in sgd", 3},
	{"lazy", LAZY, 0, 0, "Update of an embedding only what was read, as SparseAdam does: faster with many symbols", 3},
	{"weight-decay", WEIGHT_DECAY, "X", 0, "torch.optim's default if not given", 3},
	{"clip", CLIP, "X", 0, "Largest norm of the whole gradient; 0: no limit", 3},
	{"schedule", SCHEDULE, "NAME", 0,
		"Learning rate over the updates: constant, step, exponential, cosine, plateau (of the validation loss)", 3},
	{"gamma", GAMMA, "X", 0, "Factor of step and exponential, which need it", 3},
	{"period", PERIOD, "N", 0, "Updates from step to step, or to the cosine's end; both need it", 3},
	{"warmup", WARMUP, "N", 0, "Updates in which the rate grows from 0 (0)", 3},
	{"epochs", EPOCHS, "N", 0, "Times to read the data", 3},
	{"max-steps", MAX_STEPS, "N", 0, "End after N updates in all, counted over all runs that resumed each other", 3},
	{"patience", PATIENCE, "N", 0, "End after N epochs without a better validation; 0: do not", 3},
	{"seed", SEED, "N", 0, "Of initial weights, dropout and the order of examples", 3},
	{"threads", THREADS, "N", 0, "Threads (TL_THREADS, or all cores)", 3},
	{"check-nan", CHECK_NAN, 0, 0, OPTION_CHECK_NAN_HELP, 3},
	{0, 0, 0, 0, "Output:", 4},
	{"out", OUT, "DIR", 0,
		"Directory for model.safetensors, last.safetensors (from which --resume goes on), best.safetensors and "
		"log.jsonl", 4},
	{"pytorch-names", PYTORCH_NAMES, 0, 0,
		"Save model.safetensors and best.safetensors as a state dict of PyTorch: load_state_dict(load_file(path)) takes "
		"them into a module of embed = nn.Embedding, rnn = nn.LSTM (GRU, RNN) and out = nn.Linear", 4},
	{"keep", KEEP, "best|last", 0, "Which model is the result: of the best validation, or after the last epoch", 4},
	{"save-every", SAVE_EVERY, "N[s|m]", 0,
		"Save last.safetensors after every N updates, seconds or minutes, besides the end of an epoch (10m); SIGINT "
		"and SIGTERM save it, too", 4},
	{"resume", RESUME, 0, 0, "Go on from DIR/last.safetensors, with its options, as if it had never been left off", 4},
	{"overwrite", OVERWRITE, 0, 0, "Begin anew where DIR holds another training, whose files are replaced", 4},
	{"log", LOG, "FILE", 0, "One JSON object an epoch (DIR/log.jsonl)", 4},
	{"log-gradients", LOG_GRADIENTS, 0, 0,
		"Log the gradient's norm of each parameter, and of the states over time: tapeloop plot --show draws them", 4},
	{"tensorboard", TENSORBOARD, "DIR", 0,
		"Event files for TensorBoard, in a directory of this training's own: loss and scores, gradient's norm, learning "
		"rate, speed", 4},
	{"quiet", QUIET, 0, 0, "No progress", 4},
	{0},
};

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

/* "500", "30s", "10m" */
static void parse_save(train_options *o, char *arg, struct argp_state *state)
{
	size_t n = strlen(arg);
	char number[32], unit = n ? arg[n - 1] : '\0';
	if ((unit != 's' && unit != 'm') || n >= sizeof number) {
		o->save_steps = option_int(state, "--save-every", arg, 1, INT64_MAX);
		o->save_seconds = 0;
		return;
	}
	memcpy(number, arg, n - 1);
	number[n - 1] = '\0';
	o->save_seconds = (double)option_int(state, "--save-every", number, 1, INT32_MAX) * (unit == 'm' ? 60 : 1);
	o->save_steps = 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const char *const keeps[] = {"last", "best", NULL};
	train_options *o = state->input;
	switch (key) {
	case BATCH: o->batch = option_int(state, "--batch", arg, 1, 1 << 20); break;
	case ACCUMULATE: o->accumulate = option_int(state, "--accumulate", arg, 1, 1 << 20); break;
	case CLIP: o->clip = option_real(state, "--clip", arg, 0, 1e12); break;
	case EPOCHS: o->epochs = option_int(state, "--epochs", arg, 1, 1000000); break;
	case MAX_STEPS: o->max_steps = option_int(state, "--max-steps", arg, 1, INT64_MAX); break;
	case PATIENCE: o->patience = option_int(state, "--patience", arg, 0, INT64_MAX); break;
	case SEED: o->seed = option_int(state, "--seed", arg, 0, INT64_MAX); break;
	case THREADS: o->threads = option_int(state, "--threads", arg, 1, 4096); break;
	case CHECK_NAN: o->check_nan = true; break;
	case OUT: o->out = option_path(state, "--out", arg); break;
	case PYTORCH_NAMES: o->pytorch_names = true; break;
	case KEEP: o->keep = option_word(state, "--keep", arg, keeps) ? KEEP_BEST : KEEP_LAST; break;
	case SAVE_EVERY: parse_save(o, arg, state); break;
	case RESUME: o->resume = true; break;
	case OVERWRITE: o->overwrite = true; break;
	case LOG_GRADIENTS: o->log_gradients = true; break;
	case TENSORBOARD: o->tensorboard = option_path(state, "--tensorboard", arg); break;
	case LOG: o->log = option_path(state, "--log", arg); break;
	case QUIET: o->quiet = true; break;
	default:
		if (key >= OPTIMIZER && key <= WEIGHT_DECAY)
			parse_optimizer(key, arg, state, &o->optimizer);
		else if (key >= SCHEDULE && key <= WARMUP)
			parse_schedule(key, arg, state, &o->schedule);
		else
			return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static char *with_defaults(int key, const char *text, void *input)
{
	const train_options *o = input;
	if (!o)
		return (char *)text;
	switch (key) {
	case BATCH: return option_default(text, "%lld", (long long)o->batch);
	case OPTIMIZER: return option_default(text, "%s", o->usual->name);
	case LR: return option_default(text, "%g for %s, else torch.optim's default", o->usual_lr, o->usual->name);
	case CLIP: return option_default(text, "%g", o->clip);
	case SCHEDULE: return option_default(text, "%s", o->schedule.kind ? o->schedule.kind->name : "constant");
	case EPOCHS: return option_default(text, "%lld", (long long)o->epochs);
	case PATIENCE: return option_default(text, "%lld", (long long)o->usual_patience);
	case SEED: return option_default(text, "%lld", (long long)o->seed);
	case OUT: return option_default(text, "%s", o->out);
	case KEEP: return option_default(text, "%s", o->usual_keep == KEEP_BEST ? "best" : "last");
	default: return (char *)text;
	}
}

tl_optimizer_options train_optimizer(const train_options *o)
{
	tl_optimizer_options all = o->optimizer;
	if (!all.kind)
		all.kind = o->usual;
	if (all.lr == 0 && all.kind == o->usual)
		all.lr = o->usual_lr;
	return all;
}

const struct argp train_argp = {options, parse, NULL, NULL, NULL, with_defaults, NULL};
