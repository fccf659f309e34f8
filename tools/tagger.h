/* SPDX-License-Identifier: Apache-2.0 */
/* The task "tagger": a label for each word of a sentence. `tag` uses its model. */
#ifndef TL_TOOLS_TAGGER_H
#define TL_TOOLS_TAGGER_H

#include "tools/reader_task.h"
#include "tools/tagger_data.h"

typedef struct tagger {
	reader_task reader;
	const char *tokens[PARTS], *tags[PARTS]; /* paths */
	tagged data[PARTS];
	vocab gold[PARTS]; /* all tags of a part, those that training lacks, too */
} tagger;

/* tagger_options.c: the command line. */
extern const struct argp tagger_train_argp, tagger_eval_argp;
void tagger_defaults(task *t, train_options *o);

#endif
