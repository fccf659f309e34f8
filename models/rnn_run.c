/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A net over time, layer by layer. In two directions a layer reads its input twice, forwards and in reverse, and
 * its two outputs, put into the order of time again, stand side by side for the next:
 *
 *	x[0] x[1] x[2]  ->  f[0] f[1] f[2]
 *	x[2] x[1] x[0]  ->  r[2] r[1] r[0]      y[t] = [f[t] r[t]]
 */
#include "models/rnn_fused.h"

#include "graph/algebra.h"
#include "ops/dropout.h"
#include "ops/index.h"
#include "ops/layout.h"
#include "ops/random.h"

/* State k of direction i before the first step, where none is given. */
static tl_var start(const tl_rnn *rnn, tl_tape *tape, tl_shape shape, int i, int k, bool training)
{
	const tl_rnn_options *o = &rnn->options;
	if (o->start == TL_START_LEARNED)
		return tl_broadcast(tl_use(tape, rnn->starts[i * o->cell->states + k]), shape);
	if (o->start == TL_START_RANDOM && training)
		return tl_random_normal(tape, shape, 0, o->start_scale);
	return tl_fill(tape, shape, 0);
}

tl_state tl__rnn_initial(
	const tl_rnn *rnn, tl_tape *tape, tl_state given, int i, int64_t batch, bool training)
{
	tl_state s = {.n = rnn->options.cell->states};
	for (int k = 0; k < s.n; k++) {
		tl_shape all = tl_rnn_state_shape(rnn, k, batch);
		s.v[k] = given.n ? tl_select(given.v[k], 0, i)
				 : start(rnn, tape, TL_SHAPE(batch, all.dim[2]), i, k, training);
	}
	return s;
}

void tl__rnn_cut(const tl__flow *f, tl_var all, tl_var *at)
{
	int64_t first = 0;
	for (int64_t t = 0; t < f->steps; t++) {
		tl_scope_begin(f->tape, "t", t);
		at[t] = f->running ? tl_slice(all, 0, first, first + f->running[t], 1) : tl_select(all, 0, t);
		first += f->running ? f->running[t] : 0;
		tl_scope_end(f->tape);
	}
}

static void reverse(int64_t n, tl_var *v)
{
	for (int64_t i = 0; i < n / 2; i++) {
		tl_var last = v[n - 1 - i];
		v[n - 1 - i] = v[i];
		v[i] = last;
	}
}

/* What the reverse direction reads, to back[0..steps). */
static void turn_input(tl__flow *f, tl_var *back)
{
	tl_var rows = f->reversed;
	if (f->all.tape)
		rows = f->running ? tl_gather(f->all, f->index) : tl_flip(f->all, 0);
	tl__rnn_cut(f, rows, back);
}

/* `all` = what both directions put out, side by side. */
static void join_outputs(tl__flow *f, tl_var *back)
{
	tl_var both[2];
	int n = (int)f->steps;
	if (f->running) {
		both[0] = tl_concat(n, f->at, 0);
		both[1] = tl_gather(tl_concat(n, back, 0), f->index);
	} else {
		reverse(f->steps, back);
		both[0] = tl_stack(n, f->at, 0);
		both[1] = tl_stack(n, back, 0);
	}
	f->all = tl_concat(2, both, -1);
}

/* What layer j > 0 reads of the one before. */
static void next_layer(tl__flow *f, double dropout)
{
	if (f->all.tape)
		tl__rnn_cut(f, f->all = tl_dropout(f->all, dropout), f->at);
	else
		for (int64_t t = 0; t < f->steps; t++)
			f->at[t] = tl_dropout(f->at[t], dropout);
}

/* Layer j; its states become state[direction]. */
static bool run_layer(const tl_rnn *rnn, int j, tl__flow *f, tl_var *back, bool training, tl_state *state)
{
	int i = j * rnn->directions;
	if (j > 0)
		next_layer(f, training ? rnn->options.dropout : 0);
	if (back) {
		tl_scope_begin(f->tape, "reverse", -1);
		turn_input(f, back);
		tl_scope_end(f->tape);
	}
	bool fine = tl__rnn_steps(rnn, f->tape, i, f->steps, training, f->at, &state[0]);
	if (!back || !fine)
		return fine;
	tl_scope_begin(f->tape, "reverse", -1);
	fine = tl__rnn_steps(rnn, f->tape, i + 1, f->steps, training, back, &state[1]);
	tl_scope_end(f->tape);
	if (fine)
		join_outputs(f, back);
	return fine;
}

