/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/lm_options.h"

#include <stdlib.h>
#include <string.h>

#include "models/cells.h"
#include "tools/model_file.h"
#include "tools/progress.h"

enum { DATA = 0x100, UNIT, LOWERCASE, MIN_COUNT, LIMIT, SPLIT, LENGTH, SHIFT, MODEL, ORDER, STATES };

static const char *const units[] = {[UNIT_CHAR] = "char", [UNIT_WORD] = "word", NULL};

static const struct argp_option own_options[] = {
	{"model", MODEL, "NAME", 0,
		"rnn (default); markov: a feed-forward net on the last symbols; hmm: a hidden Markov model; ngram: counts", 1},
	{"order", ORDER, "N", 0, "Symbols that markov looks back (4); longest n-gram of ngram (5)", 1},
	{"states", STATES, "N", 0, "Hidden states of hmm (32)", 1},
	{0, 0, 0, 0, "Text:", 2},
	{"data", DATA, "FILE", 0, "UTF-8 text to learn (required)", 2},
	{"unit", UNIT, "char|word", 0, "What one symbol is (char)", 2},
	{"min-count", MIN_COUNT, "N", 0, "Symbols seen less often in the training part are <unk> (1)", 2},
	{"split", SPLIT, "A,B,C", 0, "Percent of the text for training, validation, test (90,5,5)", 2},
	{"lowercase-letters", LOWERCASE, 0, 0,
		"Reduce the text to lower-case letters and single spaces, lines joined, as d2l.ai does", 2},
	{"limit", LIMIT, "N", 0, "Only the first N symbols", 2},
	{"length", LENGTH, "N", 0,
		"Time steps of a window (64); the state is carried from window to window, gradients are not", 2},
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
	case MODEL:
		if (!(t->model = lm_model_by_name(arg)))
			argp_error(state, "--model: '%s' is none of rnn, markov, hmm, ngram", arg);
		break;
	case ORDER: t->order = option_int(state, "--order", arg, 1, LM_MOST); break;
	case STATES: t->states = option_int(state, "--states", arg, 1, LM_MOST); break;
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
	if (key == ARGP_KEY_INIT)
		state->child_inputs[0] = &t->base.foreign;
	if (key == ARGP_KEY_INIT || key == ARGP_KEY_END)
		return 0;
	if (key == DATA) {
		t->other = true;
		t->text.limit = 0;
	}
	return parse(key, arg, state);
}

static const struct argp_child children[] = {{&net_argp, 0, NULL, 0}, {0}};
static const struct argp_child foreign_children[] = {{&foreign_argp, 0, NULL, 0}, {0}};

const struct argp lm_train_argp = {own_options, parse, NULL,
	"Train a language model on a text and save it: a recurrent one, or one to compare it with."
	"\v"
	"The last line on standard output is a JSON object with loss (nats a symbol) and perplexity of each part "
	"of the text. Training loss is the mean over the last epoch, taken before each update; validation and test "
	"are read as one sequence. Examples:\n\n"
	"  tapeloop train lm --data book.txt --epochs 20 --out model\n"
	"  tapeloop train lm --data book.txt --cell gru --layers 2 --dropout 0.2\n"
	"  tapeloop train lm --data book.txt --unit word --embed 200 --hidden 200\n"
	"  tapeloop train lm --data book.txt --model ngram --order 6\n"
	"  tapeloop train lm --data book.txt --model hmm --states 64 --lr 0.1\n"
	"  tapeloop train lm --out model --resume\n", children, NULL, NULL};

const struct argp lm_eval_argp = {eval_options, parse_eval, NULL,
	"Loss (nats a symbol) and perplexity of a trained model, as one JSON object."
	"\v"
	"Each part of the text is read as one sequence. The text is prepared as in training; a symbol that training did "
	"not know is refused, unless the model has <unk>, as by --min-count 2. Examples:\n\n"
	"  tapeloop eval lm out/model.safetensors\n"
	"  tapeloop eval lm out/model.safetensors --data other.txt --split 0,0,100\n"
	"  tapeloop eval lm charlm.safetensors --vocab book.txt --data book.txt\n\n"
	"The last one reads what PyTorch's save_file(model.state_dict(), \"charlm.safetensors\") wrote.\n", foreign_children,
	NULL, NULL};

