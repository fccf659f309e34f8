/* SPDX-License-Identifier: Apache-2.0 */
/* Reading safetensors files: dtypes and their conversions, and a system that does not play along. */
#define _POSIX_C_SOURCE 200809L
#include "tests/suite.h"

#include <jansson.h>
#include <math.h>
#include <stdint.h>

#include "core/safetensors.h"
#include "tests/scratch.h"

static tl_error err;

static void setup(void)
{
	scratch_files(1);
	err = (tl_error){0};
}

static tl_safetensors *open_or_fail(const char *path)
{
	tl_safetensors *f = tl_safetensors_open(path, &err);
	ck_assert_msg(f != NULL, "%s", err.text);
	return f;
}

static void assert_sentence(const char *path, const char *rest)
{
	char want[SCRATCH_PATH + TL_ERROR_TEXT];
	snprintf(want, sizeof want, "%.*s: %s", SCRATCH_PATH, path, rest);
	ck_assert_str_eq(err.text, want);
}

START_TEST(reads_into_strides_only)
{
	tl_real from[] = {1, 2, 3, 4, 5, 6}, memory[16];
	for (int i = 0; i < 16; i++)
		memory[i] = -1;
	tl_safetensors_item item = {"t", tl_tensor_dense(TL_REAL, TL_SHAPE(2, 3), from)};
	const char *path = scratch_path("a");
	ck_assert_int_eq(tl_safetensors_write(path, &item, 1, NULL, 0, &err), TL_OK);
	tl_tensor to = tl_tensor_dense(TL_REAL, TL_SHAPE(2, 3), memory + 9);
	to.stride[0] = -2;
	to.stride[1] = -4;
	to.data = memory + 12;
	tl_safetensors *f = open_or_fail(path);
	ck_assert_int_eq(tl_safetensors_read(f, 0, &to, &err), TL_OK);
	tl_safetensors_free(f);
	const tl_real want[16] = {-1, -1, 6, -1, 3, -1, 5, -1, 2, -1, 4, -1, 1, -1, -1, -1};
	ck_assert_mem_eq(memory, want, sizeof want);
}
END_TEST

/* A file with one tensor "t" of so many elements and any dtype, made without the writer. */
static const char *put_file(const char *dtype, int n, const void *data, size_t bytes)
{
	char file[512];
	int length = snprintf(file + 8, sizeof file - 8,
		"{\"t\":{\"dtype\":\"%s\",\"shape\":[%d],\"data_offsets\":[0,%zu]}}", dtype, n, bytes);
	memcpy(file, (char[8]){(char)length}, 8);
	memcpy(file + 8 + length, data, bytes);
	const char *path = scratch_path("a");
	scratch_put(path, file, 8 + (size_t)length + bytes);
	return path;
}

START_TEST(reads_other_reals)
{
	static const struct {
		const char *dtype;
		int size;
		uint64_t bits[8];
		double want[8];
	} rows[] = {
		/* largest; smallest subnormal, largest subnormal, smallest normal */
		{"F16", 2, {0x3C00, 0xC000, 0x7BFF, 0x0001, 0x03FF, 0x0400, 0x3555, 0x8000},
			{1, -2, 65504, 0x1p-24, 0x1.ff8p-15, 0x1p-14, 0x1.554p-2, -0.0}},
		{"F16", 2, {0x7C00, 0xFC00, 0x7E01, 0xFC01, 0x0000, 0x8001, 0x3C01, 0xFBFF},
			{INFINITY, -INFINITY, NAN, NAN, 0, -0x1p-24, 0x1.004p0, -65504}},
		{"BF16", 2, {0x3F80, 0xC000, 0x7F7F, 0x0001, 0x7F80, 0xFF80, 0x7FC1, 0x8000},
			{1, -2, 0x1.fep127, 0x1p-133, INFINITY, -INFINITY, NAN, -0.0}},
		{"F32", 4,
			{0x3F800000, 0xC0000000, 1, 0x7F7FFFFF, 0xFF800000, 0x7FC00000, 0x80000000,
				0x3EAAAAAB},
			{1, -2, 0x1p-149, 0x1.fffffep127, -INFINITY, NAN, -0.0, 0x1.555556p-2}},
		{"F64", 8,
			{0x3FF0000000000000, 0xC000000000000000, 0x7FF0000000000000, 0xFFF0000000000000,
				0x7FF8000000000000, 0x8000000000000000, 0x47EFFFFFE0000000,
				0x3F50000000000000},
			{1, -2, INFINITY, -INFINITY, NAN, -0.0, 0x1.fffffep127, 0x1p-10}},
	};
	int size = rows[_i].size;
	unsigned char bytes[64];
	for (int i = 0; i < 8 * size; i++)
		bytes[i] = (unsigned char)(rows[_i].bits[i / size] >> (8 * (i % size)));
	tl_real got[8];
	tl_tensor to = tl_tensor_dense(TL_REAL, TL_SHAPE(8), got);
	tl_safetensors *f = open_or_fail(put_file(rows[_i].dtype, 8, bytes, 8 * (size_t)size));
	ck_assert_msg(tl_safetensors_read(f, 0, &to, &err) == TL_OK, "%s", err.text);
	for (int i = 0; i < 8; i++) {
		double want = rows[_i].want[i], have = (double)got[i];
		bool same = isnan(want) ? isnan(have) : have == want && !signbit(have) == !signbit(want);
		ck_assert_msg(same, "%s %d: %a, not %a", rows[_i].dtype, i, have, want);
	}
	tl_safetensors_free(f);
}
END_TEST

