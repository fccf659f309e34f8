/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/kept.h"

#include <stdlib.h>

#include "graph/node.h"

struct tl__kept_list {
	const tl_kept *kind;
	void *it;
	tl__kept_list *next;
};

void *tl_tape_keep(tl_tape *t, const tl_kept *kind)
{
	for (tl__kept_list *k = t->kept; k; k = k->next)
		if (k->kind == kind)
			return k->it;
	tl__kept_list *k = malloc(sizeof *k);
	void *it = k ? kind->create() : NULL;
	if (!it) {
		free(k);
		tl_error_memory(&t->error);
		return NULL;
	}
	*k = (tl__kept_list){kind, it, t->kept};
	t->kept = k;
	return it;
}

void tl__kept_reset(tl__kept_list *list)
{
	for (; list; list = list->next)
		if (list->kind->reset)
			list->kind->reset(list->it);
}

void tl__kept_free(tl__kept_list *list)
{
	for (tl__kept_list *k = list, *next; k; k = next) {
		next = k->next;
		k->kind->destroy(k->it);
		free(k);
	}
}

void tl__kept_stats(const tl__kept_list *list, tl_tape_stats *stats)
{
	for (; list; list = list->next) {
		stats->allocations++;
		stats->bytes += sizeof *list;
		if (list->kind->stats)
			list->kind->stats(list->it, &stats->allocations, &stats->bytes);
	}
}
