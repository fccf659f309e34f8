/* SPDX-License-Identifier: Apache-2.0 */
/* Element i is decided by word i % 4 of block i / 4 of the node's stream. */
#include "ops/dropout.h"

#include <math.h>

#include "core/random.h"
#include "core/threads.h"
#include "core/vector.h"
#include "ops/arith.h"

typedef struct tl__mask_params {
	tl_shape shape;
	double p;
} tl__mask_params;

static tl_status mask_infer(tl_infer *s)
{
	const tl__mask_params *params = s->params;
	if (!(params->p >= 0 && params->p <= 1))
		return tl_error_set(
			s->error, TL_ERR_ARGUMENT, "the probability %g is outside 0..1", params->p);
	s->out = params->shape;
	return TL_OK;
}

#define BLOCK 4    /* words of one call of tl_philox */
#define GRAIN 2048 /* blocks worth waking a thread for */
#define AT_ONCE 64 /* blocks */

struct mask {
	const tl_call *call;
	double p;
	int64_t n;
};

/* n elements of the mask. A number k / 2^24 < p where k < p 2^24, and a whole k where it is below the next whole one. */
TL_VECTOR static void keep(const struct mask *m, int64_t n, const uint32_t *word, tl_real *to)
{
	uint32_t dropped = (uint32_t)ceil(m->p * 0x1p24);
	tl_real kept = (tl_real)(1 / (1 - m->p)); /* where p = 1, none is */
	for (int64_t i = 0; i < n; i++)
		to[i] = word[i] >> 8 < dropped ? 0 : kept;
}

static void mask_blocks(void *ctx, int64_t first, int64_t last)
{
	const struct mask *m = ctx;
	tl_real *to = m->call->out->data;
	uint32_t word[AT_ONCE * BLOCK];
	for (int64_t block = first; block < last; block += AT_ONCE) {
		int64_t blocks = last - block < AT_ONCE ? last - block : AT_ONCE, left = m->n - block * BLOCK;
		tl_philox_blocks(m->call->seed, m->call->stream, (uint64_t)block, blocks, word);
		keep(m, left < blocks * BLOCK ? left : blocks * BLOCK, word, to + block * BLOCK);
	}
}

static tl_status mask_kernel(const tl_call *c)
{
	const tl__mask_params *params = c->params;
	struct mask m = {.call = c, .p = params->p, .n = tl_shape_size(params->shape)};
	tl_parallel(c->pool, (m.n + BLOCK - 1) / BLOCK, GRAIN, mask_blocks, &m);
	return TL_OK;
}

const tl_op tl_op_dropout_mask = {
	.name = "dropout_mask",
	.flags = TL_OP_RANDOM | TL_OP_STOP,
	.infer = mask_infer,
	.kernel = mask_kernel,
	.no_gradient = "a mask is drawn, not computed from operands",
};

tl_var tl_dropout_mask(tl_tape *tape, tl_shape shape, double p)
{
	tl__mask_params params = {shape, p};
	return tl_apply(tape, &tl_op_dropout_mask, 0, NULL, &params, sizeof params);
}

tl_var tl_dropout(tl_var x, double p)
{
	return p == 0 ? x : tl_mul(x, tl_dropout_mask(x.tape, tl_var_shape(x), p));
}
