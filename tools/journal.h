/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DIR/progress.jsonl: how the training in DIR goes, within its epochs, too. A JSON object a line, of three kinds:
 *
 *	{"begin": "lm", "unit": "characters", "epochs": 10, "updates": 3120, "log": "log.jsonl", "step": 0}
 *	{"step": 120, "epoch": 1, "part": 0.38, "loss": 1.93, "grad_norm": 0.4, "lr": 0.002, "tok_per_s": 61234,
 *	 "seconds": 4.1, "left": 102}
 *	{"end": "finished", "step": 3120, "seconds": 106.2, "result": {...}}      or "SIGTERM", "failed" with a "why", ...
 *
 * A process that goes on with a training cuts off what is newer than the state it found, and begins again. Loss,
 * norm and speed are means over the updates since the line before; "seconds" is the time of training of all runs so
 * far, "left" what this one will take yet. Lines come twice a second at first and ever more rarely, so that there are
 * a few thousand after weeks.
 *
 * And the lock: who trains in DIR holds a lock (fcntl's) on this file, of which the system relieves him however he
 * ends. So whether a training runs can be asked without touching it.
 */
#ifndef TL_TOOLS_JOURNAL_H
#define TL_TOOLS_JOURNAL_H

#include <stdio.h>

#include "tools/trainer.h"

#define JOURNAL_NAME "progress.jsonl"

typedef struct journal {
	FILE *file; /* NULL: not held */
	double begun, due; /* seconds on the monotonic clock */
	double before;     /* seconds of training in earlier runs */
	struct {           /* at the last line */
		int64_t epoch, updates, weight, tokens;
		double loss, norm, seconds;
	} last;
} journal;

/* What a line tells. */
typedef struct journal_entry {
	int64_t step, epoch;
	double part; /* of the epoch that is done */
	double loss, grad_norm, lr, speed, seconds, left;
} journal_entry;

/*
 * Take the lock, and make the file if `create`; without, a directory that has none yet is fine, too (the file stays
 * NULL). TL_ERR_ARGUMENT where another process trains there.
 */
tl_status journal_hold(journal *j, const char *dir, bool create, tl_error *err);
void journal_release(journal *j); /* and the lock */
/* Does another process hold the journal that is open in this file? */
bool journal_is_held(int file);

/* Lines of a training that begins at t's state; `log` is where its epochs are logged. */
tl_status journal_begin(journal *j, const trainer *t, const char *log, tl_error *err);
/* After an update: true where it is time for a line, which is `e`. */
bool journal_due(journal *j, const trainer *t, journal_entry *e);
tl_status journal_write(journal *j, const journal_entry *e, tl_error *err);
/* The last line: "finished", "failed"; `more` is an object with more members, which is released, or NULL. */
tl_status journal_end(journal *j, const trainer *t, const char *how, json_t *more, tl_error *err);

#endif
