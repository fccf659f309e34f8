/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A training in a file from which it goes on bit for bit: a model file (model_file.h) that also holds
 *
 *	"optimizer.*"          what the optimiser remembers
 *	"training.*"           what the task carries from batch to batch, within an epoch
 *	"tapeloop.training"    metadata, JSON: trainer_state (reals as hexadecimal text, so that no bit is lost), the
 *	                       options, and a digest of the data
 *
 * It says nothing of times and dates: equal trainings give equal files.
 */
#ifndef TL_TOOLS_TRAIN_STATE_H
#define TL_TOOLS_TRAIN_STATE_H

#include "tools/arguments.h"
#include "tools/trainer.h"

/* Atomically. */
tl_status train_state_save(const trainer *t, const arguments *options, const char *path, tl_error *err);

/* A saved training that is open. */
typedef struct saved_training {
	const char *path;
	tl_safetensors *file;
	json_t *training;
	arguments options; /* those that count for what a run does, as it was told them */
} saved_training;

/* Fails where the file is none, damaged, or the training of another task. */
tl_status saved_training_open(saved_training *s, const char *path, const char *task, tl_error *err);
void saved_training_release(saved_training *s);

/*
 * For an initialised trainer with these options and these data: its state, its parameters, its optimiser, and an
 * epoch that is begun (unless all of them are done). TL_ERR_ARGUMENT where the data are others.
 */
tl_status saved_training_load(const saved_training *s, trainer *t, tl_error *err);

/* Does this option have to stay as it was for a training to go on bit for bit? Is it kept in the file? */
bool option_is_bound(const char *option);
bool option_is_saved(const char *option);

#endif
