/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/lm_options.h"

#include <stdlib.h>
#include <string.h>

#include "models/cells.h"
#include "tools/model_file.h"
#include "tools/progress.h"

enum { DATA = 0x100, UNIT, LOWERCASE, MIN_COUNT, LIMIT, SPLIT, LENGTH, SHIFT };

static const char *const units[] = {[UNIT_CHAR] = "char", [UNIT_WORD] = "word", NULL};

static const struct argp_option own_options[] = {
	{0, 0, 0, 0, "Text:", 2},
	{"data", DATA, "FILE", 0, "UTF-8 text to learn (required)", 2},
	{"unit", UNIT, "char|word", 0, "What one symbol is (char)", 2},
	{"min-count", MIN_COUNT, "N", 0, "Symbols seen less often in the training part are <unk> (1)", 2},
	{"split", SPLIT, "A,B,C", 0, "Percent of the text for training, validation, test (90,5,5)", 2},
	{"lowercase-letters", LOWERCASE, 0, 0,
		"Reduce the text to lower-case letters and single spaces, lines joined, as d2l.ai does", 2},
	{"limit", LIMIT, "N", 0, "Only the first N symbols", 2},
	{"length", LENGTH, "N", 0, "Time steps of a window (64); the state is carried from window to window, gradients are not", 2},
	{"shift", SHIFT, "N", 0, "Epoch e starts N (e-1) symbols later, modulo length + 1 (0)", 2},
	{0},
};