void lm_defaults(task *base, train_options *o)
{
	lm_task *t = (lm_task *)base;
	(void)o;
	t->net = NET_DEFAULTS;
	t->model = &lm_model_rnn;
	t->text = (corpus_options){.split = {90, 5, 5}};
	t->length = 64;
}

bool lm_config(const task *base, json_t *object)
{
	const lm_task *t = (const lm_task *)base;
	const corpus_options *o = &t->text;
	json_t *text = json_pack("{s:I, s:s, s:b, s:I, s:[f,f,f], s:s*}", "symbols", (json_int_t)base->vocab[0].n, "unit",
		units[o->unit], "lowercase_letters", o->lowercase_letters, "limit", (json_int_t)o->limit, "split",
		o->split[TRAIN], o->split[VALID], o->split[TEST], "data", o->path);
	bool done = net_to_json(&t->net, object) && text && json_object_update(object, text) == 0;
	json_decref(text);
	if (done && t->model != &lm_model_rnn)
		done = json_object_set_new(object, "model", json_string(t->model->name)) == 0 &&
			json_object_set_new(object, "order", json_integer(t->order)) == 0 &&
			json_object_set_new(object, "states", json_integer(t->states)) == 0;
	return done;
}

/* Which kind of model it is. */
static tl_status configure_model(lm_task *t, const json_t *object, tl_error *err)
{
	const char *model = lm_model_rnn.name;
	json_int_t order = 0, states = 0;
	json_error_t why;
	if (json_unpack_ex(
		    (json_t *)object, &why, 0, "{s?s, s?I, s?I}", "model", &model, "order", &order, "states", &states))
		return tl_error_set(err, TL_ERR_FORMAT, "the configuration is damaged: %s", why.text);
	const lm_model *found = lm_model_by_name(model);
	if (!found)
		return tl_error_set(err, TL_ERR_FORMAT, "the model '%.40s' is unknown", model);
	t->model = found;
	bool fits = order >= (t->model->order > 0) && order <= LM_MOST && states >= (t->model == &lm_model_hmm) &&
		states <= LM_MOST;
	t->order = order;
	t->states = states;
	return fits ? TL_OK : tl_error_set(err, TL_ERR_FORMAT, "the configuration's sizes are out of range");
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
	if (net_from_json(&t->net, object, err) || configure_model(t, object, err))
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
	return t->model->expect(t, err);
}

void lm_print(const task *base, FILE *to)
{
	const lm_task *t = (const lm_task *)base;
	const corpus_options *text = &t->text;
	char number[32], model[128];
	t->model->describe(t, model, sizeof model);
	fprintf(to, "model        %s\n", model);
	if (t->model == &lm_model_rnn)
		fprintf(to, "cell         %s: %s\n", t->net.cell->name, t->net.cell->equations ? t->net.cell->equations : "");
	fprintf(to, "sizes        %lld symbols", (long long)base->vocab[0].n);
	if (t->model == &lm_model_rnn || t->model == &lm_model_markov) {
		if (t->net.embed)
			fprintf(to, ", embedding %lld", (long long)t->net.embed);
		else
			fprintf(to, ", one-hot input");
		fprintf(to, ", %lld hidden units", (long long)t->net.hidden);
	}
	if (t->model == &lm_model_rnn)
		fprintf(to, ", %lld layer%s, dropout %g", (long long)t->net.layers, t->net.layers == 1 ? "" : "s",
			t->net.dropout);
	putc('\n', to);
	fprintf(to, "text         %s, one symbol a %s%s, split %g,%g,%g", text->path ? text->path : "not named",
		text->unit == UNIT_WORD ? "word" : "character", text->lowercase_letters ? ", lower-case letters only" : "",
		text->split[TRAIN], text->split[VALID], text->split[TEST]);
	if (text->limit)
		fprintf(to, ", first %s symbols", count_text(text->limit, number));
	putc('\n', to);
}
