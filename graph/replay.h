/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gradients recorded before. What tl_grad appends to a tape follows from what stands on it: gradient rules
 * see operands, parameters and shapes, not values. So a step that recorded the same nodes as an earlier one
 * gets copies of the nodes that were appended then, at a fraction of the cost of recording them.
 *
 * Kept are gradients of structures that came twice, up to 32 MiB; the one not used for longest goes first.
 * Never kept: gradients on tapes with checkpoints, and those whose rules computed a value, opened a scope, used a
 * parameter, gave a name or made a constant (zeros for a variable that the result does not depend on, too).
 *
 * For grad.c and tape.c only.
 */
#ifndef TL_GRAPH_REPLAY_H
#define TL_GRAPH_REPLAY_H

#include "graph/node.h"

typedef struct tl_replay tl_replay;

/* What the tape was like before gradients were recorded. */
typedef struct tl_before {
	bool possible; /* to keep what comes */
	uint32_t nodes, draws, scopes, used;
	uint64_t runs;
} tl_before;

/*
 * Appends the gradients of y with respect to wrt[0..n) if they were kept, and sets out[0..n). Otherwise
 * says in *before what tl__replay_keep needs.
 */
bool tl__replay(tl_tape *t, tl_var y, tl_var dy, int n, const tl_var *wrt, tl_var *out, tl_before *before);
/* To be called after they were recorded. */
void tl__replay_keep(tl_tape *t, const tl_before *before, int n, const tl_var *out);

void tl__replay_free(tl_replay *r); /* NULL is fine */
size_t tl__replay_bytes(const tl_replay *r);
uint64_t tl__replay_allocations(const tl_replay *r);

#endif
