/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where NaN and infinity come from. A tape that checks looks at every result as soon as it is computed, in the
 * forward and in the backward pass, and fails at the first one that went wrong, in one line:
 *
 *	tl_tape *tape = tl_tape_new(&(tl_tape_options){.check = true});
 *	...
 *	if (tl_backward(loss))
 *		fprintf(stderr, "%s\n", tl_tape_error(tape)->text);
 *
 *	not finite: log, node 93 'p', in layer=1/t=7: 1 of 4 elements is -Inf, first at (0, 2); shape (1, 4);
 *	operand gate (1, 4) from 0 to 0.73
 *
 * What it names, in the order of recording (which is the order in which values depend on each other):
 *  1. the first node whose result has a NaN while no operand has one, or an infinity while all operands are
 *     finite; for a node that tl_grad appended also the node whose gradient it is a part of;
 *  2. the parameter or input that had the NaN already, or the parameter that had the infinity, and the
 *     first node that took it over. A NaN that nothing uses is not looked for.
 * A value that is masked away later (by tl_where, say) counts: its gradient would be NaN.
 *
 * Infinities may be meant: masks are made of them. On a tape where an infinite constant or input was recorded since
 * the reset, what is computed is stopped at NaN only; the report still names an infinity that was born before.
 *
 * Results of a plan are checked where they are written, also those that only live in registers, at a few percent
 * of a step's time. Not until something is found are the nodes computed once more, one by one, to find the first
 * one (graph/executor.h: they are pure functions, random ones included). Should a plan's sum overflow where no
 * single node does, the report names the instruction. A node that does much at once (a fused layer) is named as a
 * whole. In a checkpoint, steps are told from the segment's first one: "in t+3" of the segment in
 * "layer=0/t=8" is t=11.
 */
#ifndef TL_GRAPH_CHECK_H
#define TL_GRAPH_CHECK_H

#include "graph/tape.h"

/* Switch it on or off, best right after a reset: what was recorded and computed before is taken for finite. */
TL_API void tl_tape_set_check(tl_tape *tape, bool on);

#endif
