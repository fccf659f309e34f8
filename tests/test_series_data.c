/* SPDX-License-Identifier: Apache-2.0 */
/* Series from .npy files: what batches hold, and what is said about files that do not fit. */
#define _POSIX_C_SOURCE 200809L
#include "tests/suite.h"

#include <math.h>

#include "tests/scratch.h"
#include "tools/series_data.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))
enum { N = 5, T = 4, D = 3, K = 2 };

static tl_error err;
static char path_x[SCRATCH_PATH], path_y[SCRATCH_PATH], path_l[SCRATCH_PATH];
static tl_real reals[N * T * D];
static int32_t wholes[N * T * D];
static const int32_t lengths[N] = {4, 0, 2, 3, 1};

/* Element k is k / 4 in reals, k mod 7 in wholes. */
static void setup(void)
{
	scratch_files(1);
	err = (tl_error){0};
	snprintf(path_x, sizeof path_x, "%s/x.npy", scratch_folder);
	snprintf(path_y, sizeof path_y, "%s/y.npy", scratch_folder);
	snprintf(path_l, sizeof path_l, "%s/l.npy", scratch_folder);
	for (int k = 0; k < N * T * D; k++) {
		reals[k] = (tl_real)k / 4;
		wholes[k] = k % 7;
	}
}

static void put(const char *path, tl_shape shape, bool whole)
{
	tl_tensor t =
		tl_tensor_dense(whole ? TL_I32 : TL_REAL, shape, whole ? (void *)wholes : (void *)reals);
	ck_assert(!tl_npy_write(path, &t, &err));
}

static void put_lengths(void)
{
	int32_t copy[N];
	memcpy(copy, lengths, sizeof copy);
	tl_tensor t = tl_tensor_dense(TL_I32, TL_SHAPE(N), copy);
	ck_assert(!tl_npy_write(path_l, &t, &err));
}

static const int64_t which[] = {3, 0, 1, 2};
enum { B = COUNT(which) };

/* x is read with and without lengths, to the longest of the batch, in D = 3 and D = 1. */
START_TEST(x_is_read)
{
	bool ragged = _i & 1, flat = _i & 2;
	int d = flat ? 1 : D;
	put(path_x, flat ? TL_SHAPE(N, T) : TL_SHAPE(N, T, D), false);
	put(path_y, TL_SHAPE(N), true);
	put_lengths();
	series s;
	ck_assert_msg(!series_open(&s, path_x, path_y, ragged ? path_l : NULL, &err), "%s", err.text);
	ck_assert(s.n == N && s.steps == T && s.inputs == d && !s.scaled && s.target == SERIES_CLASSES);
	ck_assert_int_eq(series_longest(&s, which, B), 4);
	ck_assert_int_eq(series_longest(&s, which + 2, 2), ragged ? 2 : 4);
	ck_assert_int_eq(series_longest(&s, which + 2, 1), ragged ? 1 : 4);
	tl_real x[T * B * D];
	int64_t got[B];
	ck_assert(!series_read_x(&s, which, B, T, x, got, &err));
	for (int b = 0; b < B; b++) {
		int64_t length = ragged ? lengths[which[b]] : T;
		ck_assert_int_eq(got[b], length);
		for (int t = 0; t < T; t++)
			for (int k = 0; k < d; k++)
				ck_assert(x[(t * B + b) * d + k] ==
					  (t < length ? (tl_real)((which[b] * T + t) * d + k) / 4 : 0));
	}
	/* fewer steps, no lengths asked for */
	ck_assert(!series_read_x(&s, which + 2, 2, 2, x, NULL, &err));
	for (int t = 0; t < 2; t++)
		for (int k = 0; k < d; k++) {
			ck_assert(
				x[(t * 2 + 0) * d + k] == (ragged ? 0 : (tl_real)((1 * T + t) * d + k) / 4));
			ck_assert(x[(t * 2 + 1) * d + k] == (tl_real)((2 * T + t) * d + k) / 4);
		}
	series_release(&s);
	ck_assert(!s.x && !s.y && !s.labels && !s.length);
}
END_TEST

