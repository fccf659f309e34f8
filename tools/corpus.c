/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/corpus.h"

#include <inttypes.h>
#include <stdlib.h>

static void split(corpus *c, const double percent[3])
{
	int64_t from = 0;
	for (int k = 0; k < PARTS; k++) {
		int64_t size = (int64_t)((double)c->n * percent[k] / 100);
		bool rest = k == TEST && percent[k] > 0 && percent[0] + percent[1] + percent[2] > 99.999;
		if (rest || size > c->n - from || size < 0)
			size = c->n - from;
		c->part[k] = c->ids ? c->ids + from : NULL;
		c->size[k] = size;
		from += size;
	}
}

static tl_status build_vocab(vocab *v, const corpus *c, const corpus_options *o, const tokens *t, tl_error *err)
{
	bool unknown = o->unit == UNIT_WORD || o->lowercase_letters || o->min_count > 1;
	int64_t least = o->min_count > 1 ? o->min_count : 1;
	tl_status status = vocab_build(v, t->v, c->size[TRAIN], unknown ? FRONT_UNKNOWN : FRONT_NONE, least, err);
	for (int64_t i = c->size[TRAIN]; !status && !unknown && i < t->n; i++)
		unknown = vocab_find(v, t->v[i]) < 0;
	if (!status && unknown && !v->has_unknown) {
		vocab_release(v);
		status = vocab_build(v, t->v, c->size[TRAIN], FRONT_UNKNOWN, least, err);
	}
	return status;
}

static tl_status encode(corpus *c, const corpus_options *o, vocab *v, const tokens *t, tl_error *err)
{
	c->n = t->n;
	split(c, o->split);
	if (!v->n && c->size[TRAIN] == 0)
		return tl_error_set(err, TL_ERR_FORMAT, "%s: no text is left to train on", o->path);
	tl_status status = v->n ? TL_OK : build_vocab(v, c, o, t, err);
	if (status)
		return status;
	c->ids = malloc((size_t)(t->n + 1) * sizeof *c->ids);
	if (!c->ids)
		return tl_error_memory(err);
	split(c, o->split);
	return vocab_encode(v, o->path, t->v, t->n, c->ids, err);
}

tl_status corpus_read(corpus *c, const corpus_options *o, vocab *v, tl_error *err)
{
	*c = (corpus){0};
	text text;
	tl_status status = text_read(&text, o->path, err);
	if (status)
		return status;
	if (o->lowercase_letters)
		text_lowercase_letters(&text);
	tokens t;
	status = text_cut(&text, o->unit, o->limit, &t, err);
	if (!status)
		status = encode(c, o, v, &t, err);
	tokens_release(&t);
	text_release(&text);
	if (status)
		corpus_release(c);
	return status;
}

void corpus_release(corpus *c)
{
	free(c->ids);
	*c = (corpus){0};
}

tl_status windows_init(
	windows *w, const char *name, const int32_t *ids, int64_t n, int64_t batch, int64_t length, tl_error *err)
{
	int64_t stretch = n > 0 ? (n - 1) / batch : 0;
	*w = (windows){ids, batch, length, stretch, stretch / length};
	if (w->count > 0)
		return TL_OK;
	return tl_error_set(err, TL_ERR_SHAPE,
		"%s has %" PRId64 " tokens, too few for one window of --batch %" PRId64 " rows and --length %" PRId64
		": at least %" PRId64 " are needed",
		name, n, batch, length, batch * length + 1);
}

void windows_get(const windows *w, int64_t k, int32_t *x, int32_t *y)
{
	for (int64_t t = 0; t < w->length; t++)
		for (int64_t b = 0; b < w->rows; b++) {
			const int32_t *at = w->ids + b * w->stretch + k * w->length + t;
			x[t * w->rows + b] = at[0];
			y[t * w->rows + b] = at[1];
		}
}
