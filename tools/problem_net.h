/* SPDX-License-Identifier: Apache-2.0 */
/* What learns a problem: recurrent layers and a dense one upon them, trained on batch after batch. */
#ifndef TL_TOOLS_PROBLEM_NET_H
#define TL_TOOLS_PROBLEM_NET_H

#include "models/layers.h"
#include "models/rnn.h"
#include "optim/optimizer.h"
#include "tools/problem.h"

typedef struct problem_options {
	const problem *problem;
	const tl_cell *cell;
	int64_t length, hidden, layers, batch, steps, test; /* test: examples */
	double lr, clip;    /* clip 0: none */
	double forget_bias; /* of cells that have such a gate */
	int64_t seed, threads;
	bool check_nan;
} problem_options;

/* The problem's own defaults. */
problem_options problem_defaults(const problem *p);

typedef struct problem_net {
	problem_options o;
	tl_store *store;
	tl_rnn *rnn;
	tl_dense output;
	tl_tape *tape;
	tl_optimizer *adam;
	problem_batch batch;
	tl_rng rng; /* of examples to learn; those of tests are others */
} problem_net;

tl_status problem_net_init(problem_net *n, const problem_options *o, tl_error *err);
void problem_net_release(problem_net *n); /* also of a net whose init failed */

/* One update on a new batch; the learning rate falls to a tenth over the last third of the steps. */
tl_status problem_step(problem_net *n, double *loss, tl_error *err);
/* Score `test` new examples, the same at each call. */
tl_status problem_test(problem_net *n, problem_score *score, tl_error *err);

#endif
