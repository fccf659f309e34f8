/* SPDX-License-Identifier: Apache-2.0 */
/* Rows by index against loops: gather, scatter_add, one_hot, and indices outside their range. */
#include "tests/suite.h"

#include <stdio.h>
#include <string.h>

#include "core/random.h"
#include "graph/grad.h"
#include "ops/index.h"
#include "ops/layout.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))
#define MOST 2000 /* elements */

static tl_tape *tape;
static tl_rng rng;
static tl_real table[MOST], want[MOST];
static int32_t chosen[MOST];

static void setup(void)
{
	tape = tl_tape_new(&(tl_tape_options){.threads = 1});
	ck_assert_ptr_nonnull(tape);
	rng = (tl_rng){.seed = 4};
}

static void teardown(void)
{
	tl_tape_free(tape);
}

/* Small whole numbers: sums are exact in either type. Read backwards along the last axis if asked to. */
static tl_var whole_numbers(tl_shape shape, bool backwards, tl_real *x)
{
	int64_t n = tl_shape_size(shape);
	ck_assert_int_le(n, MOST);
	for (int64_t i = 0; i < n; i++)
		x[i] = (tl_real)(tl_rng_below(&rng, 101) - 50);
	tl_var v = tl_input(tape, shape, x);
	v = backwards && shape.axes ? tl_flip(v, -1) : v;
	ck_assert_int_eq(tl_read(v, x, n), TL_OK);
	return v;
}

/* Indices in 0..limit-1, kept in `chosen`; they repeat where there are more of them than rows. */
static tl_var indices(tl_shape shape, bool backwards, int64_t limit)
{
	int64_t n = tl_shape_size(shape);
	for (int64_t i = 0; i < n; i++)
		chosen[i] = (int32_t)tl_rng_below(&rng, limit);
	tl_var v = tl_index(tape, shape, chosen);
	v = backwards && shape.axes ? tl_flip(v, -1) : v;
	ck_assert_int_eq(tl_read_index(v, chosen, n), TL_OK);
	return v;
}

/* v has the elements of want. */
static void check(tl_var v, tl_shape shape)
{
	tl_real got[MOST];
	char a[TL_SHAPE_TEXT], b[TL_SHAPE_TEXT];
	int64_t n = tl_shape_size(shape);
	ck_assert_msg(tl_ok(v), "%s", tl_tape_error(tape)->text);
	ck_assert_msg(tl_shape_equal(tl_var_shape(v), shape), "shape %s, not %s",
		tl_shape_text(tl_var_shape(v), a), tl_shape_text(shape, b));
	ck_assert_msg(tl_read(v, got, n) == TL_OK, "%s", tl_tape_error(tape)->text);
	for (int64_t i = 0; i < n; i++)
		ck_assert_msg(got[i] == want[i], "element %d is %g, not %g", (int)i, (double)got[i],
			(double)want[i]);
}

static const tl_shape index_shapes[] = {
	{0}, {1, {1}}, {1, {9}}, {2, {3, 4}}, {3, {2, 1, 5}}, {4, {2, 2, 1, 3}}, {1, {0}}, {2, {3, 0}}};
static const tl_shape row_shapes[] = {{0}, {1, {1}}, {1, {5}}, {2, {2, 3}}, {1, {0}}};
#define ROWS 4

/* a's axes, then b's. */
static tl_shape joined(tl_shape a, tl_shape b)
{
	for (int64_t i = 0; i < b.axes; i++)
		a.dim[a.axes++] = b.dim[i];
	return a;
}

START_TEST(gathers)
{
	for (int k = 0; k < 2 * LENGTH(row_shapes); k++) {
		tl_shape row = row_shapes[k / 2];
		int64_t size = tl_shape_size(row);
		tl_tape_reset(tape);
		tl_var t = whole_numbers(joined(TL_SHAPE(ROWS), row), k % 2, table);
		tl_var index = indices(index_shapes[_i], k % 2, ROWS);
		for (int64_t i = 0; i < tl_shape_size(index_shapes[_i]); i++)
			for (int64_t j = 0; j < size; j++)
				want[i * size + j] = table[chosen[i] * size + j];
		check(tl_gather(t, index), joined(index_shapes[_i], row));
	}
}
END_TEST

