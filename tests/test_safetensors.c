/* SPDX-License-Identifier: Apache-2.0 */
/* Writing safetensors files: byte for byte, and back again; what is refused, what a full disk leaves. */
#define _POSIX_C_SOURCE 200809L
#include "tests/suite.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>

#include "core/safetensors.h"
#include "tests/scratch.h"

#ifdef TL_DOUBLE
#define REAL "F64"
#else
#define REAL "F32"
#endif

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

/* Entry k equals t, whatever t's strides. */
static void assert_entry(const tl_safetensors *f, int k, const tl_tensor *t)
{
	ck_assert(tl_shape_equal(tl_safetensors_shape(f, k), t->shape));
	ck_assert_str_eq(tl_safetensors_dtype(f, k), t->dtype == TL_I32 ? "I32" : REAL);
	size_t bytes = (size_t)tl_shape_size(t->shape) * tl_dtype_size(t->dtype);
	void *got = malloc(bytes + 1), *want = malloc(bytes + 1);
	tl_tensor to = tl_tensor_dense(t->dtype, t->shape, got);
	tl_tensor copy = tl_tensor_dense(t->dtype, t->shape, want);
	ck_assert_msg(tl_safetensors_read(f, k, &to, &err) == TL_OK, "%s", err.text);
	if (bytes > 0)
		tl_tensor_copy(&copy, t);
	ck_assert_mem_eq(got, want, bytes);
	free(got);
	free(want);
}

START_TEST(bytes_as_the_format_says)
{
	tl_real w[] = {1, 0.5f, -2, 0};
	int32_t i = -2;
	tl_safetensors_item items[] = {
		{"w", tl_tensor_dense(TL_REAL, TL_SHAPE(2, 2), w)},
		{"i", tl_tensor_dense(TL_I32, TL_SCALAR, &i)},
	};
	items[0].tensor.stride[0] = 1; /* the transpose: 1 -2 0.5 0 */
	items[0].tensor.stride[1] = 2;
	tl_safetensors_pair pair = {"format", "tl"};
	static const char want[] = "\220\0\0\0\0\0\0\0"
				   "{\"__metadata__\":{\"format\":\"tl\"},"
#ifdef TL_DOUBLE
				   "\"w\":{\"dtype\":\"F64\",\"shape\":[2,2],\"data_offsets\":[0,32]},"
				   "\"i\":{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[32,36]}}  "
				   "\0\0\0\0\0\0\360\77\0\0\0\0\0\0\0\300\0\0\0\0\0\0\340\77\0\0\0\0\0\0\0\0"
#else
				   "\"w\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},"
				   "\"i\":{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[16,20]}}  "
				   "\0\0\200\77\0\0\0\300\0\0\0\77\0\0\0\0"
#endif
				   "\376\377\377\377";
	const char *path = scratch_path("a");
	ck_assert_int_eq(tl_safetensors_write(path, items, 2, &pair, 1, &err), TL_OK);
	char got[sizeof want];
	ck_assert_uint_eq(scratch_get(path, got, sizeof got), sizeof want - 1);
	ck_assert_mem_eq(got, want, sizeof want - 1);
	ck_assert_int_eq(scratch_files(0), 1);
}
END_TEST

START_TEST(nothing_to_write)
{
	const char *path = scratch_path("a");
	ck_assert_int_eq(tl_safetensors_write(path, NULL, 0, NULL, 0, &err), TL_OK);
	char got[16];
	ck_assert_uint_eq(scratch_get(path, got, sizeof got), 16);
	ck_assert_mem_eq(got, "\10\0\0\0\0\0\0\0{}      ", 16);
	tl_safetensors *f = open_or_fail(path);
	ck_assert_int_eq(tl_safetensors_count(f), 0);
	ck_assert_int_eq(tl_safetensors_metadata_count(f), 0);
	ck_assert_ptr_null(tl_safetensors_metadata(f, "format"));
	tl_safetensors_free(f);
	tl_safetensors_free(NULL);
}
END_TEST

/* Every kind of tensor in one file; LONG is more than any block and no multiple of one. */
enum { LONG = 30011, ITEMS = 11 };

