/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/jacobian.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/algebra.h"
#include "graph/grad.h"
#include "ops/layout.h"
#include "optim/init.h"
#include "tools/tape_error.h"

typedef struct walk {
	const tl_rnn *rnn;
	tl_tape *tape;
	const tl_real *x;
	int64_t length, rows, hidden; /* T, H adjoints side by side, H */
	int states;
	tl_real *state;   /* (T + 1, states, H): s_0 ... s_T */
	tl_real *repeated; /* (states, rows, H): one of them for each row */
	tl_real *adjoint; /* (states, rows, H): rows of length 1 over all states */
	double *log_size; /* of each row, natural */
} walk;

/* s_t from s_{t-1}, for `rows` equal rows: records and returns variables of before and after. */
static tl_state step(walk *w, int64_t t, int64_t rows, const tl_real *from, tl_state *before)
{
	int64_t input = w->rnn->options.input;
	tl_var x = tl_broadcast(tl_input(w->tape, TL_SHAPE(1, input), w->x + (t - 1) * input), TL_SHAPE(rows, input));
	tl_state first = {.n = w->states};
	*before = first;
	for (int k = 0; k < w->states; k++) {
		before->v[k] = tl_input(w->tape, TL_SHAPE(rows, w->hidden), from + k * rows * w->hidden);
		first.v[k] = tl_unsqueeze(before->v[k], 0);
	}
	tl_state after = tl_rnn_step(w->rnn, x, first).last;
	for (int k = 0; k < after.n; k++)
		after.v[k] = tl_squeeze(after.v[k], 0);
	return after;
}

static tl_status forward(walk *w, tl_error *err)
{
	int64_t each = w->states * w->hidden;
	memset(w->state, 0, (size_t)each * sizeof *w->state);
	for (int64_t t = 1; t <= w->length; t++) {
		tl_state before;
		tl_tape_reset(w->tape);
		tl_state after = step(w, t, 1, w->state + (t - 1) * each, &before);
		tl_real *to = w->state + t * each;
		if (tl_read(tl_concat(after.n, after.v, -1), to, each))
			return tape_error(w->tape, err);
		for (int64_t i = 0; i < each; i++)
			if (!isfinite(to[i]))
				return tl_error_set(err, TL_ERR_VALUE,
					"cell %s: the state at t = %lld is no finite number; a smaller --scale may help",
					w->rnn->options.cell->name, (long long)t);
	}
	return TL_OK;
}

/* The square of the length of row i of state k's adjoint. */
static double square(const walk *w, int k, int64_t i)
{
	const tl_real *row = w->adjoint + (k * w->rows + i) * w->hidden;
	double sum = 0;
	for (int64_t j = 0; j < w->hidden; j++)
		sum += (double)row[j] * (double)row[j];
	return sum;
}

/* Rows become shorter than C, in the measure of their true lengths, and then of length 1. */
static void normalise(walk *w, double clip)
{
	for (int64_t i = 0; i < w->rows; i++) {
		double sum = 0;
		for (int k = 0; k < w->states; k++)
			sum += square(w, k, i);
		double size = sqrt(sum);
		w->log_size[i] = sum > 0 ? w->log_size[i] + log(size) : -INFINITY;
		if (clip > 0 && w->log_size[i] > log(clip))
			w->log_size[i] = log(clip);
		for (int k = 0; k < w->states; k++)
			for (int64_t j = 0; j < w->hidden && sum > 0; j++) {
				tl_real *a = &w->adjoint[(k * w->rows + i) * w->hidden + j];
				*a = (tl_real)((double)*a / size);
			}
	}
}

/* log10 of the root mean square over rows, for state k. */
static double measure(const walk *w, int k)
{
	double most = -INFINITY, sum = 0;
	for (int64_t i = 0; i < w->rows; i++)
		most = fmax(most, w->log_size[i]);
	if (isinf(most))
		return most;
	for (int64_t i = 0; i < w->rows; i++)
		sum += square(w, k, i) * exp(2 * (w->log_size[i] - most));
	return sum > 0 ? (most + 0.5 * log(sum / (double)w->rows)) / log(10) : -INFINITY;
}

