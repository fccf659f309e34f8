/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tagger.h"

#include <stdio.h>

#include "models/cells.h"

/* An option for part k is TOKENS + k or TAGS + k. */
enum { TOKENS = 0x100, TAGS = TOKENS + PARTS, UNIDIRECTIONAL = TAGS + PARTS };

#define LOOKED_AT                                                                                                  \
	{"valid-tokens", TOKENS + VALID, "FILE", 0, "Sentences that choose the best epoch", 2},                    \
	{"valid-tags", TAGS + VALID, "FILE", 0, "Their tags", 2},                                                 \
	{"test-tokens", TOKENS + TEST, "FILE", 0, "Sentences that are looked at when all is done", 2},             \
	{"test-tags", TAGS + TEST, "FILE", 0, "Their tags", 2}

static const struct argp_option own_options[] = {
	{0, 0, 0, 0, "Data:", 2},
	{"train-tokens", TOKENS + TRAIN, "FILE", 0, "Sentences to learn from, one a line (required)", 2},
	{"train-tags", TAGS + TRAIN, "FILE", 0, "Their tags, line by line and word by word (required)", 2},
	LOOKED_AT,
	{"unidirectional", UNIDIRECTIONAL, 0, 0, "Read forward only, not both ways", 1},
	{0},
};

static const struct argp_option eval_options[] = {{0, 0, 0, 0, "Data:", 2}, LOOKED_AT, {0}};

/* Both files of a part, or neither; and the option that is missing. */
static void check_parts(const tagger *t, struct argp_state *state)
{
	for (int k = 0; k < PARTS; k++)
		if (!t->tokens[k] != !t->tags[k])
			argp_error(state, "--%s-%s FILE is missing: tokens and tags come in two files", part_name(k),
				t->tokens[k] ? "tags" : "tokens");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	tagger *t = state->input;
	char option[32];
	if (key >= TOKENS && key < UNIDIRECTIONAL) {
		int part = (key - TOKENS) % PARTS;
		snprintf(option, sizeof option, "--%s-%s", part_name(part), key < TAGS ? "tokens" : "tags");
		(key < TAGS ? t->tokens : t->tags)[part] = option_path(state, option, arg);
		return 0;
	}
	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &t->reader.net; break;
	case UNIDIRECTIONAL: t->reader.net.bidirectional = false; break;
	case ARGP_KEY_END:
		check_parts(t, state);
		if (!t->tokens[TRAIN])
			argp_error(state, "--train-tokens FILE and --train-tags FILE are missing");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_eval(int key, char *arg, struct argp_state *state)
{
	const tagger *t = state->input;
	if (key != ARGP_KEY_END)
		return key == ARGP_KEY_INIT ? 0 : parse(key, arg, state);
	check_parts(t, state);
	if (!t->tokens[VALID] && !t->tokens[TEST])
		argp_error(state, "--test-tokens FILE and --test-tags FILE are missing");
	return 0;
}

static const struct argp_child children[] = {{&net_argp, 0, NULL, 0}, {0}};

#define FIGURES \
	"f1, precision and recall are of chunks (B-city I-city), as conlleval counts them, accuracy is of words, all " \
	"in percent; loss is in nats a word. A tag that training lacks can not be predicted, but counts: " \
	"unknown_tags says how often. "

const struct argp tagger_train_argp = {own_options, parse, NULL,
	"Train a net that gives each word of a sentence a tag."
	"\v"
	"embedding -> dropout -> recurrent layers, both ways -> dropout -> one score for each tag; --dropout is that of all "
	"places. The files of a part have the "
	"same number of lines, and each line as many tags as words. The last line on standard output is a JSON object; "
	FIGURES "Example:\n\n"
	"  tapeloop train tagger \\\n"
	"      --train-tokens train/seq.in --train-tags train/seq.out \\\n"
	"      --valid-tokens dev/seq.in --valid-tags dev/seq.out \\\n"
	"      --test-tokens test/seq.in --test-tags test/seq.out --out slots\n"
	"  tapeloop tag slots/model.safetensors < sentences\n", children, NULL, NULL};

const struct argp tagger_eval_argp = {eval_options, parse_eval, NULL,
	"How well a trained tagger does, as one JSON object."
	"\v" FIGURES "Example:\n\n"
	"  tapeloop eval tagger slots/model.safetensors \\\n"
	"      --test-tokens test/seq.in --test-tags test/seq.out\n",
	NULL, NULL, NULL};

void tagger_defaults(task *base, train_options *o)
{
	tagger *t = (tagger *)base;
	t->reader.net = (net_options){.cell = &tl_cell_lstm, .embed = 100, .hidden = 100, .layers = 1, .dropout = 0.5,
		.bidirectional = true};
	o->usual_lr = 1e-3;
	o->usual_keep = KEEP_BEST;
	o->clip = 0;
	o->batch = 16;
	o->epochs = 20;
}
