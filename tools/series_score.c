/* SPDX-License-Identifier: Apache-2.0 */
/* How good a model of series is on a part. */
#include <math.h>
#include <stdlib.h>

#include "models/classes.h"
#include "ops/layout.h"
#include "ops/reduce.h"
#include "tools/series.h"

/* What is counted over a part. */
typedef struct count {
	tl_classes *classes;
	double loss, square; /* sums over `n`; square in the data's own units */
	int64_t n, tokens;
} count;

static tl_status look_at_labels(
	series_task *t, const series *s, const int64_t *which, int64_t rows, void *ctx, tl_error *err)
{
	count *c = ctx;
	series_batch b;
	tl_real loss = 0;
	int64_t first, counted = 0;
	if (series_take(t, s, which, rows, &b, err))
		return err->status;
	int64_t n = series_by_step(t, &first) ? b.steps * rows : rows;
	tl_var output = series_output(t, &b, false);
	tl_var mean = series_loss(t, &b, output), best = tl_argmax(output, -1);
	int32_t *found = tl_tape_alloc(t->base.tape, (size_t)n * sizeof *found);
	if (!found || tl_eval(2, (tl_var[]){mean, best}) || tl_read(mean, &loss, 1) || tl_read_index(best, found, n))
		return tape_error(t->base.tape, err);
	for (int64_t i = 0; i < n; i++)
		if (b.labels[i] != SERIES_IGNORED) {
			b.labels[counted] = b.labels[i];
			found[counted++] = found[i];
		}
	c->loss += (double)loss * (double)b.count;
	c->n += b.count;
	c->tokens += b.tokens;
	return tl_classes_add(c->classes, counted, b.labels, found, err);
}

/* Number k of a vector, against the one that is true. */
static void add_square(count *c, const series_task *t, int64_t k, tl_real got, tl_real want)
{
	const series_scale *scale = t->next ? &t->x_scale : &t->y_scale;
	double d = (double)got - (double)want, own = d * series_scale_unit(scale, k);
	c->loss += d * d;
	c->square += own * own;
	c->n++;
}

static tl_status look_at_values(
	series_task *t, const series *s, const int64_t *which, int64_t rows, void *ctx, tl_error *err)
{
	count *c = ctx;
	series_batch b;
	int64_t first;
	if (series_take(t, s, which, rows, &b, err))
		return err->status;
	bool by_step = series_by_step(t, &first);
	int64_t width = rows * t->outputs, n = by_step ? (b.steps - first) * width : width;
	const tl_real *want = t->next ? b.input + first * width : b.values;
	tl_real *got = tl_tape_alloc(t->base.tape, (size_t)n * sizeof *got);
	if (!got || tl_read(series_output(t, &b, false), got, n))
		return tape_error(t->base.tape, err);
	for (int64_t i = 0; i < n; i++)
		if (!by_step || !b.lengths || first + i / width < b.lengths[i / t->outputs % rows])
			add_square(c, t, i % t->outputs, got[i], want[i]);
	c->tokens += b.tokens;
	return TL_OK;
}

/* Each series' last steps, predicted one after the other from those before. */
static tl_status look_ahead(
	series_task *t, const series *s, const int64_t *which, int64_t rows, void *ctx, tl_error *err)
{
	series_batch b;
	if (series_take(t, s, which, rows, &b, err))
		return err->status;
	tl_tape *tape = t->base.tape;
	int64_t ahead = t->ahead, width = rows * t->inputs, n = ahead * width;
	tl_real *got = tl_tape_alloc(tape, (size_t)n * sizeof *got);
	int64_t *seen = tl_tape_alloc(tape, (size_t)rows * sizeof *seen);
	if (!got || !seen)
		return tape_error(tape, err);
	for (int64_t i = 0; i < rows; i++)
		seen[i] = (b.lengths ? b.lengths[i] : b.steps) - ahead;
	tl_var before = tl_slice(b.x, 0, 0, b.steps - ahead, 1);
	if (tl_read(tl_ar_continue(t->ar, before, b.lengths ? seen : NULL, ahead), got, n))
		return tape_error(tape, err);
	for (int64_t i = 0; i < n; i++) {
		int64_t row = i / t->inputs % rows, step = seen[row] + i / width;
		add_square(ctx, t, i % t->inputs, got[i], b.input[step * width + i % width]);
	}
	return TL_OK;
}

/* Over the series that are long enough; none may be. */
static tl_status evaluate_ahead(series_task *t, const series_part *p, count *c, tl_error *err)
{
	int64_t *example = malloc((size_t)p->n * sizeof *example), n = 0;
	if (!example)
		return tl_error_memory(err);
	for (int64_t i = 0; i < p->n; i++)
		if (p->data.length[p->example[i]] >= tl_ar_reach(t->ar) + t->ahead)
			example[n++] = p->example[i];
	tl_status status = series_look_at(t, &p->data, example, n, look_ahead, c, err);
	free(example);
	return status;
}

static double over(double sum, int64_t n)
{
	return n > 0 ? sum / (double)n : NAN;
}

static tl_status evaluate_values(series_task *t, const series_part *p, score *s, tl_error *err)
{
	count c = {0}, far = {0};
	if (series_look_at(t, &p->data, p->example, p->n, look_at_values, &c, err) ||
		(t->next && t->ahead > 0 && evaluate_ahead(t, p, &far, err)))
		return err->status;
	*s = (score){.better = -over(c.loss, c.n), .tokens = c.tokens};
	score_add(s, "loss", over(c.loss, c.n));
	score_add(s, "mse", over(c.square, c.n));
	if (far.n > 0)
		score_add(s, "mse_ahead", over(far.square, far.n));
	return TL_OK;
}

static tl_status evaluate_labels(series_task *t, const series_part *p, score *s, tl_error *err)
{
	count c = {.classes = tl_classes_new(t->outputs, err)};
	if (!c.classes || series_look_at(t, &p->data, p->example, p->n, look_at_labels, &c, err)) {
		tl_classes_free(c.classes);
		return err->status;
	}
	double loss = over(c.loss, c.n);
	*s = (score){.better = (double)c.classes->right + 1 / (1 + loss), .tokens = c.tokens};
	score_add(s, "loss", loss);
	score_add(s, "accuracy", 100 * tl_classes_accuracy(c.classes));
	score_add(s, "macro_f1", 100 * tl_classes_macro_f1(c.classes));
	tl_classes_free(c.classes);
	return TL_OK;
}

tl_status series_evaluate(task *base, int part, score *s, tl_error *err)
{
	series_task *t = (series_task *)base;
	const series_part *p = &t->part[part];
	return p->data.labels ? evaluate_labels(t, p, s, err) : evaluate_values(t, p, s, err);
}
