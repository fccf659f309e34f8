/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tapeloop bench seq2seq: an encoder and a decoder with additive attention (Bahdanau, Cho, Bengio,
 * "Neural machine translation by jointly learning to align and translate", 2015), under teacher forcing.
 * M (S, B, 2H) holds the states of a GRU in each direction, s_0 = tanh(bridge of the last two), and at
 * each step
 *
 *	a = softmax over S of v . tanh(M K + s W + b)      context = sum over S of a M
 *	s = GRU([y, context], s)                           logits = out([s, context])
 */
#include <stdio.h>

#include "models/attention.h"
#include "models/cells.h"
#include "models/layers.h"
#include "models/rnn.h"
#include "ops/activation.h"
#include "ops/layout.h"
#include "ops/loss.h"
#include "tools/bench.h"

typedef struct translator {
	tl_embedding source, target;
	tl_rnn *forward, *backward, *decoder;
	tl_attention *attention;
	tl_dense bridge, out;
	tl_tensor x, y;         /* (S, B), (T, B) symbols */
} translator;

enum { VOCAB, EMBED, HIDDEN, SOURCE, TARGET, BATCH };

static tl_rnn *add_gru(bench_job *job, const char *name, int64_t input, int64_t hidden, tl_error *err)
{
	tl_rnn_options net = {.cell = &tl_cell_gru_lbr, .input = input, .hidden = hidden};
	return tl_rnn_new(job->store, name, &net, err);
}

static tl_status add_params(translator *m, bench_job *job, const int64_t *n, tl_error *err)
{
	tl_store *store = job->store;
	int64_t h = n[HIDDEN];
	tl_attention_options attention = {.score = TL_SCORE_ADDITIVE, .query = h, .key = 2 * h};
	if (tl_embedding_add(&m->source, store, "source", n[VOCAB], n[EMBED], err) ||
		tl_embedding_add(&m->target, store, "target", n[VOCAB], n[EMBED], err) ||
		!(m->forward = add_gru(job, "forward", n[EMBED], h, err)) ||
		!(m->backward = add_gru(job, "backward", n[EMBED], h, err)) ||
		tl_dense_add(&m->bridge, store, "bridge", 2 * h, h, err) ||
		!(m->attention = tl_attention_new(store, "attention", &attention, err)) ||
		!(m->decoder = add_gru(job, "decoder", n[EMBED] + 2 * h, h, err)))
		return err->status;
	return tl_dense_add(&m->out, store, "out", 3 * h, n[VOCAB], err);
}

static void init_params(translator *m, tl_rng *rng)
{
	tl_embedding_init(&m->source, rng);
	tl_embedding_init(&m->target, rng);
	tl_rnn_init(m->forward, rng);
	tl_rnn_init(m->backward, rng);
	tl_dense_init(&m->bridge, rng);
	tl_attention_init(m->attention, rng);
	tl_rnn_init(m->decoder, rng);
	tl_dense_init(&m->out, rng);
}

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
	if (add_params(m, job, n, err))
		return err->status;
	init_params(m, &job->rng);
	if (bench_indices(job, TL_SHAPE(n[SOURCE], n[BATCH]), n[VOCAB], &m->x, err))
		return err->status;
	return bench_indices(job, TL_SHAPE(n[TARGET], n[BATCH]), n[VOCAB], &m->y, err);
}

static void release(void *model)
{
	translator *m = model;
	tl_rnn_free(m->forward);
	tl_rnn_free(m->backward);
	tl_rnn_free(m->decoder);
	tl_attention_free(m->attention);
}

/* M (S, B, 2H), and the decoder's first state (1, B, H). */
static tl_var encode(const translator *m, tl_var x, tl_state *first)
{
	tl_var embedded = tl_embedding_run(&m->source, x);
	tl_scope_begin(x.tape, "forward", -1);
	tl_rnn_result forward = tl_rnn_run(m->forward, embedded, (tl_state){0}, true);
	tl_scope_end(x.tape);
	tl_scope_begin(x.tape, "backward", -1);
	tl_rnn_result backward = tl_rnn_run(m->backward, tl_flip(embedded, 0), (tl_state){0}, true);
	tl_scope_end(x.tape);
	tl_var last = tl_concat(2, (tl_var[]){forward.last.v[0], backward.last.v[0]}, -1);
	*first = tl_state1(tl_tanh(tl_dense_run(&m->bridge, last)));
	return tl_concat(2, (tl_var[]){forward.output, tl_flip(backward.output, 0)}, -1);
}

/* (T, B, 3H): state and context at each step. */
static tl_var decode(const translator *m, tl_var memory, tl_var y, tl_state s)
{
	int64_t steps = tl_dim(y, 0);
	tl_attention_memory source = tl_attention_prepare(m->attention, memory, memory, NULL, (tl_var){0});
	tl_var embedded = tl_embedding_run(&m->target, y);
	tl_var *features = tl_tape_alloc(y.tape, (size_t)steps * sizeof *features);
	for (int64_t t = 0; features && t < steps; t++) {
		tl_scope_begin(y.tape, "decoder", t);
		tl_var context = tl_attention_step(m->attention, &source, tl_select(s.v[0], 0, 0)).context;
		tl_var in = tl_concat(2, (tl_var[]){tl_select(embedded, 0, t), context}, -1);
		tl_rnn_result r = tl_rnn_step(m->decoder, in, s);
		features[t] = tl_concat(2, (tl_var[]){r.output, context}, -1);
		s = r.last;
		tl_scope_end(y.tape);
	}
	return features ? tl_stack((int)steps, features, 0) : (tl_var){0};
}

static tl_var record(const void *model, tl_tape *tape)
{
	const translator *m = model;
	tl_state first;
	tl_var y = tl_borrow(tape, &m->y), memory = encode(m, tl_borrow(tape, &m->x), &first);
	tl_var logits = tl_dense_run(&m->out, decode(m, memory, y, first));
	return tl_cross_entropy(logits, y, NULL);
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
