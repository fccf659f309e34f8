/* SPDX-License-Identifier: Apache-2.0 */
/* tapeloop bench lm, and tapeloop bench last-state: one recurrent net over random sequences. */
#include <stdio.h>

#include "models/cells.h"
#include "models/lm.h"
#include "graph/checkpoint.h"
#include "ops/arith.h"
#include "ops/layout.h"
#include "ops/loss.h"
#include "tools/bench.h"

typedef struct lm_model {
	tl_lm *lm;
	tl_tensor x, y; /* (T, B) symbols */
	int64_t checkpoint;
} lm_model;

enum { VOCAB, EMBED, HIDDEN, LAYERS, LENGTH, BATCH, CHECKPOINT };

static tl_status make_lm(bench_job *job, const bench_options *o, tl_error *err)
{
	const int64_t *n = o->size;
	lm_model *m = bench_alloc(job, sizeof *m, err);
	if (!m)
		return err->status;
	snprintf(job->name, sizeof job->name, "lm %s V%lld E%lld H%lld L%lld T%lld B%lld", o->cell->name,
		(long long)n[VOCAB], (long long)n[EMBED], (long long)n[HIDDEN], (long long)n[LAYERS],
		(long long)n[LENGTH], (long long)n[BATCH]);
	job->tokens = n[LENGTH] * n[BATCH];
	job->model = m;
	m->checkpoint = n[CHECKPOINT];
	tl_lm_options net = {.cell = o->cell, .symbols = n[VOCAB], .embed = n[EMBED], .hidden = n[HIDDEN],
		.layers = (int)n[LAYERS], .more.impl = o->impl};
	if (!(m->lm = tl_lm_new(job->store, &net, err)))
		return err->status;
	tl_lm_init(m->lm, &job->rng);
	tl_shape shape = TL_SHAPE(n[LENGTH], n[BATCH]);
	if (bench_indices(job, shape, n[VOCAB], &m->x, err))
		return err->status;
	return bench_indices(job, shape, n[VOCAB], &m->y, err);
}

/* The same by segments of m->checkpoint steps. */
static tl_var record_segments(const lm_model *m, tl_tape *tape)
{
	tl_var x = tl_borrow(tape, &m->x), y = tl_borrow(tape, &m->y), loss = tl_fill(tape, TL_SCALAR, 0);
	tl_state s = {.n = m->lm->options.cell->states};
	tl_var *keep[TL_MAX_STATES + 1];
	for (int k = 0; k < s.n; k++) {
		s.v[k] = tl_fill(tape, tl_rnn_state_shape(m->lm->rnn, k, tl_dim(x, 1)), 0);
		keep[k] = &s.v[k];
	}
	keep[s.n] = &loss;
	for (int64_t t = 0, T = tl_dim(x, 0), end; t < T; t = end) {
		end = T - t > m->checkpoint ? t + m->checkpoint : T;
		tl_checkpoint_begin(tape);
		tl_lm_result r = tl_lm_run(m->lm, tl_slice(x, 0, t, end, 1), s, true);
		tl_var mean = tl_cross_entropy(r.logits, tl_slice(y, 0, t, end, 1), NULL);
		loss = tl_add(loss, tl_scale(mean, (double)(end - t) / (double)T));
		s = r.last;
		tl_checkpoint_end(tape, s.n + 1, keep);
	}
	return loss;
}

static tl_var record_lm(const void *model, tl_tape *tape)
{
	const lm_model *m = model;
	if (m->checkpoint)
		return record_segments(m, tape);
	tl_var logits = tl_lm_run(m->lm, tl_borrow(tape, &m->x), (tl_state){0}, true).logits;
	return tl_cross_entropy(logits, tl_borrow(tape, &m->y), NULL);
}

static void release_lm(void *model)
{
	lm_model *m = model;
	tl_lm_free(m->lm);
}

