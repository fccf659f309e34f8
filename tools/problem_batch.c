/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "tools/problem.h"

const problem *problem_at(int k)
{
	static const problem *const all[] = {&problem_adding, &problem_order, &problem_reber, &problem_copy};
	return k >= 0 && k < (int)(sizeof all / sizeof *all) ? all[k] : NULL;
}

const problem *problem_by_name(const char *name)
{
	const problem *p = NULL;
	for (int k = 0; (p = problem_at(k)) && strcmp(p->name, name); k++)
		;
	return p;
}

static int64_t answers(const problem *p, const problem_batch *b)
{
	return p->at_end ? b->rows : b->steps * b->rows;
}

tl_status problem_batch_init(problem_batch *b, const problem *p, int64_t length, int64_t rows, tl_error *err)
{
	*b = (problem_batch){.steps = p->time ? p->time(length) : length, .rows = rows};
	size_t cells = (size_t)(b->steps * rows), asked = (size_t)answers(p, b);
	b->x = malloc(cells * (size_t)p->input * sizeof *b->x);
	b->legal = malloc(cells * sizeof *b->legal);
	if (p->numbers)
		b->value = malloc(asked * (size_t)p->output * sizeof *b->value);
	else
		b->label = malloc(asked * sizeof *b->label);
	if (b->x && b->legal && (b->value || b->label))
		return TL_OK;
	problem_batch_release(b);
	return tl_error_memory(err);
}

void problem_batch_release(problem_batch *b)
{
	free(b->x);
	free(b->legal);
	free(b->value);
	free(b->label);
	*b = (problem_batch){0};
}

void problem_draw(const problem *p, problem_batch *b, int64_t length, tl_rng *rng)
{
	memset(b->x, 0, (size_t)(b->steps * b->rows * p->input) * sizeof *b->x);
	for (int64_t i = 0; b->label && i < answers(p, b); i++)
		b->label[i] = NOT_ASKED;
	p->draw(b, length, rng);
}

int64_t problem_best(const tl_real *x, int64_t n)
{
	int64_t best = 0;
	for (int64_t k = 1; k < n; k++)
		if (x[k] > x[best])
			best = k;
	return best;
}
