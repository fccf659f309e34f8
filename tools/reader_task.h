/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tagger and the classifier share: a net that reads sequences of symbols (models/reader.h), the order of
 * an epoch, batches of unequal lengths. Their structs begin with one of these; the functions marked "kind" stand
 * in their task_kind as they are.
 */
#ifndef TL_TOOLS_READER_TASK_H
#define TL_TOOLS_READER_TASK_H

#include "graph/function_cache.h"
#include "models/reader.h"
#include "tools/batches.h"
#include "tools/options.h"
#include "tools/sequences.h"
#include "tools/task.h"

enum { SYMBOLS, LABELS }; /* numbers of their vocabularies */

#define READER_VOCABS \
	{{.key = "tapeloop.vocabulary", .front = FRONT_PADDED}, {.key = "tapeloop.labels", .front = FRONT_NONE}}

typedef struct reader_task {
	task base;
	net_options net; /* its dropout is that of embedded symbols and of the dense layer's input, too */
	tl_reader *reader;
	batches order;   /* of the training part */
	int64_t *example; /* those that are learned from */
	/* The batch at hand: its members' numbers, of T steps. */
	int64_t *which, *lengths;
	int64_t rows, steps;
	int32_t *x, *y; /* (T, B); y is the task's to fill: (T, B) labels, or B */
	int64_t room_rows, room;
	tl_function_cache *functions; /* of reader_function */
} reader_task;

tl_status reader_build(task *t, tl_error *err); /* kind */
tl_status reader_init(task *t, tl_error *err);  /* kind */
bool reader_modules(const task *t, task_modules *m); /* kind */
bool reader_config(const task *t, json_t *object); /* kind, or part of it */
tl_status reader_configure(task *t, const json_t *object, tl_error *err); /* kind, or part of it */
tl_status reader_epoch(task *t, int64_t e, tl_error *err); /* kind */
void reader_release(task *t);                   /* kind, or part of it */

/* Learn from these: all of them, or those that are not empty. For `open`. */
tl_status reader_learn_from(reader_task *t, const sequences *q, bool empty_too, tl_error *err);
/* Batch k of the epoch: sets which, rows, steps, lengths, x; and room for y. */
tl_status reader_take(reader_task *t, const sequences *q, int64_t k, tl_error *err);
/* The net's input on the tape. */
tl_var reader_input(const reader_task *t);

/*
 * For the batch at hand, whose sequences have one length: the function that `record` makes of it, with input 0, x, and
 * one output; the next batch of that shape gets the same one. A task has one such `record`. NULL on an error.
 */
bool reader_is_even(const reader_task *t); /* of one length, and not empty */
tl_function *reader_function(reader_task *t, void (*record)(void *task, const tl_recording *r), tl_error *err);

/*
 * Look at all sequences, without training: each batch (of base.batch or, in training, 64; sorted by length) is
 * taken, the tape reset, and `look` called, which reads what it wants from the tape.
 */
typedef tl_status (*reader_look)(reader_task *t, void *ctx, tl_error *err);
tl_status reader_look_at_all(reader_task *t, const sequences *q, reader_look look, void *ctx, tl_error *err);

#endif
