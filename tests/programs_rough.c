/* SPDX-License-Identifier: Apache-2.0 */
/* The plain executor with errors, node by node in the order of recording. */
#include "tests/programs.h"

#include <stdlib.h>

#include "graph/node.h"

double rough_error;
int rough_fault;
uint64_t rough_seed;

typedef struct rough {
	void *plain;
	tl_rng rng;
	unsigned char *seen; /* of each node: 1 wanted in this run, 2 computed and shaken */
	uint32_t cap;
} rough;

static void *rough_create(tl_tape *tape)
{
	rough *r = calloc(1, sizeof *r);
	if (r && !(r->plain = tl_executor_plain.create(tape))) {
		free(r);
		return NULL;
	}
	return r;
}

static bool make_room(rough *r, uint32_t n)
{
	if (n <= r->cap)
		return true;
	unsigned char *seen = realloc(r->seen, 2 * (size_t)n);
	if (!seen)
		return false;
	for (uint32_t i = r->cap; i < 2 * n; i++)
		seen[i] = 0;
	r->seen = seen;
	r->cap = 2 * n;
	return true;
}

static bool computes(const tl_node *node)
{
	return !(node->op->flags & TL_OP_LEAF) && !node->op->view && node->value.dtype == TL_REAL;
}

static void shake(rough *r, tl_node *node, bool wrong)
{
	tl_real *v = node->value.data;
	for (int64_t i = 0; i < tl_shape_size(node->value.shape); i++)
		v[i] *= (tl_real)((wrong ? 1.01 : 1) + rough_error * (2 * tl_rng_uniform(&r->rng) - 1));
}

static tl_status compute(rough *r, tl_tape *t, uint32_t i, bool wrong)
{
	tl_status status = tl_executor_plain.run(r->plain, t, 1, &i);
	if (!status && r->seen[i] < 2 && computes(&t->nodes[i]))
		shake(r, &t->nodes[i], wrong);
	r->seen[i] = 2;
	return status;
}

static tl_status rough_run(void *state, tl_tape *t, int n, const uint32_t *want)
{
	rough *r = state;
	uint32_t top = 0, computed = 0;
	r->rng.seed = rough_seed;
	if (!make_room(r, t->n_nodes))
		return TL_ERR_MEMORY;
	for (int k = 0; k < n; k++) {
		if (r->seen[want[k]] == 0)
			r->seen[want[k]] = 1;
		top = want[k] > top ? want[k] : top;
	}
	for (uint32_t i = top; i > 0; i--)
		for (uint32_t k = 0; k < t->nodes[i].n_in && r->seen[i] == 1; k++)
			if (r->seen[t->nodes[i].in[k]] == 0)
				r->seen[t->nodes[i].in[k]] = 1;
	for (uint32_t i = 1; i <= top; i++)
		computed += r->seen[i] == 1 && computes(&t->nodes[i]);
	uint32_t wrong = rough_fault > 0 ? computed * (uint32_t)(rough_fault - 1) / 100 : computed;
	tl_status status = TL_OK;
	for (uint32_t i = 1, at = 0; i <= top && !status; i++)
		if (r->seen[i] == 1)
			status = compute(r, t, i, computes(&t->nodes[i]) && at++ == wrong);
	return status ? status : tl_executor_plain.run(r->plain, t, n, want);
}

static void rough_reset(void *state)
{
	rough *r = state;
	tl_executor_plain.reset(r->plain);
	for (uint32_t i = 0; i < r->cap; i++)
		r->seen[i] = 0;
}

static void rough_destroy(void *state)
{
	rough *r = state;
	tl_executor_plain.destroy(r->plain);
	free(r->seen);
	free(r);
}

static void rough_stats(const void *state, tl_executor_stats *stats)
{
	tl_executor_plain.stats(((const rough *)state)->plain, stats);
}

const tl_executor rough_executor = {.name = "rough",
	.create = rough_create,
	.run = rough_run,
	.reset = rough_reset,
	.destroy = rough_destroy,
	.stats = rough_stats};
