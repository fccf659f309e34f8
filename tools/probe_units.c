/* SPDX-License-Identifier: Apache-2.0 */
/* Which units are shown. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/probe.h"

#define MOST ((int64_t)1 << 40)

/* A whole number at *at, or `none` where there is none; false where it does not fit. */
static bool number(const char **at, int64_t none, int64_t *to)
{
	char *end;
	errno = 0;
	*to = none;
	if (**at != '-' && (**at < '0' || **at > '9'))
		return true;
	*to = strtoll(*at, &end, 10);
	bool fine = end > *at && !errno && *to > -MOST && *to < MOST;
	*at = end;
	return fine;
}

/* The next "3", "0:16", "-2:" or ":4" of the list, and the comma behind it. */
static bool range(const char **at, int64_t units, int64_t *first, int64_t *end)
{
	if (!**at || **at == ',' || !number(at, 0, first))
		return false;
	*first += *first < 0 ? units : 0;
	*end = *first + 1;
	if (**at == ':') {
		++*at;
		if (!number(at, units, end))
			return false;
		*end += *end < 0 ? units : 0;
	}
	if (**at == ',')
		return *++*at != '\0';
	return !**at;
}

tl_status probe_units_check(const char *text, tl_error *err)
{
	int64_t first, end;
	const char *at = text;
	do {
		if (!range(&at, MOST, &first, &end))
			return tl_error_set(err, TL_ERR_ARGUMENT, "--units '%.100s': a list like 0:16 or 3,7,-1 is needed", text);
	} while (*at);
	return TL_OK;
}

static tl_status choose(const char *text, int64_t units, probe_units *out, tl_error *err)
{
	int64_t first, end;
	const char *at = text;
	do {
		if (!range(&at, units, &first, &end) || first < 0 || end > units || first >= end)
			return tl_error_set(err, TL_ERR_ARGUMENT, "--units '%.100s': there are the units 0 to %" PRId64, text,
				units - 1);
		int64_t *more = realloc(out->v, (size_t)(out->n + end - first) * sizeof *more);
		if (!more)
			return tl_error_memory(err);
		out->v = more;
		while (first < end)
			out->v[out->n++] = first++;
	} while (*at);
	return TL_OK;
}

typedef struct ranked {
	double variance;
	int64_t unit;
} ranked;

static int by_variance(const void *pa, const void *pb)
{
	const ranked *a = pa, *b = pb;
	int c = (a->variance < b->variance) - (a->variance > b->variance);
	return c ? c : (a->unit > b->unit) - (a->unit < b->unit);
}

/* Over the symbols. */
static double variance(const probe_node *node, int64_t unit)
{
	double mean = 0, sum = 0;
	for (int64_t t = 0; t < node->axis->n; t++)
		mean += (double)node->values[t * node->units + unit] / (double)node->axis->n;
	for (int64_t t = 0; t < node->axis->n; t++) {
		double d = (double)node->values[t * node->units + unit] - mean;
		sum += d * d;
	}
	return sum;
}

static tl_status choose_top(const probe_node *node, int64_t top, probe_units *out, tl_error *err)
{
	ranked *all = malloc((size_t)node->units * sizeof *all);
	out->n = top < node->units ? top : node->units;
	out->v = malloc((size_t)out->n * sizeof *out->v);
	for (int64_t k = 0; all && k < node->units; k++)
		all[k] = (ranked){variance(node, k), k};
	if (all && out->v) {
		qsort(all, (size_t)node->units, sizeof *all, by_variance);
		for (int64_t k = 0; k < out->n; k++)
			out->v[k] = all[k].unit;
	}
	bool fine = all && out->v;
	free(all);
	return fine ? TL_OK : tl_error_memory(err);
}

tl_status probe_units_choose(
	const probe_node *node, const char *text, int64_t top, int64_t most, probe_units *out, tl_error *err)
{
	char first[32];
	*out = (probe_units){0};
	if (text)
		return choose(text, node->units, out, err);
	if (top > 0)
		return choose_top(node, top, out, err);
	snprintf(first, sizeof first, "0:%" PRId64, node->units < most ? node->units : most);
	return choose(first, node->units, out, err);
}
