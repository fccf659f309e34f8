/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/plan.h"

static void *create(tl_tape *tape)
{
	return tl_executor_plain.create(tape);
}

static tl_status run(void *state, tl_tape *tape, int n, const uint32_t *want)
{
	return tl_executor_plain.run(state, tape, n, want);
}

static void reset(void *state)
{
	tl_executor_plain.reset(state);
}

static void destroy(void *state)
{
	tl_executor_plain.destroy(state);
}

static void stats(const void *state, tl_executor_stats *s)
{
	tl_executor_plain.stats(state, s);
}

const tl_executor tl_executor_planned = {
	.name = "planned", .create = create, .run = run, .reset = reset, .destroy = destroy, .stats = stats};
