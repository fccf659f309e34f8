/* SPDX-License-Identifier: Apache-2.0 */
#include "models/beam_result.h"

#include <assert.h>
#include <stdlib.h>

tl_status tl__beam_ends_init(tl_beam_ends *e, int64_t sentences, int64_t width, tl_error *err)
{
	*e = (tl_beam_ends){.sentences = sentences, .width = width};
	e->n = calloc((size_t)sentences + 1, sizeof *e->n);
	e->v = calloc((size_t)(sentences * width) + 1, sizeof *e->v);
	return e->n && e->v ? TL_OK : tl_error_memory(err);
}

void tl__beam_ends_release(tl_beam_ends *e)
{
	free(e->n);
	free(e->v);
	free(e->trail);
}

tl_status tl__beam_extend(tl_beam_ends *e, int64_t *node, int32_t symbol, tl_error *err)
{
	if (e->trail_n == e->trail_room) {
		int64_t room = e->trail_room ? 2 * e->trail_room : 1024;
		tl_beam_trail *more = realloc(e->trail, (size_t)room * sizeof *more);
		if (!more)
			return tl_error_memory(err);
		e->trail = more;
		e->trail_room = room;
	}
	e->trail[e->trail_n] = (tl_beam_trail){*node, symbol};
	*node = e->trail_n++;
	return TL_OK;
}

void tl__beam_end(tl_beam_ends *e, int64_t sentence, tl_beam_end end)
{
	assert(e->n[sentence] < e->width);
	end.order = e->n[sentence]++;
	e->v[sentence * e->width + end.order] = end;
}

static int by_score(const void *pa, const void *pb)
{
	const tl_beam_end *a = pa, *b = pb;
	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

/* The public part first: a pointer to it is one to all. */
typedef struct result {
	tl_beam_result public;
	tl_beam_list *lists;
	tl_hypothesis *v;
	int32_t *symbols;
} result;

void tl_beam_result_free(tl_beam_result *public)
{
	result *r = (result *)public;
	if (!r)
		return;
	free(r->lists);
	free(r->v);
	free(r->symbols);
	free(r);
}

static void copy_symbols(const tl_beam_ends *e, int64_t node, int32_t *to, int64_t n)
{
	for (int64_t k = n - 1; k >= 0; k--, node = e->trail[node].before)
		to[k] = e->trail[node].symbol;
	assert(node == -1);
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

tl_beam_result *tl__beam_collect(tl_beam_ends *e, int64_t n_best, tl_error *err)
{
	int64_t count = 0, symbols = 0;
	for (int64_t b = 0; b < e->sentences; b++) {
		tl_beam_end *v = e->v + b * e->width;
		qsort(v, (size_t)e->n[b], sizeof *v, by_score);
		count += least(e->n[b], n_best);
		for (int64_t k = 0; k < least(e->n[b], n_best); k++)
			symbols += v[k].length - v[k].ended;
	}
	result *r = calloc(1, sizeof *r);
	if (!r || !(r->lists = calloc((size_t)e->sentences + 1, sizeof *r->lists)) ||
		!(r->v = calloc((size_t)count + 1, sizeof *r->v)) ||
		!(r->symbols = calloc((size_t)symbols + 1, sizeof *r->symbols))) {
		tl_beam_result_free(r ? &r->public : NULL);
		tl_error_memory(err);
		return NULL;
	}
	tl_hypothesis *h = r->v;
	int32_t *to = r->symbols;
	for (int64_t b = 0; b < e->sentences; b++) {
		const tl_beam_end *v = e->v + b * e->width;
		r->lists[b] = (tl_beam_list){h, least(e->n[b], n_best)};
		for (int64_t k = 0; k < r->lists[b].n; k++, h++) {
			int64_t n = v[k].length - v[k].ended;
			copy_symbols(e, v[k].node, to, n);
			*h = (tl_hypothesis){to, n, v[k].length, v[k].ended, v[k].log_p, v[k].score};
			to += n;
		}
	}
	r->public = (tl_beam_result){e->sentences, r->lists};
	return &r->public;
}
