/* SPDX-License-Identifier: Apache-2.0 */
/* A net and its parameters; what it records stands in rnn_run.c. */
#include "models/rnn.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "optim/init.h"

static tl_status check_options(const tl_rnn_options *o, tl_error *err)
{
	if (!o->cell)
		return tl_error_set(err, TL_ERR_ARGUMENT, "rnn: no cell is given");
	if (!o->cell->step || !o->cell->params || o->cell->states < 1 || o->cell->states > TL_MAX_STATES)
		return tl_error_set(err, TL_ERR_ARGUMENT, "rnn: cell %s needs a step, parameters and 1 to %d states",
			o->cell->name ? o->cell->name : "(no name)", TL_MAX_STATES);
	if (o->input < 1 || o->hidden < 1 || o->layers < 0)
		return tl_error_set(err, TL_ERR_ARGUMENT,
			"rnn: input size %" PRId64 ", hidden size %" PRId64 " and %d layers must be positive", o->input,
			o->hidden, o->layers);
	if (o->checkpoint < 0)
		return tl_error_set(err, TL_ERR_ARGUMENT, "rnn: a checkpoint of %" PRId64 " steps is none", o->checkpoint);
	if (!(o->dropout >= 0 && o->dropout < 1))
		return tl_error_set(err, TL_ERR_ARGUMENT, "rnn: dropout %g is not in [0, 1)", o->dropout);
	return TL_OK;
}

tl_rnn *tl_rnn_new(tl_store *store, const char *name, const tl_rnn_options *options, tl_error *err)
{
	tl_rnn_options o = *options;
	if (o.layers == 0)
		o.layers = 1;
	if (check_options(&o, err))
		return NULL;
	int count = tl_cell_param_count(o.cell);
	for (int k = 0; k < count; k++)
		if (!o.cell->params[k].gates) {
			tl_error_set(err, TL_ERR_ARGUMENT, "rnn: parameter %s of cell %s names no gates",
				o.cell->params[k].name, o.cell->name);
			return NULL;
		}
	tl_rnn *rnn = calloc(1, sizeof *rnn);
	tl_param **params = calloc((size_t)(o.layers * count), sizeof *params);
	if (!rnn || !params) {
		tl_error_memory(err);
		free(rnn);
		free(params);
		return NULL;
	}
	*rnn = (tl_rnn){o, params, count};
	for (int j = 0; j < o.layers; j++)
		for (int k = 0; k < count; k++) {
			char full[256];
			snprintf(full, sizeof full, "%s.l%d.%s", name, j, o.cell->params[k].name);
			tl_shape shape = tl_cell_param_shape(o.cell, k, j ? o.hidden : o.input, o.hidden);
			if (!(params[j * count + k] = tl_store_add(store, full, shape, err))) {
				tl_rnn_free(rnn);
				return NULL;
			}
		}
	return rnn;
}

void tl_rnn_free(tl_rnn *rnn)
{
	if (rnn)
		free(rnn->params);
	free(rnn);
}

void tl_rnn_init(tl_rnn *rnn, tl_rng *rng)
{
	if (!rnn)
		return;
	double bound = 1 / sqrt((double)rnn->options.hidden);
	for (int i = 0; i < rnn->options.layers * rnn->count; i++)
		tl_init_uniform(rnn->params[i], rng, -bound, bound);
}

bool tl_rnn_set_bias(tl_rnn *rnn, char gate, double value)
{
	const tl_cell *cell = rnn->options.cell;
	int64_t hidden = rnn->options.hidden;
	bool found = false;
	for (int i = 0; gate != '\0' && i < rnn->options.layers * rnn->count; i++) {
		const tl_cell_param *p = &cell->params[i % rnn->count];
		const char *at = p->rows == TL_BIAS ? strchr(p->gates, gate) : NULL;
		if (!at)
			continue;
		tl_real *block = (tl_real *)rnn->params[i]->value.data + (at - p->gates) * hidden;
		for (int64_t j = 0; j < hidden; j++)
			block[j] = (tl_real)value;
		found = true;
	}
	return found;
}