/* An array of bytes, written by hand. */
static void put_bytes(const char *path, const char *dtype, const char *shape, const void *bytes, size_t n)
{
	unsigned char file[512];
	int length = snprintf((char *)file + 10, 256,
		"{'descr': '%s', 'fortran_order': False, 'shape': %s, }", dtype, shape);
	memcpy(file, "\x93NUMPY\1\0", 8);
	file[8] = (unsigned char)length;
	file[9] = 0;
	memcpy(file + 10 + length, bytes, n);
	scratch_put(path, file, 10 + (size_t)length + n);
}

START_TEST(bytes_are_scaled)
{
	put_bytes(path_x, "|u1", "(2, 2)", "\0\1\200\377", 4);
	put_bytes(path_y, "|u1", "(2,)", "\0\3", 2);
	series s;
	ck_assert_msg(!series_open(&s, path_x, path_y, NULL, &err), "%s", err.text);
	ck_assert(s.scaled && s.inputs == 1 && s.steps == 2 && s.outputs == 4);
	tl_real x[4];
	ck_assert(!series_read_x(&s, (int64_t[]){0, 1}, 2, 2, x, NULL, &err));
	ck_assert(x[0] == 0 && x[1] == (tl_real)128 / 255 && x[2] == (tl_real)1 / 255 && x[3] == 1);
	series_release(&s);
}
END_TEST

/* NumPy's own files: (3, 2, 4), the same numbers row by row and column by column, as x and as y. */
START_TEST(column_major_files_are_read)
{
	tl_real x[2][3 * 2 * 4], y[2][3 * 2 * 4];
	for (int k = 0; k < 2; k++) {
		const char *path = k ? TL_FIXTURES "/npy/f4_b_f.npy" : TL_FIXTURES "/npy/f4_l_c.npy";
		series s;
		ck_assert_msg(!series_open(&s, path, path, NULL, &err), "%s", err.text);
		ck_assert((s.x_held != NULL) == k && (s.y_held != NULL) == k);
		ck_assert(s.target == SERIES_STEP_VALUES && s.steps == 2 && s.inputs == 4 && s.outputs == 4);
		ck_assert(!series_read_x(&s, (int64_t[]){2, 0, 1}, 3, 2, x[k], NULL, &err));
		ck_assert(!series_read_values(&s, (int64_t[]){2, 0, 1}, 3, 2, y[k], &err));
		series_release(&s);
	}
	ck_assert_mem_eq(x[0], x[1], sizeof x[0]);
	ck_assert_mem_eq(x[0], y[0], sizeof x[0]);
	ck_assert_mem_eq(y[0], y[1], sizeof y[0]);
	ck_assert(x[0][0] == (tl_real)(16 - 10) / 8 && x[0][4] == (tl_real)(0 - 10) / 8);
}
END_TEST

START_TEST(labels_are_read)
{
	put(path_x, TL_SHAPE(N, T, D), false);
	put(path_y, TL_SHAPE(N), true);
	put_lengths();
	series s;
	int32_t labels[T * B];
	ck_assert(!series_open(&s, path_x, path_y, path_l, &err));
	ck_assert(s.target == SERIES_CLASSES && s.outputs == 5);
	series_read_labels(&s, which, B, T, labels);
	ck_assert_mem_eq(labels, ((int32_t[]){3, 0, 1, 2}), B * sizeof *labels);
	series_release(&s);

	wholes[2 * T + 1] = SERIES_IGNORED; /* allowed within a series */
	wholes[1 * T + 2] = -5;		    /* past the end of series 1, which is empty */
	put(path_y, TL_SHAPE(N, T), true);
	ck_assert_msg(!series_open(&s, path_x, path_y, path_l, &err), "%s", err.text);
	ck_assert(s.target == SERIES_STEP_LABELS && s.outputs == 7);
	series_read_labels(&s, which, B, 3, labels);
	for (int t = 0; t < 3; t++)
		for (int b = 0; b < B; b++)
			ck_assert_int_eq(labels[t * B + b],
				t < lengths[which[b]] ? wholes[which[b] * T + t] : SERIES_IGNORED);
	series_release(&s);
}
END_TEST

