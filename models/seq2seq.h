/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From one sequence to another of any length (Sutskever, Vinyals, Le, 2014; Cho et al., 2014; with attention
 * Bahdanau, Cho, Bengio, 2015): p(y_1..y_T | x_1..x_S) = prod_t p(y_t | y_1..y_{t-1}, x).
 *
 *	m_1..m_S, last = encoder(x)                         models/encoder.h
 *	s_0 = bridge(last)                                  models/bridge.h
 *	c_t = attention(query s_{t-1}, keys and values m)   models/attention.h; of the last layer's v[0]
 *	s_t = decoder cell([dropout(embedding(y_{t-1})); c_t], s_{t-1})
 *	p(y_t) = softmax(out(dropout([o_t; c_t])))          o_t: the last layer's output
 *
 * Without attention c_t is not there. `dropout` is also between recurrent layers, and after the source's embedding.
 *
 * Training, with symbols (S, B), (T, B) as index variables, y_in being y shifted by one with a first symbol before:
 *
 *	tl_seq2seq_result r = tl_seq2seq_run(model, x, lengths, y_in, true);
 *	tl_var loss = tl_cross_entropy(r.logits, y, &(tl_cross_entropy_options){...});
 *
 * Step by step, for search: tl_seq2seq_encode once, then tl_seq2seq_step; models/seq2seq_decode.h does it for
 * batches of sentences. Composed of public calls only.
 */
#ifndef TL_MODELS_SEQ2SEQ_H
#define TL_MODELS_SEQ2SEQ_H

#include "models/attention.h"
#include "models/bridge.h"
#include "models/encoder.h"

typedef struct tl_seq2seq_options {
	int64_t source_symbols, target_symbols;
	int64_t embed;               /* of both embeddings */
	const tl_cell *cell;         /* of encoder and decoder, ... */
	const tl_cell *decoder_cell; /* ... but if this is not NULL */
	int64_t hidden;              /* of the decoder's states, ... */
	int64_t encoder_hidden;      /* ... and of the encoder's in each direction, or convolutions; 0: hidden */
	int layers, decoder_layers;  /* 0: one; 0: layers */
	bool bidirectional;          /* the encoder */
	bool no_bias;                /* of recurrent layers in both */
	tl_rnn_options encoder_more; /* of its recurrent layers, besides the above */
	int64_t kernel;              /* > 0: the encoder is a stack of convolutions of this width */
	bool bridge;                 /* even where sizes agree */
	bool attention;
	tl_attention_score score; /* these as in tl_attention_options */
	int heads;
	int64_t attention_hidden;
	double dropout;
	/*
	 * In training the probability, for each row and step, that the decoder reads the likeliest symbol of its
	 * own last step in place of the given one: 1 - the rate of teacher forcing (scheduled sampling, Bengio,
	 * Vinyals, Jaitly, Shazeer, 2015). Drawn as dropout is, from the tape's counted numbers. It may be changed
	 * between runs.
	 */
	double own_rate;
} tl_seq2seq_options;

typedef struct tl_seq2seq {
	tl_seq2seq_options options; /* with the defaults filled in */
	tl_encoder *encoder;
	tl_bridge bridge;
	tl_embedding target;
	tl_attention *attention; /* NULL: none */
	tl_rnn *decoder;
	tl_dense out;
} tl_seq2seq;

/*
 * Parameters: "encoder.*", "bridge.*", "target.table", "attention.*", "decoder.*", "out.w", "out.b". NULL on error.
 */
TL_API tl_seq2seq *tl_seq2seq_new(tl_store *store, const tl_seq2seq_options *options, tl_error *err);
TL_API void tl_seq2seq_free(tl_seq2seq *model);
/* PyTorch's defaults, each layer's own. */
TL_API void tl_seq2seq_init(tl_seq2seq *model, tl_rng *rng);

/* All that a decoder knows of a source. */
typedef struct tl_seq2seq_memory {
	tl_attention_memory attention; /* unset without attention */
	tl_state first;                /* v[k]: (layers, B, size) */
} tl_seq2seq_memory;

/* source (S, B); row b has lengths[b] symbols, 0 to S; NULL: S. */
TL_API tl_seq2seq_memory tl_seq2seq_encode(
	const tl_seq2seq *model, tl_var source, const int64_t *lengths, bool training);

typedef struct tl_seq2seq_result {
	tl_var logits;  /* (B, V) of a step, (T, B, V) of a run */
	tl_state state; /* after it, as tl_seq2seq_memory.first */
	tl_var weights; /* of the attention: (S, B, N), (T, S, B, N); unset without */
} tl_seq2seq_result;

/* What may follow `previous` (B) int32 in a state; for use, not for training. */
TL_API tl_seq2seq_result tl_seq2seq_step(
	const tl_seq2seq *model, const tl_seq2seq_memory *memory, tl_var previous, tl_state state);

/* Teacher forcing: y_in (T, B). The product to the vocabulary is one over all steps (if own_rate is 0). */
TL_API tl_seq2seq_result tl_seq2seq_run(
	const tl_seq2seq *model, tl_var source, const int64_t *lengths, tl_var y_in, bool training);
/* The same from a memory at hand. */
TL_API tl_seq2seq_result tl_seq2seq_decode(
	const tl_seq2seq *model, const tl_seq2seq_memory *memory, tl_var y_in, bool training);

#endif
