/* SPDX-License-Identifier: Apache-2.0 */
/* What a training tells while it runs: a JSON object an epoch in log.jsonl, and progress on stderr. */
#ifndef TL_TOOLS_TRAIN_LOG_H
#define TL_TOOLS_TRAIN_LOG_H

#include <stdio.h>

#include "tools/progress.h"
#include "tools/trainer.h"

/*
 * Open for appending after the first `lines` lines; what follows them (of a run that went on after its last save)
 * is cut off. NULL on failure.
 */
FILE *train_log_open(const char *path, int64_t lines, tl_error *err);
tl_status train_log_epoch(FILE *log, const epoch_report *r, int64_t updates, tl_error *err);

/* After an update, where it is time to. */
void train_show_update(progress *p, const trainer *t);
void train_show_epoch(progress *p, const trainer *t, const epoch_report *r);

#endif
