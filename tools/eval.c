/* SPDX-License-Identifier: Apache-2.0 */
/* tapeloop eval, of any task. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/command.h"
#include "tools/model_file.h"
#include "tools/options.h"
#include "tools/progress.h"

typedef struct eval_options {
	task *task;
	const char *model;
	bool train, check_nan;
	int64_t batch, threads;
} eval_options;

enum { TRAIN_TOO = 0x400, BATCH, THREADS, CHECK_NAN };

static const struct argp_option options[] = {
	{0, 0, 0, 0, "Evaluating:", 3},
	{"train", TRAIN_TOO, 0, 0, "Evaluate the training part, too", 3},
	{"batch", BATCH, "N", 0, "Rows read side by side, where a task reads several (32)", 3},
	{"threads", THREADS, "N", 0, "Threads (TL_THREADS, or all cores)", 3},
	{"check-nan", CHECK_NAN, 0, 0, OPTION_CHECK_NAN_HELP, 3},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	eval_options *o = state->input;
	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = o->task; break;
	case TRAIN_TOO: o->train = true; break;
	case BATCH: o->batch = option_int(state, "--batch", arg, 1, 1 << 20); break;
	case THREADS: o->threads = option_int(state, "--threads", arg, 1, 4096); break;
	case CHECK_NAN: o->check_nan = true; break;
	case ARGP_KEY_ARG: option_model(state, &o->model, arg, ""); break;
	case ARGP_KEY_END:
		if (!o->model)
			argp_error(state, "say which model: a file that `tapeloop train %s` saved", o->task->kind->name);
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* The options into a task, which has those of the model already. */
static tl_status read_line(eval_options *o, int argc, char **argv, tl_error *err)
{
	struct argp own = *o->task->kind->eval_argp;
	struct argp_child children[] = {{&own, 0, NULL, 0}, {0}};
	struct argp argp = {options, parse, "MODEL", own.doc, children, NULL, NULL};
	own.doc = NULL;
	char **copy = malloc(((size_t)argc + 1) * sizeof *copy); /* parsing moves them about */
	if (!copy)
		return tl_error_memory(err);
	memcpy(copy, argv, (size_t)argc * sizeof *copy);
	copy[argc] = NULL;
	argp_parse(&argp, argc, copy, 0, NULL, o);
	free(copy);
	o->task->batch = o->batch;
	return TL_OK;
}

static tl_status evaluate(const eval_options *o, tl_error *err)
{
	task *t = o->task;
	score part[PARTS] = {{0}};
	int64_t tokens = 0;
	double begin = seconds_now();
	bool train = o->train || !(t->kind->has(t, VALID) || t->kind->has(t, TEST));
	for (int k = 0; k < PARTS; k++) {
		if ((k == TRAIN && !train) || !t->kind->has(t, k))
			continue;
		if (t->kind->evaluate(t, k, &part[k], err))
			return err->status;
		tokens += part[k].tokens;
	}
	double seconds = seconds_now() - begin;
	if (!part[TRAIN].n && !part[VALID].n && !part[TEST].n)
		return tl_error_set(err, TL_ERR_SHAPE, "there is nothing to evaluate");
	json_t *result = json_pack("{s:s, s:o, s:o, s:o, s:f, s:f, s:I, s:s}", "task", t->kind->name, "train",
		score_json(&part[TRAIN]), "valid", score_json(&part[VALID]), "test", score_json(&part[TEST]), "tok_per_s",
		(double)tokens / seconds, "seconds", seconds, "params", (json_int_t)tl_store_size(t->store), "model",
		o->model);
	return print_json_line(stdout, result) ? TL_OK
					       : tl_error_set(err, TL_ERR_IO, "standard output: %s", strerror(errno));
}

/*
 * Which model it is, an option's neighbour tells; so the line is read once for that, and once more when what the
 * model says of itself is there to be changed.
 */
static tl_status run(eval_options *o, const task_kind *kind, int argc, char **argv, tl_error *err)
{
	o->task = task_new(kind, NULL);
	if (!o->task)
		return tl_error_memory(err);
	if (read_line(o, argc, argv, err))
		return err->status;
	const char *model = o->model;
	foreign_options foreign = o->task->foreign;
	task_free(o->task);
	if (!(o->task = model_load_as(model, kind, &foreign, err)))
		return err->status;
	*o = (eval_options){.task = o->task, .batch = 32};
	if (read_line(o, argc, argv, err))
		return err->status;
	if (!(o->task->tape = tl_tape_new(&(tl_tape_options){.threads = (int)o->threads, .check = o->check_nan})))
		return tl_error_memory(err);
	return kind->open(o->task, false, err) ? err->status : evaluate(o, err);
}

tl_status command_eval(const task_kind *kind, int argc, char **argv, tl_error *err)
{
	eval_options o = {.batch = 32};
	tl_status status = run(&o, kind, argc, argv, err);
	task_free(o.task);
	return status;
}
