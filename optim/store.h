/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parameters of a model, named and flat. All values lie in one allocation and all gradients in
 * another of the same layout:
 *
 *	values  [encoder.w......|0][encoder.b.|0000][decoder.w....|00]
 *	grads   [...............|0][..........|0000][.............|00]
 *	         ^ each parameter starts at a multiple of TL_ALIGN bytes; the padding is zero
 *
 * So clearing, clipping and copying are one loop over tl_store_span elements.
 *
 *	tl_store *store = tl_store_new();
 *	tl_param *w = tl_store_add(store, "encoder.w", TL_SHAPE(64, 128), &err);
 *	tl_param *b = tl_store_add(store, "encoder.b", TL_SHAPE(128), &err);
 *	tl_init_xavier_uniform(w, &rng, 1, &err);
 *	...
 *	tl_store_free(store);
 *
 * Add all parameters before recording: a tl_param stays where it is until the store is freed, but the
 * values and gradients of all move when one is added, and tapes would read the old place.
 */
#ifndef TL_OPTIM_STORE_H
#define TL_OPTIM_STORE_H

#include "core/status.h"
#include "core/threads.h"
#include "graph/grad.h"
#include "graph/param.h"

typedef struct tl_store tl_store;

/* NULL where memory is out. */
TL_API tl_store *tl_store_new(void);
TL_API void tl_store_free(tl_store *store); /* NULL is fine */

/*
 * Appends a parameter of zeros; it belongs to the store. The name is copied: printable ASCII without
 * spaces, dots between modules ("decoder.attention.w"). NULL on failure: TL_ERR_ARGUMENT for such a
 * name, one that stands already or a sealed store, TL_ERR_SHAPE, TL_ERR_MEMORY.
 */
TL_API tl_param *tl_store_add(tl_store *store, const char *name, tl_shape shape, tl_error *err);
/* Refuse further parameters: tl_optimizer_new does this, whose state has the store's layout. */
TL_API void tl_store_seal(tl_store *store);

/* In the order of adding. */
TL_API int tl_store_count(const tl_store *store);
TL_API tl_param *tl_store_at(const tl_store *store, int k);
/* NULL if there is none of that name. */
TL_API tl_param *tl_store_find(const tl_store *store, const char *name);

/* Number of elements of all parameters, without padding. */
TL_API int64_t tl_store_size(const tl_store *store);

/*
 * The flat arrays and their length in elements, with padding; NULL and 0 while there is no parameter. Whoever
 * has the gradients in his hands may write to them: from the first call on no list of a table's touched rows
 * is kept for this store (graph/param.h), and steps pass over whole tables.
 */
TL_API int64_t tl_store_span(const tl_store *store);
TL_API tl_real *tl_store_values(const tl_store *store);
TL_API tl_real *tl_store_grads(tl_store *store);

TL_API void tl_store_zero_grad(tl_store *store);
/*
 * The same as tl_store_zero_grad and then tl_backward, with a pass over memory less: what the tape has for a
 * gradient is written instead of added to zeros. On an error all gradients are 0.
 */
TL_API tl_status tl_store_backward(tl_store *store, tl_var loss);

/*
 * Threads for passes over large parameters (norms, clipping, updates), whose results do not depend on them:
 * those of a tape (tl_tape_pool), or a pool of one's own, to be taken away (NULL) before it ends. NULL, as at
 * first: the caller's thread alone.
 */
TL_API void tl_store_set_pool(tl_store *store, tl_pool *pool);
tl_pool *tl__store_pool(const tl_store *store);

/*
 * Freezes (or thaws) the parameter of that name and all below it: "encoder" is "encoder.w" and
 * "encoder.cell.b", too, but not "encoder2.w". TL_ERR_ARGUMENT where there is none.
 */
TL_API tl_status tl_store_freeze(tl_store *store, const char *name, bool frozen, tl_error *err);

/*
 * Keep a copy of all values in the store, in place of an earlier one: the best model so far. Fails only
 * with TL_ERR_MEMORY, and then the earlier copy stays.
 */
TL_API tl_status tl_store_snapshot(tl_store *store, tl_error *err);
/*
 * Set the values to the copy; false where there is none. Parameters added after it was taken keep
 * their values.
 */
TL_API bool tl_store_restore(tl_store *store);

#endif
