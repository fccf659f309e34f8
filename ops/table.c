/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/table.h"

#define TL_OP(name) extern const tl_op tl_op_##name;
#include "ops/ops.def"
#undef TL_OP

static const tl_op *const table[] = {
#define TL_OP(name) &tl_op_##name,
#include "ops/ops.def"
#undef TL_OP
};

const tl_op *tl_op_at(int k)
{
	return k >= 0 && k < (int)(sizeof table / sizeof *table) ? table[k] : NULL;
}
