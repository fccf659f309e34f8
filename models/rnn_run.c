/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A net over time: layer by layer, step by step. Rows may end before others; those that go on are the
 * first ones, so the next step's state is a slice, and the rows that ended are put back in the end:
 *
 *	x[0]  x[1]  x[2]
 *	  0     0     0        states of rows 0 and 1: after x[2]
 *	  1     1     1
 *	  2     2              of row 2: after x[1]
 *	  3                    of row 3: after x[0]
 */
#include "models/rnn_run.h"

#include <inttypes.h>

#include "graph/checkpoint.h"
#include "ops/dropout.h"
#include "ops/layout.h"
#include "ops/select.h"

/* The states of rows that have ended, those that ended last in front. */
typedef struct ended {
	tl_state state;
	struct ended *next;
} ended;

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
			tl_shape_text(s, text), axes == 3 ? "(T, B, E), T > 0," : "(B, E)",
			rnn->options.input);
	return false;
}

bool tl__rnn_fits(const tl_rnn *rnn, tl_var x, int axes, tl_state initial)
{
	if (!rnn) {
		if (x.tape)
			tl_tape_fail(x.tape, TL_ERR_ARGUMENT, "rnn: there is no network: tl_rnn_new returned NULL, and its error says why");
		return false;
	}
	return check_input(rnn, x, axes) && check_initial(rnn, x.tape, initial, tl_dim(x, -2));
}

/* A cell's step is a user's: the states that it returns must be those of the next step. */
static bool check_step(const tl_rnn *rnn, tl_tape *tape, tl_state s, int64_t rows)
{
	const tl_cell *cell = rnn->options.cell;
	tl_shape want = TL_SHAPE(rows, rnn->options.hidden);
	char is[TL_SHAPE_TEXT], should[TL_SHAPE_TEXT];
	if (s.n != cell->states)
		tl_tape_fail(tape, TL_ERR_ARGUMENT, "rnn: the step of cell %s returned %d states, not %d",
			cell->name, s.n, cell->states);
	for (int k = 0; k < s.n && k < cell->states; k++)
		if (!tl_ok(s.v[k]))
			tl_tape_fail(tape, TL_ERR_ARGUMENT,
				"rnn: the step of cell %s returned no variable as state %d", cell->name, k);
		else if (!tl_shape_equal(tl_var_shape(s.v[k]), want))
			tl_tape_fail(tape, TL_ERR_SHAPE,
				"rnn: the step of cell %s returned state %d of shape %s, (B, H) = %s is "
				"needed",
				cell->name, k, tl_shape_text(tl_var_shape(s.v[k]), is),
				tl_shape_text(want, should));
	return tl_tape_status(tape) == TL_OK;
}

/* The parameters of a layer as variables of the tape; NULL on an error. */
static const tl_var *bind(const tl_rnn *rnn, tl_tape *tape, int layer)
{
	tl_var *p = tl_tape_alloc(tape, (size_t)rnn->count * sizeof *p);
	for (int k = 0; p && k < rnn->count; k++)
		p[k] = tl_use(tape, rnn->params[layer * rnn->count + k]);
	return tl_tape_status(tape) == TL_OK ? p : NULL;
}

static tl_state initial_state(const tl_rnn *rnn, tl_tape *tape, tl_state given, int layer, int64_t batch)
{
	tl_state s = {.n = rnn ? rnn->options.cell->states : 1};
	for (int k = 0; k < s.n; k++)
		s.v[k] = given.n ? tl_select(given.v[k], 0, layer)
				 : tl_fill(tape, TL_SHAPE(batch, rnn->options.hidden), 0);
	return s;
}

static tl_state slice_rows(tl_state s, int64_t first, int64_t end)
{
	for (int k = 0; k < s.n; k++)
		s.v[k] = tl_slice(s.v[k], 0, first, end, 1);
	return s;
}

/* The first rows of s go on; the others have ended and are put in front of `list`. */
static tl_state go_on(tl_tape *tape, tl_state s, int64_t rows, ended **list)
{
	int64_t all = tl_dim(s.v[0], 0);
	if (rows == all)
		return s;
	ended *e = tl_tape_alloc(tape, sizeof *e);
	if (e) {
		*e = (ended){slice_rows(s, rows, all), *list};
		*list = e;
	}
	return slice_rows(s, 0, rows);
}

/* The states of the last step, and below them those of rows that ended before. */
static tl_state join_rows(tl_tape *tape, tl_state s, const ended *list)
{
	int n = 1;
	for (const ended *e = list; e; e = e->next)
		n++;
	tl_var *parts = n > 1 ? tl_tape_alloc(tape, (size_t)n * sizeof *parts) : NULL;
	for (int k = 0; parts && k < s.n; k++) {
		const ended *e = list;
		parts[0] = s.v[k];
		for (int i = 1; i < n; i++, e = e->next)
			parts[i] = e->state.v[k];
		s.v[k] = tl_concat(n, parts, 0);
	}
	return s;
}