START_TEST(reads_other_integers)
{
	static const char bytes[] = "\377\377\377\377\377\377\377\377"
				    "\0\0\0\200\377\377\377\377"
				    "\377\377\377\177\0\0\0\0";
	int32_t got[3];
	tl_tensor to = tl_tensor_dense(TL_I32, TL_SHAPE(3), got);
	tl_safetensors *f = open_or_fail(put_file("I64", 3, bytes, 24));
	ck_assert_int_eq(tl_safetensors_read(f, 0, &to, &err), TL_OK);
	ck_assert_int_eq(got[0], -1);
	ck_assert_int_eq(got[1], INT32_MIN);
	ck_assert_int_eq(got[2], INT32_MAX);
	tl_safetensors_free(f);
}
END_TEST

START_TEST(refuses_to_convert)
{
	static const struct {
		const char *dtype, *bytes;
		int n;
		size_t size;
		tl_dtype to;
		tl_status status;
		const char *want;
	} rows[] = {
		{"I64", "\0\0\0\200\0\0\0\0", 1, 8, TL_I32, TL_ERR_FORMAT,
			"tensor 't' holds a number that int32 cannot hold"},
		{"I64", "\377\377\377\177\377\377\377\377", 1, 8, TL_I32, TL_ERR_FORMAT,
			"tensor 't' holds a number that int32 cannot hold"},
		{"F32", "\0\0\0\0", 1, 4, TL_I32, TL_ERR_TYPE,
			"tensor 't' has dtype F32, which does not convert to int32"},
		{"U8", "\0", 1, 1, TL_I32, TL_ERR_TYPE, "tensor 't' has dtype U8, which cannot be read"},
		{"F4", "\0", 1, 1, TL_REAL, TL_ERR_TYPE, "tensor 't' has dtype F4, which cannot be read"},
		{"F32", "\0\0\0\0\0\0\0\0", 2, 8, TL_REAL, TL_ERR_SHAPE, "tensor 't' has shape (2), not (1)"},
#ifdef TL_DOUBLE
		{"I32", "\0\0\0\0", 1, 4, TL_REAL, TL_ERR_TYPE,
			"tensor 't' has dtype I32, which does not convert to float64"},
#else
		{"I32", "\0\0\0\0", 1, 4, TL_REAL, TL_ERR_TYPE,
			"tensor 't' has dtype I32, which does not convert to float32"},
		{"F64", "\0\0\0\0\0\0\0\110", 1, 8, TL_REAL, TL_ERR_FORMAT,
			"tensor 't' holds a number that float32 cannot hold"},
#endif
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *path = put_file(rows[i].dtype, rows[i].n, rows[i].bytes, rows[i].size);
		tl_safetensors *f = open_or_fail(path);
		double memory[2];
		tl_tensor to = tl_tensor_dense(rows[i].to, TL_SHAPE(1), memory);
		err = (tl_error){0};
		ck_assert_int_eq(tl_safetensors_read(f, 0, &to, &err), rows[i].status);
		assert_sentence(path, rows[i].want);
		tl_safetensors_free(f);
	}
}
END_TEST

