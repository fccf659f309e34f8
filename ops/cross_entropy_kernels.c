/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both passes read the logits once from memory: what they do with a slice of rows finds it in the cache.
 * A row's losses are added up after all threads are done, so the sum does not depend on their number.
 */
#include "ops/cross_entropy.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/sum.h"
#include "core/walk.h"
#include "ops/op_util.h"
#include "ops/rows.h"

static bool ignored(const tl__ce_params *p, int32_t target)
{
	return p->has_ignore && target == p->ignore_index;
}

/* What loss and gradient have in common. */
struct pass {
	const tl__ce_params *params;
	int64_t classes, step; /* step: of the logits, from one class to the next */
	tl_shape shape, kept;  /* (..., C), (..., 1) */
	double weight;         /* of a row that is not ignored */
	tl_tensor targets, top, total;
};

/* A tensor (...) or (), as (..., C) with the last axis repeated. */
static tl_tensor by_row(const tl_tensor *t, const struct pass *s)
{
	tl_tensor rows = *t;
	if (t->shape.axes)
		rows.shape.dim[rows.shape.axes++] = 1;
	return tl_tensor_broadcast(&rows, s->shape);
}

static tl_status check_targets(const tl_call *c, const int32_t *target, int64_t n, int64_t classes)
{
	for (int64_t i = 0; i < n; i++)
		if ((target[i] < 0 || target[i] >= classes) && !ignored(c->params, target[i]))
			return tl_error_set(c->error, TL_ERR_INDEX,
				"target %" PRId32 " at position %" PRId64 " is none of %" PRId64 " classes",
				target[i], i, classes);
	return TL_OK;
}

/* w of rows that are not ignored */
static double row_weight(const tl__ce_params *p, const int32_t *target, int64_t n)
{
	int64_t count = 0;
	for (int64_t i = 0; i < n; i++)
		count += !ignored(p, target[i]);
	return p->reduction == TL_MEAN && count > 0 ? 1.0 / (double)count : 1;
}

static tl_status begin(const tl_call *c, struct pass *s)
{
	const tl_tensor *logits = c->in[0];
	int last = (int)logits->shape.axes - 1;
	*s = (struct pass){.params = c->params,
		.classes = logits->shape.dim[last],
		.step = logits->stride[last],
		.shape = logits->shape,
		.kept = logits->shape};
	s->kept.dim[last] = 1;
	tl_tensor targets = tl_tensor_dense(TL_I32, c->in[1]->shape, (void *)tl__dense(c, c->in[1]));
	tl_tensor top = tl__row_scratch(c, s->kept), total = tl__row_scratch(c, s->kept);
	if (!targets.data || !top.data || !total.data)
		return tl_error_memory(c->error);
	s->targets = by_row(&targets, s);
	s->top = tl_tensor_broadcast(&top, s->shape);
	s->total = tl_tensor_broadcast(&total, s->shape);
	int64_t rows = tl_shape_size(targets.shape);
	s->weight = row_weight(s->params, targets.data, rows);
	return check_targets(c, targets.data, rows, s->classes);
}

/* -log p of a class, from the row's offset and log(total) */
static double surprise(double offset, double log_total, tl_real x)
{
	return isinf(x) && x < 0 && !isnan(log_total) ? INFINITY : offset - x + log_total;
}

static double row_loss(const struct pass *s, const tl_real *x, int32_t target, tl_real top, tl_real total)
{
	double offset = tl__row_offset(top), log_total = log((double)total), e = s->params->smoothing;
	double loss = surprise(offset, log_total, x[target * s->step]), all = 0;
	if (e == 0 || isinf(loss))
		return loss;
	for (int64_t k = 0; k < s->classes; k++)
		all += surprise(offset, log_total, x[k * s->step]);
	return (1 - e) * loss + e * all / (double)s->classes;
}

/* at: losses, logits, targets, top, total */
static void loss_run(void *ctx, int64_t n, char *const *at, const int64_t *step)
{
	const struct pass *s = ctx;
	for (int64_t i = 0; i < n; i++) {
		const tl_real *x = (const tl_real *)at[1] + i * step[1];
		int32_t target = ((const int32_t *)at[2])[i * step[2]];
		tl_real top = ((const tl_real *)at[3])[i * step[3]];
		tl_real total = ((const tl_real *)at[4])[i * step[4]];
		((tl_real *)at[0])[i * step[0]] =
			ignored(s->params, target) ? 0 : (tl_real)row_loss(s, x, target, top, total);
	}
}

