/* SPDX-License-Identifier: Apache-2.0 */
/* What an encoder-decoder records. */
#include "models/mask.h"
#include "models/seq2seq.h"
#include "ops/arith.h"
#include "ops/dropout.h"
#include "ops/layout.h"
#include "ops/reduce.h"
#include "ops/select.h"

/* One step: what goes to the vocabulary, the state after it, what it looked at. */
typedef struct step_result {
	tl_var features, weights;
	tl_state state;
} step_result;

static tl_var failed(tl_tape *tape)
{
	return tape ? tl_tape_fail(tape, TL_ERR_ARGUMENT, "seq2seq: failed") : (tl_var){0};
}

static bool exists(const tl_seq2seq *m, tl_tape *tape)
{
	if (!m && tape)
		tl_tape_fail(tape, TL_ERR_ARGUMENT,
			"seq2seq: there is no model: tl_seq2seq_new returned NULL, and its error says why");
	return m && tape;
}

tl_seq2seq_memory tl_seq2seq_encode(const tl_seq2seq *m, tl_var source, const int64_t *lengths, bool training)
{
	tl_seq2seq_memory memory = {0};
	if (!exists(m, source.tape))
		return memory;
	tl_encoded e = tl_encoder_run(m->encoder, source, lengths, training);
	memory.first = tl_bridge_run(&m->bridge, e.last);
	if (m->attention) {
		tl_scope_begin(source.tape, "keys", -1);
		lengths = tl_lengths_unless_full(lengths, tl_dim(source, 0), tl_dim(source, 1));
		memory.attention = tl_attention_prepare(m->attention, e.memory, e.memory, lengths, (tl_var){0});
		tl_scope_end(source.tape);
	}
	return memory;
}

/* A step of the decoder's layers in training, where tl_rnn_step would leave dropout out. */
static tl_rnn_result train_layers(const tl_rnn *rnn, tl_var x, tl_state state)
{
	tl_rnn_result r = tl_rnn_run(rnn, tl_unsqueeze(x, 0), state, true);
	r.output = tl_squeeze(r.output, 0);
	return r;
}

/* e (B, E): the embedded symbol. */
static step_result decode_step(
	const tl_seq2seq *m, const tl_seq2seq_memory *memory, tl_var e, tl_state state, bool training)
{
	step_result s = {0};
	tl_var context = {0};
	if (m->attention) {
		tl_scope_begin(e.tape, "attention", -1);
		tl_attention_result a = tl_attention_step(
			m->attention, &memory->attention, tl_select(state.v[0], 0, m->decoder->options.layers - 1));
		tl_scope_end(e.tape);
		context = a.context;
		s.weights = a.weights;
		e = tl_concat(2, (tl_var[]){e, context}, -1);
	}
	bool drop = training && m->decoder->options.dropout > 0 && m->decoder->options.layers > 1;
	tl_rnn_result r = drop ? train_layers(m->decoder, e, state) : tl_rnn_step(m->decoder, e, state);
	s.features = context.tape ? tl_concat(2, (tl_var[]){r.output, context}, -1) : r.output;
	s.state = r.last;
	return s;
}

static bool check_symbols(tl_var y, int axes, const tl_seq2seq_memory *memory)
{
	if (tl_ok(y) && (tl_var_shape(y).axes != axes || tl_dim(y, 0) < 1))
		tl_tape_fail(y.tape, TL_ERR_SHAPE, "seq2seq: the decoder's symbols must have the shape %s",
			axes == 1 ? "(B)" : "(T, B), T > 0");
	if (memory->first.n < 1)
		tl_tape_fail(y.tape, TL_ERR_ARGUMENT, "seq2seq: the decoder needs the memory of an encoded source");
	return tl_tape_status(y.tape) == TL_OK;
}

tl_seq2seq_result tl_seq2seq_step(
	const tl_seq2seq *m, const tl_seq2seq_memory *memory, tl_var previous, tl_state state)
{
	if (!exists(m, previous.tape) || !check_symbols(previous, 1, memory))
		return (tl_seq2seq_result){.logits = failed(previous.tape)};
	tl_scope_begin(previous.tape, "decoder", -1);
	step_result s = decode_step(m, memory, tl_embedding_run(&m->target, previous), state, false);
	tl_seq2seq_result r = {tl_dense_run(&m->out, s.features), s.state, s.weights};
	tl_scope_end(previous.tape);
	return r;
}

