/* SPDX-License-Identifier: Apache-2.0 */
/* Models without data, and their losses. */
#include "tools/example.h"

#include <stdio.h>

#include "ops/loss.h"
#include "tools/classifier.h"
#include "tools/lm.h"
#include "tools/series.h"
#include "tools/tagger.h"
#include "tools/tasks.h"
#include "tools/translator.h"

/* Vocabularies without names have sizes while the model is built. */
tl_status example_build(const example *e, task *t, tl_error *err)
{
	bool named[TASK_VOCABS];
	if (!(t->store = tl_store_new()))
		return tl_error_memory(err);
	if (t->kind == &lm_kind)
		((lm_task *)t)->drawn = true;
	t->rng = e->rng;
	t->batch = e->rows;
	for (int k = 0; k < TASK_VOCABS; k++) {
		named[k] = t->vocab[k].n > 0;
		t->vocab[k].n = e->size[k];
	}
	if (!t->kind->build(t, err))
		t->kind->init(t, err);
	for (int k = 0; k < TASK_VOCABS; k++)
		if (!named[k])
			t->vocab[k].n = 0;
	return err->status;
}

/* (T, B) of rows that lie one after the other, from their `first` symbol on; in memory of the tape. */
static int32_t *turn(const task *t, const int32_t *rows, int64_t n, int64_t row_length, int64_t length, int64_t first)
{
	int32_t *to = tl_tape_alloc(t->tape, (size_t)(n * length) * sizeof *to);
	for (int64_t b = 0; to && b < n; b++)
		for (int64_t i = 0; i < length; i++)
			to[i * n + b] = rows[b * row_length + first + i];
	return to;
}

static int32_t *draw_labels(example *e, const task *t, int64_t n, int64_t classes)
{
	int32_t *to = tl_tape_alloc(t->tape, (size_t)n * sizeof *to);
	for (int64_t i = 0; to && i < n; i++)
		to[i] = (int32_t)tl_rng_below(&e->rng, classes);
	return to;
}

static tl_real *draw_numbers(example *e, const task *t, int64_t n)
{
	tl_real *to = tl_tape_alloc(t->tape, (size_t)n * sizeof *to);
	for (int64_t i = 0; to && i < n; i++)
		to[i] = (tl_real)tl_rng_normal(&e->rng);
	return to;
}

static tl_var record_lm(example *e, lm_task *t)
{
	const task *base = &t->base;
	tl_shape shape = TL_SHAPE(e->length, e->rows);
	const int32_t *x = turn(base, e->ids, e->rows, e->length + 1, e->length, 0);
	const int32_t *y = turn(base, e->ids, e->rows, e->length + 1, e->length, 1);
	if (!x || !y)
		return (tl_var){0};
	tl_var symbols = tl_name(tl_index(base->tape, shape, x), "x");
	tl_var logits = tl_name(t->model->run(t, symbols, (tl_state){0}, true).logits, "logits");
	return tl_cross_entropy(logits, tl_name(tl_index(base->tape, shape, y), "y"), NULL);
}

static tl_var record_labels(example *e, reader_task *t)
{
	const task *base = &t->base;
	bool tagger = base->kind == &tagger_kind;
	tl_shape shape = tagger ? TL_SHAPE(e->length, e->rows) : TL_SHAPE(e->rows);
	const int32_t *x = turn(base, e->ids, e->rows, e->length, e->length, 0);
	const int32_t *y = draw_labels(e, base, tl_shape_size(shape), e->size[LABELS]);
	if (!x || !y)
		return (tl_var){0};
	tl_var symbols = tl_name(tl_index(base->tape, TL_SHAPE(e->length, e->rows), x), "x");
	tl_var logits = tagger ? tl_reader_tag(t->reader, symbols, NULL, true)
			       : tl_reader_classify(t->reader, symbols, NULL, ((classifier *)t)->pool, true);
	return tl_cross_entropy(tl_name(logits, "logits"), tl_name(tl_index(base->tape, shape, y), "y"), NULL);
}

/* The batch is filled as translator_take does; the decoder reads its target after <s>. */
static tl_var record_translator(example *e, translator *t, tl_error *err)
{
	int64_t B = e->rows, S = e->length, T = e->target_length;
	struct pairs_batch *b = &t->batch;
	if (translator_reserve(t, B, B * (S > T ? S : T), err))
		return (tl_var){0};
	b->steps = S;
	b->target_steps = T;
	b->rows = B;
	b->tokens = B * T;
	for (int64_t r = 0; r < B; r++) {
		b->lengths[r] = S;
		for (int64_t i = 0; i < S; i++)
			b->x[i * B + r] = e->ids[r * S + i];
		for (int64_t i = 0; i < T; i++) {
			b->y_in[i * B + r] = i ? e->target_ids[r * T + i - 1] : VOCAB_START;
			b->y[i * B + r] = e->target_ids[r * T + i];
		}
	}
	return translator_loss(t, true);
}

