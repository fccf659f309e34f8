/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two of the symbols of a string are X or Y, in its second tenth and in its sixth; the others are drawn from a, b, c,
 * d. In which order did they come: XX, XY, YX, YY? (Temporal order, experiment 6a of Hochreiter, Schmidhuber, 1997.)
 */
#include "tools/problem.h"

enum { DISTRACTORS = 4, X = DISTRACTORS, Y, INPUT, CLASSES = 4 };

static void draw(problem_batch *b, int64_t length, tl_rng *rng)
{
	int64_t tenth = length / 10;
	for (int64_t row = 0; row < b->rows; row++) {
		int64_t first = tenth + tl_rng_below(rng, tenth), second = 5 * tenth + tl_rng_below(rng, tenth);
		int32_t answer = 0;
		for (int64_t t = 0; t < length; t++) {
			int64_t symbol = tl_rng_below(rng, DISTRACTORS);
			if (t == first || t == second) {
				symbol = X + tl_rng_below(rng, 2);
				answer = 2 * answer + (symbol == Y);
			}
			*problem_symbol(b, INPUT, t, row, symbol) = 1;
		}
		b->label[row] = answer;
	}
}

static void score(const problem_batch *b, const tl_real *answer, problem_score *s)
{
	for (int64_t row = 0; row < b->rows; row++) {
		s->sum[0] += problem_best(answer + row * CLASSES, CLASSES) == b->label[row];
		s->count[0]++;
	}
}

const problem problem_order = {
	.name = "order",
	.doc = "in which order two signs came, far apart among others",
	.input = INPUT,
	.output = CLASSES,
	.at_end = true,
	.figures = {"accuracy"},
	.length_is = "steps",
	.length = 100,
	.least = 10,
	.hidden = 16,
	.steps = 4000,
	.lr = 0.01,
	.forget_bias = 3,
	.draw = draw,
	.score = score,
};
