/* SPDX-License-Identifier: Apache-2.0 */
#include "models/markov.h"

#include <stdlib.h>

#include "ops/layout.h"

tl_markov *tl_markov_new(tl_store *store, const tl_markov_options *o, tl_error *err)
{
	tl_markov *m = calloc(1, sizeof *m);
	if (!m) {
		tl_error_memory(err);
		return NULL;
	}
	m->options = *o;
	if (!tl_embedding_add(&m->input, store, "embed", o->symbols, o->embed, err)) {
		tl_window_options net = {
			.tau = o->order,
			.input = tl_embedding_size(&m->input),
			.hidden = o->hidden,
			.output = o->symbols,
		};
		if (!tl_window_net_add(&m->net, store, "net", &net, err))
			return m;
	}
	tl_markov_free(m);
	return NULL;
}

void tl_markov_free(tl_markov *m)
{
	free(m);
}

void tl_markov_init(tl_markov *m, tl_rng *rng)
{
	tl_embedding_init(&m->input, rng);
	tl_window_net_init(&m->net, rng);
}

tl_lm_result tl_markov_run(const tl_markov *m, tl_var symbols, tl_state initial)
{
	tl_var x = tl_embedding_run(&m->input, symbols);
	int64_t before = m->options.order - 1, steps = tl_dim(x, 0);
	tl_shape shape = TL_SHAPE(before, tl_dim(x, 1), tl_embedding_size(&m->input));
	if (before == 0)
		return (tl_lm_result){tl_window_net_run(&m->net, x), {0}};
	if (initial.n == 0)
		initial = tl_state1(tl_fill(x.tape, shape, 0));
	x = tl_concat(2, (tl_var[]){initial.v[0], x}, 0);
	tl_var logits = tl_window_net_run(&m->net, x);
	return (tl_lm_result){logits, tl_state1(tl_slice(x, 0, steps, steps + before, 1))};
}
