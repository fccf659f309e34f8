/* SPDX-License-Identifier: Apache-2.0 */
#include "models/carry.h"

#include <stdlib.h>
#include <string.h>

tl_status tl_carry_init_shapes(tl_carry *c, int n, const tl_shape *shapes, bool zeros, tl_error *err)
{
	*c = (tl_carry){.n = n, .zeros = zeros};
	for (int k = 0; k < n; k++) {
		c->shape[k] = shapes[k];
		c->size += tl_shape_size(shapes[k]);
	}
	c->values = calloc((size_t)c->size + 1, sizeof *c->values);
	return c->values ? TL_OK : tl_error_memory(err);
}

tl_status tl_carry_init(tl_carry *c, const tl_rnn *rnn, int64_t batch, tl_error *err)
{
	tl_shape shapes[TL_MAX_STATES];
	int n = rnn->options.cell->states;
	for (int k = 0; k < n; k++)
		shapes[k] = tl_rnn_state_shape(rnn, k, batch);
	return tl_carry_init_shapes(c, n, shapes, rnn->options.start == TL_START_ZERO, err);
}

void tl_carry_clear(tl_carry *c)
{
	memset(c->values, 0, (size_t)c->size * sizeof *c->values);
	c->started = false;
}

void tl_carry_release(tl_carry *c)
{
	free(c->values);
	*c = (tl_carry){0};
}

tl_state tl_carry_in(const tl_carry *c, tl_tape *tape)
{
	tl_state s = {0};
	const tl_real *from = c->values;
	if (!c->started && !c->zeros)
		return s;
	for (s.n = 0; s.n < c->n; s.n++) {
		s.v[s.n] = tl_input(tape, c->shape[s.n], from);
		from += tl_shape_size(c->shape[s.n]);
	}
	return s;
}

tl_status tl_carry_out(tl_carry *c, tl_state last)
{
	tl_real *to = c->values;
	for (int k = 0; k < c->n; k++) {
		int64_t n = tl_shape_size(c->shape[k]);
		tl_status status = tl_read(last.v[k], to, n);
		if (status)
			return status;
		to += n;
	}
	c->started = true;
	return TL_OK;
}
