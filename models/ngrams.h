/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matching n-grams of a prediction with those of references. Not installed. An n-gram is known by a number
 * that a hash table gives to (the number of its first n - 1 symbols, its last symbol): no n-gram is stored or
 * compared as a whole, so time and memory are linear in the symbols.
 */
#ifndef TL_MODELS_NGRAMS_H
#define TL_MODELS_NGRAMS_H

#include <stdint.h>

#include "core/status.h"

typedef struct tl_symbols {
	const int32_t *v;
	int64_t n;
} tl_symbols;

/*
 * For n = 1..orders: total[n-1] is how many n-grams the prediction has, matched[n-1] how many of them are in a
 * reference, each at most as often as in the reference that has it most often.
 */
tl_status tl__ngrams_match(tl_symbols prediction, int64_t n_references, const tl_symbols *references, int orders,
	int64_t *matched, int64_t *total, tl_error *err);

/* The same number for equal strings; `to` has room for all words of `lists` in turn. */
tl_status tl__words_number(
	int64_t n_lists, const char *const *const *lists, const int64_t *n, int32_t *to, tl_error *err);

#endif