static void fill_items(tl_safetensors_item items[ITEMS])
{
	static tl_real reals[LONG];
	static int32_t ints[LONG];
	for (int i = 0; i < LONG; i++) {
		reals[i] = (tl_real)(sin(i) * pow(10, i % 60 - 30));
		ints[i] = (int32_t)((uint32_t)i * 2654435761u);
	}
	reals[0] = (tl_real)-0.0;
	reals[1] = INFINITY;
	reals[2] = NAN;
	ints[0] = INT32_MIN;
	ints[1] = INT32_MAX;
	tl_tensor transposed = tl_tensor_dense(TL_REAL, TL_SHAPE(5, 7, 3), reals);
	transposed.stride[0] = 1;
	transposed.stride[1] = 5;
	transposed.stride[2] = 35;
	tl_tensor backwards = tl_tensor_dense(TL_I32, TL_SHAPE(20, 1000), ints + 19999);
	backwards.stride[0] = -1000;
	backwards.stride[1] = -1;
	tl_tensor column = tl_tensor_dense(TL_REAL, TL_SHAPE(10000), reals + 2);
	column.stride[0] = 3;
	tl_tensor row = tl_tensor_dense(TL_REAL, TL_SHAPE(4), reals + 10);
	tl_tensor none = tl_tensor_dense(TL_REAL, TL_SHAPE(3, 0, 2), NULL);
	none.stride[0] = 1;
	const tl_safetensors_item all[ITEMS] = {
		{"long", tl_tensor_dense(TL_REAL, TL_SHAPE(LONG), reals)},
		{"long.ints", tl_tensor_dense(TL_I32, TL_SHAPE(LONG), ints)},
		{"none", none},
		{"none again", tl_tensor_dense(TL_I32, TL_SHAPE(0), NULL)},
		{"\xCE\xBB/\xE5\xB1\x82 \"0\"\\\n\x01", transposed},
		{"", backwards},
		{"column", column},
		{"repeated", tl_tensor_broadcast(&row, TL_SHAPE(3, 4))},
		{"scalar", tl_tensor_dense(TL_REAL, TL_SCALAR, reals + 5)},
		{"six", tl_tensor_dense(TL_I32, TL_SHAPE(1, 2, 3, 1, 2, 2), ints + 7)},
		{"tail", tl_tensor_dense(TL_REAL, TL_SHAPE(0), NULL)},
	};
	memcpy(items, all, sizeof all);
}

START_TEST(round_trip)
{
	tl_safetensors_item items[ITEMS];
	fill_items(items);
	const tl_safetensors_pair pairs[] = {
		{"\xC3\xBC", "{\"json\": [1, \"\\u00fc\"]}"}, {"", "\xF0\x9F\x94\xA5\t\n"}, {"a", ""}};
	const char *path = scratch_path("a");
	ck_assert_int_eq(tl_safetensors_write(path, items, ITEMS, pairs, 3, &err), TL_OK);
	tl_safetensors *f = open_or_fail(path);
	ck_assert_int_eq(tl_safetensors_count(f), ITEMS);
	for (int k = 0; k < ITEMS; k++) {
		ck_assert_str_eq(tl_safetensors_name(f, k), items[k].name);
		ck_assert_int_eq(tl_safetensors_find(f, items[k].name), k);
		assert_entry(f, k, &items[k].tensor);
	}
	ck_assert_int_eq(tl_safetensors_read(f, 2, &items[2].tensor, &err), TL_OK);
	ck_assert_int_eq(tl_safetensors_find(f, "absent"), -1);
	ck_assert_int_eq(tl_safetensors_metadata_count(f), 3);
	for (int i = 0; i < 3; i++) {
		tl_safetensors_pair got = tl_safetensors_metadata_pair(f, i);
		ck_assert_str_eq(got.key, pairs[i].key);
		ck_assert_str_eq(got.value, pairs[i].value);
		ck_assert_str_eq(tl_safetensors_metadata(f, pairs[i].key), pairs[i].value);
	}
	tl_safetensors_free(f);
}
END_TEST

START_TEST(same_arguments_same_bytes)
{
	enum { ROOM = 600000 };
	char *a = malloc(ROOM), *b = malloc(ROOM);
	tl_safetensors_item items[ITEMS];
	fill_items(items);
	const char *path = scratch_path("a");
	ck_assert_int_eq(tl_safetensors_write(path, items, ITEMS, NULL, 0, &err), TL_OK);
	size_t n = scratch_get(path, a, ROOM);
	ck_assert_uint_lt(n, ROOM);
	ck_assert_int_eq(tl_safetensors_write(path, items, ITEMS, NULL, 0, &err), TL_OK);
	ck_assert_uint_eq(scratch_get(path, b, ROOM), n);
	ck_assert_mem_eq(a, b, n);
	ck_assert_int_eq(a[0] % 8, 0);
	free(a);
	free(b);
}
END_TEST

