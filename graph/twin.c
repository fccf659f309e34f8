/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/twin.h"

#include <string.h>

static bool copy_nodes(tl_tape *twin, const tl_tape *t, uint32_t top)
{
	while (twin->cap_nodes <= top)
		if (!tl__grow((void **)&twin->nodes, twin->cap_nodes, &twin->cap_nodes, sizeof *twin->nodes, &twin->grown))
			return false;
	memcpy(twin->nodes, t->nodes, (top + 1) * sizeof *t->nodes);
	twin->n_nodes = top + 1;
	for (uint32_t i = 1; i <= top; i++)
		twin->nodes[i].shown = NULL;
	tl__twin_forget(twin);
	return true;
}

static bool copy_scopes(tl_tape *twin, const tl_tape *t)
{
	while (twin->cap_scopes < t->n_scopes)
		if (!tl__grow((void **)&twin->scopes, twin->cap_scopes, &twin->cap_scopes, sizeof *twin->scopes, &twin->grown))
			return false;
	memcpy(twin->scopes, t->scopes, t->n_scopes * sizeof *t->scopes);
	twin->n_scopes = t->n_scopes;
	return true;
}

tl_tape *tl__twin_new(tl_tape *t, uint32_t top, const tl_executor *executor)
{
	tl_tape *twin = tl_tape_new(
		&(tl_tape_options){.threads = 1, .seed = t->seed, .executor = executor, .plan = t->plan});
	if (!twin)
		return NULL;
	tl_pool_free(twin->pool);
	twin->pool = t->pool;
	twin->calls = t->calls;
	twin->step = t->step;
	twin->draws = t->draws;
	twin->draws_before = t->draws_before;
	twin->no_replay = true;
	if (!copy_nodes(twin, t, top) || !copy_scopes(twin, t)) {
		tl__twin_free(twin);
		return NULL;
	}
	return twin;
}

void tl__twin_free(tl_tape *twin)
{
	if (!twin)
		return;
	twin->pool = NULL;
	twin->calls = NULL;
	tl_tape_free(twin);
}

void tl__twin_forget(tl_tape *twin)
{
	twin->executor->reset(twin->executor_state);
	for (uint32_t i = 1; i < twin->n_nodes; i++) {
		tl_node *node = &twin->nodes[i];
		if (!(node->op->flags & TL_OP_LEAF))
			node->flags &= ~(unsigned)(TL_NODE_READY | TL_NODE_PINNED | TL_NODE_VIEW | TL_NODE_PLACED);
	}
}
