/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The built-in optimisers. g is the gradient with weight decay, g = dL/dx + decay x; * is elementwise.
 * Scalars are computed in double and rounded once, and operations stand in torch.optim's order.
 */
#include "optim/optimizer.h"

#include <string.h>
#include <tgmath.h>

#include "core/vector.h"

/* What most rules begin with. */
#define BEGIN(u)                                                                                             \
	const tl_optimizer_options *o = (u)->options;                                                        \
	tl_real lr = (tl_real)o->lr, decay = (tl_real)o->weight_decay;                                       \
	tl_real *restrict x = (u)->value;                                                                    \
	const tl_real *restrict grad = (u)->grad

/*
 * Stochastic gradient descent (Robbins, Monro, "A stochastic approximation method", 1951) with momentum
 * (Polyak, 1964; Sutskever, Martens, Dahl, Hinton, ICML 2013):
 *	b = momentum b + (1 - dampening) g	(b = g in the first step)
 *	x -= lr b				(nesterov: x -= lr (g + momentum b))
 */
TL_VECTOR static void sgd(const tl_update *u)
{
	BEGIN(u);
	tl_real *restrict b = u->state[0];
	if (!b) {
		for (int64_t i = 0; i < u->n; i++)
			x[i] -= lr * (grad[i] + decay * x[i]);
		return;
	}
	tl_real momentum = (tl_real)o->momentum;
	tl_real take = u->step == 1 ? 1 : (tl_real)(1 - o->dampening);
	for (int64_t i = 0; i < u->n; i++) {
		tl_real g = grad[i] + decay * x[i];
		b[i] = momentum * b[i] + take * g;
		x[i] -= lr * (o->nesterov ? g + momentum * b[i] : b[i]);
	}
}

static bool sgd_needs(const tl_optimizer_options *o, int k)
{
	(void)k;
	return o->momentum != 0;
}

/* A decay that is lost in rounding, x - lr decay x = x, is none: so small a number stands for 0 in options. */
static bool sgd_keeps(const tl_optimizer_options *o, int64_t step)
{
	(void)step;
	return o->momentum == 0 && o->lr * o->weight_decay < 1e-18;
}

const tl_optimizer_kind tl_sgd = {
	.name = "sgd",
	.state = {"momentum_buffer"},
	.options = TL_OPTION_MOMENTUM | TL_OPTION_DAMPENING | TL_OPTION_NESTEROV,
	.defaults = {.lr = 1e-3},
	.needs = sgd_needs,
	.update = sgd,
	.elementwise = true,
	.keeps = sgd_keeps,
};

/*
 * RMSprop (Tieleman, Hinton, "Lecture 6.5", 2012; centered: Graves, "Generating sequences with recurrent
 * neural networks", 2013, equations 38 to 45):
 *	s = rho s + (1 - rho) g * g,	m = rho m + (1 - rho) g
 *	d = g / (sqrt(s) + eps)		(centered: g / (sqrt(s - m * m) + eps))
 *	x -= lr d			(momentum: b = momentum b + d, x -= lr b)
 * Rounding may take s - m * m below 0; it counts as 0 then, where torch gets NaN.
 */
TL_VECTOR static void rmsprop(const tl_update *u)
{
	BEGIN(u);
	tl_real *restrict s = u->state[0];
	tl_real *restrict b = u->state[1];
	tl_real *restrict m = u->state[2];
	tl_real rho = (tl_real)o->rho, rest = (tl_real)(1 - o->rho);
	tl_real momentum = (tl_real)o->momentum, eps = (tl_real)o->eps;
	for (int64_t i = 0; i < u->n; i++) {
		tl_real g = grad[i] + decay * x[i];
		s[i] = rho * s[i] + rest * g * g;
		tl_real spread = s[i];
		if (m) {
			m[i] += rest * (g - m[i]);
			spread -= m[i] * m[i];
			spread = spread < 0 ? 0 : spread;
		}
		tl_real d = g / (sqrt(spread) + eps);
		if (b)
			d = b[i] = momentum * b[i] + d;
		x[i] -= lr * d;
	}
}

static bool rmsprop_needs(const tl_optimizer_options *o, int k)
{
	return k == 0 || (k == 1 && o->momentum != 0) || (k == 2 && o->centered);
}

const tl_optimizer_kind tl_rmsprop = {
	.name = "rmsprop",
	.state = {"square_avg", "momentum_buffer", "grad_avg"},
	.options = TL_OPTION_RHO | TL_OPTION_EPS | TL_OPTION_MOMENTUM | TL_OPTION_CENTERED,
	.defaults = {.lr = 1e-2, .rho = 0.99, .eps = 1e-8},
	.needs = rmsprop_needs,
	.update = rmsprop,
	.elementwise = true,
};

/*
 * Adagrad (Duchi, Hazan, Singer, "Adaptive subgradient methods for online learning and stochastic
 * optimization", 2011); s starts at accumulator, t counts steps from 1:
 *	s = s + g * g,	x -= lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)
 */
TL_VECTOR static void adagrad(const tl_update *u)
{
	BEGIN(u);
	tl_real *restrict s = u->state[0];
	tl_real eps = (tl_real)o->eps;
	lr = (tl_real)(o->lr / (1 + (double)(u->step - 1) * o->lr_decay));
	tl_real start = u->step == 1 ? (tl_real)o->accumulator : 0;
	for (int64_t i = 0; i < u->n; i++) {
		tl_real g = grad[i] + decay * x[i];
		s[i] += start + g * g;
		x[i] -= lr * g / (sqrt(s[i]) + eps);
	}
}

