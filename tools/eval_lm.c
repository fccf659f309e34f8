/* SPDX-License-Identifier: Apache-2.0 */
/* tapeloop eval lm */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/command.h"
#include "tools/lm_report.h"
#include "tools/lm_run.h"
#include "tools/options.h"

typedef struct eval_options {
	const char *model, *data;
	double split[PARTS];
	bool set_split, train;
	int64_t threads;
} eval_options;

enum { DATA = 0x100, SPLIT, TRAIN_TOO, THREADS };

static const struct argp_option options[] = {
	{"data", DATA, "FILE", 0, "Text to read (the one that the model was trained on)", 0},
	{"split", SPLIT, "A,B,C", 0, "Percent of the text for training, validation, test (as in training)", 0},
	{"train", TRAIN_TOO, 0, 0, "Evaluate the training part, too", 0},
	{"threads", THREADS, "N", 0, "Threads (TL_THREADS, or all cores)", 0},
	{0},
};

static const char doc[] =
	"Loss (nats a symbol) and perplexity of a trained model, as one JSON object."
	"\v"
	"Each part of the text is read as one sequence. The text is prepared as in training. Examples:\n\n"
	"  tapeloop eval lm out/model.safetensors\n"
	"  tapeloop eval lm out/model.safetensors --data other.txt --split 0,0,100\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	eval_options *o = state->input;
	switch (key) {
	case DATA: o->data = option_path(state, "--data", arg); break;
	case SPLIT:
		option_split(state, arg, o->split);
		o->set_split = true;
		break;
	case TRAIN_TOO: o->train = true; break;
	case THREADS: o->threads = option_int(state, "--threads", arg, 1, 4096); break;
	case ARGP_KEY_ARG:
		if (o->model)
			argp_error(state, "one model at a time: '%s' is too many", arg);
		o->model = arg;
		break;
	case ARGP_KEY_END:
		if (!o->model)
			argp_error(state, "say which model: a file that `tapeloop train lm` saved");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static tl_status evaluate(const eval_options *o, lm_bundle *b, const corpus *c, tl_tape *tape, tl_error *err)
{
	tl_likelihood score[PARTS] = {{0}};
	int64_t tokens = 0;
	double begin = seconds_now();
	bool train = o->train || (c->size[VALID] < 2 && c->size[TEST] < 2);
	for (int k = 0; k < PARTS; k++) {
		if (k == TRAIN && !train)
			continue;
		if (lm_evaluate(b->lm, tape, c->part[k], c->size[k], &score[k], err))
			return err->status;
		tokens += score[k].tokens;
	}
	double seconds = seconds_now() - begin;
	if (tokens == 0)
		return tl_error_set(err, TL_ERR_SHAPE, "%s: no part holds two symbols to predict one from the other",
			o->data ? o->data : b->data);
	json_t *result = json_pack("{s:s, s:o, s:o, s:o, s:f, s:f, s:I, s:s}", "task", "lm", "train",
		report_score(&score[TRAIN]), "valid", report_score(&score[VALID]), "test", report_score(&score[TEST]),
		"tok_per_s", (double)tokens / seconds, "seconds", seconds, "params",
		(json_int_t)tl_store_size(b->store), "model", o->model);
	return report_line(stdout, result) ? TL_OK
					   : tl_error_set(err, TL_ERR_IO, "standard output: %s", strerror(errno));
}

tl_status command_eval_lm(int argc, char **argv, tl_error *err)
{
	static const struct argp argp = {options, parse, "MODEL", doc, NULL, NULL, NULL};
	eval_options o = {0};
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	lm_bundle b;
	if (lm_bundle_load(&b, o.model, err))
		return err->status;
	corpus_options text = {
		.path = o.data ? o.data : b.data,
		.unit = b.unit,
		.lowercase_letters = b.lowercase_letters,
		.limit = o.data ? 0 : b.limit,
	};
	memcpy(text.split, o.set_split ? o.split : b.split, sizeof text.split);
	corpus c = {0};
	tl_tape *tape = tl_tape_new(&(tl_tape_options){.threads = (int)o.threads});
	tl_status status = TL_OK;
	if (!tape)
		status = tl_error_memory(err);
	else if (!text.path)
		status = tl_error_set(err, TL_ERR_ARGUMENT, "the model does not name its text: give --data FILE");
	else
		status = corpus_read(&c, &text, &b.vocab, err);
	if (status == TL_ERR_IO && !o.data) {
		tl_error why = *err;
		*err = (tl_error){0};
		tl_error_set(err, status, "the text that the model was trained on: %.400s; name it with --data FILE", why.text);
	}
	if (!status)
		status = evaluate(&o, &b, &c, tape, err);
	tl_tape_free(tape);
	corpus_release(&c);
	lm_bundle_release(&b);
	return status;
}
