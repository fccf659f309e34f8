/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of `tapeloop train TASK`. With --resume it is that of the training which goes on, so nothing
 * has to be given again but --out; what is given must not differ, unless it only says when the run ends and what
 * it tells (option_is_bound).
 */
#ifndef TL_TOOLS_TRAIN_LINE_H
#define TL_TOOLS_TRAIN_LINE_H

#include "tools/journal.h"
#include "tools/train_state.h"

typedef struct train_line {
	task *task; /* with its options */
	train_options options;
	arguments given;      /* all that was said, with --resume also by the training that goes on */
	char **argv;          /* of given: options point into it */
	char last[4096];      /* DIR/last.safetensors */
	saved_training saved; /* with --resume */
	journal journal;      /* with --resume held already, where there is one: what is saved stays as it is read */
} train_line;

/* Ends the program with a sentence (argp) where the options make no sense, and after --help. */
tl_status train_line_read(train_line *l, const task_kind *kind, int argc, char **argv, tl_error *err);
void train_line_release(train_line *l);

/* "tapeloop train lm --out out --resume", as a shell takes it; `ended` leaves --max-steps out. */
void train_line_print_resume(const train_line *l, bool ended, FILE *to);

#endif
