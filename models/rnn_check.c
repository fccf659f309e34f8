/* SPDX-License-Identifier: Apache-2.0 */
/* What a recurrent net refuses, and the sentences that say why. */
#include <inttypes.h>
#include <math.h>

#include "models/rnn_fused.h"
#include "ops/select.h"

static tl_status check_cell(const tl_rnn_options *o, tl_error *err)
{
	const tl_cell *cell = o->cell;
	if (o->project < 0)
		return tl_error_set(
			err, TL_ERR_ARGUMENT, "rnn: a projected size of %" PRId64 " is none", o->project);
	if (!cell)
		return tl_error_set(err, TL_ERR_ARGUMENT, "rnn: no cell is given");
	if (!cell->step || !cell->params || cell->states < 1 || cell->states > TL_MAX_STATES)
		return tl_error_set(err, TL_ERR_ARGUMENT,
			"rnn: cell %s needs a step, parameters and 1 to %d states",
			cell->name ? cell->name : "(no name)", TL_MAX_STATES);
	for (const tl_cell_param *p = cell->params; p->name; p++)
		if (!p->gates)
			return tl_error_set(err, TL_ERR_ARGUMENT,
				"rnn: parameter %s of cell %s names no gates", p->name, cell->name);
	if (o->project && !tl_cell_projects(cell))
		return tl_error_set(err, TL_ERR_ARGUMENT,
			"rnn: cell %s has nothing of a second size, to be projected to %" PRId64, cell->name,
			o->project);
	bool adds = false;
	for (const tl_cell_param *p = cell->params; p->name; p++)
		adds = adds || (p->rows & TL_ROWS) == TL_BIAS;
	if (o->no_bias && !adds)
		return tl_error_set(err, TL_ERR_ARGUMENT, "rnn: cell %s has no bias to leave out", cell->name);
	return TL_OK;
}

static tl_status check_sizes(const tl_rnn_options *o, tl_error *err)
{
	if (o->input < 1 || o->hidden < 1 || o->layers < 0)
		return tl_error_set(err, TL_ERR_ARGUMENT,
			"rnn: input size %" PRId64 ", hidden size %" PRId64 " and %d layers must be positive",
			o->input, o->hidden, o->layers);
	if (o->checkpoint < 0)
		return tl_error_set(err, TL_ERR_ARGUMENT, "rnn: a checkpoint of %" PRId64 " steps is none",
			o->checkpoint);
	if (o->truncate < 0)
		return tl_error_set(
			err, TL_ERR_ARGUMENT, "rnn: truncation after %" PRId64 " steps is none", o->truncate);
	return TL_OK;
}

static tl_status check_probability(const char *what, double p, tl_error *err)
{
	if (!(p >= 0 && p < 1))
		return tl_error_set(err, TL_ERR_ARGUMENT, "rnn: %s %g is not in [0, 1)", what, p);
	return TL_OK;
}

static tl_status check_start(const tl_rnn_options *o, tl_error *err)
{
	if (o->start != TL_START_ZERO && o->start != TL_START_LEARNED && o->start != TL_START_RANDOM)
		return tl_error_set(
			err, TL_ERR_ARGUMENT, "rnn: there is no way to start number %d", (int)o->start);
	if (o->start == TL_START_RANDOM ? !(o->start_scale > 0 && isfinite(o->start_scale))
					: o->start_scale != 0)
		return tl_error_set(err, TL_ERR_ARGUMENT,
			o->start == TL_START_RANDOM ? "rnn: a random start needs a scale above 0, not %g"
						    : "rnn: a start of scale %g must be a random one",
			o->start_scale);
	return TL_OK;
}

static tl_status check_impl(const tl_rnn_options *o, tl_error *err)
{
	const char *why = o->impl == TL_FUSED ? tl__rnn_not_fused(o) : NULL;
	if (o->impl != TL_COMPOSED && o->impl != TL_FUSED && o->impl != TL_AUTO)
		return tl_error_set(err, TL_ERR_ARGUMENT, "rnn: there is no way to run number %d", (int)o->impl);
	if (why)
		return tl_error_set(err, TL_ERR_ARGUMENT, "rnn: cell %s %s: impl must be composed, or auto", o->cell->name, why);
	return TL_OK;
}

tl_status tl__rnn_check_options(const tl_rnn_options *o, tl_error *err)
{
	tl_status status = check_cell(o, err);
	if (!status)
		status = check_sizes(o, err);
	if (!status)
		status = check_probability("dropout", o->dropout, err);
	if (!status)
		status = check_probability("recurrent dropout", o->recurrent_dropout, err);
	for (int k = 0; k < TL_MAX_STATES && !status; k++) {
		status = check_probability("zoneout", o->zoneout[k], err);
		if (!status && k >= o->cell->states && o->zoneout[k] > 0)
			status = tl_error_set(err, TL_ERR_ARGUMENT,
				"rnn: cell %s has no state %d for a zoneout of %g", o->cell->name, k,
				o->zoneout[k]);
	}
	if (!status)
		status = check_start(o, err);
	return status ? status : check_impl(o, err);
}