START_TEST(scatters)
{
	for (int k = 0; k < 2 * LENGTH(row_shapes); k++) {
		tl_real values[MOST];
		tl_shape row = row_shapes[k / 2], shape = joined(TL_SHAPE(ROWS), row);
		int64_t size = tl_shape_size(row);
		tl_tape_reset(tape);
		tl_var index = indices(index_shapes[_i], k % 2, ROWS);
		tl_var v = whole_numbers(joined(index_shapes[_i], row), k % 2, values);
		memset(want, 0, sizeof want);
		for (int64_t i = 0; i < tl_shape_size(index_shapes[_i]); i++)
			for (int64_t j = 0; j < size; j++)
				want[chosen[i] * size + j] += values[i * size + j];
		check(tl_scatter_add(shape, index, v), shape);
	}
}
END_TEST

START_TEST(one_hots)
{
	for (int classes = 1; classes <= 7; classes += 3) {
		tl_var index = indices(index_shapes[_i], classes == 4, classes);
		memset(want, 0, sizeof want);
		for (int64_t i = 0; i < tl_shape_size(index_shapes[_i]); i++)
			want[i * classes + chosen[i]] = 1;
		check(tl_one_hot(index, classes), joined(index_shapes[_i], TL_SHAPE(classes)));
	}
}
END_TEST

/* An embedding that is read at T time steps gets its gradient in one pass. */
START_TEST(several_gathers_give_one_scatter)
{
	enum { T = 12, E = 3 };
	tl_real values[MOST];
	tl_var t = whole_numbers(TL_SHAPE(ROWS, E), false, table), rows[T], dt, dy;
	memset(want, 0, sizeof want);
	tl_var y = whole_numbers(TL_SHAPE(T, 2, E), false, values);
	for (int k = 0; k < T; k++) {
		rows[k] = tl_gather(t, indices(TL_SHAPE(2), false, ROWS));
		for (int i = 0; i < 2 * E; i++)
			want[chosen[i / E] * E + i % E] += values[k * 2 * E + i];
	}
	tl_var all = tl_stack(T, rows, 0);
	ck_assert_int_eq(tl_grad_from(all, y, 1, &t, &dt), TL_OK);
	ck_assert_ptr_eq(tl_var_op(dt), &tl_op_scatter_add);
	ck_assert_int_eq(tl_var_operands(dt), 2 * T);
	check(dt, TL_SHAPE(ROWS, E));
	tl_var index = indices(TL_SHAPE(5), false, ROWS), v = whole_numbers(TL_SHAPE(5, E), false, values);
	for (int i = 0; i < 5 * E; i++)
		want[i] = table[chosen[i / E] * E + i % E];
	ck_assert_int_eq(tl_grad_from(tl_scatter_add(TL_SHAPE(ROWS, E), index, v), t, 1, &v, &dy), TL_OK);
	ck_assert_ptr_eq(tl_var_op(dy), &tl_op_gather);
	check(dy, TL_SHAPE(5, E));
}
END_TEST

/* That sentence; the tape is as new afterwards. */
static void check_error(tl_status status, const char *sentence)
{
	ck_assert_str_eq(tl_tape_error(tape)->text, sentence);
	ck_assert_int_eq(tl_tape_status(tape), status);
	tl_tape_reset(tape);
}

/* Recorded without complaint, refused when computed. */
static void check_index_error(tl_var v, const char *sentence)
{
	ck_assert(tl_ok(v));
	ck_assert_int_eq(tl_tape_status(tape), TL_OK);
	ck_assert_ptr_null(tl_value(v));
	check_error(TL_ERR_INDEX, sentence);
}

#define REALS(...) whole_numbers(TL_SHAPE(__VA_ARGS__), false, table)

static tl_var index_of(tl_shape shape, int32_t a, int32_t b, int32_t c, int32_t d)
{
	return tl_index(tape, shape, (int32_t[]){a, b, c, d});
}

START_TEST(indices_outside_their_range)
{
	tl_shape three = TL_SHAPE(3);
	check_index_error(tl_gather(tl_name(REALS(4, 5), "E"), index_of(three, 0, 3, 4, 0)),
		"gather: index 4 at position 2 is outside 0..3; operands E (4, 5), (3)");
	check_index_error(tl_gather(REALS(4, 5), index_of(TL_SHAPE(2, 2), 0, 3, -1, 9)),
		"gather: index -1 at position 2 is outside 0..3; operands (4, 5), (2, 2)");
	check_index_error(tl_gather(REALS(4), index_of(TL_SCALAR, INT32_MAX, 0, 0, 0)),
		"gather: index 2147483647 at position 0 is outside 0..3; operands (4), ()");
	check_index_error(tl_gather(REALS(0, 5), index_of(TL_SHAPE(1), 0, 0, 0, 0)),
		"gather: index 0 at position 0 is outside 0..-1; operands (0, 5), (1)");
	check_index_error(tl_gather(REALS(4), tl_flip(index_of(three, 7, 0, 0, 0), 0)),
		"gather: index 7 at position 2 is outside 0..3; operands (4), (3)");
	check_index_error(tl_scatter_add(TL_SHAPE(2, 5), index_of(three, 0, 1, INT32_MIN, 0), REALS(3, 5)),
		"scatter_add: index -2147483648 at position 2 is outside 0..1; operands (3), (3, 5)");
	check_index_error(tl_scatter_add(TL_SHAPE(0, 5), index_of(three, 0, 0, 0, 0), REALS(3, 5)),
		"scatter_add: index 0 at position 0 is outside 0..-1; operands (3), (3, 5)");
	tl_scope_begin(tape, "t", 4);
	check_index_error(tl_one_hot(tl_name(index_of(three, 2, 3, -1, 0), "y"), 3),
		"one_hot: index 3 at position 1 is outside 0..2; operand y (3); in t=4");
}
END_TEST

