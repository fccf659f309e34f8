/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .npy files that are damaged or made to hurt: each must be refused with the sentence that says why, and none
 * may crash, hang or allocate what it claims.
 */
#define _POSIX_C_SOURCE 200809L
#include "tests/suite.h"

#include "core/npy.h"
#include "tests/scratch.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

static tl_error err;

static void setup(void)
{
	scratch_files(1);
	err = (tl_error){0};
}

/* A file of version 1.0 with that header and zeros; returns its size. */
static size_t build(unsigned char *file, const char *header, size_t data)
{
	size_t n = strlen(header);
	memcpy(file, "\x93NUMPY\1\0", 8);
	file[8] = (unsigned char)n;
	file[9] = (unsigned char)(n >> 8);
	memcpy(file + 10, header, n);
	memset(file + 10 + n, 0, data);
	return 10 + n + data;
}

/* Opens a file of these bytes and reads what fits into memory here. */
static tl_status use(const unsigned char *bytes, size_t n)
{
	const char *path = scratch_path("f");
	scratch_put(path, bytes, n);
	err = (tl_error){0};
	tl_npy *f = tl_npy_open(path, &err);
	if (!f)
		return err.status;
	static double memory[512];
	tl_shape shape = tl_npy_shape(f);
	ck_assert(tl_shape_valid(shape));
	for (int dtype = TL_REAL; dtype <= TL_I32 && tl_shape_size(shape) <= 512; dtype++) {
		tl_tensor to = tl_tensor_dense((tl_dtype)dtype, shape, memory);
		tl_npy_read(f, 0, &to, NULL);
	}
	tl_npy_free(f);
	return TL_OK;
}

static void assert_sentence(const char *part)
{
	char start[SCRATCH_PATH + 8];
	snprintf(start, sizeof start, "%s: ", scratch_path("f"));
	ck_assert_msg(strncmp(err.text, start, strlen(start)) == 0, "%s", err.text);
	ck_assert_msg(strstr(err.text, part) != NULL, "'%s' does not say '%s'", err.text, part);
}

#define HEADER(descr, order, shape) "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape ", }"
#define SHAPED(shape) HEADER("'<f4'", "False", shape)
#define NO_DICT "the header is no dict of descr, fortran_order and shape: "