/* Initial states must be as many as the cell has, each (layers, B, H), or none. */
static bool check_initial(const tl_rnn *rnn, tl_tape *tape, tl_state given, int64_t batch)
{
	const tl_cell *cell = rnn->options.cell;
	char is[TL_SHAPE_TEXT], should[TL_SHAPE_TEXT];
	if (given.n != 0 && given.n != cell->states)
		tl_tape_fail(tape, TL_ERR_ARGUMENT, "rnn: cell %s has %d states, %d initial ones were given",
			cell->name, cell->states, given.n);
	for (int k = 0; k < given.n && k < cell->states; k++) {
		tl_shape want = tl_rnn_state_shape(rnn, k, batch);
		if (tl_ok(given.v[k]) && !tl_shape_equal(tl_var_shape(given.v[k]), want))
			tl_tape_fail(tape, TL_ERR_SHAPE,
				"rnn: initial state %d has shape %s, (%s, B, %s) = %s is needed", k,
				tl_shape_text(tl_var_shape(given.v[k]), is),
				rnn->directions > 1 ? "2*layers" : "layers",
				cell->projected >> k & 1 && rnn->options.project ? "P" : "H",
				tl_shape_text(want, should));
	}
	return tl_tape_status(tape) == TL_OK;
}

static bool check_input(const tl_rnn *rnn, tl_var x, int axes)
{
	tl_shape s = tl_var_shape(x);
	char text[TL_SHAPE_TEXT];
	bool batch_first = axes == 3 && rnn->options.batch_first;
	if (!x.tape)
		return false;
	if (!tl_ok(x))
		x = tl_detach(x); /* reports why */
	if (tl_ok(x) && s.axes == axes && s.dim[axes - 1] == rnn->options.input && s.dim[batch_first] > 0)
		return true;
	if (tl_ok(x))
		tl_tape_fail(x.tape, TL_ERR_SHAPE, "rnn: x has shape %s, %s with E = %" PRId64 " is needed",
			tl_shape_text(s, text),
			axes == 2     ? "(B, E)"
			: batch_first ? "(B, T, E), T > 0,"
				      : "(T, B, E), T > 0,",
			rnn->options.input);
	return false;
}

bool tl__rnn_fits(const tl_rnn *rnn, tl_var x, int axes, tl_state initial)
{
	if (!rnn) {
		if (x.tape)
			tl_tape_fail(x.tape, TL_ERR_ARGUMENT,
				"rnn: there is no network: tl_rnn_new returned NULL, and its error says why");
		return false;
	}
	if (!check_input(rnn, x, axes))
		return false;
	return check_initial(rnn, x.tape, initial, tl_dim(x, axes == 3 && rnn->options.batch_first ? 0 : -2));
}

/* Reports a variable that is none, or not of (rows, size). */
static void check_result(
	const char *cell, tl_tape *tape, tl_var v, const char *what, int64_t rows, int64_t size)
{
	tl_shape want = TL_SHAPE(rows, size);
	char is[TL_SHAPE_TEXT], should[TL_SHAPE_TEXT];
	if (!tl_ok(v))
		tl_tape_fail(tape, TL_ERR_ARGUMENT, "rnn: the step of cell %s returned no variable as %s",
			cell, what);
	else if (!tl_shape_equal(tl_var_shape(v), want))
		tl_tape_fail(tape, TL_ERR_SHAPE,
			"rnn: the step of cell %s returned %s of shape %s, (B, H) = %s is needed", cell, what,
			tl_shape_text(tl_var_shape(v), is), tl_shape_text(want, should));
}

bool tl__rnn_check_step(const tl_rnn *rnn, tl_tape *tape, tl_state s, int64_t rows)
{
	static const char *const names[TL_MAX_STATES] = {"state 0", "state 1", "state 2", "state 3"};
	const tl_cell *cell = rnn->options.cell;
	if (s.n != cell->states)
		tl_tape_fail(tape, TL_ERR_ARGUMENT, "rnn: the step of cell %s returned %d states, not %d",
			cell->name, s.n, cell->states);
	for (int k = 0; k < s.n && k < cell->states; k++)
		check_result(cell->name, tape, s.v[k], names[k], rows,
			tl_cell_state_size(cell, k, tl__rnn_sizes(rnn)));
	return tl_tape_status(tape) == TL_OK;
}

bool tl__rnn_check_output(const tl_rnn *rnn, tl_tape *tape, tl_var output, int64_t rows)
{
	const tl_cell *cell = rnn->options.cell;
	check_result(
		cell->name, tape, output, "an output", rows, tl_cell_output_size(cell, tl__rnn_sizes(rnn)));
	return tl_tape_status(tape) == TL_OK;
}
