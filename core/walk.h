/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking several tensors of one shape together. Axes that every tensor stores one behind the other
 * are merged, so dense operands become a single run; the callback receives one run at a time.
 */
#ifndef TL_CORE_WALK_H
#define TL_CORE_WALK_H

#include "core/tensor.h"

#define TL_WALK_MAX 8 /* tensors walked together */

/* n elements; at[k] points to tensor k's first one, step[k] is its stride in elements. */
typedef void (*tl_walk_fn)(void *ctx, int64_t n, char *const *at, const int64_t *step);

/* Merged axes of the common shape: at least one axis, outermost first. */
typedef struct tl_walk {
	int axes;
	int n;
	int64_t dim[TL_MAX_AXES];
	int64_t stride[TL_WALK_MAX][TL_MAX_AXES]; /* in elements */
	char *base[TL_WALK_MAX];
	size_t size[TL_WALK_MAX]; /* bytes an element */
	int64_t rows;             /* product of all merged axes but the last */
} tl_walk;

TL_API void tl__walk_init(tl_walk *w, int n, const tl_tensor *const *t);
/* Runs `first` to `last` (exclusive) of w->rows. */
TL_API void tl__walk_rows(const tl_walk *w, int64_t first, int64_t last, tl_walk_fn fn, void *ctx);
TL_API void tl__walk(int n, const tl_tensor *const *t, tl_walk_fn fn, void *ctx);

#endif
