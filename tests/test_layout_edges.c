/* SPDX-License-Identifier: Apache-2.0 */
/* Moving elements: what is a view, what is refused and in which words, and what gradients are made of. */
#include "tests/suite.h"

#include <string.h>

#include "graph/algebra.h"
#include "graph/grad.h"
#include "ops/arith.h"
#include "ops/layout.h"
#include "ops/region.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))
#define MOST 400 /* elements */

static tl_tape *tape;

static void setup(void)
{
	tape = tl_tape_new(&(tl_tape_options){.threads = 1});
	ck_assert_ptr_nonnull(tape);
}

static void teardown(void)
{
	tl_tape_free(tape);
}

/* Elements 0, 1, ... */
static tl_var numbered(tl_dtype type, tl_shape shape)
{
	tl_real real[MOST];
	int32_t index[MOST];
	int64_t n = tl_shape_size(shape);
	ck_assert_int_le(n, MOST);
	for (int i = 0; i < n; i++)
		real[i] = (tl_real)(index[i] = i);
	return type == TL_I32 ? tl_index(tape, shape, index) : tl_input(tape, shape, real);
}

static const tl_dtype types[] = {TL_REAL, TL_I32};

/* v lies in x's memory, `first` elements from its start. */
static void check_view(tl_var v, tl_var x, int64_t first)
{
	const tl_tensor *in = tl_value(x), *out = tl_value(v);
	ck_assert_msg(out != NULL, "%s", tl_tape_error(tape)->text);
	ck_assert_int_eq(
		(const char *)out->data - (const char *)in->data, first * (int64_t)tl_dtype_size(in->dtype));
	ck_assert_uint_eq(tl_tape_get_stats(tape).computed, 0); /* no kernel ran */
}

/* Recording goes on, and the nodes move. */
START_TEST(a_value_stays_while_recording_goes_on)
{
	tl_var x = tl_fill(tape, TL_SHAPE(2, 3), 4);
	const tl_tensor *value = tl_value(x);
	ck_assert_ptr_nonnull(value);
	for (int i = 0; i < 5000; i++)
		x = tl_neg(x);
	ck_assert_int_eq(value->shape.axes, 2);
	ck_assert(((tl_real *)value->data)[0] == 4);
	ck_assert_ptr_nonnull(tl_value(x));
	ck_assert(((tl_real *)value->data)[0] == 4);
}
END_TEST

START_TEST(views)
{
	tl_var x = numbered(types[_i], TL_SHAPE(2, 3, 4)), row = numbered(types[_i], TL_SHAPE(4)), parts[2];
	check_view(tl_t(x), x, 0);
	check_view(tl_transpose(x, (int[]){2, 0, 1}), x, 0);
	check_view(tl_reshape(x, TL_SHAPE(6, -1)), x, 0);
	check_view(tl_unsqueeze(x, 1), x, 0);
	check_view(tl_squeeze(tl_unsqueeze(x, -1), -1), x, 0);
	check_view(tl_slice(x, 1, 1, 3, 1), x, 4);
	check_view(tl_slice(x, 2, 3, -1, -2), x, 3);
	check_view(tl_select(x, 0, 1), x, 12);
	check_view(tl_flip(x, 0), x, 12);
	check_view(tl_part(x, -1, 1, 2), x, 2);
	tl_split(x, 2, 2, parts);
	check_view(parts[1], x, 2);
	check_view(tl_broadcast(row, TL_SHAPE(5, 4)), row, 0);
	check_view(tl_slice(tl_t(tl_select(x, 0, 1)), 0, 1, 4, 2), x, 13); /* views of views */
	check_view(tl_reshape(tl_select(x, 0, 1), TL_SHAPE(2, 6)), x, 12); /* dense in x's middle */
	check_view(tl_reshape(tl_flip(row, 0), TL_SHAPE(2, 2)), row, 3);
	check_view(tl_reshape(tl_part(x, -1, 1, 2), TL_SHAPE(1, 6, 2)), x, 2);
}
END_TEST

