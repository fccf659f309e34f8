/* SPDX-License-Identifier: Apache-2.0 */
#include "core/walk.h"

#include <assert.h>

static bool mergeable(const tl_walk *w, int outer, int64_t inner_dim, const int64_t *inner_stride)
{
	for (int k = 0; k < w->n; k++)
		if (w->stride[k][outer] != inner_stride[k] * inner_dim)
			return false;
	return true;
}

void tl__walk_init(tl_walk *w, int n, const tl_tensor *const *t)
{
	assert(n > 0 && n <= TL_WALK_MAX);
	w->n = n;
	w->axes = 0;
	for (int k = 0; k < n; k++) {
		assert(tl_shape_equal(t[k]->shape, t[0]->shape));
		w->base[k] = t[k]->data;
		w->size[k] = tl_dtype_size(t[k]->dtype);
	}
	for (int i = 0; i < t[0]->shape.axes; i++) {
		int64_t dim = t[0]->shape.dim[i], stride[TL_WALK_MAX];
		if (dim == 1)
			continue;
		for (int k = 0; k < n; k++)
			stride[k] = t[k]->stride[i];
		int at = w->axes;
		if (at > 0 && mergeable(w, at - 1, dim, stride))
			w->dim[--at] *= dim;
		else
			w->dim[at] = dim;
		w->axes = at + 1;
		for (int k = 0; k < n; k++)
			w->stride[k][at] = stride[k];
	}
	if (w->axes == 0) {
		w->axes = 1;
		w->dim[0] = 1;
		for (int k = 0; k < n; k++)
			w->stride[k][0] = 1;
	}
	w->rows = w->dim[w->axes - 1] > 0 ? 1 : 0;
	for (int i = 0; i < w->axes - 1; i++)
		w->rows *= w->dim[i];
}

void tl__walk_rows(const tl_walk *w, int64_t first, int64_t last, tl_walk_fn fn, void *ctx)
{
	if (first >= last)
		return;
	int inner = w->axes - 1;
	int64_t index[TL_MAX_AXES], step[TL_WALK_MAX];
	char *at[TL_WALK_MAX];
	int64_t rest = first;
	for (int i = inner - 1; i >= 0; i--) {
		index[i] = w->dim[i] ? rest % w->dim[i] : 0;
		rest = w->dim[i] ? rest / w->dim[i] : 0;
	}
	for (int k = 0; k < w->n; k++) {
		at[k] = w->base[k];
		step[k] = w->stride[k][inner];
		for (int i = 0; i < inner; i++)
			at[k] += index[i] * w->stride[k][i] * (int64_t)w->size[k];
	}
	for (int64_t row = first; row < last; row++) {
		fn(ctx, w->dim[inner], at, step);
		for (int i = inner - 1; i >= 0; i--) {
			index[i]++;
			bool wrap = index[i] == w->dim[i];
			int64_t move = wrap ? 1 - w->dim[i] : 1;
			for (int k = 0; k < w->n; k++)
				at[k] += move * w->stride[k][i] * (int64_t)w->size[k];
			if (!wrap)
				break;
			index[i] = 0;
		}
	}
}

void tl__walk(int n, const tl_tensor *const *t, tl_walk_fn fn, void *ctx)
{
	tl_walk w;
	tl__walk_init(&w, n, t);
	tl__walk_rows(&w, 0, w.rows, fn, ctx);
}
