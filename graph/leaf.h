/* SPDX-License-Identifier: Apache-2.0 */
/* The ops of leaves; the calls that record them are in graph/tape.h. */
#ifndef TL_GRAPH_LEAF_H
#define TL_GRAPH_LEAF_H

#include "graph/op.h"

extern TL_API const tl_op tl_op_input, tl_op_param, tl_op_fill;

#endif
