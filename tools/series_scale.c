/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/series_scale.h"

#include <math.h>
#include <stdlib.h>

tl_status series_visit_all(const series *s, bool y, series_visit visit, void *ctx, tl_error *err)
{
	int64_t width = y ? s->outputs : s->inputs;
	tl_real *v = malloc((size_t)(s->steps * width) * sizeof *v);
	tl_status status = v ? TL_OK : tl_error_memory(err);
	for (int64_t i = 0; i < s->n && !status; i++) {
		int64_t steps = series_longest(s, &i, 1);
		status = y ? series_read_values(s, &i, 1, steps, v, err) : series_read_x(s, &i, 1, steps, v, NULL, err);
		if (!status)
			visit(ctx, v, y && s->target == SERIES_VALUES ? 1 : s->length[i]);
	}
	free(v);
	return status;
}

static tl_status reserve(series_scale *c, int64_t n, tl_error *err)
{
	*c = (series_scale){n, malloc((size_t)n * sizeof *c->mean), malloc((size_t)n * sizeof *c->deviation)};
	if (c->mean && c->deviation)
		return TL_OK;
	series_scale_release(c);
	return tl_error_memory(err);
}

/* Sums of v - first and its square, which lose nothing where all are far from 0. */
typedef struct moments {
	int64_t n, count;
	double *first, *sum, *square; /* n each */
} moments;

static void add(void *ctx, const tl_real *v, int64_t vectors)
{
	moments *m = ctx;
	for (int64_t i = 0; i < vectors; i++, m->count++, v += m->n)
		for (int64_t k = 0; k < m->n; k++) {
			if (m->count == 0)
				m->first[k] = (double)v[k];
			double d = (double)v[k] - m->first[k];
			m->sum[k] += d;
			m->square[k] += d * d;
		}
}

static void finish(series_scale *c, const moments *m)
{
	double n = m->count > 0 ? (double)m->count : 1;
	for (int64_t k = 0; k < m->n; k++) {
		double mean = m->sum[k] / n, variance = m->square[k] / n - mean * mean;
		c->mean[k] = (tl_real)(m->first[k] + mean);
		c->deviation[k] = (tl_real)sqrt(variance > 0 ? variance : 0);
		if (!(c->deviation[k] > 0 && isfinite(1 / c->deviation[k])))
			c->deviation[k] = 1;
	}
}

tl_status series_scale_of(series_scale *c, const series *s, bool y, tl_error *err)
{
	int64_t n = y ? s->outputs : s->inputs;
	if (reserve(c, n, err))
		return err->status;
	double *sums = calloc(3 * (size_t)n, sizeof *sums);
	moments m = {.n = n, .first = sums, .sum = sums + n, .square = sums + 2 * n};
	tl_status status = sums ? series_visit_all(s, y, add, &m, err) : tl_error_memory(err);
	if (!status)
		finish(c, &m);
	free(sums);
	return status;
}

void series_scale_release(series_scale *c)
{
	free(c->mean);
	free(c->deviation);
	*c = (series_scale){0};
}

void series_scale_apply(const series_scale *c, tl_real *v, int64_t vectors)
{
	for (int64_t i = 0; i < vectors * c->n; i++)
		v[i] = (v[i] - c->mean[i % c->n]) / c->deviation[i % c->n];
}

void series_scale_undo(const series_scale *c, tl_real *v, int64_t vectors)
{
	for (int64_t i = 0; i < vectors * c->n; i++)
		v[i] = v[i] * c->deviation[i % c->n] + c->mean[i % c->n];
}

double series_scale_unit(const series_scale *c, int64_t k)
{
	return c->n ? (double)c->deviation[k] : 1;
}

static json_t *list(const tl_real *v, int64_t n)
{
	json_t *array = json_array();
	for (int64_t k = 0; k < n && array; k++)
		if (json_array_append_new(array, json_real((double)v[k]))) {
			json_decref(array);
			array = NULL;
		}
	return array;
}

json_t *series_scale_to_json(const series_scale *c)
{
	return json_pack("{s:o, s:o}", "mean", list(c->mean, c->n), "deviation", list(c->deviation, c->n));
}

static bool read_list(tl_real *v, const json_t *array, int64_t n)
{
	if (!json_is_array(array) || json_array_size(array) != (size_t)n)
		return false;
	for (int64_t k = 0; k < n; k++) {
		const json_t *value = json_array_get(array, (size_t)k);
		v[k] = (tl_real)json_number_value(value);
		if (!json_is_number(value) || !isfinite(v[k]))
			return false;
	}
	return true;
}

tl_status series_scale_from_json(series_scale *c, const json_t *object, int64_t n, tl_error *err)
{
	if (reserve(c, n, err))
		return err->status;
	bool fine = read_list(c->mean, json_object_get(object, "mean"), n) &&
		read_list(c->deviation, json_object_get(object, "deviation"), n);
	for (int64_t k = 0; k < n && fine; k++)
		fine = c->deviation[k] > 0;
	return fine ? TL_OK
		    : tl_error_set(err, TL_ERR_FORMAT,
			      "the configuration's scale is not %lld means and positive deviations", (long long)n);
}
