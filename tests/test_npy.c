/* SPDX-License-Identifier: Apache-2.0 */
/* .npy files: those that NumPy wrote (tools/fixtures/npy.py) are read, what is written is what NumPy writes.
 */
#define _POSIX_C_SOURCE 200809L
#include "tests/suite.h"

#include <math.h>
#include <stdint.h>

#include "core/npy.h"
#include "tests/scratch.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

static tl_error err;

static void setup(void)
{
	scratch_files(1);
	err = (tl_error){0};
}

static tl_npy *open_fixture(const char *name)
{
	char path[SCRATCH_PATH];
	snprintf(path, sizeof path, "%s/npy/%s.npy", TL_FIXTURES, name);
	tl_npy *f = tl_npy_open(path, &err);
	ck_assert_msg(f != NULL, "%s", err.text);
	ck_assert_str_eq(tl_npy_path(f), path);
	return f;
}

static const char *const dtypes[] = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"};

/* Element k of the fixtures, in row-major order. */
static double element(char type, int64_t k)
{
	return type == 'f'   ? (double)(k - 10) / 8
	       : type == 'i' ? 5 * (double)k - 60
	       : type == 'u' ? 5 * (double)k
			     : k % 3 == 0;
}

/* Reads elements [first, first + n) of axis 0 into the middle of some memory and compares all of it. */
static void read_part(const tl_npy *f, char type, int64_t first, int64_t n)
{
	double memory[32];
	for (int dtype = TL_REAL; dtype <= (type == 'f' ? TL_REAL : TL_I32); dtype++) {
		memset(memory, 0x55, sizeof memory);
		unsigned char before[sizeof memory];
		memcpy(before, memory, sizeof memory);
		tl_tensor to = tl_tensor_dense((tl_dtype)dtype, TL_SHAPE(n, 2, 4), memory + 1);
		ck_assert_msg(!tl_npy_read(f, first, &to, &err), "%s", err.text);
		for (int64_t k = 0; k < 8 * n; k++) {
			double got =
				dtype == TL_REAL ? (double)((tl_real *)to.data)[k] : ((int32_t *)to.data)[k];
			ck_assert_double_eq(got, element(type, first * 8 + k));
		}
		size_t used = sizeof *memory + (size_t)(8 * n) * tl_dtype_size((tl_dtype)dtype);
		ck_assert_mem_eq(memory, before, sizeof *memory);
		ck_assert_mem_eq((char *)memory + used, before + used, sizeof memory - used);
	}
}

START_TEST(reads_what_numpy_wrote)
{
	const char *dtype = dtypes[_i];
	for (int k = 0; k < 4; k++) {
		char name[16], want[8];
		char order = dtype[1] == '1' ? 'n' : "lb"[k / 2];
		snprintf(name, sizeof name, "%s_%c_%c", dtype, order, "cf"[k % 2]);
		snprintf(want, sizeof want, "%c%s", order == 'n' ? '|' : order == 'l' ? '<' : '>', dtype);
		tl_npy *f = open_fixture(name);
		ck_assert(tl_shape_equal(tl_npy_shape(f), TL_SHAPE(3, 2, 4)));
		ck_assert_str_eq(tl_npy_dtype(f), want);
		ck_assert_int_eq(tl_npy_kind(f), dtype[0] == 'f' ? TL_REAL : TL_I32);
		ck_assert(tl_npy_column_major(f) == (k % 2 == 1));
		for (int64_t first = 0; first <= 3; first++)
			for (int64_t n = 0; n <= 3 - first; n++)
				read_part(f, dtype[0], first, n);
		tl_npy_free(f);
	}
}
END_TEST

START_TEST(reads_versions_and_shapes)
{
	static const struct {
		const char *name;
		tl_shape shape;
	} rows[] = {
		{"version2", {3, {3, 2, 4}}},
		{"version3", {3, {3, 2, 4}}},
		{"axis1", {1, {5}}},
		{"axis2", {2, {2, 3}}},
		{"empty", {2, {0, 3}}},
		{"empty_f", {3, {3, 0, 2}}},
	};
	tl_npy *f = open_fixture(rows[_i].name);
	ck_assert(tl_shape_equal(tl_npy_shape(f), rows[_i].shape));
	tl_real memory[24] = {0};
	tl_tensor to = tl_tensor_dense(TL_REAL, rows[_i].shape, memory);
	ck_assert_msg(!tl_npy_read(f, 0, &to, &err), "%s", err.text);
	for (int64_t k = 0; k < tl_shape_size(rows[_i].shape); k++)
		ck_assert_double_eq((double)memory[k], element('f', k));
	tl_npy_free(f);
}
END_TEST

