/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/progress.h"

#define APART 0.5   /* seconds between lines at first */
#define RARER 1200.0 /* then this part of the time that has passed */

static struct flock whole_file(void)
{
	return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

bool journal_is_held(int file)
{
	struct flock lock = whole_file();
	return fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

tl_status journal_hold(journal *j, const char *dir, bool create, tl_error *err)
{
	char path[4200];
	if (j->file)
		return TL_OK;
	snprintf(path, sizeof path, "%.4100s/" JOURNAL_NAME, dir);
	int file = open(path, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0666);
	if (file < 0 && !create && (errno == ENOENT || errno == ENOTDIR))
		return TL_OK;
	struct flock lock = whole_file();
	if (file >= 0 && fcntl(file, F_SETLK, &lock) && (errno == EACCES || errno == EAGAIN)) {
		lock = whole_file();
		fcntl(file, F_GETLK, &lock);
		close(file);
		return tl_error_set(err, TL_ERR_ARGUMENT,
			"--out: another training, process %ld, is under way in %.400s; train in another directory",
			(long)lock.l_pid, dir);
	}
	/* Where a file system has no locks, there is none. */
	j->file = file < 0 ? NULL : fdopen(file, "r+");
	if (j->file)
		return TL_OK;
	tl_error_set(err, TL_ERR_IO, "%.400s cannot be written: %s", path, strerror(errno));
	if (file >= 0)
		close(file);
	return err->status;
}

void journal_release(journal *j)
{
	if (j->file)
		fclose(j->file);
	*j = (journal){0};
}

/* Cut off what is newer than an update, or no line at all; add up the time of what stays. */
static bool cut(journal *j, int64_t step)
{
	char *text = NULL;
	size_t room = 0;
	long end = 0;
	rewind(j->file);
	while (step > 0 && getline(&text, &room, j->file) > 0 && strchr(text, '\n')) {
		json_t *line = json_loads(text, 0, NULL), *seconds = json_object_get(line, "seconds");
		bool keep = line && json_integer_value(json_object_get(line, "step")) <= step;
		if (keep && seconds)
			j->before = json_number_value(seconds);
		json_decref(line);
		if (!keep)
			break;
		end = ftell(j->file);
	}
	free(text);
	return end >= 0 && fseek(j->file, end, SEEK_SET) == 0 && ftruncate(fileno(j->file), end) == 0;
}

static tl_status put(journal *j, json_t *line, tl_error *err)
{
	if (print_json_line(j->file, line))
		return TL_OK;
	return tl_error_set(err, TL_ERR_IO, JOURNAL_NAME " cannot be written: %s", strerror(errno));
}

static void note(journal *j, const trainer *t)
{
	const trainer_state *s = &t->state;
	j->last.epoch = s->epoch;
	j->last.updates = s->updates;
	j->last.weight = s->weight;
	j->last.loss = s->loss;
	j->last.norm = s->norm;
	j->last.tokens = t->tokens;
	j->last.seconds = t->seconds;
}

tl_status journal_begin(journal *j, const trainer *t, const char *log, tl_error *err)
{
	if (!cut(j, trainer_updates(t)))
		return tl_error_set(err, TL_ERR_IO, JOURNAL_NAME " cannot be written: %s", strerror(errno));
	j->begun = seconds_now();
	j->due = j->begun + APART;
	note(j, t);
	const task *task = t->task;
	json_t *path = json_string(log); /* NULL: no UTF-8 */
	json_t *line = json_pack("{s:s, s:s, s:I, s:I, s:o, s:I}", "begin", task->kind->name, "unit", task->unit,
		"epochs", (json_int_t)(task->once ? 1 : t->options->epochs), "updates", (json_int_t)trainer_all_updates(t),
		"log", path ? path : json_null(), "step", (json_int_t)trainer_updates(t));
	return put(j, line, err);
}

bool journal_due(journal *j, const trainer *t, journal_entry *e)
{
	double now = seconds_now();
	if (now < j->due)
		return false;
	const trainer_state *s = &t->state;
	if (s->epoch != j->last.epoch) { /* the sums of an epoch begin with it */
		j->last.updates = j->last.weight = 0;
		j->last.loss = j->last.norm = 0;
	}
	double seconds = t->seconds - j->last.seconds;
	*e = (journal_entry){
		.step = trainer_updates(t),
		.epoch = s->epoch,
		.part = (double)s->place / (double)t->task->batches,
		.loss = (s->loss - j->last.loss) / (double)(s->weight - j->last.weight),
		.grad_norm = (s->norm - j->last.norm) / (double)(s->updates - j->last.updates),
		.lr = tl_optimizer_get_options(t->optimizer)->lr,
		.speed = seconds > 0 ? (double)(t->tokens - j->last.tokens) / seconds : 0,
		.seconds = j->before + t->seconds,
		.left = trainer_seconds_left(t),
	};
	note(j, t);
	double apart = (now - j->begun) / RARER;
	j->due = now + (apart > APART ? apart : APART);
	return true;
}

tl_status journal_write(journal *j, const journal_entry *e, tl_error *err)
{
	return put(j, json_pack("{s:I, s:I, s:f, s:o, s:o, s:f, s:f, s:f, s:f}", "step", (json_int_t)e->step, "epoch",
		(json_int_t)e->epoch, "part", e->part, "loss", real_json(e->loss), "grad_norm", real_json(e->grad_norm), "lr",
		e->lr, "tok_per_s", e->speed, "seconds", e->seconds, "left", e->left), err);
}

tl_status journal_end(journal *j, const trainer *t, const char *how, json_t *more, tl_error *err)
{
	json_t *line = json_pack("{s:s, s:I, s:f}", "end", how, "step", (json_int_t)trainer_updates(t), "seconds",
		j->before + t->seconds);
	if (line && more && json_object_update(line, more)) {
		json_decref(line);
		line = NULL;
	}
	json_decref(more);
	return put(j, line, err);
}
