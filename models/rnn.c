/* SPDX-License-Identifier: Apache-2.0 */
/* A net and its parameters; what it records stands in rnn_run.c. */
#include "models/rnn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/rnn_run.h"
#include "optim/init.h"

#define NAME 256

/* "NAME.lJ." or "NAME.lJ.reverse." of direction i. */
static void prefix(const tl_rnn *rnn, const char *name, int i, char *text)
{
	snprintf(text, NAME, "%s.l%d.%s", name, i / rnn->directions, i % rnn->directions ? "reverse." : "");
}

static bool add_cell(tl_rnn *rnn, tl_store *store, const char *name, int i, tl_error *err)
{
	const tl_cell *cell = rnn->options.cell;
	tl_cell_sizes sizes = tl__rnn_sizes(rnn);
	char start[NAME], full[NAME + 64];
	prefix(rnn, name, i, start);
	if (i >= rnn->directions)
		sizes.input = tl_rnn_output_size(rnn);
	bool fine = true;
	for (int k = 0; k < rnn->count && fine; k++) {
		tl_param **p = &rnn->params[i * rnn->count + k];
		if (tl__rnn_leaves_out(rnn, k))
			continue;
		snprintf(full, sizeof full, "%s%s", start, cell->params[k].name);
		*p = tl_store_add(store, full, tl_cell_param_shape(cell, k, sizes), err);
		fine = *p;
	}
	for (int k = 0; rnn->starts && k < cell->states && fine; k++) {
		tl_param **p = &rnn->starts[i * cell->states + k];
		snprintf(full, sizeof full, "%sstart.%d", start, k);
		*p = tl_store_add(store, full, TL_SHAPE(tl_cell_state_size(cell, k, sizes)), err);
		fine = *p;
	}
	return fine;
}

tl_rnn *tl_rnn_new(tl_store *store, const char *name, const tl_rnn_options *options, tl_error *err)
{
	tl_rnn_options o = *options;
	if (o.layers == 0)
		o.layers = 1;
	if (tl__rnn_check_options(&o, err))
		return NULL;
	tl_rnn *rnn = calloc(1, sizeof *rnn);
	if (!rnn) {
		tl_error_memory(err);
		return NULL;
	}
	*rnn = (tl_rnn){
		.options = o, .directions = o.bidirectional ? 2 : 1, .count = tl_cell_param_count(o.cell)};
	size_t all = (size_t)(o.layers * rnn->directions);
	rnn->params = calloc(all * (size_t)rnn->count + 1, sizeof *rnn->params);
	if (o.start == TL_START_LEARNED)
		rnn->starts = calloc(all * (size_t)o.cell->states, sizeof *rnn->starts);
	bool fine = rnn->params && (rnn->starts || o.start != TL_START_LEARNED);
	if (!fine)
		tl_error_memory(err);
	for (int i = 0; i < (int)all && fine; i++)
		fine = add_cell(rnn, store, name, i, err);
	if (fine)
		return rnn;
	tl_rnn_free(rnn);
	return NULL;
}

void tl_rnn_free(tl_rnn *rnn)
{
	if (rnn) {
		free(rnn->params);
		free(rnn->starts);
	}
	free(rnn);
}

void tl_rnn_init(tl_rnn *rnn, tl_rng *rng)
{
	if (!rnn)
		return;
	const tl_rnn_options *o = &rnn->options;
	double bound = 1 / sqrt((double)o->hidden);
	for (int i = 0; i < o->layers * rnn->directions * rnn->count; i++) {
		tl_rows rows = o->cell->params[i % rnn->count].rows;
		if (!rnn->params[i])
			continue;
		if (rows & (TL_FROM_ZERO | TL_FROM_ONE))
			tl_init_constant(rnn->params[i], rows & TL_FROM_ONE ? 1 : 0);
		else
			tl_init_uniform(rnn->params[i], rng, -bound, bound);
	}
	for (int i = 0; rnn->starts && i < o->layers * rnn->directions * o->cell->states; i++)
		tl_init_constant(rnn->starts[i], 0);
}

bool tl_rnn_set_bias(tl_rnn *rnn, char gate, double value)
{
	const tl_cell *cell = rnn->options.cell;
	bool found = false;
	for (int i = 0; gate != '\0' && i < rnn->options.layers * rnn->directions * rnn->count; i++) {
		int k = i % rnn->count;
		const tl_cell_param *p = &cell->params[k];
		const char *at = (p->rows & TL_ROWS) == TL_BIAS ? strchr(p->gates, gate) : NULL;
		if (!at || !rnn->params[i])
			continue;
		int64_t columns = tl_cell_param_block(cell, k, tl__rnn_sizes(rnn));
		tl_real *block = (tl_real *)rnn->params[i]->value.data + (at - p->gates) * columns;
		for (int64_t j = 0; j < columns; j++)
			block[j] = (tl_real)value;
		found = true;
	}
	return found;
}

int64_t tl_rnn_output_size(const tl_rnn *rnn)
{
	return rnn->directions * tl_cell_output_size(rnn->options.cell, tl__rnn_sizes(rnn));
}

tl_shape tl_rnn_state_shape(const tl_rnn *rnn, int k, int64_t batch)
{
	return TL_SHAPE(rnn->options.layers * rnn->directions, batch,
		tl_cell_state_size(rnn->options.cell, k, tl__rnn_sizes(rnn)));
}