START_TEST(refuses_to_write)
{
	tl_real x = 1;
	tl_tensor t = tl_tensor_dense(TL_REAL, TL_SCALAR, &x);
	tl_tensor odd = t, huge = tl_tensor_broadcast(&t, TL_SHAPE(((int64_t)1 << 59) - 1));
	odd.shape.axes = 7;
	const struct {
		tl_safetensors_item items[5];
		int n_items, n_pairs;
		tl_safetensors_pair pairs[2];
		tl_status status;
		const char *want;
	} rows[] = {
		{{{"a", t}, {"b", t}, {"a", t}}, 3, 0, {{0}}, TL_ERR_ARGUMENT, "'a' stands twice"},
		{{{"__metadata__", t}}, 1, 0, {{0}}, TL_ERR_ARGUMENT,
			"a tensor cannot be named __metadata__"},
		{{{"a\xFF", t}}, 1, 0, {{0}}, TL_ERR_ARGUMENT, "'a\xFF' is not valid UTF-8"},
		{{{0}}, 0, 2, {{"k", "v"}, {"k", "v"}}, TL_ERR_ARGUMENT, "'k' stands twice"},
		{{{0}}, 0, 1, {{"\xED\xA0\x80", "v"}}, TL_ERR_ARGUMENT, "'\xED\xA0\x80' is not valid UTF-8"},
		{{{0}}, 0, 1, {{"k", "\xC0\x80"}}, TL_ERR_ARGUMENT, "'\xC0\x80' is not valid UTF-8"},
		{{{"a", t}, {"b", odd}}, 2, 0, {{0}}, TL_ERR_SHAPE,
			"the shape of tensor 'b' is out of range"},
		{{{"a", huge}, {"b", huge}, {"c", huge}, {"d", huge}, {"e", huge}}, 5, 0, {{0}}, TL_ERR_SHAPE,
			sizeof x == 8 ? "the shape of tensor 'c' is out of range"
				      : "the shape of tensor 'e' is out of range"},
	};
	const char *path = scratch_path("a");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char want[128];
		snprintf(want, sizeof want, "cannot be written: %s", rows[i].want);
		err = (tl_error){0};
		ck_assert_int_eq(tl_safetensors_write(path, rows[i].items, rows[i].n_items, rows[i].pairs,
					 rows[i].n_pairs, &err),
			rows[i].status);
		assert_sentence(path, want);
		ck_assert_int_eq(scratch_files(0), 0);
	}
}
END_TEST

START_TEST(header_above_100_mib)
{
	size_t n = (100 << 20) / 6; /* six bytes each: \u0001 */
	char *value = malloc(n + 1);
	memset(value, 1, n);
	value[n] = '\0';
	tl_safetensors_pair pair = {"k", value};
	const char *path = scratch_path("a");
	ck_assert_int_eq(tl_safetensors_write(path, NULL, 0, &pair, 1, &err), TL_ERR_ARGUMENT);
	assert_sentence(path,
		"cannot be written: its header would take 104857624 bytes, and the format allows 104857600");
	free(value);
	ck_assert_int_eq(scratch_files(0), 0);
}
END_TEST

/* The disk is full at every byte of a small file, and somewhere in a long tensor. */
START_TEST(full_disk_keeps_the_old_file)
{
	tl_safetensors_item items[ITEMS];
	fill_items(items);
	const char *path = scratch_path("a");
	ck_assert_int_eq(tl_safetensors_write(path, &items[8], 1, NULL, 0, &err), TL_OK);
	char before[256], after[256];
	size_t n = scratch_get(path, before, sizeof before);
	struct rlimit normal, small;
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &normal), 0);
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	for (size_t room = 0; room <= n; room++) {
		int first = room < n ? 8 : 0;
		small = (struct rlimit){.rlim_cur = room < n ? room : 70000, .rlim_max = normal.rlim_max};
		ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
		err = (tl_error){0};
		tl_status status = tl_safetensors_write(path, &items[first], 1, NULL, 0, &err);
		ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &normal), 0);
		ck_assert_int_eq(status, TL_ERR_IO);
		char want[128];
		snprintf(want, sizeof want, "cannot be written: %s", strerror(EFBIG));
		assert_sentence(path, want);
		ck_assert_uint_eq(scratch_get(path, after, sizeof after), n);
		ck_assert_mem_eq(before, after, n);
		ck_assert_int_eq(scratch_files(0), 1);
	}
	signal(SIGXFSZ, handler);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("safetensors");
	TCase *c = tcase_create("safetensors");
	tcase_add_unchecked_fixture(c, scratch_create, scratch_remove);
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, bytes_as_the_format_says);
	tcase_add_test(c, nothing_to_write);
	tcase_add_test(c, round_trip);
	tcase_add_test(c, same_arguments_same_bytes);
	tcase_add_test(c, refuses_to_write);
	tcase_add_test(c, header_above_100_mib);
	tcase_add_test(c, full_disk_keeps_the_old_file);
	suite_add_tcase(s, c);
	return s;
}
