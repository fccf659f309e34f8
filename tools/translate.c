/* SPDX-License-Identifier: Apache-2.0 */
/* tapeloop translate */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/command.h"
#include "tools/image.h"
#include "tools/line_groups.h"
#include "tools/model_file.h"
#include "tools/options.h"
#include "tools/tasks.h"
#include "tools/translator_picture.h"

#define GROUP 1024 /* lines that are sorted by length and searched in batches */

typedef struct translate {
	const char *model, *picture;
	search_options search;
	int64_t batch, threads, max_length, max_output;
	translator *t;
	heatmap *drawn; /* NULL: no picture is wanted */
	sentences group;
	tl_beam_result **found; /* of the group's batches */
	const tl_beam_list **answer; /* GROUP: for each line; NULL: it is empty */
} translate;

enum {
	BEAM = 0x100, NBEST, ALPHA, MAX_RATIO, MAX_LENGTH, MAX_OUTPUT, SAMPLE, TEMPERATURE, TOP_K, SEED, ATTENTION, BATCH,
	THREADS
};

static const struct argp_option options[] = {
	{0, 0, 0, 0, "Search:", 1},
	{"beam", BEAM, "N", 0, "Hypotheses of a sentence that are followed; 1: greedy (5)", 1},
	{"nbest", NBEST, "N", 0, "Print the N best, each as: number of the line, tab, score, tab, translation", 1},
	{"alpha", ALPHA, "X", 0, "score = log P / length^alpha (0.75)", 1},
	{"max-ratio", MAX_RATIO, "X", 0, "Most tokens for each token of the source (no limit)", 1},
	{"max-output", MAX_OUTPUT, "N", 0, "Most tokens of a translation (as in training)", 1},
	{"max-length", MAX_LENGTH, "N", 0, "Most tokens of a line; a longer one is refused (as in training)", 1},
	{0, 0, 0, 0, "Drawing at random:", 2},
	{"sample", SAMPLE, 0, 0, "Draw each token at random instead of searching", 2},
	{"temperature", TEMPERATURE, "X", 0, "1: as the model thinks likely (default); lower: safer; 0: the likeliest", 2},
	{"top-k", TOP_K, "N", 0, "Draw among the N likeliest tokens only (0: all)", 2},
	{"seed", SEED, "N", 0, "Another number, other translations (1)", 2},
	{0, 0, 0, 0, "Running:", 3},
	{"attention", ATTENTION, "FILE.svg", 0,
		"Draw which source tokens each token of the best translation looked at, for every line", 3},
	{"batch", BATCH, "N", 0, "Lines searched side by side (64)", 3},
	{"threads", THREADS, "N", 0, "Threads (TL_THREADS, or all cores)", 3},
	{0},
};

static const char doc[] =
	"Translate standard input, line by line."
	"\v"
	"The model is a file that `tapeloop train translator` saved. Lines are cut as in training, and for each a line of "
	"tokens is printed, an empty one for an empty one. Lines are answered as they come. Examples:\n\n"
	"  tapeloop translate fra/model.safetensors < sentences > translations\n"
	"  echo 'He is a teacher.' | tapeloop translate fra/model.safetensors --nbest 5\n"
	"  echo 'He is a teacher.' | tapeloop translate fra/model.safetensors \\\n"
	"      --attention teacher.svg\n";

