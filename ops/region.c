/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slice and place. Adjoints of several slices of one variable add up to a single place, so T time
 * steps read from one (T, B, E) input cost one pass over it and not T; concat and pad are places too.
 */
#include "ops/region.h"

#include <string.h>

#include "ops/layout.h"

static bool inside(const tl_region *r, tl_shape part, tl_shape of)
{
	if (part.axes != of.axes)
		return false;
	for (int i = 0; i < of.axes; i++) {
		int64_t start = r->start[i], step = r->step[i], steps = part.dim[i] - 1;
		if (steps < 0)
			continue;
		if (start < 0 || start >= of.dim[i])
			return false;
		if (steps > 0 && (step > 0 ? step > (of.dim[i] - 1 - start) / steps : step < -(start / steps)))
			return false;
	}
	return true;
}

/* The region of t as a tensor of the given shape. */
static tl_tensor look(const tl_tensor *t, const tl_region *r, tl_shape shape)
{
	tl_tensor part = {.dtype = t->dtype, .shape = shape};
	int64_t offset = 0;
	for (int i = 0; i < shape.axes; i++) {
		part.stride[i] = t->stride[i] * r->step[i];
		offset += shape.dim[i] > 0 ? t->stride[i] * r->start[i] : 0;
	}
	part.data = (char *)t->data + offset * (int64_t)tl_dtype_size(t->dtype);
	return part;
}

static tl_status slice_infer(tl_infer *s)
{
	const tl_slice_params *p = s->params;
	s->out = p->shape;
	if (!inside(&p->at, p->shape, s->in[0]->shape))
		return tl_error_set(s->error, TL_ERR_ARGUMENT, "the region reaches outside the operand");
	return TL_OK;
}

static bool slice_view(const void *params, const tl_tensor *in, tl_tensor *out)
{
	const tl_slice_params *p = params;
	*out = look(in, &p->at, p->shape);
	return true;
}

static tl_status slice_copy(const tl_call *c)
{
	const tl_slice_params *p = c->params;
	tl_tensor from = look(c->in[0], &p->at, p->shape);
	tl_tensor_copy(c->out, &from);
	return TL_OK;
}

tl_var tl__place(const tl_op *op, int n, const tl_var *v, tl_shape shape, double fill, const tl_region *at)
{
	size_t size = sizeof(tl_place_params) + (size_t)n * sizeof(tl_region);
	tl_place_params *p = tl_tape_alloc(v[0].tape, size);
	if (!p)
		return (tl_var){v[0].tape, 0, v[0].generation};
	p->shape = shape;
	p->fill = fill;
	memcpy(p + 1, at, (size_t)n * sizeof(tl_region));
	return tl_apply(NULL, op, n, v, p, size);
}

static tl_var slice_gradient(const tl_adjoint *a, int k)
{
	const tl_slice_params *p = a->params;
	return tl__place(&tl_op_place, 1, &a->dout, tl_var_shape(a->in[k]), 0, &p->at);
}

static const tl_slice_params slice_samples[] = {
	{{{1, 2, 0}, {1, -1, 1}}, {3, {2, 3, 2}}},
	{{{0, 0, 1}, {2, 1, 1}}, {3, {2, 3, 1}}},
};

const tl_op tl_op_slice = {
	.name = "slice",
	.arity = 1,
	.flags = TL_OP_ANY_TYPE,
	.infer = slice_infer,
	.kernel = slice_copy,
	.view = slice_view,
	.gradient = slice_gradient,
	.samples =
		(tl_sample[]){
			{.n = 1, .in = {{3, {3, 3, 2}}}, .params = &slice_samples[0], .params_size = sizeof(tl_slice_params)},
			{.n = 1, .in = {{3, {3, 3, 2}}}, .params = &slice_samples[1], .params_size = sizeof(tl_slice_params)},
			{0},
		},
};

tl_status tl__place_infer(tl_infer *s)
{
	const tl_place_params *p = s->params;
	s->out = p->shape;
	for (int k = 0; k < s->n_in; k++)
		if (!inside(&tl__regions(p)[k], s->in[k]->shape, p->shape))
			return tl_error_set(s->error, TL_ERR_SHAPE, "operand %d does not fit the result", k);
	return TL_OK;
}

/*
 * Do the operands cover the result exactly once? Answered for the common case that all fill every axis
 * but one; `seen` has an entry for each index along that axis.
 */
