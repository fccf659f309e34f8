/* SPDX-License-Identifier: Apache-2.0 */
/* Simple networks and those with gates on one state; the list of all cells. */
#include "models/cells.h"

#include <string.h>

#include "models/cells_parts.h"
#include "ops/activation.h"

tl_state tl__rnn_step(const tl_var *p, tl_var x, tl_state s)
{
	return tl_state1(tl_tanh(tl__sum_of_products(p, x, s.v[0])));
}

static const tl_cell_param rnn_params[] = {
	{"w", TL_INPUT_ROWS, "h"}, {"u", TL_STATE_ROWS, "h"}, {"b", TL_BIAS, "h"}, {0}};

const tl_cell tl_cell_rnn = {
	.name = "rnn",
	.equations = "h' = tanh(x W + h U + b)",
	.states = 1,
	.step = tl__rnn_step,
	.params = rnn_params,
};

static tl_state rnn_relu_step(const tl_var *p, tl_var x, tl_state s)
{
	return tl_state1(tl_relu(tl__sum_of_products(p, x, s.v[0])));
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
	tl_var h = s.v[0], xw = tl_linear(x, p[CELL_W], p[CELL_B]), hu = tl_matmul(h, p[CELL_U]);
	tl_var rz = tl_sigmoid(tl_add(tl_slice(xw, -1, 0, 2 * tl_dim(h, -1), 1), hu));
	tl_var r = tl_name(tl__gate(rz, 0, 2), "reset"), z = tl_name(tl__gate(rz, 1, 2), "update");
	tl_var hu_n = tl_matmul(tl_mul(r, h), p[CELL_EXTRA]);
	tl_var n = tl_tanh(tl_add(tl__gate(xw, 2, 3), hu_n));
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
	tl_var h = s.v[0], xw = tl_linear(x, p[CELL_W], p[CELL_B]), hu = tl_matmul(h, p[CELL_U]);
	int64_t two = 2 * tl_dim(h, -1);
	tl_var hu_rz = tl_slice(hu, -1, 0, two, 1);
	tl_var rz = tl_sigmoid(tl_add(tl_slice(xw, -1, 0, two, 1), hu_rz));
	tl_var r = tl_name(tl__gate(rz, 0, 2), "reset"), z = tl_name(tl__gate(rz, 1, 2), "update");
	tl_var hu_n = tl_mul(r, tl_add(tl__gate(hu, 2, 3), p[CELL_EXTRA]));
	tl_var n = tl_tanh(tl_add(tl__gate(xw, 2, 3), hu_n));
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

static tl_state mgu_step(const tl_var *p, tl_var x, tl_state s)
{
	tl_var h = s.v[0], xw = tl_linear(x, p[CELL_W], p[CELL_B]), hu = tl_matmul(h, p[CELL_U]);
	tl_var u = tl_name(tl_sigmoid(tl_add(tl__gate(xw, 0, 2), hu)), "update");
	tl_var hu_n = tl_matmul(tl_mul(u, h), p[CELL_EXTRA]);
	tl_var n = tl_name(tl_tanh(tl_add(tl__gate(xw, 1, 2), hu_n)), "new");
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
		&tl_cell_lstm, &tl_cell_lstm_peephole, &tl_cell_lstm_norm, &tl_cell_lstm_projected, &tl_cell_mgu,
		&tl_cell_elman, &tl_cell_jordan};
	return k >= 0 && k < (int)(sizeof all / sizeof *all) ? all[k] : NULL;
}

const tl_cell *tl_cell_by_name(const char *name)
{
	const tl_cell *cell = NULL;
	for (int k = 0; (cell = tl_cell_at(k)) && strcmp(cell->name, name); k++)
		;
	return cell;
}
