/* SPDX-License-Identifier: Apache-2.0 */
/* The two layers that every sequence model needs besides the recurrent one. */
#ifndef TL_MODELS_LAYERS_H
#define TL_MODELS_LAYERS_H

#include "core/random.h"
#include "graph/tape.h"
#include "optim/store.h"

/*
 * y = x w + b, w (input, output). Small enough to be a value; its parameters belong to the store, and are zeros until
 * tl_dense_init or a file sets them.
 */
typedef struct tl_dense {
	tl_param *w, *b;
} tl_dense;

TL_API tl_status tl_dense_add(
	tl_dense *layer, tl_store *store, const char *name, int64_t input, int64_t output, tl_error *err);
/* PyTorch's default: both uniform in +-1/sqrt(input). */
TL_API void tl_dense_init(tl_dense *layer, tl_rng *rng);
/* x (..., input) -> (..., output) */
TL_API tl_var tl_dense_run(const tl_dense *layer, tl_var x);

/* A row of a table (symbols, size) for each index, zeros as above; of size 0: a row of the identity (one-hot). */
typedef struct tl_embedding {
	tl_param *table; /* NULL: one-hot */
	int64_t symbols;
} tl_embedding;

TL_API tl_status tl_embedding_add(
	tl_embedding *layer, tl_store *store, const char *name, int64_t symbols, int64_t size, tl_error *err);
/* PyTorch's default: normal with mean 0 and variance 1. */
TL_API void tl_embedding_init(tl_embedding *layer, tl_rng *rng);
/* index (...) -> (..., tl_embedding_size) */
TL_API tl_var tl_embedding_run(const tl_embedding *layer, tl_var index);
TL_API int64_t tl_embedding_size(const tl_embedding *layer);

#endif
