/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs of a recurrent layer: each thread brings its rows to where its primitives read them, and takes the
 * results back.
 */
#include "core/recurrent_layer.h"

#ifndef TL_DOUBLE

#include <string.h>

#include "core/copy.h"
#include "core/recurrent_weights.h"

/* What a tensor of the rows is for in a run. */
typedef enum way {
	NONE,
	READ,  /* brought before it */
	WRITE, /* taken after it */
	ZEROS,
	ROOM, /* for itself */
} way;

typedef struct stream {
	way way;
	tl_tensor whole; /* of all rows: (T, B, n) or (B, n) */
} stream;

#define SLOTS (2 * TL_ONEDNN_TENSORS)

/* What one thread has in hand: its tensors, where they lie or copied. */
typedef struct hand {
	void *data[SLOTS];
	void *kept, *scratch;
	tl__recurrent_keep keep;
	tl__weights gradients;
	tl_error error;
} hand;

typedef struct work {
	tl_recurrent *r;
	const tl_recurrent_run *run;
	bool forward, training, backward;
	stream streams[SLOTS];
	tl__weights weights, transposed;
	hand *hands; /* of each part */
} work;

static bool get(tl_arena *scratch, size_t bytes, void **at)
{
	return (*at = tl_arena_alloc(scratch, bytes + !bytes));
}

/* The rows of a part, in the order of its steps. */
static tl_tensor rows_of(const work *w, const tl__recurrent_part *p, int slot)
{
	tl_tensor t = w->streams[slot].whole;
	int axis = (int)t.shape.axes - 2;
	tl_real *data = (tl_real *)t.data + (t.data ? p->first * t.stride[axis] : 0);
	t.shape.dim[axis] = p->rows;
	if (axis == 1 && w->r->spec.backward && t.data) {
		data += (t.shape.dim[0] - 1) * t.stride[0];
		t.stride[0] = -t.stride[0];
	}
	t.data = data;
	return t;
}

/* Where a part keeps x or y; NULL: it does not. */
static void *kept_rows(const hand *h, int slot)
{
	size_t at = slot == TL_ONEDNN_X ? h->keep.x : slot == TL_ONEDNN_Y ? h->keep.y : 0;
	return at ? (char *)h->kept + at : NULL;
}

/* A part works on its rows where they lie, if they are dense. False where memory is out. */
static bool prepare_rows(const work *w, const tl__recurrent_part *p, hand *h)
{
	bool fine = true;
	for (int k = 0; k < SLOTS && fine; k++) {
		way way = w->streams[k].way;
		tl_tensor t = rows_of(w, p, k);
		if (way == NONE)
			continue;
		h->data[k] = kept_rows(h, k);
		if (h->data[k])
			continue;
		h->data[k] = t.data;
		if (way == ZEROS || way == ROOM || !tl_tensor_is_dense(&t))
			fine = get(w->run->scratch, (size_t)tl_shape_size(t.shape) * sizeof(tl_real),
				&h->data[k]);
	}
	return fine;
}

static bool prepare_part(const work *w, int k, char **kept)
{
	const tl__recurrent_part *p = &w->r->part[k];
	hand *h = &w->hands[k];
	const tl_onednn_rnn *primitives = w->training ? p->train : p->infer;
	size_t forward = tl__onednn_rnn_scratch(primitives, w->training ? TL_ONEDNN_TRAIN : TL_ONEDNN_INFER);
	size_t backward = w->backward ? tl__onednn_rnn_scratch(p->train, TL_ONEDNN_BACKWARD) : 0;
	*h = (hand){0};
	bool fine = get(w->run->scratch, forward > backward ? forward : backward, &h->scratch);
	if (w->training) {
		h->keep = tl__recurrent_part_keep(w->r, k);
		h->kept = *kept;
		if (*kept)
			*kept += h->keep.all;
		else
			fine = fine && get(w->run->scratch, h->keep.all, &h->kept);
	}
	if (fine && w->backward)
		fine = tl__weights_alloc(&p->shape, w->run, k == 0, &h->gradients);
	return fine && prepare_rows(w, p, h);
}

