/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moving elements, against index arithmetic: an operand's elements are their own numbers in row-major
 * order, so each result says which element came where.
 */
#include "tests/suite.h"

#include <math.h>
#include <string.h>

#include "graph/algebra.h"
#include "ops/layout.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))
#define MOST 4000 /* elements */

static tl_tape *tape;
static double want[MOST];

static void setup(void)
{
	tape = tl_tape_new(&(tl_tape_options){.threads = 1});
	ck_assert_ptr_nonnull(tape);
}

static void teardown(void)
{
	tl_tape_free(tape);
}

/* Elements from, from + 1, ...; each number `times` times. */
static tl_var numbered_from(int from, int times, tl_dtype type, tl_shape shape)
{
	tl_real real[MOST];
	int32_t index[MOST];
	int64_t n = tl_shape_size(shape);
	ck_assert_int_le(n, MOST);
	for (int i = 0; i < n; i++)
		real[i] = (tl_real)(index[i] = from + i / times);
	return type == TL_I32 ? tl_index(tape, shape, index) : tl_input(tape, shape, real);
}

static tl_var numbered(tl_dtype type, tl_shape shape)
{
	return numbered_from(0, 1, type, shape);
}

/* v has that shape and the elements of want. */
static void check(tl_var v, tl_shape shape)
{
	tl_real real[MOST];
	int32_t index[MOST];
	char a[TL_SHAPE_TEXT], b[TL_SHAPE_TEXT];
	int64_t n = tl_shape_size(shape);
	bool is_real = tl_var_dtype(v) == TL_REAL;
	tl_status status = tl_tape_status(tape);
	if (!status)
		status = is_real ? tl_read(v, real, tl_shape_size(tl_var_shape(v)))
				 : tl_read_index(v, index, tl_shape_size(tl_var_shape(v)));
	ck_assert_msg(status == TL_OK, "%s", tl_tape_error(tape)->text);
	ck_assert_msg(tl_shape_equal(tl_var_shape(v), shape), "shape %s, not %s",
		tl_shape_text(tl_var_shape(v), a), tl_shape_text(shape, b));
	for (int64_t i = 0; i < n; i++) {
		double got = is_real ? (double)real[i] : index[i];
		ck_assert_msg(got == want[i] || (isnan(got) && isnan(want[i])), "element %d is %g, not %g",
			(int)i, got, want[i]);
	}
}

static void unravel(tl_shape shape, int64_t i, int64_t *index)
{
	for (int64_t a = shape.axes - 1; a >= 0; i /= shape.dim[a--])
		index[a] = i % shape.dim[a];
}

static int64_t ravel(tl_shape shape, const int64_t *index)
{
	int64_t i = 0;
	for (int64_t a = 0; a < shape.axes; a++)
		i = i * shape.dim[a] + index[a];
	return i;
}

static void want_the_same(int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		want[i] = (double)i;
}

/* Both types, by the loop's index. */
static const tl_dtype types[] = {TL_REAL, TL_I32};

START_TEST(reshapes)
{
	const struct {
		tl_shape from, to, result;
	} rows[] = {
		{{3, {2, 3, 4}}, {1, {-1}}, {1, {24}}},
		{{3, {2, 3, 4}}, {2, {-1, 8}}, {2, {3, 8}}},
		{{3, {2, 3, 4}}, {2, {6, -1}}, {2, {6, 4}}},
		{{3, {2, 3, 4}}, {4, {2, -1, 2, 6}}, {4, {2, 1, 2, 6}}},
		{{3, {2, 3, 4}}, {6, {1, 4, 1, 3, 2, 1}}, {6, {1, 4, 1, 3, 2, 1}}},
		{{1, {1}}, {0}, {0}},
		{{0}, {3, {1, -1, 1}}, {3, {1, 1, 1}}},
		{{2, {0, 3}}, {2, {5, -1}}, {2, {5, 0}}},
		{{2, {0, 3}}, {3, {3, 0, 7}}, {3, {3, 0, 7}}},
	};
	for (int i = 0; i < LENGTH(rows); i++) {
		want_the_same(tl_shape_size(rows[i].from));
		check(tl_reshape(numbered(types[_i], rows[i].from), rows[i].to), rows[i].result);
	}
}
END_TEST

START_TEST(unsqueeze_and_squeeze)
{
	tl_shape shape = TL_SHAPE(2, 3, 4);
	want_the_same(24);
	for (int axis = -4; axis <= 3; axis++) {
		int at = axis < 0 ? axis + 4 : axis;
		tl_shape wide = {4, {2, 3, 4}};
		memmove(wide.dim + at + 1, wide.dim + at, (size_t)(3 - at) * sizeof *wide.dim);
		wide.dim[at] = 1;
		tl_var y = tl_unsqueeze(numbered(types[_i], shape), axis);
		check(y, wide);
		check(tl_squeeze(y, axis), shape);
	}
	check(tl_squeeze(numbered(types[_i], TL_SHAPE(1)), 0), TL_SCALAR);
}
END_TEST

