/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader of symbols: from a source (S, B) to vectors m_1..m_S, the memory, and final states. Either recurrent,
 *
 *	embedding -> dropout -> any cell, any number of layers, one or both directions
 *
 * with the last layer's outputs as memory, or, where `kernel` > 0, a stack of convolutions over time (ops/conv.h),
 *
 *	embedding -> dropout -> tanh(conv), as wide as the source, `layers` times, dropout between them
 *
 * whose final state is the mean of the memory over the source.
 */
#ifndef TL_MODELS_ENCODER_H
#define TL_MODELS_ENCODER_H

#include "models/layers.h"
#include "models/rnn.h"

typedef struct tl_encoder_options {
	int64_t symbols;
	int64_t embed;       /* 0: one-hot */
	const tl_cell *cell; /* not read for convolutions */
	int64_t hidden;      /* H: size of each state, or columns of a convolution */
	int layers;          /* 0: one */
	bool bidirectional;
	int64_t kernel; /* K: steps that a convolution reads; 0: recurrent */
	double dropout;
	tl_rnn_options more; /* of the recurrent layers, besides the above: starts, zoneout, truncation, ... */
} tl_encoder_options;

typedef struct tl_encoder {
	tl_encoder_options options;
	tl_embedding embedding;
	tl_rnn *rnn;      /* NULL: convolutions */
	tl_param **convs; /* of layer j: convs[2 j] = w (K, columns, H), convs[2 j + 1] = b (H) */
} tl_encoder;

/*
 * Parameters: "NAME.embed.table", and "NAME.lJ.PARAM" of the recurrent net (models/rnn.h), or "NAME.lJ.w" and ".b".
 * NULL on error.
 */
TL_API tl_encoder *tl_encoder_new(
	tl_store *store, const char *name, const tl_encoder_options *options, tl_error *err);
TL_API void tl_encoder_free(tl_encoder *encoder);
/* PyTorch's defaults. */
TL_API void tl_encoder_init(tl_encoder *encoder, tl_rng *rng);

/* What it hands on: columns of the memory; states, layers and size of the final ones, directions side by side. */
TL_API int64_t tl_encoder_size(const tl_encoder *encoder);
TL_API int tl_encoder_states(const tl_encoder *encoder);
TL_API int tl_encoder_layers(const tl_encoder *encoder);
TL_API int64_t tl_encoder_state_size(const tl_encoder *encoder, int k);

typedef struct tl_encoded {
	tl_var memory; /* (S, B, size), zero behind a row's end */
	tl_state last; /* v[k]: (layers, B, tl_encoder_state_size(k)), after each row's own last symbol */
} tl_encoded;

/* symbols (S, B) int32; row b has lengths[b], 0 to S; NULL: S. */
TL_API tl_encoded tl_encoder_run(const tl_encoder *encoder, tl_var symbols, const int64_t *lengths, bool training);

#endif
