/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/rows.h"

#include "core/sum.h"
#include "core/threads.h"
#include "core/vector.h"
#include "core/vmath.h"
#include "core/walk.h"

bool tl__reduction_of(tl_var x, const char *who, tl_axes axes, tl__reduction *r)
{
	char text[TL_SHAPE_TEXT];
	if (!tl_ok(x)) {
		tl_sum_to(x, TL_SCALAR); /* reports why */
		return false;
	}
	tl_shape shape = tl_var_shape(x);
	bool reduced[TL_MAX_AXES];
	for (int i = 0; i < shape.axes; i++)
		reduced[i] = axes.n == TL_ALL_AXES.n;
	tl_shape_text(shape, text);
	if (axes.n > TL_MAX_AXES) {
		tl_tape_fail(
			x.tape, TL_ERR_ARGUMENT, "%s: %d axes are named for shape %s", who, axes.n, text);
		return false;
	}
	for (int k = 0; k < axes.n; k++) {
		int i = tl_shape_axis(shape, axes.axis[k]);
		const char *fault = i < 0 ? "is not in" : reduced[i] ? "is named twice for" : NULL;
		if (fault) {
			tl_tape_fail(x.tape, TL_ERR_ARGUMENT, "%s: axis %d %s shape %s", who, axes.axis[k],
				fault, text);
			return false;
		}
		reduced[i] = true;
	}
	*r = (tl__reduction){.kept = shape, .leading = true};
	for (int i = 0; i < shape.axes; i++) {
		if (reduced[i]) {
			r->kept.dim[i] = 1;
			r->leading = r->leading && r->dropped.axes == 0;
		} else {
			r->dropped.dim[r->dropped.axes++] = shape.dim[i];
		}
	}
	return true;
}

tl_status tl__kept_infer(tl_infer *s)
{
	tl_shape in = s->in[0]->shape;
	s->out = *(const tl_shape *)s->params;
	bool fits = s->out.axes == in.axes;
	for (int i = 0; i < in.axes && fits; i++)
		fits = s->out.dim[i] == in.dim[i] || s->out.dim[i] == 1;
	char text[TL_SHAPE_TEXT];
	if (!fits)
		return tl_error_set(s->error, TL_ERR_SHAPE, "the operand does not reduce to %s",
			tl_shape_text(s->out, text));
	return TL_OK;
}

tl_tensor tl__row_scratch(const tl_call *c, tl_shape kept)
{
	void *data = tl_arena_alloc(c->scratch, (size_t)tl_shape_size(kept) * sizeof(tl_real));
	return tl_tensor_dense(TL_REAL, kept, data);
}

#define SLICE 16384 /* elements that stay in the second-level cache and are worth waking a thread for */
#define MANY 8      /* slices that keep threads busy */
#define RUN 64      /* elements one behind the other that are worth a run, where there are as many */

struct slices {
	tl_shape kept;
	int n, axis;
	int64_t thickness;
	const tl_tensor *t;
	tl_slice_fn fn;
	void *ctx;
};

static void slices_part(void *ctx, int64_t first, int64_t last)
{
	const struct slices *s = ctx;
	tl_tensor part[TL_WALK_MAX];
	for (int64_t slice = first; slice < last; slice++) {
		int64_t at = slice * s->thickness, rest = s->kept.dim[s->axis] - at;
		for (int k = 0; k < s->n; k++) {
			part[k] = s->t[k];
			part[k].shape.dim[s->axis] = rest < s->thickness ? rest : s->thickness;
			part[k].data = (char *)part[k].data +
				       at * part[k].stride[s->axis] * (int64_t)tl_dtype_size(part[k].dtype);
		}
		s->fn(s->ctx, s->kept, part);
	}
}

void tl__slices(tl_pool *pool, tl_shape kept, int n, const tl_tensor *t, tl_slice_fn fn, void *ctx)
{
	struct slices s = {.kept = kept, .n = n, .t = t, .fn = fn, .ctx = ctx};
	for (int i = 1; i < kept.axes && kept.dim[s.axis] < MANY; i++)
		if (kept.dim[i] > kept.dim[s.axis])
			s.axis = i;
	int64_t size = tl_shape_size(t->shape), dim = kept.dim[s.axis], inner = 1;
	if (size == 0 || kept.axes == 0 || dim == 1) {
		fn(ctx, kept, t);
		return;
	}
	for (int i = s.axis + 1; i < kept.axes; i++)
		inner *= t->shape.dim[i];
	s.thickness = 1 + SLICE / (size / dim);
	if (dim * inner >= RUN && s.thickness < RUN / inner)
		s.thickness = RUN / inner;
	tl_parallel(pool, (dim + s.thickness - 1) / s.thickness, 1, slices_part, &s);
}

tl_tensor tl__row_heads(const tl_tensor *t, tl_shape kept)
{
	tl_tensor heads = *t;
	for (int i = 0; i < kept.axes; i++)
		if (kept.dim[i] == 1)
			heads.shape.dim[i] = 1;
	return heads;
}

static void fill_run(void *ctx, int64_t n, char *const *at, const int64_t *step)
{
	tl_real *to = (tl_real *)at[0];
	for (int64_t i = 0; i < n; i++)
		to[i * step[0]] = *(const tl_real *)ctx;
}

