/* SPDX-License-Identifier: Apache-2.0 */
/* tapeloop train lm */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/threads.h"
#include "optim/clip.h"
#include "tools/command.h"
#include "tools/lm_report.h"
#include "tools/lm_run.h"
#include "tools/options.h"

typedef struct train_options {
	corpus_options text;
	net_options net;
	tl_optimizer_options optimizer;
	tl_schedule schedule;
	int64_t batch, length, shift, epochs, seed, threads;
	double clip, forget_bias;
	bool set_forget_bias, quiet;
	const char *out, *log;
} train_options;

enum {
	DATA = 0x100, UNIT, LOWERCASE, LIMIT, SPLIT, BATCH, LENGTH, SHIFT, OPTIMIZER, LR, MOMENTUM, NESTEROV,
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

/* What a run holds; all of it is released by run_release. */
typedef struct run {
	train_options o;
	corpus corpus;
	lm_bundle bundle;
	lm_training training;
	tl_plateau plateau;
	progress progress;
	char model[4096];
	FILE *log;
	tl_likelihood score[PARTS];
} run;

static tl_status make_directory(const char *path, tl_error *err)
{
	char partial[4000]; /* leaves room for the names of files */
	if ((size_t)snprintf(partial, sizeof partial, "%s", path) >= sizeof partial)
		return tl_error_set(err, TL_ERR_ARGUMENT, "--out: the path is too long");
	for (char *at = partial + 1;; at++) {
		char c = *at;
		if (c != '/' && c != '\0')
			continue;
		*at = '\0';
		if (mkdir(partial, 0777) && errno != EEXIST)
			return tl_error_set(err, TL_ERR_IO, "--out: the directory %s cannot be made: %s", partial,
				strerror(errno));
		*at = c;
		if (c == '\0')
			return TL_OK;
	}
}

static tl_status open_files(run *r, tl_error *err)
{
	char log[sizeof r->model];
	tl_status status = make_directory(r->o.out, err);
	if (status)
		return status;
	snprintf(r->model, sizeof r->model, "%.4000s/model.safetensors", r->o.out);
	snprintf(log, sizeof log, "%.4000s/log.jsonl", r->o.out);
	const char *path = r->o.log ? r->o.log : log;
	struct stat text, target;
	if (stat(r->o.text.path, &text) == 0 && stat(path, &target) == 0 && text.st_dev == target.st_dev &&
		text.st_ino == target.st_ino)
		return tl_error_set(err, TL_ERR_ARGUMENT, "--log %s is the text itself; it would be overwritten", path);
	r->log = fopen(path, "w");
	return r->log ? TL_OK : tl_error_set(err, TL_ERR_IO, "the log %s cannot be made: %s", path, strerror(errno));
}

static tl_status build_model(run *r, tl_error *err)
{
	const train_options *o = &r->o;
	lm_bundle *b = &r->bundle;
	b->unit = o->text.unit;
	b->lowercase_letters = o->text.lowercase_letters;
	b->limit = o->text.limit;
	memcpy(b->split, o->text.split, sizeof b->split);
	if (!(b->data = strdup(o->text.path)))
		return tl_error_memory(err);
	tl_lm_options net = {
		.cell = o->net.cell,
		.embed = o->net.embed,
		.hidden = o->net.hidden,
		.layers = (int)o->net.layers,
		.dropout = o->net.dropout,
	};
	if (lm_bundle_build(b, net, err))
		return err->status;
	tl_lm_init(b->lm, &(tl_rng){.seed = (uint64_t)o->seed});
	if (o->set_forget_bias && !tl_rnn_set_bias(b->lm->rnn, 'f', o->forget_bias))
		return tl_error_set(err, TL_ERR_ARGUMENT, "--forget-bias: the cell %s has no forget gate", o->net.cell->name);
	return TL_OK;
}

static tl_status build_training(run *r, tl_error *err)
{
	train_options *o = &r->o;
	lm_training *t = &r->training;
	if (!o->optimizer.kind)
		o->optimizer.kind = &tl_adam;
	if (o->optimizer.kind == &tl_adam && o->optimizer.lr == 0)
		o->optimizer.lr = 0.002;
	*t = (lm_training){
		.lm = r->bundle.lm,
		.store = r->bundle.store,
		.optimizer = tl_optimizer_new(r->bundle.store, &o->optimizer, err),
		.tape = tl_tape_new(&(tl_tape_options){.threads = (int)o->threads, .seed = (uint64_t)o->seed}),
		.ids = r->corpus.part[TRAIN],
		.n = r->corpus.size[TRAIN],
		.batch = o->batch,
		.length = o->length,
		.shift = o->shift,
		.clip = o->clip,
		.epochs = (int)o->epochs,
		.progress = &r->progress,
		.unit = o->text.unit == UNIT_WORD ? "words" : "characters",
	};
	if (!t->optimizer)
		return err->status;
	if (!t->tape)
		return tl_error_memory(err);
	t->schedule = o->schedule;
	t->schedule.lr = tl_optimizer_get_options(t->optimizer)->lr;
	r->plateau = tl_plateau_default(t->schedule.lr);
	if (o->schedule.kind == &tl_schedule_plateau && r->corpus.size[VALID] < 2)
		return tl_error_set(err, TL_ERR_ARGUMENT, "--schedule plateau needs a validation part in --split");
	windows w; /* the latest start has the fewest tokens */
	int64_t offset = o->shift ? (o->length < o->shift * (o->epochs - 1) ? o->length : o->shift * (o->epochs - 1)) : 0;
	char name[512];
	snprintf(name, sizeof name, "%.400s: the training part", o->text.path);
	if (windows_init(&w, name, t->ids, t->n - offset, o->batch, o->length, err))
		return err->status;
	return tl_schedule_check(&t->schedule, err);
}

static tl_status log_epoch(run *r, int epoch, const lm_epoch *e, tl_error *err)
{
	char rate[32];
	double loss = tl_likelihood_mean(&e->train), valid = tl_likelihood_mean(&r->score[VALID]);
	double speed = (double)e->train.tokens / e->seconds;
	if (!report_line(r->log,
		    json_pack("{s:i, s:o, s:o, s:f, s:f, s:f, s:f}", "epoch", epoch, "train", report_score(&e->train),
			    "valid", report_score(&r->score[VALID]), "grad_norm", e->grad_norm, "lr", e->lr, "seconds",
			    e->seconds, "tok_per_s", speed)))
		return tl_error_set(err, TL_ERR_IO, "the log cannot be written: %s", strerror(errno));
	if (r->corpus.size[VALID] > 1)
		progress_show(&r->progress, true, "epoch %d/%lld  loss %.4f  perplexity %.2f  valid %.4f (%.2f)  %s %s/s",
			epoch, (long long)r->o.epochs, loss, tl_perplexity(loss), valid, tl_perplexity(valid),
			count_text((int64_t)speed, rate), r->training.unit);
	else if (r->progress.terminal ? epoch == r->o.epochs : progress_due(&r->progress) || epoch == r->o.epochs)
		progress_show(&r->progress, true, "epoch %d/%lld  loss %.4f  perplexity %.2f  %s %s/s", epoch,
			(long long)r->o.epochs, loss, tl_perplexity(loss), count_text((int64_t)speed, rate),
			r->training.unit);
	return TL_OK;
}

static tl_status evaluate(run *r, int part, tl_error *err)
{
	return lm_evaluate(r->bundle.lm, r->training.tape, r->corpus.part[part], r->corpus.size[part], &r->score[part], err);
}

#define PROBE 256 /* symbols that show whether a net without a validation part still works */

/* Validates; a net that the last updates broke is an error before it is saved. */
static tl_status validate(run *r, int epoch, tl_error *err)
{
	tl_likelihood probe;
	int64_t n = r->corpus.size[TRAIN] < PROBE ? r->corpus.size[TRAIN] : PROBE;
	bool has_valid = r->corpus.size[VALID] > 1;
	tl_status status = has_valid ? evaluate(r, VALID, err)
				     : lm_evaluate(r->bundle.lm, r->training.tape, r->corpus.part[TRAIN], n, &probe, err);
	double loss = tl_likelihood_mean(has_valid ? &r->score[VALID] : &probe);
	if (!status && !isfinite(loss))
		status = tl_error_set(err, TL_ERR_VALUE, "after epoch %d the net's loss is no finite number", epoch);
	return status;
}

static tl_status train_epochs(run *r, tl_error *err)
{
	for (int epoch = 1; epoch <= r->training.epochs; epoch++) {
		lm_epoch e;
		tl_error why = {0};
		if (lm_train_epoch(&r->training, epoch, &e, &why) || validate(r, epoch, &why)) {
			if (r->progress.terminal)
				fputc('\n', stderr);
			return tl_error_set(err, why.status, "%.400s; training stopped, %s%s", why.text,
				epoch > 1 ? "the model after the epoch before is kept in " : "no model was saved",
				epoch > 1 ? r->model : "");
		}
		r->score[TRAIN] = e.train;
		if (log_epoch(r, epoch, &e, err) || lm_bundle_save(&r->bundle, r->model, err))
			return err->status;
		if (r->training.schedule.kind == &tl_schedule_plateau)
			r->training.schedule.lr = tl_plateau_observe(&r->plateau, tl_likelihood_mean(&r->score[VALID]));
	}
	return TL_OK;
}

static tl_status print_result(run *r, tl_error *err)
{
	const lm_training *t = &r->training;
	json_t *result = json_pack("{s:s, s:o, s:o, s:o, s:f, s:f, s:i, s:I, s:s}", "task", "lm", "train",
		report_score(&r->score[TRAIN]), "valid", report_score(&r->score[VALID]), "test",
		report_score(&r->score[TEST]), "tok_per_s", (double)t->tokens / t->seconds, "seconds", t->seconds,
		"epochs", t->epochs, "params", (json_int_t)tl_store_size(r->bundle.store), "model", r->model);
	return report_line(stdout, result) ? TL_OK
					   : tl_error_set(err, TL_ERR_IO, "standard output: %s", strerror(errno));
}

static void run_release(run *r)
{
	tl_tape_free(r->training.tape);
	tl_optimizer_free(r->training.optimizer);
	lm_bundle_release(&r->bundle);
	corpus_release(&r->corpus);
	if (r->log)
		fclose(r->log);
}

static tl_status train(run *r, tl_error *err)
{
	tl_status status = corpus_read(&r->corpus, &r->o.text, &r->bundle.vocab, err);
	if (!status)
		status = build_model(r, err);
	if (!status)
		status = build_training(r, err);
	if (!status)
		status = open_files(r, err);
	progress_init(&r->progress, r->o.quiet);
	if (!status)
		status = train_epochs(r, err);
	if (!status)
		status = evaluate(r, TEST, err);
	return status ? status : print_result(r, err);
}

tl_status command_train_lm(int argc, char **argv, tl_error *err)
{
	run *r = calloc(1, sizeof *r);
	if (!r)
		return tl_error_memory(err);
	r->o = (train_options){
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
	argp_parse(&argp, argc, argv, 0, NULL, &r->o);
	tl_status status = train(r, err);
	run_release(r);
	free(r);
	return status;
}
