/* SPDX-License-Identifier: Apache-2.0 */
#include "models/stream.h"

#include <string.h>

static void record(void *user, const tl_recording *r)
{
	const tl_rnn *rnn = user;
	tl_state s = {.n = rnn->options.cell->states};
	for (int k = 0; k < s.n; k++)
		s.v[k] = r->state[k];
	tl_rnn_result y = tl_rnn_step(rnn, r->in[0], s);
	r->out[0] = y.output;
	for (int k = 0; k < s.n; k++)
		r->next[k] = y.last.v[k];
}

tl_function *tl_rnn_stream(tl_tape *tape, const tl_rnn *rnn, int64_t batch, tl_error *err)
{
	tl_slot x = {.shape = TL_SHAPE(batch, rnn->options.input)}, state[TL_MAX_STATES] = {{0}};
	for (int k = 0; k < rnn->options.cell->states; k++)
		state[k].shape = tl_rnn_state_shape(rnn, k, batch);
	tl_function_options o = {.record = record, .user = (void *)(uintptr_t)rnn, .inputs = 1, .input = &x, .outputs = 1,
		.states = rnn->options.cell->states, .state = state};
	tl_function *f = tl_function_new(tape, &o, err);
	if (f)
		tl_rnn_stream_restart(f, rnn);
	return f;
}

/* Every row of layer i's state k begins alike. */
static void start_rows(tl_real *to, int64_t rows, const tl_tensor *from)
{
	int64_t size = tl_shape_size(from->shape);
	for (int64_t r = 0; r < rows; r++)
		memcpy(to + r * size, from->data, (size_t)size * sizeof *to);
}

void tl_rnn_stream_restart(tl_function *f, const tl_rnn *rnn)
{
	int states = rnn->options.cell->states;
	tl_function_clear(f);
	for (int k = 0; rnn->starts && k < states; k++) {
		int64_t all = tl_shape_size(tl_function_state_shape(f, k)), each = all / rnn->options.layers;
		for (int i = 0; i < rnn->options.layers && each > 0; i++) {
			const tl_tensor *start = &rnn->starts[i * states + k]->value;
			tl_real *to = tl_function_state(f, k);
			start_rows(to + i * each, each / tl_shape_size(start->shape), start);
		}
	}
}
