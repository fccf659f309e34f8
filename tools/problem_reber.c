/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings of the embedded Reber grammar, read symbol by symbol; the answer is what comes next. The second symbol, T
 * or P, comes again before the last one: all of the inner string lies between, in which T and P stand, too.
 *
 *	B T [B TSSXXTVVE] T E
 *
 * The inner grammar, whose arrows are drawn evenly:
 *
 *	      S
 *	     ( )
 *	 T -> 1 -X-> 3 -S-> 5      B begins at 0, E ends after 5.
 *	0     X     / ^     ^ -E    3 -X-> 2, 4 -P-> 3
 *	 P -> 2 -V-> 4 -V---+
 *	     ( )
 *	      T
 *
 * A step is right if the net's most probable symbols, as many as are legal, are those that are legal. Longer strings
 * than there are steps are drawn again; behind shorter ones nothing is asked.
 */
#include <math.h>

#include "tools/problem.h"

enum { INNER = 3, AGAIN = 9 }; /* states: 0 B, 1 outer, 2 B, 3 to 8 inner, 9 outer again, 10 E */

#define BIT(symbol) (1u << REBER_##symbol)

uint32_t reber_legal(reber at)
{
	static const uint32_t legal[] = {BIT(B), BIT(T) | BIT(P), BIT(B), BIT(T) | BIT(P), BIT(S) | BIT(X),
		BIT(T) | BIT(V), BIT(X) | BIT(S), BIT(P) | BIT(V), BIT(E), 0, BIT(E), 0};
	return at.state == AGAIN ? 1u << at.outer : legal[at.state];
}

reber reber_next(reber at, int symbol)
{
	/* Inner states, after each of the two symbols that may come: the first named here, or the other. */
	static const struct {
		int symbol, then, otherwise;
	} arrows[] = {{REBER_T, 1, 2}, {REBER_S, 1, 3}, {REBER_T, 2, 4}, {REBER_X, 2, 5}, {REBER_P, 3, 5}};
	int inner = at.state - INNER;
	if (at.state == 1)
		at.outer = symbol;
	if (inner >= 0 && inner < 5)
		at.state = INNER + (symbol == arrows[inner].symbol ? arrows[inner].then : arrows[inner].otherwise);
	else
		at.state++;
	return at;
}

/* Returns its length, which may be above `most`: then only that many are written. */
static int64_t draw_string(tl_rng *rng, int32_t *symbols, uint32_t *legal, int64_t most)
{
	int64_t n = 0;
	for (reber at = {0}; at.state != REBER_END; n++) {
		uint32_t left = reber_legal(at);
		int symbol = 0;
		if ((left & (left - 1)) && tl_rng_below(rng, 2))
			left &= left - 1;
		while (!(left >> symbol & 1))
			symbol++;
		if (n < most) {
			symbols[n] = symbol;
			legal[n] = reber_legal(at);
		}
		at = reber_next(at, symbol);
	}
	return n;
}

#define MOST 1024 /* steps */

static void draw(problem_batch *b, int64_t length, tl_rng *rng)
{
	int32_t symbols[MOST + 1];
	uint32_t legal[MOST + 1];
	int64_t most = (length < MOST ? length : MOST) + 1, n;
	for (int64_t row = 0; row < b->rows; row++) {
		do
			n = draw_string(rng, symbols, legal, most);
		while (n > most);
		for (int64_t t = 0; t < n - 1; t++) {
			*problem_symbol(b, REBER_SYMBOLS, t, row, symbols[t]) = 1;
			b->label[t * b->rows + row] = symbols[t + 1];
			b->legal[t * b->rows + row] = legal[t + 1];
		}
	}
}

/* Are the most probable symbols the legal ones? */
static bool right(const tl_real *p, uint32_t legal)
{
	double least = INFINITY, greatest = -INFINITY;
	for (int k = 0; k < REBER_SYMBOLS; k++)
		if (legal >> k & 1)
			least = fmin(least, (double)p[k]);
		else
			greatest = fmax(greatest, (double)p[k]);
	return least > greatest;
}

/* Of steps; of strings without a mistake; of the symbols that come again, T and P alone being compared. */
static void score(const problem_batch *b, const tl_real *answer, problem_score *s)
{
	for (int64_t row = 0; row < b->rows; row++) {
		bool all = true;
		int64_t t = 0;
		for (; t < b->steps && b->label[t * b->rows + row] != NOT_ASKED; t++) {
			int64_t at = t * b->rows + row;
			bool fine = right(answer + at * REBER_SYMBOLS, b->legal[at]);
			all = all && fine;
			s->sum[0] += fine;
			s->count[0]++;
		}
		s->sum[1] += all;
		s->count[1]++;
		int64_t again = (t - 2) * b->rows + row; /* then comes E, which nobody asks what follows */
		const tl_real *p = answer + again * REBER_SYMBOLS;
		s->sum[2] += (p[REBER_T] > p[REBER_P]) == (b->label[again] == REBER_T);
		s->count[2]++;
	}
}

const problem problem_reber = {
	.name = "reber",
	.doc = "the next symbol of strings of the embedded Reber grammar",
	.input = REBER_SYMBOLS,
	.output = REBER_SYMBOLS,
	.figures = {"legal", "whole", "outer"},
	.length_is = "steps of the longest string",
	.length = 40,
	.least = 12,
	.hidden = 8,
	.steps = 4000,
	.lr = 0.01,
	.forget_bias = 1,
	.draw = draw,
	.score = score,
};
