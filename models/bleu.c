/* SPDX-License-Identifier: Apache-2.0 */
#include "models/bleu.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "models/ngrams.h"

/* The length of the reference that is closest to n, the shorter of two. */
static int64_t closest(int64_t n, int64_t n_references, const tl_words *references)
{
	int64_t best = references[0].n;
	for (int64_t k = 1; k < n_references; k++) {
		int64_t length = references[k].n, off = llabs(length - n), least = llabs(best - n);
		if (off < least || (off == least && length < best))
			best = length;
	}
	return best;
}

/* The hypothesis and the references after it as lists of numbers. */
typedef struct numbered {
	const char *const **texts;
	int64_t *n;
	tl_symbols *lists;
	int32_t *symbols;
} numbered;

static tl_status number_words(
	numbered *l, tl_words hypothesis, int64_t n_references, const tl_words *references, tl_error *err)
{
	size_t lists = (size_t)n_references + 1;
	int64_t words = 0;
	l->texts = calloc(lists, sizeof *l->texts);
	l->n = calloc(lists, sizeof *l->n);
	l->lists = calloc(lists, sizeof *l->lists);
	if (!l->texts || !l->n || !l->lists)
		return tl_error_memory(err);
	for (size_t k = 0; k < lists; k++) {
		const tl_words *from = k ? &references[k - 1] : &hypothesis;
		l->texts[k] = from->v;
		l->n[k] = from->n;
		words += from->n;
	}
	l->symbols = calloc((size_t)words + 1, sizeof *l->symbols);
	if (!l->symbols)
		return tl_error_memory(err);
	const int32_t *symbols = l->symbols;
	for (size_t k = 0; k < lists; k++) {
		l->lists[k] = (tl_symbols){symbols, l->n[k]};
		symbols += l->n[k];
	}
	return tl__words_number((int64_t)lists, l->texts, l->n, l->symbols, err);
}

tl_status tl_bleu_add(
	tl_bleu *b, tl_words hypothesis, int64_t n_references, const tl_words *references, tl_error *err)
{
	if (n_references < 1)
		return tl_error_set(
			err, TL_ERR_ARGUMENT, "BLEU: sentence %" PRId64 " has no reference", b->sentences + 1);
	int64_t matched[TL_BLEU_ORDERS], total[TL_BLEU_ORDERS];
	numbered l = {0};
	tl_status status = number_words(&l, hypothesis, n_references, references, err);
	if (!status)
		status = tl__ngrams_match(
			l.lists[0], n_references, l.lists + 1, TL_BLEU_ORDERS, matched, total, err);
	free(l.texts);
	free(l.n);
	free(l.lists);
	free(l.symbols);
	if (status)
		return status;
	for (int n = 0; n < TL_BLEU_ORDERS; n++) {
		b->matched[n] += matched[n];
		b->total[n] += total[n];
	}
	b->hyp_len += hypothesis.n;
	b->ref_len += closest(hypothesis.n, n_references, references);
	b->min_refs = b->sentences && b->min_refs < n_references ? b->min_refs : n_references;
	b->max_refs = b->max_refs > n_references ? b->max_refs : n_references;
	b->sentences++;
	return TL_OK;
}

double tl_bleu_score(const tl_bleu *b, tl_bleu_parts *parts)
{
	tl_bleu_parts p = {.brevity = 1, .ratio = b->ref_len ? (double)b->hyp_len / (double)b->ref_len : 0};
	if (b->hyp_len < b->ref_len)
		p.brevity = b->hyp_len ? exp(1 - (double)b->ref_len / (double)b->hyp_len) : 0;
	double log_sum = 0, smooth = 1;
	bool any = false, all = true;
	for (int n = 0; n < TL_BLEU_ORDERS; n++)
		any |= b->matched[n] > 0;
	for (int n = 0; n < TL_BLEU_ORDERS && any; n++) {
		double total = (double)b->total[n];
		all &= b->total[n] > 0;
		if (!all)
			break;
		p.precision[n] = 100 * (b->matched[n] ? (double)b->matched[n] : 1 / (smooth *= 2)) / total;
		log_sum += log(p.precision[n]);
	}
	if (parts)
		*parts = p;
	return any && all ? p.brevity * exp(log_sum / TL_BLEU_ORDERS) : 0;
}

const char *tl_bleu_text(const tl_bleu *b, char *buf, size_t size)
{
	tl_bleu_parts p;
	double score = tl_bleu_score(b, &p);
	snprintf(buf, size,
		"BLEU = %.2f %.1f/%.1f/%.1f/%.1f (BP = %.3f ratio = %.3f hyp_len = %" PRId64 " ref_len = %" PRId64
		")",
		score, p.precision[0], p.precision[1], p.precision[2], p.precision[3], p.brevity, p.ratio,
		b->hyp_len, b->ref_len);
	return buf;
}

const char *tl_bleu_signature(const tl_bleu *b, char *buf, size_t size)
{
	char nrefs[24] = "var";
	if (b->min_refs == b->max_refs)
		snprintf(nrefs, sizeof nrefs, "%" PRId64, b->min_refs);
	snprintf(buf, size, "nrefs:%s|case:mixed|eff:no|tok:none|smooth:exp|version:2.6.0", nrefs);
	return buf;
}

tl_status tl_bleu_textbook(int64_t n_prediction, const int32_t *prediction, int64_t n_label, const int32_t *label,
	int k, double *score, double *p, tl_error *err)
{
	int64_t matched[TL_BLEU_TEXTBOOK_ORDERS], total[TL_BLEU_TEXTBOOK_ORDERS];
	if (k < 1 || k > TL_BLEU_TEXTBOOK_ORDERS)
		return tl_error_set(
			err, TL_ERR_ARGUMENT, "BLEU: k is %d, not one of 1..%d", k, TL_BLEU_TEXTBOOK_ORDERS);
	tl_symbols of_label = {label, n_label};
	if (tl__ngrams_match((tl_symbols){prediction, n_prediction}, 1, &of_label, k, matched, total, err))
		return TL_ERR_MEMORY;
	*score = n_prediction ? exp(fmin(0, 1 - (double)n_label / (double)n_prediction)) : 0;
	for (int n = 0; n < k; n++) {
		double precision = total[n] ? (double)matched[n] / (double)total[n] : 0;
		*score *= pow(precision, ldexp(1, -(n + 1)));
		if (p)
			p[n] = precision;
	}
	return TL_OK;
}