START_TEST(reads_a_scalar)
{
	tl_npy *f = open_fixture("scalar");
	tl_real value = 0;
	tl_tensor to = tl_tensor_dense(TL_REAL, TL_SCALAR, &value);
	ck_assert(!tl_npy_read(f, 0, &to, &err));
	ck_assert_double_eq((double)value, 2.5);
	ck_assert_int_eq(tl_npy_read(f, 1, &to, &err), TL_ERR_INDEX);
	tl_npy_free(f);
}
END_TEST

START_TEST(reads_six_columns_first)
{
	tl_npy *f = open_fixture("axis6_f");
	int32_t memory[24];
	tl_tensor to = tl_tensor_dense(TL_I32, TL_SHAPE(2, 1, 3, 1, 2, 2), memory);
	ck_assert(!tl_npy_read(f, 0, &to, &err));
	for (int k = 0; k < 24; k++)
		ck_assert_double_eq(memory[k], element('i', k));
	to.shape.dim[0] = 1;
	ck_assert(!tl_npy_read(f, 1, &to, &err));
	for (int k = 0; k < 12; k++)
		ck_assert_double_eq(memory[k], element('i', 12 + k));
	tl_npy_free(f);
}
END_TEST

/* Into a transposed tensor, read backwards, in a column-major and a row-major file. */
START_TEST(reads_into_strides)
{
	tl_npy *f = open_fixture(_i ? "i2_b_f" : "i2_b_c");
	int32_t memory[24];
	tl_tensor to = {TL_I32, TL_SHAPE(3, 2, 4), {-1, 12, 3}, memory + 2};
	ck_assert(!tl_npy_read(f, 0, &to, &err));
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 2; j++)
			for (int k = 0; k < 4; k++)
				ck_assert_double_eq(
					memory[2 - i + 12 * j + 3 * k], element('i', i * 8 + j * 4 + k));
	tl_npy_free(f);
}
END_TEST

/* Larger than the reader's block, in pieces that do not divide it. */
START_TEST(reads_many_blocks)
{
	int64_t rows = 37, width = 1009;
	int32_t *from = malloc((size_t)(rows * width) * sizeof *from),
		*to = malloc((size_t)(rows * width) * sizeof *to);
	for (int64_t k = 0; k < rows * width; k++)
		from[k] = (int32_t)(k * 2654435761);
	tl_tensor t = tl_tensor_dense(TL_I32, TL_SHAPE(rows, width), from);
	const char *path = scratch_path("a.npy");
	ck_assert(!tl_npy_write(path, &t, &err));
	tl_npy *f = tl_npy_open(path, &err);
	for (int64_t first = 0; first < rows; first += 9) {
		int64_t n = rows - first < 9 ? rows - first : 9;
		tl_tensor part = tl_tensor_dense(TL_I32, TL_SHAPE(n, width), to + first * width);
		ck_assert(!tl_npy_read(f, first, &part, &err));
	}
	ck_assert_mem_eq(from, to, (size_t)(rows * width) * sizeof *from);
	tl_npy_free(f);
	free(from);
	free(to);
}
END_TEST

START_TEST(limits_of_numbers)
{
	static const struct {
		const char *name;
		int i;
		tl_dtype dtype;
		double want; /* NAN where it is refused */
	} rows[] = {
		{"limits_i8", 0, TL_I32, 2147483647},
		{"limits_i8", 1, TL_I32, -2147483648.0},
		{"limits_i8", 2, TL_I32, NAN},
		{"limits_i8", 3, TL_I32, NAN},
		{"limits_i8", 4, TL_I32, NAN},
		{"limits_i8", 5, TL_I32, NAN},
		{"limits_i8", 4, TL_REAL, 0x1p63},
		{"limits_i8", 5, TL_REAL, -0x1p63},
		{"limits_u8", 0, TL_I32, 2147483647},
		{"limits_u8", 1, TL_I32, NAN},
		{"limits_u8", 2, TL_I32, NAN},
		{"limits_u8", 3, TL_I32, NAN},
		{"limits_u8", 2, TL_REAL, 0x1p63},
		{"limits_u8", 3, TL_REAL, 0x1p64},
		{"limits_f2", 0, TL_REAL, 65504},
		{"limits_f2", 1, TL_REAL, -65504},
		{"limits_f2", 2, TL_REAL, 0x1p-24},
		{"limits_f2", 3, TL_REAL, 0x1p-14},
		{"limits_f2", 4, TL_REAL, INFINITY},
		{"limits_f2", 5, TL_REAL, -INFINITY},
		{"limits_f8", 0, TL_REAL, sizeof(tl_real) == 8 ? 1e300 : NAN},
		{"limits_f8", 2, TL_REAL, INFINITY},
		{"limits_f8", 3, TL_REAL, -INFINITY},
	};
	for (int r = 0; r < COUNT(rows); r++) {
		tl_npy *f = open_fixture(rows[r].name);
		union {
			tl_real real;
			int32_t whole;
		} memory;
		tl_tensor to = tl_tensor_dense(rows[r].dtype, TL_SHAPE(1), &memory);
		err = (tl_error){0};
		tl_status status = tl_npy_read(f, rows[r].i, &to, &err);
		if (isnan(rows[r].want)) {
			ck_assert_msg(status == TL_ERR_VALUE, "%s[%d]", rows[r].name, rows[r].i);
			ck_assert_ptr_nonnull(strstr(err.text, ".npy: holds a number that "));
		} else {
			ck_assert_msg(!status, "%s", err.text);
			double got = rows[r].dtype == TL_REAL ? (double)memory.real : memory.whole;
			ck_assert_msg(got == rows[r].want, "%s[%d]: %g", rows[r].name, rows[r].i, got);
		}
		tl_npy_free(f);
	}
	tl_npy *f = open_fixture("limits_f2");
	tl_real pair[2];
	tl_tensor to = tl_tensor_dense(TL_REAL, TL_SHAPE(2), pair);
	ck_assert(!tl_npy_read(f, 6, &to, &err));
	ck_assert(isnan(pair[0]) && pair[1] == 0 && signbit(pair[1]));
	tl_npy_free(f);
}
END_TEST

