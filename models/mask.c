/* SPDX-License-Identifier: Apache-2.0 */
#include "models/mask.h"

#include <inttypes.h>

#include "ops/select.h"

tl_var tl_length_mask(tl_tape *tape, int64_t steps, int64_t batch, const int64_t *lengths)
{
	tl_shape shape = TL_SHAPE(steps, batch, 1);
	for (int64_t b = 0; b < batch; b++)
		if (lengths[b] < 0 || lengths[b] > steps)
			return tl_tape_fail(tape, TL_ERR_ARGUMENT,
				"lengths: that of row %" PRId64 " is %" PRId64 ", it must be from 0 to %" PRId64, b,
				lengths[b], steps);
	tl_real *mask = tl_shape_valid(shape) ? tl_tape_alloc(tape, (size_t)(steps * batch) * sizeof *mask) : NULL;
	if (!mask)
		return tl_tape_fail(tape, TL_ERR_MEMORY, "lengths: no memory for a mask");
	for (int64_t t = 0; t < steps; t++)
		for (int64_t b = 0; b < batch; b++)
			mask[t * batch + b] = t < lengths[b];
	tl_tensor tensor = tl_tensor_dense(TL_REAL, shape, mask);
	return tl_borrow(tape, &tensor);
}

tl_var tl_masked(tl_var v, tl_var mask)
{
	return mask.tape ? tl_where(mask, v, tl_fill(v.tape, TL_SCALAR, 0)) : v;
}

const int64_t *tl_lengths_unless_full(const int64_t *lengths, int64_t steps, int64_t batch)
{
	for (int64_t b = 0; lengths && b < batch; b++)
		if (lengths[b] != steps)
			return lengths;
	return NULL;
}
