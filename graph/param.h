/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A parameter: a named dense tensor with a gradient beside it. Both belong to whoever made it (see
 * optim/store.h); tapes refer to it with tl_use, and tl_backward adds to `grad`.
 *
 * `grad` may be read at any time. Where a parameter is only looked up in by row, tl_backward adds to those
 * rows alone, and keeps a list of them; clearing, clipping and updates that change nothing where the gradient
 * is 0 pass over these rows and not over the table. So whoever writes to `grad` himself says so, before or
 * after, with tl_param_touch.
 */
#ifndef TL_GRAPH_PARAM_H
#define TL_GRAPH_PARAM_H

#include "core/tensor.h"

typedef struct tl_touched tl_touched;

typedef struct tl_param {
	const char *name;
	tl_tensor value;
	tl_tensor grad;
	tl_touched *touched; /* rows of grad that may differ from 0, for the library; NULL: not known */
	bool frozen;         /* tl_backward and optimisers pass it by */
	bool stale;          /* grad counts as 0, whatever it holds; only within tl_store_backward */
} tl_param;

/* Any row of grad may differ from 0 from now on, until it is next set to 0. */
TL_API void tl_param_touch(tl_param *param);

#endif
