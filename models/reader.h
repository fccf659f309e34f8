/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A net that reads a sequence of symbols, or of vectors, and says something about each of them (a tagger: many to
 * many, in step) or about all of it (a classifier: many to one):
 *
 *	tagger      embedding -> dropout -> recurrent layers ------------> dropout -> dense
 *	classifier  embedding -> dropout -> recurrent layers -> pooling -> dropout -> dense
 *
 * In two directions a label depends on what stands before and behind its symbol. Vectors (a series' values, pictures
 * row by row) go into the recurrent layers as they are. The L numbers that come out are labels' logits, or whatever
 * the loss makes of them: tl_mse finds values. T steps, B sequences, V symbols; pooling as models/pool.h has it.
 * Composed of public calls only.
 *
 *	tl_var logits = tl_reader_tag(reader, words, lengths, true);
 *	tl_var loss = tl_cross_entropy(
 *		logits, tags, &(tl_cross_entropy_options){.has_ignore = true, .ignore_index = -100});
 *
 * where tags is -100 behind the end of a sentence: the mean is then over real words.
 */
#ifndef TL_MODELS_READER_H
#define TL_MODELS_READER_H

#include "models/layers.h"
#include "models/pool.h"

typedef struct tl_reader_options {
	int64_t symbols;    /* V; 0: vectors, of size `embed` */
	int64_t labels;     /* L */
	int64_t embed;      /* size of the embedding; 0: one-hot input */
	double dropout;     /* of embedded symbols, and of what the dense layer reads, in training */
	tl_rnn_options rnn; /* `input` follows from `embed`, and nothing is batch first */
} tl_reader_options;

typedef struct tl_reader {
	tl_reader_options options;
	tl_embedding input;
	tl_rnn *rnn;
	tl_dense output;
} tl_reader;

/* Adds the parameters "embed.table" (of symbols), "rnn.lJ.*", "out.w", "out.b" to the store. NULL on error. */
TL_API tl_reader *tl_reader_new(tl_store *store, const tl_reader_options *options, tl_error *err);
TL_API void tl_reader_free(tl_reader *reader); /* NULL is fine */
/* Each layer's default initialisation. */
TL_API void tl_reader_init(tl_reader *reader, tl_rng *rng);

/*
 * x (T, B) int32, or (T, B, embed) -> logits (T, B, L). Sequence b has lengths[b] steps, from 0 to T; behind them any
 * symbol will do, and logits there mean nothing. NULL: all have T. `training` switches dropout on.
 */
TL_API tl_var tl_reader_tag(const tl_reader *reader, tl_var x, const int64_t *lengths, bool training);

/* The same for sequences as wholes: logits (B, L). */
TL_API tl_var tl_reader_classify(
	const tl_reader *reader, tl_var x, const int64_t *lengths, tl_pool_rule pool, bool training);

#endif
