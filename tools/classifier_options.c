/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/classifier.h"

#include "models/cells.h"

/* PATHS + k is the option of part k. */
enum { PATHS = 0x100, UNIT = PATHS + PARTS, POOL, MIN_COUNT };

static const char *const units[] = {"char", "word", NULL};
static const words_rule unit_rules[] = {WORDS_CHAR, WORDS_SPACE};

#define LOOKED_AT                                                                                                  \
	{"valid", PATHS + VALID, "FILE", 0, "Texts that choose the best epoch", 2},                               \
	{"test", PATHS + TEST, "FILE", 0, "Texts that are looked at when all is done", 2}

static const struct argp_option own_options[] = {
	{0, 0, 0, 0, "Data:", 2},
	{"train", PATHS + TRAIN, "FILE", 0, "Texts to learn from, a line each: label, tab, text (required)", 2},
	LOOKED_AT,
	{"unit", UNIT, "char|word", 0, "What one symbol is; words stand between blanks (word)", 2},
	{"min-count", MIN_COUNT, "N", 0, "Symbols seen less often in the training texts are <unk> (1)", 2},
	{"pool", POOL, "last|mean|max", 0, "Which of the outputs over time, or what of all of them, is looked at (last)", 1},
	{0},
};

static const struct argp_option eval_options[] = {{0, 0, 0, 0, "Data:", 2}, LOOKED_AT, {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	classifier *t = state->input;
	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &t->reader.net; break;
	case PATHS + TRAIN: t->paths[TRAIN] = option_path(state, "--train", arg); break;
	case PATHS + VALID: t->paths[VALID] = option_path(state, "--valid", arg); break;
	case PATHS + TEST: t->paths[TEST] = option_path(state, "--test", arg); break;
	case UNIT: t->unit = unit_rules[option_word(state, "--unit", arg, units)]; break;
	case POOL: t->pool = (tl_pool_rule)option_word(state, "--pool", arg, option_pools); break;
	case MIN_COUNT: t->min_count = option_int(state, "--min-count", arg, 1, INT64_MAX); break;
	case ARGP_KEY_END:
		if (!t->paths[TRAIN])
			argp_error(state, "--train FILE is missing");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_eval(int key, char *arg, struct argp_state *state)
{
	const classifier *t = state->input;
	if (key != ARGP_KEY_END)
		return key == ARGP_KEY_INIT ? 0 : parse(key, arg, state);
	if (!t->paths[VALID] && !t->paths[TEST])
		argp_error(state, "--test FILE is missing");
	return 0;
}

static const struct argp_child children[] = {{&net_argp, 0, NULL, 0}, {0}};

#define FIGURES \
	"accuracy and macro_f1 (the mean of the labels' F1) are in percent, loss is in nats a text. "

const struct argp classifier_train_argp = {own_options, parse, NULL,
	"Train a net that gives a text a label."
	"\v"
	"embedding -> dropout -> recurrent layers -> pooling over time -> dropout -> one score for each label; "
	"--dropout is that of all places. The last line on standard output is a JSON object; " FIGURES "Examples:\n\n"
	"  tapeloop train classifier --train train.tsv --valid valid.tsv \\\n"
	"      --test test.tsv --out topics\n"
	"  tapeloop train classifier --train names.tsv --unit char --bidirectional \\\n"
	"      --pool max\n"
	"  tapeloop classify topics/model.safetensors < texts\n", children, NULL, NULL};

const struct argp classifier_eval_argp = {eval_options, parse_eval, NULL,
	"How well a trained classifier does, as one JSON object."
	"\v" FIGURES "Example:\n\n"
	"  tapeloop eval classifier topics/model.safetensors --test test.tsv\n",
	NULL, NULL, NULL};

void classifier_defaults(task *base, train_options *o)
{
	classifier *t = (classifier *)base;
	t->reader.net = (net_options){.cell = &tl_cell_lstm, .embed = 100, .hidden = 100, .layers = 1, .dropout = 0.3};
	t->unit = WORDS_SPACE;
	t->pool = TL_POOL_LAST;
	t->min_count = 1;
	o->usual_lr = 1e-3;
	o->usual_keep = KEEP_BEST;
}

bool classifier_config(const task *base, json_t *object)
{
	const classifier *t = (const classifier *)base;
	const char *unit = units[t->unit == unit_rules[1]];
	return reader_config(base, object) && json_object_set_new(object, "unit", json_string(unit)) == 0 &&
		json_object_set_new(object, "pool", json_string(option_pools[t->pool])) == 0;
}

tl_status classifier_configure(task *base, const json_t *object, tl_error *err)
{
	classifier *t = (classifier *)base;
	int unit = config_word(object, "unit", units, err);
	int pool = unit < 0 ? -1 : config_word(object, "pool", option_pools, err);
	if (pool < 0)
		return err->status;
	t->unit = unit_rules[unit];
	t->pool = (tl_pool_rule)pool;
	return reader_configure(base, object, err);
}