/* Every order of the axes, by counting in base `axes`. */
START_TEST(transposes)
{
	const struct {
		tl_shape shape;
		int orders;
	} rows[] = {{{0}, 1}, {{1, {5}}, 1}, {{2, {3, 4}}, 2}, {{3, {2, 3, 4}}, 6}, {{4, {3, 1, 2, 4}}, 24}};
	for (int i = 0; i < LENGTH(rows); i++) {
		tl_shape s = rows[i].shape;
		int orders = 0, all = 1;
		for (int a = 0; a < s.axes; a++)
			all *= (int)s.axes;
		for (int code = 0; code < all; code++) {
			int order[TL_MAX_AXES], seen = 0;
			tl_shape to = s;
			for (int a = 0, rest = code; a < s.axes; a++, rest /= (int)s.axes) {
				order[a] = rest % (int)s.axes;
				seen |= 1 << order[a];
				to.dim[a] = s.dim[order[a]];
			}
			if (seen != (1 << s.axes) - 1)
				continue;
			orders++;
			for (int64_t j = 0; j < tl_shape_size(to); j++) {
				int64_t index[TL_MAX_AXES], from[TL_MAX_AXES];
				unravel(to, j, index);
				for (int a = 0; a < s.axes; a++)
					from[order[a]] = index[a];
				want[j] = (double)ravel(s, from);
			}
			tl_var y = tl_transpose(numbered(types[_i], s), order);
			check(y, to);
			check(tl_reshape(y, TL_SHAPE(-1)), TL_SHAPE(tl_shape_size(s)));
			bool last_two = s.axes >= 2;
			for (int a = 0; a < s.axes; a++)
				last_two = last_two &&
					   order[a] == (a < s.axes - 2 ? a : 2 * (int)s.axes - 3 - a);
			if (last_two)
				check(tl_t(numbered(types[_i], s)), to);
		}
		ck_assert_int_eq(orders, rows[i].orders);
	}
}
END_TEST

/* x, at the given indices along an axis. */
static tl_shape want_indices(tl_shape s, int axis, int n, const int64_t *chosen)
{
	tl_shape to = s;
	to.dim[axis] = n;
	for (int64_t j = 0; j < tl_shape_size(to); j++) {
		int64_t index[TL_MAX_AXES];
		unravel(to, j, index);
		index[axis] = chosen[index[axis]];
		want[j] = (double)ravel(s, index);
	}
	return to;
}

/* Every start, stop and step near the axis: the indices are counted out one by one. */
START_TEST(slices)
{
	tl_shape s = TL_SHAPE(2, 5, 3);
	for (int axis = -3; axis < 3; axis++)
		for (int64_t start = -2; start <= 6; start++)
			for (int64_t stop = -2; stop <= 7; stop++)
				for (int64_t step = -6; step <= 6; step++) {
					int at = axis < 0 ? axis + 3 : axis, n = 0;
					int64_t chosen[16], size = s.dim[at], end = stop < size ? stop : size;
					bool fine = step != 0 && start >= 0 && start <= size && stop >= -1;
					for (int64_t i = start; fine && (step > 0 ? i < end : i > end);
						i += step) {
						fine = i < size; /* a start at the size, downwards */
						chosen[n++] = i;
					}
					tl_tape_reset(tape);
					tl_var y = tl_slice(numbered(types[_i], s), axis, start, stop, step);
					ck_assert_int_eq(tl_ok(y), fine);
					if (fine)
						check(y, want_indices(s, at, n, chosen));
					else
						ck_assert_int_eq(tl_tape_status(tape), TL_ERR_ARGUMENT);
				}
}
END_TEST

START_TEST(selections_parts_and_flips)
{
	tl_shape s = TL_SHAPE(4, 6, 2);
	for (int axis = -3; axis < 3; axis++) {
		int at = axis < 0 ? axis + 3 : axis, size = (int)s.dim[at];
		tl_var x = numbered(types[_i], s), parts[6];
		int64_t chosen[6] = {0};
		for (int64_t i = 0; i < size; i++) {
			tl_shape to = want_indices(s, at, 1, &i);
			memmove(to.dim + at, to.dim + at + 1, (size_t)(2 - at) * sizeof *to.dim);
			to.axes = 2;
			check(tl_select(x, axis, i), to);
			check(tl_select(x, axis, i - size), to);
		}
		for (int of = 1; of <= size; of++) {
			if (size % of)
				continue;
			ck_assert_int_eq(tl_split(x, axis, of, parts), TL_OK);
			for (int k = 0; k < of; k++) {
				for (int i = 0; i < size / of; i++)
					chosen[i] = k * (size / of) + i;
				tl_shape to = want_indices(s, at, size / of, chosen);
				check(tl_part(x, axis, k, of), to);
				check(parts[k], to);
			}
		}
		for (int i = 0; i < size; i++)
			chosen[i] = size - 1 - i;
		check(tl_flip(x, axis), want_indices(s, at, size, chosen));
	}
	check(tl_flip(numbered(types[_i], TL_SHAPE(0, 2)), 0), TL_SHAPE(0, 2));
}
END_TEST

