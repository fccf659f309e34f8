/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "tools/plot_trainings.h"

static const char *const axes[] = {"epoch", "update", "seconds of training"};

/* line[part][name] of each run; `within` is its name in the journal, or NULL. */
static tl_status add_curves(
	sheet *h, const trainings *all, const char *part, const char *name, const char *within, tl_error *err)
{
	bool valid = part && !strcmp(part, "valid");
	for (int r = 0; r < all->n; r++) {
		const training *t = &all->run[r];
		size_t n = 0, epochs = records_count(&t->epochs);
		plot_series *s = sheet_series(
			h, epochs + records_count(&t->entries), t->name, valid ? ", validation" : "");
		if (!s)
			return tl_error_memory(err);
		double *x = (double *)s->x, *y = (double *)s->y;
		if (within && all->within)
			n = training_curve_within(t, all->axis, within, x, y);
		s->points = n <= 8;
		if (!n) {
			training_curve(t, all->axis, part, name, x, y);
			n = epochs;
		}
		s->colour = r + 1;
		s->dashed = valid;
		sheet_keep_series(h, n);
	}
	return TL_OK;
}

/* A panel, unless there is nothing in it: of scores, which are told part by part, or of one figure a line. */
static tl_status add_panel(
	sheet *h, const trainings *all, const char *name, const char *title, const char *key, bool score, tl_error *err)
{
	if (!is_wanted(all->only, name))
		return TL_OK;
	plot *p = sheet_panel(h, title, 2 * all->n);
	if (!p)
		return tl_error_memory(err);
	p->log_y = all->log_loss && !strcmp(name, "loss");
	const char *within = !score || !strcmp(name, "loss") ? key : NULL;
	if (add_curves(h, all, score ? "train" : NULL, key, within, err) ||
		(score && add_curves(h, all, "valid", key, NULL, err)))
		return err->status;
	sheet_keep_panel(h);
	return TL_OK;
}

static bool is_new(const sheet *h, const char *name)
{
	for (int k = 0; k < h->n; k++)
		if (!strcmp(h->panel[k].title, name))
			return false;
	return true;
}

/* Panels for the members of the last epoch's scores, in their order. */
static tl_status add_scores(sheet *h, const trainings *all, const training *t, tl_error *err)
{
	static const char *const parts[] = {"train", "valid"};
	size_t n = records_count(&t->epochs);
	for (int k = 0; n && k < 2; k++) {
		const char *name;
		json_t *value;
		json_object_foreach(json_object_get(records_at(&t->epochs, n - 1), parts[k]), name, value)
			if (is_new(h, name) && add_panel(h, all, name, name, name, true, err))
				return err->status;
	}
	return TL_OK;
}

tl_status plot_progress(sheet *h, const trainings *all, const char **x, tl_error *err)
{
	const char *unit = training_unit(&all->run[0]);
	char speed[64];
	*x = axes[all->axis];
	for (int r = 1; r < all->n; r++)
		if (strcmp(unit, training_unit(&all->run[r])))
			unit = "tokens";
	snprintf(speed, sizeof speed, "speed, %.30s a second", unit);
	if (add_panel(h, all, "loss", "loss", "loss", true, err))
		return err->status;
	for (int r = 0; r < all->n; r++)
		if (add_scores(h, all, &all->run[r], err))
			return err->status;
	if (add_panel(h, all, "grad_norm", "gradient norm", "grad_norm", false, err) ||
		add_panel(h, all, "lr", "learning rate", "lr", false, err) ||
		add_panel(h, all, "speed", speed, "tok_per_s", false, err))
		return err->status;
	return TL_OK;
}
