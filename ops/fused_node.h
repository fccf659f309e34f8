/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node of a recurrent layer. Its value is one vector, and so is that of its gradient:
 *
 *	forward:  output | h | c | what backward needs
 *	          operands: those that the layer has, in order
 *	backward: dx | dh0 | dc0 | dw | du | db | ...
 *	          operands: the same, the forward vector, adjoints
 *
 * Each part begins at a multiple of a line of the cache. The parts are looked at by tl__flat_part, and since
 * the adjoint of these looks is a list of parts (tl__op_flat), backward takes the parts from that list, and
 * the adjoint of the whole vector is never made. Not installed.
 */
#ifndef TL_OPS_FUSED_NODE_H
#define TL_OPS_FUSED_NODE_H

#include "core/recurrent.h"
#include "graph/tape.h"

/* Reals only as 8-byte numbers: no padding. */
typedef struct tl__fused_params {
	tl_recurrent *layer;
	uint64_t serial;
	int64_t kept;	  /* reals at the end of the forward vector; 0: nothing is kept */
	int64_t adjoints; /* backward: bit k: there is that of part k */
} tl__fused_params;

enum { TL__FUSED_OUTPUT, TL__FUSED_H, TL__FUSED_C, TL__FUSED_PARTS };

/* Where part k of the forward vector begins, TL__FUSED_PARTS: what is kept; and its shape. */
int64_t tl__fused_offset(const tl_recurrent_spec *s, int k);
tl_shape tl__fused_part(const tl_recurrent_spec *s, int k);

static inline int64_t tl__fused_line(int64_t reals)
{
	const int64_t line = TL_ALIGN / (int64_t)sizeof(tl_real);
	return (reals + line - 1) / line * line;
}

/* Of each tl_recurrent_cell. */
extern const tl_op tl__op_fused[];

#endif
