/* SPDX-License-Identifier: Apache-2.0 */
/* The options of `tapeloop train` that all tasks share. A task's `defaults` may change them first. */
#ifndef TL_TOOLS_TRAIN_OPTIONS_H
#define TL_TOOLS_TRAIN_OPTIONS_H

#include <argp.h>
#include <stdbool.h>

#include "optim/optimizer.h"
#include "optim/schedule.h"

typedef enum keep {
	KEEP_USUAL, /* nothing was said */
	KEEP_LAST, /* the result is the model after the last epoch */
	KEEP_BEST, /* the one with the best validation */
} keep;

typedef struct train_options {
	const tl_optimizer_kind *usual; /* optimiser and rate where nothing else is said; another has its own rate */
	double usual_lr;
	tl_optimizer_options optimizer; /* what was said: kind NULL is the usual one, lr 0 the rate that belongs to it */
	tl_schedule schedule;
	double clip;           /* largest norm of the gradient; 0: none */
	int64_t batch;         /* goes to task.batch */
	int64_t accumulate;    /* batches an update */
	int64_t epochs, seed, threads;
	keep usual_keep;         /* where nothing else is said, and there is a validation */
	int64_t usual_patience;
	int64_t patience;      /* epochs without a better validation before training ends; 0: no end; -1: not said */
	int64_t max_steps;     /* updates in all; 0: no limit */
	int64_t save_steps;    /* save after so many updates; 0: by time */
	double save_seconds;   /* save when so much time has passed; 0: by updates */
	keep keep;
	bool check_nan, quiet, resume, overwrite, log_gradients, pytorch_names;
	const char *out, *log;
	const char *tensorboard; /* directory of event files; NULL: none */
} train_options;

/* adam at 0.002, clip 1, batch 32, 10 epochs, seed 1, --out out, a save every ten minutes, keep last. */
#define TRAIN_DEFAULTS \
	((train_options){.usual = &tl_adam, .usual_lr = 0.002, .usual_keep = KEEP_LAST, .patience = -1, .clip = 1, \
		.batch = 32, .accumulate = 1, .epochs = 10, .seed = 1, .save_seconds = 600, .out = "out"})

/* Kind and rate as they follow from what was said. */
tl_optimizer_options train_optimizer(const train_options *o);

extern const struct argp train_argp; /* its input is a train_options */

#endif
