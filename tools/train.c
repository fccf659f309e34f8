/* SPDX-License-Identifier: Apache-2.0 */
/* tapeloop train, of any task: from the command line to the result line. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "optim/store_file.h"
#include "tools/command.h"
#include "tools/model_file.h"
#include "tools/state_dict.h"
#include "tools/stop.h"
#include "tools/train_line.h"
#include "tools/train_log.h"

#define SAVES_APART 1.0 /* seconds between saves at the ends of epochs, which may be short */

/* What a run holds; all of it is released by run_release. */
typedef struct run {
	train_line line;
	trainer trainer;
	progress progress;
	train_log log;
	char model[4096], best[4096], log_path[4096];
	bool written;        /* is there a model of this training? */
	score valid;         /* of the model that is kept so far, if this process evaluated it */
	int64_t valid_at;    /* updates then */
	int64_t saved_at;    /* updates at the last save; -1: none */
	double saved_second;
} run;

static tl_status make_directory(const char *option, const char *path, tl_error *err)
{
	char partial[4096];
	if (snprintf(partial, sizeof partial, "%s", path) >= (int)sizeof partial)
		return tl_error_set(err, TL_ERR_ARGUMENT, "%s: the path is too long", option);
	for (char *at = partial + 1;; at++) {
		char c = *at;
		if (c != '/' && c != '\0')
			continue;
		*at = '\0';
		if (mkdir(partial, 0777) && errno != EEXIST)
			return tl_error_set(err, TL_ERR_IO, "%s: the directory %s cannot be made: %s", option,
				partial, strerror(errno));
		*at = c;
		if (c == '\0')
			return TL_OK;
	}
}

/* The log must be none of the files that options name, nor the journal. */
static tl_status check_log(const run *r, tl_error *err)
{
	struct stat log, other;
	if (stat(r->log_path, &log))
		return TL_OK;
	if (!fstat(fileno(r->line.journal.file), &other) && other.st_dev == log.st_dev && other.st_ino == log.st_ino)
		return tl_error_set(err, TL_ERR_ARGUMENT, "--log: %.200s is for what happens within epochs", r->log_path);
	for (int i = 0; i < r->line.given.n; i++) {
		const char *option = r->line.given.v[i], *value = strchr(option, '=');
		if (value && !argument_is(option, "log") && stat(value + 1, &other) == 0 && other.st_dev == log.st_dev &&
			other.st_ino == log.st_ino)
			return tl_error_set(err, TL_ERR_ARGUMENT, "--log %.200s is the file of %.200s; it would be overwritten",
				r->log_path, option);
	}
	return TL_OK;
}

/* Another training's files are replaced only where that is wanted. */
static tl_status check_new(const run *r, tl_error *err)
{
	if (r->line.saved.file || r->line.options.overwrite || access(r->line.last, F_OK))
		return TL_OK;
	return tl_error_set(err, TL_ERR_ARGUMENT,
		"--out: %.400s holds a training already (%.400s): --resume goes on with it, --overwrite begins anew in its place",
		r->line.options.out, r->line.last);
}

static tl_status open_files(run *r, tl_error *err)
{
	const train_options *o = &r->line.options;
	if (make_directory("--out", o->out, err) || (o->tensorboard && make_directory("--tensorboard", o->tensorboard, err)))
		return err->status;
	snprintf(r->model, sizeof r->model, "%.4070s/model.safetensors", o->out);
	snprintf(r->best, sizeof r->best, "%.4070s/best.safetensors", o->out);
	snprintf(r->log_path, sizeof r->log_path, "%.4070s%s", o->log ? o->log : o->out, o->log ? "" : "/log.jsonl");
	if (journal_hold(&r->line.journal, o->out, true, err) || check_new(r, err) || check_log(r, err))
		return err->status;
	return train_log_open(&r->log, r->log_path, &r->line.journal, &r->trainer, err);
}

static tl_status save(run *r, tl_error *err)
{
	r->saved_at = trainer_updates(&r->trainer);
	r->saved_second = seconds_now();
	return train_state_save(&r->trainer, &r->line.given, r->line.last, err);
}