/* t: losses, logits, targets, top, total */
static void loss_slice(void *ctx, tl_shape kept, const tl_tensor *t)
{
	tl__row_top(&t[3], &t[1], kept);
	tl__row_exp(NULL, &t[4], &t[3], &t[1], kept);
	tl_tensor heads[5];
	const tl_tensor *all[5];
	for (int k = 0; k < 5; k++) {
		heads[k] = tl__row_heads(&t[k], kept);
		all[k] = &heads[k];
	}
	tl__walk(5, all, loss_run, ctx);
}

tl_status tl__ce_loss(const tl_call *c)
{
	struct pass s;
	tl_status status = begin(c, &s);
	if (status)
		return status;
	bool none = s.params->reduction == TL_NONE;
	tl_tensor losses = none ? *c->out : tl__row_scratch(c, c->in[1]->shape);
	if (!losses.data)
		return tl_error_memory(c->error);
	tl_tensor t[] = {by_row(&losses, &s), *c->in[0], s.targets, s.top, s.total};
	tl__slices(c->pool, s.kept, 5, t, loss_slice, &s);
	if (!none)
		*(tl_real *)c->out->data =
			(tl_real)(s.weight * tl__sum(tl_shape_size(losses.shape), losses.data, 1));
	return TL_OK;
}

/* at: out, which holds e^(x - top), targets, total, adjoint of the loss */
TL_VECTOR static void grad_run(void *ctx, int64_t n, char *const *at, const int64_t *step)
{
	const struct pass *s = ctx;
	for (int64_t i = 0; i < n; i++) {
		tl_real *out = (tl_real *)at[0] + i * step[0];
		int32_t target = ((const int32_t *)at[1])[i * step[1]];
		tl_real total = ((const tl_real *)at[2])[i * step[2]], one = total == 0 ? 1 : total;
		if (ignored(s->params, target)) {
			memset(out, 0, (size_t)s->classes * sizeof *out);
			continue;
		}
		tl_real scale = (tl_real)(s->weight * ((const tl_real *)at[3])[i * step[3]]);
		tl_real share = (tl_real)(s->params->smoothing / (double)s->classes);
		TL_INDEPENDENT
		for (int64_t k = 0; k < s->classes; k++)
			out[k] = scale * (out[k] / one - share);
		out[target] -= scale * (tl_real)(1 - s->params->smoothing);
	}
}

/* t: out, logits, targets, top, total, adjoint */
static void grad_slice(void *ctx, tl_shape kept, const tl_tensor *t)
{
	tl__row_top(&t[3], &t[1], kept);
	tl__row_exp(&t[0], &t[4], &t[3], &t[1], kept);
	tl_tensor out = tl__row_heads(&t[0], kept), targets = tl__row_heads(&t[2], kept);
	tl_tensor total = tl__row_heads(&t[4], kept), adjoint = tl__row_heads(&t[5], kept);
	tl__walk(4, (const tl_tensor *[]){&out, &targets, &total, &adjoint}, grad_run, ctx);
}

tl_status tl__ce_grad(const tl_call *c)
{
	struct pass s;
	tl_status status = begin(c, &s);
	if (status)
		return status;
	tl_tensor t[] = {*c->out, *c->in[0], s.targets, s.top, s.total, by_row(c->in[2], &s)};
	tl__slices(c->pool, s.kept, 6, t, grad_slice, &s);
	return TL_OK;
}

tl_status tl__ce_weight(const tl_call *c)
{
	int64_t n = tl_shape_size(c->in[0]->shape);
	const int32_t *target = tl__dense(c, c->in[0]);
	tl_real *to = c->out->data;
	if (!target)
		return tl_error_memory(c->error);
	tl_real weight = (tl_real)row_weight(c->params, target, n);
	for (int64_t i = 0; i < n; i++)
		to[i] = ignored(c->params, target[i]) ? 0 : weight;
	return TL_OK;
}
