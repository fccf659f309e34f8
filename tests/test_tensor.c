/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shapes and strided tensors against enumeration: where an element lies is asked of the strides, one
 * index at a time. No memory is touched but by the copies of turned matrices; walks over memory are in
 * test_walk.c.
 */
#include "tests/suite.h"

#include <string.h>

#include "core/random.h"
#include "core/tensor.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))

static tl_rng rng;

static void setup(void)
{
	rng = (tl_rng){.seed = 5};
}

static int64_t between(int64_t low, int64_t high)
{
	return low + tl_rng_below(&rng, high - low + 1);
}

/* Where element i (in row-major order) lies, in elements from t->data. */
static int64_t offset(const tl_tensor *t, int64_t i)
{
	int64_t at = 0;
	for (int64_t a = t->shape.axes - 1; a >= 0; a--) {
		at += i % t->shape.dim[a] * t->stride[a];
		i /= t->shape.dim[a];
	}
	return at;
}

START_TEST(valid_shapes)
{
	const int64_t most = INT64_MAX / (int64_t)sizeof(double) / 2, k = 1024, g = k * k * k;
	const struct {
		tl_shape shape;
		bool valid;
	} rows[] = {
		{TL_SCALAR, true}, {TL_SHAPE(7), true}, {TL_SHAPE(0), true}, {TL_SHAPE(3, 0, 5), true},
		{TL_SHAPE(1, 2, 3, 4, 5, 6), true}, {{7, {1, 1, 1, 1, 1, 1}}, false}, {{-1, {0}}, false},
		{TL_SHAPE(-1), false}, {TL_SHAPE(2, -3), false}, {TL_SHAPE(0, -3), false},
		{TL_SHAPE(-2, -3), false}, {TL_SHAPE(INT64_MIN), false}, {TL_SHAPE(most), true},
		{TL_SHAPE(most + 1), false}, {TL_SHAPE(1, most, 1), true}, {TL_SHAPE(most, 2), false},
		{TL_SHAPE(g, g / 4), true}, {TL_SHAPE(g, g / 2), false},
		{TL_SHAPE(2 * g, 2 * g, 2 * g, 2), false}, {TL_SHAPE(INT64_MAX, INT64_MAX), false},
		{TL_SHAPE(4 * g, 4 * g), false},    /* 2^64 elements: 0 by wrapping */
		{TL_SHAPE(0, 4 * g, 4 * g), false}, /* no elements, but strides that do not fit */
	};
	for (int i = 0; i < LENGTH(rows); i++)
		ck_assert_msg(tl_shape_valid(rows[i].shape) == rows[i].valid, "row %d", i);
}
END_TEST

START_TEST(sizes_and_equality)
{
	ck_assert_int_eq(tl_shape_size(TL_SCALAR), 1);
	ck_assert_int_eq(tl_shape_size(TL_SHAPE(2, 3, 4)), 24);
	ck_assert_int_eq(tl_shape_size(TL_SHAPE(2, 0, 4)), 0);
	ck_assert(tl_shape_equal(TL_SCALAR, TL_SCALAR));
	ck_assert(tl_shape_equal(TL_SHAPE(2, 3), TL_SHAPE(2, 3)));
	ck_assert(!tl_shape_equal(TL_SHAPE(2, 3), TL_SHAPE(3, 2)));
	ck_assert(!tl_shape_equal(TL_SHAPE(3), TL_SHAPE(3, 1)));
	ck_assert(!tl_shape_equal(TL_SHAPE(3), TL_SHAPE(1, 3)));
	ck_assert(!tl_shape_equal(TL_SCALAR, TL_SHAPE(1)));
	ck_assert(tl_shape_equal((tl_shape){1, {3, 9}}, TL_SHAPE(3)));
}
END_TEST

START_TEST(axes_from_both_ends)
{
	for (int axes = 0; axes <= TL_MAX_AXES; axes++)
		for (int axis = -9; axis <= 9; axis++) {
			int want = -1;
			for (int i = 0; i < axes; i++)
				want = axis == i || axis == i - axes ? i : want;
			ck_assert_int_eq(tl_shape_axis((tl_shape){axes, {0}}, axis), want);
		}
}
END_TEST

