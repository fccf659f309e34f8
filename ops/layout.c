/* SPDX-License-Identifier: Apache-2.0 */
/* Reshape and transpose. Slices and what undoes them are in region.c. */
#include "ops/layout.h"

#include <inttypes.h>

#include "ops/op_util.h"

static tl_status reshape_infer(tl_infer *s)
{
	s->out = *(const tl_shape *)s->params;
	int64_t size = tl_shape_size(s->in[0]->shape), known = 1, open = -1;
	char text[TL_SHAPE_TEXT];
	if (s->out.axes < 0 || s->out.axes > TL_MAX_AXES)
		return tl_error_set(s->error, TL_ERR_SHAPE, "the shape asked for is out of range");
	for (int i = 0; i < s->out.axes; i++) {
		if (s->out.dim[i] == -1 && open < 0)
			open = i;
		else if (s->out.dim[i] < 0 || (s->out.dim[i] > 0 && known > INT64_MAX / 16 / s->out.dim[i]))
			return tl_error_set(s->error, TL_ERR_SHAPE, "the shape asked for, %s, is out of range",
				tl_shape_text(s->out, text));
		else
			known *= s->out.dim[i];
	}
	if (open >= 0)
		s->out.dim[open] = known > 0 ? size / known : 0;
	if (!tl_shape_valid(s->out) || tl_shape_size(s->out) != size)
		return tl_error_set(s->error, TL_ERR_SHAPE, "%" PRId64 " elements do not fill %s", size,
			tl_shape_text(*(const tl_shape *)s->params, text));
	return TL_OK;
}

static tl_status reshape_copy(const tl_call *c)
{
	tl_tensor to = *c->out;
	to.shape = c->in[0]->shape;
	tl_shape_strides(to.shape, to.stride);
	tl_tensor_copy(&to, c->in[0]);
	return TL_OK;
}

static bool reshape_view(const void *params, const tl_tensor *in, tl_tensor *out)
{
	(void)params;
	return tl_tensor_reshape(in, out->shape, out);
}

static tl_var reshape_gradient(const tl_adjoint *a, int k)
{
	return tl_reshape(a->dout, tl_var_shape(a->in[k]));
}

const tl_op tl_op_reshape = {
	.name = "reshape",
	.arity = 1,
	.flags = TL_OP_ANY_TYPE,
	.infer = reshape_infer,
	.kernel = reshape_copy,
	.view = reshape_view,
	.gradient = reshape_gradient,
	.samples =
		(tl_sample[]){
			{.n = 1, .in = {{2, {3, 4}}}, .params = &TL_SHAPE(2, 6), .params_size = sizeof(tl_shape)},
			{.n = 1, .in = {{3, {2, 1, 4}}}, .params = &TL_SHAPE(-1), .params_size = sizeof(tl_shape)},
			{0},
		},
};

tl_var tl_reshape(tl_var x, tl_shape shape)
{
	return tl_apply(NULL, &tl_op_reshape, 1, &x, &shape, sizeof shape);
}

static tl_var bad_axis(tl_var x, const char *who, int axis)
{
	char text[TL_SHAPE_TEXT];
	if (!tl_ok(x))
		return tl_reshape(x, TL_SCALAR); /* reports why */
	return tl_tape_fail(x.tape, TL_ERR_ARGUMENT, "%s: axis %d is not in shape %s", who, axis,
		tl_shape_text(tl_var_shape(x), text));
}

tl_var tl_unsqueeze(tl_var x, int axis)
{
	tl_shape s = tl_var_shape(x);
	int at = axis < 0 ? axis + (int)s.axes + 1 : axis;
	if (!tl_ok(x) || at < 0 || at > s.axes || s.axes == TL_MAX_AXES)
		return bad_axis(x, "unsqueeze", axis);
	for (int64_t i = s.axes; i > at; i--)
		s.dim[i] = s.dim[i - 1];
	s.dim[at] = 1;
	s.axes++;
	return tl_reshape(x, s);
}

tl_var tl_squeeze(tl_var x, int axis)
{
	tl_shape s = tl_var_shape(x);
	int at = tl_shape_axis(s, axis);
	if (!tl_ok(x) || at < 0 || s.dim[at] != 1)
		return bad_axis(x, "squeeze", axis);
	s.axes--;
	for (int64_t i = at; i < s.axes; i++)
		s.dim[i] = s.dim[i + 1];
	s.dim[s.axes] = 0;
	return tl_reshape(x, s);
}

typedef struct order {
	int64_t axis[TL_MAX_AXES];
} order;

static tl_status transpose_infer(tl_infer *s)
{
	const order *o = s->params;
	tl_shape in = s->in[0]->shape;
	unsigned seen = 0;
	s->out = in;
	for (int i = 0; i < in.axes; i++) {
		if (o->axis[i] < 0 || o->axis[i] >= in.axes || seen >> o->axis[i] & 1)
			return tl_error_set(s->error, TL_ERR_ARGUMENT, "the order does not name each axis once");
		seen |= 1u << o->axis[i];
		s->out.dim[i] = in.dim[o->axis[i]];
	}
	return TL_OK;
}

static bool transpose_view(const void *params, const tl_tensor *in, tl_tensor *out)
{
	const order *o = params;
	for (int i = 0; i < in->shape.axes; i++)
		out->stride[i] = in->stride[o->axis[i]];
	out->data = in->data;
	return true;
}

/* For executors that want a copy. */
static tl_status transpose_copy(const tl_call *c)
{
	tl_tensor from = *c->out;
	transpose_view(c->params, c->in[0], &from);
	tl_tensor_copy(c->out, &from);
	return TL_OK;
}

static tl_var transpose_by(tl_var x, const order *o)
{
	return tl_apply(NULL, &tl_op_transpose, 1, &x, o, sizeof *o);
}

static tl_var transpose_gradient(const tl_adjoint *a, int k)
{
	const order *o = a->params;
	order back = {{0}};
	for (int i = 0; i < tl_var_shape(a->in[k]).axes; i++)
		back.axis[o->axis[i]] = i;
	return transpose_by(a->dout, &back);
}

const tl_op tl_op_transpose = {
	.name = "transpose",
	.arity = 1,
	.flags = TL_OP_ANY_TYPE,
	.infer = transpose_infer,
	.kernel = transpose_copy,
	.view = transpose_view,
	.gradient = transpose_gradient,
	.samples =
		(tl_sample[]){
			{.n = 1, .in = {{2, {3, 4}}}, .params = &(order){{1, 0}}, .params_size = sizeof(order)},
			{.n = 1, .in = {{3, {2, 3, 4}}}, .params = &(order){{2, 0, 1}}, .params_size = sizeof(order)},
			{0},
		},
};

tl_var tl_transpose(tl_var x, const int *axes)
{
	order o = {{0}};
	for (int i = 0; i < tl_var_shape(x).axes; i++)
		o.axis[i] = axes[i];
	return transpose_by(x, &o);
}

tl_var tl_t(tl_var x)
{
	int64_t axes = tl_var_shape(x).axes;
	if (!tl_ok(x) || axes < 2)
		return bad_axis(x, "transpose", -2);
	order o = {{0}};
	for (int64_t i = 0; i < axes; i++)
		o.axis[i] = i;
	o.axis[axes - 1] = axes - 2;
	o.axis[axes - 2] = axes - 1;
	return transpose_by(x, &o);
}
