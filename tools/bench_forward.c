/* SPDX-License-Identifier: Apache-2.0 */
/* tapeloop bench forward: what a trained net does with whole sequences. */
#include <stdio.h>

#include "models/cells.h"
#include "tools/bench.h"

typedef struct forward_model {
	tl_rnn *rnn;
	tl_tensor x; /* (T, B, E) */
} forward_model;

enum { INPUT, HIDDEN, LAYERS, LENGTH, BATCH };

static tl_status make_forward(bench_job *job, const bench_options *o, tl_error *err)
{
	const int64_t *n = o->size;
	forward_model *m = bench_alloc(job, sizeof *m, err);
	if (!m)
		return err->status;
	snprintf(job->name, sizeof job->name, "forward %s I%lld H%lld L%lld T%lld B%lld", o->cell->name,
		(long long)n[INPUT], (long long)n[HIDDEN], (long long)n[LAYERS], (long long)n[LENGTH],
		(long long)n[BATCH]);
	job->tokens = n[LENGTH] * n[BATCH];
	job->model = m;
	tl_rnn_options net = {
		.cell = o->cell, .input = n[INPUT], .hidden = n[HIDDEN], .layers = (int)n[LAYERS], .impl = o->impl};
	if (!(m->rnn = tl_rnn_new(job->store, "rnn", &net, err)))
		return err->status;
	tl_rnn_init(m->rnn, &job->rng);
	return bench_normal(job, TL_SHAPE(n[LENGTH], n[BATCH], n[INPUT]), &m->x, err);
}

static tl_var record_forward(const void *model, tl_tape *tape)
{
	const forward_model *m = model;
	return tl_rnn_run(m->rnn, tl_borrow(tape, &m->x), (tl_state){0}, false).output;
}

static void release_forward(void *model)
{
	forward_model *m = model;
	tl_rnn_free(m->rnn);
}

tl_status bench_forward(int argc, char **argv, tl_error *err)
{
	static const bench_work work = {
		.doc = "Time recurrent layers over whole sequences of random input, as a trained model runs them: outputs "
		       "of all steps, no gradients.",
		.cell = &tl_cell_lstm,
		.fused = true,
		.sizes = {{"input", 256, 1, "Size of the input"}, {"hidden", 256, 1, "Size of each state"},
			{"layers", 2, 1, "Recurrent layers"}, {"length", 100, 1, "Time steps"}, {"batch", 1, 1, "Rows"}},
		.make = make_forward,
		.record = record_forward,
		.forward = true,
		.release = release_forward,
	};
	return bench_command(&work, argc, argv, err);
}