START_TEST(only_reshapes_that_must_copy_copy)
{
	tl_var x = numbered(types[_i], TL_SHAPE(3, 4));
	const tl_tensor *in = tl_value(x), *out = tl_value(tl_reshape(tl_t(x), TL_SHAPE(12)));
	ck_assert(out->data != in->data && out->stride[0] == 1);
	ck_assert_uint_eq(tl_tape_get_stats(tape).computed, 1);
	tl_value(tl_reshape(tl_part(x, 1, 0, 2), TL_SHAPE(6)));
	ck_assert_uint_eq(tl_tape_get_stats(tape).computed, 2);
}
END_TEST

/* That sentence; the tape is as new afterwards. */
static void check_failed(tl_var v, tl_status status, const char *sentence)
{
	ck_assert(!tl_ok(v));
	ck_assert_str_eq(tl_tape_error(tape)->text, sentence);
	ck_assert_int_eq(tl_tape_status(tape), status);
	tl_tape_reset(tape);
}

#define X numbered(TL_REAL, TL_SHAPE(2, 3))

START_TEST(axes_that_are_not_there)
{
	const tl_status e = TL_ERR_ARGUMENT;
	check_failed(tl_slice(X, 2, 0, 1, 1), e, "slice: axis 2 is not in shape (2, 3)");
	check_failed(tl_select(X, -3, 0), e, "select: axis -3 is not in shape (2, 3)");
	check_failed(tl_part(X, 7, 0, 1), e, "part: axis 7 is not in shape (2, 3)");
	check_failed(tl_flip(X, 2), e, "flip: axis 2 is not in shape (2, 3)");
	check_failed(tl_pad(X, -4, 0, 1, 0), e, "pad: axis -4 is not in shape (2, 3)");
	check_failed(tl_concat(1, (tl_var[]){X}, 2), e, "concat: axis 2 is not in shape (2, 3)");
	check_failed(tl_squeeze(X, 2), e, "squeeze: axis 2 is not in shape (2, 3)");
	check_failed(tl_unsqueeze(X, 3), e, "unsqueeze: axis 3 is not in shape (2, 3)");
	check_failed(tl_unsqueeze(X, -4), e, "unsqueeze: axis -4 is not in shape (2, 3)");
	check_failed(tl_t(numbered(TL_REAL, TL_SHAPE(5))), e, "transpose: axis -2 is not in shape (5)");
	check_failed(
		tl_slice(numbered(TL_REAL, TL_SCALAR), 0, 0, 1, 1), e, "slice: axis 0 is not in shape ()");
	check_failed(tl_transpose(X, (int[]){1, 1}), e,
		"transpose: the order does not name each axis once; operand (2, 3)");
	check_failed(tl_transpose(X, (int[]){0, 2}), e,
		"transpose: the order does not name each axis once; operand (2, 3)");
	check_failed(tl_transpose(X, (int[]){-1, 0}), e,
		"transpose: the order does not name each axis once; operand (2, 3)");
	ck_assert(!tl_ok(tl_squeeze(X, 1)) && !tl_ok(tl_stack(1, (tl_var[]){X}, 3)));
}
END_TEST

START_TEST(places_that_are_not_there)
{
	const tl_status e = TL_ERR_ARGUMENT;
	check_failed(
		tl_slice(X, 1, 4, 5, 1), e, "slice: start 4, stop 5, step 1 do not fit an axis of size 3");
	check_failed(
		tl_slice(X, 1, -1, 2, 1), e, "slice: start -1, stop 2, step 1 do not fit an axis of size 3");
	check_failed(tl_slice(X, 1, 0, -2, -1), e,
		"slice: start 0, stop -2, step -1 do not fit an axis of size 3");
	check_failed(
		tl_slice(X, 1, 0, 3, 0), e, "slice: start 0, stop 3, step 0 do not fit an axis of size 3");
	check_failed(tl_slice(tl_name(X, "x"), 1, 3, 0, -1), e,
		"slice: the region reaches outside the operand; operand x (2, 3)");
	check_failed(tl_select(X, 0, 2), e, "select: index 2 is outside an axis of size 2");
	check_failed(tl_select(X, 0, -3), e, "select: index -3 is outside an axis of size 2");
	check_failed(tl_part(X, 1, 3, 3), e, "part: an axis of size 3 has no part 3 of 3 equal ones");
	check_failed(tl_part(X, 1, -1, 3), e, "part: an axis of size 3 has no part -1 of 3 equal ones");
	check_failed(tl_part(X, 1, 0, 2), e, "part: an axis of size 3 has no part 0 of 2 equal ones");
	check_failed(tl_part(X, 1, 0, 0), e, "part: an axis of size 3 has no part 0 of 0 equal ones");
	check_failed(tl_pad(X, 1, -1, 2, 0), e, "pad: widths -1 and 2 are out of range");
	tl_var parts[2];
	ck_assert_int_eq(tl_split(X, 1, 2, parts), e);
	ck_assert(!tl_ok(parts[0]) && !tl_ok(parts[1]));
}
END_TEST

