/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tasks.h"

#include <string.h>

static const task_kind *const kinds[] = {
	&lm_kind,
	&tagger_kind,
	&classifier_kind,
	&series_kind,
	&translator_kind,
};

const task_kind *task_kind_at(int k)
{
	return k >= 0 && (size_t)k < sizeof kinds / sizeof *kinds ? kinds[k] : NULL;
}

const task_kind *task_kind_by_name(const char *name)
{
	const task_kind *kind;
	for (int k = 0; (kind = task_kind_at(k)); k++)
		if (!strcmp(kind->name, name))
			return kind;
	return NULL;
}
