/* SPDX-License-Identifier: Apache-2.0 */
#include "models/window.h"

#include <inttypes.h>
#include <stdio.h>

#include "ops/activation.h"
#include "ops/layout.h"

tl_var tl_window(tl_var x, int64_t tau)
{
	char text[TL_SHAPE_TEXT];
	if (!tl_ok(x))
		return tl_slice(x, 0, 0, 0, 1); /* reports why */
	int64_t steps = tl_dim(x, 0) - tau + 1;
	if (tau < 1 || steps < 1 || tl_var_shape(x).axes != 3)
		return tl_tape_fail(x.tape, TL_ERR_SHAPE,
			"window: x has shape %s, (T + tau - 1, B, E), T > 0, with tau = %" PRId64 " is needed",
			tl_shape_text(tl_var_shape(x), text), tau);
	tl_var *at = tl_tape_alloc(x.tape, (size_t)tau * sizeof *at);
	for (int64_t k = 0; at && k < tau; k++)
		at[k] = tl_slice(x, 0, k, k + steps, 1);
	return at && tau > 1 ? tl_concat((int)tau, at, -1) : x;
}

tl_status tl_window_net_add(
	tl_window_net *net, tl_store *store, const char *name, const tl_window_options *o, tl_error *err)
{
	char full[256];
	*net = (tl_window_net){.options = *o};
	if (o->tau < 1 || o->tau > INT32_MAX || o->input < 1 || o->output < 1 || o->hidden < 0)
		return tl_error_set(err, TL_ERR_ARGUMENT,
			"window: tau %" PRId64 ", input size %" PRId64 " and output size %" PRId64
			" must be positive, the hidden size %" PRId64 " not negative",
			o->tau, o->input, o->output, o->hidden);
	int64_t seen = o->tau * o->input;
	snprintf(full, sizeof full, "%s.hidden", name);
	if (o->hidden && tl_dense_add(&net->hidden, store, full, seen, o->hidden, err))
		return err->status;
	snprintf(full, sizeof full, "%s.out", name);
	return tl_dense_add(&net->output, store, full, o->hidden ? o->hidden : seen, o->output, err);
}

void tl_window_net_init(tl_window_net *net, tl_rng *rng)
{
	tl_dense_init(&net->hidden, rng);
	tl_dense_init(&net->output, rng);
}

tl_var tl_window_net_run(const tl_window_net *net, tl_var x)
{
	tl_var seen = tl_window(x, net->options.tau);
	return tl_dense_run(&net->output, net->options.hidden ? tl_tanh(tl_dense_run(&net->hidden, seen)) : seen);
}
