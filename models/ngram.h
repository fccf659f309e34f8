/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A language model that counts: interpolated modified Kneser-Ney (Chen, Goodman, "An empirical study of smoothing
 * techniques for language modeling", 1999). With c the last k symbols and c' the last k - 1 of them,
 *
 *	p(v | c) = max(0, N(c v) - D(N(c v))) / N(c .) + rest(c) p(v | c'),   p(v) at the bottom mixed with 1 / V
 *
 * where N counts, in the highest order, how often c v stands in the text, and in lower ones how many different
 * symbols stand before it. The discounts D(1), D(2), D(3 and more) of each order follow from how many n-grams
 * were seen once to four times. rest(c) is what is discounted, so p(. | c) sums to 1 and is never 0.
 *
 * Nothing is trained: the model is made of a text. Time and memory grow with length times order. Used as tl_lm is
 * (models/lm.h), through tl_ngram_run.
 */
#ifndef TL_MODELS_NGRAM_H
#define TL_MODELS_NGRAM_H

#include <stdint.h>

#include "models/lm.h"

#define TL_NGRAM_MOST 32

typedef struct tl_ngram_options {
	int64_t symbols; /* V */
	int order;       /* n: a symbol and n - 1 before it; 1 to TL_NGRAM_MOST */
} tl_ngram_options;

typedef struct tl_ngram tl_ngram;

/* Counts the n symbols of a text, each in 0..V-1, which is not kept. NULL on error. */
TL_API tl_ngram *tl_ngram_new(const tl_ngram_options *options, const int32_t *text, int64_t n, tl_error *err);
TL_API void tl_ngram_free(tl_ngram *model); /* NULL is fine */
TL_API const tl_ngram_options *tl_ngram_get_options(const tl_ngram *model);
/* How many different n-grams of all orders it knows. */
TL_API int64_t tl_ngram_size(const tl_ngram *model);

/*
 * log p(symbol | context[0..n)), of which the last order - 1 symbols count; where there are fewer, the text begins
 * there. Symbols that are not in 0..V-1 were never seen: as context they end it, as symbol they have log p -inf.
 */
TL_API double tl_ngram_log_p(const tl_ngram *model, const int32_t *context, int64_t n, int32_t symbol);
/* The same for all V symbols at once. */
TL_API void tl_ngram_next(const tl_ngram *model, const int32_t *context, int64_t n, tl_real *log_p);

/*
 * As tl_lm_run: symbols (T, B) -> log p of the next ones (T, B, V), from the model, which must outlive the tape's nodes. The state is
 * v[0] (order - 1, B), the last symbols as real numbers; V stands before a text. With order 1 there is none. No
 * gradient flows through.
 */
TL_API tl_lm_result tl_ngram_run(const tl_ngram *model, tl_var symbols, tl_state initial);

#endif
