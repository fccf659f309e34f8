/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recurrent cell is a constant: its parameters and a step, x_t, s_{t-1} -> s_t, written with public
 * ops in a few lines. There is no backward code and no registration; tl_rnn (models/rnn.h) gives any
 * cell layers, dropout, initial states. A minimal gated unit (Zhou et al., 2016), complete:
 *
 *	enum { WF, UF, BF, WC, UC, BC };
 *	static tl_state mgu_step(const tl_var *p, tl_var x, tl_state s)
 *	{
 *		tl_var h = s.v[0];
 *		tl_var f = tl_sigmoid(tl_add(tl_linear(x, p[WF], p[BF]), tl_matmul(h, p[UF])));
 *		tl_var c = tl_tanh(tl_add(tl_linear(x, p[WC], p[BC]), tl_matmul(tl_mul(f, h), p[UC])));
 *		return tl_state1(tl_lerp(h, c, f));
 *	}
 *	static const tl_cell mgu = {.name = "mgu", .states = 1, .step = mgu_step,
 *		.params = (const tl_cell_param[]){
 *			{"w_f", TL_INPUT_ROWS, "f"}, {"u_f", TL_STATE_ROWS, "f"}, {"b_f", TL_BIAS, "f"},
 *			{"w_c", TL_INPUT_ROWS, "c"}, {"u_c", TL_STATE_ROWS, "c"}, {"b_c", TL_BIAS, "c"}, {0}}};
 *
 * Vectors are rows: x (B, E), h (B, H), products x W with W (E, H).
 */
#ifndef TL_MODELS_CELL_H
#define TL_MODELS_CELL_H

#include "graph/tape.h"

#define TL_MAX_STATES 4

/* The vectors that a cell hands from step to step, each (B, H); v[0] is also its output. */
typedef struct tl_state {
	int n;
	tl_var v[TL_MAX_STATES];
} tl_state;

static inline tl_state tl_state1(tl_var h)
{
	return (tl_state){1, {h}};
}

static inline tl_state tl_state2(tl_var h, tl_var c)
{
	return (tl_state){2, {h, c}};
}

typedef enum tl_rows {
	TL_BIAS,       /* (n H): added */
	TL_DIAGONAL,   /* (n H): multiplies a state element by element */
	TL_INPUT_ROWS, /* (E, n H): multiplies x */
	TL_STATE_ROWS, /* (H, n H): multiplies a state */
} tl_rows;

/* One parameter with n blocks of H columns, a letter naming each: "ifgo" are four gates side by side. */
typedef struct tl_cell_param {
	const char *name;
	tl_rows rows;
	const char *gates;
} tl_cell_param;

typedef struct tl_cell {
	const char *name;
	const char *equations; /* for help texts; may be NULL */
	int states;            /* 1 to TL_MAX_STATES */
	tl_state (*step)(const tl_var *p, tl_var x, tl_state s);
	const tl_cell_param *params; /* p[k] of the step is params[k]; the last name is NULL */
} tl_cell;

TL_API int tl_cell_param_count(const tl_cell *cell);
/* The shape of parameter k for inputs of size `input` and states of size `hidden`. */
TL_API tl_shape tl_cell_param_shape(const tl_cell *cell, int k, int64_t input, int64_t hidden);

#endif
