/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With p = softmax(x) and q as in ops/loss.h:
 *
 *	L = sum_r w_r (-sum_c q_c log p_c)      w_r: 0 for an ignored row, else 1, or 1/count for the mean
 *	dL/dx = w g (p - q)                     g: the adjoint of L, or of row r for TL_NONE
 *
 * and for the adjoint D of the latter: d/dx = w g p (D - sum_c p D), d/dg = sum w (p - q) D.
 */
#include "ops/cross_entropy.h"

#include <inttypes.h>

#include "ops/arith.h"
#include "ops/layout.h"
#include "ops/reduce.h"
#include "ops/softmax.h"

static tl_status check_params(tl_error *error, const tl__ce_params *p)
{
	if (p->reduction < TL_MEAN || p->reduction > TL_NONE)
		return tl_error_set(error, TL_ERR_ARGUMENT, "there is no reduction %" PRId64, p->reduction);
	if (!(p->smoothing >= 0 && p->smoothing <= 1))
		return tl_error_set(
			error, TL_ERR_ARGUMENT, "label smoothing %g is outside 0..1", p->smoothing);
	return TL_OK;
}

/* Operand 0 (..., C), operand 1 (...): that shape, which is also the one of the rows' losses. */
static tl_status loss_infer(tl_infer *s)
{
	const tl__ce_params *p = s->params;
	tl_shape logits = s->in[0]->shape, rows = logits;
	char text[TL_SHAPE_TEXT];
	if (logits.axes == 0)
		return tl_error_set(s->error, TL_ERR_SHAPE, "the logits have no axis of classes");
	rows.dim[--rows.axes] = 0;
	if (!tl_shape_equal(s->in[1]->shape, rows))
		return tl_error_set(
			s->error, TL_ERR_SHAPE, "the targets must have shape %s", tl_shape_text(rows, text));
	if (p->reduction == TL_NONE)
		s->out = rows;
	return check_params(s->error, p);
}

static tl_status grad_infer(tl_infer *s)
{
	char text[TL_SHAPE_TEXT];
	tl_status status = loss_infer(s);
	if (!status && !tl_shape_equal(s->in[2]->shape, s->out))
		status = tl_error_set(s->error, TL_ERR_SHAPE, "the loss's adjoint must have shape %s",
			tl_shape_text(s->out, text));
	s->out = s->in[0]->shape;
	return status;
}

static tl_status weight_infer(tl_infer *s)
{
	s->out = s->in[0]->shape;
	if (s->out.axes == TL_MAX_AXES)
		return tl_error_set(s->error, TL_ERR_SHAPE, "the targets have too many axes");
	s->out.dim[s->out.axes++] = 1;
	return TL_OK;
}

static tl_var record_grad(tl_var logits, tl_var targets, tl_var dout, const void *params)
{
	tl_var in[] = {logits, targets, dout};
	return tl_apply(NULL, &tl_op_cross_entropy_grad, 3, in, params, sizeof(tl__ce_params));
}

static tl_var loss_gradient(const tl_adjoint *a, int k)
{
	(void)k;
	return record_grad(a->in[0], a->in[1], a->dout, a->params);
}

static tl_var grad_gradient(const tl_adjoint *a, int k)
{
	const tl__ce_params *params = a->params;
	tl_var x = a->in[0], targets = a->in[1], g = a->in[2], d = a->dout;
	bool none = params->reduction == TL_NONE;
	if (k == 2) {
		tl_var one = record_grad(x, targets, tl_fill(g.tape, tl_var_shape(g), 1), params);
		tl_var product = tl_mul(one, d);
		return none ? tl_sum(product, TL_AXES(-1), false) : tl_sum_all(product);
	}
	tl_var p = tl_softmax(x, -1);
	tl_var mean = tl_sum(tl_mul(p, d), TL_AXES(-1), true);
	tl_var w = tl_apply(NULL, &tl_op_cross_entropy_weight, 1, &targets, params, sizeof *params);
	tl_var scale = tl_mul(w, none ? tl_unsqueeze(g, -1) : g);
	return tl_mul(tl_mul(p, tl_sub(d, mean)), scale);
}

static const tl__ce_params sample_params[] = {
	{.reduction = TL_MEAN, .has_ignore = 1, .ignore_index = 2},
	{.reduction = TL_SUM, .smoothing = 0.1},
	{.reduction = TL_NONE, .has_ignore = 1, .ignore_index = 0, .smoothing = 0.3},
};

#define SAMPLE(count, k, ...)                                                                                \
	{                                                                                                    \
		.n = count, .in = {__VA_ARGS__}, .limit = 4, .params = &sample_params[k],                    \
		.params_size = sizeof(tl__ce_params)                                                         \
	}

const tl_op tl_op_cross_entropy = {
	.name = "cross_entropy",
	.arity = 2,
	.index_operands = 2,
	.infer = loss_infer,
	.kernel = tl__ce_loss,
	.gradient = loss_gradient,
	.samples =
		(tl_sample[]){
			SAMPLE(2, 0, {2, {5, 4}}, {1, {5}}),
			SAMPLE(2, 1, {1, {4}}, {0}),
			SAMPLE(2, 2, {3, {2, 3, 4}}, {2, {2, 3}}),
			{0},
		},
};

const tl_op tl_op_cross_entropy_grad = {
	.name = "cross_entropy_grad",
	.arity = 3,
	.index_operands = 2,
	.infer = grad_infer,
	.kernel = tl__ce_grad,
	.gradient = grad_gradient,
	.samples =
		(tl_sample[]){
			SAMPLE(3, 0, {2, {5, 4}}, {1, {5}}, {0}),
			SAMPLE(3, 1, {1, {4}}, {0}, {0}),
			SAMPLE(3, 2, {3, {2, 3, 4}}, {2, {2, 3}}, {2, {2, 3}}),
			{0},
		},
};

const tl_op tl_op_cross_entropy_weight = {
	.name = "cross_entropy_weight",
	.arity = 1,
	.flags = TL_OP_STOP,
	.index_operands = 1,
	.infer = weight_infer,
	.kernel = tl__ce_weight,
	.no_gradient = "an index is no real number",
	.samples = (tl_sample[]){SAMPLE(1, 0, {2, {2, 5}}), SAMPLE(1, 2, {1, {5}}), {0}},
};

tl_var tl_cross_entropy(tl_var logits, tl_var targets, const tl_cross_entropy_options *options)
{
	tl_cross_entropy_options o = options ? *options : (tl_cross_entropy_options){0};
	tl__ce_params params = {
		o.reduction, o.has_ignore, o.has_ignore ? o.ignore_index : 0, o.label_smoothing};
	return tl_apply(NULL, &tl_op_cross_entropy, 2, (tl_var[]){logits, targets}, &params, sizeof params);
}
