/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A parameter: a named dense tensor with a gradient beside it. Both belong to whoever made it (see
 * optim/store.h); tapes refer to it with tl_use, and tl_backward adds to `grad`.
 */
#ifndef TL_GRAPH_PARAM_H
#define TL_GRAPH_PARAM_H

#include "core/tensor.h"

typedef struct tl_param {
	const char *name;
	tl_tensor value;
	tl_tensor grad;
	bool frozen; /* tl_backward and optimisers pass it by */
} tl_param;

#endif
