/* SPDX-License-Identifier: Apache-2.0 */
/* Losses of single elements. Cross-entropy is in cross_entropy.c. */
#include "ops/loss.h"

#include <tgmath.h>

#include "ops/activation.h"
#include "ops/arith.h"
#include "ops/math.h"
#include "ops/op_util.h"
#include "ops/reduce.h"

/* Checks what broadcasting would let pass. */
static bool fits(const char *who, tl_var prediction, tl_var target, int reduction)
{
	char a[TL_SHAPE_TEXT], b[TL_SHAPE_TEXT];
	tl_shape p = tl_var_shape(prediction), t = tl_var_shape(target);
	if (!tl_ok(prediction) || !tl_ok(target))
		tl_sub(prediction, target); /* reports why */
	else if (!tl_shape_equal(p, t))
		tl_tape_fail(prediction.tape, TL_ERR_SHAPE, "%s: the prediction has shape %s, the target %s",
			who, tl_shape_text(p, a), tl_shape_text(t, b));
	else if (reduction < TL_MEAN || reduction > TL_NONE)
		tl_tape_fail(
			prediction.tape, TL_ERR_ARGUMENT, "%s: there is no reduction %d", who, reduction);
	else
		return true;
	return false;
}

static tl_var reduced(tl_var loss, int reduction)
{
	switch (reduction) {
	case TL_MEAN:
		return tl_mean_all(loss);
	case TL_SUM:
		return tl_sum_all(loss);
	}
	return loss;
}

tl_var tl_mse(tl_var prediction, tl_var target, int reduction)
{
	if (!fits("mse", prediction, target, reduction))
		return (tl_var){prediction.tape, 0, prediction.generation};
	return reduced(tl_square(tl_sub(prediction, target)), reduction);
}

TL_MAP2(bce_with_logits, (a > 0 ? a : 0) - a * b + log1p(exp(-fabs(a))))

static tl_var bce_with_logits_gradient(const tl_adjoint *a, int k)
{
	tl_var x = a->in[0], t = a->in[1];
	return tl_mul(a->dout, k == 0 ? tl_sub(tl_sigmoid(x), t) : tl_neg(x));
}

const tl_op tl_op_bce_with_logits = {
	.name = "bce_with_logits",
	.arity = 2,
	.map = bce_with_logits,
	.gradient = bce_with_logits_gradient,
	.samples =
		(tl_sample[]){
			{.n = 2, .in = {{2, {3, 4}}, {2, {3, 4}}}},
			{.n = 2, .in = {{2, {3, 4}}, {1, {4}}}, .low = -30, .high = 30},
			{0},
		},
};

tl_var tl_bce_with_logits(tl_var logits, tl_var targets, int reduction)
{
	if (!fits("bce_with_logits", logits, targets, reduction))
		return (tl_var){logits.tape, 0, logits.generation};
	return reduced(tl__apply2(&tl_op_bce_with_logits, logits, targets), reduction);
}
