/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How large gradients are where, for the log of a training (--log-gradients): that of each parameter over the updates
 * of an epoch, and those of the states of recurrent layers over time. Nothing of it changes what is learned.
 *
 *	"grad_norms":     {"rnn.l0.w": 0.12, ...}     mean over the updates of |dL/dw|, before clipping
 *	"grad_norms_max": {"rnn.l0.w": 0.31, ...}     the greatest of them
 *	"grad_by_step":   {"layer=0/t=*": [3e-9, ..., 0.02], ...}
 *
 * The last one is |dL/dh_t| for t = 0, 1, ...: h_t the first state of all rows after step t of a layer, on all ways
 * to the loss L, those through later states, too; L the mean loss of the epoch's first batch, under the weights after
 * its last update. In the reverse direction t counts from where that one starts. Layers that run fused or with
 * checkpoints have no such states on the tape and are left out.
 */
#ifndef TL_TOOLS_GRAD_NORMS_H
#define TL_TOOLS_GRAD_NORMS_H

#include <jansson.h>
#include <stdbool.h>

#include "graph/tape.h"
#include "optim/store.h"

/* Norms of each parameter, of the updates of an epoch so far. */
typedef struct grad_norms {
	int n;
	int64_t updates;
	double *sum, *most; /* [n] */
} grad_norms;

grad_norms *grad_norms_new(const tl_store *store, tl_error *err);
void grad_norms_free(grad_norms *g); /* NULL is fine */
/* Take in the gradients that stand in the store. */
void grad_norms_add(grad_norms *g, const tl_store *store);
/* Put "grad_norms" and "grad_norms_max" into a line, and begin anew. False where memory is out. */
bool grad_norms_log(grad_norms *g, const tl_store *store, json_t *line);

/* For a training that goes on within an epoch; NULL where memory is out. What does not fit is not taken. */
json_t *grad_norms_save(const grad_norms *g);
void grad_norms_load(grad_norms *g, const json_t *saved);

/* Put "grad_by_step" into a line, of a loss that was just recorded, where there are such states. Errors: the tape's. */
tl_status grad_steps_log(tl_var loss, json_t *line);

#endif