static tl_var record_series(example *e, series_task *t, tl_error *err)
{
	const task *base = &t->base;
	series_batch b = {.rows = e->rows, .steps = e->length, .count = e->rows};
	int64_t first, zero = 0, answers = series_by_step(t, &first) ? e->rows * e->length : e->rows;
	if (e->series.x) {
		if (series_take(t, &e->series, &zero, 1, &b, err))
			return (tl_var){0};
	} else {
		tl_real *x = draw_numbers(e, base, e->rows * e->length * t->inputs);
		if (!x)
			return (tl_var){0};
		b.x = tl_input(base->tape, TL_SHAPE(e->length, e->rows, t->inputs), x);
	}
	tl_name(b.x, "x");
	bool classes = t->target == SERIES_CLASSES || t->target == SERIES_STEP_LABELS;
	if (classes)
		b.labels = draw_labels(e, base, answers, t->outputs);
	else if (t->target != SERIES_NEXT)
		b.values = draw_numbers(e, base, answers * t->outputs);
	if (tl_tape_status(base->tape))
		return (tl_var){0};
	return series_loss(t, &b, tl_name(series_output(t, &b, true), classes ? "logits" : "values"));
}

tl_status example_record(const example *from, task *t, tl_var *loss, tl_error *err)
{
	example e = *from; /* which draws on, each time the same */
	if (t->kind == &lm_kind)
		*loss = record_lm(&e, (lm_task *)t);
	else if (t->kind == &translator_kind)
		*loss = record_translator(&e, (translator *)t, err);
	else if (t->kind == &series_kind)
		*loss = record_series(&e, (series_task *)t, err);
	else
		*loss = record_labels(&e, (reader_task *)t);
	if (err->status || tape_error(t->tape, err))
		return err->status;
	tl_name(*loss, "loss");
	return TL_OK;
}

static const net_options *net_of(const task *t)
{
	if (t->kind == &lm_kind)
		return &((const lm_task *)t)->net;
	if (t->kind == &translator_kind)
		return &((const translator *)t)->net;
	return t->kind == &series_kind ? &((const series_task *)t)->net : &((const reader_task *)t)->net;
}

/* Appends "H=256" where there is such an axis. */
static void put_axis(char *axes, size_t size, const char *name, int64_t n)
{
	size_t used = 0;
	while (axes[used])
		used++;
	if (n > 1)
		snprintf(axes + used, size - used, "%s%s=%lld", used ? " " : "", name, (long long)n);
}

void example_describe(const example *e, const task *t, char *title, char *axes, size_t size)
{
	const net_options *net = net_of(t);
	const lm_task *lm = (const lm_task *)t;
	bool translates = t->kind == &translator_kind, series = t->kind == &series_kind;
	if (t->kind == &lm_kind)
		lm->model->describe(lm, title, size);
	else if (series && ((const series_task *)t)->next && ((const series_task *)t)->order)
		snprintf(title, size, "autoregressive model of order %lld", (long long)((const series_task *)t)->order);
	else
		snprintf(title, size, "%s %s, %lld layer%s of %lld%s", net->cell->name, t->kind->name, (long long)net->layers,
			net->layers == 1 ? "" : "s", (long long)net->hidden, net->bidirectional ? ", bidirectional" : "");
	axes[0] = '\0';
	put_axis(axes, size, translates ? "S" : "T", e->length);
	if (translates && e->target_length != e->length)
		put_axis(axes, size, "T", e->target_length);
	put_axis(axes, size, "B", e->rows);
	put_axis(axes, size, "H", net->hidden);
	if (net->embed != net->hidden)
		put_axis(axes, size, "E", series ? 0 : net->embed);
	put_axis(axes, size, "V", e->size[0]);
	if (series)
		put_axis(axes, size, "D", ((const series_task *)t)->inputs);
	else if (t->kind != &lm_kind && !translates)
		put_axis(axes, size, "L", e->size[LABELS]);
	else if (translates && e->size[TARGET] != e->size[SOURCE])
		put_axis(axes, size, "W", e->size[TARGET]);
}
