/* SPDX-License-Identifier: Apache-2.0 */
#include "models/ngrams.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A power of two that is at least twice n: tables are never more than half full. */
static uint64_t table_size(int64_t n)
{
	uint64_t size = 16;
	while (size < 2 * (uint64_t)n)
		size *= 2;
	return size;
}

/* The last steps of MurmurHash3, by Austin Appleby: every bit of x moves every bit of the result. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 33) * 0xff51afd7ed558ccd;
	x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53;
	return x ^ x >> 33;
}

typedef struct ngram {
	int64_t number; /* 1 and up; 0: the entry is free */
	int64_t prefix; /* 0: nothing */
	int32_t symbol;
	int64_t seen_in;   /* the list that `count` is about */
	int64_t count;     /* in that list so far */
	int64_t most;      /* in any reference */
} ngram;

typedef struct table {
	ngram *v;
	uint64_t size;
	int64_t n;
} table;

static ngram *find(table *t, int64_t prefix, int32_t symbol)
{
	uint64_t at = mix(mix((uint64_t)prefix) ^ (uint32_t)symbol);
	for (;; at++) {
		ngram *g = &t->v[at & (t->size - 1)];
		if (g->number == 0) {
			assert(2 * (uint64_t)t->n < t->size);
			*g = (ngram){.number = ++t->n, .prefix = prefix, .symbol = symbol, .seen_in = -1};
		}
		if (g->prefix == prefix && g->symbol == symbol)
			return g;
	}
}

/* The n-gram as it stands in list number `list`, once more. */
static ngram *count(table *t, int64_t prefix, int32_t symbol, int64_t list)
{
	ngram *g = find(t, prefix, symbol);
	g->count = g->seen_in == list ? g->count + 1 : 1;
	g->seen_in = list;
	return g;
}

tl_status tl__ngrams_match(tl_symbols prediction, int64_t n_references, const tl_symbols *references, int orders,
	int64_t *matched, int64_t *total, tl_error *err)
{
	int64_t symbols = prediction.n;
	for (int64_t k = 0; k < n_references; k++)
		symbols += references[k].n;
	table t = {.size = table_size(symbols * orders)};
	t.v = calloc(t.size, sizeof *t.v);
	if (!t.v)
		return tl_error_memory(err);
	for (int64_t k = 0; k < n_references; k++)
		for (int64_t i = 0; i < references[k].n; i++) {
			int64_t prefix = 0;
			for (int64_t j = i; j < references[k].n && j < i + orders; j++) {
				ngram *g = count(&t, prefix, references[k].v[j], k);
				g->most = g->count > g->most ? g->count : g->most;
				prefix = g->number;
			}
		}
	for (int n = 0; n < orders; n++)
		matched[n] = total[n] = 0;
	for (int64_t i = 0; i < prediction.n; i++) {
		int64_t prefix = 0;
		for (int64_t j = i; j < prediction.n && j < i + orders; j++) {
			ngram *g = count(&t, prefix, prediction.v[j], n_references);
			matched[j - i] += g->count <= g->most;
			total[j - i]++;
			prefix = g->number;
		}
	}
	free(t.v);
	return TL_OK;
}

typedef struct word {
	const char *text;
	uint64_t hash;
	int32_t number;
} word;

/* FNV-1a (Fowler, Noll, Vo). */
static uint64_t hash_text(const char *text)
{
	uint64_t h = 0xcbf29ce484222325;
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3;
	return mix(h);
}

tl_status tl__words_number(
	int64_t n_lists, const char *const *const *lists, const int64_t *n, int32_t *to, tl_error *err)
{
	int64_t words = 0;
	int32_t numbers = 0;
	for (int64_t k = 0; k < n_lists; k++)
		words += n[k];
	uint64_t size = table_size(words);
	word *known = words <= INT32_MAX ? calloc(size, sizeof *known) : NULL;
	if (!known)
		return tl_error_memory(err);
	for (int64_t k = 0; k < n_lists; k++)
		for (int64_t i = 0; i < n[k]; i++) {
			const char *text = lists[k][i];
			uint64_t hash = hash_text(text), at = hash;
			word *w = &known[at & (size - 1)];
			while (w->text && (w->hash != hash || strcmp(w->text, text) != 0))
				w = &known[++at & (size - 1)];
			if (!w->text)
				*w = (word){text, hash, numbers++};
			*to++ = w->number;
		}
	free(known);
	return TL_OK;
}
