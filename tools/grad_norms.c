/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/grad_norms.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "optim/clip.h"
#include "tools/score.h"

grad_norms *grad_norms_new(const tl_store *store, tl_error *err)
{
	int n = tl_store_count(store);
	grad_norms *g = calloc(1, sizeof *g);
	if (g)
		*g = (grad_norms){.n = n, .sum = calloc(2 * (size_t)n + 1, sizeof *g->sum)};
	if (g && g->sum) {
		g->most = g->sum + n;
		return g;
	}
	tl_error_memory(err);
	free(g);
	return NULL;
}

void grad_norms_free(grad_norms *g)
{
	if (g)
		free(g->sum);
	free(g);
}

void grad_norms_add(grad_norms *g, const tl_store *store)
{
	for (int k = 0; k < g->n; k++) {
		double norm = tl_param_grad_norm(store, tl_store_at(store, k));
		g->sum[k] += norm;
		g->most[k] = fmax(g->most[k], norm);
	}
	g->updates++;
}

bool grad_norms_log(grad_norms *g, const tl_store *store, json_t *line)
{
	json_t *mean = json_object(), *most = json_object();
	bool fine = mean && most;
	for (int k = 0; k < g->n && fine && g->updates; k++) {
		const char *name = tl_store_at(store, k)->name;
		fine = !json_object_set_new(mean, name, real_json(g->sum[k] / (double)g->updates)) &&
			!json_object_set_new(most, name, real_json(g->most[k]));
	}
	memset(g->sum, 0, 2 * (size_t)g->n * sizeof *g->sum);
	g->updates = 0;
	fine = !json_object_set_new(line, "grad_norms", mean) && fine;
	return !json_object_set_new(line, "grad_norms_max", most) && fine;
}

/* Reals as hexadecimal text, so that no bit is lost. */
json_t *grad_norms_save(const grad_norms *g)
{
	json_t *saved = json_array();
	if (saved && json_array_append_new(saved, json_integer(g->updates))) {
		json_decref(saved);
		return NULL;
	}
	for (int k = 0; saved && k < 2 * g->n; k++) {
		char text[40];
		snprintf(text, sizeof text, "%a", g->sum[k]);
		if (json_array_append_new(saved, json_string(text))) {
			json_decref(saved);
			return NULL;
		}
	}
	return saved;
}

void grad_norms_load(grad_norms *g, const json_t *saved)
{
	if (json_array_size(saved) != 2 * (size_t)g->n + 1)
		return;
	for (int k = 0; k < 2 * g->n; k++) {
		const char *text = json_string_value(json_array_get(saved, (size_t)k + 1));
		g->sum[k] = text ? strtod(text, NULL) : 0;
	}
	g->updates = json_integer_value(json_array_get(saved, 0));
}
