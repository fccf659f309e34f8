/* SPDX-License-Identifier: Apache-2.0 */
#include "models/bridge.h"

#include <stdio.h>
#include <stdlib.h>

#include "ops/activation.h"
#include "ops/layout.h"

static int from_state(const tl_bridge *b, int k)
{
	return k < b->from_states ? k : b->from_states - 1;
}

static int from_layer(const tl_bridge *b, int j)
{
	int paired = j + b->from_layers - b->layers;
	return paired > 0 ? paired : 0;
}

static int64_t from_size(const tl_bridge *b, const tl_encoder *from, int k)
{
	return tl_encoder_state_size(from, from_state(b, k));
}

tl_status tl_bridge_add(tl_bridge *b, tl_store *store, const char *name, const tl_encoder *from, const tl_rnn *to,
	bool wanted, tl_error *err)
{
	*b = (tl_bridge){NULL, to->options.layers, to->options.cell->states, tl_encoder_layers(from),
		tl_encoder_states(from)};
	for (int k = 0; k < b->states; k++)
		wanted = wanted || from_size(b, from, k) != tl_rnn_state_shape(to, k, 1).dim[2];
	if (!wanted)
		return TL_OK;
	if (!(b->dense = calloc((size_t)(b->layers * b->states), sizeof *b->dense)))
		return tl_error_memory(err);
	for (int i = 0; i < b->layers * b->states; i++) {
		int j = i / b->states, k = i % b->states;
		char full[256];
		snprintf(full, sizeof full, "%s.l%d.%d", name, j, k);
		int64_t size = tl_rnn_state_shape(to, k, 1).dim[2];
		if (tl_dense_add(&b->dense[i], store, full, from_size(b, from, k), size, err)) {
			tl_bridge_release(b);
			return err->status;
		}
	}
	return TL_OK;
}

void tl_bridge_release(tl_bridge *b)
{
	free(b->dense);
	b->dense = NULL;
}

void tl_bridge_init(tl_bridge *b, tl_rng *rng)
{
	for (int i = 0; b->dense && i < b->layers * b->states; i++)
		tl_dense_init(&b->dense[i], rng);
}

tl_state tl_bridge_run(const tl_bridge *b, tl_state last)
{
	tl_tape *tape = last.v[0].tape;
	tl_state first = {.n = b->states};
	tl_var *layer = tl_tape_alloc(tape, (size_t)b->layers * sizeof *layer);
	tl_scope_begin(tape, "bridge", -1);
	for (int k = 0; k < b->states; k++) {
		for (int j = 0; layer && j < b->layers; j++) {
			layer[j] = tl_select(last.v[from_state(b, k)], 0, from_layer(b, j));
			if (b->dense)
				layer[j] = tl_tanh(tl_dense_run(&b->dense[j * b->states + k], layer[j]));
		}
		first.v[k] = layer ? tl_stack(b->layers, layer, 0) : (tl_var){tape, 0, last.v[0].generation};
	}
	tl_scope_end(tape);
	return first;
}