/* Lists of what each step leaves. */
typedef struct trail {
	tl_var *features, *weights, *logits; /* logits: where each step needs its own */
} trail;

static bool trail_new(trail *l, tl_tape *tape, int64_t steps)
{
	tl_var *all = tl_tape_alloc(tape, (size_t)(3 * steps) * sizeof *all);
	if (all)
		*l = (trail){all, all + steps, all + 2 * steps};
	return all;
}

/*
 * The decoder reads its own symbols where `given` is 0: (T, B, 1). A step's logits are needed before the next one;
 * the dropout of features is one mask for all steps, as without.
 */
static tl_state run_own(const tl_seq2seq *m, const tl_seq2seq_memory *memory, tl_var embedded, trail *l)
{
	tl_tape *tape = embedded.tape;
	int64_t steps = tl_dim(embedded, 0), batch = tl_dim(embedded, 1);
	tl_var given = tl_dropout_mask(tape, TL_SHAPE(steps, batch, 1), m->options.own_rate);
	tl_state state = memory->first;
	for (int64_t t = 0; t < steps; t++) {
		tl_scope_begin(tape, "decoder", t);
		tl_var e = tl_select(embedded, 0, t);
		if (t > 0) {
			tl_var own = tl_embedding_run(&m->target, tl_argmax(l->logits[t - 1], -1));
			own = tl_dropout(own, m->options.dropout);
			e = tl_where(tl_select(given, 0, t), e, own);
		}
		step_result s = decode_step(m, memory, e, state, true);
		l->features[t] = tl_dropout(s.features, m->options.dropout);
		l->logits[t] = tl_dense_run(&m->out, l->features[t]);
		l->weights[t] = s.weights;
		state = s.state;
		tl_scope_end(tape);
	}
	return state;
}

static tl_state run_given(
	const tl_seq2seq *m, const tl_seq2seq_memory *memory, tl_var embedded, bool training, trail *l)
{
	tl_state state = memory->first;
	for (int64_t t = 0; t < tl_dim(embedded, 0); t++) {
		tl_scope_begin(embedded.tape, "decoder", t);
		step_result s = decode_step(m, memory, tl_select(embedded, 0, t), state, training);
		l->features[t] = s.features;
		l->weights[t] = s.weights;
		state = s.state;
		tl_scope_end(embedded.tape);
	}
	return state;
}

tl_seq2seq_result tl_seq2seq_decode(
	const tl_seq2seq *m, const tl_seq2seq_memory *memory, tl_var y_in, bool training)
{
	trail l;
	tl_tape *tape = y_in.tape;
	if (!exists(m, tape) || !check_symbols(y_in, 2, memory) || !trail_new(&l, tape, tl_dim(y_in, 0)))
		return (tl_seq2seq_result){.logits = failed(tape)};
	int steps = (int)tl_dim(y_in, 0);
	double dropout = training ? m->options.dropout : 0;
	tl_var embedded = tl_dropout(tl_embedding_run(&m->target, y_in), dropout);
	tl_seq2seq_result r = {0};
	if (training && m->options.own_rate > 0) {
		r.state = run_own(m, memory, embedded, &l);
		r.logits = tl_stack(steps, l.logits, 0);
	} else {
		tl_var features;
		if (m->attention) {
			r.state = run_given(m, memory, embedded, training, &l);
			features = tl_stack(steps, l.features, 0);
		} else {
			tl_scope_begin(tape, "decoder", -1);
			tl_rnn_result all = tl_rnn_run(m->decoder, embedded, memory->first, training);
			tl_scope_end(tape);
			r.state = all.last;
			features = all.output;
		}
		r.logits = tl_dense_run(&m->out, tl_dropout(features, dropout));
	}
	if (m->attention)
		r.weights = tl_stack(steps, l.weights, 0);
	return r;
}

tl_seq2seq_result tl_seq2seq_run(
	const tl_seq2seq *m, tl_var source, const int64_t *lengths, tl_var y_in, bool training)
{
	tl_seq2seq_memory memory = tl_seq2seq_encode(m, source, lengths, training);
	return tl_seq2seq_decode(m, &memory, y_in, training);
}
