/* SPDX-License-Identifier: Apache-2.0 */
/* What of trainings can be drawn; each fills a sheet and names its x axis. Internal to tapeloop plot. */
#ifndef TL_TOOLS_PLOT_TRAININGS_H
#define TL_TOOLS_PLOT_TRAININGS_H

#include "tools/plot_sheet.h"
#include "tools/training.h"

typedef struct trainings {
	int n;
	training *run;
	training_axis axis;
	bool within, log_loss;
	const char *only; /* names of panels between commas; NULL: all */
} trainings;

/* Is this name among those between commas? */
bool is_wanted(const char *only, const char *name);

typedef tl_status (*plot_kind)(sheet *h, const trainings *t, const char **x, tl_error *err);

/* Loss, scores, gradient norm, learning rate, speed: a panel each, all runs in each. */
tl_status plot_progress(sheet *h, const trainings *t, const char **x, tl_error *err);
/* |dL/dw| of each parameter: a panel for each module. */
tl_status plot_parameters(sheet *h, const trainings *t, const char **x, tl_error *err);
/* |dL/dh_t| over t: a panel for each layer and direction, a curve for each of some epochs. */
tl_status plot_steps(sheet *h, const trainings *t, const char **x, tl_error *err);

#endif
