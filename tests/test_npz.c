/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .npz files: those that NumPy wrote (tools/fixtures/npy.py) are read, what is written is an archive byte for byte,
 * and damaged ones are refused.
 */
#define _POSIX_C_SOURCE 200809L
#include "tests/suite.h"

#include <stdint.h>
#include <zlib.h>

#include "core/npz.h"
#include "tests/scratch.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

static tl_error err;

static void setup(void)
{
	scratch_files(1);
	err = (tl_error){0};
}

static tl_npz *open_fixture(const char *name)
{
	char path[SCRATCH_PATH];
	snprintf(path, sizeof path, "%s/npy/%s.npz", TL_FIXTURES, name);
	tl_npz *f = tl_npz_open(path, &err);
	ck_assert_msg(f != NULL, "%s", err.text);
	return f;
}

static const tl_npy *need(const tl_npz *f, const char *name, tl_shape shape)
{
	int k = tl_npz_find(f, name);
	ck_assert_msg(k >= 0, "no array %s", name);
	ck_assert_str_eq(tl_npz_name(f, k), name);
	const tl_npy *array = tl_npz_at(f, k);
	ck_assert(tl_shape_equal(tl_npy_shape(array), shape));
	return array;
}

static const char *const fixtures[] = {"stored", "deflated"};

/* Whole arrays, and every range of rows. */
START_TEST(reads_what_numpy_wrote)
{
	static const struct {
		const char *name, *dtype;
	} rows[] = {{"reals", "<f4"}, {"columns", "<f8"}, {"whole/numbers", ">i8"}};
	tl_npz *f = open_fixture(fixtures[_i]);
	ck_assert_int_eq(tl_npz_count(f), 6);
	ck_assert_int_eq(tl_npz_find(f, "reals.npy"), -1);
	for (int r = 0; r < COUNT(rows); r++) {
		const tl_npy *array = need(f, rows[r].name, TL_SHAPE(3, 2, 4));
		ck_assert_str_eq(tl_npy_dtype(array), rows[r].dtype);
		for (int64_t first = 0; first < 3; first++)
			for (int64_t n = 1; n <= 3 - first; n++) {
				tl_real memory[24];
				tl_tensor to = tl_tensor_dense(TL_REAL, TL_SHAPE(n, 2, 4), memory);
				ck_assert_msg(!tl_npy_read(array, first, &to, &err), "%s", err.text);
				for (int64_t i = 0; i < 8 * n; i++) {
					double k = (double)(first * 8 + i), want = r == 2 ? 5 * k - 60 : (k - 10) / 8;
					ck_assert_double_eq((double)memory[i], want);
				}
			}
	}
	tl_real scalar = 0;
	tl_tensor one = tl_tensor_dense(TL_REAL, TL_SCALAR, &scalar);
	ck_assert_msg(!tl_npy_read(need(f, "scalar", TL_SCALAR), 0, &one, &err), "%s", err.text);
	ck_assert_double_eq((double)scalar, 2.5);
	tl_tensor none = tl_tensor_dense(TL_REAL, TL_SHAPE(0, 3), &scalar);
	ck_assert(!tl_npy_read(need(f, "empty", TL_SHAPE(0, 3)), 0, &none, &err));
	tl_npz_free(f);
}
END_TEST

/* Longer than the readers' blocks, from several places. */
START_TEST(reads_many_blocks)
{
	static int32_t memory[40000];
	tl_npz *f = open_fixture(fixtures[_i]);
	const tl_npy *array = need(f, "many", TL_SHAPE(40000));
	static const int64_t firsts[] = {0, 39999, 1, 20000, 33333};
	for (int r = 0; r < COUNT(firsts); r++) {
		int64_t first = firsts[r];
		tl_tensor to = tl_tensor_dense(TL_I32, TL_SHAPE(40000 - first), memory);
		ck_assert_msg(!tl_npy_read(array, first, &to, &err), "%s", err.text);
		for (int64_t i = 0; i < 40000 - first; i++)
			ck_assert_int_eq(memory[i], (first + i) % 251);
	}
	tl_npz_free(f);
}
END_TEST

