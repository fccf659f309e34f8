/* SPDX-License-Identifier: Apache-2.0 */
/* tapeloop train lm */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/command.h"
#include "tools/lm_report.h"
#include "tools/lm_run.h"
#include "tools/train_options.h"

/* What a run holds; all of it is released by run_release. */
typedef struct run {
	train_options o;
	corpus corpus;
	lm_bundle bundle;
	lm_training training;
	tl_plateau plateau;
	progress progress;
	char model[4096];
	FILE *log;
	tl_likelihood score[PARTS];
} run;

static tl_status make_directory(const char *path, tl_error *err)
{
	char partial[4000]; /* leaves room for the names of files */
	if ((size_t)snprintf(partial, sizeof partial, "%s", path) >= sizeof partial)
		return tl_error_set(err, TL_ERR_ARGUMENT, "--out: the path is too long");
	for (char *at = partial + 1;; at++) {
		char c = *at;
		if (c != '/' && c != '\0')
			continue;
		*at = '\0';
		if (mkdir(partial, 0777) && errno != EEXIST)
			return tl_error_set(err, TL_ERR_IO, "--out: the directory %s cannot be made: %s", partial,
				strerror(errno));
		*at = c;
		if (c == '\0')
			return TL_OK;
	}
}

static tl_status open_files(run *r, tl_error *err)
{
	char log[sizeof r->model];
	tl_status status = make_directory(r->o.out, err);
	if (status)
		return status;
	snprintf(r->model, sizeof r->model, "%.4000s/model.safetensors", r->o.out);
	snprintf(log, sizeof log, "%.4000s/log.jsonl", r->o.out);
	const char *path = r->o.log ? r->o.log : log;
	struct stat text, target;
	if (stat(r->o.text.path, &text) == 0 && stat(path, &target) == 0 && text.st_dev == target.st_dev &&
		text.st_ino == target.st_ino)
		return tl_error_set(err, TL_ERR_ARGUMENT, "--log %s is the text itself; it would be overwritten", path);
	r->log = fopen(path, "w");
	return r->log ? TL_OK : tl_error_set(err, TL_ERR_IO, "the log %s cannot be made: %s", path, strerror(errno));
}

static tl_status build_model(run *r, tl_error *err)
{
	const train_options *o = &r->o;
	lm_bundle *b = &r->bundle;
	b->unit = o->text.unit;
	b->lowercase_letters = o->text.lowercase_letters;
	b->limit = o->text.limit;
	memcpy(b->split, o->text.split, sizeof b->split);
	if (!(b->data = strdup(o->text.path)))
		return tl_error_memory(err);
	tl_lm_options net = {
		.cell = o->net.cell,
		.embed = o->net.embed,
		.hidden = o->net.hidden,
		.layers = (int)o->net.layers,
		.dropout = o->net.dropout,
	};
	if (lm_bundle_build(b, net, err))
		return err->status;
	tl_lm_init(b->lm, &(tl_rng){.seed = (uint64_t)o->seed});
	if (o->set_forget_bias && !tl_rnn_set_bias(b->lm->rnn, 'f', o->forget_bias))
		return tl_error_set(err, TL_ERR_ARGUMENT, "--forget-bias: the cell %s has no forget gate", o->net.cell->name);
	return TL_OK;
}

static tl_status build_training(run *r, tl_error *err)
{
	train_options *o = &r->o;
	lm_training *t = &r->training;
	if (!o->optimizer.kind)
		o->optimizer.kind = &tl_adam;
	if (o->optimizer.kind == &tl_adam && o->optimizer.lr == 0)
		o->optimizer.lr = 0.002;
	*t = (lm_training){
		.lm = r->bundle.lm,
		.store = r->bundle.store,
		.optimizer = tl_optimizer_new(r->bundle.store, &o->optimizer, err),
		.tape = tl_tape_new(&(tl_tape_options){.threads = (int)o->threads, .seed = (uint64_t)o->seed}),
		.ids = r->corpus.part[TRAIN],
		.n = r->corpus.size[TRAIN],
		.batch = o->batch,
		.length = o->length,
		.shift = o->shift,
		.clip = o->clip,
		.epochs = (int)o->epochs,
		.progress = &r->progress,
		.unit = o->text.unit == UNIT_WORD ? "words" : "characters",
	};
	if (!t->optimizer)
		return err->status;
	if (!t->tape)
		return tl_error_memory(err);
	tl_store_set_pool(t->store, tl_tape_pool(t->tape));
	t->schedule = o->schedule;
	t->schedule.lr = tl_optimizer_get_options(t->optimizer)->lr;
	r->plateau = tl_plateau_default(t->schedule.lr);
	if (o->schedule.kind == &tl_schedule_plateau && r->corpus.size[VALID] < 2)
		return tl_error_set(err, TL_ERR_ARGUMENT, "--schedule plateau needs a validation part in --split");
	windows w; /* the latest start has the fewest tokens */
	int64_t offset = o->shift ? (o->length < o->shift * (o->epochs - 1) ? o->length : o->shift * (o->epochs - 1)) : 0;
	char name[512];
	snprintf(name, sizeof name, "%.400s: the training part", o->text.path);
	if (windows_init(&w, name, t->ids, t->n - offset, o->batch, o->length, err))
		return err->status;
	return tl_schedule_check(&t->schedule, err);
}

