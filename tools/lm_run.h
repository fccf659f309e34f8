/* SPDX-License-Identifier: Apache-2.0 */
/* Training and evaluating a language model: what the commands share. */
#ifndef TL_TOOLS_LM_RUN_H
#define TL_TOOLS_LM_RUN_H

#include "models/perplexity.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "tools/lm_file.h"
#include "tools/progress.h"
#include "tools/tape_error.h"

/* Loss of tokens 1..n-1 given all before them, read as one sequence from a zero state. */
tl_status lm_evaluate(
	const tl_lm *lm, tl_tape *tape, const int32_t *ids, int64_t n, tl_likelihood *result, tl_error *err);

typedef struct lm_training {
	const tl_lm *lm;
	tl_store *store;
	tl_optimizer *optimizer;
	tl_schedule schedule;
	tl_tape *tape;
	const int32_t *ids; /* the train part */
	int64_t n;
	int64_t batch, length;
	int64_t shift; /* epoch e starts at token shift (e - 1) mod (length + 1) */
	double clip;   /* 0: none */
	int epochs;
	progress *progress;
	const char *unit; /* of the speed: "characters" */
	int64_t tokens;   /* trained on so far */
	double seconds;   /* of training so far */
} lm_training;

typedef struct lm_epoch {
	tl_likelihood train;
	double grad_norm; /* mean over the windows, before clipping */
	double lr;        /* of the last update */
	double seconds;
} lm_epoch;

/*
 * Epoch 1, 2, ...: the state starts at zero and is carried from window to window. A loss or gradient
 * that is no finite number stops with TL_ERR_VALUE before it touches the parameters.
 */
tl_status lm_train_epoch(lm_training *t, int epoch, lm_epoch *result, tl_error *err);

#endif
