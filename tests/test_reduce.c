/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions against loops in double over indices, for every set of axes of many shapes and layouts. */
#include "tests/suite.h"

#include <math.h>

#include "core/random.h"
#include "ops/reduce.h"

#define TOLERANCE (sizeof(tl_real) == sizeof(float) ? 1e-5 : 1e-13)
#define MOST 160000 /* elements of a test tensor, gaps included */

static tl_tape *tape;
static tl_real x[MOST], memory[2 * MOST];
static double want[MOST];
static tl_real got[MOST];
static int32_t got_index[MOST];

static void setup(void)
{
	tape = tl_tape_new(&(tl_tape_options){.threads = 2});
	ck_assert_ptr_nonnull(tape);
}

static void teardown(void)
{
	tl_tape_free(tape);
}

/* Values from a small set, so that rows have ties. */
static void draw(int64_t n, uint64_t seed)
{
	tl_rng r = {.seed = seed};
	for (int64_t i = 0; i < n; i++)
		x[i] = (tl_real)(0.25 * (double)(tl_rng_below(&r, 33) - 16));
}

enum { DENSE, COLUMNS, BACKWARDS, LAYOUTS };

/* x as a variable whose memory is dense, column-major with gaps, or read from the end with gaps. */
static tl_var lay(tl_shape shape, int layout)
{
	if (layout == DENSE)
		return tl_input(tape, shape, x);
	tl_tensor from = tl_tensor_dense(TL_REAL, shape, x), view = from;
	int64_t step = 2, end = 0;
	for (int k = 0; k < shape.axes; k++) {
		int i = layout == COLUMNS ? k : (int)shape.axes - 1 - k;
		view.stride[i] = layout == COLUMNS ? step : -step;
		end += layout == COLUMNS ? 0 : step * (shape.dim[i] - 1);
		step *= shape.dim[i];
	}
	ck_assert_int_le(step, 2 * MOST);
	view.data = memory + end;
	tl_tensor_copy(&view, &from);
	return tl_borrow(tape, &view);
}

typedef tl_var (*reduction)(tl_var x, tl_axes axes, bool keep);

static const struct {
	const char *name;
	reduction fn;
} all[] = {{"sum", tl_sum}, {"mean", tl_mean}, {"max", tl_max}, {"min", tl_min}, {"logsumexp", tl_logsumexp}};
enum { SUM, MEAN, MAX, MIN, LSE, ALL };

/* Which element of the reduced tensor element i belongs to. */
static int64_t row_of(tl_shape shape, unsigned reduced, int64_t i)
{
	int64_t row = 0, step = 1;
	for (int a = (int)shape.axes - 1; a >= 0; i /= shape.dim[a], a--)
		if (!(reduced >> a & 1)) {
			row += i % shape.dim[a] * step;
			step *= shape.dim[a];
		}
	return row;
}

/* Fills want. */
static void naive(int which, tl_shape shape, unsigned reduced)
{
	int64_t n = tl_shape_size(shape), rows = row_of(shape, reduced, n - 1) + 1;
	for (int64_t r = 0; r < rows; r++)
		want[r] = which == MAX ? -INFINITY : which == MIN ? INFINITY : 0;
	for (int64_t i = 0; i < n; i++) {
		double v = x[i], *w = &want[row_of(shape, reduced, i)];
		if (which == MAX || which == MIN)
			*w = which == MAX ? fmax(*w, v) : fmin(*w, v);
		else
			*w += which == LSE ? exp(v) : v;
	}
	for (int64_t r = 0; r < rows; r++)
		if (which == MEAN || which == LSE)
			want[r] = which == LSE ? log(want[r]) : want[r] * (double)rows / (double)n;
}

/* The axes of a set, some counted from the back; all of them as TL_ALL_AXES. */
static tl_axes axes_of(tl_shape shape, unsigned reduced)
{
	tl_axes axes = {0};
	for (int a = (int)shape.axes - 1; a >= 0; a--)
		if (reduced >> a & 1)
			axes.axis[axes.n++] = a % 2 ? a - (int)shape.axes : a;
	return shape.axes && reduced == (1u << shape.axes) - 1 ? TL_ALL_AXES : axes;
}

