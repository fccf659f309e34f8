/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop over epochs, updates and batches, for any task. One update with K batches (--accumulate):
 *
 *	g = sum_i w_i grad(mean_i) / sum_i w_i,  i = 1..K;  clip;  learning rate of the schedule;  step
 *
 * w_i is the batch's weight, so g is the gradient of the mean over all K batches as if they were one. The last
 * update of an epoch takes the batches that are left.
 *
 * Invariant, on which resuming rests: what an update does follows from the options, the data, the parameters,
 * the optimiser's state, trainer_state and what the task carries; not from when the process began, nor from the
 * clock. trainer_state is what a save has to keep of the loop itself.
 */
#ifndef TL_TOOLS_TRAINER_H
#define TL_TOOLS_TRAINER_H

#include "tools/grad_norms.h"
#include "tools/task.h"

typedef struct trainer_state {
	int64_t epoch;     /* the one that is under way, from 1 */
	int64_t place;     /* batches of it that are done; all of them: its end is still to come */
	int64_t batches;   /* done in all epochs: the random step */
	double loss, norm; /* sums over the running epoch: weight * mean loss; gradient norms before clipping */
	int64_t weight, updates;
	double lr;         /* what the schedule starts from: "plateau" lowers it */
	tl_plateau plateau;
	bool has_best;
	double best;       /* the best validation's score.better */
	int64_t worse;     /* epochs since then */
	double train_loss; /* of the last epoch that ended; NaN: none did */
	int64_t logged;    /* lines of the log */
} trainer_state;

typedef struct trainer {
	task *task;
	const train_options *options;
	tl_optimizer *optimizer;
	keep keep;                /* KEEP_LAST or KEEP_BEST */
	int64_t patience;         /* 0: no end */
	trainer_state state;
	int64_t tokens, batches;  /* trained on by this process */
	double seconds;           /* that it took */
	int64_t epoch_tokens;     /* of these, in the running epoch */
	double epoch_seconds;
	grad_norms *norms;        /* NULL: they are not wanted */
} trainer;

/* An epoch that ended. */
typedef struct epoch_report {
	int64_t epoch;
	score train, valid; /* valid.n is 0 where there is no such part */
	bool better;        /* than all before */
	double grad_norm;   /* mean over the updates, before clipping */
	double lr;          /* of the last update */
	double seconds, speed; /* of this process in this epoch: training, tokens a second */
} epoch_report;

/* Optimiser and schedule for a task that has its model and its data. */
tl_status trainer_init(trainer *t, task *task, const train_options *o, tl_error *err);
void trainer_release(trainer *t);

/* Order the data for state.epoch: before its first update, and before a state is read back. */
tl_status trainer_begin_epoch(trainer *t, tl_error *err);
/* Are all its batches done? */
bool trainer_epoch_done(const trainer *t);
/*
 * One update. A loss or gradient that is no finite number stops with TL_ERR_VALUE before it touches the
 * parameters.
 */
tl_status trainer_update(trainer *t, tl_error *err);
/*
 * Validate, set the rate of a schedule "plateau", count epochs without gain, go on to the next one. A net that
 * the last updates broke is an error; then the state stays.
 */
tl_status trainer_end_epoch(trainer *t, epoch_report *r, tl_error *err);
/* Record the epoch's first batch as in training, for a look at it: nothing of the training changes. */
tl_status trainer_look(trainer *t, batch_loss *loss, tl_error *err);
/* Is nothing left to do: epochs, patience? */
bool trainer_finished(const trainer *t);

int64_t trainer_updates(const trainer *t);
/* Updates of all epochs, or up to --max-steps, and seconds that the rest will take, as far as is known now. */
int64_t trainer_all_updates(const trainer *t);
double trainer_seconds_left(const trainer *t);
/* The mean over the running epoch so far, or of the last one where it has just begun. */
score trainer_score(const trainer *t);

#endif