START_TEST(shapes_and_types_that_do_not_fit)
{
	const tl_status e = TL_ERR_SHAPE;
	tl_var two = numbered(TL_REAL, TL_SHAPE(2, 4)), other = numbered(TL_REAL, TL_SHAPE(3, 3));
	check_failed(tl_concat(3, (tl_var[]){two, two, other}, -1), e,
		"concat: operand 2 of shape (3, 3) does not fit beside (2, 4) along axis 1");
	check_failed(tl_concat(2, (tl_var[]){X, numbered(TL_REAL, TL_SHAPE(3))}, 0), e,
		"concat: operand 1 of shape (3) does not fit beside (2, 3) along axis 0");
	check_failed(tl_reshape(tl_name(X, "x"), TL_SHAPE(4, 2)), e,
		"reshape: 6 elements do not fill (4, 2); operand x (2, 3)");
	check_failed(
		tl_reshape(X, TL_SHAPE(4, -1)), e, "reshape: 6 elements do not fill (4, -1); operand (2, 3)");
	check_failed(tl_reshape(X, TL_SHAPE(-1, -1)), e,
		"reshape: the shape asked for, (-1, -1), is out of range; operand (2, 3)");
	check_failed(tl_reshape(X, TL_SHAPE(-2, -3)), e,
		"reshape: the shape asked for, (-2, -3), is out of range; operand (2, 3)");
	check_failed(
		tl_reshape(X, TL_SHAPE(0, -1)), e, "reshape: 6 elements do not fill (0, -1); operand (2, 3)");
	check_failed(tl_reshape(X, (tl_shape){7, {6}}), e,
		"reshape: the shape asked for is out of range; operand (2, 3)");
	check_failed(tl_broadcast(X, TL_SHAPE(3, 2)), e,
		"broadcast: the operand does not broadcast to (3, 2); operand (2, 3)");
	check_failed(tl_pad(numbered(TL_I32, TL_SHAPE(2)), 0, 0, 1, 0), TL_ERR_TYPE,
		"pad: operand 0 must be real, but it is int32; operand (2)");
	ck_assert(!tl_ok(tl_concat(2, (tl_var[]){X, numbered(TL_I32, TL_SHAPE(2, 3))}, 0)));
	ck_assert_int_eq(tl_tape_status(tape), TL_ERR_TYPE);
}
END_TEST

START_TEST(sentences_name_the_scope_and_stay)
{
	tl_scope_begin(tape, "layer", 0);
	tl_var bad = tl_select(X, 0, 2), later = tl_flip(tl_concat(2, (tl_var[]){bad, X}, 0), 9);
	tl_scope_end(tape);
	ck_assert(!tl_ok(later));
	check_failed(bad, TL_ERR_ARGUMENT, "select: index 2 is outside an axis of size 2; in layer=0");
	tl_var stale = X;
	tl_tape_reset(tape);
	ck_assert(!tl_ok(tl_slice(stale, 0, 0, 1, 1)) && tl_tape_status(tape) == TL_ERR_STALE);
	tl_var none = {0};
	ck_assert(!tl_ok(tl_select(none, 0, 0)) && !tl_ok(tl_t(none)) && !tl_ok(tl_unsqueeze(none, 0)));
	ck_assert(!tl_ok(tl_concat(0, NULL, 0)) && !tl_ok(tl_stack(0, NULL, 0)) &&
		  !tl_ok(tl_pad(none, 0, 1, 1, 0)));
	ck_assert_int_eq(tl_split(none, 0, 1, &stale), TL_ERR_STALE);
}
END_TEST

