/* SPDX-License-Identifier: Apache-2.0 */
#include "models/autoregressive.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ops/layout.h"

static tl_status add_recurrent(tl_ar *ar, tl_store *store, const char *name, tl_error *err)
{
	const tl_ar_options *o = &ar->options;
	char full[256];
	if (o->order != 0)
		return tl_error_set(err, TL_ERR_ARGUMENT, "autoregressive: a recurrent model has no order, %" PRId64 " was given",
			o->order);
	snprintf(full, sizeof full, "%s.rnn", name);
	ar->rnn = tl_rnn_new(store, full,
		&(tl_rnn_options){.cell = o->cell, .input = o->size, .hidden = o->hidden, .layers = o->layers}, err);
	snprintf(full, sizeof full, "%s.out", name);
	return ar->rnn ? tl_dense_add(&ar->output, store, full, o->hidden, o->size, err) : err->status;
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
	if (o->cell ? add_recurrent(ar, store, name, err) : tl_window_net_add(&ar->window, store, name, &window, err)) {
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

static int64_t reach(const tl_ar *ar)
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

tl_var tl_ar_run(const tl_ar *ar, tl_var x)
{
	x = check(ar, x, reach(ar) + 1);
	x = tl_slice(x, 0, 0, tl_dim(x, 0) - (tl_ok(x) ? 1 : 0), 1);
	if (!ar->rnn)
		return tl_window_net_run(&ar->window, x);
	return tl_dense_run(&ar->output, tl_rnn_run(ar->rnn, x, (tl_state){0}, true).output);
}

tl_var tl_ar_target(const tl_ar *ar, tl_var x)
{
	x = check(ar, x, reach(ar) + 1);
	return tl_slice(x, 0, tl_ok(x) ? reach(ar) : 0, INT64_MAX, 1);
}

/* One step after the other: the window moves on, or the state goes on from x's last one. */
tl_var tl_ar_continue(const tl_ar *ar, tl_var x, int64_t steps)
{
	x = check(ar, x, reach(ar));
	if (steps < 1)
		return tl_tape_fail(x.tape, TL_ERR_ARGUMENT, "autoregressive: %" PRId64 " steps are none", steps);
	tl_var *at = tl_ok(x) ? tl_tape_alloc(x.tape, (size_t)steps * sizeof *at) : NULL;
	if (!at)
		return tl_slice(x, 0, 0, 0, 1);
	if (ar->rnn) {
		tl_rnn_result r = tl_rnn_run(ar->rnn, x, (tl_state){0}, false);
		r.output = tl_select(r.output, 0, -1);
		for (int64_t t = 0; t < steps; t++) {
			if (t > 0)
				r = tl_rnn_step(ar->rnn, at[t - 1], r.last);
			at[t] = tl_dense_run(&ar->output, r.output);
		}
		return tl_stack((int)steps, at, 0);
	}
	tl_var seen = tl_slice(x, 0, tl_dim(x, 0) - reach(ar), INT64_MAX, 1);
	for (int64_t t = 0; t < steps; t++) {
		at[t] = tl_window_net_run(&ar->window, seen);
		seen = tl_concat(2, (tl_var[]){tl_slice(seen, 0, 1, INT64_MAX, 1), at[t]}, 0);
	}
	return tl_concat((int)steps, at, 0);
}
