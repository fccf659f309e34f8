/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/reader_task.h"

#include <stdlib.h>
#include <string.h>

#include "tools/model_file.h"

#define LOOK 64      /* sequences looked at side by side, in training */
#define FUNCTIONS 32 /* that are kept */

tl_status reader_build(task *base, tl_error *err)
{
	reader_task *t = (reader_task *)base;
	tl_reader_options o = {
		.symbols = base->vocab[SYMBOLS].n,
		.labels = base->vocab[LABELS].n,
		.embed = t->net.embed,
		.dropout = t->net.dropout,
		.rnn = net_rnn(&t->net, 0),
	};
	t->reader = tl_reader_new(base->store, &o, err);
	return t->reader ? TL_OK : err->status;
}

tl_status reader_init(task *base, tl_error *err)
{
	reader_task *t = (reader_task *)base;
	tl_reader_init(t->reader, &base->rng);
	return net_set_forget_bias(&t->net, t->reader->rnn, err);
}

bool reader_modules(const task *base, task_modules *m)
{
	const tl_reader *reader = ((const reader_task *)base)->reader;
	*m = (task_modules){&reader->input, reader->rnn, &reader->output};
	return true;
}

bool reader_config(const task *base, json_t *object)
{
	const reader_task *t = (const reader_task *)base;
	return net_to_json(&t->net, object);
}

tl_status reader_configure(task *base, const json_t *object, tl_error *err)
{
	reader_task *t = (reader_task *)base;
	const net_options *o = &t->net;
	if (net_from_json(&t->net, object, err))
		return err->status;
	if (o->embed && model_expect(base, "embed.table", TL_SHAPE(base->vocab[SYMBOLS].n, o->embed), err))
		return err->status;
	int64_t output = (o->project ? o->project : o->hidden) * (o->bidirectional ? 2 : 1);
	if (model_expect(base, "out.w", TL_SHAPE(output, base->vocab[LABELS].n), err))
		return err->status;
	return model_expect_net(base, "rnn", o, err);
}

void reader_release(task *base)
{
	reader_task *t = (reader_task *)base;
	tl_function_cache_free(t->functions);
	tl_reader_free(t->reader);
	batches_release(&t->order);
	free(t->example);
	free(t->which);
	free(t->lengths);
	free(t->x);
	free(t->y);
}

tl_status reader_learn_from(reader_task *t, const sequences *q, bool empty_too, tl_error *err)
{
	int64_t n = 0;
	t->example = malloc(((size_t)q->n + 1) * sizeof *t->example);
	if (!t->example)
		return tl_error_memory(err);
	for (int64_t i = 0; i < q->n; i++)
		if (empty_too || q->length[i] > 0)
			t->example[n++] = i;
	task_digest(&t->base, q->length, (size_t)q->n * sizeof *q->length);
	task_digest(&t->base, q->ids, (size_t)q->start[q->n] * sizeof *q->ids);
	batch_options o = {.n = n, .size = t->base.batch, .shuffled = true, .sorted = true, .length1 = q->length,
		.example = t->example};
	return batches_init(&t->order, &o, err);
}

tl_status reader_epoch(task *base, int64_t e, tl_error *err)
{
	reader_task *t = (reader_task *)base;
	(void)err;
	t->order.options.seed = base->rng.seed;
	batches_epoch(&t->order, e);
	base->batches = t->order.count;
	return TL_OK;
}

static tl_status reserve(reader_task *t, int64_t rows, int64_t size, tl_error *err)
{
	if (rows > t->room_rows) {
		free(t->which);
		free(t->lengths);
		t->which = malloc((size_t)rows * sizeof *t->which);
		t->lengths = malloc((size_t)rows * sizeof *t->lengths);
		t->room_rows = t->which && t->lengths ? rows : 0;
	}
	if (size > t->room) {
		free(t->x);
		free(t->y);
		t->room = size + size / 2;
		t->x = malloc((size_t)t->room * sizeof *t->x);
		t->y = malloc((size_t)t->room * sizeof *t->y);
		t->room = t->x && t->y ? t->room : 0;
	}
	return t->room_rows && (t->room || size == 0) ? TL_OK : tl_error_memory(err);
}

static tl_status take(reader_task *t, const sequences *q, const int64_t *which, int64_t rows, tl_error *err)
{
	if (reserve(t, rows, 0, err))
		return err->status;
	memcpy(t->which, which, (size_t)rows * sizeof *which);
	t->rows = rows;
	t->steps = sequences_longest(q, t->which, rows);
	if (reserve(t, rows, rows * t->steps, err))
		return err->status;
	sequences_pad(q, t->which, rows, t->steps, -1, VOCAB_PAD, t->x, t->lengths);
	return TL_OK;
}

tl_status reader_take(reader_task *t, const sequences *q, int64_t k, tl_error *err)
{
	int64_t rows;
	const int64_t *which = batches_get(&t->order, k, &rows);
	return take(t, q, which, rows, err);
}

tl_var reader_input(const reader_task *t)
{
	return tl_index(t->base.tape, TL_SHAPE(t->steps, t->rows), t->x);
}

bool reader_is_even(const reader_task *t)
{
	for (int64_t b = 0; b < t->rows; b++)
		if (t->lengths[b] != t->steps)
			return false;
	return t->rows * t->steps > 0;
}

tl_function *reader_function(reader_task *t, void (*record)(void *task, const tl_recording *r), tl_error *err)
{
	int64_t key[] = {t->steps, t->rows};
	tl_function *f = t->functions ? tl_function_cache_find(t->functions, 2, key) : NULL;
	if (!t->functions && !(t->functions = tl_function_cache_new(FUNCTIONS)))
		tl_error_memory(err);
	if (f || !t->functions)
		return f;
	tl_slot x = {TL_I32, TL_SHAPE(t->steps, t->rows)};
	tl_function_options o = {
		.record = record, .user = t, .inputs = 1, .input = &x, .outputs = 1, .shared = true};
	if ((f = tl_function_new(t->base.tape, &o, err)))
		tl_function_cache_add(t->functions, 2, key, f);
	return f;
}

tl_status reader_look_at_all(reader_task *t, const sequences *q, reader_look look, void *ctx, tl_error *err)
{
	batches all;
	int64_t size = t->base.loaded ? t->base.batch : LOOK;
	if (batches_init(&all, &(batch_options){.n = q->n, .size = size, .sorted = true, .length1 = q->length}, err))
		return err->status;
	batches_epoch(&all, 1);
	tl_status status = TL_OK;
	for (int64_t k = 0; k < all.count && !status; k++) {
		int64_t rows;
		const int64_t *which = batches_get(&all, k, &rows);
		status = take(t, q, which, rows, err);
		tl_tape_reset(t->base.tape);
		if (!status)
			status = look(t, ctx, err);
	}
	batches_release(&all);
	return status;
}
