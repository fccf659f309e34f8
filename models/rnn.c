/* SPDX-License-Identifier: Apache-2.0 */
#include "models/rnn.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/dropout.h"
#include "ops/layout.h"
#include "ops/select.h"
#include "optim/init.h"

static tl_status check_options(const tl_rnn_options *o, tl_error *err)
{
	if (!o->cell)
		return tl_error_set(err, TL_ERR_ARGUMENT, "rnn: no cell is given");
	if (!o->cell->step || !o->cell->params || o->cell->states < 1 || o->cell->states > TL_MAX_STATES)
		return tl_error_set(err, TL_ERR_ARGUMENT, "rnn: cell %s needs a step, parameters and 1 to %d states",
			o->cell->name ? o->cell->name : "(no name)", TL_MAX_STATES);
	if (o->input < 1 || o->hidden < 1 || o->layers < 0)
		return tl_error_set(err, TL_ERR_ARGUMENT,
			"rnn: input size %" PRId64 ", hidden size %" PRId64 " and %d layers must be positive", o->input,
			o->hidden, o->layers);
	if (!(o->dropout >= 0 && o->dropout < 1))
		return tl_error_set(err, TL_ERR_ARGUMENT, "rnn: dropout %g is not in [0, 1)", o->dropout);
	return TL_OK;
}

tl_rnn *tl_rnn_new(tl_store *store, const char *name, const tl_rnn_options *options, tl_error *err)
{
	tl_rnn_options o = *options;
	if (o.layers == 0)
		o.layers = 1;
	if (check_options(&o, err))
		return NULL;
	int count = tl_cell_param_count(o.cell);
	for (int k = 0; k < count; k++)
		if (!o.cell->params[k].gates) {
			tl_error_set(err, TL_ERR_ARGUMENT, "rnn: parameter %s of cell %s names no gates",
				o.cell->params[k].name, o.cell->name);
			return NULL;
		}
	tl_rnn *rnn = calloc(1, sizeof *rnn);
	tl_param **params = calloc((size_t)(o.layers * count), sizeof *params);
	if (!rnn || !params) {
		tl_error_memory(err);
		free(rnn);
		free(params);
		return NULL;
	}
	*rnn = (tl_rnn){o, params, count};
	for (int j = 0; j < o.layers; j++)
		for (int k = 0; k < count; k++) {
			char full[256];
			snprintf(full, sizeof full, "%s.l%d.%s", name, j, o.cell->params[k].name);
			tl_shape shape = tl_cell_param_shape(o.cell, k, j ? o.hidden : o.input, o.hidden);
			if (!(params[j * count + k] = tl_store_add(store, full, shape, err))) {
				tl_rnn_free(rnn);
				return NULL;
			}
		}
	return rnn;
}

void tl_rnn_free(tl_rnn *rnn)
{
	if (rnn)
		free(rnn->params);
	free(rnn);
}

void tl_rnn_init(tl_rnn *rnn, tl_rng *rng)
{
	double bound = 1 / sqrt((double)rnn->options.hidden);
	for (int i = 0; i < rnn->options.layers * rnn->count; i++)
		tl_init_uniform(rnn->params[i], rng, -bound, bound);
}

bool tl_rnn_set_bias(tl_rnn *rnn, char gate, double value)
{
	const tl_cell *cell = rnn->options.cell;
	int64_t hidden = rnn->options.hidden;
	bool found = false;
	for (int i = 0; gate != '\0' && i < rnn->options.layers * rnn->count; i++) {
		const tl_cell_param *p = &cell->params[i % rnn->count];
		const char *at = p->rows == TL_BIAS ? strchr(p->gates, gate) : NULL;
		if (!at)
			continue;
		tl_real *block = (tl_real *)rnn->params[i]->value.data + (at - p->gates) * hidden;
		for (int64_t j = 0; j < hidden; j++)
			block[j] = (tl_real)value;
		found = true;
	}
	return found;
}

/* The parameters of a layer as variables of the tape. */
static bool bind(const tl_rnn *rnn, tl_tape *tape, int layer, tl_var *p)
{
	for (int k = 0; k < rnn->count; k++)
		p[k] = tl_use(tape, rnn->params[layer * rnn->count + k]);
	return tl_tape_status(tape) == TL_OK;
}

/* Initial states must be as many as the cell has, each (layers, B, H), or none. */
static bool check_initial(const tl_rnn *rnn, tl_tape *tape, tl_state given, int64_t batch)
{
	const tl_rnn_options *o = &rnn->options;
	tl_shape want = TL_SHAPE(o->layers, batch, o->hidden);
	char is[TL_SHAPE_TEXT], should[TL_SHAPE_TEXT];
	if (given.n != 0 && given.n != o->cell->states)
		tl_tape_fail(tape, TL_ERR_ARGUMENT, "rnn: cell %s has %d states, %d initial ones were given",
			o->cell->name, o->cell->states, given.n);
	for (int k = 0; k < given.n && k < o->cell->states; k++)
		if (tl_ok(given.v[k]) && !tl_shape_equal(tl_var_shape(given.v[k]), want))
			tl_tape_fail(tape, TL_ERR_SHAPE,
				"rnn: initial state %d has shape %s, (layers, B, H) = %s is needed", k,
				tl_shape_text(tl_var_shape(given.v[k]), is), tl_shape_text(want, should));
	return tl_tape_status(tape) == TL_OK;
}