/* As tl_npy_open has them. */
START_TEST(one_array_by_name)
{
	char path[SCRATCH_PATH];
	snprintf(path, sizeof path, "%s/npy/%s.npz:whole/numbers", TL_FIXTURES, fixtures[_i]);
	tl_npy *f = tl_npy_open(path, &err);
	ck_assert_msg(f != NULL, "%s", err.text);
	ck_assert_str_eq(tl_npy_path(f), path);
	ck_assert(tl_npy_deflated(f) == (_i == 1));
	int32_t memory[8];
	tl_tensor to = tl_tensor_dense(TL_I32, TL_SHAPE(1, 2, 4), memory);
	ck_assert_msg(!tl_npy_read(f, 1, &to, &err), "%s", err.text);
	ck_assert_int_eq(memory[7], 5 * 15 - 60);
	tl_npy_free(f);
	snprintf(path, sizeof path, "%s/npy/%s.npz", TL_FIXTURES, fixtures[_i]);
	ck_assert_ptr_null(tl_npy_open(path, &err));
	ck_assert_int_eq(err.status, TL_ERR_ARGUMENT);
	ck_assert_ptr_nonnull(
		strstr(err.text, "holds not one array, but 6 arrays (reals, columns, whole/numbers, scalar, empty, many)"));
	snprintf(path, sizeof path, "%s/npy/%s.npz:real", TL_FIXTURES, fixtures[_i]);
	err = (tl_error){0};
	ck_assert_ptr_null(tl_npy_open(path, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "holds no array 'real', but 6 arrays ("));
	tl_real value = 3;
	tl_npz_item item = {"alone", tl_tensor_dense(TL_REAL, TL_SHAPE(1), &value)};
	ck_assert(!tl_npz_write(scratch_path("one.npz"), &item, 1, &(tl_error){0}));
	err = (tl_error){0};
	f = tl_npy_open(scratch_path("one.npz"), &err);
	ck_assert_msg(f != NULL, "%s", err.text);
	tl_npy_free(f);
}
END_TEST

static const char *write_two(const char *name)
{
	static tl_real reals[6] = {1, 2, 3, 4, 5, 6};
	static int32_t whole[2] = {-7, 9};
	const char *path = scratch_path(name);
	tl_npz_item items[] = {{"l0/t=3/forget gate", tl_tensor_dense(TL_REAL, TL_SHAPE(2, 3), reals)},
		{"\xC3\xA9", tl_tensor_dense(TL_I32, TL_SHAPE(2), whole)}};
	items[0].tensor.stride[0] = 1;
	items[0].tensor.stride[1] = 2;
	ck_assert_msg(!tl_npz_write(path, items, 2, &err), "%s", err.text);
	return path;
}

START_TEST(reads_what_it_wrote)
{
	tl_npz *f = tl_npz_open(write_two("a.npz"), &err);
	ck_assert_msg(f != NULL, "%s", err.text);
	ck_assert_int_eq(tl_npz_count(f), 2);
	tl_real reals[6];
	int32_t whole[2];
	tl_tensor to = tl_tensor_dense(TL_REAL, TL_SHAPE(2, 3), reals);
	ck_assert_msg(!tl_npy_read(need(f, "l0/t=3/forget gate", to.shape), 0, &to, &err), "%s", err.text);
	for (int i = 0; i < 6; i++)
		ck_assert_double_eq((double)reals[i], 1 + i / 3 + 2 * (i % 3));
	to = tl_tensor_dense(TL_I32, TL_SHAPE(2), whole);
	ck_assert_msg(!tl_npy_read(need(f, "\xC3\xA9", to.shape), 0, &to, &err), "%s", err.text);
	ck_assert(whole[0] == -7 && whole[1] == 9);
	tl_npz_free(f);
	ck_assert_msg(!tl_npz_write(scratch_path("none.npz"), NULL, 0, &err), "%s", err.text);
	f = tl_npz_open(scratch_path("none.npz"), &err);
	ck_assert_msg(f != NULL, "%s", err.text);
	ck_assert_int_eq(tl_npz_count(f), 0);
	tl_npz_free(f);
	unsigned char bytes[64];
	ck_assert_uint_eq(scratch_get(scratch_path("none.npz"), bytes, sizeof bytes), 22);
	ck_assert_mem_eq(bytes, "PK\5\6", 4); /* as numpy.savez writes it, and as numpy.load knows it */
}
END_TEST

