/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The task "series": classes, values or labels of real-valued series, or what comes next in them. `predict` uses
 * its models.
 *
 *	what is to be found     model                                         loss
 *	a class a series        reader, pooled over time, L logits            cross-entropy
 *	K values a series       reader, pooled over time, K numbers           mean square
 *	a class a step          reader, L logits a step                       cross-entropy of labels that count
 *	K values a step         reader, K numbers a step                      mean square over real steps
 *	x's next step           autoregressive, of an order or recurrent      mean square over real steps
 *
 * (models/reader.h, models/autoregressive.h). With --standardize x, and values that are to be found, have mean 0 and
 * deviation 1 in the training part; the loss is then in those units, "mse" and predictions are in the data's own.
 */
#ifndef TL_TOOLS_SERIES_H
#define TL_TOOLS_SERIES_H

#include "models/autoregressive.h"
#include "models/reader.h"
#include "tools/batches.h"
#include "tools/options.h"
#include "tools/series_data.h"
#include "tools/series_scale.h"
#include "tools/task.h"

/* One of the parts. */
typedef struct series_part {
	const char *x, *y, *lengths; /* paths */
	series data;
	int64_t *example; /* the n series in which there is something to be found */
	int64_t n;
} series_part;

typedef struct series_task {
	task base;
	net_options net;
	tl_pool_rule pool;
	bool next;          /* --autoregressive: there is no y */
	int64_t order;      /* of it; 0: a recurrent net */
	bool linear;        /* no hidden units between */
	int64_t ahead;      /* steps that are predicted one after the other, to be measured */
	bool standardize;
	series_target target;
	int64_t inputs, outputs; /* D, and L or K */
	series_scale x_scale, y_scale;
	series_part part[PARTS];
	tl_reader *reader;
	tl_ar *ar;          /* one of the two */
	batches batches;    /* of the training part */
} series_task;

/* Series on the tape. What is behind a series' length is 0 in x and y, and counts for nothing. */
typedef struct series_batch {
	int64_t rows, steps;
	const int64_t *lengths; /* NULL: all have `steps` */
	int64_t tokens;         /* their sum */
	int64_t count;          /* what the mean loss is over: series, or steps that count */
	tl_var x;               /* (T, B, D), scaled; its elements: */
	tl_real *input;
	int32_t *labels;        /* (B) or (T, B), or NULL */
	tl_real *values;        /* (B, K) or (T, B, K), scaled, or NULL */
} series_batch;

/* series_batch.c: is each step an answer of its own? The first of them belongs to step *first. */
bool series_by_step(const series_task *t, int64_t *first);
/* Put series which[0..rows) on the tape; a series without y has no labels and no values. */
tl_status series_take(
	series_task *t, const series *s, const int64_t *which, int64_t rows, series_batch *b, tl_error *err);
/* (B, L) or (B, K); by step (T - first, B, L) or (T - first, B, K). */
tl_var series_output(const series_task *t, const series_batch *b, bool training);
tl_var series_loss(const series_task *t, const series_batch *b, tl_var output);

/* Calls `look` for batches of examples, sorted by length, each on a fresh tape. */
typedef tl_status (*series_look)(
	series_task *t, const series *s, const int64_t *which, int64_t rows, void *ctx, tl_error *err);
tl_status series_look_at(series_task *t, const series *s, const int64_t *example, int64_t n, series_look look,
	void *ctx, tl_error *err);

/* series_score.c */
tl_status series_evaluate(task *t, int part, score *s, tl_error *err);

/* series_options.c, series_config.c */
extern const struct argp series_train_argp, series_eval_argp;
void series_defaults(task *t, train_options *o);
bool series_config(const task *t, json_t *object);
tl_status series_configure(task *t, const json_t *object, tl_error *err);

#endif
