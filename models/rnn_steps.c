/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One direction of a layer, step by step. Rows may end before others; those that go on are the first ones, so
 * the next step's state is a slice, and the rows that ended are put back in the end:
 *
 *	x[0]  x[1]  x[2]
 *	  0     0     0        states of rows 0 and 1: after x[2]
 *	  1     1     1
 *	  2     2              of row 2: after x[1]
 *	  3                    of row 3: after x[0]
 *
 * What a step does to the states besides the cell's own step, in this order:
 *
 *	s   = stop gradient(s)  where t > 0 and t % K = 0       truncation
 *	s^  = s, but v[0] * mask                                recurrent dropout: a mask for all steps
 *	s'  = step(x, s^)
 *	s'  = s where kept, else s'                             zoneout
 *	y   = output(x, s'), or s'.v[0]
 */
#include "graph/checkpoint.h"
#include "models/rnn_run.h"
#include "ops/arith.h"
#include "ops/dropout.h"
#include "ops/layout.h"
#include "ops/select.h"

/* The states of rows that have ended, those that ended last in front. */
typedef struct ended {
	tl_state state;
	struct ended *next;
} ended;

typedef struct direction {
	const tl_rnn *rnn;
	tl_tape *tape;
	bool training;
	const tl_var *p;
	tl_var mask; /* of recurrent dropout, for the rows that go on; or unset */
	ended *list;
} direction;

/* The parameters of direction i as variables of the tape, zeros for those left out; NULL on an error. */
static const tl_var *bind(const tl_rnn *rnn, tl_tape *tape, int i)
{
	const tl_cell *cell = rnn->options.cell;
	tl_var *p = tl_tape_alloc(tape, (size_t)(rnn->count + 1) * sizeof *p);
	for (int k = 0; p && k < rnn->count; k++)
		p[k] = tl__rnn_leaves_out(rnn, k)
			       ? tl_fill(tape, tl_cell_param_shape(cell, k, tl__rnn_sizes(rnn)), 0)
			       : tl_use(tape, rnn->params[i * rnn->count + k]);
	return tl_tape_status(tape) == TL_OK ? p : NULL;
}

static tl_state slice_rows(tl_state s, int64_t first, int64_t end)
{
	for (int k = 0; k < s.n; k++)
		s.v[k] = tl_slice(s.v[k], 0, first, end, 1);
	return s;
}

/* The first rows of s go on; the others have ended and are put in front of the list. */
static tl_state go_on(direction *d, tl_state s, int64_t rows)
{
	int64_t all = tl_dim(s.v[0], 0);
	if (rows == all)
		return s;
	ended *e = tl_tape_alloc(d->tape, sizeof *e);
	if (e) {
		*e = (ended){slice_rows(s, rows, all), d->list};
		d->list = e;
	}
	if (d->mask.tape)
		d->mask = tl_slice(d->mask, 0, 0, rows, 1);
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
static bool end_segment(const direction *d, int64_t from, int64_t end, tl_var *x, tl_state *s)
{
	int n = 0;
	bool own_output = d->rnn->options.cell->output;
	tl_var **keep = tl_tape_alloc(d->tape, (size_t)(end - from + s->n) * sizeof *keep);
	for (int64_t t = from; keep && t < end; t++)
		keep[n++] = &x[t];
	for (int k = own_output ? 0 : 1; keep && k < s->n; k++)
		keep[n++] = &s->v[k];
	tl_checkpoint_end(d->tape, n, keep);
	if (!own_output)
		s->v[0] = x[end - 1];
	return tl_tape_status(d->tape) == TL_OK;
}

static tl_state detach(tl_state s)
{
	for (int k = 0; k < s.n; k++)
		s.v[k] = tl_detach(s.v[k]);
	return s;
}

/* Each element stays as it was before with probability z. */
static tl_var zone_out(const direction *d, tl_var before, tl_var now, double z)
{
	if (!d->training)
		return tl_add(tl_scale(before, z), tl_scale(now, 1 - z));
	return tl_where(tl_dropout_mask(d->tape, tl_var_shape(now), z), now, before);
}

/* Those to which the cell gave no names can be found, too: see graph/find.h. */
static void name_states(tl_state s)
{
	static const char *const name[TL_MAX_STATES] = {"hidden", "state1", "state2", "state3"};
	for (int k = 0; k < s.n; k++)
		if (!tl_var_name(s.v[k]))
			tl_name(s.v[k], name[k]);
}

/* One step: x becomes the output, s the next state. */
static bool step(const direction *d, tl_var *x, tl_state *s)
{
	const tl_rnn_options *o = &d->rnn->options;
	int64_t rows = tl_dim(*x, 0);
	tl_state read = *s;
	if (d->mask.tape)
		read.v[0] = tl_mul(read.v[0], d->mask);
	tl_state next = o->cell->step(d->p, *x, read);
	if (!tl__rnn_check_step(d->rnn, d->tape, next, rows))
		return false;
	for (int k = 0; k < next.n; k++)
		if (o->zoneout[k] > 0)
			next.v[k] = zone_out(d, s->v[k], next.v[k], o->zoneout[k]);
	name_states(next);
	*x = o->cell->output ? o->cell->output(d->p, *x, next) : next.v[0];
	*s = next;
	return !o->cell->output || tl__rnn_check_output(d->rnn, d->tape, *x, rows);
}

bool tl__rnn_steps(const tl_rnn *rnn, tl_tape *tape, int i, int64_t steps, bool training, tl_var *x, tl_state *s)
{
	const tl_rnn_options *o = &rnn->options;
	direction d = {.rnn = rnn, .tape = tape, .training = training, .p = bind(rnn, tape, i)};
	if (training && o->recurrent_dropout > 0)
		d.mask = tl_dropout_mask(tape, tl_var_shape(s->v[0]), o->recurrent_dropout);
	bool fine = d.p;
	/* Rows end between segments: a segment has the same number of rows in all of its steps. */
	int64_t n = o->checkpoint < steps ? o->checkpoint : 0, from = 0;
	for (int64_t t = 0; t < steps && fine; t++) {
		int64_t rows = tl_dim(x[t], 0);
		if (n && t > from && (t - from == n || rows < tl_dim(s->v[0], 0))) {
			fine = end_segment(&d, from, t, x, s);
			from = t;
		}
		tl_scope_begin(tape, "t", t);
		*s = go_on(&d, *s, rows);
		if (n && t == from)
			tl_checkpoint_begin(tape);
		if (o->truncate && t > 0 && t % o->truncate == 0)
			*s = detach(*s);
		fine = step(&d, &x[t], s) && fine;
		tl_scope_end(tape);
	}
	if (fine && n)
		fine = end_segment(&d, from, steps, x, s);
	if (fine)
		*s = join_rows(tape, *s, d.list);
	return fine;
}
