/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BLEU (Papineni, Roukos, Ward, Zhu, 2002), twice. Both compare n-grams; each counts as matched at most as
 * often as it stands in a reference.
 *
 * Of a corpus, as sacrebleu 2.6.0 computes it with tokenize='none' and its defaults: over all sentences
 *
 *	p_n = matched n-grams / n-grams of the hypotheses, n = 1..4
 *	BLEU = 100 BP (p_1 p_2 p_3 p_4)^(1/4)     BP = min(1, exp(1 - ref_len / hyp_len))
 *
 * ref_len adds up, for each sentence, the length of the reference that is closest to the hypothesis's (the
 * shorter of two). The i-th order without a match has p_n = 1 / (2^i n-grams) instead of 0 ("exp" smoothing);
 * BLEU is 0 where no order has one, or where no sentence has n-grams of some order. Sentences may have
 * different numbers of references.
 *
 *	tl_bleu b = {0};
 *	for (each sentence)
 *		tl_bleu_add(&b, hypothesis, n_references, references, &err);
 *	char line[TL_BLEU_TEXT];
 *	puts(tl_bleu_text(&b, line, sizeof line));
 *
 * Of one pair, as textbooks have it: exp(min(0, 1 - len_label / len_prediction)) prod_{n=1..k} p_n^(1/2^n).
 */
#ifndef TL_MODELS_BLEU_H
#define TL_MODELS_BLEU_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

#define TL_BLEU_ORDERS 4
#define TL_BLEU_TEXT 256

/* A sentence cut into words, which may be any strings. */
typedef struct tl_words {
	const char *const *v;
	int64_t n;
} tl_words;

/* Zero-initialise. Holds no memory; what two of them counted can be added up. */
typedef struct tl_bleu {
	int64_t matched[TL_BLEU_ORDERS], total[TL_BLEU_ORDERS];
	int64_t hyp_len, ref_len;
	int64_t sentences;
	int64_t min_refs, max_refs; /* references that sentences had */
} tl_bleu;

/*
 * Count a sentence. Takes time and memory in proportion to the words. TL_ERR_ARGUMENT without a reference
 * (one without words is fine), TL_ERR_MEMORY.
 */
TL_API tl_status tl_bleu_add(
	tl_bleu *b, tl_words hypothesis, int64_t n_references, const tl_words *references, tl_error *err);

typedef struct tl_bleu_parts {
	double precision[TL_BLEU_ORDERS]; /* in percent, smoothed */
	double brevity;                   /* BP */
	double ratio;                     /* hyp_len / ref_len; 0 without references' words */
} tl_bleu_parts;

/* In percent; parts may be NULL. */
TL_API double tl_bleu_score(const tl_bleu *b, tl_bleu_parts *parts);
/* "BLEU = 44.54 72.1/51.0/38.2/28.9 (BP = 0.981 ratio = 0.981 hyp_len = 7051 ref_len = 7187)"; returns buf. */
TL_API const char *tl_bleu_text(const tl_bleu *b, char *buf, size_t size);
/* "nrefs:var|case:mixed|eff:no|tok:none|smooth:exp|version:2.6.0", nrefs a number where all have as many. */
TL_API const char *tl_bleu_signature(const tl_bleu *b, char *buf, size_t size);

#define TL_BLEU_TEXTBOOK_ORDERS 16

/*
 * From 0 to 1, 0 where some p_n is 0 or there is no n-gram. p takes p_1..p_k, or is NULL. TL_ERR_ARGUMENT for
 * a k outside 1..TL_BLEU_TEXTBOOK_ORDERS.
 */
TL_API tl_status tl_bleu_textbook(int64_t n_prediction, const int32_t *prediction, int64_t n_label,
	const int32_t *label, int k, double *score, double *p, tl_error *err);

#endif
