/* SPDX-License-Identifier: Apache-2.0 */
#include "models/cells.h"

#include <string.h>

#include "ops/activation.h"
#include "ops/arith.h"
#include "ops/layout.h"
#include "ops/matmul.h"

enum { W, U, B, EXTRA }; /* the parameters of every cell here, in this order */

/* Block k of n blocks of columns. */
static tl_var gate(tl_var z, int k, int n)
{
	return tl_part(z, -1, k, n);
}

static tl_var sum_of_products(const tl_var *p, tl_var x, tl_var h)
{
	return tl_add(tl_linear(x, p[W], p[B]), tl_matmul(h, p[U]));
}

static tl_state rnn_step(const tl_var *p, tl_var x, tl_state s)
{
	return tl_state1(tl_tanh(sum_of_products(p, x, s.v[0])));
}

static const tl_cell_param rnn_params[] = {
	{"w", TL_INPUT_ROWS, "h"}, {"u", TL_STATE_ROWS, "h"}, {"b", TL_BIAS, "h"}, {0}};

const tl_cell tl_cell_rnn = {
	.name = "rnn",
	.equations = "h' = tanh(x W + h U + b)",
	.states = 1,
	.step = rnn_step,
	.params = rnn_params,
};

static tl_state rnn_relu_step(const tl_var *p, tl_var x, tl_state s)
{
	return tl_state1(tl_relu(sum_of_products(p, x, s.v[0])));
}

const tl_cell tl_cell_rnn_relu = {
	.name = "rnn_relu",
	.equations = "h' = max(0, x W + h U + b)",
	.states = 1,
	.step = rnn_relu_step,
	.params = rnn_params,
};

static tl_state gru_step(const tl_var *p, tl_var x, tl_state s)
{
	tl_var h = s.v[0], xw = tl_linear(x, p[W], p[B]);
	tl_var rz = tl_sigmoid(tl_add(tl_slice(xw, -1, 0, 2 * tl_dim(h, -1), 1), tl_matmul(h, p[U])));
	tl_var r = tl_name(gate(rz, 0, 2), "reset"), z = tl_name(gate(rz, 1, 2), "update");
	tl_var n = tl_tanh(tl_add(gate(xw, 2, 3), tl_matmul(tl_mul(r, h), p[EXTRA])));
	return tl_state1(tl_lerp(tl_name(n, "new"), h, z));
}

const tl_cell tl_cell_gru = {
	.name = "gru",
	.equations = "r, z = s(x W + h U + b); n = tanh(x W_n + (r*h) U_n + b_n); h' = z*h + (1-z)*n",
	.states = 1,
	.step = gru_step,
	.params = (const tl_cell_param[]){{"w", TL_INPUT_ROWS, "rzn"}, {"u", TL_STATE_ROWS, "rz"},
		{"b", TL_BIAS, "rzn"}, {"u_n", TL_STATE_ROWS, "n"}, {0}},
};

static tl_state gru_lbr_step(const tl_var *p, tl_var x, tl_state s)
{
	tl_var h = s.v[0], xw = tl_linear(x, p[W], p[B]), hu = tl_matmul(h, p[U]);
	int64_t two = 2 * tl_dim(h, -1);
	tl_var rz = tl_sigmoid(tl_add(tl_slice(xw, -1, 0, two, 1), tl_slice(hu, -1, 0, two, 1)));
	tl_var r = tl_name(gate(rz, 0, 2), "reset"), z = tl_name(gate(rz, 1, 2), "update");
	tl_var n = tl_tanh(tl_add(gate(xw, 2, 3), tl_mul(r, tl_add(gate(hu, 2, 3), p[EXTRA]))));
	return tl_state1(tl_lerp(tl_name(n, "new"), h, z));
}