START_TEST(wrong_requests_are_refused)
{
	static const struct {
		int64_t first;
		tl_shape shape;
		tl_dtype dtype;
		tl_status status;
		const char *want;
	} rows[] = {
		{0, {3, {3, 2, 5}}, TL_REAL, TL_ERR_SHAPE, "has shape (3, 2, 4), which holds no (3, 2, 5)"},
		{0, {2, {3, 8}}, TL_REAL, TL_ERR_SHAPE, "has shape (3, 2, 4), which holds no (3, 8)"},
		{0, {0}, TL_REAL, TL_ERR_SHAPE, "holds no ()"},
		{0, {3, {4, 2, 4}}, TL_REAL, TL_ERR_INDEX,
			"4 elements from 0 on are asked for, but axis 0 has 3"},
		{3, {3, {1, 2, 4}}, TL_REAL, TL_ERR_INDEX,
			"1 elements from 3 on are asked for, but axis 0 has 3"},
		{-1, {3, {1, 2, 4}}, TL_REAL, TL_ERR_INDEX, "1 elements from -1 on"},
		{INT64_MAX, {3, {1, 2, 4}}, TL_REAL, TL_ERR_INDEX, "but axis 0 has 3"},
		{0, {3, {1, 2, 4}}, TL_I32, TL_ERR_TYPE, "has dtype <f4 where whole numbers are needed"},
	};
	tl_npy *f = open_fixture("f4_l_c");
	double memory[64];
	tl_tensor to = tl_tensor_dense(rows[_i].dtype, rows[_i].shape, memory);
	ck_assert_int_eq(tl_npy_read(f, rows[_i].first, &to, &err), rows[_i].status);
	ck_assert_msg(strstr(err.text, rows[_i].want) != NULL, "%s", err.text);
	ck_assert_ptr_nonnull(strstr(err.text, "f4_l_c.npy: "));
	tl_npy_free(f);
}
END_TEST

START_TEST(types_that_cannot_be_read)
{
	static const struct {
		const char *name, *want;
	} rows[] = {
		{"complex", "complex.npy: has dtype '<c8', which cannot be read"},
		{"longdouble", "longdouble.npy: has dtype '<f16', which cannot be read"},
		{"text", "text.npy: has dtype '<U2', which cannot be read"},
		{"records", "records.npy: holds records of named fields, which cannot be read"},
	};
	char path[SCRATCH_PATH];
	snprintf(path, sizeof path, "%s/npy/%s.npy", TL_FIXTURES, rows[_i].name);
	ck_assert_ptr_null(tl_npy_open(path, &err));
	ck_assert_int_eq(err.status, TL_ERR_TYPE);
	ck_assert_msg(strstr(err.text, rows[_i].want) != NULL, "%s", err.text);
}
END_TEST

