/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "tools/plot_trainings.h"

#define CURVES 5 /* epochs whose steps are drawn: the first, the last, and some between */

static const char *const axes[] = {"epoch", "update", "seconds of training"};

/* The newest epoch's object of that name; NULL where there is none. */
static const json_t *newest(const training *t, const char *key)
{
	for (size_t k = records_count(&t->epochs); k > 0; k--) {
		const json_t *object = json_object_get(records_at(&t->epochs, k - 1), key);
		if (json_object_size(object))
			return object;
	}
	return NULL;
}

static tl_status the_one(const trainings *all, const char *key, const json_t **object, tl_error *err)
{
	if (all->n > 1)
		return tl_error_set(err, TL_ERR_ARGUMENT, "--show: of this only one training is drawn at a time");
	*object = newest(&all->run[0], key);
	if (*object)
		return TL_OK;
	return tl_error_set(err, TL_ERR_FORMAT, "%s: there is no \"%s\" in its log; train with --log-gradients",
		all->run[0].name, key);
}

/* The length of the module in "encoder.l0.w": that of "encoder.l0"; all of it where there is no module. */
static int module_length(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot ? (int)(dot - name) : (int)strlen(name);
}

static bool same_module(const char *a, const char *b)
{
	return module_length(a) == module_length(b) && !strncmp(a, b, (size_t)module_length(a));
}

/* The number of the last part among those of all names before, so that "w" looks the same in all panels. */
static int part_number(const json_t *norms, const char *name)
{
	const char *other, *part = strrchr(name, '.');
	json_t *value;
	char seen[64][64];
	int n = 0;
	part = part ? part + 1 : name;
	json_object_foreach((json_t *)norms, other, value) {
		const char *its = strrchr(other, '.');
		int k = 0;
		its = its ? its + 1 : other;
		while (k < n && strncmp(seen[k], its, sizeof seen[k] - 1))
			k++;
		if (!strcmp(its, part))
			return k + 1;
		if (k == n && n < (int)(sizeof seen / sizeof *seen))
			snprintf(seen[n++], sizeof seen[0], "%s", its);
	}
	return n + 1;
}

static tl_status add_parameter(
	sheet *h, const trainings *all, const json_t *norms, const char *name, tl_error *err)
{
	const training *t = &all->run[0];
	size_t n = records_count(&t->epochs);
	const char *dot = strrchr(name, '.');
	plot_series *s = sheet_series(h, n, dot ? dot + 1 : name, "");
	if (!s)
		return tl_error_memory(err);
	s->colour = part_number(norms, name);
	training_curve(t, all->axis, "grad_norms", name, (double *)s->x, (double *)s->y);
	sheet_keep_series(h, n);
	return TL_OK;
}

static bool is_first_of_module(const json_t *norms, const char *name)
{
	const char *other;
	json_t *value;
	json_object_foreach((json_t *)norms, other, value)
		if (same_module(other, name))
			return !strcmp(other, name);
	return true;
}

tl_status plot_parameters(sheet *h, const trainings *all, const char **x, tl_error *err)
{
	const json_t *norms;
	const char *name, *other;
	json_t *value, *other_value;
	*x = axes[all->axis];
	h->log_y = true;
	if (the_one(all, "grad_norms", &norms, err))
		return err->status;
	json_object_foreach((json_t *)norms, name, value) {
		char module[256], title[300];
		snprintf(module, sizeof module, "%.*s", module_length(name), name);
		snprintf(title, sizeof title, "gradient norm, %s", module);
		if (!is_first_of_module(norms, name) || !is_wanted(all->only, module))
			continue;
		if (!sheet_panel(h, title, (int)json_object_size(norms)))
			return tl_error_memory(err);
		json_object_foreach((json_t *)norms, other, other_value)
			if (same_module(name, other) && add_parameter(h, all, norms, other, err))
				return err->status;
		if (!sheet_keep_panel(h))
			return tl_error_set(err, TL_ERR_ARGUMENT, "more than %d panels: choose with --panels", MOST_PANELS);
	}
	return TL_OK;
}

/* The states of one layer and direction, after some of the epochs. */
static tl_status add_trace(sheet *h, const training *t, const char *path, tl_error *err)
{
	size_t n = records_count(&t->epochs), before = (size_t)-1;
	for (int k = 0; k < CURVES; k++) {
		size_t at = k == CURVES - 1 ? n - 1 : n * (size_t)k / (CURVES - 1);
		const json_t *line = records_at(&t->epochs, at);
		const json_t *norms = json_object_get(json_object_get(line, "grad_by_step"), path);
		size_t steps = json_array_size(norms);
		char epoch[32];
		if (at == before || !steps)
			continue;
		before = at;
		snprintf(epoch, sizeof epoch, "%lld", (long long)json_integer_value(json_object_get(line, "epoch")));
		plot_series *s = sheet_series(h, steps, "after epoch ", epoch);
		if (!s)
			return tl_error_memory(err);
		for (size_t i = 0; i < steps; i++) {
			((double *)s->x)[i] = (double)i;
			((double *)s->y)[i] = json_number_value(json_array_get(norms, i));
		}
		s->colour = k + 1;
		sheet_keep_series(h, steps);
	}
	return TL_OK;
}

tl_status plot_steps(sheet *h, const trainings *all, const char **x, tl_error *err)
{
	const json_t *traces;
	const char *path;
	json_t *value;
	*x = "time step";
	h->log_y = true;
	if (the_one(all, "grad_by_step", &traces, err))
		return err->status;
	json_object_foreach((json_t *)traces, path, value) {
		char title[256];
		snprintf(title, sizeof title, "|dL/dh|, %.200s", path);
		if (!is_wanted(all->only, path))
			continue;
		if (!sheet_panel(h, title, CURVES))
			return tl_error_memory(err);
		if (add_trace(h, &all->run[0], path, err))
			return err->status;
		if (!sheet_keep_panel(h))
			return tl_error_set(err, TL_ERR_ARGUMENT, "more than %d panels: choose with --panels", MOST_PANELS);
	}
	return TL_OK;
}