/* End the segment of steps [from, end): all outputs and the last state go on. */
static bool end_segment(tl_tape *tape, int64_t from, int64_t end, tl_var *x, tl_state *s)
{
	int n = 0;
	tl_var **keep = tl_tape_alloc(tape, (size_t)(end - from + s->n) * sizeof *keep);
	for (int64_t t = from; keep && t < end; t++)
		keep[n++] = &x[t];
	for (int k = 1; keep && k < s->n; k++)
		keep[n++] = &s->v[k];
	tl_checkpoint_end(tape, n, keep);
	s->v[0] = x[end - 1];
	return tl_tape_status(tape) == TL_OK;
}

/*
 * One layer over all steps: x[t] is replaced by its output, the state by the last one. Rows end between segments: a
 * segment has the same number of rows in all of its steps.
 */
static bool run_layer(const tl_rnn *rnn, int layer, int64_t steps, tl_var *x, tl_state *s)
{
	tl_tape *tape = x[0].tape;
	ended *list = NULL;
	const tl_var *p = bind(rnn, tape, layer);
	bool fine = p;
	int64_t n = rnn->options.checkpoint < steps ? rnn->options.checkpoint : 0, from = 0;
	for (int64_t t = 0; t < steps && fine; t++) {
		int64_t rows = tl_dim(x[t], 0);
		if (n && t > from && (t - from == n || rows < tl_dim(s->v[0], 0))) {
			fine = end_segment(tape, from, t, x, s);
			from = t;
		}
		tl_scope_begin(tape, "t", t);
		*s = go_on(tape, *s, rows, &list);
		if (n && t == from)
			tl_checkpoint_begin(tape);
		*s = rnn->options.cell->step(p, x[t], *s);
		fine = fine && check_step(rnn, tape, *s, rows);
		x[t] = s->v[0];
		tl_scope_end(tape);
	}
	if (fine && n)
		fine = end_segment(tape, from, steps, x, s);
	if (fine)
		*s = join_rows(tape, *s, list);
	return fine;
}

static void drop_steps(const tl_rnn *rnn, int64_t steps, tl_var *x)
{
	for (int64_t t = 0; t < steps; t++)
		x[t] = tl_dropout(x[t], rnn->options.dropout);
}

bool tl__rnn_layers(
	const tl_rnn *rnn, int64_t steps, tl_var *x, tl_state initial, bool training, tl_state *last)
{
	tl_tape *tape = x[0].tape;
	int layers = rnn->options.layers, states = rnn->options.cell->states;
	tl_var *all = tl_tape_alloc(tape, (size_t)(layers * states) * sizeof *all);
	bool fine = all;
	for (int j = 0; j < layers && fine; j++) {
		tl_scope_begin(tape, "layer", j);
		if (j > 0 && training && rnn->options.dropout > 0)
			drop_steps(rnn, steps, x);
		tl_state s = initial_state(rnn, tape, initial, j, tl_dim(x[0], 0));
		fine = run_layer(rnn, j, steps, x, &s);
		for (int k = 0; k < states && fine; k++)
			all[k * layers + j] = s.v[k];
		tl_scope_end(tape);
	}
	last->n = states;
	for (int k = 0; k < states && fine; k++)
		last->v[k] = tl_stack(layers, &all[k * layers], 0);
	return fine;
}

void tl__rnn_split(tl_var x, const int64_t *rows, int64_t steps, tl_var *at)
{
	int64_t batch = tl_dim(x, 1);
	tl_scope_begin(x.tape, "layer", 0);
	for (int64_t t = 0; t < steps; t++) {
		tl_scope_begin(x.tape, "t", t);
		at[t] = tl_select(x, 0, t);
		if (rows && rows[t] < batch)
			at[t] = tl_slice(at[t], 0, 0, rows[t], 1);
		tl_scope_end(x.tape);
	}
	tl_scope_end(x.tape);
}

tl_rnn_result tl__rnn_failed(const tl_rnn *rnn, tl_tape *tape)
{
	tl_state s = {.n = rnn->options.cell->states};
	for (int k = 0; tape && k < s.n; k++)
		s.v[k] = tl_tape_fail(tape, TL_ERR_ARGUMENT, "rnn: failed");
	return (tl_rnn_result){s.v[0], s};
}

tl_rnn_result tl_rnn_run(const tl_rnn *rnn, tl_var x, tl_state initial, bool training)
{
	if (!tl__rnn_fits(rnn, x, 3, initial))
		return tl__rnn_failed(rnn, x.tape);
	int64_t steps = tl_dim(x, 0);
	tl_var *at = tl_tape_alloc(x.tape, (size_t)steps * sizeof *at);
	tl_rnn_result r;
	if (!at)
		return tl__rnn_failed(rnn, x.tape);
	tl__rnn_split(x, NULL, steps, at);
	if (!tl__rnn_layers(rnn, steps, at, initial, training, &r.last))
		return tl__rnn_failed(rnn, x.tape);
	r.output = tl_stack((int)steps, at, 0);
	return r;
}

tl_rnn_result tl_rnn_step(const tl_rnn *rnn, tl_var x, tl_state initial)
{
	tl_rnn_result r = {.output = x};
	if (!tl__rnn_fits(rnn, x, 2, initial) || !tl__rnn_layers(rnn, 1, &r.output, initial, false, &r.last))
		return tl__rnn_failed(rnn, x.tape);
	return r;
}