tl_status bench_lm(int argc, char **argv, tl_error *err)
{
	static const bench_work work = {
		.doc = "Time training steps of a language model on random symbols: embedding, recurrent layers, dense "
		       "layer, mean cross entropy.",
		.cell = &tl_cell_lstm,
		.fused = true,
		.sizes = {{"vocab", 10000, 1, "Symbols of the vocabulary"}, {"embed", 256, 0, "Size of the embedding; 0: one-hot"},
			{"hidden", 256, 1, "Size of each state"}, {"layers", 1, 1, "Recurrent layers"},
			{"length", 35, 1, "Time steps"}, {"batch", 32, 1, "Rows"},
			{"checkpoint", 0, 0, "Time steps of a checkpoint's segment; 0: no checkpoints"}},
		.make = make_lm,
		.record = record_lm,
		.release = release_lm,
	};
	return bench_command(&work, argc, argv, err);
}

typedef struct last_model {
	tl_rnn *rnn;
	tl_embedding table; /* its table is NULL where the input is given */
	tl_tensor x, y;     /* (T, B, E) or symbols (T, B), and what the last state should be (B, H) */
} last_model;

enum { LAST_VOCAB, LAST_INPUT, LAST_HIDDEN, LAST_LENGTH, LAST_BATCH };

/* Numbers, or a table and what to look up in it. */
static tl_status make_last_input(bench_job *job, const int64_t *n, last_model *m, tl_error *err)
{
	tl_shape shape = TL_SHAPE(n[LAST_LENGTH], n[LAST_BATCH], n[LAST_INPUT]);
	if (n[LAST_VOCAB] == 0)
		return bench_normal(job, shape, &m->x, err);
	if (tl_embedding_add(&m->table, job->store, "embed", n[LAST_VOCAB], n[LAST_INPUT], err))
		return err->status;
	tl_embedding_init(&m->table, &job->rng);
	shape.axes = 2;
	return bench_indices(job, shape, n[LAST_VOCAB], &m->x, err);
}

static tl_status make_last(bench_job *job, const bench_options *o, tl_error *err)
{
	const int64_t *n = o->size;
	last_model *m = bench_alloc(job, sizeof *m, err);
	if (!m)
		return err->status;
	char vocab[24] = "";
	if (n[LAST_VOCAB])
		snprintf(vocab, sizeof vocab, "V%lld ", (long long)n[LAST_VOCAB]);
	snprintf(job->name, sizeof job->name, "last-state %s %sI%lld H%lld T%lld B%lld", o->cell->name, vocab,
		(long long)n[LAST_INPUT], (long long)n[LAST_HIDDEN], (long long)n[LAST_LENGTH],
		(long long)n[LAST_BATCH]);
	job->tokens = n[LAST_LENGTH] * n[LAST_BATCH];
	job->model = m;
	tl_rnn_options net = {.cell = o->cell, .input = n[LAST_INPUT], .hidden = n[LAST_HIDDEN], .impl = o->impl};
	if (!(m->rnn = tl_rnn_new(job->store, "rnn", &net, err)))
		return err->status;
	tl_rnn_init(m->rnn, &job->rng);
	if (make_last_input(job, n, m, err))
		return err->status;
	return bench_normal(job, TL_SHAPE(n[LAST_BATCH], n[LAST_HIDDEN]), &m->y, err);
}

static tl_var record_last(const void *model, tl_tape *tape)
{
	const last_model *m = model;
	tl_var x = tl_borrow(tape, &m->x);
	if (m->table.table)
		x = tl_embedding_run(&m->table, x);
	tl_state last = tl_rnn_run(m->rnn, x, (tl_state){0}, true).last;
	tl_var y = tl_borrow(tape, &m->y);
	return tl_mse(tl_select(last.v[0], 0, -1), y, TL_MEAN);
}

static void release_last(void *model)
{
	last_model *m = model;
	tl_rnn_free(m->rnn);
}

tl_status bench_last_state(int argc, char **argv, tl_error *err)
{
	static const bench_work work = {
		.doc = "Time training steps of one recurrent layer on random input: mean square of the difference between "
		       "its last state and a target.",
		.cell = &tl_cell_mgu,
		.fused = true,
		.sizes = {{"vocab", 0, 0, "Rows of a table in which the input is looked up; 0: the input is given"},
			{"input", 256, 1, "Size of the input"}, {"hidden", 256, 1, "Size of each state"},
			{"length", 35, 1, "Time steps"}, {"batch", 32, 1, "Rows"}},
		.make = make_last,
		.record = record_last,
		.release = release_last,
	};
	return bench_command(&work, argc, argv, err);
}
