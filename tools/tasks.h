/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks that `tapeloop train` and `tapeloop eval` know. */
#ifndef TL_TOOLS_TASKS_H
#define TL_TOOLS_TASKS_H

#include "tools/task.h"

extern const task_kind lm_kind, tagger_kind, classifier_kind, series_kind, translator_kind;

/* Kind k, or NULL past the end; by name, or NULL. */
const task_kind *task_kind_at(int k);
const task_kind *task_kind_by_name(const char *name);

#endif
