/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An op is a constant: everything the engine knows about an operation stands in one `const tl_op`
 * beside its kernel. Nodes point to it; nothing is registered anywhere, so a program that links the
 * library adds an op by writing such a constant and calling tl_apply:
 *
 *	static void cube(const void *params, int64_t n, tl_real *out, const tl_real *const *in)
 *	{
 *		(void)params;
 *		for (int64_t i = 0; i < n; i++)
 *			out[i] = in[0][i] * in[0][i] * in[0][i];
 *	}
 *	static tl_var cube_gradient(const tl_adjoint *a, int k)
 *	{
 *		return tl_mul(a->dout, tl_scale(tl_square(a->in[k]), 3));
 *	}
 *	static const tl_op op_cube = {
 *		.name = "cube", .arity = 1, .map = cube, .gradient = cube_gradient};
 *	...
 *	tl_var y = tl_apply(NULL, &op_cube, 1, &x, NULL, 0);
 *
 * An op has exactly one of `map` (elementwise, see core/map.h) and `kernel` (whole tensors), and may
 * have `view` besides; an elementwise op has at most TL_MAP_MAX operands. The engine checks types, broadcasts elementwise operands, allocates results,
 * skips gradients that nobody needs, sums broadcast axes back and adds up contributions.
 */
#ifndef TL_GRAPH_OP_H
#define TL_GRAPH_OP_H

#include "core/arena.h"
#include "core/map.h"
#include "core/status.h"
#include "core/tensor.h"

typedef struct tl_tape tl_tape;

/* A variable is a value: pass it by value, keep it until its tape is reset. {0} is "no variable". */
typedef struct tl_var {
	tl_tape *tape;
	uint32_t index;      /* node; 0: the op failed, the tape holds the reason */
	uint32_t generation; /* of the tape when it was recorded */
} tl_var;

/* Shape rule: sets out and dtype from the operands, or fails with tl_error_set(s->error, ...). */
typedef struct tl_infer {
	const void *params;         /* copied as they are: no pointers to what a reset takes away */
	int n_in;
	const tl_tensor *const *in; /* types and shapes; no data yet */
	tl_shape out;               /* to be set */
	tl_dtype dtype;             /* preset */
	tl_error *error;            /* the engine adds op, operands and scope to the sentence */
} tl_infer;

/* What a kernel receives. `out` is dense, uninitialised and overlaps no operand. */
typedef struct tl_call {
	const void *params;
	int n_in;
	const tl_tensor *const *in; /* any strides */
	const tl_tensor *out;
	tl_pool *pool;         /* for tl_parallel */
	uint64_t seed, stream; /* of a random op: the key and the first counter of tl_philox */
	tl_arena *scratch;     /* cleared after the call */
	tl_error *error;       /* as above */
} tl_call;

/* What a gradient rule receives. */
typedef struct tl_adjoint {
	const void *params;
	int n_in;
	const tl_var *in;
	tl_var out;  /* the op's result */
	tl_var dout; /* dL/dout, of out's shape */
} tl_adjoint;

/*
 * Inputs for the gradient test: random operands of these shapes with reals in [low, high] (both 0:
 * [-2, 2]) and int32 operands in 0..limit-1. A row with n = 0 ends the list.
 */
typedef struct tl_sample {
	int n;
	tl_shape in[6];
	double low, high;
	int limit;
	const void *params;
	size_t params_size;
} tl_sample;

#define TL_VARIADIC (-1)

enum {
	TL_OP_LEAF = 1,     /* its value is given, not computed */
	/*
	 * The sum of the matrix products of operands 0 and 1, 2 and 3, ...; and of a row, the last operand, if
	 * their number is odd. A planner may compute it itself where all are 2-D, the row 1-D.
	 */
	TL_OP_PRODUCT = 2,
	TL_OP_RANDOM = 4,   /* draws counted random numbers */
	TL_OP_ANY_TYPE = 8, /* moves elements of either type; the result has operand 0's type */
	TL_OP_STOP = 16,    /* no gradient flows through, silently */
	TL_OP_KINKED = 32,  /* piecewise: has no second derivative worth testing */
	TL_OP_OWN_TYPES = 64, /* its operands may be of any types: its shape rule checks them */
	TL_OP_ALONE = 128,  /* runs for long: nothing is gained by running it together with its like */
	/*
	 * Rows added to zeros: operands are indices and rows, indices and rows, ..., with out[index[i]] += row[i] in
	 * this order. tl_backward may add the rows to a gradient itself.
	 */
	TL_OP_ROWS = 256,
};

typedef struct tl_op {
	const char *name;
	int arity;       /* number of operands, or TL_VARIADIC */
	unsigned flags;
	uint32_t index_operands; /* bit k % 32: operand k is int32; the others are real */

	/* NULL: operands broadcast together. */
	tl_status (*infer)(tl_infer *s);

	tl_map_fn map;
	tl_status (*kernel)(const tl_call *c);
	/*
	 * The result as another look at operand 0's memory: sets out->stride and out->data (type and
	 * shape are set), or returns false where only a copy will do; `kernel` then makes it.
	 */
	bool (*view)(const void *params, const tl_tensor *in, tl_tensor *out);
	/*
	 * For an op that lays its operands side by side: part[k] is set to what operand k fills of out, so that
	 * it can be computed there. False where operands overlap or leave gaps, or memory is out.
	 */
	bool (*parts)(const void *params, int n, const tl_tensor *const *in, const tl_tensor *out, tl_tensor *part,
		tl_arena *scratch);

	/*
	 * dL/din[k], of in[k]'s shape or of one that it broadcasts to; {0} where it is zero. Called only
	 * for real operands that need it. Written with ops, so it can be differentiated again; at most one argument
	 * of a call appends nodes, for C leaves open which comes first, and their order shows in drawings and
	 * sums. What it records may depend on params, shapes, and values that it asks for, on nothing else: for a step that
	 * repeats an earlier one it is not called again (a factor that changes belongs into an operand).
	 */
	tl_var (*gradient)(const tl_adjoint *a, int k);
	/*
	 * In place of `gradient`, for an op that computes all of them at once: sets d[k] where need[k], all {0}
	 * before. The engine adds such contributions up as they come, so that none has to wait for the last one.
	 */
	void (*gradients)(const tl_adjoint *a, const unsigned char *need, tl_var *d);
	/* For an op without one: why. An op must have a gradient, TL_OP_STOP or a reason. */
	const char *no_gradient;
	/*
	 * Optional: the sum of n results of this op, all of one shape, as one cheaper node; {0} if there
	 * is none. The engine calls it when it adds up contributions to one adjoint.
	 */
	tl_var (*sum)(int n, const tl_var *v);
	/*
	 * Optional, for an op whose result is a vector that ends in memory of its own use: how many numbers stand before
	 * that. What follows is not looked at by tapes that check (graph/check.h).
	 */
	int64_t (*numbers)(const void *params, int64_t size);

	const tl_sample *samples;
} tl_op;

#endif
