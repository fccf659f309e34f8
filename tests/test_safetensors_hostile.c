/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are damaged or made to hurt: each must be refused with the sentence that says why, and
 * none may crash, hang or leak. Headers stand here with ' for ", and file sizes as they are.
 */
#define _POSIX_C_SOURCE 200809L
#include "tests/suite.h"

#include <sys/resource.h>

#include "core/safetensors.h"
#include "tests/scratch.h"

static tl_error err;

static void setup(void)
{
	scratch_files(1);
	err = (tl_error){0};
}

/* A file of length prefix, header with its quotes put right, and zeros; returns its size. */
static size_t build(unsigned char *file, const char *header, size_t data)
{
	size_t n = strlen(header);
	for (int i = 0; i < 8; i++)
		file[i] = (unsigned char)(n >> (8 * i));
	for (size_t i = 0; i < n; i++)
		file[8 + i] = (unsigned char)(header[i] == '\'' ? '"' : header[i]);
	memset(file + 8 + n, 0, data);
	return 8 + n + data;
}

/* Opens a file of these bytes and reads every tensor that fits into memory here. */
static tl_status use(const unsigned char *bytes, size_t n)
{
	const char *path = scratch_path("f");
	scratch_put(path, bytes, n);
	err = (tl_error){0};
	tl_safetensors *f = tl_safetensors_open(path, &err);
	if (!f)
		return err.status;
	static double memory[512];
	for (int k = 0; k < tl_safetensors_count(f); k++) {
		ck_assert_int_eq(tl_safetensors_find(f, tl_safetensors_name(f, k)), k);
		tl_shape shape = tl_safetensors_shape(f, k);
		ck_assert(tl_shape_valid(shape));
		if (tl_shape_size(shape) > 512)
			continue;
		for (int dtype = TL_REAL; dtype <= TL_I32; dtype++) {
			tl_tensor to = tl_tensor_dense((tl_dtype)dtype, shape, memory);
			tl_safetensors_read(f, k, &to, NULL);
		}
	}
	tl_safetensors_free(f);
	return TL_OK;
}

static void assert_sentence(const char *part)
{
	char start[SCRATCH_PATH + 8];
	snprintf(start, sizeof start, "%s: ", scratch_path("f"));
	ck_assert_msg(strncmp(err.text, start, strlen(start)) == 0, "%s", err.text);
	ck_assert_msg(strstr(err.text, part) != NULL, "'%s' does not say '%s'", err.text, part);
}

#define TENSOR(dtype, shape, offsets) "{'dtype':'" dtype "','shape':" shape ",'data_offsets':" offsets "}"
#define PAIR TENSOR("F32", "[2]", "[0,8]")