START_TEST(shapes_and_types_that_do_not_fit)
{
	char sentence[128], type[16];
	snprintf(type, sizeof type, "%s", tl_dtype_name(TL_REAL));
	tl_gather(whole_numbers(TL_SCALAR, false, table), index_of(TL_SHAPE(2), 0, 0, 0, 0));
	check_error(TL_ERR_SHAPE,
		"gather: needs a table of at least one axis, at most 6 in all; operands (), (2)");
	tl_gather(REALS(2, 1, 1, 1, 1), index_of(TL_SHAPE(1, 1, 2), 0, 0, 0, 0));
	check_error(TL_ERR_SHAPE, "gather: needs a table of at least one axis, at most 6 in all; "
				  "operands (2, 1, 1, 1, 1), (1, 1, 2)");
	tl_gather(REALS(2, 3), REALS(2));
	snprintf(sentence, sizeof sentence,
		"gather: operand 1 must be int32, but it is %s; operands (2, 3), (2)", type);
	check_error(TL_ERR_TYPE, sentence);
	tl_gather(index_of(TL_SHAPE(4), 0, 1, 2, 3), index_of(TL_SHAPE(2), 0, 0, 0, 0));
	check_error(TL_ERR_TYPE, "gather: operand 0 must be real, but it is int32; operands (4), (2)");
	tl_scatter_add(TL_SHAPE(4, 5), index_of(TL_SHAPE(3), 0, 0, 0, 0), REALS(3, 4));
	check_error(TL_ERR_SHAPE, "scatter_add: the values must have shape (3, 5); operands (3), (3, 4)");
	tl_scatter_add(TL_SCALAR, index_of(TL_SHAPE(3), 0, 0, 0, 0), REALS(3));
	check_error(TL_ERR_SHAPE, "scatter_add: () has no rows to add to; operands (3), (3)");
	tl_one_hot(index_of(TL_SHAPE(3), 0, 0, 0, 0), 0);
	check_error(TL_ERR_ARGUMENT, "one_hot: 0 classes, an index of 1 axes; operand (3)");
	tl_one_hot(tl_index(tape, TL_SHAPE(1, 1, 1, 1, 1, 1), &(int32_t){0}), 2);
	check_error(TL_ERR_ARGUMENT, "one_hot: 2 classes, an index of 6 axes; operand (1, 1, 1, 1, 1, 1)");
}
END_TEST

/* A tensor without elements needs no memory. */
START_TEST(nothing_from_nowhere)
{
	tl_tensor none = tl_tensor_dense(TL_REAL, TL_SHAPE(0, 3), NULL);
	tl_tensor no_index = tl_tensor_dense(TL_I32, TL_SHAPE(0), NULL);
	tl_var t = tl_borrow(tape, &none), index = tl_borrow(tape, &no_index);
	memset(want, 0, sizeof want);
	check(tl_gather(t, index), TL_SHAPE(0, 3));
	check(tl_gather(REALS(4, 3), index), TL_SHAPE(0, 3));
	check(tl_scatter_add(TL_SHAPE(2, 3), index, t), TL_SHAPE(2, 3));
	check(tl_one_hot(index, 3), TL_SHAPE(0, 3));
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("index");
	TCase *c = tcase_create("rows");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, gathers, 0, LENGTH(index_shapes));
	tcase_add_loop_test(c, scatters, 0, LENGTH(index_shapes));
	tcase_add_loop_test(c, one_hots, 0, LENGTH(index_shapes));
	tcase_add_test(c, several_gathers_give_one_scatter);
	tcase_add_test(c, indices_outside_their_range);
	tcase_add_test(c, shapes_and_types_that_do_not_fit);
	tcase_add_test(c, nothing_from_nowhere);
	suite_add_tcase(s, c);
	return s;
}
