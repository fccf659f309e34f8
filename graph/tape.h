/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tape. Calling an op checks shapes, appends a node to a creation-ordered array and computes
 * nothing. Values appear when they are asked for: tl_eval, the tl_read functions, tl_backward. What
 * has been computed stays until the tape is reset, and recording may go on after a value was read.
 *
 *	tl_tape *tape = tl_tape_new(NULL);
 *	tl_var x = tl_input(tape, TL_SHAPE(2, 3), data);
 *	tl_var y = tl_sum_all(tl_square(x));
 *	float loss;
 *	if (tl_read(y, &loss, 1))
 *		fprintf(stderr, "%s\n", tl_tape_error(tape)->text);
 *	tl_tape_reset(tape);   // x and y are stale from here on; the memory is kept for the next step
 *	tl_tape_free(tape);
 *
 * Errors stick: the first one is kept with the op, the operands' names and shapes and the scope; ops
 * on a failed variable fail silently, and every evaluation returns the status until the reset. So one
 * check per step is enough. A tape serves one thread at a time; tapes are independent of each other.
 */
#ifndef TL_GRAPH_TAPE_H
#define TL_GRAPH_TAPE_H

#include "graph/op.h"
#include "graph/executor.h"
#include "graph/param.h"

typedef struct tl_tape_options {
	int threads;                 /* 0: tl_threads_default() */
	uint64_t seed;               /* of dropout and other random ops */
	const tl_executor *executor; /* NULL: tl_executor_planned, see graph/plan.h */
	const char *plan;            /* passes of the planner, see graph/plan.h; NULL: TL_PLAN, or all */
	bool check;                  /* look for the first NaN or infinity, see graph/check.h */
} tl_tape_options;

/* NULL options: all defaults. Returns NULL where memory is out. */
TL_API tl_tape *tl_tape_new(const tl_tape_options *options);
/* One more with the same threads (its own), seed, executor and passes; it checks nothing. */
TL_API tl_tape *tl_tape_like(const tl_tape *tape);
TL_API void tl_tape_free(tl_tape *tape);
/* Forget all nodes and the error, keep the memory, go to the next random step. */
TL_API void tl_tape_reset(tl_tape *tape);

TL_API const tl_error *tl_tape_error(const tl_tape *tape);
TL_API tl_status tl_tape_status(const tl_tape *tape);
/* Report a user's mistake on the tape as ops do: the first sentence is kept, with the scope. */
TL_API tl_var tl_tape_fail(tl_tape *tape, tl_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Random ops draw from (seed, step, how many random nodes were recorded before on this tape). */
TL_API void tl_tape_set_step(tl_tape *tape, uint64_t step);

/* Leaves: copies of data; `tl_borrow` copies nothing: its memory must stay as it is until the reset. */
TL_API tl_var tl_input(tl_tape *tape, tl_shape shape, const tl_real *data);
TL_API tl_var tl_index(tl_tape *tape, tl_shape shape, const int32_t *data);
TL_API tl_var tl_borrow(tl_tape *tape, const tl_tensor *tensor);
/* Every element is `value`; stores one. */
TL_API tl_var tl_fill(tl_tape *tape, tl_shape shape, double value);
/*
 * A parameter; the same variable for every call between two resets. It is read where it lies: after an
 * optimiser's step reset the tape, or values computed from then on mix old and new weights.
 */
TL_API tl_var tl_use(tl_tape *tape, tl_param *param);

/*
 * Memory that lives until the reset (if asked for in a checkpoint: until that is ended), for lists of variables and
 * the like; NULL, and an error, if there is none.
 */
TL_API void *tl_tape_alloc(tl_tape *tape, size_t bytes);

/*
 * Record a node: how ops are called. `params` is copied; its bytes are part of the graph's structure,
 * so padding must be zero. tape may be NULL if there is an operand. Returns a failed variable on error.
 */
TL_API tl_var tl_apply(tl_tape *tape, const tl_op *op, int n, const tl_var *in, const void *params, size_t size);

/* Looking at a variable. A failed or stale variable is a scalar without operands. */
TL_API bool tl_ok(tl_var v);
TL_API tl_shape tl_var_shape(tl_var v);
TL_API tl_dtype tl_var_dtype(tl_var v);
TL_API int64_t tl_dim(tl_var v, int axis); /* size along an axis; -1 is the last; 0 if there is none */
TL_API const tl_op *tl_var_op(tl_var v);
TL_API const void *tl_var_params(tl_var v);
TL_API int tl_var_operands(tl_var v);
TL_API tl_var tl_var_operand(tl_var v, int k);
TL_API const char *tl_var_name(tl_var v); /* NULL if it has none */

/* Give a variable a name (copied); returns it. */
TL_API tl_var tl_name(tl_var v, const char *name);

/*
 * Scopes nest: "decoder/t=7/attention". Every node stands in the scope that was open when it was
 * recorded. index < 0: none is shown.
 */
TL_API void tl_scope_begin(tl_tape *tape, const char *label, int64_t index);
TL_API void tl_scope_end(tl_tape *tape);
/* The scope's path as text, cut to size; returns buf. */
TL_API const char *tl_var_scope(tl_var v, char *buf, size_t size);

/* Compute variables (and what they need, once). */
TL_API tl_status tl_eval(int n, const tl_var *v);
/* The value; NULL on error. The tensor may have any strides and lives until the reset. */
TL_API const tl_tensor *tl_value(tl_var v);
/* Copy a value out, dense and row-major; n must be its number of elements. */
TL_API tl_status tl_read(tl_var v, tl_real *to, int64_t n);
TL_API tl_status tl_read_index(tl_var v, int32_t *to, int64_t n);

/* Figures for profiles. */
typedef struct tl_tape_stats {
	uint64_t nodes;       /* recorded since the reset */
	uint64_t computed;    /* since the reset: kernels called by the plain executor, instructions run by the planned one */
	uint64_t allocations; /* requests to the system since the tape was made */
	size_t bytes;         /* held by the tape now */
	uint64_t plan_hits, plan_misses; /* of the planner's cache since the tape was made */
} tl_tape_stats;
TL_API tl_tape_stats tl_tape_get_stats(const tl_tape *tape);
/* Threads that kernels of this tape may use, for other work while the tape has none; they end with the tape. */
TL_API int tl_tape_threads(const tl_tape *tape);
TL_API tl_pool *tl_tape_pool(const tl_tape *tape);

#endif