static const struct {
	const char *header;
	size_t data;
	const char *want; /* NULL: nothing is wrong */
} headers[] = {
	{SHAPED("(2,)"), 8, NULL},
	{SHAPED("(2, 3)") "      \n", 24, NULL},
	{SHAPED("( 2 ,3, )"), 24, NULL},
	{SHAPED("()"), 4, NULL},
	{SHAPED("(2L, 3L)"), 24, NULL},
	{SHAPED("(002,)"), 8, NULL},
	{SHAPED("(1,1,1,1,1,1)"), 4, NULL},
	{SHAPED("(0, 999999999999)"), 0, NULL},
	{"{\"shape\":(2,),\"fortran_order\":True,\"descr\":\">i8\"}", 16, NULL},
	{"\n{ 'shape'\t: (2,) ,\r\n'descr' : '|u1', 'fortran_order':False}\n", 2, NULL},
	/* the dict as a whole */
	{"", 0, NO_DICT "a '{' expected at its byte 0"},
	{"   ", 0, NO_DICT "a '{' expected at its byte 3"},
	{"(2,)", 0, NO_DICT "a '{' expected at its byte 0"},
	{"{}", 0, "the header lacks 'descr'"},
	{"{'descr': '<f4', 'shape': (2,)}", 8, "the header lacks 'fortran_order'"},
	{"{'descr': '<f4', 'fortran_order': False}", 8, "the header lacks 'shape'"},
	{"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 3}", 8,
		"a key that is no part of the format"},
	{"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 8,
		"'descr' stands twice in the header"},
	{"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'shape': (3,)}", 8,
		"'shape' stands twice in the header"},
	{"{'descr': '<f4' 'fortran_order': False, 'shape': (2,)}", 8,
		NO_DICT "a '}' expected at its byte 16"},
	{"{'descr' '<f4'}", 8, NO_DICT "a ':' expected at its byte 9"},
	{"{descr: '<f4'}", 8, NO_DICT "a quoted text expected at its byte 1"},
	{"{,}", 8, NO_DICT "a quoted text expected at its byte 1"},
	{"{'descr: <f4}", 8, NO_DICT "the end of a quoted text expected at its byte 13"},
	{"{'descr\": '<f4'}", 8, "a key that is no part of the format"},
	{"{'\\x64escr': '<f4'}", 8, NO_DICT "the end of a quoted text"},
	{SHAPED("(2,)") " x", 8, NO_DICT "the end expected at its byte 58"},
	{SHAPED("(2,)") "{}", 8, NO_DICT "the end expected"},
	{"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)", 8, NO_DICT "a '}' expected"},
	/* the order */
	{HEADER("'<f4'", "false", "(2,)"), 8, NO_DICT "True or False expected"},
	{HEADER("'<f4'", "0", "(2,)"), 8, NO_DICT "True or False expected"},
	{HEADER("'<f4'", "'True'", "(2,)"), 8, NO_DICT "True or False expected"},
	{"{'fortran_order': Tru", 0, NO_DICT "True or False expected"},
	/* the shape */
	{SHAPED("2"), 8, NO_DICT "the shape in parentheses expected"},
	{SHAPED("[2]"), 8, NO_DICT "the shape in parentheses expected"},
	{SHAPED("None"), 8, NO_DICT "the shape in parentheses expected"},
	{SHAPED("(2)"), 8, NO_DICT "a ',' expected"},
	{SHAPED("(-1,)"), 8, "the size of axis 0 is not a whole number of 0 or more"},
	{SHAPED("(2, -3)"), 8, "the size of axis 1 is not a whole number of 0 or more"},
	{SHAPED("(2.0,)"), 8, "the size of axis 0 is not a whole number"},
	{SHAPED("(2.5, 2)"), 8, "the size of axis 0 is not a whole number"},
	{SHAPED("(2e0,)"), 8, "the size of axis 0 is not a whole number"},
	{SHAPED("(0x2,)"), 8, "the size of axis 0 is not a whole number"},
	{SHAPED("(+2,)"), 8, "the size of axis 0 is not a whole number"},
	{SHAPED("('2',)"), 8, "the size of axis 0 is not a whole number"},
	{SHAPED("(2, True)"), 8, "the size of axis 1 is not a whole number"},
	{SHAPED("((2,),)"), 8, "the size of axis 0 is not a whole number"},
	{SHAPED("(,)"), 8, "the size of axis 0 is not a whole number"},
	{SHAPED("(2,,3)"), 8, "the size of axis 1 is not a whole number"},
	{SHAPED("(2 3)"), 8, "the size of axis 0 is not a whole number"},
	{SHAPED("(2LL,)"), 8, "the size of axis 0 is not a whole number"},
	{SHAPED("(1,1,1,1,1,1,2)"), 8, "has 7 axes; at most 6 can be read"},
	{"{'shape': (2,", 8, "the size of axis 1 is not a whole number"},
	{"{'shape': (2", 8, "the size of axis 0 is not a whole number"},
	/* sizes that overflow: by themselves, multiplied, hidden behind a 0, multiplied to 8 mod 2^64 */
	{SHAPED("(99999999999999999999,)"), 8, "the size of axis 0 has 20 digits"},
	{SHAPED("(18446744073709551618,)"), 8, "the size of axis 0 has 20 digits"},
	{SHAPED("(9223372036854775807,)"), 8, "the size of axis 0 has 19 digits"},
	{SHAPED("(999999999999999999,)"), 8, "more elements than can be counted"},
	{SHAPED("(4294967296, 4294967296)"), 8,
		"the shape (4294967296, 4294967296) has more elements than can be counted"},
	{SHAPED("(576460752303423488, 4, 0)"), 0, "more elements than can be counted"},
	{SHAPED("(0, 576460752303423488, 4)"), 0, "more elements than can be counted"},
	{SHAPED("(4294967298, 2147483649)"), 8, "more elements than can be counted"},
	/* what follows the header */
	{SHAPED("(2,)"), 7,
		"dtype <f4 and shape (2) takes 8 bytes, but 7 follow the header; the file was cut short or "
		"damaged"},
	{SHAPED("(2,)"), 0, "takes 8 bytes, but 0 follow the header; the file was cut short"},
	{SHAPED("(100000, 100000)"), 8, "takes 40000000000 bytes, but 8 follow the header"},
	{SHAPED("(2,)"), 9,
		"takes 8 bytes, but 9 follow the header; the file holds more than one array or is damaged"},
	{SHAPED("(0, 3)"), 1, "takes 0 bytes, but 1 follow the header"},
};

START_TEST(header_is_judged)
{
	unsigned char file[1024];
	tl_status status = use(file, build(file, headers[_i].header, headers[_i].data));
	if (!headers[_i].want) {
		ck_assert_msg(status == TL_OK, "%s: %s", headers[_i].header, err.text);
		return;
	}
	ck_assert_msg(status == TL_ERR_FORMAT, "%s: %s", headers[_i].header, tl_status_name(status));
	assert_sentence(headers[_i].want);
}
END_TEST

static const char *const bad_dtypes[] = {"", "<", "f4", "=f4", "<f", "<f3", "<f16", "<f44", "<F4", "<c8",
	"|f4", "|O", "<U3", "<M8[ns]", "<i16", "!f4", "<f4 ", " <f4", "|b8", "<u", "\xC3\xA9\xC3\xA9"};

