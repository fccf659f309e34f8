/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tapeloop bench seq2seq: an encoder and a decoder with additive attention (Bahdanau, Cho, Bengio,
 * "Neural machine translation by jointly learning to align and translate", 2015), under teacher forcing:
 * models/seq2seq.h with a GRU in each direction and one that decodes.
 */
#include <stdio.h>

#include "models/cells.h"
#include "models/seq2seq.h"
#include "ops/loss.h"
#include "tools/bench.h"

typedef struct translator {
	tl_seq2seq *model;
	tl_tensor x, y; /* (S, B), (T, B) symbols */
} translator;

enum { VOCAB, EMBED, HIDDEN, SOURCE, TARGET, BATCH };

static tl_status make(bench_job *job, const bench_options *o, tl_error *err)
{
	const int64_t *n = o->size;
	translator *m = bench_alloc(job, sizeof *m, err);
	if (!m)
		return err->status;
	snprintf(job->name, sizeof job->name, "seq2seq attention V%lld E%lld H%lld S%lld T%lld B%lld",
		(long long)n[VOCAB], (long long)n[EMBED], (long long)n[HIDDEN], (long long)n[SOURCE],
		(long long)n[TARGET], (long long)n[BATCH]);
	job->tokens = n[TARGET] * n[BATCH];
	job->model = m;
	tl_seq2seq_options options = {
		.source_symbols = n[VOCAB],
		.target_symbols = n[VOCAB],
		.embed = n[EMBED],
		.cell = &tl_cell_gru_lbr,
		.hidden = n[HIDDEN],
		.bidirectional = true,
		.attention = true,
		.score = TL_SCORE_ADDITIVE,
	};
	if (!(m->model = tl_seq2seq_new(job->store, &options, err)))
		return err->status;
	tl_seq2seq_init(m->model, &job->rng);
	if (bench_indices(job, TL_SHAPE(n[SOURCE], n[BATCH]), n[VOCAB], &m->x, err))
		return err->status;
	return bench_indices(job, TL_SHAPE(n[TARGET], n[BATCH]), n[VOCAB], &m->y, err);
}

static void release(void *model)
{
	translator *m = model;
	tl_seq2seq_free(m->model);
}

static tl_var record(const void *model, tl_tape *tape)
{
	const translator *m = model;
	tl_var y = tl_borrow(tape, &m->y);
	tl_seq2seq_result r = tl_seq2seq_run(m->model, tl_borrow(tape, &m->x), NULL, y, true);
	return tl_cross_entropy(r.logits, y, NULL);
}

tl_status bench_seq2seq(int argc, char **argv, tl_error *err)
{
	static const bench_work work = {
		.doc = "Time training steps of an encoder and decoder with additive attention on random symbols: a GRU in "
		       "each direction, a GRU that decodes step by step, mean cross entropy. tok_per_s counts target symbols.",
		.sizes = {{"vocab", 5000, 1, "Symbols of each vocabulary"}, {"embed", 128, 1, "Size of the embeddings"},
			{"hidden", 256, 1, "Size of each state"}, {"source", 20, 1, "Symbols to read"},
			{"target", 20, 1, "Symbols to write"}, {"batch", 64, 1, "Rows"}},
		.make = make,
		.record = record,
		.release = release,
	};
	return bench_command(&work, argc, argv, err);
}
