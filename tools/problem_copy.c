/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ITEMS symbols of eight come in, then blanks, then a sign to begin and blanks, during which the symbols are to come
 * out in their order (Hochreiter, Schmidhuber, 1997; Arjovsky, Shah, Bengio, "Unitary evolution recurrent neural
 * networks", 2016):
 *
 *	in    3 1 4 1 5 _ _ _ _ ! _ _ _ _
 *	out                     3 1 4 1 5
 *
 * The length is the number of blanks between. Only the answers are asked for; guessing has a loss of log 8.
 */
#include "tools/problem.h"

enum { ITEMS = 5, SYMBOLS = 8, BLANK = SYMBOLS, BEGIN, INPUT };

static int64_t time_of(int64_t length)
{
	return length + 2 * ITEMS;
}

static void draw(problem_batch *b, int64_t length, tl_rng *rng)
{
	int64_t begin = ITEMS + length;
	for (int64_t row = 0; row < b->rows; row++)
		for (int64_t t = 0; t < b->steps; t++) {
			int64_t symbol = t < ITEMS ? tl_rng_below(rng, SYMBOLS) : t == begin ? BEGIN : BLANK;
			*problem_symbol(b, INPUT, t, row, symbol) = 1;
			if (t < ITEMS)
				b->label[(begin + t) * b->rows + row] = (int32_t)symbol;
		}
}

/* Of single symbols, and of rows without a mistake. */
static void score(const problem_batch *b, const tl_real *answer, problem_score *s)
{
	for (int64_t row = 0; row < b->rows; row++) {
		int right = 0;
		for (int64_t t = b->steps - ITEMS; t < b->steps; t++) {
			int64_t at = t * b->rows + row;
			right += problem_best(answer + at * SYMBOLS, SYMBOLS) == b->label[at];
		}
		s->sum[0] += right;
		s->count[0] += ITEMS;
		s->sum[1] += right == ITEMS;
		s->count[1]++;
	}
}

const problem problem_copy = {
	.name = "copy",
	.doc = "say five symbols again after a pause",
	.input = INPUT,
	.output = SYMBOLS,
	.figures = {"accuracy", "whole"},
	.length_is = "steps of the pause",
	.length = 20,
	.least = 0,
	.hidden = 64,
	.steps = 4000,
	.lr = 0.005,
	.forget_bias = 1,
	.time = time_of,
	.draw = draw,
	.score = score,
};
