/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tapeloop bench ragged, and tapeloop bench unequal: an LSTM over random sequences of unequal lengths. The
 * first runs them side by side (tl_rnn_run_ragged); the second records each for itself, as programs for
 * trees or dialogues must, and sums the losses: the mean square of the last states.
 */
#include <stdio.h>

#include "models/cells.h"
#include "models/rnn.h"
#include "ops/arith.h"
#include "ops/math.h"
#include "ops/reduce.h"
#include "tools/bench.h"

typedef struct sequences {
	tl_rnn *lstm;
	int64_t n;
	int64_t *lengths; /* [n] */
	tl_tensor *x;     /* all in one (T, n, E), or [n] of (length, 1, E) */
} sequences;

/* What both works have: the net and the lengths, from low to high; sets all but x. */
static sequences *make_sequences(bench_job *job, const char *name, int64_t input, int64_t hidden, int64_t low,
	int64_t high, int64_t n, tl_error *err)
{
	sequences *m = bench_alloc(job, sizeof *m, err);
	if (!m)
		return NULL;
	job->model = m;
	tl_rnn_options net = {.cell = &tl_cell_lstm, .input = input, .hidden = hidden};
	if (low > high)
		tl_error_set(err, TL_ERR_ARGUMENT, "the least length, %lld, is above the greatest, %lld", (long long)low,
			(long long)high);
	else
		m->lstm = tl_rnn_new(job->store, "rnn", &net, err);
	if (!m->lstm || !(m->lengths = bench_alloc(job, (size_t)n * sizeof *m->lengths, err)))
		return NULL;
	tl_rnn_init(m->lstm, &job->rng);
	m->n = n;
	job->tokens = bench_lengths(job, low, high, n, m->lengths);
	snprintf(job->name, sizeof job->name, "%s lstm %lld..%lld I%lld H%lld B%lld", name, (long long)low,
		(long long)high, (long long)input, (long long)hidden, (long long)n);
	return m;
}

static void release(void *model)
{
	sequences *m = model;
	tl_rnn_free(m->lstm);
}

static tl_var loss_of(tl_rnn_result r)
{
	return tl_mean_all(tl_square(r.last.v[0]));
}

enum { INPUT, HIDDEN, BATCH, MIN_LENGTH, LENGTH };

static tl_status make_ragged(bench_job *job, const bench_options *o, tl_error *err)
{
	const int64_t *n = o->size;
	sequences *m = make_sequences(job, "ragged", n[INPUT], n[HIDDEN], n[MIN_LENGTH], n[LENGTH], n[BATCH], err);
	if (!m || !(m->x = bench_alloc(job, sizeof *m->x, err)))
		return err->status;
	return bench_normal(job, TL_SHAPE(n[LENGTH], n[BATCH], n[INPUT]), m->x, err);
}

static tl_var record_ragged(const void *model, tl_tape *tape)
{
	const sequences *m = model;
	return loss_of(tl_rnn_run_ragged(m->lstm, tl_borrow(tape, m->x), m->lengths, (tl_state){0}, true));
}

tl_status bench_ragged(int argc, char **argv, tl_error *err)
{
	static const bench_work work = {
		.doc = "Time training steps of an LSTM over a batch of random sequences of unequal lengths: mean square of "
		       "the last states. tok_per_s counts real inputs, not the padding.",
		.sizes = {{"input", 256, 1, "Size of the input"}, {"hidden", 256, 1, "Size of each state"},
			{"batch", 32, 1, "Sequences"}, {"min-length", 5, 1, "Least length that is drawn"},
			{"max-length", 35, 1, "Greatest one, and that of the first sequence"}},
		.make = make_ragged,
		.record = record_ragged,
		.release = release,
	};
	return bench_command(&work, argc, argv, err);
}

static tl_status make_unequal(bench_job *job, const bench_options *o, tl_error *err)
{
	const int64_t *n = o->size;
	int64_t low = n[MIN_LENGTH] ? n[MIN_LENGTH] : n[LENGTH];
	sequences *m = make_sequences(job, "unequal", n[INPUT], n[HIDDEN], low, n[LENGTH], n[BATCH], err);
	if (!m || !(m->x = bench_alloc(job, (size_t)m->n * sizeof *m->x, err)))
		return err->status;
	for (int64_t b = 0; b < m->n; b++)
		if (bench_normal(job, TL_SHAPE(m->lengths[b], 1, n[INPUT]), &m->x[b], err))
			return err->status;
	return TL_OK;
}

static tl_var record_unequal(const void *model, tl_tape *tape)
{
	const sequences *m = model;
	tl_var sum = {0};
	for (int64_t b = 0; b < m->n; b++) {
		tl_scope_begin(tape, "sequence", b);
		tl_var loss = loss_of(tl_rnn_run(m->lstm, tl_borrow(tape, &m->x[b]), (tl_state){0}, true));
		sum = b ? tl_add(sum, loss) : loss;
		tl_scope_end(tape);
	}
	return sum;
}

tl_status bench_unequal(int argc, char **argv, tl_error *err)
{
	static const bench_work work = {
		.doc = "Time training steps of an LSTM over random sequences that are recorded one after the other, each a "
		       "graph of its own: the sum of the mean squares of their last states, one backward pass over all.",
		.sizes = {{"input", 256, 1, "Size of the input"}, {"hidden", 256, 1, "Size of each state"},
			{"batch", 32, 1, "Sequences"}, {"min-length", 0, 1, "Least length that is drawn (as --length)"},
			{"length", 35, 1, "Greatest one, and that of the first sequence"}},
		.make = make_unequal,
		.record = record_unequal,
		.release = release,
	};
	return bench_command(&work, argc, argv, err);
}