START_TEST(values_are_read)
{
	static const tl_shape shapes[] = {{1, {N}}, {2, {N, K}}, {2, {N, T}}, {3, {N, T, K}}};
	static const int outputs[] = {1, K, T, K};
	put(path_x, TL_SHAPE(N, T, D), false);
	put(path_y, shapes[_i], false);
	put_lengths();
	series s;
	ck_assert_msg(!series_open(&s, path_x, path_y, path_l, &err), "%s", err.text);
	bool by_step = _i == 3;
	int width = outputs[_i];
	ck_assert_int_eq(s.target, by_step ? SERIES_STEP_VALUES : SERIES_VALUES);
	ck_assert_int_eq(s.outputs, width);
	tl_real y[T * B * K];
	ck_assert(!series_read_values(&s, which, B, 3, y, &err));
	for (int t = 0; t < (by_step ? 3 : 1); t++)
		for (int b = 0; b < B; b++)
			for (int k = 0; k < width; k++) {
				int64_t from =
					by_step ? (which[b] * T + t) * width + k : which[b] * width + k;
				tl_real want = by_step && t >= lengths[which[b]] ? 0 : (tl_real)from / 4;
				ck_assert(y[(t * B + b) * width + k] == want);
			}
	series_release(&s);
}
END_TEST

/* %x, %y, %l stand for the files. */
static void assert_says(tl_status status, const char *want)
{
	char text[2 * TL_ERROR_TEXT];
	size_t used = 0;
	for (const char *c = want; *c; c++) {
		const char *path = *c != '%' ? NULL : c[1] == 'x' ? path_x : c[1] == 'y' ? path_y : path_l;
		used += (size_t)(path ? snprintf(text + used, sizeof text - used, "%s", path)
				      : snprintf(text + used, sizeof text - used, "%c", *c));
		c += path != NULL;
	}
	ck_assert_int_ne(status, TL_OK);
	ck_assert_str_eq(err.text, text);
}

static const struct {
	tl_shape x;
	bool x_whole;
	tl_shape y;
	bool y_whole;
	const char *want; /* dtypes are those of the float build, the only one of the tools */
} unfit[] = {
	{{1, {N}}, false, {1, {N}}, true,
		"%x has dtype <f4 and shape (5); x is (N, T, D) or (N, T), of reals or uint8"},
	{{4, {N, 1, 1, 1}}, false, {1, {N}}, true,
		"%x has dtype <f4 and shape (5, 1, 1, 1); x is (N, T, D) or (N, T), of reals or uint8"},
	{{2, {N, T}}, true, {1, {N}}, true,
		"%x has dtype <i4 and shape (5, 4); x is (N, T, D) or (N, T), of reals or uint8"},
	{{2, {0, T}}, false, {1, {0}}, true, "%x has dtype <f4 and shape (0, 4); there is no series in it"},
	{{2, {N, 0}}, false, {1, {N}}, true, "%x has dtype <f4 and shape (5, 0); its series are empty"},
	{{3, {N, T, 0}}, false, {1, {N}}, true, "%x has dtype <f4 and shape (5, 4, 0); its series are empty"},
	{{2, {N, T}}, false, {1, {4}}, true, "%x has 5 series but %y has 4"},
	{{2, {N, T}}, false, {2, {6, 2}}, false, "%x has 5 series but %y has 6"},
	{{2, {N, T}}, false, {0}, true,
		"%y has dtype <i4 and shape (); y is whole numbers (N) or (N, T), or reals (N), (N, K) or "
		"(N, T, K)"},
	{{2, {N, T}}, false, {3, {N, T, 1}}, true,
		"%y has dtype <i4 and shape (5, 4, 1); y is whole numbers (N) or (N, T), or reals (N), (N, "
		"K) or (N, T, K)"},
	{{2, {N, T}}, false, {2, {N, 3}}, true,
		"%y has 3 steps but the series in %x have 4; y is whole numbers (N) or (N, T), or reals (N), "
		"(N, K) or "
		"(N, T, K)"},
	{{2, {N, T}}, false, {3, {N, 5, 2}}, false,
		"%y has 5 steps but the series in %x have 4; y is whole numbers (N) or (N, T), or reals (N), "
		"(N, K) or "
		"(N, T, K)"},
	{{2, {N, T}}, false, {2, {N, 0}}, false,
		"%y has dtype <f4 and shape (5, 0); there are no values in it"},
};

