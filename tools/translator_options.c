/* SPDX-License-Identifier: Apache-2.0 */
/* The translator's options, and its configuration in a model file. */
#include <string.h>

#include "models/cells.h"
#include "tools/model_file.h"
#include "tools/translator.h"

enum {
	SOURCES = 0x100, TARGETS = SOURCES + PARTS, DATA = TARGETS + PARTS, TESTS, VALIDS, TOKENS, MIN_COUNT, MAX_LENGTH,
	MAX_OUTPUT, BEAM, SELECT, UNIDIRECTIONAL, DECODER_CELL, DECODER_LAYERS, ENCODER_HIDDEN, CONV, ATTENTION,
	ATTENTION_HIDDEN, HEADS, SMOOTHING, TEACHER
};

static const char *const rules[] = {[WORDS_SPACE] = "space", [WORDS_CHAR] = "char", [WORDS_MARKS] = "marks", NULL};
static const char *const attentions[] = {"none", "dot", "scaled_dot", "general", "additive", "concat", NULL};

#define DATA_OPTIONS(required) \
	{0, 0, 0, 0, "Data:", 2}, \
	{"data", DATA, "FILE", 0, "Pairs, a line each: source, tab, target; split by source" required, 2}, \
	{"train-source", SOURCES + TRAIN, "FILE", 0, "In place of --data: sentences, one a line, ...", 2}, \
	{"train-target", TARGETS + TRAIN, "FILE", 0, "... and line by line their translations", 2}, \
	{"valid-source", SOURCES + VALID, "FILE", 0, "The same to watch training by", 2}, \
	{"valid-target", TARGETS + VALID, "FILE", 0, 0, 2}, \
	{"test-source", SOURCES + TEST, "FILE", 0, "The same to be looked at when all is done", 2}, \
	{"test-target", TARGETS + TEST, "FILE", 0, 0, 2}, \
	{"tests", TESTS, "N", 0, "Sources of --data that are test: the first N by the md5 of their bytes (1000)", 2}, \
	{"valids", VALIDS, "N", 0, "Sources that are validation: the next N (500)", 2}, \
	{"max-length", MAX_LENGTH, "N", 0, "Most tokens of a sentence; a longer one is refused (100)", 2}, \
	{"max-output", MAX_OUTPUT, "N", 0, "Most tokens of a translation (as the longest target of training)", 2}, \
	{"beam", BEAM, "N", 0, "Width of the test's beam search; 1: greedy only (5)", 2}

static const struct argp_option train_options_[] = {
	DATA_OPTIONS(" (required)"),
	{"tokens", TOKENS, "marks|space|char", 0,
		"How sentences are cut: lower case, every mark a token, the rest at blanks; at blanks; into characters (marks)", 2},
	{"min-count", MIN_COUNT, "N", 0, "Tokens seen less often in training are <unk> (2)", 2},
	{"unidirectional", UNIDIRECTIONAL, 0, 0, "The encoder reads forward only, not both ways", 1},
	{"encoder-hidden", ENCODER_HIDDEN, "N", 0, "Size of the encoder's state in each direction (--hidden)", 1},
	{"conv", CONV, "N", 0, "The encoder is --layers convolutions over N neighbouring tokens, not recurrent", 1},
	{"decoder-cell", DECODER_CELL, "NAME", 0, "Of the decoder (--cell)", 1},
	{"decoder-layers", DECODER_LAYERS, "N", 0, "Of the decoder (--layers)", 1},
	{"attention", ATTENTION, "NAME", 0, "none, dot, scaled_dot, general, additive, concat (additive)", 1},
	{"attention-hidden", ATTENTION_HIDDEN, "N", 0, "Size of additive's and concat's tanh (--hidden)", 1},
	{"heads", HEADS, "N", 0, "Of the attention, with projections if more than one (1)", 1},
	{"teacher-rate", TEACHER, "P", 0,
		"Probability that the decoder reads the true previous token in training, not its own (1)", 3},
	{"label-smoothing", SMOOTHING, "P", 0, "Share of a label that all tokens get alike, in training (0)", 3},
	{"select", SELECT, "loss|bleu", 0, "What tells the best epoch, for --keep best and --patience (bleu)", 3},
	{0},
};

static const struct argp_option eval_options[] = {DATA_OPTIONS(""), {0}};

/* Pairs of files, or one file; and what the option is that is missing. */
static void check_data(const translator *t, struct argp_state *state)
{
	bool any = false;
	for (int k = 0; k < PARTS; k++) {
		const bitext_files *f = &t->files[k];
		any = any || f->source || f->target;
		if (!f->source != !f->target)
			argp_error(state, "--%s-%s FILE is missing: sources and targets come in two files", part_name(k),
				f->source ? "target" : "source");
	}
	if (any && t->data)
		argp_error(state, "--data and files for each part exclude each other");
	if (!any && !t->data)
		argp_error(state, "--data FILE is missing");
}

