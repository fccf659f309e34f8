/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One recurrent layer in one direction over a whole sequence, forward and backward: oneDNN's recurrent
 * primitives in the float build, and tl__recurrent_plain_* in the double build, which are their oracle in the
 * tests. With x_t (B, E), states h (B, D) and c (B, H), D = H unless the LSTM projects:
 *
 *	tanh, relu:  h' = phi(x W + h U + b)
 *	lstm:        i, f, g, o: h U + x W + b, with p_i*c, p_f*c in i, f and p_o*c' in o;
 *	             c' = s(f)*c + s(i)*tanh(g);  h' = (s(o)*tanh(c')) R, R the projection, or none
 *	gru:         r, z = s(x W + h U + b);  n = tanh(x W_n + (r*h) U_n + b_n);  h' = z*h + (1-z)*n
 *	gru_lbr:     r, z = s(x W + h U + b);  n = tanh(x W_n + b_n + r*(h U_n + c_n));  h' = z*h + (1-z)*n
 *
 * Gates stand side by side in this order, W (E, G H). gru: U (H, 2 H) and U_n (H, H); gru_lbr: U (H, 3 H).
 *
 * The batch's rows are shared by the pool's threads, each of which runs its own primitive over all time
 * steps: no thread waits for another one in between. (Measured against primitives on two threads of oneDNN's
 * own: as fast, and twice to ten times as fast where another process is busy, for those threads wait for each
 * other in every step.)
 */
#ifndef TL_CORE_RECURRENT_H
#define TL_CORE_RECURRENT_H

#include <stdbool.h>

#include "core/arena.h"
#include "core/status.h"
#include "core/tensor.h"
#include "core/threads.h"

typedef enum tl_recurrent_cell {
	TL_RECURRENT_TANH,
	TL_RECURRENT_RELU,
	TL_RECURRENT_LSTM,
	TL_RECURRENT_GRU,
	TL_RECURRENT_GRU_LBR,
} tl_recurrent_cell;

/* Compared byte by byte: only 8-byte members, so that there is no padding. */
typedef struct tl_recurrent_spec {
	int64_t cell;				 /* tl_recurrent_cell */
	int64_t steps, rows, input, hidden, out; /* T, B, E, H, D */
	int64_t projected, peephole;
	int64_t given;	  /* the first states are; else they are 0 */
	int64_t backward; /* from the last step to the first */
} tl_recurrent_spec;

/* Operands, in the order in which a node has them; those that there are. */
enum {
	TL_RECURRENT_X,	   /* (T, B, E) */
	TL_RECURRENT_H0,   /* (B, D) */
	TL_RECURRENT_C0,   /* (B, H) */
	TL_RECURRENT_W,	   /* (E, G H) */
	TL_RECURRENT_U,	   /* (D, G H), gru (H, 2 H) */
	TL_RECURRENT_B,	   /* (G H) */
	TL_RECURRENT_MORE, /* gru: U_n (H, H); gru_lbr: c_n (H) */
	TL_RECURRENT_PEEP, /* (3 H): of i, f, o */
	TL_RECURRENT_PROJ, /* (H, D) */
	TL_RECURRENT_INPUTS,
};

/* The shape of operand k; false where there is none. */
bool tl__recurrent_shape(const tl_recurrent_spec *spec, int k, tl_shape *shape);

/* What a run reads and writes; NULL for what there is not. */
typedef struct tl_recurrent_run {
	const tl_tensor *in[TL_RECURRENT_INPUTS]; /* any strides */
	tl_real *y, *hn, *cn;		 /* (T, B, D), (B, D), (B, H), dense: written, read by backward */
	void *kept;			 /* written by a forward run in training, for backward */
	const tl_tensor *dy, *dhn, *dcn; /* adjoints, any strides; NULL: zeros */
	tl_real *d[TL_RECURRENT_INPUTS]; /* gradients of the operands, dense: written by backward, all of them
					  */
	tl_pool *pool;
	tl_arena *scratch;
} tl_recurrent_run;

/* Primitives for one spec and so many threads. They serve one run at a time. */
typedef struct tl_recurrent tl_recurrent;
TL_API tl_recurrent *tl__recurrent_new(const tl_recurrent_spec *spec, int threads, tl_error *err);
TL_API void tl__recurrent_free(tl_recurrent *r);
TL_API const tl_recurrent_spec *tl__recurrent_spec(const tl_recurrent *r);
/* Primitives made so far: those of a kind of run are, the first time that it is asked for. */
TL_API uint64_t tl__recurrent_made(const tl_recurrent *r);

/* Bytes of what a forward run keeps for backward. */
TL_API tl_status tl__recurrent_kept(tl_recurrent *r, size_t *bytes, tl_error *err);

/* Without `kept`: a forward run for inference, and a backward run that goes forward once more. */
TL_API tl_status tl__recurrent_forward(tl_recurrent *r, const tl_recurrent_run *run, tl_error *err);
TL_API tl_status tl__recurrent_backward(tl_recurrent *r, const tl_recurrent_run *run, tl_error *err);

/* The plain twin. It keeps nothing. */
TL_API tl_status tl__recurrent_plain_forward(
	const tl_recurrent_spec *s, const tl_recurrent_run *run, tl_error *err);
TL_API tl_status tl__recurrent_plain_backward(
	const tl_recurrent_spec *s, const tl_recurrent_run *run, tl_error *err);

#endif