static bool prepare(work *w)
{
	const tl_onednn_shape *s = &w->r->part[0].shape;
	void *hands;
	char *kept = w->run->kept;
	bool fine = get(w->run->scratch, (size_t)w->r->parts * sizeof *w->hands, &hands);
	w->hands = hands;
	if (fine && w->forward)
		fine = tl__weights_set(s, w->run, false, &w->weights);
	if (fine && w->backward)
		fine = tl__weights_set(s, w->run, true, &w->transposed);
	for (int k = 0; k < w->r->parts && fine; k++)
		fine = prepare_part(w, k, &kept);
	return fine;
}

static void bring_rows(const work *w, const tl__recurrent_part *p, const hand *h)
{
	for (int k = 0; k < SLOTS; k++) {
		tl_tensor from = rows_of(w, p, k), to = tl_tensor_dense(TL_REAL, from.shape, h->data[k]);
		if (w->streams[k].way == ZEROS)
			memset(to.data, 0, (size_t)tl_shape_size(to.shape) * sizeof(tl_real));
		else if (w->streams[k].way == READ && to.data != from.data && (w->forward || !kept_rows(h, k)))
			tl__copy(&to, &from, NULL);
	}
}

static void take_rows(const work *w, const tl__recurrent_part *p, const hand *h)
{
	for (int k = 0; k < SLOTS; k++) {
		tl_tensor to = rows_of(w, p, k), from = tl_tensor_dense(TL_REAL, to.shape, h->data[k]);
		if (w->streams[k].way == WRITE && to.data != from.data)
			tl__copy(&to, &from, NULL);
	}
}

static tl_status run_forward(const work *w, const tl__recurrent_part *p, hand *h)
{
	memcpy(&h->data[TL_ONEDNN_W], &w->weights.at[TL_ONEDNN_W],
		(TL_ONEDNN_Y - TL_ONEDNN_W) * sizeof *h->data);
	return tl__onednn_rnn_run(w->training ? p->train : p->infer,
		w->training ? TL_ONEDNN_TRAIN : TL_ONEDNN_INFER, h->data, h->kept, h->scratch, &h->error);
}

static tl_status run_backward(const work *w, const tl__recurrent_part *p, hand *h)
{
	for (int k = TL_ONEDNN_W; k <= TL_ONEDNN_BIAS; k++) {
		h->data[k] = w->transposed.at[k];
		h->data[TL_ONEDNN_TENSORS + k] = h->gradients.at[k];
	}
	tl__weights_clear(&p->shape, &h->gradients);
	return tl__onednn_rnn_run(p->train, TL_ONEDNN_BACKWARD, h->data, h->kept, h->scratch, &h->error);
}

static void run_parts(void *ctx, int64_t first, int64_t last)
{
	const work *w = ctx;
	for (int64_t k = first; k < last; k++) {
		const tl__recurrent_part *p = &w->r->part[k];
		hand *h = &w->hands[k];
		bring_rows(w, p, h);
		tl_status status = w->forward ? run_forward(w, p, h) : TL_OK;
		if (!status && w->backward)
			status = run_backward(w, p, h);
		if (!status)
			take_rows(w, p, h);
	}
}

static tl_status run_all(work *w, tl_error *err)
{
	tl_status status = tl__recurrent_make(w->r, w->training, err);
	if (!status && !prepare(w))
		status = tl_error_memory(err);
	if (status)
		return status;
	tl_parallel(w->run->pool, w->r->parts, 1, run_parts, w);
	for (int k = 0; k < w->r->parts; k++)
		if (w->hands[k].error.status)
			return tl_error_set(err, w->hands[k].error.status, "%s", w->hands[k].error.text);
	return TL_OK;
}