static void parse_model(int key, char *arg, struct argp_state *state, translator *t)
{
	switch (key) {
	case UNIDIRECTIONAL: t->net.bidirectional = false; break;
	case DECODER_CELL: t->decoder_cell = option_cell(state, arg); break;
	case DECODER_LAYERS: t->decoder_layers = option_int(state, "--decoder-layers", arg, 1, 1000); break;
	case ENCODER_HIDDEN: t->encoder_hidden = option_int(state, "--encoder-hidden", arg, 1, 65536); break;
	case CONV: t->kernel = option_int(state, "--conv", arg, 1, 1024); break;
	case ATTENTION: t->attention = option_word(state, "--attention", arg, attentions); break;
	case ATTENTION_HIDDEN: t->attention_hidden = option_int(state, "--attention-hidden", arg, 1, 65536); break;
	case HEADS: t->heads = option_int(state, "--heads", arg, 1, 1024); break;
	case SMOOTHING: t->smoothing = option_real(state, "--label-smoothing", arg, 0, 1); break;
	case TEACHER: t->teacher_rate = option_real(state, "--teacher-rate", arg, 0, 1); break;
	case SELECT: t->by_bleu = option_word(state, "--select", arg, (const char *[]){"loss", "bleu", NULL}); break;
	}
}

