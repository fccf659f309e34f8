/* SPDX-License-Identifier: Apache-2.0 */
/* The task "classifier": a label for a whole text. `classify` uses its model. */
#ifndef TL_TOOLS_CLASSIFIER_H
#define TL_TOOLS_CLASSIFIER_H

#include "tools/classifier_data.h"
#include "tools/reader_task.h"

typedef struct classifier {
	reader_task reader;
	const char *paths[PARTS];
	labelled data[PARTS];
	words_rule unit;
	tl_pool_rule pool;
	int64_t min_count;
} classifier;

/* Logits (B, L) of the batch that was taken. */
tl_var classifier_logits(const classifier *t, bool training);

/* classifier_options.c: the command line. */
extern const struct argp classifier_train_argp, classifier_eval_argp;
void classifier_defaults(task *t, train_options *o);
bool classifier_config(const task *t, json_t *object);
tl_status classifier_configure(task *t, const json_t *object, tl_error *err);

#endif