/* A member is the file that tl_npy_write makes; equal arguments, equal bytes; no date. */
START_TEST(writes_the_same_bytes)
{
	static unsigned char first[4096], second[4096], alone[512];
	size_t n = scratch_get(write_two("a.npz"), first, sizeof first);
	ck_assert_uint_eq(scratch_get(write_two("b.npz"), second, sizeof second), n);
	ck_assert_mem_eq(first, second, n);
	int32_t whole[2] = {-7, 9};
	tl_tensor t = tl_tensor_dense(TL_I32, TL_SHAPE(2), whole);
	ck_assert(!tl_npy_write(scratch_path("c.npy"), &t, &err));
	size_t m = scratch_get(scratch_path("c.npy"), alone, sizeof alone);
	bool found = false;
	for (size_t at = 0; at + m <= n && !found; at++)
		found = memcmp(first + at, alone, m) == 0;
	ck_assert(found);
	static const unsigned char head[] = {'P', 'K', 3, 4, 45, 0, 0, 8, 0, 0, 0, 0, 0x21, 0};
	ck_assert_mem_eq(first, head, sizeof head);
}
END_TEST

START_TEST(refuses_names_and_shapes)
{
	static char long_name[70000];
	memset(long_name, 'x', sizeof long_name - 1);
	static const struct {
		const char *name;
		const char *want;
	} rows[] = {{"", "'' is nothing as an array's name"}, {"a", "'a' stands twice"},
		{"\xFF", "is not valid UTF-8"}, {long_name, "xxx...' is too long as an array's name"}};
	tl_real one = 1;
	tl_tensor t = tl_tensor_dense(TL_REAL, TL_SHAPE(1), &one);
	for (int k = 0; k < COUNT(rows); k++) {
		tl_npz_item items[] = {{"a", t}, {rows[k].name, t}};
		err = (tl_error){0};
		ck_assert_int_eq(tl_npz_write(scratch_path("f"), items, 2, &err), TL_ERR_ARGUMENT);
		ck_assert_msg(strstr(err.text, rows[k].want) != NULL, "%s", err.text);
	}
	t.shape.dim[0] = -1;
	err = (tl_error){0};
	ck_assert_int_eq(tl_npz_write(scratch_path("f"), &(tl_npz_item){"b", t}, 1, &err), TL_ERR_SHAPE);
	ck_assert_int_eq(scratch_files(0), 0);
}
END_TEST

/* Opens a file of these bytes and reads all that fits into memory here; TL_OK where nothing was wrong. */
static tl_status use(const unsigned char *bytes, size_t n)
{
	const char *path = scratch_path("f");
	scratch_put(path, bytes, n);
	err = (tl_error){0};
	tl_npz *f = tl_npz_open(path, &err);
	static double memory[512];
	for (int k = 0; f && k < tl_npz_count(f) && !err.status; k++) {
		tl_shape shape = tl_npy_shape(tl_npz_at(f, k));
		tl_tensor to = tl_tensor_dense(tl_npy_kind(tl_npz_at(f, k)), shape, memory);
		ck_assert(tl_shape_valid(shape));
		if (tl_shape_size(shape) <= COUNT(memory))
			tl_npy_read(tl_npz_at(f, k), 0, &to, &err);
	}
	tl_npz_free(f);
	return err.status;
}

static void assert_sentence(const char *part)
{
	char start[SCRATCH_PATH + 8];
	snprintf(start, sizeof start, "%s:", scratch_path("f"));
	ck_assert_msg(strncmp(err.text, start, strlen(start)) == 0, "%s", err.text);
	ck_assert_msg(strstr(err.text, part) != NULL, "'%s' does not say '%s'", err.text, part);
}

static void put(unsigned char *to, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		to[i] = (unsigned char)(v >> (8 * i));
}

/* One array of two whole numbers, as Python's zipfile lays an archive out. Places of its parts: */
enum { NPY = 96, NAME = 5, DEFLATED = 512 };
static unsigned char file[2048];
static size_t packed, data, directory, end, size;

static void build(bool deflated)
{
	int32_t whole[2] = {1, 2};
	static unsigned char npy[NPY + 64];
	tl_tensor t = tl_tensor_dense(TL_I32, TL_SHAPE(2), whole);
	ck_assert(!tl_npy_write(scratch_path("n"), &t, &err));
	size_t n = scratch_get(scratch_path("n"), npy, sizeof npy);
	memset(file, 0, sizeof file);
	data = 30 + NAME;
	packed = n;
	if (deflated) {
		z_stream z = {.next_in = npy, .avail_in = (unsigned)n, .next_out = file + data, .avail_out = DEFLATED};
		ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
		ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
		packed = z.total_out;
		deflateEnd(&z);
	} else {
		memcpy(file + data, npy, n);
	}
	directory = data + packed;
	end = directory + 46 + NAME;
	size = end + 22;
	put(file, 0x04034B50, 4);
	put(file + 26, NAME, 2);
	memcpy(file + 30, "a.npy", NAME);
	put(file + directory, 0x02014B50, 4);
	put(file + directory + 10, deflated ? 8 : 0, 2);
	put(file + directory + 16, crc32(0, npy, (unsigned)n), 4);
	put(file + directory + 20, packed, 4);
	put(file + directory + 24, n, 4);
	put(file + directory + 28, NAME, 2);
	memcpy(file + directory + 46, "a.npy", NAME);
	put(file + end, 0x06054B50, 4);
	put(file + end + 8, 1, 2);
	put(file + end + 10, 1, 2);
	put(file + end + 12, 46 + NAME, 4);
	put(file + end + 16, directory, 4);
}

