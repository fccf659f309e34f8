/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameters in files (core/safetensors.h): one tensor for each, under its name, in the order of adding.
 *
 * A file fits only as a whole. Where it does not, one sentence lists the names that the file lacks,
 * those that it has too many, and those of another shape, and nothing is changed. (Some 40 names of each kind
 * are listed; further ones are counted.)
 */
#ifndef TL_OPTIM_STORE_FILE_H
#define TL_OPTIM_STORE_FILE_H

#include "core/safetensors.h"
#include "optim/store.h"

/* Writes all values, atomically; errors as of tl_safetensors_write. (NULL, 0): no metadata. */
TL_API tl_status tl_store_save(const tl_store *store, const char *path, const tl_safetensors_pair *metadata,
	int n_metadata, tl_error *err);

/*
 * Sets all values; whatever fails, none. TL_ERR_FORMAT where names or shapes do not fit, else errors as
 * of tl_safetensors_read, or TL_ERR_MEMORY.
 */
TL_API tl_status tl_store_load(tl_store *store, const tl_safetensors *f, tl_error *err);
/* The same for a file that holds more, such as a checkpoint: what it has too many is not read. */
TL_API tl_status tl_store_load_part(tl_store *store, const tl_safetensors *f, tl_error *err);

/*
 * The same for any tensors, which `items` describe: a checkpoint, say, of a store's parameters together
 * with tl_optimizer_state. tl_store_item is parameter k's.
 */
TL_API tl_status tl_items_load(
	const tl_safetensors_item *items, int n, const tl_safetensors *f, tl_error *err);
TL_API tl_status tl_items_load_part(
	const tl_safetensors_item *items, int n, const tl_safetensors *f, tl_error *err);
TL_API tl_safetensors_item tl_store_item(const tl_store *store, int k);

#endif
