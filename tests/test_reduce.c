/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions against loops in double over indices, for every set of axes of many shapes and layouts. */
#include "tests/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "graph/grad.h"
#include "ops/arith.h"
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
		*w = which == MAX ? fmax(*w, v) : which == MIN ? fmin(*w, v) : *w + (which == LSE ? exp(v) : v);
	}
	for (int64_t r = 0; r < rows; r++)
		want[r] = which == MEAN ? want[r] * (double)rows / (double)n : which == LSE ? log(want[r]) : want[r];
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
			ck_abort_msg("%s %s, axes %#x, layout %d: element %d is %.9g, not %.9g", all[which].name,
			tl_shape_text(shape, a), reduced, layout, (int)r, (double)got[r], want[r]);
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
				tl_var y = all[which].fn(tl_input(t, shape, x), axes_of(shape, reduced), false);
				int64_t n = tl_shape_size(tl_var_shape(y));
				ck_assert_int_eq(tl_read(y, threads == 1 ? one : got, n), TL_OK);
				if (threads > 1)
					ck_assert_mem_eq(one, got, (size_t)n * sizeof *got);
				tl_tape_free(t);
			}
}
END_TEST

static double scalar(tl_var v)
{
	tl_real value = NAN;
	ck_assert_msg(tl_read(v, &value, 1) == TL_OK, "%s", tl_tape_error(tape)->text);
	return value;
}

/* Reads dL/dv of a scalar L into got. */
static void gradient(tl_var loss, tl_var v)
{
	tl_var d;
	ck_assert_int_eq(tl_grad(loss, 1, &v, &d), TL_OK);
	ck_assert_msg(tl_read(d, got, tl_shape_size(tl_var_shape(v))) == TL_OK, "%s", tl_tape_error(tape)->text);
}

START_TEST(ties_share_the_gradient)
{
	tl_var v = tl_input(tape, TL_SHAPE(2, 4), (tl_real[]){3, 1, 3, 2, -1, -1, -1, -1});
	tl_var w = tl_input(tape, TL_SHAPE(2), (tl_real[]){10, 100});
	static const double max[] = {5, 0, 5, 0, 25, 25, 25, 25}, min[] = {0, 10, 0, 0, 25, 25, 25, 25};
	gradient(tl_sum_all(tl_mul(w, tl_max(v, TL_AXES(-1), false))), v);
	for (int i = 0; i < 8; i++)
		ck_assert_double_eq(got[i], max[i]);
	gradient(tl_sum_all(tl_mul(w, tl_min(v, TL_AXES(1), false))), v);
	for (int i = 0; i < 8; i++)
		ck_assert_double_eq(got[i], min[i]);
	gradient(tl_max(v, TL_ALL_AXES, false), v);
	for (int i = 0; i < 8; i++)
		ck_assert_double_eq(got[i], i == 0 || i == 2 ? 0.5 : 0);
}
END_TEST

START_TEST(not_a_number_wins)
{
	for (int n = 2; n < 70; n += 3)
		for (int at = 0; at < n; at++) {
			for (int i = 0; i < n; i++)
				x[i] = i == at || i == at + 2 ? NAN : (tl_real)(i % 7);
			tl_tape_reset(tape);
			tl_var v = tl_input(tape, TL_SHAPE(n), x), column = tl_input(tape, TL_SHAPE(n, 1), x);
			ck_assert(isnan(scalar(tl_max(v, TL_ALL_AXES, false))));
			ck_assert(isnan(scalar(tl_min(column, TL_AXES(0), true))));
			ck_assert_int_eq(tl_read_index(tl_argmax(v, 0), got_index, 1), TL_OK);
			ck_assert_int_eq(got_index[0], at);
		}
}
END_TEST

START_TEST(logsumexp_at_the_edges)
{
	tl_real inf = INFINITY;
	tl_var v = tl_input(tape, TL_SHAPE(5, 2),
		(tl_real[]){-inf, -inf, -inf, 2, (tl_real)1e30, (tl_real)1e30, inf, 0, -1000, -1000});
	tl_var y = tl_logsumexp(v, TL_AXES(1), false);
	ck_assert_int_eq(tl_read(y, got, 5), TL_OK);
	ck_assert(isinf(got[0]) && got[0] < 0);
	ck_assert_double_eq(got[1], 2);
	ck_assert_double_eq(got[2], (tl_real)1e30);
	ck_assert(isinf(got[3]) && got[3] > 0);
	ck_assert_double_eq_tol(got[4], log(2) - 1000, 1e-4);
	tl_var first = tl_input(tape, TL_SHAPE(3, 2), (tl_real[]){-inf, -inf, -inf, 2, (tl_real)1e30, (tl_real)1e30});
	static const double d[] = {0, 0, 0, 1, 0.5, 0.5};
	gradient(tl_sum_all(tl_logsumexp(first, TL_AXES(1), false)), first);
	for (int i = 0; i < 6; i++)
		ck_assert_double_eq(got[i], d[i]);
}
END_TEST

