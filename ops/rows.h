/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What max, logsumexp, softmax, cross-entropy and normalisation share: rows. Not installed.
 *
 * A reduction is given by `kept`, the operand's shape with 1 for each reduced axis. The elements that are
 * reduced to one number are a row; a row need not lie in one piece. Tensors with one number for each row
 * are seen through the operand's shape, with stride 0 along reduced axes, so all tensors of a kernel are
 * cut and walked together, whatever the axes and strides:
 *
 *	x (T, B, H), kept (1, B, 1)     row b is x[:, b, :]
 *	top (1, B, 1)                   walked as (T, B, H) with strides (0, 1, 0)
 */
#ifndef TL_OPS_ROWS_H
#define TL_OPS_ROWS_H

#include <math.h>

#include "ops/reduce.h"

/* The shapes of a reduction of x over axes. */
typedef struct tl__reduction {
	tl_shape kept;    /* reduced axes of size 1 */
	tl_shape dropped; /* without them */
	bool leading;     /* the reduced axes are the first ones */
} tl__reduction;

/* Reports axes that are out of range or stand twice, or an x that failed; false then. */
bool tl__reduction_of(tl_var x, const char *who, tl_axes axes, tl__reduction *r);
static inline tl_var tl__failed(tl_var x)
{
	return (tl_var){x.tape, 0, x.generation};
}

/* The shape rule of ops whose params are `kept`: fits operand 0; the result is of that shape. */
tl_status tl__kept_infer(tl_infer *s);

/* One uninitialised number for each row in the call's scratch; data is NULL where memory is out. */
tl_tensor tl__row_scratch(const tl_call *c, tl_shape kept);

/*
 * Calls fn for parts of n tensors that are seen through one shape, cut along one kept axis: no row is
 * cut, so threads share nothing, and a part stays in the cache while fn goes over it several times. The
 * parts do not depend on the number of threads.
 */
typedef void (*tl_slice_fn)(void *ctx, tl_shape kept, const tl_tensor *t);
void tl__slices(tl_pool *pool, tl_shape kept, int n, const tl_tensor *t, tl_slice_fn fn, void *ctx);

/* The first element of each row: t with size 1 along reduced axes. */
tl_tensor tl__row_heads(const tl_tensor *t, tl_shape kept);
/* A value for every row. */
void tl__row_fill(const tl_tensor *t, tl_shape kept, tl_real value);

/* top = the greatest of each row of x (sign 1) or the least (sign -1); NaN if there is one. */
void tl__row_extreme(const tl_tensor *top, const tl_tensor *x, tl_shape kept, tl_real sign);

/* The greatest number of each row, to be subtracted before exp. NaN may be passed over: it comes through exp. */
void tl__row_top(const tl_tensor *top, const tl_tensor *x, tl_shape kept);

/*
 * e = exp(x - tl__row_offset(top)), total = the sum of e over each row. e may be NULL.
 * The offset is the row's maximum, so nothing overflows; where that is infinite it is 0, so that a row
 * of -inf has total 0 and a row with +inf has total inf.
 */
void tl__row_exp(
	const tl_tensor *e, const tl_tensor *total, const tl_tensor *top, const tl_tensor *x, tl_shape kept);
static inline tl_real tl__row_offset(tl_real top)
{
	return isinf(top) ? 0 : top;
}

#endif