START_TEST(replaced_while_open)
{
	tl_real one = 1, two = 2;
	tl_safetensors_item item = {"t", tl_tensor_dense(TL_REAL, TL_SCALAR, &one)};
	const char *path = scratch_path("a");
	ck_assert_int_eq(tl_safetensors_write(path, &item, 1, NULL, 0, &err), TL_OK);
	tl_safetensors *f = open_or_fail(path);
	tl_safetensors_item other = {"t", tl_tensor_dense(TL_REAL, TL_SCALAR, &two)};
	ck_assert_int_eq(tl_safetensors_write(path, &other, 1, NULL, 0, &err), TL_OK);
	tl_real got = 0;
	tl_tensor to = tl_tensor_dense(TL_REAL, TL_SCALAR, &got);
	ck_assert_int_eq(tl_safetensors_read(f, 0, &to, &err), TL_OK);
	ck_assert(got == 1);
	tl_safetensors_free(f);
}
END_TEST

START_TEST(not_a_regular_file)
{
	ck_assert_int_eq(mkfifo(scratch_path("f"), 0600), 0);
	static const char refused[] = "cannot be read: it is not a regular file";
	const struct {
		const char *path, *want;
	} rows[] = {
		{scratch_path("f"), refused},
		{"/dev/zero", refused},
		{"/", refused},
		{"/nonexistent", "cannot be opened: No such file or directory"},
	};
	for (int i = 0; i < 4; i++) {
		err = (tl_error){0};
		ck_assert_ptr_null(tl_safetensors_open(rows[i].path, &err));
		ck_assert_int_eq(err.status, TL_ERR_IO);
		assert_sentence(rows[i].path, rows[i].want);
	}
}
END_TEST

START_TEST(cut_short_after_opening)
{
	const char *path = put_file("F32", 2, "\0\0\0\0\0\0\0\0", 8);
	tl_safetensors *f = open_or_fail(path);
	ck_assert_int_eq(truncate(path, 66), 0);
	tl_real memory[2];
	tl_tensor to = tl_tensor_dense(TL_REAL, TL_SHAPE(2), memory);
	ck_assert_int_eq(tl_safetensors_read(f, 0, &to, &err), TL_ERR_IO);
	assert_sentence(path, "became shorter while it was read");
	tl_safetensors_free(f);
}
END_TEST

static int allocations_left, allocations_held;

static void *scarce_malloc(size_t n)
{
	if (allocations_left == 0)
		return NULL;
	allocations_left--;
	allocations_held++;
	return malloc(n);
}

static void counted_free(void *p)
{
	allocations_held -= p != NULL;
	free(p);
}

/*
 * The JSON library's n-th allocation fails, for every n until one suffices. Its parser takes some of
 * these failures for bad syntax.
 */
START_TEST(memory_runs_out)
{
	int32_t one = 1;
	const char *path = put_file("I32", 1, &one, sizeof one);
	tl_safetensors_item item = {"a", tl_tensor_dense(TL_I32, TL_SHAPE(1), &one)};
	tl_safetensors_pair pair = {"k", "v"};
	int seen_memory = 0, limit = 0;
	tl_status status;
	json_set_alloc_funcs(scarce_malloc, counted_free);
	do {
		allocations_left = limit++;
		err = (tl_error){0};
		if (_i) {
			status = tl_safetensors_write(path, &item, 1, &pair, 1, &err);
		} else {
			tl_safetensors *f = tl_safetensors_open(path, &err);
			tl_safetensors_free(f);
			status = f ? TL_OK : err.status;
		}
		ck_assert_int_eq(allocations_held, 0);
		seen_memory += status == TL_ERR_MEMORY;
	} while (status == TL_ERR_MEMORY || (_i == 0 && status == TL_ERR_FORMAT));
	json_set_alloc_funcs(malloc, free);
	ck_assert_int_eq(status, TL_OK);
	ck_assert_int_gt(seen_memory, 10);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("safetensors_read");
	TCase *c = tcase_create("read");
	tcase_add_unchecked_fixture(c, scratch_create, scratch_remove);
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, reads_into_strides_only);
	tcase_add_loop_test(c, reads_other_reals, 0, 5);
	tcase_add_test(c, reads_other_integers);
	tcase_add_test(c, refuses_to_convert);
	tcase_add_test(c, replaced_while_open);
	tcase_add_test(c, not_a_regular_file);
	tcase_add_test(c, cut_short_after_opening);
	tcase_add_loop_test(c, memory_runs_out, 0, 2);
	suite_add_tcase(s, c);
	return s;
}
