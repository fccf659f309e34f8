/* SPDX-License-Identifier: Apache-2.0 */
#include "models/autoregressive.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "models/pool.h"
#include "ops/index.h"
#include "ops/layout.h"

static tl_status add_recurrent(tl_ar *ar, tl_store *store, const char *name, tl_error *err)
{
	const tl_ar_options *o = &ar->options;
	char full[256];
	tl_rnn_options rnn = o->rnn;
	if (o->order != 0 || o->hidden != 0)
		return tl_error_set(err, TL_ERR_ARGUMENT,
			"autoregressive: a recurrent model has no order and no other hidden units, %" PRId64 " and %" PRId64
			" were given",
			o->order, o->hidden);
	if (rnn.bidirectional)
		return tl_error_set(err, TL_ERR_ARGUMENT, "autoregressive: what comes next cannot be read from behind");
	rnn.input = o->size;
	rnn.batch_first = false;
	snprintf(full, sizeof full, "%s.rnn", name);
	ar->rnn = tl_rnn_new(store, full, &rnn, err);
	snprintf(full, sizeof full, "%s.out", name);
	return ar->rnn ? tl_dense_add(&ar->output, store, full, tl_rnn_output_size(ar->rnn), o->size, err) : err->status;
}

tl_ar *tl_ar_new(tl_store *store, const char *name, const tl_ar_options *o, tl_error *err)
{
	tl_ar *ar = calloc(1, sizeof *ar);
	if (!ar) {
		tl_error_memory(err);
		return NULL;
	}
	ar->options = *o;
	tl_window_options window = {.tau = o->order, .input = o->size, .output = o->size, .hidden = o->hidden};
	if (o->rnn.cell ? add_recurrent(ar, store, name, err) : tl_window_net_add(&ar->window, store, name, &window, err)) {
		tl_ar_free(ar);
		return NULL;
	}
	return ar;
}

void tl_ar_free(tl_ar *ar)
{
	if (ar)
		tl_rnn_free(ar->rnn);
	free(ar);
}

void tl_ar_init(tl_ar *ar, tl_rng *rng)
{
	if (ar->rnn) {
		tl_rnn_init(ar->rnn, rng);
		tl_dense_init(&ar->output, rng);
	} else {
		tl_window_net_init(&ar->window, rng);
	}
}

int64_t tl_ar_reach(const tl_ar *ar)
{
	return ar->rnn ? 1 : ar->options.order;
}

/* x (T, B, D) with at least `least` steps, or a failed variable. */
static tl_var check(const tl_ar *ar, tl_var x, int64_t least)
{
	tl_shape s = tl_var_shape(x);
	char text[TL_SHAPE_TEXT];
	if (!tl_ok(x) || (s.axes == 3 && s.dim[0] >= least && s.dim[2] == ar->options.size))
		return x;
	return tl_tape_fail(x.tape, TL_ERR_SHAPE,
		"autoregressive: x has shape %s, (T, B, D) with T at least %" PRId64 " and D = %" PRId64 " is needed",
		tl_shape_text(s, text), least, ar->options.size);
}

tl_var tl_ar_run(const tl_ar *ar, tl_var x, bool training)
{
	x = check(ar, x, tl_ar_reach(ar) + 1);
	x = tl_slice(x, 0, 0, tl_dim(x, 0) - (tl_ok(x) ? 1 : 0), 1);
	if (!ar->rnn)
		return tl_window_net_run(&ar->window, x);
	return tl_dense_run(&ar->output, tl_rnn_run(ar->rnn, x, (tl_state){0}, training).output);
}

tl_var tl_ar_target(const tl_ar *ar, tl_var x)
{
	x = check(ar, x, tl_ar_reach(ar) + 1);
	return tl_slice(x, 0, tl_ok(x) ? tl_ar_reach(ar) : 0, INT64_MAX, 1);
}

/* Each row's last p steps. */
static tl_var row_ends(const tl_ar *ar, tl_var x, const int64_t *lengths)
{
	int64_t p = tl_ar_reach(ar), batch = tl_dim(x, 1);
	if (!lengths)
		return tl_slice(x, 0, tl_dim(x, 0) - p, INT64_MAX, 1);
	int32_t *at = tl_tape_alloc(x.tape, (size_t)(p * batch) * sizeof *at);
	for (int64_t i = 0; at && i < p * batch; i++)
		at[i] = (int32_t)((lengths[i % batch] - p + i / batch) * batch + i % batch);
	tl_tensor index = tl_tensor_dense(TL_I32, TL_SHAPE(p, batch), at);
	x = tl_reshape(x, TL_SHAPE(tl_dim(x, 0) * batch, ar->options.size));
	return tl_gather(x, tl_borrow(x.tape, &index));
}

/* x, or a failed variable. */
static tl_var check_lengths(const tl_ar *ar, tl_var x, const int64_t *lengths)
{
	for (int64_t b = 0; lengths && tl_ok(x) && b < tl_dim(x, 1); b++)
		if (lengths[b] < tl_ar_reach(ar) || lengths[b] > tl_dim(x, 0))
			return tl_tape_fail(x.tape, TL_ERR_ARGUMENT,
				"autoregressive: the length of row %" PRId64 " is %" PRId64 ", it must be from %" PRId64
				" to T = %" PRId64,
				b, lengths[b], tl_ar_reach(ar), tl_dim(x, 0));
	return x;
}

/* The state goes on from each row's last one. */
static tl_var continue_state(const tl_ar *ar, tl_var x, const int64_t *lengths, int64_t steps, tl_var *at)
{
	tl_rnn_result r = lengths ? tl_rnn_run_ragged(ar->rnn, x, lengths, (tl_state){0}, false)
				  : tl_rnn_run(ar->rnn, x, (tl_state){0}, false);
	r.output = tl_pool_over_time(r.output, lengths, TL_POOL_LAST, 1);
	for (int64_t t = 0; t < steps; t++) {
		if (t > 0)
			r = tl_rnn_step(ar->rnn, at[t - 1], r.last);
		at[t] = tl_dense_run(&ar->output, r.output);
	}
	return tl_stack((int)steps, at, 0);
}

/* The window moves on. */
static tl_var continue_window(const tl_ar *ar, tl_var seen, int64_t steps, tl_var *at)
{
	for (int64_t t = 0; t < steps; t++) {
		at[t] = tl_window_net_run(&ar->window, seen);
		seen = tl_concat(2, (tl_var[]){tl_slice(seen, 0, 1, INT64_MAX, 1), at[t]}, 0);
	}
	return tl_concat((int)steps, at, 0);
}

tl_var tl_ar_continue(const tl_ar *ar, tl_var x, const int64_t *lengths, int64_t steps)
{
	x = check_lengths(ar, check(ar, x, tl_ar_reach(ar)), lengths);
	if (steps < 1)
		return tl_tape_fail(x.tape, TL_ERR_ARGUMENT, "autoregressive: %" PRId64 " steps are none", steps);
	tl_var *at = tl_ok(x) ? tl_tape_alloc(x.tape, (size_t)steps * sizeof *at) : NULL;
	if (!at)
		return tl_slice(x, 0, 0, 0, 1);
	return ar->rnn ? continue_state(ar, x, lengths, steps, at)
		       : continue_window(ar, row_ends(ar, x, lengths), steps, at);
}
