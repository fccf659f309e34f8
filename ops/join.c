/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that cut variables into parts and put parts together: all of them slices and places. */
#include "ops/layout.h"

#include <inttypes.h>

#include "ops/region.h"

static const struct {
	tl_place_params head;
	tl_region at[2];
} tile_sample = {{{2, {3, 5}}, 0}, {{{0}, {1, 1}}, {{0, 4}, {1, -1}}}};

static const struct {
	tl_place_params head;
	tl_region at;
} pad_sample = {{{2, {3, 4}}, 0.5}, {{1}, {1, 1}}};

const tl_op tl_op_concat = {
	.name = "concat",
	.arity = TL_VARIADIC,
	.infer = tl__place_infer,
	.kernel = tl__place_kernel,
	.parts = tl__place_parts,
	.gradient = tl__place_gradient,
	.samples =
		(tl_sample[]){
			{.n = 2, .in = {{2, {3, 2}}, {2, {3, 3}}}, .params = &tile_sample, .params_size = sizeof tile_sample},
			{0},
		},
};

const tl_op tl_op_pad = {
	.name = "pad",
	.arity = 1,
	.infer = tl__place_infer,
	.kernel = tl__place_kernel,
	.parts = tl__place_parts,
	.gradient = tl__place_gradient,
	.samples =
		(tl_sample[]){
			{.n = 1, .in = {{2, {2, 4}}}, .params = &pad_sample,
				.params_size = sizeof pad_sample},
			{0},
		},
};

/* The axis as 0..axes-1, or -1 with an error on the tape. */
static int checked_axis(tl_var x, const char *who, int axis)
{
	char text[TL_SHAPE_TEXT];
	int at = tl_shape_axis(tl_var_shape(x), axis);
	if (!tl_ok(x))
		tl_reshape(x, TL_SCALAR); /* reports why */
	else if (at < 0)
		tl_tape_fail(x.tape, TL_ERR_ARGUMENT, "%s: axis %d is not in shape %s", who, axis,
			tl_shape_text(tl_var_shape(x), text));
	return tl_ok(x) ? at : -1;
}

static tl_var failed(tl_var x)
{
	return (tl_var){x.tape, 0, x.tape ? x.generation : 0};
}

tl_var tl_slice(tl_var x, int axis, int64_t start, int64_t stop, int64_t step)
{
	int at = checked_axis(x, "slice", axis);
	if (at < 0)
		return failed(x);
	tl_slice_params p = {tl__region_whole(), tl_var_shape(x)};
	int64_t size = p.shape.dim[at];
	if (step == 0 || start < 0 || start > size || stop < -1 || step == INT64_MIN)
		return tl_tape_fail(x.tape, TL_ERR_ARGUMENT,
			"slice: start %" PRId64 ", stop %" PRId64 ", step %" PRId64 " do not fit an axis of size %" PRId64, start,
			stop, step, size);
	if (stop > size)
		stop = size;
	int64_t way = step > 0 ? stop - start : start - stop, pace = step > 0 ? step : -step;
	int64_t count = way > 0 ? 1 + (way - 1) / pace : 0;
	p.at.start[at] = start;
	p.at.step[at] = step;
	p.shape.dim[at] = count;
	return tl_apply(NULL, &tl_op_slice, 1, &x, &p, sizeof p);
}

tl_var tl_select(tl_var x, int axis, int64_t index)
{
	int at = checked_axis(x, "select", axis);
	if (at < 0)
		return failed(x);
	int64_t size = tl_var_shape(x).dim[at], from = index < 0 ? index + size : index;
	if (from < 0 || from >= size)
		return tl_tape_fail(x.tape, TL_ERR_ARGUMENT,
			"select: index %" PRId64 " is outside an axis of size %" PRId64, index, size);
	return tl_squeeze(tl_slice(x, at, from, from + 1, 1), at);
}

tl_var tl_part(tl_var x, int axis, int k, int of)
{
	int at = checked_axis(x, "part", axis);
	if (at < 0)
		return failed(x);
	int64_t size = tl_var_shape(x).dim[at];
	if (of < 1 || k < 0 || k >= of || size % of)
		return tl_tape_fail(x.tape, TL_ERR_ARGUMENT,
			"part: an axis of size %" PRId64 " has no part %d of %d equal ones", size, k, of);
	return tl_slice(x, at, size / of * k, size / of * (k + 1), 1);
}

tl_status tl_split(tl_var x, int axis, int n, tl_var *out)
{
	for (int k = 0; k < n; k++)
		out[k] = tl_part(x, axis, k, n);
	return x.tape ? tl_tape_status(x.tape) : TL_ERR_STALE;
}

tl_var tl_flip(tl_var x, int axis)
{
	int at = checked_axis(x, "flip", axis);
	if (at < 0)
		return failed(x);
	int64_t size = tl_var_shape(x).dim[at];
	return size > 0 ? tl_slice(x, at, size - 1, -1, -1) : tl_slice(x, at, 0, 0, 1);
}

tl_var tl_concat(int n, const tl_var *v, int axis)
{
	if (n < 1)
		return (tl_var){0};
	int along = checked_axis(v[0], "concat", axis);
	if (along < 0)
		return failed(v[0]);
	tl_region *at = tl_tape_alloc(v[0].tape, (size_t)n * sizeof *at);
	if (!at)
		return failed(v[0]);
	tl_shape shape = tl_var_shape(v[0]);
	int64_t end = 0;
	for (int k = 0; k < n; k++) {
		tl_shape rest = tl_var_shape(v[k]);
		at[k] = tl__region_whole();
		at[k].start[along] = end;
		end += tl_dim(v[k], along);
		rest.dim[along] = shape.dim[along];
		if (tl_ok(v[k]) && !tl_shape_equal(rest, shape)) {
			char a[TL_SHAPE_TEXT], b[TL_SHAPE_TEXT];
			return tl_tape_fail(v[0].tape, TL_ERR_SHAPE,
				"concat: operand %d of shape %s does not fit beside %s along axis %d", k,
				tl_shape_text(tl_var_shape(v[k]), a), tl_shape_text(shape, b), along);
		}
	}
	shape.dim[along] = end;
	return tl__place(&tl_op_concat, n, v, shape, 0, at);
}

tl_var tl_stack(int n, const tl_var *v, int axis)
{
	if (n < 1)
		return (tl_var){0};
	if (!tl_ok(v[0]))
		return tl_unsqueeze(v[0], axis); /* reports why */
	tl_var *wide = tl_tape_alloc(v[0].tape, (size_t)n * sizeof *wide);
	if (!wide)
		return failed(v[0]);
	for (int k = 0; k < n; k++)
		wide[k] = tl_unsqueeze(v[k], axis);
	return tl_concat(n, wide, axis < 0 ? axis + (int)tl_var_shape(wide[0]).axes : axis);
}

tl_var tl_pad(tl_var x, int axis, int64_t before, int64_t after, double value)
{
	int along = checked_axis(x, "pad", axis);
	if (along < 0)
		return failed(x);
	int64_t most = INT64_MAX / 4;
	if (before < 0 || after < 0 || before > most || after > most)
		return tl_tape_fail(x.tape, TL_ERR_ARGUMENT, "pad: widths %" PRId64 " and %" PRId64 " are out of range",
			before, after);
	tl_region at = tl__region_whole();
	at.start[along] = before;
	tl_shape shape = tl_var_shape(x);
	shape.dim[along] += before + after;
	return tl__place(&tl_op_pad, 1, &x, shape, value, &at);
}
