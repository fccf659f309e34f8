/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/carry.h"

#include <stdlib.h>
#include <string.h>

static int64_t each(const carry *c)
{
	return tl_shape_size(c->shape);
}

tl_status carry_init(carry *c, const tl_rnn *rnn, int64_t batch, tl_error *err)
{
	const tl_rnn_options *o = &rnn->options;
	*c = (carry){.n = o->cell->states, .shape = TL_SHAPE(o->layers, batch, o->hidden)};
	c->values = calloc((size_t)(c->n * each(c)), sizeof *c->values);
	return c->values ? TL_OK : tl_error_memory(err);
}

void carry_clear(carry *c)
{
	memset(c->values, 0, (size_t)(c->n * each(c)) * sizeof *c->values);
}

void carry_release(carry *c)
{
	free(c->values);
	*c = (carry){0};
}

tl_state carry_in(const carry *c, tl_tape *tape)
{
	tl_state s = {.n = c->n};
	for (int k = 0; k < c->n; k++)
		s.v[k] = tl_input(tape, c->shape, c->values + k * each(c));
	return s;
}

tl_status carry_out(carry *c, tl_state last)
{
	tl_status status = TL_OK;
	for (int k = 0; k < c->n && !status; k++)
		status = tl_read(last.v[k], c->values + k * each(c), each(c));
	return status;
}