static bool adagrad_keeps(const tl_optimizer_options *o, int64_t step)
{
	return o->weight_decay == 0 && (step > 1 || o->accumulator == 0);
}

const tl_optimizer_kind tl_adagrad = {
	.name = "adagrad",
	.state = {"sum"},
	.options = TL_OPTION_EPS | TL_OPTION_LR_DECAY | TL_OPTION_ACCUMULATOR,
	.defaults = {.lr = 1e-2, .eps = 1e-10},
	.update = adagrad,
	.elementwise = true,
	.keeps = adagrad_keeps,
};

/*
 * Adadelta (Zeiler, "Adadelta: an adaptive learning rate method", 2012):
 *	s = rho s + (1 - rho) g * g
 *	d = sqrt(a + eps) / sqrt(s + eps) g
 *	a = rho a + (1 - rho) d * d,	x -= lr d
 */
TL_VECTOR static void adadelta(const tl_update *u)
{
	BEGIN(u);
	tl_real *restrict s = u->state[0];
	tl_real *restrict a = u->state[1];
	tl_real rho = (tl_real)o->rho, rest = (tl_real)(1 - o->rho), eps = (tl_real)o->eps;
	for (int64_t i = 0; i < u->n; i++) {
		tl_real g = grad[i] + decay * x[i];
		s[i] = rho * s[i] + rest * g * g;
		tl_real d = sqrt(a[i] + eps) / sqrt(s[i] + eps) * g;
		a[i] = rho * a[i] + rest * d * d;
		x[i] -= lr * d;
	}
}

const tl_optimizer_kind tl_adadelta = {
	.name = "adadelta",
	.state = {"square_avg", "acc_delta"},
	.options = TL_OPTION_RHO | TL_OPTION_EPS,
	.defaults = {.lr = 1, .rho = 0.9, .eps = 1e-6},
	.update = adadelta,
	.elementwise = true,
};

/*
 * Adam (Kingma, Ba, "Adam: a method for stochastic optimization", ICLR 2015) in step t, from 1:
 *	m = beta1 m + (1 - beta1) g,	s = beta2 s + (1 - beta2) g * g
 *	x -= lr / (1 - beta1^t) m / (sqrt(s / (1 - beta2^t)) + eps)
 * AdamW (Loshchilov, Hutter, "Decoupled weight decay regularization", ICLR 2019) has g = dL/dx and
 * scales x by 1 - lr decay first: `keep`.
 */
TL_VECTOR static void adam_with(const tl_update *u, tl_real decay, tl_real keep)
{
	const tl_optimizer_options *o = u->options;
	tl_real *restrict x = u->value;
	const tl_real *restrict grad = u->grad;
	tl_real *restrict m = u->state[0];
	tl_real *restrict s = u->state[1];
	double t = (double)u->step;
	tl_real rate = (tl_real)(o->lr / (1 - pow(o->beta1, t)));
	tl_real root = (tl_real)sqrt(1 - pow(o->beta2, t));
	tl_real rest1 = (tl_real)(1 - o->beta1), rest2 = (tl_real)(1 - o->beta2);
	tl_real beta2 = (tl_real)o->beta2, eps = (tl_real)o->eps;
	for (int64_t i = 0; i < u->n; i++) {
		tl_real g = grad[i] + decay * x[i];
		m[i] += rest1 * (g - m[i]);
		s[i] = beta2 * s[i] + rest2 * g * g;
		x[i] = keep * x[i] - rate * m[i] / (sqrt(s[i]) / root + eps);
	}
}

static void adam(const tl_update *u)
{
	adam_with(u, (tl_real)u->options->weight_decay, 1);
}

static void adamw(const tl_update *u)
{
	adam_with(u, 0, (tl_real)(1 - u->options->lr * u->options->weight_decay));
}

const tl_optimizer_kind tl_adam = {
	.name = "adam",
	.state = {"exp_avg", "exp_avg_sq"},
	.options = TL_OPTION_BETAS | TL_OPTION_EPS,
	.defaults = {.lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8},
	.update = adam,
	.elementwise = true,
};

const tl_optimizer_kind tl_adamw = {
	.name = "adamw",
	.state = {"exp_avg", "exp_avg_sq"},
	.options = TL_OPTION_BETAS | TL_OPTION_EPS,
	.defaults = {.lr = 1e-3, .weight_decay = 1e-2, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8},
	.update = adamw,
	.elementwise = true,
};

static const tl_optimizer_kind *const table[] = {
	&tl_sgd,
	&tl_rmsprop,
	&tl_adagrad,
	&tl_adadelta,
	&tl_adam,
	&tl_adamw,
};

const tl_optimizer_kind *tl_optimizer_kind_at(int k)
{
	return k >= 0 && k < (int)(sizeof table / sizeof *table) ? table[k] : NULL;
}

const tl_optimizer_kind *tl_optimizer_kind_from_name(const char *name)
{
	for (int k = 0; tl_optimizer_kind_at(k); k++)
		if (strcmp(table[k]->name, name) == 0)
			return table[k];
	return NULL;
}