static const struct argp_option eval_options[] = {
	{0, 0, 0, 0, "Text:", 2},
	{"data", DATA, "FILE", 0, "Text to read (the one that the model was trained on)", 2},
	{"split", SPLIT, "A,B,C", 0, "Percent of the text for training, validation, test (as in training)", 2},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	lm_task *t = state->input;
	corpus_options *o = &t->text;
	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &t->net; break;
	case DATA: o->path = option_path(state, "--data", arg); break;
	case UNIT: o->unit = (text_unit)option_word(state, "--unit", arg, units); break;
	case LOWERCASE: o->lowercase_letters = true; break;
	case MIN_COUNT: o->min_count = option_int(state, "--min-count", arg, 1, INT64_MAX); break;
	case LIMIT: o->limit = option_int(state, "--limit", arg, 1, INT64_MAX); break;
	case SPLIT: option_split(state, arg, o->split); break;
	case LENGTH: t->length = option_int(state, "--length", arg, 1, 1 << 20); break;
	case SHIFT: t->shift = option_int(state, "--shift", arg, 0, 1 << 20); break;
	case ARGP_KEY_END:
		if (!o->path)
			argp_error(state, "--data FILE is missing");
		if (o->split[TRAIN] <= 0)
			argp_error(state, "--split leaves nothing to train on");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_eval(int key, char *arg, struct argp_state *state)
{
	lm_task *t = state->input;
	if (key == ARGP_KEY_INIT || key == ARGP_KEY_END)
		return 0;
	if (key == DATA) {
		t->other = true;
		t->text.limit = 0;
	}
	return parse(key, arg, state);
}

static const struct argp_child children[] = {{&net_argp, 0, NULL, 0}, {0}};

const struct argp lm_train_argp = {own_options, parse, NULL,
	"Train a recurrent language model on a text and save it."
	"\v"
	"The last line on standard output is a JSON object with loss (nats a symbol) and perplexity of each part "
	"of the text. Training loss is the mean over the last epoch, taken before each update; validation and test "
	"are read as one sequence. Examples:\n\n"
	"  tapeloop train lm --data book.txt --epochs 20 --out model\n"
	"  tapeloop train lm --data book.txt --cell gru --layers 2 --dropout 0.2\n"
	"  tapeloop train lm --data book.txt --unit word --embed 200 --hidden 200\n"
	"  tapeloop train lm --out model --resume\n", children, NULL, NULL};

const struct argp lm_eval_argp = {eval_options, parse_eval, NULL,
	"Loss (nats a symbol) and perplexity of a trained model, as one JSON object."
	"\v"
	"Each part of the text is read as one sequence. The text is prepared as in training. Examples:\n\n"
	"  tapeloop eval lm out/model.safetensors\n"
	"  tapeloop eval lm out/model.safetensors --data other.txt --split 0,0,100\n", NULL, NULL, NULL};

void lm_defaults(task *base, train_options *o)
{
	lm_task *t = (lm_task *)base;
	(void)o;
	t->net = NET_DEFAULTS;
	t->text = (corpus_options){.split = {90, 5, 5}};
	t->length = 64;
}

bool lm_config(const task *base, json_t *object)
{
	const lm_task *t = (const lm_task *)base;
	const corpus_options *o = &t->text;
	json_t *text = json_pack("{s:I, s:s, s:b, s:I, s:[f,f,f], s:s?}", "symbols", (json_int_t)base->vocab[0].n, "unit",
		units[o->unit], "lowercase_letters", o->lowercase_letters, "limit", (json_int_t)o->limit, "split",
		o->split[TRAIN], o->split[VALID], o->split[TEST], "data", o->path);
	bool done = net_to_json(&t->net, object) && text && json_object_update(object, text) == 0;
	json_decref(text);
	return done;
}

tl_status lm_configure(task *base, const json_t *object, tl_error *err)
{
	lm_task *t = (lm_task *)base;
	corpus_options *o = &t->text;
	double *part = o->split;
	int lowercase;
	const char *unit, *data = NULL;
	json_int_t symbols, limit;
	json_error_t why;
	if (net_from_json(&t->net, object, err))
		return err->status;
	if (json_unpack_ex((json_t *)object, &why, 0, "{s:I, s:s, s:b, s:I, s:[F,F,F], s?s}", "symbols", &symbols, "unit",
		    &unit, "lowercase_letters", &lowercase, "limit", &limit, "split", &part[TRAIN], &part[VALID],
		    &part[TEST], "data", &data))
		return tl_error_set(err, TL_ERR_FORMAT, "the configuration is incomplete: %s", why.text);
	if (symbols != base->vocab[0].n)
		return tl_error_set(err, TL_ERR_FORMAT, "the configuration has %lld symbols, the vocabulary %lld",
			(long long)symbols, (long long)base->vocab[0].n);
	if (limit < 0)
		return tl_error_set(err, TL_ERR_FORMAT, "the configuration's sizes are out of range");
	bool word = strcmp(unit, units[UNIT_WORD]) == 0;
	if (!word && strcmp(unit, units[UNIT_CHAR]))
		return tl_error_set(err, TL_ERR_FORMAT, "the unit '%.40s' is unknown", unit);
	double sum = part[TRAIN] + part[VALID] + part[TEST];
	if (!(part[TRAIN] >= 0 && part[VALID] >= 0 && part[TEST] >= 0 && sum > 0 && sum <= 100 + 1e-9))
		return tl_error_set(err, TL_ERR_FORMAT, "the split of the text is no three percentages");
	o->unit = word ? UNIT_WORD : UNIT_CHAR;
	o->lowercase_letters = lowercase;
	o->limit = limit;
	if (data && !(t->data = strdup(data)))
		return tl_error_memory(err);
	o->path = t->data;
	if (t->net.embed && model_expect(base, "embed.table", TL_SHAPE(symbols, t->net.embed), err))
		return err->status;
	int64_t out = t->net.project ? t->net.project : t->net.hidden;
	if (model_expect(base, "out.w", TL_SHAPE(out, symbols), err))
		return err->status;
	return model_expect_net(base, "rnn", &t->net, err);
}

void lm_print(const task *base, FILE *to)
{
	const lm_task *t = (const lm_task *)base;
	const tl_lm_options *o = &t->lm->options;
	const corpus_options *text = &t->text;
	char number[32];
	fprintf(to, "cell         %s: %s\n", o->cell->name, o->cell->equations ? o->cell->equations : "");
	fprintf(to, "sizes        %lld symbols, ", (long long)o->symbols);
	if (o->embed)
		fprintf(to, "embedding %lld, ", (long long)o->embed);
	else
		fprintf(to, "one-hot input, ");
	fprintf(to, "%lld hidden units, %d layer%s, dropout %g\n", (long long)o->hidden, t->lm->rnn->options.layers,
		t->lm->rnn->options.layers == 1 ? "" : "s", o->dropout);
	fprintf(to, "text         %s, one symbol a %s%s, split %g,%g,%g", text->path ? text->path : "not named",
		text->unit == UNIT_WORD ? "word" : "character", text->lowercase_letters ? ", lower-case letters only" : "",
		text->split[TRAIN], text->split[VALID], text->split[TEST]);
	if (text->limit)
		fprintf(to, ", first %s symbols", count_text(text->limit, number));
	putc('\n', to);
}