static error_t parse_data(int key, char *arg, struct argp_state *state)
{
	translator *t = state->input;
	char option[32];
	if (key >= SOURCES && key < DATA) {
		int part = (key - SOURCES) % PARTS;
		bool source = key < TARGETS;
		snprintf(option, sizeof option, "--%s-%s", part_name(part), source ? "source" : "target");
		*(source ? &t->files[part].source : &t->files[part].target) = option_path(state, option, arg);
		return 0;
	}
	switch (key) {
	case ARGP_KEY_INIT: break;
	case DATA: t->data = option_path(state, "--data", arg); break;
	case TESTS: t->tests = option_int(state, "--tests", arg, 0, INT32_MAX); break;
	case VALIDS: t->valids = option_int(state, "--valids", arg, 0, INT32_MAX); break;
	case MAX_LENGTH: t->max_length = option_int(state, "--max-length", arg, 1, 1 << 20); break;
	case MAX_OUTPUT: t->limit = option_int(state, "--max-output", arg, 1, 1 << 20); break;
	case BEAM: t->beam = option_int(state, "--beam", arg, 1, 1024); break;
	case ARGP_KEY_END: check_data(t, state); break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* Options that would change nothing are mistakes. */
static void check_model(const translator *t, struct argp_state *state)
{
	const net_options *n = &t->net;
	if (t->kernel && (n->start || n->project || n->checkpoint || n->tbptt || n->recurrent_dropout > 0 || n->zoneout > 0))
		argp_error(state, "--conv: an encoder of convolutions has no states, to which --start, --project, "
			"--checkpoint, --tbptt, --recurrent-dropout and --zoneout belong");
	if (!t->attention && t->heads > 1)
		argp_error(state, "--heads: there is no attention, of which this is the number of heads");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	translator *t = state->input;
	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &t->net; break;
	case TOKENS: t->rule = (words_rule)option_word(state, "--tokens", arg, rules); break;
	case MIN_COUNT: t->min_count = option_int(state, "--min-count", arg, 1, INT64_MAX); break;
	case ARGP_KEY_END:
		check_data(t, state);
		if (!t->data && !t->files[TRAIN].source)
			argp_error(state, "--train-source FILE and --train-target FILE are missing");
		check_model(t, state);
		break;
	default:
		if (key < SELECT || key > TEACHER)
			return parse_data(key, arg, state);
		parse_model(key, arg, state, t);
	}
	return 0;
}

static const struct argp_child children[] = {{&net_argp, 0, NULL, 0}, {0}};

#define FIGURES \
	"bleu_greedy and bleu_beam are corpus BLEU of the tokens against all translations that a source has, as " \
	"sacrebleu counts them with tokenize='none'; loss is in nats a target token, </s> among them. "

const struct argp translator_train_argp = {train_options_, parse, NULL,
	"Train an encoder-decoder that turns one sentence into another."
	"\v"
	"Further options of recurrent layers (--zoneout, --start, --tbptt ...) are those of the encoder. Attention by "
	"dot or scaled_dot needs several --heads, or an encoder whose output is as large as --hidden. "
	"A source is never in two parts, and the split depends on no seed. The last line on standard output is a JSON "
	"object; "
	FIGURES "Examples:\n\n"
	"  tapeloop train translator --data pairs.tsv --out fra\n"
	"  tapeloop train translator --train-source a.en --train-target a.fr \\\n"
	"      --valid-source b.en --valid-target b.fr --patience 3 --keep best\n"
	"  tapeloop translate fra/model.safetensors < sentences\n", children, NULL, NULL};

const struct argp translator_eval_argp = {eval_options, parse_data, NULL,
	"How well a trained translator does, as one JSON object."
	"\v" FIGURES "Examples:\n\n"
	"  tapeloop eval translator fra/model.safetensors --data pairs.tsv\n"
	"  tapeloop eval translator fra/model.safetensors \\\n"
	"      --test-source c.en --test-target c.fr --beam 10\n",
	NULL, NULL, NULL};

void translator_defaults(task *base, train_options *o)
{
	translator *t = (translator *)base;
	t->net = (net_options){
		.cell = &tl_cell_gru_lbr, .embed = 128, .hidden = 256, .layers = 1, .dropout = 0.2, .bidirectional = true};
	t->attention = 1 + TL_SCORE_ADDITIVE;
	t->heads = 1;
	t->teacher_rate = 1;
	t->tests = 1000;
	t->valids = 500;
	t->rule = WORDS_MARKS;
	t->min_count = 2;
	t->max_length = 100;
	t->beam = 5;
	t->by_bleu = true;
	if (!o)
		return;
	o->usual_lr = 1e-3;
	o->batch = 64;
	o->epochs = 15;
}

bool translator_config(const task *base, json_t *object)
{
	const translator *t = (const translator *)base;
	const tl_seq2seq_options *o = &t->model->options;
	json_t *own = json_pack("{s:s, s:I, s:I, s:I, s:s, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:f, s:f}", "decoder_cell",
		o->decoder_cell->name, "decoder_layers", (json_int_t)o->decoder_layers, "encoder_hidden",
		(json_int_t)o->encoder_hidden, "conv", (json_int_t)o->kernel, "attention", attentions[t->attention],
		"attention_hidden", (json_int_t)o->attention_hidden, "heads", (json_int_t)o->heads, "tokens", rules[t->rule],
		"tests", (json_int_t)t->tests, "valids", (json_int_t)t->valids, "max_length", (json_int_t)t->max_length,
		"max_output", (json_int_t)t->limit, "teacher_rate", t->teacher_rate, "label_smoothing", t->smoothing);
	bool done = net_to_json(&t->net, object) && own && json_object_update(object, own) == 0;
	json_decref(own);
	return done;
}

/* The place of a word in a list; -1. */
static int find(const char *const *words, const char *word)
{
	for (int k = 0; words[k]; k++)
		if (!strcmp(words[k], word))
			return k;
	return -1;
}

static bool within(int64_t n, int64_t low, int64_t high)
{
	return n >= low && n <= high;
}

/* Do the weights have the sizes that the configuration tells? */
static tl_status check_weights(const translator *t, tl_error *err)
{
	const task *base = &t->base;
	const net_options *n = &t->net;
	net_options decoder = {.cell = t->decoder_cell, .layers = t->decoder_layers};
	if (n->embed && (model_expect(base, "encoder.embed.table", TL_SHAPE(base->vocab[SOURCE].n, n->embed), err) ||
				model_expect(base, "target.table", TL_SHAPE(base->vocab[TARGET].n, n->embed), err)))
		return err->status;
	if (model_expect(base, "out.b", TL_SHAPE(base->vocab[TARGET].n), err) ||
		(!t->kernel && model_expect_net(base, "encoder", n, err)))
		return err->status;
	return model_expect_net(base, "decoder", &decoder, err);
}

tl_status translator_configure(task *base, const json_t *object, tl_error *err)
{
	translator *t = (translator *)base;
	const char *cell, *attention, *rule;
	json_int_t layers, hidden, kernel, tanh_size, heads, tests, valids, length, output;
	json_error_t why;
	if (net_from_json(&t->net, object, err))
		return err->status;
	if (json_unpack_ex((json_t *)object, &why, 0, "{s:s, s:I, s:I, s:I, s:s, s:I, s:I, s:s, s:I, s:I, s:I, s:I}",
		    "decoder_cell", &cell, "decoder_layers", &layers, "encoder_hidden", &hidden, "conv", &kernel, "attention",
		    &attention, "attention_hidden", &tanh_size, "heads", &heads, "tokens", &rule, "tests", &tests, "valids",
		    &valids, "max_length", &length, "max_output", &output))
		return tl_error_set(err, TL_ERR_FORMAT, "the configuration is incomplete: %s", why.text);
	if (!(t->decoder_cell = tl_cell_by_name(cell)))
		return tl_error_set(err, TL_ERR_FORMAT, "the cell '%.40s' is unknown", cell);
	int score = find(attentions, attention), words = find(rules, rule);
	if (score < 0 || words < 0)
		return tl_error_set(err, TL_ERR_FORMAT, "the configuration's attention '%.40s' or tokens '%.40s' are unknown",
			attention, rule);
	if (!within(layers, 1, 1000) || !within(hidden, 1, 65536) || !within(kernel, 0, 1024) ||
		!within(tanh_size, 0, 65536) || !within(heads, 1, 1024) || !within(tests, 0, INT32_MAX) ||
		!within(valids, 0, INT32_MAX) || !within(length, 1, 1 << 20) || !within(output, 1, 1 << 20))
		return tl_error_set(err, TL_ERR_FORMAT, "the configuration's sizes are out of range");
	t->decoder_layers = layers;
	t->encoder_hidden = hidden;
	t->kernel = kernel;
	t->attention = score;
	t->attention_hidden = tanh_size;
	t->heads = heads;
	t->rule = (words_rule)words;
	t->tests = tests;
	t->valids = valids;
	t->max_length = length;
	t->limit = output;
	return check_weights(t, err);
}
