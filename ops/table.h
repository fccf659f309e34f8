/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in ops as a table, for tools and tests; nothing in the engine looks an op up. */
#ifndef TL_OPS_TABLE_H
#define TL_OPS_TABLE_H

#include "graph/op.h"

/* Entry k, or NULL past the end. */
TL_API const tl_op *tl_op_at(int k);

#endif
