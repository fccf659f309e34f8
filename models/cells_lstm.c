/* SPDX-License-Identifier: Apache-2.0 */
/* LSTMs whose output is their state. */
#include "models/cells.h"

#include "models/cells_parts.h"
#include "ops/activation.h"
#include "ops/norm.h"

enum { IN, FORGET, NEW, OUT, GATES };

/* The gates with these sums, and c' = f*c + i*g. */
static tl_var next_memory(tl_var z, tl_var c, tl_var gate[GATES])
{
	static const char *const name[GATES] = {"input", "forget", "new", "output"};
	for (int k = 0; k < GATES; k++) {
		tl_var part = tl__gate(z, k, GATES);
		gate[k] = tl_name(k == NEW ? tl_tanh(part) : tl_sigmoid(part), name[k]);
	}
	tl_var ig = tl_mul(gate[IN], gate[NEW]);
	return tl_name(tl_add(tl_mul(gate[FORGET], c), ig), "memory");
}

tl_state tl__lstm_next(tl_var z, tl_var c)
{
	tl_var gate[GATES];
	c = next_memory(z, c, gate);
	return tl_state2(tl_mul(gate[OUT], tl_tanh(c)), c);
}

static tl_state lstm_step(const tl_var *p, tl_var x, tl_state s)
{
	return tl__lstm_next(tl__sum_of_products(p, x, s.v[0]), s.v[1]);
}

const tl_cell tl_cell_lstm = {
	.name = "lstm",
	.equations = "i, f, o = s(x W + h U + b); g = tanh(x W_g + h U_g + b_g); c' = f*c + i*g; h' = o*tanh(c')",
	.states = 2,
	.step = lstm_step,
	.params = (const tl_cell_param[]){{"w", TL_INPUT_ROWS, "ifgo"}, {"u", TL_STATE_ROWS, "ifgo"},
		{"b", TL_BIAS, "ifgo"}, {0}},
};

/* s(z_k + p_j*c) */
static tl_var peeping(tl_var z, int k, tl_var peep, int j, tl_var c)
{
	tl_var pc = tl_mul(tl__gate(peep, j, 3), c);
	return tl_sigmoid(tl_add(tl__gate(z, k, 4), pc));
}

static tl_state lstm_peephole_step(const tl_var *p, tl_var x, tl_state s)
{
	tl_var z = tl__sum_of_products(p, x, s.v[0]), peep = p[CELL_EXTRA];
	tl_var i = tl_name(peeping(z, 0, peep, 0, s.v[1]), "input");
	tl_var f = tl_name(peeping(z, 1, peep, 1, s.v[1]), "forget");
	tl_var g = tl_name(tl_tanh(tl__gate(z, 2, 4)), "new"), ig = tl_mul(i, g);
	tl_var c = tl_name(tl_add(tl_mul(f, s.v[1]), ig), "memory");
	tl_var o = tl_name(peeping(z, 3, peep, 2, c), "output");
	return tl_state2(tl_mul(o, tl_tanh(c)), c);
}

const tl_cell tl_cell_lstm_peephole = {
	.name = "lstm_peephole",
	.equations = "as lstm, with i, f = s(... + p*c) and o = s(... + p_o*c')",
	.states = 2,
	.step = lstm_peephole_step,
	.params = (const tl_cell_param[]){{"w", TL_INPUT_ROWS, "ifgo"}, {"u", TL_STATE_ROWS, "ifgo"},
		{"b", TL_BIAS, "ifgo"}, {"peephole", TL_DIAGONAL, "ifo"}, {0}},
};

enum { GAIN_W = CELL_EXTRA, GAIN_U, GAIN_C, BIAS_C };

/*
 * N(v) has mean 0 and variance 1 over all of v: over the four gates of x W together, as over those of h U. The
 * paper's biases at either only add up with b.
 */
static tl_state lstm_norm_step(const tl_var *p, tl_var x, tl_state s)
{
	const tl_var none = {0};
	const double eps = 1e-5;
	tl_var xw = tl_layer_norm(tl_matmul(x, p[CELL_W]), p[GAIN_W], p[CELL_B], eps);
	tl_var z = tl_add(xw, tl_layer_norm(tl_matmul(s.v[0], p[CELL_U]), p[GAIN_U], none, eps));
	tl_var gate[GATES], c = next_memory(z, s.v[1], gate);
	return tl_state2(tl_mul(gate[OUT], tl_tanh(tl_layer_norm(c, p[GAIN_C], p[BIAS_C], eps))), c);
}

const tl_cell tl_cell_lstm_norm = {
	.name = "lstm_norm",
	.equations = "as lstm, with g_w*N(x W) + g_u*N(h U) + b at the gates and h' = o*tanh(g_c*N(c') + b_c)",
	.states = 2,
	.step = lstm_norm_step,
	.params = (const tl_cell_param[]){{"w", TL_INPUT_ROWS, "ifgo"}, {"u", TL_STATE_ROWS, "ifgo"},
		{"b", TL_BIAS | TL_FROM_ZERO, "ifgo"}, {"gain_w", TL_DIAGONAL | TL_FROM_ONE, "ifgo"},
		{"gain_u", TL_DIAGONAL | TL_FROM_ONE, "ifgo"}, {"gain_c", TL_DIAGONAL | TL_FROM_ONE, "c"},
		{"b_c", TL_BIAS | TL_FROM_ZERO, "c"}, {0}},
};
