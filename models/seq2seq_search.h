/* SPDX-License-Identifier: Apache-2.0 */
/* What a search keeps from step to step (models/seq2seq_decode.h). Not installed. */
#ifndef TL_MODELS_SEQ2SEQ_SEARCH_H
#define TL_MODELS_SEQ2SEQ_SEARCH_H

#include "models/seq2seq_decode.h"

/* What an array of the memory has for one source: (S, B, columns), or unset. */
typedef struct tl__source_array {
	tl_real *data;
	int64_t columns;
} tl__source_array;

enum { TL__KEYS, TL__VALUES, TL__BIAS, TL__ARRAYS };

struct tl_seq2seq_search {
	const tl_seq2seq *model;
	tl_tape *tape;
	tl_function_cache *steps_of; /* rows; the search's own if none was given */
	bool own_steps;
	int64_t steps, batch; /* S, B */
	tl__source_array memory[TL__ARRAYS];
	tl_tensor state[TL_MAX_STATES]; /* (layers, capacity rows, size), those of `rows` rows in use */
	tl_real *next[TL_MAX_STATES];   /* the same for the next step */
	int64_t rows, capacity;         /* rows of the last step; at first the sources themselves */
	int32_t *source_of;             /* [capacity]: of each row */
	int32_t *symbol, *from, *index; /* [capacity] and [S * capacity]: what a step reads */
	tl_real *weights;               /* (S, rows, N) */
	int64_t weights_size;
};

/*
 * A step for `all` rows, whose symbols, states and sources stand in s. The function's outputs are log p, the states,
 * and with attention its weights. NULL on an error.
 */
tl_function *tl__seq2seq_compute(tl_seq2seq_search *s, int64_t all, tl_error *err);

#endif
