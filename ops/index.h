/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing rows by index. An index outside its range is an error when values are computed. */
#ifndef TL_OPS_INDEX_H
#define TL_OPS_INDEX_H

#include "graph/tape.h"

/* Rows of table (V, ...) at index (any shape, int32): shape of index followed by the rest of table's. */
TL_API tl_var tl_gather(tl_var table, tl_var index);

/*
 * Zeros of `shape` (V, ...) to whose row index[i] the row values[i] is added; values has the shape of
 * index followed by the rest of `shape`. Rows named twice add up.
 */
TL_API tl_var tl_scatter_add(tl_shape shape, tl_var index, tl_var values);

/* index (...) -> (..., classes): 1 at the index, 0 elsewhere. */
TL_API tl_var tl_one_hot(tl_var index, int64_t classes);

extern TL_API const tl_op tl_op_gather, tl_op_scatter_add, tl_op_one_hot;

#endif
