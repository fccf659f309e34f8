/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting by sorting. All positions t of the text are sorted by (context, x_t); a level's order follows from
 * the one above by two stable counting sorts: of positions in order of x_t, by the symbol that the contexts
 * gain, then by the contexts that they had. So each level takes time proportional to the text.
 */
#include "models/ngram_levels.h"

#include <stdlib.h>

typedef struct counting {
	const int32_t *text;
	int32_t n, symbols;
	int32_t *by_symbol; /* positions, sorted by x_t */
	int32_t *sorted;    /* positions, sorted by (context, x_t) */
	int32_t *half;      /* between the two sorts */
	int32_t *context;   /* of a position, on the level that is done */
	int32_t *bins;      /* n + 2, and symbols + 2 at least */
} counting;

/* The symbol that stands k places before t; V before the text. */
static inline int32_t before(const counting *c, int32_t t, int k)
{
	return t >= k ? c->text[t - k] : c->symbols;
}

/* Stable: `from` to `to` by the symbol k places before (back >= 0), or by context (back < 0). */
static void sort(const counting *c, const int32_t *from, int32_t *to, int back, int64_t bins)
{
	for (int64_t i = 0; i <= bins; i++)
		c->bins[i] = 0;
	for (int32_t t = 0; t < c->n; t++)
		c->bins[(back < 0 ? c->context[t] : before(c, t, back)) + 1]++;
	for (int64_t i = 1; i <= bins; i++)
		c->bins[i] += c->bins[i - 1];
	for (int32_t i = 0; i < c->n; i++) {
		int32_t t = from ? from[i] : i;
		to[c->bins[back < 0 ? c->context[t] : before(c, t, back)]++] = t;
	}
}

static bool allocate(ngram_level *l, ngram_level *above)
{
	size_t contexts = (size_t)l->contexts, entries = (size_t)l->entries;
	l->entry = malloc((contexts + 1) * sizeof *l->entry);
	l->rest = malloc(contexts * sizeof *l->rest);
	l->symbol = malloc(entries * sizeof *l->symbol);
	l->count = calloc(entries, sizeof *l->count);
	l->share = malloc(entries * sizeof *l->share);
	if (above) {
		l->older = malloc(contexts * sizeof *l->older);
		above->child = malloc(((size_t)above->contexts + 1) * sizeof *above->child);
	}
	return l->entry && l->rest && l->symbol && l->count && l->share && (!above || (l->older && above->child));
}

/* Whether positions i - 1 and i of the order have the same context on level k. */
static bool same_context(const counting *c, int32_t i, int k)
{
	int32_t s = c->sorted[i - 1], t = c->sorted[i];
	return k == 0 || (c->context[s] == c->context[t] && before(c, s, k) == before(c, t, k));
}

/* Level k from the sorted positions, whose contexts are those of the level above, and then those of level k. */
static bool fill(counting *c, ngram_level *l, ngram_level *above, int k)
{
	for (int32_t i = 0; i < c->n; i++) {
		bool new = i == 0 || !same_context(c, i, k);
		l->contexts += new;
		l->entries += new || c->text[c->sorted[i - 1]] != c->text[c->sorted[i]];
	}
	if (!allocate(l, above))
		return false;
	int32_t context = -1, parent = -1, *id = c->half;
	int64_t entry = -1;
	for (int32_t i = 0; i < c->n; i++) {
		int32_t t = c->sorted[i];
		bool new = i == 0 || !same_context(c, i, k);
		if (new || c->text[c->sorted[i - 1]] != c->text[t])
			l->symbol[++entry] = c->text[t];
		l->count[entry]++;
		if (new) {
			l->entry[++context] = entry;
			if (above) {
				l->older[context] = before(c, t, k);
				while (parent < c->context[t])
					above->child[++parent] = context;
			}
		}
		id[t] = context;
	}
	l->entry[l->contexts] = l->entries;
	if (above)
		above->child[above->contexts] = l->contexts;
	c->half = c->context;
	c->context = id;
	return true;
}

static bool count(counting *c, tl_ngram *m)
{
	int64_t symbols = (int64_t)c->symbols + 1;
	sort(c, NULL, c->by_symbol, 0, symbols);
	for (int32_t i = 0; i < c->n; i++)
		c->sorted[i] = c->by_symbol[i];
	for (int k = 0; k < m->options.order; k++) {
		if (k > 0) {
			sort(c, c->by_symbol, c->half, k, symbols);
			sort(c, c->half, c->sorted, -1, m->level[k - 1].contexts);
		}
		if (!fill(c, &m->level[k], k ? &m->level[k - 1] : NULL, k))
			return false;
	}
	return true;
}

bool tl__ngram_count(tl_ngram *m, const int32_t *text, int64_t n)
{
	size_t size = (size_t)n * sizeof(int32_t);
	size_t bins = (size_t)(n > m->options.symbols ? n : m->options.symbols) + 2;
	counting c = {
		.text = text,
		.n = (int32_t)n,
		.symbols = (int32_t)m->options.symbols,
		.by_symbol = malloc(size),
		.sorted = malloc(size),
		.half = malloc(size),
		.context = malloc(size),
		.bins = malloc(bins * sizeof *c.bins),
	};
	bool done = c.by_symbol && c.sorted && c.half && c.context && c.bins && count(&c, m);
	free(c.by_symbol);
	free(c.sorted);
	free(c.half);
	free(c.context);
	free(c.bins);
	return done;
}