static error_t parse_search(int key, char *arg, struct argp_state *state, search_options *o)
{
	switch (key) {
	case BEAM: o->beam = option_int(state, "--beam", arg, 1, 1024); break;
	case NBEST: o->n_best = option_int(state, "--nbest", arg, 1, 1024); break;
	case ALPHA: o->alpha = option_real(state, "--alpha", arg, 0, 100); break;
	case MAX_RATIO: o->max_ratio = option_real(state, "--max-ratio", arg, 1e-3, 1e6); break;
	case SAMPLE: o->draw = true; break;
	case TEMPERATURE: o->temperature = option_real(state, "--temperature", arg, 0, 1000); break;
	case TOP_K: o->top_k = option_int(state, "--top-k", arg, 0, INT64_MAX); break;
	case SEED: o->seed = option_int(state, "--seed", arg, 0, INT64_MAX); break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	translate *o = state->input;
	switch (key) {
	case MAX_LENGTH: o->max_length = option_int(state, "--max-length", arg, 1, 1 << 20); break;
	case MAX_OUTPUT: o->max_output = option_int(state, "--max-output", arg, 1, 1 << 20); break;
	case ATTENTION: o->picture = option_path(state, "--attention", arg); break;
	case BATCH: o->batch = option_int(state, "--batch", arg, 1, GROUP); break;
	case THREADS: o->threads = option_int(state, "--threads", arg, 1, 4096); break;
	case ARGP_KEY_ARG: option_model(state, &o->model, arg, "; lines are read from standard input"); break;
	case ARGP_KEY_END:
		if (!o->model)
			argp_error(state, "say which model: a file that `tapeloop train translator` saved");
		if (o->search.draw && o->search.n_best > 1)
			argp_error(state, "--sample draws one translation, and --nbest asks for more");
		if (!o->search.draw && o->search.n_best > o->search.beam)
			argp_error(state, "--nbest may not be more than --beam");
		break;
	default: return parse_search(key, arg, state, &o->search);
	}
	return 0;
}

static void print_hypothesis(const translate *o, int64_t line, const tl_hypothesis *h)
{
	char **words = o->t->base.vocab[TARGET].symbols;
	const char *between = o->t->rule == WORDS_CHAR ? "" : " ";
	if (o->search.n_best > 1)
		printf("%" PRId64 "\t%.6g\t", line + 1, h ? h->score : 0);
	for (int64_t k = 0; h && k < h->n; k++)
		printf("%s%s", k ? between : "", words[h->symbols[k]]);
	putchar('\n');
}

static tl_status print_group(translate *o, tl_error *err)
{
	const sentences *s = &o->group;
	for (int64_t i = 0; i < s->n; i++) {
		const tl_beam_list *list = o->answer[i];
		if (!list)
			print_hypothesis(o, s->line[i], NULL);
		for (int64_t k = 0; list && k < list->n; k++)
			print_hypothesis(o, s->line[i], &list->v[k]);
		if (list && o->drawn && translator_draw(o->t, s, i, &list->v[0], o->drawn, err))
			return err->status;
	}
	if (fflush(stdout) || ferror(stdout))
		return tl_error_set(err, TL_ERR_IO, "standard output: %s", strerror(errno));
	return TL_OK;
}

/* Batch k of the group, without the empty lines, which stand in front. */
static tl_status search_batch(translate *o, const sequences *ids, const batches *order, int64_t k, tl_error *err)
{
	int64_t rows, empty = 0;
	const int64_t *which = batches_get(order, k, &rows);
	int64_t number[GROUP];
	while (empty < rows && sentence_length(&o->group, which[empty]) == 0)
		o->answer[which[empty++]] = NULL;
	if (empty == rows)
		return TL_OK;
	for (int64_t r = empty; r < rows; r++)
		number[r] = o->group.line[which[r]];
	o->found[k] = translator_search(
		o->t, ids, which + empty, number + empty, rows - empty, &o->search, err);
	for (int64_t r = empty; o->found[k] && r < rows; r++)
		o->answer[which[r]] = &o->found[k]->of[r - empty];
	return err->status;
}

/* Translations of the group, printed. */
static tl_status answer_group(translate *o, tl_error *err)
{
	sequences ids = {0};
	batches order = {0};
	const vocab *words = &o->t->base.vocab[SOURCE];
	if (o->group.n == 0)
		return TL_OK;
	tl_status status = sequences_encode(&ids, &o->group, words, VOCAB_END, SEQUENCES_REFUSE, "token", err);
	if (status)
		return status;
	batch_options by_length = {.n = o->group.n, .size = o->batch, .sorted = true, .length1 = ids.length};
	status = batches_init(&order, &by_length, err);
	if (!status)
		batches_epoch(&order, 1);
	for (int64_t k = 0; k < order.count && !status; k++)
		status = search_batch(o, &ids, &order, k, err);
	if (!status)
		status = print_group(o, err);
	for (int64_t k = 0; k < order.count; k++) {
		tl_beam_result_free(o->found[k]);
		o->found[k] = NULL;
	}
	batches_release(&order);
	sequences_release(&ids);
	return status;
}

/* Lines before one that is refused are answered. */
static tl_status answer_all(translate *o, line_reader *r, tl_error *err)
{
	for (bool more = true; more && !err->status;) {
		tl_error why = {0};
		line_group_next(r, &o->group, o->t->rule, GROUP, &more, &why);
		for (int64_t i = 0; i < o->group.n; i++)
			if (sentence_length(&o->group, i) > o->t->max_length) {
				why.status = TL_OK;
				sentences_check_length(&o->group, o->t->max_length, "--max-length", &why);
				o->group.n = i;
			}
		if (!answer_group(o, err) && why.status)
			*err = why;
	}
	return err->status;
}

static tl_status prepare(translate *o, tl_error *err)
{
	translator *t = o->t;
	t->max_length = o->max_length ? o->max_length : t->max_length;
	t->limit = o->max_output ? o->max_output : t->limit;
	if (o->picture && !t->attention)
		return tl_error_set(err, TL_ERR_ARGUMENT, "--attention: the model has none");
	if (o->picture && strcmp(image_ending(o->picture), "svg"))
		return tl_error_set(err, TL_ERR_ARGUMENT, "--attention %s: the ending must be .svg", o->picture);
	if (o->picture && !(o->drawn = heatmap_new(0, 1)))
		return tl_error_memory(err);
	t->base.tape = tl_tape_new(&(tl_tape_options){.threads = (int)o->threads});
	o->found = calloc(GROUP, sizeof *o->found);
	o->answer = calloc(GROUP, sizeof *o->answer);
	return t->base.tape && o->found && o->answer ? TL_OK : tl_error_memory(err);
}

tl_status command_translate(int argc, char **argv, tl_error *err)
{
	static const struct argp argp = {options, parse, "MODEL", doc, NULL, NULL, NULL};
	translate o = {.batch = 64, .search = SEARCH_DEFAULTS};
	line_reader reader;
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	if (!(o.t = (translator *)model_load(o.model, &translator_kind, err)))
		return err->status;
	line_reader_init(&reader, stdin, "standard input");
	if (!prepare(&o, err) && !sentences_init(&o.group, reader.name, err))
		answer_all(&o, &reader, err);
	if (!err->status && o.drawn)
		heatmap_write(o.drawn, o.picture, err);
	line_reader_release(&reader);
	sentences_release(&o.group);
	heatmap_free(o.drawn);
	free(o.found);
	free(o.answer);
	task_free(&o.t->base);
	return err->status;
}
