/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A training step of any task's model without the task's data, to be drawn: on a text, on a series, or on symbols
 * and numbers drawn at random. In this order:
 *
 *	example_read     what is read; without a model, its vocabularies and sizes follow
 *	example_build    the model, where it was not loaded from a file
 *	example_record   the loss on the task's tape, as training records it (with dropout, if the model has any)
 *
 * What a text does not tell is drawn, too: labels of taggers, classifiers and series, a translator's target.
 */
#ifndef TL_TOOLS_EXAMPLE_H
#define TL_TOOLS_EXAMPLE_H

#include "tools/series_data.h"
#include "tools/task.h"

typedef struct example {
	/* Wishes, set by the caller: */
	const char *text, *target; /* what is read, and what a translator writes; NULL: drawn */
	const char *data;          /* a file with the text, or .npy of series, of which the first is read; or NULL */
	int64_t length, target_length; /* T, and that of a target; of a text: at most; 0: 3, or all of a text */
	int64_t rows;              /* B; a text is one */
	int64_t symbols, labels, inputs; /* V, L and D of a model that is new */
	tl_rng rng;                /* of what is drawn */
	/* Set by example_read: */
	int64_t size[TASK_VOCABS]; /* of the vocabularies */
	int32_t *ids, *target_ids; /* rows of `length` symbols one after the other (a language model's has one more) */
	series series;
} example;

tl_status example_read(example *e, task *t, tl_error *err);
tl_status example_build(const example *e, task *t, tl_error *err);
tl_status example_record(const example *e, task *t, tl_var *loss, tl_error *err);
void example_release(example *e);

/* "lstm language model, 1 layer of 256", and the names of its axes as tl_draw_options has them. */
void example_describe(const example *e, const task *t, char *title, char *axes, size_t size);

#endif
