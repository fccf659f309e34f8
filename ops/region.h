/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regions: the part of a tensor at indices start_i + step_i j_i. A slice is a look at a region; place
 * is its adjoint: a tensor of zeros to which operand k is added in region k.
 *
 *	slice(place(d)) = d where regions do not overlap;  <slice(x), d> = <x, place(d)>
 *
 * Not installed: users see ops/layout.h.
 */
#ifndef TL_OPS_REGION_H
#define TL_OPS_REGION_H

#include "graph/tape.h"

typedef struct tl_region {
	int64_t start[TL_MAX_AXES];
	int64_t step[TL_MAX_AXES];
} tl_region;

/* Parameters of a slice. */
typedef struct tl_slice_params {
	tl_region at;
	tl_shape shape; /* of the result */
} tl_slice_params;

/* Parameters of place, concat and pad: followed in memory by one region for each operand. */
typedef struct tl_place_params {
	tl_shape shape; /* of the result */
	double fill;    /* of what no operand covers; where it is not 0, operands replace it */
} tl_place_params;

/* The region that is everything. */
static inline tl_region tl__region_whole(void)
{
	tl_region r;
	for (int i = 0; i < TL_MAX_AXES; i++) {
		r.start[i] = 0;
		r.step[i] = 1;
	}
	return r;
}

static inline const tl_region *tl__regions(const tl_place_params *p)
{
	return (const tl_region *)(p + 1);
}

/* Record place or an op that shares its parameters. */
tl_var tl__place(const tl_op *op, int n, const tl_var *v, tl_shape shape, double fill, const tl_region *at);

/* What those ops share. */
tl_status tl__place_infer(tl_infer *s);
tl_status tl__place_kernel(const tl_call *c);
bool tl__place_parts(const void *params, int n, const tl_tensor *const *in, const tl_tensor *out, tl_tensor *part,
	tl_arena *scratch);
tl_var tl__place_gradient(const tl_adjoint *a, int k);

#endif
