/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task's model as one safetensors file: weights under their names, and as metadata
 *
 *	"tapeloop.config"      JSON: {"format": 1, "task": "lm", and what the task's kind adds: cell, sizes, ...}
 *	"tapeloop.vocabulary"  JSON: the symbols in order; further vocabularies under the kind's keys
 *
 * so that evaluating and using it need nothing else. Files that training goes on from (train_state.h) have
 * "tapeloop.training", too, and further tensors; they can be read as models.
 */
#ifndef TL_TOOLS_MODEL_FILE_H
#define TL_TOOLS_MODEL_FILE_H

#include "tools/options.h"
#include "tools/task.h"

#define MODEL_CONFIG "tapeloop.config"
#define MODEL_TRAINING "tapeloop.training"
#define MODEL_PAIRS (TASK_VOCABS + 1)

/* The metadata of a model: to be released with model_pairs_release. */
typedef struct model_pairs {
	tl_safetensors_pair pair[MODEL_PAIRS];
	int n;
} model_pairs;

/* names: of a file whose tensors have the names of t->dict, if that is on. */
tl_status model_pairs_make(model_pairs *p, const task *t, bool names, tl_error *err);
void model_pairs_release(model_pairs *p);

/* What is wrong with a file, with its path in front unless it is there already; TL_OK where nothing is. */
tl_status model_error(const char *path, const tl_error *why, tl_error *err);

/* The JSON under a key of a file's metadata; NULL where there is none. */
json_t *model_metadata(const tl_safetensors *f, const char *key, tl_error *err);

/* Atomically: the path keeps what it held on failure. With PyTorch's names where t->dict is on. */
tl_status model_save(const task *t, const char *path, tl_error *err);

/* Sets the weights from a file that model_save wrote of this task. */
tl_status model_read_weights(task *t, const tl_safetensors *f, tl_error *err);

/*
 * A task with its model from a file, ready to be evaluated or used, but for a tape: t->tape is NULL, and
 * options and data are the caller's. The file's task must be `kind`; NULL: any kind of tasks.h. NULL on failure,
 * with a sentence that starts with the path.
 *
 * State dicts that PyTorch saved are models, too, of lm_kind (foreign.h). model_load reads those whose vocabulary
 * stands in the file, model_load_as with what `o` tells.
 */
task *model_load(const char *path, const task_kind *kind, tl_error *err);
task *model_load_as(const char *path, const task_kind *kind, const foreign_options *o, tl_error *err);

/*
 * For a task's configure: the file must hold a tensor of that name and shape, so that a configuration's sizes
 * are believed only where the weights have them.
 */
tl_status model_expect(const task *t, const char *name, tl_shape shape, tl_error *err);
/* The same for the recurrent net of that name: it must have as many layers. */
tl_status model_expect_net(const task *t, const char *name, const net_options *net, tl_error *err);

#endif
