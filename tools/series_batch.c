/* SPDX-License-Identifier: Apache-2.0 */
/* A batch of series on the tape: what goes into the net, what comes out, what the loss of that is. */
#include "ops/arith.h"
#include "ops/index.h"
#include "ops/layout.h"
#include "ops/loss.h"
#include "ops/math.h"
#include "ops/reduce.h"
#include "tools/series.h"

bool series_by_step(const series_task *t, int64_t *first)
{
	*first = t->ar ? tl_ar_reach(t->ar) : 0;
	return t->ar || t->target == SERIES_STEP_LABELS || t->target == SERIES_STEP_VALUES;
}

static tl_status take_y(series_task *t, const series *s, const int64_t *which, series_batch *b, tl_error *err)
{
	int64_t first, n = series_by_step(t, &first) ? b->steps * b->rows : b->rows;
	tl_tape *tape = t->base.tape;
	for (int64_t i = 0; i < b->rows; i++)
		b->count += series_count(s, which[i]) - first;
	if (s->labels) {
		if (!(b->labels = tl_tape_alloc(tape, (size_t)n * sizeof *b->labels)))
			return tape_error(tape, err);
		series_read_labels(s, which, b->rows, b->steps, b->labels);
	} else if (s->y) {
		if (!(b->values = tl_tape_alloc(tape, (size_t)(n * t->outputs) * sizeof *b->values)))
			return tape_error(tape, err);
		if (series_read_values(s, which, b->rows, b->steps, b->values, err))
			return err->status;
		series_scale_apply(&t->y_scale, b->values, n);
	}
	return TL_OK;
}

tl_status series_take(
	series_task *t, const series *s, const int64_t *which, int64_t rows, series_batch *b, tl_error *err)
{
	tl_tape *tape = t->base.tape;
	*b = (series_batch){.rows = rows, .steps = series_longest(s, which, rows)};
	int64_t n = rows * b->steps;
	int64_t *lengths = tl_tape_alloc(tape, (size_t)rows * sizeof *lengths);
	b->input = tl_tape_alloc(tape, (size_t)(n * t->inputs) * sizeof *b->input);
	if (!lengths || !b->input)
		return tape_error(tape, err);
	if (series_read_x(s, which, rows, b->steps, b->input, lengths, err))
		return err->status;
	series_scale_apply(&t->x_scale, b->input, n);
	for (int64_t i = 0; i < rows; i++)
		b->tokens += lengths[i];
	b->lengths = b->tokens < n ? lengths : NULL;
	tl_tensor x = tl_tensor_dense(TL_REAL, TL_SHAPE(b->steps, rows, t->inputs), b->input);
	b->x = tl_borrow(tape, &x);
	return take_y(t, s, which, b, err);
}

tl_var series_output(const series_task *t, const series_batch *b, bool training)
{
	int64_t first;
	if (t->ar)
		return tl_ar_run(t->ar, b->x, training);
	return series_by_step(t, &first) ? tl_reader_tag(t->reader, b->x, b->lengths, training)
					 : tl_reader_classify(t->reader, b->x, b->lengths, t->pool, training);
}

/* The mean over all numbers of steps first.. of each row, up to its end; the first of `output` is step `first`. */
static tl_var mean_square(const series_batch *b, int64_t first, tl_var output, tl_var target)
{
	if (!b->lengths)
		return tl_mse(output, target, TL_MEAN);
	int64_t steps = b->steps - first;
	tl_real *weight = tl_tape_alloc(output.tape, (size_t)(steps * b->rows) * sizeof *weight);
	double one = 1 / ((double)b->count * (double)tl_dim(output, -1));
	for (int64_t i = 0; weight && i < steps * b->rows; i++)
		weight[i] = i / b->rows + first < b->lengths[i % b->rows] ? (tl_real)one : 0;
	tl_tensor w = tl_tensor_dense(TL_REAL, TL_SHAPE(steps, b->rows, 1), weight);
	tl_var each = tl_borrow(output.tape, &w);
	return tl_sum(tl_mul(tl_square(tl_sub(output, target)), each), TL_AXES(0, 1, 2), false);
}

tl_var series_loss(const series_task *t, const series_batch *b, tl_var output)
{
	static const tl_cross_entropy_options those_that_count = {.has_ignore = true, .ignore_index = SERIES_IGNORED};
	tl_tape *tape = t->base.tape;
	int64_t first;
	bool by_step = series_by_step(t, &first);
	if (t->ar)
		return mean_square(b, first, output, tl_ar_target(t->ar, b->x));
	if (b->labels) {
		tl_shape shape = by_step ? TL_SHAPE(b->steps, b->rows) : TL_SHAPE(b->rows);
		tl_tensor labels = tl_tensor_dense(TL_I32, shape, b->labels);
		return tl_cross_entropy(output, tl_borrow(tape, &labels), &those_that_count);
	}
	tl_shape shape = by_step ? TL_SHAPE(b->steps, b->rows, t->outputs) : TL_SHAPE(b->rows, t->outputs);
	tl_tensor values = tl_tensor_dense(TL_REAL, shape, b->values);
	tl_var target = tl_borrow(tape, &values);
	return by_step ? mean_square(b, 0, output, target) : tl_mse(output, target, TL_MEAN);
}

tl_status series_look_at(series_task *t, const series *s, const int64_t *example, int64_t n, series_look look,
	void *ctx, tl_error *err)
{
	enum { LOOK = 32 }; /* at least so many in training */
	batches all;
	int64_t size = t->base.loaded || t->base.batch > LOOK ? t->base.batch : LOOK;
	batch_options o = {.n = n, .size = size, .sorted = true, .length1 = s->length, .example = example};
	if (batches_init(&all, &o, err))
		return err->status;
	batches_epoch(&all, 1);
	tl_status status = TL_OK;
	for (int64_t k = 0; k < all.count && !status; k++) {
		int64_t rows;
		const int64_t *which = batches_get(&all, k, &rows);
		tl_tape_reset(t->base.tape);
		status = look(t, s, which, rows, ctx, err);
	}
	batches_release(&all);
	return status;
}
