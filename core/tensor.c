/* SPDX-License-Identifier: Apache-2.0 */
#include "core/tensor.h"

#include <assert.h>
#include <string.h>

#include "core/vector.h"
#include "core/walk.h"

size_t tl_dtype_size(tl_dtype dtype)
{
	return dtype == TL_I32 ? sizeof(int32_t) : sizeof(tl_real);
}

const char *tl_dtype_name(tl_dtype dtype)
{
	return dtype == TL_I32 ? "int32" : sizeof(tl_real) == sizeof(float) ? "float32" : "float64";
}

tl_tensor tl_tensor_dense(tl_dtype dtype, tl_shape shape, void *data)
{
	tl_tensor t = {.dtype = dtype, .shape = shape, .data = data};
	tl_shape_strides(shape, t.stride);
	return t;
}

bool tl_tensor_is_dense(const tl_tensor *t)
{
	int64_t step = 1;
	if (tl_shape_size(t->shape) == 0)
		return true;
	for (int64_t i = t->shape.axes - 1; i >= 0; i--) {
		if (t->shape.dim[i] != 1 && t->stride[i] != step)
			return false;
		step *= t->shape.dim[i];
	}
	return true;
}

tl_tensor tl_tensor_broadcast(const tl_tensor *t, tl_shape shape)
{
	tl_tensor r = {.dtype = t->dtype, .shape = shape, .data = t->data};
	int64_t lead = shape.axes - t->shape.axes;
	assert(lead >= 0);
	for (int64_t i = lead; i < shape.axes; i++) {
		int64_t d = t->shape.dim[i - lead];
		assert(d == shape.dim[i] || d == 1);
		r.stride[i] = d == 1 ? 0 : t->stride[i - lead];
	}
	return r;
}

bool tl_tensor_reshape(const tl_tensor *t, tl_shape shape, tl_tensor *out)
{
	assert(tl_shape_size(shape) == tl_shape_size(t->shape));
	*out = tl_tensor_dense(t->dtype, shape, t->data);
	if (tl_tensor_is_dense(t))
		return true;
	/*
	 * From the back: each new axis takes its size from a run of old axes of which each steps over exactly
	 * the next; axes of size 1 have no say.
	 */
	int64_t i = t->shape.axes - 1, have = 1, step = 1;
	for (int64_t j = shape.axes - 1; j >= 0; j--) {
		out->stride[j] = 0;
		if (shape.dim[j] == 1)
			continue;
		if (have == 1) {
			for (; t->shape.dim[i] == 1; i--)
				;
			have = t->shape.dim[i];
			step = t->stride[i--];
		}
		out->stride[j] = step;
		int64_t want = shape.dim[j], next = step * have;
		while (have % want) {
			for (; t->shape.dim[i] == 1; i--)
				;
			if (t->stride[i] != next)
				return false;
			have *= t->shape.dim[i];
			next *= t->shape.dim[i--];
		}
		have /= want;
		step *= want;
	}
	return true;
}

#define COPY(type)                                                                                 \
	do {                                                                                       \
		type *to = (type *)at[0];                                                          \
		const type *from = (const type *)at[1];                                            \
		for (int64_t i = 0; i < n; i++)                                                    \
			to[i * step[0]] = from[i * step[1]];                                       \
	} while (0)

static void copy_run(void *ctx, int64_t n, char *const *at, const int64_t *step)
{
	tl_dtype dtype = *(const tl_dtype *)ctx;
	if (step[0] == 1 && step[1] == 1)
		memcpy(at[0], at[1], (size_t)n * tl_dtype_size(dtype));
	else if (dtype == TL_I32)
		COPY(int32_t);
	else
		COPY(tl_real);
}

TL_VECTOR static void add_run(void *ctx, int64_t n, char *const *at, const int64_t *step)
{
	(void)ctx;
	tl_real *to = (tl_real *)at[0];
	const tl_real *from = (const tl_real *)at[1];
	if (step[0] == 1 && step[1] == 1)
		TL_INDEPENDENT
		for (int64_t i = 0; i < n; i++)
			to[i] += from[i];
	else
		for (int64_t i = 0; i < n; i++)
			to[i * step[0]] += from[i * step[1]];
}

#define TILE 16 /* rows and columns: a cache line each */

/* A matrix whose columns are contiguous to one whose rows are, tile by tile: no line is fetched twice. */
static void copy_turned(const tl_tensor *to, const tl_tensor *from)
{
	int64_t rows = to->shape.dim[0], columns = to->shape.dim[1], down = to->stride[0], right = from->stride[1];
	for (int64_t r = 0; r < rows; r += TILE)
		for (int64_t c = 0; c < columns; c += TILE) {
			const tl_real *x = (const tl_real *)from->data + c * right;
			tl_real *y = (tl_real *)to->data + c;
			int64_t width = columns - c < TILE ? columns - c : TILE;
			for (int64_t i = r; i < rows && i < r + TILE; i++)
				for (int64_t j = 0; j < width; j++)
					y[i * down + j] = x[j * right + i];
		}
}

void tl_tensor_copy(const tl_tensor *to, const tl_tensor *from)
{
	assert(tl_shape_equal(to->shape, from->shape) && to->dtype == from->dtype);
	tl_dtype dtype = to->dtype;
	if (dtype == TL_REAL && to->shape.axes == 2 && to->stride[1] == 1 && from->stride[0] == 1 && from->stride[1] > 1) {
		copy_turned(to, from);
		return;
	}
	tl__walk(2, (const tl_tensor *[]){to, from}, copy_run, &dtype);
}

void tl_tensor_add(const tl_tensor *to, const tl_tensor *from)
{
	assert(tl_shape_equal(to->shape, from->shape));
	assert(to->dtype == TL_REAL && from->dtype == TL_REAL);
	tl__walk(2, (const tl_tensor *[]){to, from}, add_run, NULL);
}