/* Arguments as far out as they come are refused, or mean what they say; none wraps round. */
START_TEST(the_ends_of_int64)
{
	const int64_t low = INT64_MIN, high = INT64_MAX, big = (int64_t)1 << 40;
	const struct {
		int64_t start, stop, step, count; /* -1: refused */
	} rows[] = {{0, high, 1, 6}, {1, high, high, 1}, {5, -1, low + 1, 1}, {5, -1, low, -1},
		{low, high, 1, -1}, {high, low, -1, -1}, {high, 0, -1, -1}, {low, 0, high, -1},
		{0, low, -1, -1}, {2, high, -1, 0}};
	for (int i = 0; i < LENGTH(rows); i++) {
		tl_tape_reset(tape);
		tl_var y = tl_slice(
			numbered(TL_REAL, TL_SHAPE(6)), 0, rows[i].start, rows[i].stop, rows[i].step);
		ck_assert_msg(tl_ok(y) == (rows[i].count >= 0), "row %d", i);
		ck_assert_msg(!tl_ok(y) || tl_dim(y, 0) == rows[i].count, "row %d: %d", i, (int)tl_dim(y, 0));
	}
	ck_assert(!tl_ok(tl_select(X, 1, high)) && !tl_ok(tl_select(X, 1, low)));
	tl_tape_reset(tape);
	ck_assert(!tl_ok(tl_pad(X, 1, high, 1, 0)) && !tl_ok(tl_pad(X, 1, high, high, 0)));
	tl_tape_reset(tape);
	ck_assert(!tl_ok(tl_reshape(X, TL_SHAPE(high, high))));
	tl_tape_reset(tape);
	ck_assert(!tl_ok(tl_reshape(X, TL_SHAPE(-1, big, big))));
}
END_TEST

/* Every region near an axis of size 5, as ops record them: right where all its indices are. */
START_TEST(regions)
{
	for (int64_t start = -2; start <= 6; start++)
		for (int64_t step = -6; step <= 6; step++)
			for (int64_t count = 0; count <= 7; count++) {
				bool inside = true;
				for (int64_t k = 0; k < count; k++)
					inside = inside && start + k * step >= 0 && start + k * step < 5;
				tl_tape_reset(tape);
				tl_slice_params p = {tl__region_whole(), TL_SHAPE(2, count)};
				p.at.start[1] = start;
				p.at.step[1] = step;
				tl_var x = numbered(TL_REAL, TL_SHAPE(2, 5));
				ck_assert_msg(
					tl_ok(tl_apply(NULL, &tl_op_slice, 1, &x, &p, sizeof p)) == inside,
					"start %d, step %d, count %d", (int)start, (int)step, (int)count);
			}
}
END_TEST

/* d(sum of weight * y)/dx, where weight numbers y's elements from 1. */
static void check_gradient(tl_var y, tl_var x, const double *want, const char *what)
{
	tl_real got[MOST];
	tl_var dy = tl_shift(numbered(TL_REAL, tl_var_shape(y)), 1), dx;
	ck_assert_int_eq(tl_grad_from(y, dy, 1, &x, &dx), TL_OK);
	int64_t n = tl_shape_size(tl_var_shape(x));
	ck_assert_int_eq(tl_read(dx, got, n), TL_OK);
	for (int64_t i = 0; i < n; i++)
		ck_assert_msg(got[i] == (tl_real)want[i], "%s: element %d is %g, not %g", what, (int)i,
			(double)got[i], want[i]);
}

enum { T = 9, B = 3, E = 4 };

/* One pass over the input, however many time steps read from it. */
START_TEST(time_steps_give_one_place)
{
	tl_var x = numbered(TL_REAL, TL_SHAPE(T, B, E)), step[T], dx;
	double want[T * B * E];
	for (int t = 0; t < T; t++)
		step[t] = _i == 0 ? tl_select(x, 0, t) : tl_slice(x, 0, t, t + 1, 1);
	for (int i = 0; i < T * B * E; i++)
		want[i] = i + 1;
	tl_var all = _i == 0 ? tl_stack(T, step, 0) : tl_concat(T, step, 0);
	check_gradient(all, x, want, "time steps");
	ck_assert_int_eq(tl_grad_from(all, all, 1, &x, &dx), TL_OK);
	ck_assert_ptr_eq(tl_var_op(dx), &tl_op_place);
	ck_assert_int_eq(tl_var_operands(dx), T);
	ck_assert(tl_shape_equal(tl_var_shape(dx), TL_SHAPE(T, B, E)));
}
END_TEST