/* A field that is changed: from the directory's start, or (`last`) from the closing record's. */
static const struct {
	int at, bytes;
	uint64_t value;
	bool last;
	const char *want;
} fields[] = {
	{0, 4, 0x02014B51, false, "its directory is damaged"},
	{8, 2, 1, false, "member 'a.npy' is encrypted"},
	{10, 2, 12, false, "member 'a.npy' is compressed by method 12; stored and deflated ones can be read"},
	{16, 4, 0, false, "f:a: its checksum is not the archive's: it was damaged"},
	{20, 4, 5000, false, "member 'a.npy' is stored in 5000 bytes but is to have"},
	{24, 4, 0xFFFFFFFF, false, "member 'a.npy' lacks its 64-bit sizes"},
	{28, 2, 60000, false, "its directory is damaged"},
	{30, 2, 1, false, "its directory is damaged"},
	{42, 4, 0xFFFFFFFF, false, "member 'a.npy' lacks its 64-bit sizes"},
	{42, 4, 0xFFFFFFFE, false, "member 'a.npy' lies outside the archive"},
	{42, 4, 1, false, "member 'a.npy' has no header where the directory says"},
	{46, 1, 0, false, "a name in its directory has a zero byte"},
	{0, 4, 0, true, "it does not end with a directory; the file was cut short or is no .npz file"},
	{4, 2, 1, true, "it is one part of several"},
	{8, 2, 2, true, "it is one part of several"},
	{8, 4, 0, true, "its directory has more entries than it claims"},
	{8, 4, 0x20002, true, "its directory has not as many entries as it claims"},
	{8, 4, 0xFFFFFFFF, true, "the record of its 64-bit sizes is missing"},
	{12, 4, 5000, true, "its directory lies outside the file"},
	{12, 4, 50, true, "its directory is damaged"},
	{16, 4, 0xFFFFFFFF, true, "the record of its 64-bit sizes is missing"},
	{16, 4, 0xFFFFFFFE, true, "its directory lies outside the file"},
	{20, 2, 1, true, "it does not end with a directory"},
};

START_TEST(fields_are_judged)
{
	build(false);
	ck_assert_msg(use(file, size) == TL_OK, "%s", err.text);
	put(file + (fields[_i].last ? end : directory) + fields[_i].at, fields[_i].value, fields[_i].bytes);
	ck_assert_int_eq(use(file, size), TL_ERR_FORMAT);
	assert_sentence(fields[_i].want);
}
END_TEST

/* Deflated data that are damaged, cut short, or shorter than the directory says. */
START_TEST(deflated_is_judged)
{
	build(true);
	ck_assert_msg(use(file, size) == TL_OK, "%s", err.text);
	put(file + directory + 20, packed - 3, 4);
	ck_assert_int_eq(use(file, size), TL_ERR_FORMAT);
	assert_sentence("f:a: the compressed data end too early");
	put(file + directory + 20, packed + 100, 4);
	ck_assert_int_eq(use(file, size), TL_ERR_FORMAT);
	assert_sentence("member 'a.npy' claims");
	build(true);
	put(file + directory + 24, 50000, 4);
	ck_assert_int_eq(use(file, size), TL_ERR_FORMAT);
	assert_sentence("takes 8 bytes, but 49872 follow the header");
	put(file + directory + 24, 1000000000, 4);
	ck_assert_int_eq(use(file, size), TL_ERR_FORMAT);
	assert_sentence("member 'a.npy' is to have 1000000000 bytes, more than ");
	build(true);
	file[data] = 0xFF;
	ck_assert_int_eq(use(file, size), TL_ERR_FORMAT);
	assert_sentence("f:a: the compressed data are damaged");
}
END_TEST

