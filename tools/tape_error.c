/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tape_error.h"

tl_status tape_error(const tl_tape *tape, tl_error *err)
{
	const tl_error *e = tl_tape_error(tape);
	return e->status ? tl_error_set(err, e->status, "%s", e->text) : TL_OK;
}
