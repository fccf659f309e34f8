/* SPDX-License-Identifier: Apache-2.0 */
/* tapeloop classify */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/softmax.h"
#include "tools/classifier.h"
#include "tools/command.h"
#include "tools/label_lines.h"
#include "tools/tasks.h"

typedef struct classify {
	bool probabilities;
} classify;

enum { PROBABILITIES = 0x100 };

static const struct argp_option options[] = {
	{"probabilities", PROBABILITIES, 0, 0,
		"Print all labels and their probabilities, the likeliest first, with tabs between them", 0},
	{0},
};

static const char doc[] =
	"Give each line of standard input a label."
	"\v"
	"The model is a file that `tapeloop train classifier` saved, and lines are cut as in training. For each line, "
	"one line is printed, for an empty one, too. Lines are answered as they come. Examples:\n\n"
	"  tapeloop classify topics/model.safetensors < texts > labels\n"
	"  tapeloop classify --probabilities topics/model.safetensors < texts\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key != PROBABILITIES)
		return ARGP_ERR_UNKNOWN;
	((classify *)state->input)->probabilities = true;
	return 0;
}

static words_rule cut_as_in_training(const reader_task *t)
{
	return ((const classifier *)t)->unit;
}

typedef struct choice {
	const char *label;
	double p;
	int64_t number;
} choice;

static int likelier_first(const void *pa, const void *pb)
{
	const choice *a = pa, *b = pb;
	return a->p != b->p ? (a->p < b->p) - (a->p > b->p) : (a->number > b->number) - (a->number < b->number);
}

/* The best label, or all of them; NULL where memory is out. */
static char *text_of(const choice *c, int64_t n, bool all)
{
	char *text = NULL;
	size_t size;
	FILE *to = all ? open_memstream(&text, &size) : NULL;
	if (!all)
		return strdup(c[0].label);
	for (int64_t i = 0; to && i < n; i++)
		fprintf(to, "%s%s\t%.6g", i > 0 ? "\t" : "", c[i].label, c[i].p);
	bool failed = !to || ferror(to);
	if ((to && fclose(to)) || failed) {
		free(text);
		return NULL;
	}
	return text;
}

static tl_status classify_batch(reader_task *t, void *input, char **answer, tl_error *err)
{
	const classify *o = input;
	const vocab *labels = &t->base.vocab[LABELS];
	int64_t n = labels->n;
	tl_var p = tl_softmax(classifier_logits((const classifier *)t, false), -1);
	tl_real *values = tl_tape_alloc(t->base.tape, (size_t)(t->rows * n) * sizeof *values);
	choice *c = tl_tape_alloc(t->base.tape, (size_t)n * sizeof *c);
	if (!values || !c || tl_read(p, values, t->rows * n))
		return tape_error(t->base.tape, err);
	for (int64_t b = 0; b < t->rows; b++) {
		for (int64_t k = 0; k < n; k++)
			c[k] = (choice){labels->symbols[k], (double)values[b * n + k], k};
		qsort(c, (size_t)n, sizeof *c, likelier_first);
		if (!(answer[t->which[b]] = text_of(c, n, o->probabilities)))
			return tl_error_memory(err);
	}
	return TL_OK;
}

tl_status command_classify(int argc, char **argv, tl_error *err)
{
	static const struct argp own = {options, parse, NULL, doc, NULL, NULL, NULL};
	classify o = {0};
	label_lines l = {.kind = &classifier_kind, .own = &own, .input = &o, .rule = cut_as_in_training,
		.answer = classify_batch};
	return label_lines_run(&l, argc, argv, err);
}
