/* SPDX-License-Identifier: Apache-2.0 */
#include "models/rnn_fused.h"

#include "models/cells.h"
#include "ops/dropout.h"
#include "ops/fused.h"
#include "ops/layout.h"

static tl_fused run_rnn(const tl_var *p, tl_var x, const tl_fused_options *o)
{
	return tl_fused_rnn(x, p[0], p[1], p[2], o);
}

static tl_fused run_rnn_relu(const tl_var *p, tl_var x, const tl_fused_options *o)
{
	return tl_fused_rnn_relu(x, p[0], p[1], p[2], o);
}

static tl_fused run_gru(const tl_var *p, tl_var x, const tl_fused_options *o)
{
	return tl_fused_gru(x, p[0], p[1], p[2], p[3], o);
}

static tl_fused run_gru_lbr(const tl_var *p, tl_var x, const tl_fused_options *o)
{
	return tl_fused_gru_lbr(x, p[0], p[1], p[2], p[3], o);
}

static const tl_var none = {0};

static tl_fused run_lstm(const tl_var *p, tl_var x, const tl_fused_options *o)
{
	return tl_fused_lstm(x, p[0], p[1], p[2], none, none, o);
}

static tl_fused run_peephole(const tl_var *p, tl_var x, const tl_fused_options *o)
{
	return tl_fused_lstm(x, p[0], p[1], p[2], p[3], none, o);
}

static tl_fused run_projected(const tl_var *p, tl_var x, const tl_fused_options *o)
{
	return tl_fused_lstm(x, p[0], p[1], p[2], none, p[3], o);
}

/* Cells that have a fused form, for parameters in the cell's order. */
typedef struct form {
	const tl_cell *cell;
	tl_fused (*run)(const tl_var *p, tl_var x, const tl_fused_options *o);
} form;

static const form forms[] = {{&tl_cell_rnn, run_rnn}, {&tl_cell_rnn_relu, run_rnn_relu},
	{&tl_cell_gru, run_gru}, {&tl_cell_gru_lbr, run_gru_lbr}, {&tl_cell_lstm, run_lstm},
	{&tl_cell_lstm_peephole, run_peephole}, {&tl_cell_lstm_projected, run_projected}};

static const form *form_of(const tl_cell *cell)
{
	for (size_t k = 0; k < sizeof forms / sizeof *forms; k++)
		if (forms[k].cell == cell)
			return &forms[k];
	return NULL;
}

const char *tl__rnn_not_fused(const tl_rnn_options *o)
{
	if (!form_of(o->cell))
		return "has no fused form";
	for (int k = 0; k < TL_MAX_STATES; k++)
		if (o->zoneout[k] > 0)
			return "cannot be fused with zoneout";
	return o->recurrent_dropout > 0 ? "cannot be fused with recurrent dropout"
	       : o->truncate		? "cannot be fused with truncation"
	       : o->checkpoint		? "cannot be fused with checkpoints"
					: NULL;
}

/* With the masks that a net draws whose steps are recorded one by one. */
static tl_var drop_steps(tl_var x, double dropout)
{
	int64_t steps = tl_dim(x, 0);
	tl_var *at = tl_tape_alloc(x.tape, (size_t)steps * sizeof *at);
	if (!at)
		return x;
	for (int64_t t = 0; t < steps; t++)
		at[t] = tl_dropout(tl_select(x, 0, t), dropout);
	return tl_stack((int)steps, at, 0);
}

static tl_fused run_direction(const tl_rnn *rnn, tl_var x, int i, tl_state s, bool given, bool training)
{
	const tl_rnn_options *o = &rnn->options;
	const form *f = form_of(o->cell);
	tl_fused_options options = {.reverse = i % rnn->directions, .forward_only = !training};
	tl_var p[4] = {{0}};
	for (int k = 0; k < rnn->count; k++)
		if (!tl__rnn_leaves_out(rnn, k))
			p[k] = tl_use(x.tape, rnn->params[i * rnn->count + k]);
	if (given || o->start != TL_START_ZERO) {
		options.h0 = s.v[0];
		options.c0 = o->cell->states > 1 ? s.v[1] : none;
	}
	return f->run(p, x, &options);
}

tl_rnn_result tl__rnn_fused(const tl_rnn *rnn, tl_var x, tl_state initial, bool training)
{
	const tl_rnn_options *o = &rnn->options;
	int all = o->layers * rnn->directions, states = o->cell->states;
	double dropout = training ? o->dropout : 0;
	tl_tape *tape = x.tape;
	tl_var *each = tl_tape_alloc(tape, (size_t)(all * states) * sizeof *each);
	for (int j = 0; j < o->layers && each; j++) {
		tl_state s[2];
		tl_var output[2];
		tl_scope_begin(tape, "layer", j);
		for (int d = 0; d < rnn->directions; d++)
			s[d] = tl__rnn_initial(
				rnn, tape, initial, j * rnn->directions + d, tl_dim(x, 1), training);
		if (j > 0 && dropout > 0)
			x = rnn->directions > 1 ? tl_dropout(x, dropout) : drop_steps(x, dropout);
		for (int d = 0; d < rnn->directions; d++) {
			int i = j * rnn->directions + d;
			if (d > 0)
				tl_scope_begin(tape, "reverse", -1);
			tl_fused r = run_direction(rnn, x, i, s[d], initial.n, training);
			if (d > 0)
				tl_scope_end(tape);
			output[d] = r.output;
			each[i] = r.h;
			if (states > 1)
				each[all + i] = r.c;
		}
		x = rnn->directions > 1 ? tl_concat(2, output, -1) : output[0];
		tl_scope_end(tape);
	}
	if (tl_tape_status(tape))
		return tl__rnn_failed(rnn, tape);
	tl_rnn_result r = {.output = x, .last.n = states};
	for (int k = 0; k < states; k++)
		r.last.v[k] = tl_stack(all, &each[k * all], 0);
	return r;
}
