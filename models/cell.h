/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recurrent cell is a constant: its parameters and a step, x_t, s_{t-1} -> s_t, written with public
 * ops in a few lines. There is no backward code and no registration; tl_rnn (models/rnn.h) gives any
 * cell layers, directions, dropout, zoneout, initial states. A minimal gated unit (Zhou et al., 2016), complete:
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
 * An op call appends a node, and C leaves open which argument of a call comes first: where one argument only
 * appends nodes, and other terms have statements of their own before, as in all cells of the library, drawings, random
 * numbers and rounding are the same whatever compiler built them.
 *
 * Vectors are rows: x (B, E), h (B, H), products x W with W (E, H). A cell may have vectors of a second
 * size, P: states with a bit in `projected`, parameters whose rows or columns say so. And its output
 * need not be a state: an Elman network that puts out y = tanh(h V + c), of size P,
 *
 *	static tl_var elman_output(const tl_var *p, tl_var x, tl_state s)
 *	{
 *		return tl_tanh(tl_linear(s.v[0], p[V], p[C]));
 *	}
 *	... .output = elman_output, .projected = TL_OUTPUT_PROJECTED, and among the parameters
 *			{"v", TL_STATE_ROWS | TL_PROJECTED, "y"}, {"c", TL_BIAS | TL_PROJECTED, "y"},
 */
#ifndef TL_MODELS_CELL_H
#define TL_MODELS_CELL_H

#include "graph/tape.h"

#define TL_MAX_STATES 4

/* The vectors that a cell hands from step to step, each (B, H) or (B, P). v[0] is the output if there is no own. */
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

/* What multiplies what, and so the shape. */
typedef enum tl_rows {
	TL_BIAS,           /* (n H): added */
	TL_DIAGONAL,       /* (n H): multiplies a vector element by element */
	TL_INPUT_ROWS,     /* (E, n H): multiplies x */
	TL_STATE_ROWS,     /* (H, n H): multiplies a state */
	TL_PROJECTED_ROWS, /* (P, n H): multiplies a state of size P */
	TL_ROWS = 15,      /* the bits of these; besides, joined by |: */
	TL_PROJECTED = 16, /* columns are n P in place of n H */
	TL_FROM_ZERO = 32, /* tl_rnn_init: starts at 0, ... */
	TL_FROM_ONE = 64,  /* ... at 1; else at random */
} tl_rows;

/* One parameter with n blocks of H (or P) columns, a letter naming each: "ifgo" are four gates side by side. */
typedef struct tl_cell_param {
	const char *name;
	tl_rows rows;
	const char *gates;
} tl_cell_param;

#define TL_OUTPUT_PROJECTED (1u << TL_MAX_STATES)

typedef struct tl_cell {
	const char *name;
	const char *equations; /* for help texts; may be NULL */
	int states;            /* 1 to TL_MAX_STATES */
	tl_state (*step)(const tl_var *p, tl_var x, tl_state s);
	const tl_cell_param *params; /* p[k] of the step is params[k]; the last name is NULL */
	unsigned projected;          /* bit k: state k is of size P; TL_OUTPUT_PROJECTED: so is the own output */
	/* y_t of the parameters, x_t and s_t; NULL: s_t.v[0]. */
	tl_var (*output)(const tl_var *p, tl_var x, tl_state s);
} tl_cell;

/* E, H and P of a net; P = 0 stands for P = H. */
typedef struct tl_cell_sizes {
	int64_t input, hidden, project;
} tl_cell_sizes;

TL_API int tl_cell_param_count(const tl_cell *cell);
TL_API tl_shape tl_cell_param_shape(const tl_cell *cell, int k, tl_cell_sizes sizes);
/* Columns of a block of parameter k: H or P. */
TL_API int64_t tl_cell_param_block(const tl_cell *cell, int k, tl_cell_sizes sizes);
/* H or P: the size of state k, and of the output. */
TL_API int64_t tl_cell_state_size(const tl_cell *cell, int k, tl_cell_sizes sizes);
TL_API int64_t tl_cell_output_size(const tl_cell *cell, tl_cell_sizes sizes);
/* Whether anything of this cell is of size P. */
TL_API bool tl_cell_projects(const tl_cell *cell);

#endif
