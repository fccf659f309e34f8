/* SPDX-License-Identifier: Apache-2.0 */
#include "models/layers.h"

#include <math.h>
#include <stdio.h>

#include "ops/index.h"
#include "ops/matmul.h"
#include "optim/init.h"

#define NAME 256

static tl_param *add(tl_store *store, const char *name, const char *part, tl_shape shape, tl_error *err)
{
	char full[NAME];
	snprintf(full, sizeof full, "%s.%s", name, part);
	return tl_store_add(store, full, shape, err);
}

tl_status tl_dense_add(
	tl_dense *layer, tl_store *store, const char *name, int64_t input, int64_t output, tl_error *err)
{
	layer->w = add(store, name, "w", TL_SHAPE(input, output), err);
	layer->b = layer->w ? add(store, name, "b", TL_SHAPE(output), err) : NULL;
	return layer->b ? TL_OK : err->status;
}

void tl_dense_init(tl_dense *layer, tl_rng *rng)
{
	if (!layer->w || !layer->b)
		return;
	double bound = 1 / sqrt((double)layer->w->value.shape.dim[0]);
	tl_init_uniform(layer->w, rng, -bound, bound);
	tl_init_uniform(layer->b, rng, -bound, bound);
}

tl_var tl_dense_run(const tl_dense *layer, tl_var x)
{
	tl_var b = tl_use(x.tape, layer->b);
	return tl_linear(x, tl_use(x.tape, layer->w), b);
}

tl_status tl_embedding_add(
	tl_embedding *layer, tl_store *store, const char *name, int64_t symbols, int64_t size, tl_error *err)
{
	*layer = (tl_embedding){NULL, symbols};
	if (size > 0 && !(layer->table = add(store, name, "table", TL_SHAPE(symbols, size), err)))
		return err->status;
	return TL_OK;
}

void tl_embedding_init(tl_embedding *layer, tl_rng *rng)
{
	if (layer->table)
		tl_init_normal(layer->table, rng, 0, 1);
}

tl_var tl_embedding_run(const tl_embedding *layer, tl_var index)
{
	if (!layer->table)
		return tl_one_hot(index, layer->symbols);
	return tl_gather(tl_use(index.tape, layer->table), index);
}

int64_t tl_embedding_size(const tl_embedding *layer)
{
	return layer->table ? layer->table->value.shape.dim[1] : layer->symbols;
}