static tl_state initial_state(const tl_rnn *rnn, tl_tape *tape, tl_state given, int layer, int64_t batch)
{
	tl_state s = {.n = rnn->options.cell->states};
	for (int k = 0; k < s.n; k++)
		s.v[k] = given.n ? tl_select(given.v[k], 0, layer)
				 : tl_fill(tape, TL_SHAPE(batch, rnn->options.hidden), 0);
	return s;
}

static tl_state failed_state(tl_tape *tape, int n)
{
	tl_state s = {.n = n};
	for (int k = 0; tape && k < n; k++)
		s.v[k] = tl_tape_fail(tape, TL_ERR_ARGUMENT, "rnn: failed");
	return s;
}

/* One layer over all steps: x[t] is replaced by its output. */
static tl_state run_layer(const tl_rnn *rnn, tl_tape *tape, int layer, int64_t steps, tl_var *x, tl_state s)
{
	tl_var *p = malloc((size_t)rnn->count * sizeof *p);
	if (!p) {
		tl_tape_fail(tape, TL_ERR_MEMORY, "out of memory");
		return s;
	}
	if (bind(rnn, tape, layer, p))
		for (int64_t t = 0; t < steps && s.n == rnn->options.cell->states; t++) {
			tl_scope_begin(tape, "t", t);
			s = rnn->options.cell->step(p, x[t], s);
			x[t] = s.v[0];
			if (s.n != rnn->options.cell->states)
				tl_tape_fail(tape, TL_ERR_ARGUMENT, "rnn: the step of cell %s returned %d states, not %d",
					rnn->options.cell->name, s.n, rnn->options.cell->states);
			tl_scope_end(tape);
		}
	free(p);
	return s;
}

static void drop_steps(const tl_rnn *rnn, int64_t steps, tl_var *x)
{
	for (int64_t t = 0; t < steps; t++)
		x[t] = tl_dropout(x[t], rnn->options.dropout);
}

/* All layers over x[0..steps), which become the outputs. */
static tl_state run_layers(
	const tl_rnn *rnn, tl_tape *tape, int64_t steps, tl_var *x, tl_state initial, bool training)
{
	int layers = rnn->options.layers, states = rnn->options.cell->states;
	if (!check_initial(rnn, tape, initial, tl_dim(x[0], 0)))
		return failed_state(tape, states);
	tl_var *last = malloc((size_t)(layers * states) * sizeof *last);
	if (!last) {
		tl_tape_fail(tape, TL_ERR_MEMORY, "out of memory");
		return failed_state(tape, states);
	}
	for (int j = 0; j < layers; j++) {
		tl_scope_begin(tape, "layer", j);
		if (j > 0 && training && rnn->options.dropout > 0)
			drop_steps(rnn, steps, x);
		tl_state s = initial_state(rnn, tape, initial, j, tl_dim(x[0], 0));
		s = run_layer(rnn, tape, j, steps, x, s);
		for (int k = 0; k < states; k++)
			last[k * layers + j] = s.v[k];
		tl_scope_end(tape);
	}
	tl_state s = {.n = states};
	for (int k = 0; k < states; k++)
		s.v[k] = tl_stack(layers, &last[k * layers], 0);
	free(last);
	return s;
}

static bool check_input(const tl_rnn *rnn, tl_var x, int axes)
{
	tl_shape s = tl_var_shape(x);
	char text[TL_SHAPE_TEXT];
	if (!x.tape)
		return false;
	if (!tl_ok(x))
		x = tl_detach(x); /* reports why */
	if (tl_ok(x) && s.axes == axes && s.dim[axes - 1] == rnn->options.input && s.dim[0] > 0)
		return true;
	if (tl_ok(x))
		tl_tape_fail(x.tape, TL_ERR_SHAPE, "rnn: x has shape %s, %s with E = %" PRId64 " is needed",
			tl_shape_text(s, text), axes == 3 ? "(T, B, E), T > 0," : "(B, E)", rnn->options.input);
	return false;
}

static tl_rnn_result failed_result(const tl_rnn *rnn, tl_tape *tape)
{
	tl_state s = failed_state(tape, rnn->options.cell->states);
	return (tl_rnn_result){s.v[0], s};
}

tl_rnn_result tl_rnn_run(const tl_rnn *rnn, tl_var x, tl_state initial, bool training)
{
	if (!check_input(rnn, x, 3))
		return failed_result(rnn, x.tape);
	int64_t steps = tl_dim(x, 0);
	tl_var *at = malloc((size_t)steps * sizeof *at);
	if (!at) {
		tl_tape_fail(x.tape, TL_ERR_MEMORY, "out of memory");
		return failed_result(rnn, x.tape);
	}
	tl_scope_begin(x.tape, "layer", 0);
	for (int64_t t = 0; t < steps; t++) {
		tl_scope_begin(x.tape, "t", t);
		at[t] = tl_select(x, 0, t);
		tl_scope_end(x.tape);
	}
	tl_scope_end(x.tape);
	tl_rnn_result r = {.last = run_layers(rnn, x.tape, steps, at, initial, training)};
	r.output = tl_stack((int)steps, at, 0);
	free(at);
	return r;
}

tl_rnn_result tl_rnn_step(const tl_rnn *rnn, tl_var x, tl_state initial)
{
	if (!check_input(rnn, x, 2))
		return failed_result(rnn, x.tape);
	tl_rnn_result r = {.output = x};
	r.last = run_layers(rnn, x.tape, 1, &r.output, initial, false);
	return r;
}