/* That the model can be saved under the names that are wanted. */
static tl_status check_names(run *r, tl_error *err)
{
	task *t = r->line.task;
	t->dict.on = r->line.options.pytorch_names;
	if (!t->dict.on)
		return TL_OK;
	tl_error why = {0};
	tl_pytorch *names = state_dict_of(t, &why);
	tl_pytorch_free(names);
	return names ? TL_OK : tl_error_set(err, why.status, "--pytorch-names: %s", why.text);
}

/* Data, model, optimiser; with --resume as they were. Another training's state must not be taken for this one's. */
static tl_status prepare(run *r, tl_error *err)
{
	const train_options *o = &r->line.options;
	task *t = r->line.task;
	t->tape = tl_tape_new(
		&(tl_tape_options){.threads = (int)o->threads, .seed = (uint64_t)o->seed, .check = o->check_nan});
	t->store = tl_store_new();
	t->rng = (tl_rng){.seed = (uint64_t)o->seed};
	if (!t->tape || !t->store)
		return tl_error_memory(err);
	/* What is wrong of itself is said first; whether it is new once more where the directory is held. */
	if (t->kind->open(t, true, err) || t->kind->build(t, err) || check_names(r, err) || check_new(r, err) ||
		t->kind->init(t, err) || trainer_init(&r->trainer, t, o, err))
		return err->status;
	if (r->line.saved.file && saved_training_load(&r->line.saved, &r->trainer, err))
		return err->status;
	r->saved_at = r->line.saved.file ? trainer_updates(&r->trainer) : -1;
	r->written = r->trainer.state.epoch > 1;
	if (!r->line.saved.file && trainer_begin_epoch(&r->trainer, err))
		return err->status;
	if (open_files(r, err))
		return err->status;
	return r->line.saved.file || access(r->line.last, F_OK) ? TL_OK : save(r, err);
}

static bool save_due(const run *r)
{
	const train_options *o = &r->line.options;
	return (o->save_steps && trainer_updates(&r->trainer) % o->save_steps == 0) ||
		(o->save_seconds > 0 && seconds_now() - r->saved_second >= o->save_seconds);
}

static bool max_steps_done(const run *r)
{
	int64_t most = r->line.options.max_steps;
	return most && trainer_updates(&r->trainer) >= most;
}

/*
 * The end of an epoch. What is found again from last.safetensors by going on is written before it: were the process
 * killed in between, the same would be written once more.
 */
static tl_status end_epoch(run *r, tl_error *err)
{
	trainer *t = &r->trainer;
	epoch_report report;
	bool keep_it = t->keep == KEEP_LAST;
	if (trainer_end_epoch(t, &report, err))
		return err->status;
	if (train_log_epoch(&r->log, t, &report, err))
		return err->status;
	t->state.logged++;
	keep_it = keep_it || report.better;
	if ((report.better && model_save(t->task, r->best, err)) || (keep_it && model_save(t->task, r->model, err)))
		return err->status;
	if (keep_it) {
		r->valid = report.valid;
		r->valid_at = trainer_updates(t);
	}
	r->written = true;
	train_show_epoch(&r->progress, t, &report);
	if (trainer_finished(t) || max_steps_done(r) || save_due(r) || seconds_now() - r->saved_second >= SAVES_APART)
		if (save(r, err))
			return err->status;
	return trainer_finished(t) ? TL_OK : trainer_begin_epoch(t, err);
}

/* Until all is done, --max-steps, or a signal. */
static tl_status train(run *r, tl_error *err)
{
	trainer *t = &r->trainer;
	while (!trainer_finished(t) && !stop_signal()) {
		if (trainer_epoch_done(t)) {
			if (end_epoch(r, err))
				return err->status;
			continue;
		}
		if (max_steps_done(r))
			break;
		if (trainer_update(t, err) || train_log_update(&r->log, t, err))
			return err->status;
		train_show_update(&r->progress, t);
		if (!trainer_epoch_done(t) && save_due(r) && save(r, err))
			return err->status;
	}
	return TL_OK;
}

