/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/problem_net.h"

#include <math.h>
#include <stdlib.h>

#include "ops/layout.h"
#include "ops/loss.h"
#include "optim/clip.h"
#include "tools/tape_error.h"

enum { WEIGHTS, EXAMPLES, TESTS }; /* streams of random numbers */

problem_options problem_defaults(const problem *p)
{
	return (problem_options){
		.problem = p,
		.length = p->length,
		.hidden = p->hidden,
		.layers = 1,
		.batch = 32,
		.steps = p->steps,
		.test = 1024,
		.lr = p->lr,
		.clip = 1,
		.forget_bias = p->forget_bias,
		.seed = 1,
	};
}

tl_status problem_net_init(problem_net *n, const problem_options *o, tl_error *err)
{
	const problem *p = o->problem;
	*n = (problem_net){.o = *o, .rng = {.seed = (uint64_t)o->seed, .stream = EXAMPLES}};
	n->store = tl_store_new();
	n->tape = tl_tape_new(&(tl_tape_options){.threads = (int)o->threads, .seed = (uint64_t)o->seed, .check = o->check_nan});
	if (!n->store || !n->tape)
		return tl_error_memory(err);
	n->rnn = tl_rnn_new(n->store, "rnn",
		&(tl_rnn_options){.cell = o->cell, .input = p->input, .hidden = o->hidden, .layers = (int)o->layers}, err);
	if (!n->rnn || tl_dense_add(&n->output, n->store, "out", tl_rnn_output_size(n->rnn), p->output, err) ||
		problem_batch_init(&n->batch, p, o->length, o->batch, err))
		return err->status;
	tl_rng weights = {.seed = (uint64_t)o->seed, .stream = WEIGHTS};
	tl_rnn_init(n->rnn, &weights);
	tl_dense_init(&n->output, &weights);
	tl_rnn_set_bias(n->rnn, 'f', o->forget_bias);
	n->adam = tl_optimizer_new(n->store, &(tl_optimizer_options){.kind = &tl_adam, .lr = o->lr}, err);
	return n->adam ? TL_OK : err->status;
}

void problem_net_release(problem_net *n)
{
	tl_optimizer_free(n->adam);
	problem_batch_release(&n->batch);
	tl_rnn_free(n->rnn);
	tl_store_free(n->store);
	tl_tape_free(n->tape);
}

static tl_var answer(problem_net *n, bool training)
{
	const problem_batch *b = &n->batch;
	tl_shape shape = TL_SHAPE(b->steps, b->rows, n->o.problem->input);
	tl_var h = tl_rnn_run(n->rnn, tl_input(n->tape, shape, b->x), (tl_state){0}, training).output;
	return tl_dense_run(&n->output, n->o.problem->at_end ? tl_select(h, 0, -1) : h);
}

static tl_var loss_of(problem_net *n, tl_var y)
{
	const problem_batch *b = &n->batch;
	tl_shape shape = tl_var_shape(y);
	if (n->o.problem->numbers)
		return tl_mse(y, tl_input(n->tape, shape, b->value), TL_MEAN);
	shape.dim[--shape.axes] = 0;
	return tl_cross_entropy(y, tl_index(n->tape, shape, b->label),
		&(tl_cross_entropy_options){.has_ignore = true, .ignore_index = NOT_ASKED});
}

tl_status problem_step(problem_net *n, double *loss, tl_error *err)
{
	tl_real value;
	tl_tape_reset(n->tape);
	problem_draw(n->o.problem, &n->batch, n->o.length, &n->rng);
	tl_var mean = loss_of(n, answer(n, true));
	if (tl_store_backward(n->store, mean) || tl_read(mean, &value, 1))
		return tape_error(n->tape, err);
	*loss = (double)value;
	if (!isfinite(tl_clip_norm(n->store, n->o.clip)))
		return tl_error_set(err, TL_ERR_VALUE, "step %lld: the gradient is no finite number%s",
			(long long)tl_optimizer_steps(n->adam) + 1,
			n->o.check_nan ? "" : " (try a lower --lr; --check-nan tells where it comes from)");
	double done = (double)tl_optimizer_steps(n->adam) / (double)n->o.steps;
	if (tl_optimizer_set_lr(n->adam, n->o.lr * pow(0.1, fmax(0, 3 * done - 2)), err))
		return err->status;
	tl_optimizer_step(n->adam);
	return TL_OK;
}

tl_status problem_test(problem_net *n, problem_score *score, tl_error *err)
{
	tl_rng rng = {.seed = (uint64_t)n->o.seed, .stream = TESTS};
	const problem_batch *b = &n->batch;
	int64_t size = (n->o.problem->at_end ? 1 : b->steps) * b->rows * n->o.problem->output;
	tl_real *y = malloc((size_t)size * sizeof *y);
	if (!y)
		return tl_error_memory(err);
	*score = (problem_score){{0}, {0}};
	for (int64_t done = 0; done < n->o.test && !err->status; done += b->rows) {
		tl_tape_reset(n->tape);
		problem_draw(n->o.problem, &n->batch, n->o.length, &rng);
		if (tl_read(answer(n, false), y, size))
			tape_error(n->tape, err);
		else
			n->o.problem->score(b, y, score);
	}
	free(y);
	return err->status;
}
