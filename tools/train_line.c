/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/train_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The argp of a task's training: its own options and the shared ones. */
typedef struct grammar {
	struct argp root, own;
	struct argp_child children[3];
} grammar;

/* What it is parsed into. */
typedef struct target {
	task *task;
	train_options *options;
} target;

static error_t parse_rest(int key, char *arg, struct argp_state *state)
{
	target *to = state->input;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = to->task;
		state->child_inputs[1] = to->options;
		return 0;
	case ARGP_KEY_ARG: argp_error(state, "'%s' is not an option", arg); return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static void grammar_init(grammar *g, const task_kind *kind)
{
	*g = (grammar){.own = *kind->train_argp, .children = {{&g->own, 0, NULL, 0}, {&train_argp, 0, NULL, 0}, {0}}};
	g->own.doc = NULL;
	g->root = (struct argp){NULL, parse_rest, NULL, kind->train_argp->doc, g->children, NULL, NULL};
}

/* A task with options from an argv, which ends with NULL; NULL where memory is out. */
static task *parse(const grammar *g, const task_kind *kind, train_options *o, char **argv)
{
	*o = TRAIN_DEFAULTS;
	task *t = task_new(kind, o);
	int argc = 0;
	while (argv[argc])
		argc++;
	if (t)
		argp_parse(&g->root, argc, argv, 0, NULL, &(target){t, o});
	if (t)
		t->batch = o->batch;
	return t;
}

/* Are they the same value: "0.1" and ".1", too? */
static bool same_value(const char *a, const char *b)
{
	char *end_a, *end_b;
	double x = strtod(a, &end_a), y = strtod(b, &end_b);
	return strcmp(a, b) == 0 || (end_a != a && !*end_a && end_b != b && !*end_b && x == y);
}

/* Joins what is given to what is saved; the result is l->given. */
static tl_status join(train_line *l, tl_error *err)
{
	arguments *old = &l->saved.options;
	for (int i = 0; i < l->given.n; i++) {
		const char *option = l->given.v[i];
		if (!option_is_bound(option)) {
			if (!arguments_set(old, option))
				return tl_error_memory(err);
			continue;
		}
		char name[64];
		snprintf(name, sizeof name, "%.*s", argument_name_length(option), option + 2);
		const char *before = arguments_get(old, name);
		if (!before || !same_value(before, arguments_get(&l->given, name)))
			return tl_error_set(err, TL_ERR_ARGUMENT,
				"%s: the training of %.200s was begun %s%s%s%s; leave the option out, or begin another training "
				"with another --out", option, l->last, before ? "with --" : "without it", before ? name : "",
				before && *before ? "=" : "", before ? before : "");
	}
	arguments_release(&l->given);
	l->given = *old;
	*old = (arguments){0};
	return TL_OK;
}

static tl_status read_line(
	train_line *l, const grammar *g, const task_kind *kind, int argc, char **argv, tl_error *err)
{
	tl_status status;
	if (!arguments_read(&l->given, &g->root, argc, argv, &status)) {
		if (status)
			return tl_error_memory(err);
		task_free(parse(g, kind, &l->options, argv)); /* says what is wrong, or helps */
		return tl_error_set(err, TL_ERR_ARGUMENT, "the options are not understood");
	}
	train_options defaults = TRAIN_DEFAULTS;
	task_free(task_new(kind, &defaults));
	const char *out = arguments_get(&l->given, "out");
	if (!out)
		out = defaults.out;
	if (strlen(out) > sizeof l->last - 32) /* room for the names of all files */
		return tl_error_set(err, TL_ERR_ARGUMENT, "--out: the path is too long");
	snprintf(l->last, sizeof l->last, "%s/last.safetensors", out);
	if (arguments_get(&l->given, "resume")) {
		tl_error why = {0};
		if (arguments_get(&l->given, "overwrite"))
			return tl_error_set(err, TL_ERR_ARGUMENT, "--resume goes on with a training, --overwrite begins anew");
		if (journal_hold(&l->journal, out, false, err))
			return err->status;
		if (saved_training_open(&l->saved, l->last, kind->name, &why))
			return tl_error_set(err, why.status, "--resume: %s", why.text);
		if (join(l, err))
			return err->status;
	}
	l->argv = arguments_argv(&l->given, argv[0]);
	l->task = l->argv ? parse(g, kind, &l->options, l->argv) : NULL;
	return l->task ? TL_OK : tl_error_memory(err);
}

tl_status train_line_read(train_line *l, const task_kind *kind, int argc, char **argv, tl_error *err)
{
	grammar g;
	*l = (train_line){0};
	grammar_init(&g, kind);
	return read_line(l, &g, kind, argc, argv, err);
}

void train_line_release(train_line *l)
{
	task_free(l->task);
	saved_training_release(&l->saved);
	journal_release(&l->journal);
	arguments_release(&l->given);
	free(l->argv);
	*l = (train_line){0};
}

/* A word in single quotes where a shell would see more in it than itself. */
static void print_word(const char *word, FILE *to)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+,./:@%";
	if (*word && strspn(word, plain) == strlen(word)) {
		fputs(word, to);
		return;
	}
	putc('\'', to);
	for (; *word; word++)
		if (*word == '\'')
			fputs("'\\''", to);
		else
			putc(*word, to);
	putc('\'', to);
}

void train_line_print_resume(const train_line *l, bool ended, FILE *to)
{
	print_word(program_invocation_name, to);
	fprintf(to, " train %s", l->task->kind->name);
	for (int i = 0; i < l->given.n; i++) {
		const char *option = l->given.v[i];
		if (option_is_saved(option) || argument_is(option, "resume") || argument_is(option, "overwrite") ||
			(ended && argument_is(option, "max-steps")))
			continue;
		putc(' ', to);
		print_word(option, to);
	}
	fputs(" --resume\n", to);
}
