/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two ops of one's own, registered nowhere. Softsign is elementwise, so the engine brings broadcasting and
 * blocks; cumsum has a shape rule and a kernel over whole tensors. Each is one constant.
 */
#include <math.h>
#include <stdio.h>
#include <tapeloop.h>

/* y = x / (1 + |x|), dy/dx = (1 - |y|)^2 */
static void softsign(const void *params, int64_t n, tl_real *out, const tl_real *const *in)
{
	(void)params;
	for (int64_t i = 0; i < n; i++)
		out[i] = in[0][i] / (1 + fabsf(in[0][i]));
}

static tl_var softsign_gradient(const tl_adjoint *a, int k)
{
	(void)k;
	return tl_mul(a->dout, tl_square(tl_shift(tl_neg(tl_abs(a->out)), 1)));
}

static const tl_op op_softsign = {.name = "softsign", .arity = 1, .map = softsign, .gradient = softsign_gradient};

/* y_i = x_0 + ... + x_i for a vector x; dL/dx is the same sum from the other end. */
static const tl_op op_cumsum;

static tl_status cumsum_shape(tl_infer *s)
{
	s->out = s->in[0]->shape;
	return s->out.axes == 1 ? TL_OK : tl_error_set(s->error, TL_ERR_SHAPE, "needs a vector");
}

static tl_status cumsum(const tl_call *c)
{
	const tl_real *x = c->in[0]->data;
	tl_real *y = c->out->data, sum = 0;
	for (int64_t i = 0; i < c->out->shape.dim[0]; i++)
		y[i] = sum += x[i * c->in[0]->stride[0]];
	return TL_OK;
}

static tl_var cumsum_gradient(const tl_adjoint *a, int k)
{
	(void)k;
	tl_var back = tl_flip(a->dout, 0);
	return tl_flip(tl_apply(NULL, &op_cumsum, 1, &back, NULL, 0), 0);
}

static const tl_op op_cumsum = {
	.name = "cumsum", .arity = 1, .infer = cumsum_shape, .kernel = cumsum, .gradient = cumsum_gradient};

int main(void)
{
	float x[4] = {-2, -0.5f, 1, 3}, y[4], dx[4];
	tl_tape *tape = tl_tape_new(NULL);
	tl_var vx = tl_input(tape, TL_SHAPE(4), x), d;
	tl_var vy = tl_apply(NULL, &op_softsign, 1, &vx, NULL, 0);
	tl_var sums = tl_apply(NULL, &op_cumsum, 1, &vy, NULL, 0);
	tl_grad(tl_sum_all(sums), 1, &vx, &d);
	if (tl_read(sums, y, 4) || tl_read(d, dx, 4))
		fprintf(stderr, "%s\n", tl_tape_error(tape)->text);
	for (int i = 0; i < 4; i++)
		printf("x %5.2f  cumsum(softsign(x)) %7.4f  dL/dx %7.4f\n", x[i], y[i], dx[i]);
	tl_status status = tl_tape_status(tape);
	tl_tape_free(tape);
	return status ? 1 : 0;
}
