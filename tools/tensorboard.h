/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scalars as TensorBoard reads them: an event file, DIR/events.out.tfevents.SECONDS.HOST.PROCESS, is a row of
 * records (TensorFlow's TFRecord), all numbers little-endian:
 *
 *	uint64 length   uint32 masked CRC-32C of these 8 bytes   length bytes   uint32 masked CRC-32C of these
 *	masked: the CRC turned right by 15 bits, plus 0xa282ead8
 *
 * The bytes are protocol buffers, of which these fields are used (tensorflow/core/util/event.proto, summary.proto):
 *
 *	Event   { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5;
 *	          SessionLog session_log = 7; }
 *	Summary { repeated Value value = 1; }   Value { string tag = 1; float simple_value = 2; }
 *	SessionLog { enum status = 1; }         START = 1
 *
 * The first record is the version "brain.Event:2". A training that goes on begins a further file in the same
 * directory with a START at its first step, at which readers forget what earlier files have from that step on.
 *
 *	tensorboard *board = tensorboard_new("runs/a", 0, err);
 *	tensorboard_add(board, "train/loss", 1.25);
 *	tensorboard_add(board, "lr", 0.002);
 *	if (tensorboard_flush(board, 100, err)) ...    one event: all that was added, at step 100
 *	tensorboard_free(board);
 */
#ifndef TL_TOOLS_TENSORBOARD_H
#define TL_TOOLS_TENSORBOARD_H

#include <stdint.h>
#include <stdio.h>

#include "core/status.h"

typedef struct tensorboard tensorboard;

/* The directory must be there. NULL on failure. `step`: the last one before what goes on; 0: it begins. */
tensorboard *tensorboard_new(const char *dir, int64_t step, tl_error *err);
/* To a stream that is the caller's, with a time that is the caller's, too. */
tensorboard *tensorboard_new_at(FILE *to, double time, int64_t step, tl_error *err);
void tensorboard_free(tensorboard *b); /* NULL is fine */

/* What is no number is left out: TensorBoard has no place for it. Failures show at the flush. */
void tensorboard_add(tensorboard *b, const char *tag, double value);
/* One event for all that was added since the last one; none where that is nothing. */
tl_status tensorboard_flush(tensorboard *b, int64_t step, tl_error *err);

#endif
