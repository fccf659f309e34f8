/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/train_log.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* Where the first n lines end, or the file does. */
static long end_of_lines(FILE *f, int64_t n)
{
	for (int c; n > 0 && (c = getc(f)) != EOF;)
		n -= c == '\n';
	return ftell(f);
}

FILE *train_log_open(const char *path, int64_t lines, tl_error *err)
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

tl_status train_log_epoch(FILE *log, const epoch_report *r, int64_t updates, tl_error *err)
{
	json_t *line = json_pack("{s:I, s:o, s:o, s:f, s:f, s:I, s:f, s:f}", "epoch", (json_int_t)r->epoch, "train",
		score_json(&r->train), "valid", score_json(&r->valid), "grad_norm", r->grad_norm, "lr", r->lr, "steps",
		(json_int_t)updates, "seconds", r->seconds, "tok_per_s", r->speed);
	if (print_json_line(log, line))
		return TL_OK;
	return tl_error_set(err, TL_ERR_IO, "the log cannot be written: %s", strerror(errno));
}

void train_show_update(progress *p, const trainer *t)
{
	if (!progress_due(p))
		return;
	char rate[32], left[24], text[160];
	const trainer_state *s = &t->state;
	score now = trainer_score(t);
	double speed = t->seconds > 0 ? (double)t->tokens / t->seconds : 0;
	double a_batch = t->batches ? t->seconds / (double)t->batches : 0;
	double all = (double)(t->options->epochs - s->epoch + 1) * (double)t->task->batches - (double)s->place;
	progress_show(p, false, "epoch %" PRId64 "/%" PRId64 " %" PRId64 "/%" PRId64 "  %s  %s %s/s  %s left", s->epoch,
		t->options->epochs, s->place, t->task->batches, score_text(&now, text, sizeof text),
		count_text((int64_t)speed, rate), t->task->unit,
		duration_text(a_batch * all, left));
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
