/* SPDX-License-Identifier: Apache-2.0 */
/* Cells with vectors of a second size, P: what they put out is computed from their state of size H. */
#include "models/cells.h"

#include "models/cells_parts.h"
#include "ops/activation.h"

enum { LSTM_PROJECT = CELL_EXTRA };

static tl_state lstm_projected_step(const tl_var *p, tl_var x, tl_state s)
{
	tl_state next = tl__lstm_next(tl__sum_of_products(p, x, s.v[0]), s.v[1]);
	next.v[0] = tl_matmul(next.v[0], p[LSTM_PROJECT]);
	return next;
}

const tl_cell tl_cell_lstm_projected = {
	.name = "lstm_projected",
	.equations = "as lstm, with h' = (o*tanh(c')) R",
	.states = 2,
	.step = lstm_projected_step,
	.params = (const tl_cell_param[]){{"w", TL_INPUT_ROWS, "ifgo"}, {"u", TL_PROJECTED_ROWS, "ifgo"},
		{"b", TL_BIAS, "ifgo"}, {"r", TL_STATE_ROWS | TL_PROJECTED, "h"}, {0}},
	.projected = 1,
};

enum { OUT_V = CELL_EXTRA, OUT_C };

static tl_var read_out(const tl_var *p, tl_var h)
{
	return tl_name(tl_tanh(tl_linear(h, p[OUT_V], p[OUT_C])), "output");
}

static tl_var elman_output(const tl_var *p, tl_var x, tl_state s)
{
	(void)x;
	return read_out(p, s.v[0]);
}

const tl_cell tl_cell_elman = {
	.name = "elman",
	.equations = "h' = tanh(x W + h U + b); y = tanh(h' V + c)",
	.states = 1,
	.step = tl__rnn_step,
	.params = (const tl_cell_param[]){{"w", TL_INPUT_ROWS, "h"}, {"u", TL_STATE_ROWS, "h"},
		{"b", TL_BIAS, "h"}, {"v", TL_STATE_ROWS | TL_PROJECTED, "y"},
		{"c", TL_BIAS | TL_PROJECTED, "y"}, {0}},
	.projected = TL_OUTPUT_PROJECTED,
	.output = elman_output,
};

/* What returns is the output, so that is the state. */
static tl_state jordan_step(const tl_var *p, tl_var x, tl_state s)
{
	return tl_state1(read_out(p, tl__rnn_step(p, x, s).v[0]));
}

const tl_cell tl_cell_jordan = {
	.name = "jordan",
	.equations = "h' = tanh(x W + y U + b); y' = tanh(h' V + c)",
	.states = 1,
	.step = jordan_step,
	.params = (const tl_cell_param[]){{"w", TL_INPUT_ROWS, "h"}, {"u", TL_PROJECTED_ROWS, "h"},
		{"b", TL_BIAS, "h"}, {"v", TL_STATE_ROWS | TL_PROJECTED, "y"},
		{"c", TL_BIAS | TL_PROJECTED, "y"}, {0}},
	.projected = 1,
};
