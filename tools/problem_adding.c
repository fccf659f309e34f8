/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two numbers come in at each step: a value, even in [0, 1), and a mark, which is 1 at two of the steps, one in each
 * half, else 0. The answer is the sum of the two marked values (Hochreiter, Schmidhuber, "Long short-term
 * memory", 1997). Always to say 1 has a mean square error of 1/6.
 */
#include "tools/problem.h"

enum { VALUE, MARK, INPUT };

static void draw(problem_batch *b, int64_t length, tl_rng *rng)
{
	int64_t half = length / 2;
	for (int64_t row = 0; row < b->rows; row++) {
		int64_t first = tl_rng_below(rng, half), second = half + tl_rng_below(rng, length - half);
		const int64_t marked[] = {first, second};
		for (int64_t t = 0; t < length; t++)
			*problem_symbol(b, INPUT, t, row, VALUE) = (tl_real)tl_rng_uniform(rng);
		b->value[row] = 0;
		for (int k = 0; k < 2; k++) {
			*problem_symbol(b, INPUT, marked[k], row, MARK) = 1;
			b->value[row] += *problem_symbol(b, INPUT, marked[k], row, VALUE);
		}
	}
}

static void score(const problem_batch *b, const tl_real *answer, problem_score *s)
{
	for (int64_t row = 0; row < b->rows; row++) {
		double wrong = (double)(answer[row] - b->value[row]);
		s->sum[0] += wrong * wrong;
		s->count[0]++;
	}
}

const problem problem_adding = {
	.name = "adding",
	.doc = "the sum of two marked values among many",
	.input = INPUT,
	.output = 1,
	.numbers = true,
	.at_end = true,
	.figures = {"mse"},
	.length_is = "steps",
	.length = 100,
	.least = 2,
	.hidden = 8,
	.steps = 8000,
	.lr = 0.01,
	.forget_bias = 1,
	.draw = draw,
	.score = score,
};