static const struct {
	const char *header;
	size_t data;
	const char *want; /* NULL: nothing is wrong */
} headers[] = {
	{"{}", 0, NULL},
	{"{}   \n\t ", 0, NULL},
	{"{'a':" PAIR "}", 8, NULL},
	{"{'b':" TENSOR("I32", "[1]", "[8,12]") ",'a':" PAIR "}", 12, NULL},
	{"{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8],'more':{}}}", 8, NULL},
	{"{'a':" TENSOR("XYZ", "[5]", "[0,3]") "}", 3, NULL},
	{"{'a':" TENSOR("F32", "[1,1,1,1,1,1]", "[0,4]") "}", 4, NULL},
	{"{'a':" TENSOR("F32", "[0,9]", "[0,0]") ",'b':" PAIR ",'c':" TENSOR("F32", "[0]", "[8,8]") "}", 8,
		NULL},
	/* the header as a whole */
	{"", 0, "the header does not start with '{'"},
	{"[]", 0, "the header does not start with '{'"},
	{"'a'", 0, "the header does not start with '{'"},
	{" {}", 0, "the header does not start with '{'"},
	{"\xEF\xBB\xBF{}", 0, "the header does not start with '{'"},
	{"{", 0, "the header is not valid JSON: "},
	{"{}}", 0, "the header is not valid JSON: end of file expected near '}', at byte 3"},
	{"{'a':" PAIR ",}", 8, "the header is not valid JSON: "},
	{"{'a\xFF':" PAIR "}", 8, "the header is not valid JSON: unable to decode byte 0xff"},
	{"{'\xC0\xAF':" PAIR "}", 8, "the header is not valid JSON: unable to decode byte 0xc0"},
	{"{'\\ud800':" PAIR "}", 8, "the header is not valid JSON: invalid Unicode"},
	{"{'a\\u0000':" PAIR "}", 8, "the header is not valid JSON: "},
	{"{'a\033[2J':" PAIR "}", 8,
		"the header is not valid JSON: control character 0x1b near '\"a', at byte"},
	{"{'a':" PAIR ",'a':" PAIR "}", 8,
		"the header is not valid JSON: duplicate object key near '\"a\"', at"},
	{"{'a':" PAIR ",'\\u0061':" PAIR "}", 8, "duplicate object key"},
	{"{'__metadata__':{'k':'v','k':'v'}}", 0, "duplicate object key"},
	{"{'__metadata__':{},'__metadata__':{}}", 0, "duplicate object key"},
	/* metadata */
	{"{'__metadata__':[]}", 0, "__metadata__ is not an object"},
	{"{'__metadata__':'x'}", 0, "__metadata__ is not an object"},
	{"{'__metadata__':{'a':'b','n':3}}", 0, "the value of 'n' in __metadata__ is not a string"},
	{"{'__metadata__':{'n':{}}}", 0, "the value of 'n' in __metadata__ is not a string"},
	/* fields */
	{"{'a':3}", 0, "tensor 'a' is not described by an object"},
	{"{'a':null}", 0, "tensor 'a' is not described by an object"},
	{"{'a':{}}", 0, "tensor 'a' has no string as its dtype"},
	{"{'a':{'dtype':32,'shape':[2],'data_offsets':[0,8]}}", 8, "tensor 'a' has no string as its dtype"},
	{"{'a':{'dtype':'F32','data_offsets':[0,8]}}", 8, "tensor 'a' has no list as its shape"},
	{"{'a':" TENSOR("F32", "2", "[0,8]") "}", 8, "tensor 'a' has no list as its shape"},
	{"{'a':{'dtype':'F32','shape':[2]}}", 8, "the data_offsets of tensor 'a' are not two whole numbers"},
	{"{'a':" TENSOR("F32", "[2]", "8") "}", 8, "the data_offsets of tensor 'a' are not two"},
	{"{'a':" TENSOR("F32", "[2]", "[8]") "}", 8, "the data_offsets of tensor 'a' are not two"},
	{"{'a':" TENSOR("F32", "[2]", "[0,8,8]") "}", 8, "the data_offsets of tensor 'a' are not two"},
	{"{'a':" TENSOR("F32", "[2]", "['0',8]") "}", 8, "the data_offsets of tensor 'a' are not two"},
	/* numbers */
	{"{'a':" TENSOR("F32", "[2]", "[-1,7]") "}", 8, "the data_offsets of tensor 'a' are not two"},
	{"{'a':" TENSOR("F32", "[2]", "[0,8.0]") "}", 8, "the data_offsets of tensor 'a' are not two"},
	{"{'a':" TENSOR("F32", "[2]", "[0,99999999999999999999]") "}", 8, "too big integer"},
	{"{'a':" TENSOR("F32", "[2,-1]", "[0,8]") "}", 8, "the size of axis 1 of tensor 'a' is not a whole"},
	{"{'a':" TENSOR("F32", "[2.5]", "[0,8]") "}", 8, "the size of axis 0 of tensor 'a' is not a whole"},
	{"{'a':" TENSOR("F32", "[2e0]", "[0,8]") "}", 8, "the size of axis 0 of tensor 'a' is not a whole"},
	{"{'a':" TENSOR("F32", "[[2]]", "[0,8]") "}", 8, "the size of axis 0 of tensor 'a' is not a whole"},
	{"{'a':" TENSOR("F32", "[1,1,1,1,1,1,2]", "[0,8]") "}", 8, "tensor 'a' has 7 axes; at most 6 can"},
	/* sizes that overflow: by themselves, multiplied, hidden behind a 0, multiplied to 8 mod 2^64 */
	{"{'a':" TENSOR("F32", "[9223372036854775807]", "[0,8]") "}", 8,
		"has more elements than can be counted"},
	{"{'a':" TENSOR("U8", "[4294967296,4294967296]", "[0,0]") "}", 0,
		"the shape (4294967296, 4294967296) of tensor 'a' has more elements than can be counted"},
	{"{'a':" TENSOR("F32", "[4611686018427387904,4,0]", "[0,0]") "}", 0,
		"more elements than can be counted"},
	{"{'a':" TENSOR("F32", "[0,4611686018427387904,4]", "[0,0]") "}", 0,
		"more elements than can be counted"},
	{"{'a':" TENSOR("F64", "[2305843009213693953]", "[0,8]") "}", 8,
		"has more elements than can be counted"},
	/* where the data are */
	{"{'a':" TENSOR("F32", "[2]", "[8,0]") "}", 8, "tensor 'a' begins at byte 8 but ends at byte 0"},
	{"{'a':" PAIR "}", 7,
		"'a' claims bytes 0..8 but the file holds 7 bytes of data; the file was cut short or "
		"damaged"},
	{"{'a':" TENSOR("F32", "[2]", "[9223372036854775799,9223372036854775807]") "}", 8,
		"'a' claims bytes 9223372036854775799..9223372036854775807 but the file holds 8"},
	{"{'a':" TENSOR("XYZ", "[2]", "[0,9]") "}", 8, "tensor 'a' claims bytes 0..9 but"},
	{"{'a':" TENSOR("F32", "[3]", "[0,8]") "}", 8,
		"tensor 'a' of dtype F32 and shape (3) needs 12 bytes but claims 0..8"},
	{"{'a':" TENSOR("BF16", "[]", "[0,8]") "}", 8,
		"of dtype BF16 and shape () needs 2 bytes but claims 0..8"},
	{"{'a':" TENSOR("U8", "[0]", "[0,8]") "}", 8,
		"of dtype U8 and shape (0) needs 0 bytes but claims 0..8"},
	{"{'a':" PAIR ",'b':" TENSOR("F32", "[2]", "[4,12]") "}", 12,
		"tensors 'a' and 'b' overlap at byte 4"},
	{"{'b':" PAIR ",'a':" PAIR "}", 8, "tensors 'b' and 'a' overlap at byte 0"},
	{"{'a':" PAIR ",'e':" TENSOR("F32", "[0]", "[4,4]") "}", 8, "tensors 'a' and 'e' overlap at byte 4"},
	{"{'a':" PAIR ",'b':" TENSOR("F32", "[1]", "[12,16]") "}", 16,
		"bytes 8..12 of the data belong to no tensor"},
	{"{'a':" TENSOR("F32", "[2]", "[4,12]") "}", 12, "bytes 0..4 of the data belong to no tensor"},
	{"{'a':" PAIR "}", 9, "bytes 8..9 of the data belong to no tensor"},
	{"{}", 3, "bytes 0..3 of the data belong to no tensor"},
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

START_TEST(length_is_judged)
{
	static const struct {
		unsigned char bytes[16];
		size_t n;
		const char *want;
	} rows[] = {
		{{0}, 0, "holds 0 bytes, too few for the header's length"},
		{{2}, 7, "holds 7 bytes, too few for the header's length"},
		{{0}, 8, "the header does not start with '{'"},
		{{2, 0, 0, 0, 0, 0, 0, 0, '{'}, 9,
			"claims a header of 2 bytes but holds only 1 after its length"},
		{{2, 0, 0, 0, 0, 0, 0, 128, '{', '}'}, 10,
			"claims a header of 9223372036854775810 bytes but"},
		{{255, 255, 255, 255, 255, 255, 255, 255, '{', '}'}, 10,
			"claims a header of 18446744073709551615 bytes but holds only 2"},
		{{'%', 'P', 'D', 'F', '-', '1', '.', '7', '\n', '{', '}'}, 11, "is no safetensors file"},
	};
	ck_assert_int_eq(use(rows[_i].bytes, rows[_i].n), TL_ERR_FORMAT);
	assert_sentence(rows[_i].want);
}
END_TEST

START_TEST(header_above_100_mib)
{
	const char *path = scratch_path("f");
	scratch_put(path, "\1\0\100\6\0\0\0\0{", 9);
	ck_assert_int_eq(truncate(path, 300 << 20), 0);
	ck_assert_ptr_null(tl_safetensors_open(path, &err));
	ck_assert_int_eq(err.status, TL_ERR_FORMAT);
	assert_sentence("claims a header of 104857601 bytes; the format allows 104857600");
}
END_TEST

/* A length that a file has, but nothing behind it: refused before memory is taken for it. */
START_TEST(large_headers_of_nothing)
{
	static const struct {
		const char *prefix;
		const char *want;
	} rows[] = {{"\0\0\0\14\0\0\0\0", "claims a header of 201326592 bytes; the format allows 104857600"},
		{"\0\0\0\6\0\0\0\0", "the header does not start with '{'"}};
#ifndef __SANITIZE_ADDRESS__
	struct rlimit limit = {64 << 20, 64 << 20};
	ck_assert_int_eq(setrlimit(RLIMIT_DATA, &limit), 0);
#endif
	for (int k = 0; k < 2; k++) {
		const char *path = scratch_path("f");
		scratch_put(path, rows[k].prefix, 8);
		ck_assert_int_eq(truncate(path, 300 << 20), 0);
		err = (tl_error){0};
		ck_assert_ptr_null(tl_safetensors_open(path, &err));
		ck_assert_int_eq(err.status, TL_ERR_FORMAT);
		assert_sentence(rows[k].want);
	}
}
END_TEST

/* Names are found among many without a look at each: a hostile header can hold a million. */
START_TEST(many_names)
{
	enum { MANY = 50000, EACH = 80 };
	char *header = malloc((size_t)MANY * EACH + 64), *at = header;
	*at++ = '{';
	for (int k = 0; k < MANY; k++)
		at += sprintf(at, "%s'x.weight_ih_l%d':{'dtype':'F32','shape':[0,3],'data_offsets':[0,0]}", k ? "," : "", k);
	strcpy(at, "}");
	unsigned char *file = malloc((size_t)MANY * EACH + 128);
	scratch_put(scratch_path("f"), file, build(file, header, 0));
	tl_safetensors *f = tl_safetensors_open(scratch_path("f"), &err);
	ck_assert_msg(f != NULL, "%s", err.text);
	for (int k = 0; k < MANY; k++) {
		char name[64];
		snprintf(name, sizeof name, "x.weight_ih_l%d", k);
		ck_assert_str_eq(tl_safetensors_name(f, tl_safetensors_find(f, name)), name);
	}
	ck_assert_int_eq(tl_safetensors_find(f, "x.weight_ih_l50000"), -1);
	ck_assert_int_eq(tl_safetensors_find(f, ""), -1);
	tl_safetensors_free(f);
	free(file);
	free(header);
}
END_TEST

START_TEST(deep_nesting)
{
	size_t n = 1 << 20;
	unsigned char *file = malloc(n + 64);
	char *header = malloc(n + 1);
	memset(header, '[', n);
	memcpy(header, "{'a':", 5);
	header[n] = '\0';
	ck_assert_int_eq(use(file, build(file, header, 0)), TL_ERR_FORMAT);
	assert_sentence("maximum parsing depth reached");
	free(header);
	free(file);
}
END_TEST

START_TEST(long_and_dirty_name)
{
	char header[2048] = "{'\\n\\u001b[31mx";
	for (int i = 0; i < 500; i++)
		strcat(header, "\xC3\xA9");
	strcat(header, "':1}");
	unsigned char file[4096];
	ck_assert_int_eq(use(file, build(file, header, 0)), TL_ERR_FORMAT);
	assert_sentence("tensor '??[31mx\xC3\xA9");
	assert_sentence("\xC3\xA9...' is not described by an object");
}
END_TEST

static const char good[] =
	"{'__metadata__':{'k':'v'},'a':" PAIR ",'b':" TENSOR("I64", "[1,2]", "[8,24]") "} ";

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
			ck_assert_msg(
				status == TL_OK || status == TL_ERR_FORMAT, "byte %zu: %s", at, err.text);
			refused += status != TL_OK;
		}
		file[at] = before;
	}
	ck_assert_int_gt(refused, 500);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("safetensors_hostile");
	TCase *c = tcase_create("hostile");
	tcase_add_unchecked_fixture(c, scratch_create, scratch_remove);
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_loop_test(c, header_is_judged, 0, (int)(sizeof headers / sizeof headers[0]));
	tcase_add_loop_test(c, length_is_judged, 0, 7);
	tcase_add_test(c, header_above_100_mib);
	tcase_add_test(c, large_headers_of_nothing);
	tcase_add_test(c, many_names);
	tcase_add_test(c, deep_nesting);
	tcase_add_test(c, long_and_dirty_name);
	tcase_add_test(c, cut_at_every_length);
	tcase_add_test(c, every_header_byte_flipped);
	suite_add_tcase(s, c);
	return s;
}