START_TEST(shapes_that_do_not_fit)
{
	series s;
	put(path_x, unfit[_i].x, unfit[_i].x_whole);
	put(path_y, unfit[_i].y, unfit[_i].y_whole);
	assert_says(series_open(&s, path_x, path_y, NULL, &err), unfit[_i].want);
	ck_assert(!s.x && !s.y);
}
END_TEST

START_TEST(values_that_do_not_fit)
{
	series s;
	put_lengths();
	put(path_y, TL_SHAPE(N), true);
	reals[(2 * T + 1) * D + 2] = NAN;
	reals[(4 * T + 1) * D + 2] = NAN; /* past the end of series 4 */
	put(path_x, TL_SHAPE(N, T, D), false);
	assert_says(series_open(&s, path_x, path_y, path_l, &err), "%x[2, 1, 2] is not a number (NaN)");
	err = (tl_error){0};
	reals[(2 * T + 1) * D + 2] = 0;
	put(path_x, TL_SHAPE(N, T, D), false);
	ck_assert_msg(!series_open(&s, path_x, path_y, path_l, &err), "%s", err.text);
	series_release(&s);
	assert_says(series_open(&s, path_x, path_y, NULL, &err), "%x[4, 1, 2] is not a number (NaN)");
	err = (tl_error){0};
	reals[(4 * T + 1) * D + 2] = 0;
	put(path_x, TL_SHAPE(N, T, D), false);
	reals[1 * K + 1] = -INFINITY;
	put(path_y, TL_SHAPE(N, K), false);
	assert_says(series_open(&s, path_x, path_y, path_l, &err), "%y[1, 1] is infinite");
	err = (tl_error){0};
	wholes[2] = -1;
	put(path_y, TL_SHAPE(N), true);
	assert_says(series_open(&s, path_x, path_y, NULL, &err), "%y[2] is -1; classes are numbered from 0");
	err = (tl_error){0};
	wholes[2] = SERIES_IGNORED; /* for steps only */
	put(path_y, TL_SHAPE(N), true);
	assert_says(
		series_open(&s, path_x, path_y, NULL, &err), "%y[2] is -100; classes are numbered from 0");
	err = (tl_error){0};
	wholes[2 * T + 1] = -3;
	put(path_y, TL_SHAPE(N, T), true);
	assert_says(
		series_open(&s, path_x, path_y, path_l, &err), "%y[2, 1] is -3; classes are numbered from 0");
}
END_TEST

START_TEST(lengths_that_do_not_fit)
{
	series s;
	put(path_x, TL_SHAPE(N, T, D), false);
	put(path_y, TL_SHAPE(N), true);
	put(path_l, TL_SHAPE(N), false);
	assert_says(series_open(&s, path_x, path_y, path_l, &err),
		"%l has dtype <f4 and shape (5); lengths are whole numbers (N)");
	err = (tl_error){0};
	put(path_l, TL_SHAPE(N, 1), true);
	assert_says(series_open(&s, path_x, path_y, path_l, &err),
		"%l has dtype <i4 and shape (5, 1); lengths are whole numbers (N)");
	err = (tl_error){0};
	put(path_l, TL_SHAPE(4), true);
	assert_says(series_open(&s, path_x, path_y, path_l, &err), "%x has 5 series but %l has 4");
	for (int k = 0; k < 2; k++) {
		err = (tl_error){0};
		wholes[3] = k ? -1 : 5;
		put(path_l, TL_SHAPE(N), true);
		assert_says(series_open(&s, path_x, path_y, path_l, &err),
			k ? "%l[3] is -1; a length is 0 to 4, the steps of %x"
			  : "%l[3] is 5; a length is 0 to 4, the steps of %x");
	}
	err = (tl_error){0};
	ck_assert_int_eq(series_open(&s, path_x, path_y, scratch_path("none.npy"), &err), TL_ERR_IO);
}
END_TEST