START_TEST(without_elements)
{
	tl_var v = tl_input(tape, TL_SHAPE(0, 3), x);
	for (int which = 0; which < ALL; which++) {
		tl_var y = all[which].fn(v, TL_AXES(1), false);
		ck_assert(tl_shape_equal(tl_var_shape(y), TL_SHAPE(0)));
		ck_assert_int_eq(tl_read(y, got, 0), TL_OK);
	}
	ck_assert_int_eq(tl_read_index(tl_argmax(v, 1), got_index, 0), TL_OK);
	for (int keep = 0; keep < 2; keep++) {
		ck_assert_int_eq(tl_read(tl_sum(v, TL_AXES(0), keep), got, 3), TL_OK);
		ck_assert_double_eq(got[2], 0);
		ck_assert_int_eq(tl_read(tl_mean(v, TL_AXES(0), keep), got, 3), TL_OK);
		ck_assert(isnan(got[2]));
		ck_assert_int_eq(tl_read(tl_logsumexp(v, TL_AXES(0), keep), got, 3), TL_OK);
		ck_assert(isinf(got[2]) && got[2] < 0);
	}
	ck_assert_double_eq(scalar(tl_sum_all(v)), 0);
	ck_assert(isnan(scalar(tl_mean_all(v))));
}
END_TEST

static tl_var max_of_none(tl_var v)
{
	return tl_max(tl_sum_to(v, TL_SHAPE(2, 0)), TL_AXES(0, 1), false);
}

static tl_var argmax_of_none(tl_var v)
{
	return tl_argmax(v, -1);
}

static tl_var mean_without_axis(tl_var v)
{
	return tl_mean(v, TL_AXES(0, 2), false);
}

static tl_var max_twice(tl_var v)
{
	return tl_max(v, TL_AXES(0, -2), true);
}

static tl_var sum_of_many(tl_var v)
{
	return tl_sum(v, TL_AXES(0, 1, 0), true);
}

static tl_var argmax_without_axis(tl_var v)
{
	return tl_argmax(v, -3);
}

static tl_var sum_of_failed(tl_var v)
{
	return tl_sum(tl_max(v, TL_AXES(0, 0), false), TL_AXES(7), false);
}

static const struct {
	tl_var (*fn)(tl_var v);
	tl_status status;
	const char *text;
} mistakes[] = {
	{max_of_none, TL_ERR_SHAPE, "max: axis 1 has no elements to choose from"},
	{argmax_of_none, TL_ERR_SHAPE, "argmax: axis 1 has 0 elements to choose from"},
	{mean_without_axis, TL_ERR_ARGUMENT, "mean: axis 2 is not in shape (2, 0)"},
	{max_twice, TL_ERR_ARGUMENT, "max: axis -2 is named twice for shape (2, 0)"},
	{sum_of_many, TL_ERR_ARGUMENT, "sum: 3 axes are named for shape (2, 0)"},
	{argmax_without_axis, TL_ERR_ARGUMENT, "argmax: axis -3 is not in shape (2, 0)"},
	{sum_of_failed, TL_ERR_ARGUMENT, "max: axis 0 is named twice for shape (2, 0)"},
};

START_TEST(sentences)
{
	tl_var y = mistakes[_i].fn(tl_input(tape, TL_SHAPE(2, 0), x));
	ck_assert(!tl_ok(y));
	ck_assert_int_eq(tl_tape_status(tape), mistakes[_i].status);
	const char *text = tl_tape_error(tape)->text;
	ck_assert_msg(strncmp(text, mistakes[_i].text, strlen(mistakes[_i].text)) == 0, "%s", text);
}
END_TEST

START_TEST(stale_operands)
{
	tl_var v = tl_input(tape, TL_SHAPE(2), x);
	tl_tape_reset(tape);
	ck_assert(!tl_ok(tl_max(v, TL_AXES(0), false)));
	ck_assert_int_eq(tl_tape_status(tape), TL_ERR_STALE);
	ck_assert_ptr_null(tl_sum((tl_var){0}, TL_AXES(0), false).tape);
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
	tcase_add_test(c, not_a_number_wins);
	tcase_add_test(c, logsumexp_at_the_edges);
	tcase_add_test(c, without_elements);
	suite_add_tcase(s, c);
	c = tcase_create("gradients and errors");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, ties_share_the_gradient);
	tcase_add_loop_test(c, sentences, 0, (int)(sizeof mistakes / sizeof *mistakes));
	tcase_add_test(c, stale_operands);
	suite_add_tcase(s, c);
	return s;
}
