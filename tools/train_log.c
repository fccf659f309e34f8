/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/train_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the first n lines end, or the file does. */
static long end_of_lines(FILE *f, int64_t n)
{
	for (int c; n > 0 && (c = getc(f)) != EOF;)
		n -= c == '\n';
	return ftell(f);
}

static FILE *open_epochs(const char *path, int64_t lines, tl_error *err)
{
	FILE *f = fopen(path, lines ? "r+" : "w");
	if (!f && lines && errno == ENOENT)
		f = fopen(path, "w");
	long end = f && lines ? end_of_lines(f, lines) : 0;
	if (f && lines && (end < 0 || fseek(f, end, SEEK_SET) || ftruncate(fileno(f), end))) {
		fclose(f);
		f = NULL;
	}
	if (!f)
		tl_error_set(err, TL_ERR_IO, "the log %s cannot be made: %s", path, strerror(errno));
	return f;
}

tl_status train_log_open(train_log *l, const char *path, journal *j, const trainer *t, tl_error *err)
{
	const train_options *o = t->options;
	char *log = NULL;
	*l = (train_log){.epochs = open_epochs(path, t->state.logged, err), .journal = j};
	if (!l->epochs)
		return err->status;
	if (o->log && !(log = realpath(path, NULL)))
		return tl_error_set(err, TL_ERR_IO, "the log %s: %s", path, strerror(errno));
	journal_begin(j, t, log ? log : "log.jsonl", err);
	free(log);
	if (!err->status && o->tensorboard)
		l->board = tensorboard_new(o->tensorboard, trainer_updates(t), err);
	return err->status;
}

void train_log_close(train_log *l)
{
	if (l->epochs)
		fclose(l->epochs);
	tensorboard_free(l->board);
	*l = (train_log){0};
}

tl_status train_log_update(train_log *l, const trainer *t, tl_error *err)
{
	journal_entry e;
	if (!journal_due(l->journal, t, &e))
		return TL_OK;
	if (journal_write(l->journal, &e, err) || !l->board)
		return err->status;
	tensorboard_add(l->board, "running/loss", e.loss);
	tensorboard_add(l->board, "running/grad_norm", e.grad_norm);
	tensorboard_add(l->board, "running/lr", e.lr);
	tensorboard_add(l->board, "running/speed", e.speed);
	return tensorboard_flush(l->board, e.step, err);
}

static void add_score(tensorboard *b, const char *part, const score *s)
{
	char tag[64];
	for (int k = 0; k < s->n; k++) {
		snprintf(tag, sizeof tag, "%s/%.40s", part, s->field[k].name);
		tensorboard_add(b, tag, s->field[k].value);
	}
}

static tl_status board_epoch(tensorboard *b, const epoch_report *r, int64_t updates, tl_error *err)
{
	add_score(b, "train", &r->train);
	add_score(b, "valid", &r->valid);
	tensorboard_add(b, "grad_norm", r->grad_norm);
	tensorboard_add(b, "lr", r->lr);
	tensorboard_add(b, "speed", r->speed);
	tensorboard_add(b, "epoch", (double)r->epoch);
	return tensorboard_flush(b, updates, err);
}

/* Into the line, and to TensorBoard. */
static tl_status log_gradients(train_log *l, trainer *t, json_t *line, tl_error *err)
{
	batch_loss loss;
	const char *name;
	json_t *norm;
	if (!grad_norms_log(t->norms, t->task->store, line))
		return tl_error_memory(err);
	if (l->board)
		json_object_foreach(json_object_get(line, "grad_norms"), name, norm) {
			char tag[400];
			snprintf(tag, sizeof tag, "gradients/%.300s", name);
			tensorboard_add(l->board, tag, json_number_value(norm));
		}
	if (t->task->once)
		return TL_OK;
	if (trainer_look(t, &loss, err))
		return err->status;
	if (!grad_steps_log(loss.mean, line))
		return TL_OK;
	return tl_tape_status(t->task->tape) ? tape_error(t->task->tape, err) : tl_error_memory(err);
}

tl_status train_log_epoch(train_log *l, trainer *t, const epoch_report *r, tl_error *err)
{
	int64_t updates = trainer_updates(t);
	json_t *line = json_pack("{s:I, s:o, s:o, s:f, s:f, s:I, s:f, s:f}", "epoch", (json_int_t)r->epoch, "train",
		score_json(&r->train), "valid", score_json(&r->valid), "grad_norm", r->grad_norm, "lr", r->lr, "steps",
		(json_int_t)updates, "seconds", r->seconds, "tok_per_s", r->speed);
	if (line && t->norms && log_gradients(l, t, line, err)) {
		json_decref(line);
		return err->status;
	}
	if (!print_json_line(l->epochs, line))
		return tl_error_set(err, TL_ERR_IO, "the log cannot be written: %s", strerror(errno));
	return l->board ? board_epoch(l->board, r, updates, err) : TL_OK;
}

void train_show_update(progress *p, const trainer *t)
{
	if (!progress_due(p))
		return;
	char rate[32], left[24], text[160];
	const trainer_state *s = &t->state;
	score now = trainer_score(t);
	double speed = t->seconds > 0 ? (double)t->tokens / t->seconds : 0;
	progress_show(p, false, "epoch %" PRId64 "/%" PRId64 " %" PRId64 "/%" PRId64 "  %s  %s %s/s  %s left", s->epoch,
		t->options->epochs, s->place, t->task->batches, score_text(&now, text, sizeof text),
		count_text((int64_t)speed, rate), t->task->unit,
		duration_text(trainer_seconds_left(t), left));
}

void train_show_epoch(progress *p, const trainer *t, const epoch_report *r)
{
	char rate[32], train[160], valid[160];
	bool last = trainer_finished(t);
	/* Without a validation epochs are often short and many. */
	if (!r->valid.n && !last && (p->terminal || !progress_due(p)))
		return;
	progress_show(p, true, "epoch %" PRId64 "/%" PRId64 "  %s%s%s  %s %s/s", r->epoch, t->options->epochs,
		score_text(&r->train, train, sizeof train), r->valid.n ? "  valid: " : "",
		score_text(&r->valid, valid, sizeof valid), count_text((int64_t)r->speed, rate), t->task->unit);
}