static void set_stream(
	work *w, int slot, way way, int64_t steps, int64_t width, const tl_tensor *whole, void *data)
{
	int64_t rows = w->r->spec.rows;
	tl_shape shape = steps ? TL_SHAPE(steps, rows, width) : TL_SHAPE(rows, width);
	w->streams[slot] = (stream){way, whole ? *whole : tl_tensor_dense(TL_REAL, shape, data)};
}

static void set_operands(work *w)
{
	const tl_recurrent_spec *s = &w->r->spec;
	const tl_recurrent_run *run = w->run;
	for (int k = 0; k < SLOTS; k++)
		set_stream(w, k, NONE, 0, 0, NULL, NULL);
	set_stream(w, TL_ONEDNN_X, READ, s->steps, s->input, run->in[TL_RECURRENT_X], NULL);
	set_stream(w, TL_ONEDNN_H0, s->given ? READ : ZEROS, 0, s->out, run->in[TL_RECURRENT_H0], NULL);
	if (s->cell == TL_RECURRENT_LSTM)
		set_stream(w, TL_ONEDNN_C0, s->given ? READ : ZEROS, 0, s->hidden, run->in[TL_RECURRENT_C0],
			NULL);
}

static void set_results(work *w, way way)
{
	const tl_recurrent_spec *s = &w->r->spec;
	set_stream(w, TL_ONEDNN_Y, way, s->steps, s->out, NULL, w->run->y);
	set_stream(w, TL_ONEDNN_HN, way, 0, s->out, NULL, w->run->hn);
	if (s->cell == TL_RECURRENT_LSTM)
		set_stream(w, TL_ONEDNN_CN, way, 0, s->hidden, NULL, w->run->cn);
}

static void set_adjoints(work *w)
{
	const tl_recurrent_spec *s = &w->r->spec;
	const tl_recurrent_run *run = w->run;
	const int d = TL_ONEDNN_TENSORS;
	set_stream(w, d + TL_ONEDNN_Y, run->dy ? READ : ZEROS, s->steps, s->out, run->dy, NULL);
	set_stream(w, d + TL_ONEDNN_HN, run->dhn ? READ : ZEROS, 0, s->out, run->dhn, NULL);
	set_stream(w, d + TL_ONEDNN_X, WRITE, s->steps, s->input, NULL, run->d[TL_RECURRENT_X]);
	set_stream(w, d + TL_ONEDNN_H0, s->given ? WRITE : ROOM, 0, s->out, NULL, run->d[TL_RECURRENT_H0]);
	if (s->cell != TL_RECURRENT_LSTM)
		return;
	set_stream(w, d + TL_ONEDNN_CN, run->dcn ? READ : ZEROS, 0, s->hidden, run->dcn, NULL);
	set_stream(w, d + TL_ONEDNN_C0, s->given ? WRITE : ROOM, 0, s->hidden, NULL, run->d[TL_RECURRENT_C0]);
}

tl_status tl__recurrent_forward(tl_recurrent *r, const tl_recurrent_run *run, tl_error *err)
{
	work w = {.r = r, .run = run, .forward = true, .training = run->kept};
	set_operands(&w);
	set_results(&w, WRITE);
	return run_all(&w, err);
}

tl_status tl__recurrent_backward(tl_recurrent *r, const tl_recurrent_run *run, tl_error *err)
{
	work w = {.r = r, .run = run, .forward = !run->kept, .training = true, .backward = true};
	set_operands(&w);
	set_results(&w, run->kept ? READ : ROOM);
	set_adjoints(&w);
	tl_status status = run_all(&w, err);
	if (status)
		return status;
	tl__weights *parts = tl_arena_alloc(run->scratch, (size_t)r->parts * sizeof *parts);
	if (!parts)
		return tl_error_memory(err);
	for (int k = 0; k < r->parts; k++)
		parts[k] = w.hands[k].gradients;
	tl__weights_sum(&r->part[0].shape, run, r->parts, parts);
	return TL_OK;
}

#endif