/* The adjoints of s_{t-1} from those of s_t. */
static tl_status back(walk *w, int64_t t, tl_error *err)
{
	int64_t each = w->rows * w->hidden;
	for (int k = 0; k < w->states; k++)
		for (int64_t i = 0; i < w->rows; i++)
			memcpy(w->repeated + (k * w->rows + i) * w->hidden,
				w->state + ((t - 1) * w->states + k) * w->hidden, (size_t)w->hidden * sizeof(tl_real));
	tl_tape_reset(w->tape);
	tl_state before, after = step(w, t, w->rows, w->repeated, &before);
	tl_var y = tl_stack(after.n, after.v, 0);
	tl_var dy = tl_input(w->tape, TL_SHAPE(w->states, w->rows, w->hidden), w->adjoint);
	tl_grad_from(y, dy, before.n, before.v, before.v);
	return tl_read(tl_stack(before.n, before.v, 0), w->adjoint, w->states * each) ? tape_error(w->tape, err) : TL_OK;
}

static tl_status backward(walk *w, double clip, double *norm, tl_error *err)
{
	memset(w->adjoint, 0, (size_t)(w->states * w->rows * w->hidden) * sizeof *w->adjoint);
	for (int64_t i = 0; i < w->rows; i++) {
		w->adjoint[i * w->hidden + i] = 1;
		w->log_size[i] = 0;
	}
	for (int64_t t = w->length; t >= 0; t--) {
		normalise(w, clip);
		for (int k = 0; k < w->states; k++)
			norm[k * (w->length + 1) + t] = measure(w, k);
		if (t > 0 && back(w, t, err))
			return err->status;
	}
	return TL_OK;
}

tl_status jacobian_norms_of(
	const tl_rnn *rnn, tl_tape *tape, const tl_real *x, int64_t length, double clip, double *norm, tl_error *err)
{
	int64_t hidden = rnn->options.hidden;
	size_t states = (size_t)rnn->options.cell->states, each = states * (size_t)hidden;
	walk w = {
		.rnn = rnn,
		.tape = tape,
		.x = x,
		.length = length,
		.rows = hidden,
		.hidden = hidden,
		.states = (int)states,
		.state = malloc((size_t)(length + 1) * each * sizeof *w.state),
		.repeated = malloc((size_t)hidden * each * sizeof *w.repeated),
		.adjoint = malloc((size_t)hidden * each * sizeof *w.adjoint),
		.log_size = malloc((size_t)hidden * sizeof *w.log_size),
	};
	if (!w.state || !w.repeated || !w.adjoint || !w.log_size)
		tl_error_memory(err);
	else if (!forward(&w, err))
		backward(&w, clip, norm, err);
	free(w.state);
	free(w.repeated);
	free(w.adjoint);
	free(w.log_size);
	return err->status;
}

static void scale_weights(tl_rnn *rnn, double scale)
{
	for (int k = 0; k < rnn->count; k++) {
		const tl_tensor *w = &rnn->params[k]->value;
		tl_real *x = w->data;
		unsigned rows = rnn->options.cell->params[k].rows & TL_ROWS;
		bool of_state = rows == TL_STATE_ROWS || rows == TL_PROJECTED_ROWS;
		for (int64_t i = 0; of_state && i < tl_shape_size(w->shape); i++)
			x[i] = (tl_real)((double)x[i] * scale);
	}
}

tl_status jacobian_norms(const jacobian_options *o, double *norm, tl_error *err)
{
	int64_t size = o->hidden * o->length;
	tl_store *store = tl_store_new();
	tl_tape *tape = tl_tape_new(&(tl_tape_options){.threads = o->threads});
	tl_real *x = malloc((size_t)size * sizeof *x);
	tl_rnn *rnn = NULL;
	if (!store || !tape || !x)
		tl_error_memory(err);
	else
		rnn = tl_rnn_new(
			store, "rnn", &(tl_rnn_options){.cell = o->cell, .input = o->hidden, .hidden = o->hidden}, err);
	if (rnn) {
		tl_rng weights = {.seed = o->seed, .stream = 0}, inputs = {.seed = o->seed, .stream = 1};
		tl_rnn_init(rnn, &weights);
		scale_weights(rnn, o->scale);
		if (o->set_forget_bias)
			tl_rnn_set_bias(rnn, 'f', o->forget_bias);
		for (int64_t i = 0; i < size; i++)
			x[i] = (tl_real)tl_rng_normal(&inputs);
		jacobian_norms_of(rnn, tape, x, o->length, o->clip, norm, err);
	}
	tl_rnn_free(rnn);
	free(x);
	tl_tape_free(tape);
	tl_store_free(store);
	return err->status;
}