/* y is `n` slices of x (N) side by side: what each element gets is counted out. */
START_TEST(slices_that_overlap_or_leave_gaps)
{
	enum { N = 8 };
	const struct {
		const char *what;
		int n, width;
		int64_t start[4], step[4];
	} rows[] = {
		{"a part", 1, 3, {2}, {1}},
		{"tiles", 2, 4, {0, 4}, {1, 1}},
		{"the even ones backwards and the odd ones", 2, 4, {6, 1}, {-2, 2}},
		{"tiles in any order, all but one", 4, 2, {0, 2, 6, 5}, {1, 1, 1, -1}},
		{"windows that overlap", 4, 3, {0, 1, 2, 5}, {1, 1, 1, 1}},
		{"everything twice", 2, 8, {0, 7}, {1, -1}},
		{"as many as there are, but not all", 2, 4, {0, 0}, {1, 1}},
		{"nothing", 3, 0, {0, 5, 8}, {1, 1, 1}},
	};
	for (int i = 0; i < LENGTH(rows); i++)
		for (int columns = 1; columns <= 3; columns += 2) {
			tl_tape_reset(tape);
			tl_var x = numbered(TL_REAL, TL_SHAPE(N, columns)), part[4];
			double want[3 * N] = {0}, weight = 1;
			for (int k = 0; k < rows[i].n; k++) {
				int64_t start = rows[i].start[k], step = rows[i].step[k];
				int64_t stop = start + step * rows[i].width;
				part[k] = tl_slice(x, 0, start, stop < -1 ? -1 : stop, step);
				for (int j = 0; j < rows[i].width; j++)
					for (int c = 0; c < columns; c++)
						want[(start + step * j) * columns + c] += weight++;
			}
			check_gradient(tl_concat(rows[i].n, part, 0), x, want, rows[i].what);
		}
}
END_TEST

START_TEST(joined_operands_get_slices)
{
	tl_var a = numbered(TL_REAL, TL_SHAPE(2, 3)), b = numbered(TL_REAL, TL_SHAPE(2, 2)), d[2];
	tl_var y = tl_concat(3, (tl_var[]){b, a, b}, 1), z = tl_pad(a, 0, 1, 1, 5);
	check_gradient(y, a, (double[]){3, 4, 5, 10, 11, 12}, "concat, one");
	check_gradient(y, b, (double[]){1 + 6, 2 + 7, 8 + 13, 9 + 14}, "concat, twice");
	check_gradient(z, a, (double[]){4, 5, 6, 7, 8, 9}, "pad");
	ck_assert_int_eq(tl_grad_from(y, y, 1, &a, &d[0]), TL_OK);
	ck_assert_int_eq(tl_grad_from(z, z, 1, &a, &d[1]), TL_OK);
	ck_assert(tl_var_op(d[0]) == &tl_op_slice && tl_var_op(d[1]) == &tl_op_slice);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("layout_edges");
	TCase *c = tcase_create("edges");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, views, 0, LENGTH(types));
	tcase_add_loop_test(c, only_reshapes_that_must_copy_copy, 0, LENGTH(types));
	tcase_add_test(c, a_value_stays_while_recording_goes_on);
	tcase_add_test(c, axes_that_are_not_there);
	tcase_add_test(c, places_that_are_not_there);
	tcase_add_test(c, shapes_and_types_that_do_not_fit);
	tcase_add_test(c, sentences_name_the_scope_and_stay);
	tcase_add_test(c, the_ends_of_int64);
	tcase_add_test(c, regions);
	tcase_add_loop_test(c, time_steps_give_one_place, 0, 2);
	tcase_add_test(c, slices_that_overlap_or_leave_gaps);
	tcase_add_test(c, joined_operands_get_slices);
	suite_add_tcase(s, c);
	return s;
}