static tl_status log_epoch(run *r, int epoch, const lm_epoch *e, tl_error *err)
{
	char rate[32];
	double loss = tl_likelihood_mean(&e->train), valid = tl_likelihood_mean(&r->score[VALID]);
	double speed = (double)e->train.tokens / e->seconds;
	if (!report_line(r->log,
		    json_pack("{s:i, s:o, s:o, s:f, s:f, s:f, s:f}", "epoch", epoch, "train", report_score(&e->train),
			    "valid", report_score(&r->score[VALID]), "grad_norm", e->grad_norm, "lr", e->lr, "seconds",
			    e->seconds, "tok_per_s", speed)))
		return tl_error_set(err, TL_ERR_IO, "the log cannot be written: %s", strerror(errno));
	if (r->corpus.size[VALID] > 1)
		progress_show(&r->progress, true, "epoch %d/%lld  loss %.4f  perplexity %.2f  valid %.4f (%.2f)  %s %s/s",
			epoch, (long long)r->o.epochs, loss, tl_perplexity(loss), valid, tl_perplexity(valid),
			count_text((int64_t)speed, rate), r->training.unit);
	else if (r->progress.terminal ? epoch == r->o.epochs : progress_due(&r->progress) || epoch == r->o.epochs)
		progress_show(&r->progress, true, "epoch %d/%lld  loss %.4f  perplexity %.2f  %s %s/s", epoch,
			(long long)r->o.epochs, loss, tl_perplexity(loss), count_text((int64_t)speed, rate),
			r->training.unit);
	return TL_OK;
}

static tl_status evaluate(run *r, int part, tl_error *err)
{
	return lm_evaluate(r->bundle.lm, r->training.tape, r->corpus.part[part], r->corpus.size[part], &r->score[part], err);
}

#define PROBE 256 /* symbols that show whether a net without a validation part still works */

/* Validates; a net that the last updates broke is an error before it is saved. */
static tl_status validate(run *r, int epoch, tl_error *err)
{
	tl_likelihood probe;
	int64_t n = r->corpus.size[TRAIN] < PROBE ? r->corpus.size[TRAIN] : PROBE;
	bool has_valid = r->corpus.size[VALID] > 1;
	tl_status status = has_valid ? evaluate(r, VALID, err)
				     : lm_evaluate(r->bundle.lm, r->training.tape, r->corpus.part[TRAIN], n, &probe, err);
	double loss = tl_likelihood_mean(has_valid ? &r->score[VALID] : &probe);
	if (!status && !isfinite(loss))
		status = tl_error_set(err, TL_ERR_VALUE, "after epoch %d the net's loss is no finite number", epoch);
	return status;
}

static tl_status train_epochs(run *r, tl_error *err)
{
	for (int epoch = 1; epoch <= r->training.epochs; epoch++) {
		lm_epoch e;
		tl_error why = {0};
		if (lm_train_epoch(&r->training, epoch, &e, &why) || validate(r, epoch, &why)) {
			if (r->progress.terminal)
				fputc('\n', stderr);
			return tl_error_set(err, why.status, "%.400s; training stopped, %s%s", why.text,
				epoch > 1 ? "the model after the epoch before is kept in " : "no model was saved",
				epoch > 1 ? r->model : "");
		}
		r->score[TRAIN] = e.train;
		if (log_epoch(r, epoch, &e, err) || lm_bundle_save(&r->bundle, r->model, err))
			return err->status;
		if (r->training.schedule.kind == &tl_schedule_plateau)
			r->training.schedule.lr = tl_plateau_observe(&r->plateau, tl_likelihood_mean(&r->score[VALID]));
	}
	return TL_OK;
}

static tl_status print_result(run *r, tl_error *err)
{
	const lm_training *t = &r->training;
	json_t *result = json_pack("{s:s, s:o, s:o, s:o, s:f, s:f, s:i, s:I, s:s}", "task", "lm", "train",
		report_score(&r->score[TRAIN]), "valid", report_score(&r->score[VALID]), "test",
		report_score(&r->score[TEST]), "tok_per_s", (double)t->tokens / t->seconds, "seconds", t->seconds,
		"epochs", t->epochs, "params", (json_int_t)tl_store_size(r->bundle.store), "model", r->model);
	return report_line(stdout, result) ? TL_OK
					   : tl_error_set(err, TL_ERR_IO, "standard output: %s", strerror(errno));
}

static void run_release(run *r)
{
	tl_tape_free(r->training.tape);
	tl_optimizer_free(r->training.optimizer);
	lm_bundle_release(&r->bundle);
	corpus_release(&r->corpus);
	if (r->log)
		fclose(r->log);
}

static tl_status train(run *r, tl_error *err)
{
	tl_status status = corpus_read(&r->corpus, &r->o.text, &r->bundle.vocab, err);
	if (!status)
		status = build_model(r, err);
	if (!status)
		status = build_training(r, err);
	if (!status)
		status = open_files(r, err);
	progress_init(&r->progress, r->o.quiet);
	if (!status)
		status = train_epochs(r, err);
	if (!status)
		status = evaluate(r, TEST, err);
	return status ? status : print_result(r, err);
}

tl_status command_train_lm(int argc, char **argv, tl_error *err)
{
	run *r = calloc(1, sizeof *r);
	if (!r)
		return tl_error_memory(err);
	train_options_parse(&r->o, argc, argv);
	tl_status status = train(r, err);
	run_release(r);
	free(r);
	return status;
}
