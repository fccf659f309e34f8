/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The primitives of a tape, by shape. Those that a node refers to stay: nodes of steps before the last reset
 * are gone, and plans of such steps are not run again for another one, since a serial, which is part of a
 * node's structure, is given once. Not installed.
 */
#ifndef TL_OPS_FUSED_CACHE_H
#define TL_OPS_FUSED_CACHE_H

#include "core/recurrent.h"
#include "graph/tape.h"

#define TL_FUSED_MOST 64 /* shapes that are kept, besides those in use */

typedef struct tl__fused_layer {
	tl_recurrent *it;
	uint64_t serial;
	struct tl__fused_layer *next; /* used before this one */
	bool used;		      /* since the last reset */
} tl__fused_layer;

/* NULL, and an error on the tape, where there is none to be had. */
tl__fused_layer *tl__fused_find(tl_tape *tape, const tl_recurrent_spec *spec);

#endif
