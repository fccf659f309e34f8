/* SPDX-License-Identifier: Apache-2.0 */
#include "models/pool.h"

#include <inttypes.h>
#include <math.h>

#include "ops/arith.h"
#include "ops/index.h"
#include "ops/layout.h"
#include "ops/reduce.h"

typedef struct sizes {
	int64_t steps, batch, columns;
} sizes;

static bool check(tl_var y, const int64_t *lengths, int directions, sizes *s)
{
	tl_shape shape = tl_var_shape(y);
	if (!tl_ok(y))
		return false;
	if (shape.axes != 3 || shape.dim[0] < 1 || directions < 1 || shape.dim[2] % directions) {
		char text[TL_SHAPE_TEXT];
		tl_tape_fail(y.tape, TL_ERR_SHAPE,
			"pool: the output has shape %s, it must be (T, B, D*H) with T > 0 and D = %d",
			tl_shape_text(shape, text), directions);
		return false;
	}
	*s = (sizes){shape.dim[0], shape.dim[1], shape.dim[2]};
	for (int64_t b = 0; lengths && b < s->batch; b++)
		if (lengths[b] < 0 || lengths[b] > s->steps) {
			tl_tape_fail(y.tape, TL_ERR_ARGUMENT,
				"pool: the length of row %" PRId64 " is %" PRId64 ", it must be from 0 to T = %" PRId64, b,
				lengths[b], s->steps);
			return false;
		}
	return true;
}

/* Each row at its last step. */
static tl_var row_ends(tl_var y, const int64_t *lengths, sizes s)
{
	if (!lengths)
		return tl_select(y, 0, -1);
	int32_t *index = tl_tape_alloc(y.tape, (size_t)s.batch * sizeof *index);
	for (int64_t b = 0; index && b < s.batch; b++)
		index[b] = (int32_t)((lengths[b] > 0 ? lengths[b] - 1 : 0) * s.batch + b);
	tl_tensor tensor = tl_tensor_dense(TL_I32, TL_SHAPE(s.batch), index);
	tl_var ends = tl_borrow(y.tape, &tensor);
	return tl_gather(tl_reshape(y, TL_SHAPE(s.steps * s.batch, s.columns)), ends);
}

static tl_var pool_last(tl_var y, const int64_t *lengths, sizes s, int directions)
{
	tl_var ends = row_ends(y, lengths, s);
	if (directions == 1)
		return ends;
	tl_var forward = tl_part(ends, -1, 0, 2), reverse = tl_part(tl_select(y, 0, 0), -1, 1, 2);
	return tl_concat(2, (tl_var[]){forward, reverse}, -1);
}

static tl_var borrow(tl_tape *tape, tl_shape shape, tl_real *data)
{
	tl_tensor t = tl_tensor_dense(TL_REAL, shape, data);
	return tl_borrow(tape, &t);
}

/* Padding is zero, so it adds nothing. */
static tl_var pool_mean(tl_var y, const int64_t *lengths, sizes s)
{
	if (!lengths)
		return tl_mean(y, TL_AXES(0), false);
	tl_real *share = tl_tape_alloc(y.tape, (size_t)s.batch * sizeof *share);
	for (int64_t b = 0; share && b < s.batch; b++)
		share[b] = 1 / (tl_real)(lengths[b] > 0 ? lengths[b] : 1);
	tl_var each = borrow(y.tape, TL_SHAPE(s.batch, 1), share);
	return tl_mul(tl_sum(y, TL_AXES(0), false), each);
}

/* -inf behind the end of a sequence that has any steps. */
static tl_var pool_max(tl_var y, const int64_t *lengths, sizes s)
{
	if (!lengths)
		return tl_max(y, TL_AXES(0), false);
	tl_real *mask = tl_tape_alloc(y.tape, (size_t)(s.steps * s.batch) * sizeof *mask);
	for (int64_t t = 0; mask && t < s.steps; t++)
		for (int64_t b = 0; b < s.batch; b++)
			mask[t * s.batch + b] = lengths[b] > 0 && t >= lengths[b] ? -(tl_real)INFINITY : 0;
	return tl_max(tl_add(y, borrow(y.tape, TL_SHAPE(s.steps, s.batch, 1), mask)), TL_AXES(0), false);
}

tl_var tl_pool_over_time(tl_var y, const int64_t *lengths, tl_pool_rule rule, int directions)
{
	sizes s;
	if (!check(y, lengths, directions, &s))
		return y.tape ? tl_tape_fail(y.tape, TL_ERR_SHAPE, "pool: failed") : y; /* after the sentence that says why */
	switch (rule) {
	case TL_POOL_LAST: return pool_last(y, lengths, s, directions);
	case TL_POOL_MEAN: return pool_mean(y, lengths, s);
	case TL_POOL_MAX: return pool_max(y, lengths, s);
	}
	return tl_tape_fail(y.tape, TL_ERR_ARGUMENT, "pool: %d is no rule", (int)rule);
}
