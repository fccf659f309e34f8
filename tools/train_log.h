/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a training tells while it runs: a JSON object an epoch in log.jsonl, lines within epochs in its journal, events
 * for TensorBoard where they are asked for, and progress on stderr.
 */
#ifndef TL_TOOLS_TRAIN_LOG_H
#define TL_TOOLS_TRAIN_LOG_H

#include <stdio.h>

#include "tools/journal.h"
#include "tools/progress.h"
#include "tools/tensorboard.h"

typedef struct train_log {
	FILE *epochs;
	journal *journal;   /* the caller's, held */
	tensorboard *board; /* NULL: none is wanted */
} train_log;

/*
 * Go on at the trainer's state: what the log at `path` has after state.logged lines (of a run that went on after its
 * last save) is cut off.
 */
tl_status train_log_open(train_log *l, const char *path, journal *j, const trainer *t, tl_error *err);
void train_log_close(train_log *l);
tl_status train_log_update(train_log *l, const trainer *t, tl_error *err);
/* A trainer whose epoch has ended, but the next one not begun. */
tl_status train_log_epoch(train_log *l, trainer *t, const epoch_report *r, tl_error *err);

/* After an update, where it is time to. */
void train_show_update(progress *p, const trainer *t);
void train_show_epoch(progress *p, const trainer *t, const epoch_report *r);

#endif
