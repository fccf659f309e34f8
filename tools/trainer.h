/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop over epochs, updates and batches, for any task. One update with K batches (--accumulate):
 *
 *	g = sum_i w_i grad(mean_i) / sum_i w_i,  i = 1..K;  clip;  learning rate of the schedule;  step
 *
 * w_i is the batch's weight, so g is the gradient of the mean over all K batches as if they were one. The last
 * update of an epoch takes the batches that are left.
 *
 * Invariant, on which resuming rests: what an update does follows from the parameters, the fields of
 * trainer_state, the optimiser's state, what the task carries and the options; not from when the process began,
 * nor from the clock. trainer_state is what a save has to keep of the loop itself.
 */
#ifndef TL_TOOLS_TRAINER_H
#define TL_TOOLS_TRAINER_H

#include "tools/progress.h"
#include "tools/task.h"

typedef struct trainer_state {
	int64_t epoch;    /* the one that is under way, from 1 */
	int64_t place;    /* batches of it that are done; all of them: its end is still to come */
	int64_t batches;  /* of all epochs that are done: the random step */
	/* Sums over the running epoch. */
	double loss, norm; /* weight * mean loss; gradient norms before clipping */
	int64_t weight, updates;
	tl_plateau plateau;
	int64_t worse;    /* epochs since the best validation */
	bool has_best;
	double best;      /* its score.better */
	int64_t logged;   /* lines of the log */
} trainer_state;

typedef struct trainer {
	task *task;
	const train_options *options;
	tl_optimizer *optimizer;
	tl_schedule schedule;
	trainer_state state;
	progress progress;
	/* Of this process. */
	int64_t tokens;
	double seconds;                /* in updates */
	int64_t epoch_tokens;
	double epoch_seconds, epoch_lr;
	score train, valid;            /* of the last epoch that ended */
} trainer;

/* Optimiser and schedule for a task that has its model. */
tl_status trainer_init(trainer *t, task *task, const train_options *o, tl_error *err);
void trainer_release(trainer *t);

/* Order the data for state.epoch: before its first update, and after a state was read back. */
tl_status trainer_begin_epoch(trainer *t, tl_error *err);
/*
 * One update. A loss or gradient that is no finite number stops with TL_ERR_VALUE before it touches the
 * parameters.
 */
tl_status trainer_update(trainer *t, tl_error *err);
/* Are all batches of the epoch done? */
bool trainer_epoch_done(const trainer *t);
/* The mean over what the running epoch has done so far. */
score trainer_train_score(const trainer *t);
/*
 * Validate, with a schedule "plateau" set the rate, see whether this is the best epoch (*better); go to the next one. A net
 * that the last updates broke is an error; then the state stays.
 */
tl_status trainer_end_epoch(trainer *t, bool *better, tl_error *err);
/* Is there nothing more to do: epochs, patience? */
bool trainer_finished(const trainer *t);

#endif