void tl__row_fill(const tl_tensor *t, tl_shape kept, tl_real value)
{
	tl_tensor heads = tl__row_heads(t, kept);
	tl__walk(1, (const tl_tensor *[]){&heads}, fill_run, &value);
}

/* NaN wins, and stays. */
static inline tl_real better(tl_real sign, tl_real x, tl_real top)
{
	return sign * x > sign * top || isnan(x) ? x : top;
}

#define WIDE 32 /* results at once: more than compilers unroll, so they make vector loops */

TL_VECTOR static tl_real extreme_of(int64_t n, const tl_real *x, int64_t step, tl_real sign, tl_real top)
{
	int64_t i = 0;
	if (step == 1 && n >= WIDE) {
		tl_real lane[WIDE];
		for (; i < WIDE; i++)
			lane[i] = x[i];
		for (; i + WIDE <= n; i += WIDE)
			for (int j = 0; j < WIDE; j++)
				lane[j] = better(sign, x[i + j], lane[j]);
		for (int half = WIDE / 2; half > 0; half /= 2)
			for (int j = 0; j < half; j++)
				lane[j] = better(sign, lane[half + j], lane[j]);
		top = better(sign, lane[0], top);
	}
	for (; i < n; i++)
		top = better(sign, x[i * step], top);
	return top;
}

TL_VECTOR static void extreme_run(void *ctx, int64_t n, char *const *at, const int64_t *step)
{
	tl_real sign = *(const tl_real *)ctx, *top = (tl_real *)at[0];
	const tl_real *x = (const tl_real *)at[1];
	if (step[0] == 0)
		*top = extreme_of(n, x, step[1], sign, *top);
	else
		TL_INDEPENDENT
		for (int64_t i = 0; i < n; i++)
			top[i * step[0]] = better(sign, x[i * step[1]], top[i * step[0]]);
}

void tl__row_extreme(const tl_tensor *top, const tl_tensor *x, tl_shape kept, tl_real sign)
{
	tl__row_fill(top, kept, -sign * INFINITY);
	tl__walk(2, (const tl_tensor *[]){top, x}, extreme_run, &sign);
}

#define LANES 16

/* The largest number of a row that has at least one; NaN is passed over. */
TL_VECTOR static tl_real top_of(int64_t n, const tl_real *x)
{
	tl_real lane[2 * LANES];
	int64_t i = 0;
	for (int j = 0; j < 2 * LANES; j++)
		lane[j] = -INFINITY;
	for (; i + 2 * LANES <= n; i += 2 * LANES)
		for (int j = 0; j < 2 * LANES; j++)
			lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
	for (int half = LANES; half > 0; half /= 2)
		for (int j = 0; j < half; j++)
			lane[j] = lane[half + j] > lane[j] ? lane[half + j] : lane[j];
	for (; i < n; i++)
		lane[0] = x[i] > lane[0] ? x[i] : lane[0];
	return lane[0];
}

static void top_run(void *ctx, int64_t n, char *const *at, const int64_t *step)
{
	tl_real *top = (tl_real *)at[0];
	if (step[0] == 0 && step[1] == 1) {
		tl_real row = top_of(n, (const tl_real *)at[1]);
		*top = row > *top ? row : *top;
	} else {
		extreme_run(ctx, n, at, step);
	}
}

void tl__row_top(const tl_tensor *top, const tl_tensor *x, tl_shape kept)
{
	tl_real sign = 1;
	tl__row_fill(top, kept, -INFINITY);
	tl__walk(2, (const tl_tensor *[]){top, x}, top_run, &sign);
}

/* at: total, top, x, and e where the context says that it is wanted */
TL_VECTOR static void exp_run(void *ctx, int64_t n, char *const *at, const int64_t *step)
{
	const bool *wanted = ctx;
	tl_real *total = (tl_real *)at[0], *e = *wanted ? (tl_real *)at[3] : NULL;
	const tl_real *top = (const tl_real *)at[1], *x = (const tl_real *)at[2];
	tl_real buffer[TL_BLOCK], offset = tl__row_offset(*top);
	double sum = 0;
	for (int64_t done = 0; done < n; done += TL_BLOCK) {
		int64_t count = n - done < TL_BLOCK ? n - done : TL_BLOCK;
		tl_real *y = e && step[3] == 1 ? e + done : buffer;
		const tl_real *from = x + done * step[2];
		TL_INDEPENDENT
		for (int64_t i = 0; i < count; i++)
			y[i] = from[i * step[2]] -
			       (step[1] == 0 ? offset : tl__row_offset(top[(done + i) * step[1]]));
		tl__vexp(count, y, y);
		if (e && y == buffer)
			for (int64_t i = 0; i < count; i++)
				e[(done + i) * step[3]] = y[i];
		if (step[0] == 0)
			sum += tl__sum(count, y, 1);
		else
			TL_INDEPENDENT
			for (int64_t i = 0; i < count; i++)
				total[(done + i) * step[0]] += y[i];
	}
	if (step[0] == 0)
		*total += (tl_real)sum;
}

void tl__row_exp(
	const tl_tensor *e, const tl_tensor *total, const tl_tensor *top, const tl_tensor *x, tl_shape kept)
{
	bool wanted = e != NULL;
	tl__row_fill(total, kept, 0);
	tl__walk(e ? 4 : 3, (const tl_tensor *[]){total, top, x, e}, exp_run, &wanted);
}
