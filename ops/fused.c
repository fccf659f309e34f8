/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/fused_node.h"

#include "graph/flat.h"
#include "ops/arith.h"
#include "ops/op_util.h"

int64_t tl__fused_offset(const tl_recurrent_spec *s, int k)
{
	int64_t offset = 0;
	for (int i = 0; i < k; i++)
		offset += i == TL__FUSED_C && s->cell != TL_RECURRENT_LSTM
				  ? 0
				  : tl__fused_line(tl_shape_size(tl__fused_part(s, i)));
	return offset;
}

tl_shape tl__fused_part(const tl_recurrent_spec *s, int k)
{
	return k == TL__FUSED_OUTPUT ? TL_SHAPE(s->steps, s->rows, s->out)
				     : TL_SHAPE(s->rows, k == TL__FUSED_H ? s->out : s->hidden);
}

/* Where the gradient of operand k begins in the backward vector; k = TL_RECURRENT_INPUTS: its size. */
static int64_t gradient_offset(const tl_recurrent_spec *s, int k)
{
	int64_t offset = 0;
	tl_shape shape;
	for (int i = 0; i < k; i++)
		if (tl__recurrent_shape(s, i, &shape))
			offset += tl__fused_line(tl_shape_size(shape));
	return offset;
}

static tl_status forward_infer(tl_infer *s)
{
	const tl__fused_params *p = s->params;
	s->out = TL_SHAPE(tl__fused_offset(tl__recurrent_spec(p->layer), TL__FUSED_PARTS) + p->kept);
	return TL_OK;
}

static tl_status backward_infer(tl_infer *s)
{
	const tl__fused_params *p = s->params;
	s->out = TL_SHAPE(gradient_offset(tl__recurrent_spec(p->layer), TL_RECURRENT_INPUTS));
	return TL_OK;
}

/* The operands, and the parts of the forward vector at `vector`; returns how many operands there are. */
static int set_run(const tl_call *c, tl_real *vector, tl_recurrent_run *run)
{
	const tl__fused_params *p = c->params;
	const tl_recurrent_spec *s = tl__recurrent_spec(p->layer);
	tl_shape shape;
	int n = 0;
	*run = (tl_recurrent_run){.pool = c->pool, .scratch = c->scratch};
	for (int k = 0; k < TL_RECURRENT_INPUTS; k++)
		if (tl__recurrent_shape(s, k, &shape))
			run->in[k] = c->in[n++];
	run->y = vector;
	run->hn = vector + tl__fused_offset(s, TL__FUSED_H);
	run->cn = s->cell == TL_RECURRENT_LSTM ? vector + tl__fused_offset(s, TL__FUSED_C) : NULL;
	run->kept = p->kept ? vector + tl__fused_offset(s, TL__FUSED_PARTS) : NULL;
	return n;
}

/* Zeros behind a part of n numbers, up to the next part. */
static void fill_line(tl_real *part, int64_t n)
{
	for (int64_t i = n; i < tl__fused_line(n); i++)
		part[i] = 0;
}

static tl_status forward_kernel(const tl_call *c)
{
	const tl__fused_params *p = c->params;
	const tl_recurrent_spec *s = tl__recurrent_spec(p->layer);
	tl_recurrent_run run;
	set_run(c, c->out->data, &run);
	for (int k = 0; k < TL__FUSED_PARTS; k++)
		if (k != TL__FUSED_C || run.cn)
			fill_line((tl_real *)c->out->data + tl__fused_offset(s, k), tl_shape_size(tl__fused_part(s, k)));
	return tl__recurrent_forward(p->layer, &run, c->error);
}

static int64_t forward_numbers(const void *params, int64_t size)
{
	return size - ((const tl__fused_params *)params)->kept;
}

static tl_status backward_kernel(const tl_call *c)
{
	const tl__fused_params *p = c->params;
	const tl_recurrent_spec *s = tl__recurrent_spec(p->layer);
	tl_recurrent_run run;
	tl_shape shape;
	int n = set_run(c, NULL, &run);
	tl_real *vector = (tl_real *)tl__dense(c, c->in[n]);
	if (!vector)
		return tl_error_memory(c->error);
	n = set_run(c, vector, &run) + 1;
	const tl_tensor **adjoint[TL__FUSED_PARTS] = {&run.dy, &run.dhn, &run.dcn};
	for (int k = 0; k < TL__FUSED_PARTS; k++)
		if (p->adjoints >> k & 1)
			*adjoint[k] = c->in[n++];
	for (int k = 0; k < TL_RECURRENT_INPUTS; k++)
		if (tl__recurrent_shape(s, k, &shape)) {
			run.d[k] = (tl_real *)c->out->data + gradient_offset(s, k);
			fill_line(run.d[k], tl_shape_size(shape));
		}
	return tl__recurrent_backward(p->layer, &run, c->error);
}

static const tl_op backward = {
	.name = "fused_backward",
	.arity = TL_VARIADIC,
	.flags = TL_OP_ALONE,
	.infer = backward_infer,
	.kernel = backward_kernel,
	.no_gradient = "a recurrent layer in one node has no second derivative; run it step by step (--impl "
		       "composed)",
};

/* The adjoints of the parts, from that of the vector. */
static void split_adjoint(const tl_recurrent_spec *s, tl_var dout, tl_var *part)
{
	const int64_t *offset = (const int64_t *)tl_var_params(dout) + 1;
	if (tl_var_op(dout) != &tl__op_flat) {
		for (int k = 0; k < TL__FUSED_PARTS; k++)
			if (k != TL__FUSED_C || s->cell == TL_RECURRENT_LSTM)
				part[k] = tl__flat_part(dout, tl__fused_offset(s, k), tl__fused_part(s, k));
		return;
	}
	for (int i = 0; i < tl_var_operands(dout); i++) {
		int k = 0;
		while (offset[i] != tl__fused_offset(s, k))
			k++;
		tl_var more = tl_var_operand(dout, i);
		part[k] = part[k].tape ? tl_add(part[k], more) : more;
	}
}

static void forward_gradients(const tl_adjoint *a, const unsigned char *need, tl_var *d)
{
	tl__fused_params p = *(const tl__fused_params *)a->params;
	const tl_recurrent_spec *s = tl__recurrent_spec(p.layer);
	tl_var part[TL__FUSED_PARTS] = {{0}}, in[TL_RECURRENT_INPUTS + 1 + TL__FUSED_PARTS];
	int n = 0;
	for (; n < a->n_in; n++)
		in[n] = a->in[n];
	in[n++] = a->out;
	split_adjoint(s, a->dout, part);
	for (int k = 0; k < TL__FUSED_PARTS; k++)
		if (part[k].tape) {
			in[n++] = part[k];
			p.adjoints |= 1 << k;
		}
	tl_var all = tl_apply(NULL, &backward, n, in, &p, sizeof p);
	tl_shape shape;
	for (int k = 0, i = 0; k < TL_RECURRENT_INPUTS; k++)
		if (tl__recurrent_shape(s, k, &shape)) {
			if (need[i])
				d[i] = tl__flat_part(all, gradient_offset(s, k), shape);
			i++;
		}
}

#define FUSED(cell)                                                                                          \
	{                                                                                                    \
		.name = cell, .arity = TL_VARIADIC, .flags = TL_OP_ALONE, .infer = forward_infer,            \
		.kernel = forward_kernel, .gradients = forward_gradients, .numbers = forward_numbers         \
	}

const tl_op tl__op_fused[] = {FUSED("fused_rnn"), FUSED("fused_rnn_relu"), FUSED("fused_lstm"),
	FUSED("fused_gru"), FUSED("fused_gru_lbr")};