START_TEST(shapes_as_text)
{
	char buf[TL_SHAPE_TEXT];
	ck_assert_str_eq(tl_shape_text(TL_SCALAR, buf), "()");
	ck_assert_str_eq(tl_shape_text(TL_SHAPE(5), buf), "(5)");
	ck_assert_str_eq(tl_shape_text(TL_SHAPE(32, 0, 256), buf), "(32, 0, 256)");
	ck_assert_ptr_eq(tl_shape_text(TL_SHAPE(-1, 2), buf), buf);
	ck_assert_str_eq(buf, "(-1, 2)");
	const int64_t m = INT64_MIN; /* six of them do not fit */
	ck_assert_int_lt(strlen(tl_shape_text(TL_SHAPE(m, m, m, m, m, m), buf)), TL_SHAPE_TEXT);
	ck_assert_int_eq(strncmp(buf, "(-9223372036854775808, -9223372036854775808, ", 45), 0);
	ck_assert_int_lt(strlen(tl_shape_text((tl_shape){99, {1, 2}}, buf)), TL_SHAPE_TEXT);
}
END_TEST

/* The i-th of all shapes with at most three axes of sizes 0 to 3. */
static tl_shape small_shape(int i)
{
	tl_shape s = {0};
	for (int count = 1; i >= count; count *= 4, s.axes++)
		i -= count;
	for (int64_t a = 0; a < s.axes; a++, i /= 4)
		s.dim[a] = i % 4;
	return s;
}
#define SMALL_SHAPES (1 + 4 + 16 + 64)

static int64_t dim_from_back(tl_shape s, int64_t i)
{
	return i < s.axes ? s.dim[s.axes - 1 - i] : 1;
}

/* The definition: every size of `to` is one of the two, and neither loses anything. */
static bool both_repeat_to(tl_shape a, tl_shape b, tl_shape to)
{
	if (to.axes != (a.axes > b.axes ? a.axes : b.axes))
		return false;
	for (int64_t i = 0; i < to.axes; i++) {
		int64_t da = dim_from_back(a, i), db = dim_from_back(b, i), d = dim_from_back(to, i);
		if ((d != da && d != db) || (d != da && da != 1) || (d != db && db != 1))
			return false;
	}
	return true;
}

START_TEST(broadcasting_of_all_small_pairs)
{
	int fitting = 0;
	for (int i = 0; i < SMALL_SHAPES; i++)
		for (int j = 0; j < SMALL_SHAPES; j++) {
			tl_shape a = small_shape(i), b = small_shape(j), want = {-1, {0}}, got = want;
			for (int k = 0; k < SMALL_SHAPES; k++)
				if (both_repeat_to(a, b, small_shape(k))) {
					ck_assert_int_eq(want.axes, -1);
					want = small_shape(k);
				}
			bool fit = tl_shape_broadcast(a, b, &got);
			ck_assert_msg(fit == (want.axes >= 0), "pair %d, %d", i, j);
			ck_assert(tl_shape_equal(got, want)); /* untouched where they do not fit */
			ck_assert_int_eq(tl_shape_broadcast(b, a, &a), fit);
			fitting += fit;
		}
	ck_assert_int_gt(fitting, 1000);
}
END_TEST

/* A tensor of random shape and strides, often ones that merge; where data lies is the caller's affair. */
static tl_tensor random_layout(int64_t low)
{
	tl_tensor t = {.shape = {.axes = between(0, 4)}};
	int64_t step = between(1, 3), which = between(0, 5);
	for (int64_t i = t.shape.axes - 1; i >= 0; i--) {
		t.shape.dim[i] = between(0, 9) ? between(low, 4) : 1;
		t.stride[i] = which == 0 ? 0 : which == 1 ? -step : step;
		if (which == 2 && between(0, 2) == 0)
			t.stride[i] = between(-5, 5);
		step = t.stride[i] * t.shape.dim[i];
		if (which == 3 && between(0, 2) == 0)
			step += between(0, 3);
		if (which == 1)
			step = -step;
	}
	if (which > 3 && t.shape.axes > 1) { /* two axes change places */
		int64_t i = between(0, t.shape.axes - 1), j = between(0, t.shape.axes - 1);
		int64_t dim = t.shape.dim[i], stride = t.stride[i];
		t.shape.dim[i] = t.shape.dim[j], t.stride[i] = t.stride[j];
		t.shape.dim[j] = dim, t.stride[j] = stride;
	}
	for (int64_t i = 0; i < t.shape.axes; i++)
		if (t.shape.dim[i] == 1)
			t.stride[i] = between(-99, 99);
	return t;
}

