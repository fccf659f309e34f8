/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/label_lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/line_groups.h"
#include "tools/model_file.h"
#include "tools/options.h"

#define GROUP 4096 /* lines that are sorted by length and read side by side */

typedef struct run {
	const label_lines *l;
	const char *model;
	int64_t batch, threads;
	line_reader reader;
	sentences group;
	char **answer; /* GROUP */
} run;

enum { BATCH = 0x300, THREADS };

static const struct argp_option options[] = {
	{0, 0, 0, 0, "Reading:", 1},
	{"batch", BATCH, "N", 0, "Lines read side by side, of those that are there (64)", 1},
	{"threads", THREADS, "N", 0, "Threads (TL_THREADS, or all cores)", 1},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	run *r = state->input;
	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = r->l->input; break;
	case BATCH: r->batch = option_int(state, "--batch", arg, 1, GROUP); break;
	case THREADS: r->threads = option_int(state, "--threads", arg, 1, 4096); break;
	case ARGP_KEY_ARG: option_model(state, &r->model, arg, "; lines are read from standard input"); break;
	case ARGP_KEY_END:
		if (!r->model)
			argp_error(state, "say which model: a file that `tapeloop train %s` saved", r->l->kind->name);
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static void read_options(run *r, int argc, char **argv)
{
	struct argp own = *r->l->own;
	struct argp_child children[] = {{&own, 0, NULL, 0}, {0}};
	struct argp argp = {options, parse, "MODEL", own.doc, children, NULL, NULL};
	own.doc = NULL;
	argp_parse(&argp, argc, argv, 0, NULL, r);
}

static tl_status answer_batch(reader_task *t, void *ctx, tl_error *err)
{
	run *r = ctx;
	return r->l->answer(t, r->l->input, r->answer, err);
}

/* Prints what there is of answers, and releases it. */
static tl_status print_answers(run *r, bool print, tl_error *err)
{
	for (int64_t i = 0; i < r->group.n; i++) {
		if (print)
			printf("%s\n", r->answer[i]);
		free(r->answer[i]);
		r->answer[i] = NULL;
	}
	if (print && (fflush(stdout) || ferror(stdout)))
		return tl_error_set(err, TL_ERR_IO, "standard output: %s", strerror(errno));
	return TL_OK;
}

static tl_status answer_group(run *r, reader_task *t, tl_error *err)
{
	sequences ids;
	if (sequences_encode(&ids, &r->group, &t->base.vocab[SYMBOLS], -1, SEQUENCES_REFUSE, "symbol", err))
		return err->status;
	tl_status status = reader_look_at_all(t, &ids, answer_batch, r, err);
	if (print_answers(r, !status, err))
		status = err->status;
	sequences_release(&ids);
	return status;
}

static tl_status answer_all(run *r, reader_task *t, tl_error *err)
{
	words_rule rule = r->l->rule(t);
	tl_status status = TL_OK;
	for (bool more = true; more && !status;) {
		status = line_group_next(&r->reader, &r->group, rule, GROUP, &more, err);
		/* Lines before one that cannot be read get their answers. */
		if (answer_group(r, t, err))
			status = err->status;
	}
	return status;
}

tl_status label_lines_run(const label_lines *l, int argc, char **argv, tl_error *err)
{
	run r = {.l = l, .batch = 64};
	read_options(&r, argc, argv);
	task *t = model_load(r.model, l->kind, err);
	if (!t)
		return err->status;
	t->batch = r.batch;
	t->tape = tl_tape_new(&(tl_tape_options){.threads = (int)r.threads});
	r.answer = calloc(GROUP, sizeof *r.answer);
	line_reader_init(&r.reader, stdin, "standard input");
	if (!t->tape || !r.answer)
		tl_error_memory(err);
	else if (!sentences_init(&r.group, r.reader.name, err))
		answer_all(&r, (reader_task *)t, err);
	line_reader_release(&r.reader);
	sentences_release(&r.group);
	free(r.answer);
	task_free(t);
	return err->status;
}
