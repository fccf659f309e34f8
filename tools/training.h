/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A training as its files tell of it, from outside and while it may be under way: the lines of its log, one an epoch,
 * and those of its journal (journal.h), of which there is none beside a log alone, and of a training that is older.
 */
#ifndef TL_TOOLS_TRAINING_H
#define TL_TOOLS_TRAINING_H

#include "tools/records.h"

typedef struct training {
	const char *name;      /* as it was given */
	bool directory;
	char log[4200], journal[4200]; /* journal "": there is none */
	records epochs, entries;
	const json_t *begin;   /* the journal's last beginning, or NULL; entries' */
	const json_t *end;     /* and its end, or NULL */
} training;

/* A directory of a training, or the file of a log; one named log.jsonl has the journal beside it. */
tl_status training_open(training *t, const char *path, tl_error *err);
void training_release(training *t);
/*
 * What its files hold now. `ended`: a last line without its end counts. Fails at a line that is no object, and where
 * there is no log (but with a journal that is all right: the first epoch is under way).
 */
tl_status training_read(training *t, bool ended, tl_error *err);
/* Is a process at it? */
bool training_runs(const training *t);
/* "characters"; "tokens" where nothing is said. */
const char *training_unit(const training *t);
/* The line's place on the x axis. */
typedef enum training_axis { BY_EPOCH, BY_STEP, BY_SECOND } training_axis;

/*
 * x[k], y[k] of epoch k = 0 .. records_count(epochs) - 1; y is line[part][name], or line[name] where part is NULL,
 * and NaN where it is not there.
 */
void training_curve(const training *t, training_axis axis, const char *part, const char *name, double *x, double *y);
/* The same of the journal; returns how many, at most records_count(entries). */
size_t training_curve_within(const training *t, training_axis axis, const char *name, double *x, double *y);

#endif
