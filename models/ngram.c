/* SPDX-License-Identifier: Apache-2.0 */
#include "models/ngram.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "core/vmath.h"
#include "models/ngram_levels.h"

/* Counts of a lower order: how many contexts of the level below know the entry. */
static bool count_contexts(const tl_ngram *m, ngram_level *l, const ngram_level *below)
{
	int64_t *at = malloc((size_t)m->options.symbols * sizeof *at);
	if (!at)
		return false;
	for (int64_t i = 0; i < l->entries; i++)
		l->count[i] = 0;
	for (int64_t i = 0; i < l->contexts; i++) {
		for (int64_t k = l->entry[i]; k < l->entry[i + 1]; k++)
			at[l->symbol[k]] = k;
		for (int64_t k = below->entry[l->child[i]]; k < below->entry[l->child[i + 1]]; k++)
			l->count[at[below->symbol[k]]]++;
	}
	free(at);
	return true;
}

/* D(0..3); j / 2 where so few n-grams are rare that the estimate makes no sense. */
static void discounts(const ngram_level *l, double d[4])
{
	double seen[5] = {0};
	for (int64_t i = 0; i < l->entries; i++)
		if (l->count[i] < 5)
			seen[l->count[i]]++;
	d[0] = 0;
	for (int j = 1; j < 4; j++) {
		d[j] = j - (j + 1) * seen[1] / (seen[1] + 2 * seen[2]) * seen[j + 1] / seen[j];
		if (!(d[j] > 0 && d[j] < j))
			d[j] = j / 2.0;
	}
}

static void estimate(ngram_level *l)
{
	double d[4];
	discounts(l, d);
	for (int64_t i = 0; i < l->contexts; i++) {
		double sum = 0, left = 0;
		for (int64_t k = l->entry[i]; k < l->entry[i + 1]; k++)
			sum += l->count[k];
		for (int64_t k = l->entry[i]; k < l->entry[i + 1]; k++) {
			double off = d[l->count[k] < 3 ? l->count[k] : 3];
			l->share[k] = (float)((l->count[k] - off) / sum);
			left += off;
		}
		l->rest[i] = (float)(left / sum);
	}
}

static tl_status check(const tl_ngram_options *o, const int32_t *text, int64_t n, tl_error *err)
{
	if (o->order < 1 || o->order > TL_NGRAM_MOST)
		return tl_error_set(err, TL_ERR_ARGUMENT, "ngram: the order must be 1 to %d, not %d", TL_NGRAM_MOST, o->order);
	if (o->symbols < 1 || o->symbols > INT32_MAX - 2)
		return tl_error_set(err, TL_ERR_ARGUMENT, "ngram: there cannot be %" PRId64 " symbols", o->symbols);
	if (n < 1 || n > INT32_MAX - 2)
		return tl_error_set(err, TL_ERR_SHAPE, "ngram: a text of %" PRId64 " symbols cannot be counted", n);
	for (int64_t i = 0; i < n; i++)
		if (text[i] < 0 || text[i] >= o->symbols)
			return tl_error_set(err, TL_ERR_INDEX, "ngram: symbol %" PRId64 " of the text is %d, not in 0..%" PRId64,
				i, (int)text[i], o->symbols - 1);
	return TL_OK;
}

tl_ngram *tl_ngram_new(const tl_ngram_options *o, const int32_t *text, int64_t n, tl_error *err)
{
	if (check(o, text, n, err))
		return NULL;
	tl_ngram *m = calloc(1, sizeof *m);
	bool done = m != NULL;
	if (done) {
		m->options = *o;
		done = tl__ngram_count(m, text, n);
	}
	for (int k = 0; done && k < o->order - 1; k++)
		done = count_contexts(m, &m->level[k], &m->level[k + 1]);
	for (int k = 0; done && k < o->order; k++)
		estimate(&m->level[k]);
	if (done)
		return m;
	tl_error_memory(err);
	tl_ngram_free(m);
	return NULL;
}

void tl_ngram_free(tl_ngram *m)
{
	for (int k = 0; m && k < m->options.order; k++) {
		ngram_level *l = &m->level[k];
		free(l->entry);
		free(l->child);
		free(l->older);
		free(l->symbol);
		free(l->count);
		free(l->share);
		free(l->rest);
	}
	free(m);
}

const tl_ngram_options *tl_ngram_get_options(const tl_ngram *m)
{
	return &m->options;
}

int64_t tl_ngram_size(const tl_ngram *m)
{
	int64_t size = 0;
	for (int k = 0; k < m->options.order; k++)
		size += m->level[k].entries;
	return size;
}

/* Where x stands among rising numbers at[from..end), or -1. */
static int64_t find(const int32_t *at, int64_t from, int64_t end, int32_t x)
{
	while (from < end) {
		int64_t middle = from + (end - from) / 2;
		if (at[middle] == x)
			return middle;
		if (at[middle] < x)
			from = middle + 1;
		else
			end = middle;
	}
	return -1;
}

/* The context on the next level that has one symbol more of the text, or -1. */
static int64_t longer(const tl_ngram *m, int k, int64_t i, const int32_t *context, int64_t n)
{
	if (k + 1 >= m->options.order)
		return -1;
	const ngram_level *l = &m->level[k];
	int32_t older = n > k ? context[n - 1 - k] : (int32_t)m->options.symbols;
	return find(m->level[k + 1].older, l->child[i], l->child[i + 1], older);
}

double tl_ngram_log_p(const tl_ngram *m, const int32_t *context, int64_t n, int32_t symbol)
{
	if (symbol < 0 || symbol >= m->options.symbols)
		return -INFINITY;
	double p = 1.0 / (double)m->options.symbols;
	int64_t i = 0;
	for (int k = 0; i >= 0; i = longer(m, k++, i, context, n)) {
		const ngram_level *l = &m->level[k];
		int64_t at = find(l->symbol, l->entry[i], l->entry[i + 1], symbol);
		p = (double)l->rest[i] * p + (at >= 0 ? (double)l->share[at] : 0);
	}
	return log(p);
}

void tl_ngram_next(const tl_ngram *m, const int32_t *context, int64_t n, tl_real *log_p)
{
	int64_t symbols = m->options.symbols, i = 0;
	for (int64_t v = 0; v < symbols; v++)
		log_p[v] = (tl_real)(1.0 / (double)symbols);
	for (int k = 0; i >= 0; i = longer(m, k++, i, context, n)) {
		const ngram_level *l = &m->level[k];
		for (int64_t v = 0; v < symbols; v++)
			log_p[v] *= (tl_real)l->rest[i];
		for (int64_t at = l->entry[i]; at < l->entry[i + 1]; at++)
			log_p[l->symbol[at]] += (tl_real)l->share[at];
	}
	tl__vlog(symbols, log_p, log_p);
}