/* A random shape of n elements. */
static tl_shape random_shape(int64_t n)
{
	tl_shape s = {.axes = between(1, TL_MAX_AXES)};
	for (int64_t i = 0; i < s.axes; i++)
		s.dim[i] = 1;
	for (int64_t p = 2; n > 1; p++)
		for (; n % p == 0; n /= p)
			s.dim[between(0, s.axes - 1)] *= p;
	return s;
}

/* Sets the strides with which `out` of its shape has t's elements; false where there are none. */
static bool strides_exist(const tl_tensor *t, tl_tensor *out)
{
	int64_t n = tl_shape_size(out->shape), step = 1;
	for (int64_t i = out->shape.axes - 1; i >= 0; i--) {
		out->stride[i] = out->shape.dim[i] > 1 ? offset(t, step) : 0;
		step *= out->shape.dim[i];
	}
	for (int64_t i = 0; i < n; i++)
		if (offset(out, i) != offset(t, i))
			return false;
	return true;
}

START_TEST(random_reshapes)
{
	int views = 0, copies = 0, dense = 0;
	for (int round = 0; round < 40000; round++) {
		int memory;
		tl_tensor t = random_layout(1), got;
		t.data = &memory;
		tl_tensor want = {.shape = random_shape(tl_shape_size(t.shape))};
		bool possible = strides_exist(&t, &want), in_order = true;
		char a[TL_SHAPE_TEXT], b[TL_SHAPE_TEXT];
		ck_assert_msg(tl_tensor_reshape(&t, want.shape, &got) == possible, "round %d: %s as %s",
			round, tl_shape_text(t.shape, a), tl_shape_text(want.shape, b));
		for (int64_t i = 0; i < tl_shape_size(t.shape); i++) {
			if (possible)
				ck_assert_int_eq(offset(&got, i), offset(&t, i));
			in_order = in_order && offset(&t, i) == i;
		}
		if (possible) {
			ck_assert(tl_shape_equal(got.shape, want.shape));
			ck_assert_ptr_eq(got.data, &memory);
		}
		ck_assert_msg(tl_tensor_is_dense(&t) == in_order, "round %d", round);
		views += possible && !in_order;
		copies += !possible;
		dense += in_order;
	}
	ck_assert_int_gt(views, 3000);
	ck_assert_int_gt(copies, 3000);
	ck_assert_int_gt(dense, 3000);
}
END_TEST

START_TEST(clear_reshapes)
{
	const struct {
		const char *what;
		tl_tensor from;
		tl_shape to;
		bool possible;
	} rows[] = {
		{"dense", {.shape = {2, {2, 3}}, .stride = {3, 1}}, TL_SHAPE(6), true},
		{"transposed", {.shape = {2, {3, 2}}, .stride = {1, 3}}, TL_SHAPE(6), false},
		{"transposed, 1 added", {.shape = {2, {3, 2}}, .stride = {1, 3}}, TL_SHAPE(3, 1, 2), true},
		{"columns", {.shape = {2, {2, 3}}, .stride = {5, 1}}, TL_SHAPE(6), false},
		{"columns, 1 added", {.shape = {2, {2, 3}}, .stride = {5, 1}}, TL_SHAPE(1, 2, 3, 1), true},
		{"one column", {.shape = {2, {4, 1}}, .stride = {5, 77}}, TL_SHAPE(2, 2), true},
		{"backwards", {.shape = {1, {6}}, .stride = {-1}}, TL_SHAPE(2, 3), true},
		{"rows backwards", {.shape = {2, {2, 3}}, .stride = {3, -1}}, TL_SHAPE(6), false},
		{"a repeated row", {.shape = {2, {3, 4}}, .stride = {0, 1}}, TL_SHAPE(12), false},
		{"a repeated row, cut", {.shape = {2, {4, 4}}, .stride = {0, 1}}, TL_SHAPE(2, 2, 2, 2), true},
		{"one number", {.shape = {2, {3, 4}}, .stride = {0, 0}}, TL_SHAPE(2, 6), true},
		{"1 inside", {.shape = {3, {2, 1, 2}}, .stride = {2, -9, 1}}, TL_SHAPE(4), true},
		{"inner axes merged", {.shape = {3, {4, 2, 3}}, .stride = {9, 3, 1}}, TL_SHAPE(2, 2, 6),
			true},
		{"outer axes merged", {.shape = {3, {4, 2, 3}}, .stride = {9, 3, 1}}, TL_SHAPE(8, 3), false},
	};
	for (int i = 0; i < LENGTH(rows); i++) {
		tl_tensor got;
		bool possible = tl_tensor_reshape(&rows[i].from, rows[i].to, &got);
		ck_assert_msg(possible == rows[i].possible, "%s", rows[i].what);
	}
}
END_TEST

