/* SPDX-License-Identifier: Apache-2.0 */
/* An attention and its parameters; what it records stands in attention_run.c. */
#include "models/attention.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "optim/init.h"

static const char *const score_names[] = {
	[TL_SCORE_DOT] = "dot",
	[TL_SCORE_SCALED_DOT] = "scaled_dot",
	[TL_SCORE_GENERAL] = "general",
	[TL_SCORE_ADDITIVE] = "additive",
	[TL_SCORE_CONCAT] = "concat",
};

enum { SCORES = sizeof score_names / sizeof *score_names };

const char *tl_attention_score_name(int k)
{
	return k >= 0 && k < SCORES ? score_names[k] : NULL;
}

static void fill_defaults(tl_attention_options *o)
{
	if (o->value == 0)
		o->value = o->key;
	if (o->heads == 0)
		o->heads = 1;
	if (o->project == 0 && o->heads > 1)
		o->project = o->query;
	if (o->hidden == 0 && o->heads > 0)
		o->hidden = (o->project ? o->project : o->query) / o->heads;
}

static tl_status check_options(const tl_attention_options *o, tl_error *err)
{
	if ((int)o->score < 0 || (int)o->score >= SCORES)
		return tl_error_set(err, TL_ERR_ARGUMENT, "attention: there is no score number %d", (int)o->score);
	if (o->query < 1 || o->key < 1 || o->value < 1 || o->hidden < 0 || o->heads < 1 || o->project < 0)
		return tl_error_set(err, TL_ERR_ARGUMENT,
			"attention: sizes of queries %" PRId64 ", keys %" PRId64 ", values %" PRId64
			" and %d heads must be positive",
			o->query, o->key, o->value, o->heads);
	if (o->project % o->heads)
		return tl_error_set(err, TL_ERR_ARGUMENT,
			"attention: %" PRId64 " columns cannot be shared by %d heads", o->project, o->heads);
	bool dot = o->score == TL_SCORE_DOT || o->score == TL_SCORE_SCALED_DOT;
	if (dot && !o->project && o->query != o->key)
		return tl_error_set(err, TL_ERR_ARGUMENT,
			"attention: the %s of queries of size %" PRId64 " and keys of size %" PRId64
			" needs projections (or another score)",
			score_names[o->score], o->query, o->key);
	return TL_OK;
}

static tl_status add(
	tl_param **p, tl_store *store, const char *name, const char *part, tl_shape shape, tl_error *err)
{
	char full[256];
	snprintf(full, sizeof full, "%s.%s", name, part);
	*p = tl_store_add(store, full, shape, err);
	return *p ? TL_OK : err->status;
}

static tl_status add_dense(tl_dense *layer, tl_store *store, const char *name, const char *part, int64_t in,
	int64_t out, tl_error *err)
{
	char full[256];
	snprintf(full, sizeof full, "%s.%s", name, part);
	return tl_dense_add(layer, store, full, in, out, err);
}

static tl_status add_projections(tl_attention *a, tl_store *store, const char *name, tl_error *err)
{
	const tl_attention_options *o = &a->options;
	int64_t m = o->project;
	if (m == 0)
		return TL_OK;
	if (add_dense(&a->to_query, store, name, "query", o->query, m, err) ||
		add_dense(&a->to_key, store, name, "key", o->key, m, err) ||
		add_dense(&a->to_value, store, name, "value", o->value, m, err))
		return err->status;
	return add_dense(&a->to_context, store, name, "context", m, m, err);
}

static tl_status add_score(tl_attention *a, tl_store *store, const char *name, tl_error *err)
{
	const tl_attention_options *o = &a->options;
	int64_t n = o->heads, queries = o->project ? o->project : o->query, keys = o->project ? o->project : o->key;
	switch (o->score) {
	case TL_SCORE_DOT:
	case TL_SCORE_SCALED_DOT:
		return TL_OK;
	case TL_SCORE_GENERAL:
		return add(&a->w_key, store, name, "w_key", TL_SHAPE(keys, queries / n), err);
	case TL_SCORE_ADDITIVE:
		if (add(&a->w_key, store, name, "w_key", TL_SHAPE(keys, o->hidden), err) ||
			add(&a->w_query, store, name, "w_query", TL_SHAPE(queries, o->hidden), err))
			return err->status;
		break;
	case TL_SCORE_CONCAT:
		if (add(&a->w, store, name, "w", TL_SHAPE(keys + queries, o->hidden), err))
			return err->status;
		break;
	}
	if (add(&a->b, store, name, "b", TL_SHAPE(n * o->hidden), err))
		return err->status;
	return add(&a->v, store, name, "v", TL_SHAPE(n * o->hidden, 1), err);
}

tl_attention *tl_attention_new(
	tl_store *store, const char *name, const tl_attention_options *options, tl_error *err)
{
	tl_attention_options o = *options;
	fill_defaults(&o);
	if (check_options(&o, err))
		return NULL;
	tl_attention *a = calloc(1, sizeof *a);
	if (!a) {
		tl_error_memory(err);
		return NULL;
	}
	a->options = o;
	if (add_projections(a, store, name, err) || add_score(a, store, name, err)) {
		tl_attention_free(a);
		return NULL;
	}
	return a;
}

void tl_attention_free(tl_attention *a)
{
	free(a);
}

int64_t tl_attention_size(const tl_attention *a)
{
	return a->options.project ? a->options.project : a->options.value;
}

static void init_uniform(tl_param *p, tl_rng *rng, int64_t rows)
{
	double bound = 1 / sqrt((double)rows);
	if (p)
		tl_init_uniform(p, rng, -bound, bound);
}

void tl_attention_init(tl_attention *a, tl_rng *rng)
{
	if (!a)
		return;
	const tl_attention_options *o = &a->options;
	const tl_dense *projections[] = {&a->to_query, &a->to_key, &a->to_value, &a->to_context};
	for (int k = 0; k < 4 && o->project; k++) {
		tl_init_xavier_uniform(projections[k]->w, rng, 1, NULL);
		tl_init_constant(projections[k]->b, 0);
	}
	int64_t queries = (o->project ? o->project : o->query) / o->heads;
	int64_t keys = (o->project ? o->project : o->key) / o->heads;
	init_uniform(a->w_key, rng, keys);
	init_uniform(a->w_query, rng, queries);
	init_uniform(a->w, rng, keys + queries);
	init_uniform(a->b, rng, o->score == TL_SCORE_CONCAT ? keys + queries : queries);
	init_uniform(a->v, rng, o->hidden);
}