/* Operand k starts at 100 k and has widths[k] indices along the axis. */
static tl_shape want_joined(tl_shape s, int axis, int n, const int *widths)
{
	tl_shape to = s;
	to.dim[axis] = 0;
	for (int k = 0; k < n; k++)
		to.dim[axis] += widths[k];
	for (int64_t j = 0; j < tl_shape_size(to); j++) {
		int64_t index[TL_MAX_AXES];
		int k = 0;
		unravel(to, j, index);
		for (; index[axis] >= widths[k]; k++)
			index[axis] -= widths[k];
		s.dim[axis] = widths[k];
		want[j] = (double)(100 * k + ravel(s, index));
	}
	return to;
}

START_TEST(concat_and_stack)
{
	enum { MANY = 40 };
	tl_shape s = TL_SHAPE(2, 3, 2);
	const int counts[] = {1, 2, 3, 16, 17, MANY};
	for (int i = 0; i < LENGTH(counts); i++) {
		int n = counts[i], widths[MANY];
		tl_var v[MANY];
		for (int axis = -3; axis < 3; axis++) {
			int at = axis < 0 ? axis + 3 : axis;
			tl_tape_reset(tape);
			for (int k = 0; k < n; k++) {
				tl_shape one = s;
				widths[k] = n == 1 ? 3 : (k * 7 + 1) % 4;
				one.dim[at] = widths[k];
				one.dim[2] *= 2; /* so that it is read with steps */
				v[k] = tl_slice(numbered_from(100 * k, 2, TL_REAL, one), 2, 0, one.dim[2], 2);
			}
			check(tl_concat(n, v, axis), want_joined(s, at, n, widths));
		}
		for (int axis = -4; axis < 4; axis++) {
			int at = axis < 0 ? axis + 4 : axis;
			tl_shape wide = {4, {2, 3, 2}};
			memmove(wide.dim + at + 1, wide.dim + at, (size_t)(3 - at) * sizeof *wide.dim);
			tl_tape_reset(tape);
			for (int k = 0; k < n; k++) {
				widths[k] = 1;
				v[k] = numbered_from(100 * k, 1, TL_REAL, s);
			}
			check(tl_stack(n, v, axis), want_joined(wide, at, n, widths));
		}
	}
}
END_TEST

START_TEST(pads)
{
	const double values[] = {0, -2.5, INFINITY, NAN};
	tl_shape s = TL_SHAPE(2, 1, 3);
	for (int axis = -3; axis < 3; axis++)
		for (int width = 0; width < 9; width++)
			for (int i = 0; i < LENGTH(values); i++) {
				int at = axis < 0 ? axis + 3 : axis, first = width % 3;
				tl_shape to = s;
				to.dim[at] += first + width / 3;
				for (int64_t j = 0; j < tl_shape_size(to); j++) {
					int64_t index[TL_MAX_AXES];
					unravel(to, j, index);
					index[at] -= first;
					bool inside = index[at] >= 0 && index[at] < s.dim[at];
					want[j] = inside ? (double)ravel(s, index) : values[i];
				}
				check(tl_pad(numbered(TL_REAL, s), axis, first, width / 3, values[i]), to);
			}
}
END_TEST

START_TEST(broadcasts)
{
	const struct {
		tl_shape from, to;
	} rows[] = {{{0}, {2, {2, 3}}}, {{1, {3}}, {3, {4, 2, 3}}}, {{2, {2, 1}}, {3, {3, 2, 4}}},
		{{3, {2, 1, 3}}, {3, {2, 5, 3}}}, {{2, {1, 3}}, {2, {0, 3}}}, {{2, {2, 3}}, {2, {2, 3}}}};
	for (int i = 0; i < LENGTH(rows); i++) {
		tl_shape from = rows[i].from, to = rows[i].to;
		for (int64_t j = 0; j < tl_shape_size(to); j++) {
			int64_t index[TL_MAX_AXES], lead = to.axes - from.axes;
			unravel(to, j, index);
			for (int64_t a = 0; a < from.axes; a++)
				index[lead + a] *= from.dim[a] > 1;
			want[j] = (double)ravel(from, index + lead);
		}
		check(tl_broadcast(numbered(types[_i], from), to), to);
	}
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("layout");
	TCase *c = tcase_create("values");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, reshapes, 0, LENGTH(types));
	tcase_add_loop_test(c, unsqueeze_and_squeeze, 0, LENGTH(types));
	tcase_add_loop_test(c, transposes, 0, LENGTH(types));
	tcase_add_loop_test(c, slices, 0, LENGTH(types));
	tcase_add_loop_test(c, selections_parts_and_flips, 0, LENGTH(types));
	tcase_add_loop_test(c, broadcasts, 0, LENGTH(types));
	tcase_add_test(c, concat_and_stack);
	tcase_add_test(c, pads);
	suite_add_tcase(s, c);
	return s;
}