START_TEST(reshapes_of_nothing)
{
	for (int round = 0; round < 2000; round++) {
		tl_tensor t = random_layout(0), got;
		if (tl_shape_size(t.shape) > 0)
			continue;
		tl_shape to = random_shape(between(1, 60));
		to.dim[between(0, to.axes - 1)] = 0;
		ck_assert(tl_tensor_reshape(&t, to, &got));
		ck_assert(tl_shape_equal(got.shape, to));
		ck_assert(tl_tensor_is_dense(&t));
	}
}
END_TEST

START_TEST(broadcast_tensors)
{
	int checked = 0;
	for (int round = 0; round < 20000; round++) {
		tl_tensor t = random_layout(1);
		tl_shape to = {.axes = between(t.shape.axes, 5)}, both;
		for (int64_t i = 0; i < to.axes; i++)
			to.dim[i] = between(1, 3);
		if (!tl_shape_broadcast(t.shape, to, &both) || !tl_shape_equal(both, to))
			continue;
		tl_tensor wide = tl_tensor_broadcast(&t, to);
		for (int64_t i = 0; i < tl_shape_size(to); i++) {
			int64_t want = 0, rest = i;
			for (int64_t a = 0; a < to.axes; a++) {
				int64_t index = rest % dim_from_back(to, a);
				rest /= dim_from_back(to, a);
				if (dim_from_back(t.shape, a) > 1)
					want += index * t.stride[t.shape.axes - 1 - a];
			}
			ck_assert_int_eq(offset(&wide, i), want);
		}
		checked++;
	}
	ck_assert_int_gt(checked, 1000);
}
END_TEST

/* Sizes around those of a tile; rows and columns of either side stand apart. */
START_TEST(turned_copies)
{
	static tl_real from[60 * 60], to[60 * 60];
	for (int tries = 0; tries < 200; tries++) {
		int64_t rows = between(0, 40), columns = between(0, 40);
		int64_t right = between(rows > 1 ? rows : 1, 50), down = between(columns > 1 ? columns : 1, 50);
		tl_tensor x = {.shape = TL_SHAPE(rows, columns), .stride = {1, right}, .data = from};
		tl_tensor y = {.shape = TL_SHAPE(rows, columns), .stride = {down, 1}, .data = to};
		for (int i = 0; i < 60 * 60; i++) {
			from[i] = (tl_real)i;
			to[i] = -1;
		}
		tl_tensor_copy(&y, &x);
		int64_t copied = 0;
		for (int64_t i = 0; i < rows * columns; i++)
			ck_assert_int_eq((int)to[offset(&y, i)], (int)offset(&x, i));
		for (int i = 0; i < 60 * 60; i++)
			copied += to[i] >= 0;
		ck_assert_int_eq(copied, rows * columns);
	}
}
END_TEST

START_TEST(types)
{
	ck_assert_uint_eq(tl_dtype_size(TL_REAL), sizeof(tl_real));
	ck_assert_uint_eq(tl_dtype_size(TL_I32), 4);
	ck_assert_str_eq(tl_dtype_name(TL_REAL), sizeof(tl_real) == 4 ? "float32" : "float64");
	ck_assert_str_eq(tl_dtype_name(TL_I32), "int32");
	tl_tensor t = tl_tensor_dense(TL_I32, TL_SHAPE(2, 3, 4), &t);
	ck_assert_ptr_eq(t.data, &t);
	ck_assert(t.dtype == TL_I32 && t.stride[0] == 12 && t.stride[1] == 4 && t.stride[2] == 1);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("tensor");
	TCase *c = tcase_create("shapes");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, valid_shapes);
	tcase_add_test(c, sizes_and_equality);
	tcase_add_test(c, axes_from_both_ends);
	tcase_add_test(c, shapes_as_text);
	tcase_add_test(c, broadcasting_of_all_small_pairs);
	suite_add_tcase(s, c);
	c = tcase_create("strides");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, random_reshapes);
	tcase_add_test(c, clear_reshapes);
	tcase_add_test(c, reshapes_of_nothing);
	tcase_add_test(c, broadcast_tensors);
	tcase_add_test(c, turned_copies);
	tcase_add_test(c, types);
	suite_add_tcase(s, c);
	return s;
}