static bool tiles(const tl_place_params *p, int n, const tl_tensor *const *in, unsigned char *seen, int axis)
{
	const tl_region *at = tl__regions(p);
	memset(seen, 0, (size_t)p->shape.dim[axis]);
	int64_t covered = 0;
	for (int k = 0; k < n; k++) {
		tl_shape s = in[k]->shape;
		for (int i = 0; i < s.axes; i++)
			if (i != axis && (s.dim[i] != p->shape.dim[i] || at[k].step[i] != 1))
				return false;
		for (int64_t j = 0; j < s.dim[axis]; j++) {
			unsigned char *mark = &seen[at[k].start[axis] + j * at[k].step[axis]];
			if (*mark)
				return false;
			*mark = 1;
			covered++;
		}
	}
	return covered == p->shape.dim[axis];
}

static bool tiles_any_axis(const tl_place_params *p, int n, const tl_tensor *const *in, tl_arena *scratch)
{
	tl_mark mark = tl_arena_mark(scratch);
	bool found = false;
	for (int axis = 0; axis < p->shape.axes && !found; axis++) {
		unsigned char *seen = tl_arena_alloc(scratch, (size_t)p->shape.dim[axis]);
		found = seen && tiles(p, n, in, seen, axis);
	}
	tl_arena_rewind(scratch, mark);
	return found;
}

bool tl__place_parts(const void *params, int n, const tl_tensor *const *in, const tl_tensor *out, tl_tensor *part,
	tl_arena *scratch)
{
	const tl_place_params *p = params;
	if (!tiles_any_axis(p, n, in, scratch))
		return false;
	for (int k = 0; k < n; k++)
		part[k] = look(out, &tl__regions(p)[k], in[k]->shape);
	return true;
}

tl_status tl__place_kernel(const tl_call *c)
{
	const tl_place_params *p = c->params;
	bool covered = tiles_any_axis(p, c->n_in, c->in, c->scratch);
	if (!covered) {
		tl_real fill = (tl_real)p->fill;
		tl_tensor one = tl_tensor_dense(TL_REAL, TL_SCALAR, &fill);
		tl_tensor wide = tl_tensor_broadcast(&one, p->shape);
		tl_tensor_copy(c->out, &wide);
	}
	for (int k = 0; k < c->n_in; k++) {
		tl_tensor to = look(c->out, &tl__regions(p)[k], c->in[k]->shape);
		if (covered || p->fill != 0)
			tl_tensor_copy(&to, c->in[k]);
		else
			tl_tensor_add(&to, c->in[k]);
	}
	return TL_OK;
}

tl_var tl__place_gradient(const tl_adjoint *a, int k)
{
	const tl_place_params *p = a->params;
	tl_slice_params s = {tl__regions(p)[k], tl_var_shape(a->in[k])};
	return tl_apply(NULL, &tl_op_slice, 1, &a->dout, &s, sizeof s);
}

/* n places as one: all their operands, all their regions. */
static tl_var place_sum(int n, const tl_var *v)
{
	int total = 0;
	for (int i = 0; i < n; i++)
		total += tl_var_operands(v[i]);
	tl_var *in = tl_tape_alloc(v[0].tape, (size_t)total * sizeof *in);
	tl_region *at = tl_tape_alloc(v[0].tape, (size_t)total * sizeof *at);
	if (!in || !at)
		return (tl_var){0};
	int used = 0;
	for (int i = 0; i < n; i++) {
		const tl_place_params *p = tl_var_params(v[i]);
		for (int k = 0; k < tl_var_operands(v[i]); k++, used++) {
			in[used] = tl_var_operand(v[i], k);
			at[used] = tl__regions(p)[k];
		}
	}
	return tl__place(&tl_op_place, total, in, tl_var_shape(v[0]), 0, at);
}

#define ONES                                                                                       \
	{                                                                                          \
		1, 1, 1, 1, 1, 1                                                                   \
	}

static const struct {
	tl_place_params head;
	tl_region at[2];
} place_sample = {{{2, {3, 4}}, 0}, {{{1, 0}, ONES}, {{2, 1}, {-1, 2, 1, 1, 1, 1}}}};

const tl_op tl_op_place = {
	.name = "place",
	.arity = TL_VARIADIC,
	.infer = tl__place_infer,
	.kernel = tl__place_kernel,
	.parts = tl__place_parts,
	.gradient = tl__place_gradient,
	.sum = place_sum,
	.samples =
		(tl_sample[]){
			{.n = 2, .in = {{2, {2, 4}}, {2, {3, 2}}}, .params = &place_sample, .params_size = sizeof place_sample},
			{0},
		},
};