/* Compares with want. */
static void check(int which, tl_shape shape, unsigned reduced, bool keep, int layout)
{
	tl_shape out = {0};
	int64_t rows = 1;
	char a[TL_SHAPE_TEXT], b[TL_SHAPE_TEXT];
	for (int i = 0; i < shape.axes; i++) {
		if (keep || !(reduced >> i & 1))
			out.dim[out.axes++] = reduced >> i & 1 ? 1 : shape.dim[i];
		rows *= reduced >> i & 1 ? 1 : shape.dim[i];
	}
	tl_tape_reset(tape);
	tl_var y = all[which].fn(lay(shape, layout), axes_of(shape, reduced), keep);
	ck_assert_msg(tl_shape_equal(tl_var_shape(y), out), "%s %s, axes %#x: shape %s", all[which].name,
		tl_shape_text(shape, a), reduced, tl_shape_text(tl_var_shape(y), b));
	ck_assert_msg(tl_read(y, got, rows) == TL_OK, "%s", tl_tape_error(tape)->text);
	for (int64_t r = 0; r < rows; r++)
		if (!(fabs(got[r] - want[r]) <= TOLERANCE * fmax(1, fabs(want[r]))))
			ck_abort_msg("%s %s, axes %#x, layout %d: element %d is %.9g, not %.9g",
				all[which].name, tl_shape_text(shape, a), reduced, layout, (int)r,
				(double)got[r], want[r]);
}

static const tl_shape shapes[] = {
	{0, {0}},
	{1, {1}},
	{1, {1100}},
	{2, {1, 5}},
	{2, {40, 600}},
	{2, {600, 40}},
	{3, {2, 3, 4}},
	{3, {3, 1, 5}},
	{3, {40, 33, 20}},
	{4, {2, 5, 1, 3}},
	{5, {2, 1, 3, 2, 2}},
	{6, {2, 1, 2, 3, 1, 3}},
};

START_TEST(every_set_of_axes)
{
	tl_shape shape = shapes[_i];
	draw(tl_shape_size(shape), (uint64_t)_i);
	for (unsigned reduced = 0; reduced < 1u << shape.axes; reduced++)
		for (int which = 0; which < ALL; which++) {
			naive(which, shape, reduced);
			for (int layout = 0; layout < LAYOUTS; layout++)
				for (int keep = 0; keep < 2; keep++)
					check(which, shape, reduced, keep, layout);
		}
}
END_TEST

START_TEST(argmax_takes_the_first)
{
	tl_shape shape = shapes[_i];
	draw(tl_shape_size(shape), (uint64_t)_i);
	for (int axis = 0; axis < shape.axes; axis++)
		for (int layout = 0; layout < LAYOUTS; layout++) {
			int64_t n = tl_shape_size(shape), rows = n / shape.dim[axis], inner = 1;
			for (int i = axis + 1; i < shape.axes; i++)
				inner *= shape.dim[i];
			tl_tape_reset(tape);
			tl_var y = tl_argmax(lay(shape, layout), axis % 2 ? axis : axis - (int)shape.axes);
			ck_assert_int_eq(tl_var_dtype(y), TL_I32);
			ck_assert_int_eq(tl_read_index(y, got_index, rows), TL_OK);
			for (int64_t r = 0; r < rows; r++) {
				const tl_real *row = x + r / inner * inner * shape.dim[axis] + r % inner;
				int best = 0;
				for (int i = 1; i < shape.dim[axis]; i++)
					best = row[i * inner] > row[best * inner] ? i : best;
				if (got_index[r] != best)
					ck_abort_msg("row %d: %d, not %d", (int)r, got_index[r], best);
			}
		}
}
END_TEST

START_TEST(threads_do_not_change_results)
{
	static tl_real one[MOST];
	tl_shape shape = TL_SHAPE(64, 33, 70);
	draw(tl_shape_size(shape), 9);
	for (int which = 0; which < ALL; which++)
		for (unsigned reduced = 1; reduced < 7; reduced++)
			for (int threads = 1; threads <= 4; threads += 3) {
				tl_tape *t = tl_tape_new(&(tl_tape_options){.threads = threads});
				tl_var y =
					all[which].fn(tl_input(t, shape, x), axes_of(shape, reduced), false);
				int64_t n = tl_shape_size(tl_var_shape(y));
				ck_assert_int_eq(tl_read(y, threads == 1 ? one : got, n), TL_OK);
				if (threads > 1)
					ck_assert_mem_eq(one, got, (size_t)n * sizeof *got);
				tl_tape_free(t);
			}
}
END_TEST

Suite *tl_test_suite(void)
{
	int n = (int)(sizeof shapes / sizeof *shapes);
	Suite *s = suite_create("reduce");
	TCase *c = tcase_create("values");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, every_set_of_axes, 0, n);
	tcase_add_loop_test(c, argmax_takes_the_first, 0, n);
	tcase_add_test(c, threads_do_not_change_results);
	suite_add_tcase(s, c);
	return s;
}