START_TEST(other_parts_are_held_against_the_model)
{
	series s;
	put(path_x, TL_SHAPE(N, T, D), false);
	wholes[1] = 6;
	put(path_y, TL_SHAPE(N), true);
	ck_assert(!series_open(&s, path_x, path_y, NULL, &err));
	ck_assert_int_eq(s.outputs, 7);
	ck_assert(!series_check(&s, SERIES_CLASSES, D, 7, &err));
	ck_assert(!series_check(&s, SERIES_CLASSES, D, 9, &err));
	assert_says(series_check(&s, SERIES_CLASSES, D, 6, &err),
		"%y[1] is class 6; the training data have the classes 0 to 5");
	err = (tl_error){0};
	assert_says(series_check(&s, SERIES_CLASSES, 2, 7, &err), "%x has 3 inputs a step; the model has 2");
	err = (tl_error){0};
	assert_says(series_check(&s, SERIES_VALUES, D, 7, &err),
		"%y holds classes; the model was trained on values");
	series_release(&s);
	put(path_y, TL_SHAPE(N, K), false);
	err = (tl_error){0};
	ck_assert(!series_open(&s, path_x, path_y, NULL, &err));
	ck_assert(!series_check(&s, SERIES_VALUES, D, K, &err));
	assert_says(series_check(&s, SERIES_VALUES, D, 3, &err), "%y has 2 values; the model has 3");
	series_release(&s);
}
END_TEST

/* How much there is to be found in each series: of what kinds, with lengths. */
START_TEST(places_are_counted)
{
	static const struct {
		tl_shape shape;
		bool whole;
		series_target target;
		int64_t want[N];
	} kinds[] = {
		{{.axes = 1, .dim = {N}}, true, SERIES_CLASSES, {1, 1, 1, 1, 1}},
		{{.axes = 2, .dim = {N, K}}, false, SERIES_VALUES, {1, 1, 1, 1, 1}},
		{{.axes = 3, .dim = {N, T, K}}, false, SERIES_STEP_VALUES, {4, 0, 2, 3, 1}},
		{{.axes = 2, .dim = {N, T}}, true, SERIES_STEP_LABELS, {3, 0, 2, 2, 1}},
		{{.axes = 0}, false, SERIES_NEXT, {4, 0, 2, 3, 1}},
	};
	series s;
	put(path_x, TL_SHAPE(N, T, D), false);
	put_lengths();
	if (kinds[_i].target == SERIES_STEP_LABELS) /* the last of them is past its series' end */
		wholes[2] = wholes[3 * T] = wholes[2 * T + 3] = SERIES_IGNORED;
	const char *y = kinds[_i].shape.axes > 0 ? path_y : NULL;
	if (y)
		put(path_y, kinds[_i].shape, kinds[_i].whole);
	ck_assert_msg(!series_open(&s, path_x, y, path_l, &err), "%s", err.text);
	ck_assert_int_eq(s.target, kinds[_i].target);
	for (int64_t i = 0; i < N; i++)
		ck_assert_int_eq(series_count(&s, i), kinds[_i].want[i]);
	if (!y) {
		ck_assert_int_eq(s.outputs, D);
		ck_assert(!series_check(&s, SERIES_NEXT, D, D, &err));
	}
	series_release(&s);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("series_data");
	TCase *c = tcase_create("series_data");
	tcase_add_unchecked_fixture(c, scratch_create, scratch_remove);
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_loop_test(c, x_is_read, 0, 4);
	tcase_add_test(c, bytes_are_scaled);
	tcase_add_test(c, column_major_files_are_read);
	tcase_add_test(c, labels_are_read);
	tcase_add_loop_test(c, values_are_read, 0, 4);
	tcase_add_loop_test(c, shapes_that_do_not_fit, 0, COUNT(unfit));
	tcase_add_test(c, values_that_do_not_fit);
	tcase_add_test(c, lengths_that_do_not_fit);
	tcase_add_test(c, other_parts_are_held_against_the_model);
	tcase_add_loop_test(c, places_are_counted, 0, 5);
	suite_add_tcase(s, c);
	return s;
}