/* An array that is not as long as its header and the directory both say. */
START_TEST(shorter_than_all_say)
{
	static const char text[] = "\x93NUMPY\1\0\x4A\0{'descr': '<f4', 'fortran_order': False, 'shape': (12000,), }            \n";
	unsigned char packed_text[256];
	build(true);
	z_stream z = {.next_in = (unsigned char *)text, .avail_in = sizeof text - 1, .next_out = packed_text,
		.avail_out = sizeof packed_text};
	ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	ck_assert_uint_le(z.total_out, packed);
	memcpy(file + data, packed_text, z.total_out);
	deflateEnd(&z);
	put(file + directory + 24, 48000 + sizeof text - 1, 4);
	scratch_put(scratch_path("f"), file, size);
	tl_npz *f = tl_npz_open(scratch_path("f"), &err);
	ck_assert_msg(f != NULL, "%s", err.text);
	static tl_real some[4];
	tl_tensor to = tl_tensor_dense(TL_REAL, TL_SHAPE(4), some);
	ck_assert_int_eq(tl_npy_read(tl_npz_at(f, 0), 11996, &to, &err), TL_ERR_FORMAT);
	assert_sentence("f:a: the compressed data end too early");
	tl_npz_free(f);
}
END_TEST

START_TEST(names_stand_once)
{
	build(false);
	unsigned char twice[2048];
	memcpy(twice, file, end);
	memcpy(twice + end, file + directory, end - directory);
	memcpy(twice + end + 46 + NAME, file + end, 22);
	unsigned char *last = twice + end + 46 + NAME;
	put(last + 8, 2, 2);
	put(last + 10, 2, 2);
	put(last + 12, 2 * (46 + NAME), 4);
	ck_assert_int_eq(use(twice, size + 46 + NAME), TL_ERR_FORMAT);
	assert_sentence("array 'a' stands twice in the archive");
	twice[end + 46] = 'b';
	ck_assert_msg(use(twice, size + 46 + NAME) == TL_OK, "%s", err.text);
	memcpy(twice + end + 46, "a.txt", NAME);
	ck_assert_msg(use(twice, size + 46 + NAME) == TL_OK, "%s", err.text);
}
END_TEST

START_TEST(cut_at_every_length)
{
	build(_i);
	for (size_t cut = 0; cut < size; cut++)
		ck_assert_msg(use(file, cut) == TL_ERR_FORMAT, "cut at %zu: %s", cut, err.text);
	static unsigned char two[4096];
	size_t n = scratch_get(write_two("a.npz"), two, sizeof two);
	for (size_t cut = 0; cut < n; cut++)
		ck_assert_msg(use(two, cut) == TL_ERR_FORMAT, "cut at %zu: %s", cut, err.text);
}
END_TEST

/* Every byte that matters is missed: whatever is changed in the numbers or their header, the checksum tells. */
START_TEST(every_byte_flipped)
{
	build(_i);
	size_t refused = 0, within = 0;
	for (size_t at = 0; at < size; at++) {
		unsigned char before = file[at];
		for (int bit = 0; bit <= 8; bit++) {
			file[at] = (unsigned char)(before ^ (bit < 8 ? 1 << bit : 255));
			tl_status status = use(file, size);
			ck_assert_msg(status == TL_OK || status == TL_ERR_FORMAT || status == TL_ERR_TYPE, "byte %zu: %s",
				at, err.text);
			refused += status != TL_OK;
			within += status != TL_OK && at >= data && at < directory;
		}
		file[at] = before;
	}
	ck_assert_uint_ge(within, (directory - data) * 9 - (_i ? 16 : 0)); /* deflate has bits that nobody reads */
	ck_assert_uint_gt(refused, within + 200);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("npz");
	TCase *c = tcase_create("npz");
	tcase_add_unchecked_fixture(c, scratch_create, scratch_remove);
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_loop_test(c, reads_what_numpy_wrote, 0, COUNT(fixtures));
	tcase_add_loop_test(c, reads_many_blocks, 0, COUNT(fixtures));
	tcase_add_loop_test(c, one_array_by_name, 0, COUNT(fixtures));
	tcase_add_test(c, reads_what_it_wrote);
	tcase_add_test(c, writes_the_same_bytes);
	tcase_add_test(c, refuses_names_and_shapes);
	tcase_add_loop_test(c, fields_are_judged, 0, COUNT(fields));
	tcase_add_test(c, deflated_is_judged);
	tcase_add_test(c, shorter_than_all_say);
	tcase_add_test(c, names_stand_once);
	tcase_add_loop_test(c, cut_at_every_length, 0, 2);
	tcase_add_loop_test(c, every_byte_flipped, 0, 2);
	suite_add_tcase(s, c);
	return s;
}