/* Byte by byte the same file as NumPy's, from a dense and from a transposed tensor. */
START_TEST(writes_what_numpy_writes)
{
	tl_real real[24];
	int32_t whole[24];
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 8; j++) {
			real[_i ? j * 3 + i : i * 8 + j] = (tl_real)element('f', i * 8 + j);
			whole[_i ? j * 3 + i : i * 8 + j] = (int32_t)element('i', i * 8 + j);
		}
	tl_tensor tensors[2] = {tl_tensor_dense(TL_REAL, TL_SHAPE(3, 2, 4), real),
		tl_tensor_dense(TL_I32, TL_SHAPE(3, 2, 4), whole)};
	const char *const names[2] = {sizeof(tl_real) == 4 ? "f4_l_c" : "f8_l_c", "i4_l_c"};
	for (int k = 0; k < 2; k++) {
		if (_i) {
			tensors[k].stride[0] = 1;
			tensors[k].stride[1] = 12;
			tensors[k].stride[2] = 3;
		}
		char path[SCRATCH_PATH];
		unsigned char want[1024], got[1024];
		snprintf(path, sizeof path, "%s/npy/%s.npy", TL_FIXTURES, names[k]);
		size_t n = scratch_get(path, want, sizeof want);
		ck_assert(!tl_npy_write(scratch_path("a.npy"), &tensors[k], &err));
		ck_assert_uint_eq(scratch_get(scratch_path("a.npy"), got, sizeof got), n);
		ck_assert_mem_eq(got, want, n);
	}
	ck_assert_int_eq(scratch_files(0), 1);
}
END_TEST

START_TEST(round_trips)
{
	static const tl_shape shapes[] = {{0}, {1, {7}}, {1, {0}}, {2, {0, 3}}, {6, {1, 2, 1, 3, 1, 2}},
		{6, {0, 1000000000000, 1, 1, 1, 1}}};
	tl_real from[12], to[12] = {0};
	for (int k = 0; k < 12; k++)
		from[k] = (tl_real)(k * 0.37 - 1);
	tl_tensor t = tl_tensor_dense(TL_REAL, shapes[_i], from),
		  back = tl_tensor_dense(TL_REAL, shapes[_i], to);
	const char *path = scratch_path("a.npy");
	ck_assert(!tl_npy_write(path, &t, &err));
	tl_npy *f = tl_npy_open(path, &err);
	ck_assert_msg(f != NULL, "%s", err.text);
	ck_assert(tl_shape_equal(tl_npy_shape(f), shapes[_i]));
	ck_assert(!tl_npy_read(f, 0, &back, &err));
	ck_assert_mem_eq(from, to, (size_t)tl_shape_size(shapes[_i]) * sizeof *to);
	tl_npy_free(f);
}
END_TEST

START_TEST(failures_of_the_system)
{
	tl_real one = 1;
	tl_tensor t = tl_tensor_dense(TL_REAL, TL_SHAPE(1), &one), bad = t;
	ck_assert_int_eq(tl_npy_write(scratch_path("no/a.npy"), &t, &err), TL_ERR_IO);
	err = (tl_error){0};
	bad.shape.dim[0] = -1;
	ck_assert_int_eq(tl_npy_write(scratch_path("a.npy"), &bad, &err), TL_ERR_SHAPE);
	ck_assert_int_eq(scratch_files(0), 0);
	err = (tl_error){0};
	ck_assert_ptr_null(tl_npy_open(scratch_path("a.npy"), &err));
	ck_assert_int_eq(err.status, TL_ERR_IO);
	err = (tl_error){0};
	ck_assert_ptr_null(tl_npy_open(scratch_folder, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "is not a regular file"));
	ck_assert(!tl_npy_write(scratch_path("a.npy"), &t, NULL));
	err = (tl_error){0};
	tl_npy *f = tl_npy_open(scratch_path("a.npy"), &err);
	ck_assert_int_eq(truncate(scratch_path("a.npy"), 129), 0);
	ck_assert_int_eq(tl_npy_read(f, 0, &t, &err), TL_ERR_IO);
	ck_assert_ptr_nonnull(strstr(err.text, "became shorter while it was read"));
	tl_npy_free(f);
	tl_npy_free(NULL);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("npy");
	TCase *c = tcase_create("npy");
	tcase_add_unchecked_fixture(c, scratch_create, scratch_remove);
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_loop_test(c, reads_what_numpy_wrote, 0, COUNT(dtypes));
	tcase_add_loop_test(c, reads_versions_and_shapes, 0, 6);
	tcase_add_test(c, reads_a_scalar);
	tcase_add_test(c, reads_six_columns_first);
	tcase_add_loop_test(c, reads_into_strides, 0, 2);
	tcase_add_test(c, reads_many_blocks);
	tcase_add_test(c, limits_of_numbers);
	tcase_add_loop_test(c, wrong_requests_are_refused, 0, 8);
	tcase_add_loop_test(c, types_that_cannot_be_read, 0, 4);
	tcase_add_loop_test(c, writes_what_numpy_writes, 0, 2);
	tcase_add_loop_test(c, round_trips, 0, 6);
	tcase_add_test(c, failures_of_the_system);
	suite_add_tcase(s, c);
	return s;
}