bool tl__rnn_layers(const tl_rnn *rnn, tl__flow *f, tl_state initial, bool training, tl_state *last)
{
	int layers = rnn->options.layers, states = rnn->options.cell->states, all = layers * rnn->directions;
	tl_var *each = tl_tape_alloc(f->tape, (size_t)(all * states) * sizeof *each), *back = NULL;
	if (rnn->directions > 1)
		back = tl_tape_alloc(f->tape, (size_t)(f->steps + 1) * sizeof *back);
	bool fine = each && (back || rnn->directions == 1);
	for (int j = 0; j < layers && fine; j++) {
		tl_state s[2];
		tl_scope_begin(f->tape, "layer", j);
		for (int d = 0; d < rnn->directions; d++)
			s[d] = tl__rnn_initial(rnn, f->tape, initial, j * rnn->directions + d, f->batch, training);
		fine = f->steps == 0 || run_layer(rnn, j, f, back, training, s);
		for (int k = 0; k < states; k++)
			for (int d = 0; d < rnn->directions; d++)
				each[k * all + j * rnn->directions + d] = s[d].v[k];
		tl_scope_end(f->tape);
	}
	last->n = states;
	for (int k = 0; k < states && fine; k++)
		last->v[k] = tl_stack(all, &each[k * all], 0);
	return fine;
}

tl_rnn_result tl__rnn_failed(const tl_rnn *rnn, tl_tape *tape)
{
	tl_state s = {.n = rnn ? rnn->options.cell->states : 1};
	for (int k = 0; tape && k < s.n; k++)
		s.v[k] = tl_tape_fail(tape, TL_ERR_ARGUMENT, "rnn: failed");
	return (tl_rnn_result){s.v[0], s};
}

tl_rnn_result tl_rnn_run(const tl_rnn *rnn, tl_var x, tl_state initial, bool training)
{
	static const int swap[] = {1, 0, 2};
	if (!tl__rnn_fits(rnn, x, 3, initial))
		return tl__rnn_failed(rnn, x.tape);
	if (rnn->options.batch_first)
		x = tl_transpose(x, swap);
	tl_rnn_result r;
	if (tl__rnn_choose(rnn, x.tape, tl_dim(x, 0), tl_dim(x, 1), training)) {
		r = tl__rnn_fused(rnn, x, initial, training);
		if (rnn->options.batch_first)
			r.output = tl_transpose(r.output, swap);
		return r;
	}
	tl__flow f = {.tape = x.tape, .batch = tl_dim(x, 1), .steps = tl_dim(x, 0)};
	f.at = tl_tape_alloc(x.tape, (size_t)f.steps * sizeof *f.at);
	if (!f.at)
		return tl__rnn_failed(rnn, x.tape);
	tl_scope_begin(x.tape, "layer", 0);
	tl__rnn_cut(&f, x, f.at);
	if (rnn->directions > 1)
		f.reversed = tl_flip(x, 0);
	tl_scope_end(x.tape);
	if (!tl__rnn_layers(rnn, &f, initial, training, &r.last))
		return tl__rnn_failed(rnn, x.tape);
	r.output = f.all.tape ? f.all : tl_stack((int)f.steps, f.at, 0);
	if (rnn->options.batch_first)
		r.output = tl_transpose(r.output, swap);
	return r;
}

tl_rnn_result tl_rnn_step(const tl_rnn *rnn, tl_var x, tl_state initial)
{
	if (!tl__rnn_fits(rnn, x, 2, initial))
		return tl__rnn_failed(rnn, x.tape);
	if (rnn->directions > 1)
		tl_tape_fail(x.tape, TL_ERR_ARGUMENT,
			"rnn: a net of two directions does not go step by step: one of them starts at the end");
	tl__flow f = {.tape = x.tape, .batch = tl_dim(x, 0), .steps = 1, .at = &x};
	tl_rnn_result r;
	if (rnn->directions > 1 || !tl__rnn_layers(rnn, &f, initial, false, &r.last))
		return tl__rnn_failed(rnn, f.tape);
	r.output = x;
	return r;
}
