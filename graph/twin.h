/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A twin: a tape with the same nodes as another one, to compute them again in another way without touching the
 * first one. Node i is node i; what is recorded on the twin stands behind them. Nothing but leaves has a value.
 *
 * Operand lists, parameters, names, the values of leaves and checkpointed bodies are those of the first tape,
 * and so are its threads: a twin lives between two resets of it, and only one of both computes at a time.
 */
#ifndef TL_GRAPH_TWIN_H
#define TL_GRAPH_TWIN_H

#include "graph/node.h"

/* Of nodes 1..top. NULL where memory is out. */
tl_tape *tl__twin_new(tl_tape *t, uint32_t top, const tl_executor *executor);
void tl__twin_free(tl_tape *twin); /* NULL is fine */
/* All values but those of leaves are forgotten, and may be computed again. */
void tl__twin_forget(tl_tape *twin);

#endif