const tl_cell tl_cell_gru_lbr = {
	.name = "gru_lbr",
	.equations = "r, z = s(x W + h U + b); n = tanh(x W_n + b_n + r*(h U_n + c_n)); h' = z*h + (1-z)*n",
	.states = 1,
	.step = gru_lbr_step,
	.params = (const tl_cell_param[]){{"w", TL_INPUT_ROWS, "rzn"}, {"u", TL_STATE_ROWS, "rzn"},
		{"b", TL_BIAS, "rzn"}, {"c_n", TL_BIAS, "n"}, {0}},
};

static tl_state lstm_step(const tl_var *p, tl_var x, tl_state s)
{
	tl_var z = sum_of_products(p, x, s.v[0]);
	tl_var i = tl_name(tl_sigmoid(gate(z, 0, 4)), "input"), f = tl_name(tl_sigmoid(gate(z, 1, 4)), "forget");
	tl_var g = tl_name(tl_tanh(gate(z, 2, 4)), "new"), o = tl_name(tl_sigmoid(gate(z, 3, 4)), "output");
	tl_var c = tl_name(tl_add(tl_mul(f, s.v[1]), tl_mul(i, g)), "memory");
	return tl_state2(tl_mul(o, tl_tanh(c)), c);
}

const tl_cell tl_cell_lstm = {
	.name = "lstm",
	.equations = "i, f, o = s(x W + h U + b); g = tanh(x W_g + h U_g + b_g); c' = f*c + i*g; h' = o*tanh(c')",
	.states = 2,
	.step = lstm_step,
	.params = (const tl_cell_param[]){{"w", TL_INPUT_ROWS, "ifgo"}, {"u", TL_STATE_ROWS, "ifgo"},
		{"b", TL_BIAS, "ifgo"}, {0}},
};

static tl_state lstm_peephole_step(const tl_var *p, tl_var x, tl_state s)
{
	tl_var z = sum_of_products(p, x, s.v[0]), peep = p[EXTRA];
	tl_var i = tl_sigmoid(tl_add(gate(z, 0, 4), tl_mul(gate(peep, 0, 3), s.v[1])));
	tl_var f = tl_sigmoid(tl_add(gate(z, 1, 4), tl_mul(gate(peep, 1, 3), s.v[1])));
	tl_var c = tl_add(tl_mul(f, s.v[1]), tl_mul(i, tl_tanh(gate(z, 2, 4))));
	tl_var o = tl_sigmoid(tl_add(gate(z, 3, 4), tl_mul(gate(peep, 2, 3), c)));
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

static tl_state mgu_step(const tl_var *p, tl_var x, tl_state s)
{
	tl_var h = s.v[0], xw = tl_linear(x, p[W], p[B]);
	tl_var u = tl_name(tl_sigmoid(tl_add(gate(xw, 0, 2), tl_matmul(h, p[U]))), "update");
	tl_var n = tl_name(tl_tanh(tl_add(gate(xw, 1, 2), tl_matmul(tl_mul(u, h), p[EXTRA]))), "new");
	return tl_state1(tl_lerp(h, n, u));
}

const tl_cell tl_cell_mgu = {
	.name = "mgu",
	.equations = "u = s(x W + h U + b); n = tanh(x W_n + (u*h) U_n + b_n); h' = (1-u)*h + u*n",
	.states = 1,
	.step = mgu_step,
	.params = (const tl_cell_param[]){{"w", TL_INPUT_ROWS, "un"}, {"u", TL_STATE_ROWS, "u"},
		{"b", TL_BIAS, "un"}, {"u_n", TL_STATE_ROWS, "n"}, {0}},
};

const tl_cell *tl_cell_at(int k)
{
	static const tl_cell *const all[] = {&tl_cell_rnn, &tl_cell_rnn_relu, &tl_cell_gru, &tl_cell_gru_lbr,
		&tl_cell_lstm, &tl_cell_lstm_peephole, &tl_cell_mgu};
	return k >= 0 && k < (int)(sizeof all / sizeof *all) ? all[k] : NULL;
}

const tl_cell *tl_cell_by_name(const char *name)
{
	const tl_cell *cell = NULL;
	for (int k = 0; (cell = tl_cell_at(k)) && strcmp(cell->name, name); k++)
		;
	return cell;
}