/* Like train, with what is kept in the sentence of a failure. */
static tl_status train_or_explain(run *r, tl_error *err)
{
	tl_error why = {0};
	if (!train(r, &why))
		return TL_OK;
	if (r->progress.terminal)
		fputc('\n', stderr);
	journal_end(&r->line.journal, &r->trainer, "failed", json_pack("{s:s}", "why", why.text), &(tl_error){0});
	if (why.status != TL_ERR_VALUE)
		return tl_error_set(err, why.status, "%s", why.text);
	return tl_error_set(err, why.status, "%.400s; training stopped, %s%s", why.text,
		r->written ? "the model after the epoch before is kept in " : "no model was saved",
		r->written ? r->model : "");
}

/* Sets the result: the weights that are kept, in model.safetensors. */
static tl_status settle(run *r, tl_error *err)
{
	const trainer *t = &r->trainer;
	tl_safetensors *f = NULL;
	if (t->keep == KEEP_BEST && t->state.has_best) {
		f = tl_safetensors_open(r->best, err);
		if (!f || model_read_weights(t->task, f, err)) {
			tl_safetensors_free(f);
			return err->status;
		}
	}
	tl_safetensors_free(f);
	return model_save(t->task, r->model, err);
}

static tl_status print_result(run *r, tl_error *err)
{
	trainer *t = &r->trainer;
	task *task = t->task;
	score part[PARTS] = {[TRAIN] = trainer_score(t)};
	if (r->valid.n && (t->keep == KEEP_BEST || r->valid_at == trainer_updates(t)))
		part[VALID] = r->valid;
	for (int k = VALID; k <= TEST; k++)
		if (!part[k].n && task->kind->has(task, k) && task->kind->evaluate(task, k, &part[k], err))
			return err->status;
	double speed = t->seconds > 0 ? (double)t->tokens / t->seconds : 0;
	json_t *result = json_pack("{s:s, s:o, s:o, s:o, s:f, s:f, s:I, s:I, s:I, s:s}", "task", task->kind->name, "train",
		score_json(&part[TRAIN]), "valid", score_json(&part[VALID]), "test", score_json(&part[TEST]), "tok_per_s",
		speed, "seconds", t->seconds, "epochs", (json_int_t)(t->state.epoch - 1), "steps",
		(json_int_t)trainer_updates(t), "params", (json_int_t)tl_store_size(task->store), "model", r->model);
	json_t *end = json_pack("{s:O}", "result", result);
	if (!print_json_line(stdout, result)) {
		json_decref(end);
		return tl_error_set(err, TL_ERR_IO, "standard output: %s", strerror(errno));
	}
	return journal_end(&r->line.journal, t, trainer_finished(t) ? "finished" : "max-steps", end, err);
}

static void say_how_to_resume(const run *r, const char *why, bool ended)
{
	const trainer_state *s = &r->trainer.state;
	if (r->progress.terminal && !r->progress.quiet)
		fputc('\n', stderr);
	fprintf(stderr, "tapeloop train %s: %s after update %" PRId64 ", in epoch %" PRId64 "; saved in %s. To go on:\n  ",
		r->trainer.task->kind->name, why, trainer_updates(&r->trainer), s->epoch, r->line.last);
	train_line_print_resume(&r->line, ended, stderr);
}

static tl_status run_all(run *r, tl_error *err)
{
	if (prepare(r, err))
		return err->status;
	progress_init(&r->progress, r->line.options.quiet);
	r->saved_second = seconds_now();
	stop_listen();
	if (train_or_explain(r, err))
		return err->status;
	if (r->saved_at != trainer_updates(&r->trainer) && save(r, err))
		return err->status;
	stop_listen_no_more();
	if (stop_signal()) {
		say_how_to_resume(r, stop_signal_name(stop_signal()), false);
		return journal_end(&r->line.journal, &r->trainer, stop_signal_name(stop_signal()), NULL, err);
	}
	if (!trainer_finished(&r->trainer) && !r->line.options.quiet)
		say_how_to_resume(r, "--max-steps", true);
	return settle(r, err) ? err->status : print_result(r, err);
}

static void run_release(run *r)
{
	trainer_release(&r->trainer);
	train_line_release(&r->line);
	train_log_close(&r->log);
	free(r);
}

tl_status command_train(const task_kind *kind, int argc, char **argv, tl_error *err)
{
	run *r = calloc(1, sizeof *r);
	if (!r)
		return tl_error_memory(err);
	if (!train_line_read(&r->line, kind, argc, argv, err))
		run_all(r, err);
	run_release(r);
	return err->status;
}
