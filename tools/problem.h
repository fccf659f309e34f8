/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Problems made by rule, with which recurrent networks are tried: how far back they remember, and what. There is no
 * end of examples, so every batch is new. A problem is a constant; what learns it is tools/problem_net.h.
 *
 * Symbols come in as one-hot vectors. An answer is asked for at the end, from the last state, or at single steps.
 */
#ifndef TL_TOOLS_PROBLEM_H
#define TL_TOOLS_PROBLEM_H

#include <stdbool.h>
#include <stdint.h>

#include "core/random.h"
#include "core/status.h"

#define PROBLEM_FIGURES 3
#define NOT_ASKED (-1) /* a label */

/* One batch, in memory of its owner; see problem_batch_init. */
typedef struct problem_batch {
	int64_t steps, rows; /* T, B */
	tl_real *x;          /* (T, B, E) */
	tl_real *value;      /* (B, K); NULL where answers are classes */
	int32_t *label;      /* (T, B), or (B) at the end: 0..K-1 or NOT_ASKED; NULL where answers are numbers */
	uint32_t *legal;     /* (T, B): bit k: answer k would be right; for problems that need it, see below */
} problem_batch;

/* What a problem counts, added up over batches: figure k is sum[k] / count[k]. */
typedef struct problem_score {
	double sum[PROBLEM_FIGURES], count[PROBLEM_FIGURES];
} problem_score;

typedef struct problem {
	const char *name, *doc;
	int64_t input, output; /* E, K */
	bool numbers;          /* answers are numbers (squared error), not classes (cross-entropy) */
	bool at_end;           /* one answer a row */
	const char *figures[PROBLEM_FIGURES]; /* names; unused ones are NULL. The first one is the figure of merit. */
	const char *length_is; /* what --length means */
	int64_t length, least, hidden, steps; /* defaults of the options; the least length */
	double lr, forget_bias;
	/* T for a length; NULL: the same. */
	int64_t (*time)(int64_t length);
	/* Fill a batch, whose x is 0, whose labels are NOT_ASKED. */
	void (*draw)(problem_batch *b, int64_t length, tl_rng *rng);
	/* Compare answers (T, B, K), or (B, K) at the end, with a batch. */
	void (*score)(const problem_batch *b, const tl_real *answer, problem_score *s);
} problem;

extern const problem problem_adding, problem_order, problem_reber, problem_copy;

/* Problem k, or NULL past the end; by name, or NULL. */
const problem *problem_at(int k);
const problem *problem_by_name(const char *name);

tl_status problem_batch_init(problem_batch *b, const problem *p, int64_t length, int64_t rows, tl_error *err);
void problem_batch_release(problem_batch *b);
/* The next batch. */
void problem_draw(const problem *p, problem_batch *b, int64_t length, tl_rng *rng);

/* The greatest of n numbers. */
int64_t problem_best(const tl_real *x, int64_t n);

/* The element of x for symbol k of row `row` at time t, of a problem with `input` symbols. */
static inline tl_real *problem_symbol(const problem_batch *b, int64_t input, int64_t t, int64_t row, int64_t k)
{
	return &b->x[(t * b->rows + row) * input + k];
}

/*
 * The embedded Reber grammar (Reber, 1967; Cleeremans, Servan-Schreiber, McClelland, 1989) as an automaton: the
 * symbols that may come next, one of which leads to the next state.
 */
enum { REBER_B, REBER_T, REBER_S, REBER_X, REBER_P, REBER_V, REBER_E, REBER_SYMBOLS };
typedef struct reber {
	int state; /* 0 at first; REBER_END after the last symbol */
	int outer; /* the symbol that comes again before the end */
} reber;
#define REBER_END 11
uint32_t reber_legal(reber at); /* bit k: symbol k */
reber reber_next(reber at, int symbol); /* a legal one */

#endif
