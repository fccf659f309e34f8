/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that read lines and print what a reader (tools/reader_task.h) says about each: one line for each, in
 * their order.
 */
#ifndef TL_TOOLS_LABEL_LINES_H
#define TL_TOOLS_LABEL_LINES_H

#include <argp.h>

#include "tools/reader_task.h"

typedef struct label_lines {
	const task_kind *kind;  /* of the models */
	const struct argp *own; /* further options, whose input is `input`, and doc; may have no options */
	void *input;
	words_rule (*rule)(const reader_task *t); /* how lines are cut */
	/*
	 * For each line of the batch that was taken: a text, without its newline, in answer[which[b]], made by
	 * malloc, that the caller releases.
	 */
	tl_status (*answer)(reader_task *t, void *input, char **answer, tl_error *err);
} label_lines;

/* The command. */
tl_status label_lines_run(const label_lines *l, int argc, char **argv, tl_error *err);

#endif