START_TEST(dtype_is_judged)
{
	unsigned char file[1024];
	char header[256];
	snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (2,)}",
		bad_dtypes[_i]);
	ck_assert_int_eq(use(file, build(file, header, 8)), TL_ERR_TYPE);
	snprintf(header, sizeof header, "has dtype '%s', which cannot be read", bad_dtypes[_i]);
	assert_sentence(header);
	static const char *const others[] = {"3", "None", "('<f4', (2,))", "<f4"};
	for (int k = 0; k < COUNT(others); k++) {
		snprintf(header, sizeof header, "{'descr': %s, 'fortran_order': False, 'shape': (2,)}",
			others[k]);
		ck_assert_int_eq(use(file, build(file, header, 8)), TL_ERR_FORMAT);
		assert_sentence("a quoted text expected at its byte 10");
	}
}
END_TEST

START_TEST(preamble_is_judged)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *want;
	} rows[] = {
		{"", 0, "is no .npy file"},
		{"\x93NUMP", 5, "is no .npy file"},
		{"\x93NUMPZ\1\0\0\0", 10, "is no .npy file"},
		{"PK\3\4\0\0\0\0\0\0\0\0", 12, "is no .npy file"},
		{"\x93NUMPY", 6, "holds 6 bytes, too few for a header"},
		{"\x93NUMPY\1\0\0", 9, "holds 9 bytes, too few for a header"},
		{"\x93NUMPY\2\0\0\0\0", 11, "holds 11 bytes, too few for a header"},
		{"\x93NUMPY\0\0\0\0\0\0", 12, "has format version 0.0; 1.0, 2.0 and 3.0 can be read"},
		{"\x93NUMPY\4\0\0\0\0\0", 12, "has format version 4.0"},
		{"\x93NUMPY\1\1\0\0\0\0", 12, "has format version 1.1"},
		{"\x93NUMPY\1\0\5\0{}", 12, "claims a header of 5 bytes but holds only 2 after its length"},
		{"\x93NUMPY\1\0\xFF\xFF{}", 12, "claims a header of 65535 bytes but holds only 2"},
		{"\x93NUMPY\2\0\xFF\xFF\xFF\xFF{}", 14,
			"claims a header of 4294967295 bytes but holds only 2"},
		{"\x93NUMPY\1\0\0\0{}", 12, "a '{' expected at its byte 0"},
	};
	for (int k = 0; k < COUNT(rows); k++) {
		ck_assert_int_eq(use((const unsigned char *)rows[k].bytes, rows[k].n), TL_ERR_FORMAT);
		assert_sentence(rows[k].want);
	}
}
END_TEST

START_TEST(header_above_64_kib)
{
	const char *path = scratch_path("f");
	scratch_put(path, "\x93NUMPY\2\0\1\0\1\0{", 13);
	ck_assert_int_eq(truncate(path, 300 << 20), 0);
	ck_assert_ptr_null(tl_npy_open(path, &err));
	ck_assert_int_eq(err.status, TL_ERR_FORMAT);
	assert_sentence("claims a header of 65537 bytes; at most 65536 are read");
}
END_TEST

static const char good[] = HEADER("'<i4'", "True", "(2, 3)") "  \n";

START_TEST(cut_at_every_length)
{
	unsigned char file[512];
	size_t n = build(file, good, 24);
	ck_assert_int_eq(use(file, n), TL_OK);
	for (size_t cut = 0; cut < n; cut++)
		ck_assert_msg(use(file, cut) == TL_ERR_FORMAT, "cut at %zu", cut);
}
END_TEST

START_TEST(every_header_byte_flipped)
{
	unsigned char file[512];
	size_t n = build(file, good, 24);
	int refused = 0;
	for (size_t at = 0; at < n - 24; at++) {
		unsigned char before = file[at];
		for (int bit = 0; bit <= 8; bit++) {
			file[at] = (unsigned char)(before ^ (bit < 8 ? 1 << bit : 255));
			tl_status status = use(file, n);
			ck_assert_msg(status == TL_OK || status == TL_ERR_FORMAT || status == TL_ERR_TYPE,
				"byte %zu: %s", at, err.text);
			refused += status != TL_OK;
		}
		file[at] = before;
	}
	ck_assert_int_gt(refused, 500);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("npy_hostile");
	TCase *c = tcase_create("hostile");
	tcase_add_unchecked_fixture(c, scratch_create, scratch_remove);
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_loop_test(c, header_is_judged, 0, COUNT(headers));
	tcase_add_loop_test(c, dtype_is_judged, 0, COUNT(bad_dtypes));
	tcase_add_test(c, preamble_is_judged);
	tcase_add_test(c, header_above_64_kib);
	tcase_add_test(c, cut_at_every_length);
	tcase_add_test(c, every_header_byte_flipped);
	suite_add_tcase(s, c);
	return s;
}
