/* SPDX-License-Identifier: Apache-2.0 */
/* Element i is decided by numbers 2 i and 2 i + 1 of the node's stream. */
#include "ops/random.h"

#include <math.h>

#include "core/random.h"
#include "core/threads.h"

typedef struct tl__normal_params {
	tl_shape shape;
	double mean, std;
} tl__normal_params;

static tl_status normal_infer(tl_infer *s)
{
	const tl__normal_params *p = s->params;
	if (!isfinite(p->mean) || !isfinite(p->std) || p->std < 0)
		return tl_error_set(s->error, TL_ERR_ARGUMENT,
			"no normal numbers have mean %g and standard deviation %g", p->mean, p->std);
	s->out = p->shape;
	return TL_OK;
}

#define GRAIN 512 /* elements worth waking a thread for */

static void draw(void *ctx, int64_t first, int64_t last)
{
	const tl_call *c = ctx;
	const tl__normal_params *p = c->params;
	tl_rng rng = {c->seed, c->stream, 2 * (uint64_t)first};
	tl_real *to = c->out->data;
	for (int64_t i = first; i < last; i++)
		to[i] = (tl_real)(p->mean + p->std * tl_rng_normal(&rng));
}

static tl_status normal_kernel(const tl_call *c)
{
	tl_call call = *c;
	tl_parallel(c->pool, tl_shape_size(c->out->shape), GRAIN, draw, &call);
	return TL_OK;
}

const tl_op tl_op_random_normal = {
	.name = "random_normal",
	.flags = TL_OP_RANDOM | TL_OP_STOP,
	.infer = normal_infer,
	.kernel = normal_kernel,
	.no_gradient = "the numbers are drawn, not computed from operands",
};

tl_var tl_random_normal(tl_tape *tape, tl_shape shape, double mean, double std)
{
	tl__normal_params params = {shape, mean, std};
	return tl_apply(tape, &tl_op_random_normal, 0, NULL, &params, sizeof params);
}
