/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How nodes are shown, from values that are known: tables of digits and heat maps to the byte, arrays read back,
 * figures, lists of units.
 */
#include "tests/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/npz.h"
#include "tests/scratch.h"
#include "tools/probe.h"

enum { T = 3, UNITS = 4 };

static tl_error err;
static probe_reading reading;

static void make_axis(probe_axis *a, const char *name, const char *const *symbols, int n)
{
	token t[8];
	int32_t id[8];
	for (int k = 0; k < n; k++) {
		t[k] = (token){symbols[k], (uint32_t)strlen(symbols[k])};
		id[k] = 10 + k;
	}
	ck_assert_int_eq(probe_axis_make(a, name, t, id, n, &err), TL_OK);
}

static void setup(void)
{
	err = (tl_error){0};
	reading = (probe_reading){0};
	make_axis(&reading.read, "source", (const char *[]){"a", " ", "\xC3\xA9"}, T);
	make_axis(&reading.written, "target", (const char *[]){"<b>", "\xE6\xBC\xA2\xE5\xAD\x97"}, 2);
}

static void teardown(void)
{
	probe_reading_release(&reading);
}

/* A gate, a state, two heads of an attention over two symbols that are written. */
static tl_real gate[T * UNITS] = {0, 0.05, 0.5, 1, 0.31, 0.99, 0.11, 0.95, 1, NAN, 0.75, 0.25};
static tl_real state[T * UNITS] = {-1, 1.9, 0, 0.04, -0.04, -1.5, 2, -0.3, 0.3, 1, -2, 0.6};
static tl_real weights[2 * T * 2] = {1, 0, 0, 0.5, 0, 0.5, 0.25, 0.1, 0.5, 0.1, 0.25, 0.8};

static void make_nodes(probe_nodes *nodes)
{
	static probe_node v[3];
	v[0] = (probe_node){.path = "layer=0/t=*/forget", .axis = &reading.read, .units = UNITS, .heads = 1, .values = gate,
		.scale = {0, 1}, .bounded = true};
	v[1] = (probe_node){.path = "layer=0/t=*/memory", .axis = &reading.read, .units = UNITS, .heads = 1,
		.values = state, .scale = {-2, 2}};
	v[2] = (probe_node){.path = "decoder=*/attention/weights", .axis = &reading.written, .source = &reading.read,
		.units = 2 * T, .heads = 2, .values = weights, .scale = {0, 1}, .bounded = true};
	*nodes = (probe_nodes){v, 3};
}

/* What is printed; to be freed. */
static char *print(const probe_style *style)
{
	char *text = NULL;
	size_t size;
	probe_nodes nodes;
	FILE *to = open_memstream(&text, &size);
	make_nodes(&nodes);
	ck_assert_msg(probe_print(to, &nodes, style, &err) == TL_OK, "%s", err.text);
	fclose(to);
	return text;
}

START_TEST(tables)
{
	char *text = print(&(probe_style){0});
	ck_assert_str_eq(text,
		"layer=0/t=*/forget\n"
		"4 units; some are not finite; digits are tenths of 1\n"
		"\n"
		"   a \xE2\x90\xA3 \xC3\xA9\n"
		"0  0 3 9\n"
		"1  0 9 ?\n"
		"2  5 1 7\n"
		"3  9 9 2\n"
		"\n"
		"layer=0/t=*/memory\n"
		"4 units; mean 0.0833, from -2 to 2; digits are tenths of 2\n"
		"\n"
		"   a \xE2\x90\xA3 \xC3\xA9\n"
		"0 -5-0 1\n"
		"1  9-7 5\n"
		"2  0 9-9\n"
		"3  0-1 3\n"
		"\n"
		"decoder=*/attention/weights, head 1\n"
		"target by source; mean 0.333, 25% below 0.1, 8.33% above 0.9; digits are tenths of 1\n"
		"\n"
		"      a \xE2\x90\xA3 \xC3\xA9\n"
		" <b>  9 0 0\n"
		"\xE6\xBC\xA2\xE5\xAD\x97  2 5 2\n"
		"\n"
		"decoder=*/attention/weights, head 2\n"
		"target by source; mean 0.333, 25% below 0.1, 8.33% above 0.9; digits are tenths of 1\n"
		"\n"
		"      a \xE2\x90\xA3 \xC3\xA9\n"
		" <b>  0 5 5\n"
		"\xE6\xBC\xA2\xE5\xAD\x97  1 1 8\n"
		"\n");
	free(text);
}
END_TEST

START_TEST(parts_of_tables)
{
	static const char begin[] =
		"layer=0/t=*/forget\n"
		"2 of 4 units; all: some are not finite; digits are tenths of 1\n"
		"\n"
		"   a \xE2\x90\xA3\n"
		"3  9 9\n"
		"0  0 3\n"
		"\n"
		"   \xC3\xA9\n"
		"3  2\n"
		"0  9\n"
		"\n";
	char *text = print(&(probe_style){.units = "3,0", .wrap = 2});
	ck_assert_msg(!strncmp(text, begin, strlen(begin)), "%s", text);
	free(text);
}
END_TEST

/* Colours are there when they are asked for, and the digits with them. */
START_TEST(coloured_tables)
{
	char *text = print(&(probe_style){.units = "0", .colour = true}), *to = text;
	char *plain = print(&(probe_style){.units = "0"});
	ck_assert_ptr_nonnull(strstr(text, "\033[30;48;2;255;255;255m 0\033[0m"));
	ck_assert_ptr_nonnull(strstr(text, "\033[97;48;2;6;35;74m 9\033[0m"));
	ck_assert_ptr_null(strchr(plain, '\033'));
	for (const char *at = text; *at;) { /* without them it is the same text */
		if (*at == '\033')
			at = strchr(at, 'm') + 1;
		else
			*to++ = *at++;
	}
	*to = '\0';
	ck_assert_str_eq(text, plain);
	free(text);
	free(plain);
}
END_TEST

static char *read_all(const char *path)
{
	char *text = NULL, part[4096];
	size_t size, n;
	FILE *from = fopen(path, "rb"), *to = open_memstream(&text, &size);
	ck_assert_msg(from != NULL, "%s", path);
	while ((n = fread(part, 1, sizeof part, from)) > 0)
		fwrite(part, 1, n, to);
	fclose(from);
	fclose(to);
	return text;
}

/* The picture in tests/fixtures was looked at. */
START_TEST(heat_maps)
{
	probe_nodes nodes;
	make_nodes(&nodes);
	const char *path = scratch_path("x.svg");
	ck_assert_msg(probe_draw(path, &nodes, &(probe_style){.wrap = 2}, &err) == TL_OK, "%s", err.text);
	char *got = read_all(path), *want = read_all(TL_FIXTURES "/probe.svg");
	ck_assert_msg(!strcmp(got, want), "the picture differs from tests/fixtures/probe.svg");
	free(got);
	free(want);
}
END_TEST

static void check_array(const tl_npz *f, const char *name, tl_tensor want)
{
	int k = tl_npz_find(f, name);
	int64_t n = tl_shape_size(want.shape);
	char got[1024];
	ck_assert_msg(k >= 0, "no %s", name);
	const tl_npy *a = tl_npz_at(f, k);
	ck_assert_msg(tl_shape_equal(tl_npy_shape(a), want.shape), "the shape of %s", name);
	ck_assert_int_eq(tl_npy_kind(a), want.dtype);
	tl_tensor to = tl_tensor_dense(want.dtype, want.shape, got);
	ck_assert_int_le(n * (int64_t)tl_dtype_size(want.dtype), (int64_t)sizeof got);
	ck_assert_int_eq(tl_npy_read(a, 0, &to, &err), TL_OK);
	ck_assert_mem_eq(got, want.data, (size_t)n * tl_dtype_size(want.dtype));
}

START_TEST(arrays)
{
	probe_nodes nodes;
	make_nodes(&nodes);
	const char *path = scratch_path("x.npz");
	ck_assert_msg(probe_save(path, &nodes, &reading, &err) == TL_OK, "%s", err.text);
	tl_npz *f = tl_npz_open(path, &err);
	ck_assert_msg(f != NULL, "%s", err.text);
	ck_assert_int_eq(tl_npz_count(f), 9);
	check_array(f, "layer=0/t=*/forget", tl_tensor_dense(TL_REAL, TL_SHAPE(T, UNITS), gate));
	check_array(f, "layer=0/t=*/memory", tl_tensor_dense(TL_REAL, TL_SHAPE(T, UNITS), state));
	check_array(f, "decoder=*/attention/weights", tl_tensor_dense(TL_REAL, TL_SHAPE(2, T, 2), weights));
	check_array(f, "source.ids", tl_tensor_dense(TL_I32, TL_SHAPE(3), (int32_t[]){10, 11, 12}));
	check_array(f, "source.points", tl_tensor_dense(TL_I32, TL_SHAPE(3), (int32_t[]){'a', ' ', 0xE9}));
	check_array(f, "source.starts", tl_tensor_dense(TL_I32, TL_SHAPE(4), (int32_t[]){0, 1, 2, 3}));
	check_array(f, "target.points", tl_tensor_dense(TL_I32, TL_SHAPE(5), (int32_t[]){'<', 'b', '>', 0x6F22, 0x5B57}));
	check_array(f, "target.starts", tl_tensor_dense(TL_I32, TL_SHAPE(3), (int32_t[]){0, 3, 5}));
	tl_npz_free(f);

	path = scratch_path("x.npy");
	ck_assert_int_eq(probe_save(path, &nodes, &reading, &err), TL_ERR_ARGUMENT);
	ck_assert_ptr_nonnull(strstr(err.text, "an .npy file holds one node, but 3 match; .npz holds them all"));
	err = (tl_error){0};
	nodes.n = 1;
	ck_assert_msg(probe_save(path, &nodes, &reading, &err) == TL_OK, "%s", err.text);
	tl_npy *a = tl_npy_open(path, &err);
	ck_assert_msg(a && tl_shape_equal(tl_npy_shape(a), TL_SHAPE(T, UNITS)), "%s", err.text);
	tl_npy_free(a);
}
END_TEST

START_TEST(figures)
{
	probe_nodes nodes;
	make_nodes(&nodes);
	probe_figures f = probe_node_figures(&nodes.v[2]);
	double mean = 0, squares = 0;
	for (int k = 0; k < 2 * T * 2; k++)
		mean += (double)weights[k] / (2 * T * 2);
	for (int k = 0; k < 2 * T * 2; k++)
		squares += ((double)weights[k] - mean) * ((double)weights[k] - mean) / (2 * T * 2);
	ck_assert_double_eq_tol(f.mean, mean, 1e-7);
	ck_assert_double_eq_tol(f.deviation, sqrt(squares), 1e-7);
	ck_assert(f.min == 0 && f.max == 1);
	ck_assert_double_eq_tol(f.low, 3.0 / 12, 1e-12);
	ck_assert_double_eq_tol(f.high, 1.0 / 12, 1e-12);
}
END_TEST

static const struct {
	const char *text, *units; /* NULL: refused, with 12 units */
} lists[] = {
	{"0", "0"}, {"0:3", "0 1 2"}, {"3,7,-1", "3 7 11"}, {"10:", "10 11"}, {":2", "0 1"}, {"-2:", "10 11"},
	{"0:1,5:7,5", "0 5 6 5"}, {":", "0 1 2 3 4 5 6 7 8 9 10 11"}, {"-3:-1", "9 10"}, {"12", NULL}, {"-13", NULL},
	{"3:3", NULL}, {"5:2", NULL}, {"0:13", NULL}, {"", NULL}, {",", NULL}, {"1,", NULL}, {"1,,2", NULL}, {"1-2", NULL},
	{"x", NULL}, {"1x", NULL}, {"1:2:3", NULL}, {"99999999999999999999", NULL}, {"-99999999999999999999:", NULL},
	{"1 ", NULL}, {"--1", NULL}, {"-", NULL},
};

START_TEST(units_of_lists)
{
	const probe_node node = {.units = 12};
	probe_units u;
	tl_status status = probe_units_choose(&node, lists[_i].text, 0, 0, &u, &err);
	ck_assert_msg((status == TL_OK) == (lists[_i].units != NULL), "'%s'", lists[_i].text);
	if (lists[_i].units) {
		char text[128] = "";
		for (int64_t k = 0; k < u.n; k++)
			snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d", k ? " " : "", (int)u.v[k]);
		ck_assert_str_eq(text, lists[_i].units);
		ck_assert_int_eq(probe_units_check(lists[_i].text, &err), TL_OK);
	} else {
		ck_assert_ptr_nonnull(strstr(err.text, "--units '"));
	}
	free(u.v);
}
END_TEST

START_TEST(units_that_change_most)
{
	probe_units u;
	probe_nodes nodes;
	make_nodes(&nodes);
	ck_assert_int_eq(probe_units_choose(&nodes.v[1], NULL, 3, 2, &u, &err), TL_OK);
	/* Squares of deviations: 0.86, 6.25, 8, 0.41. */
	ck_assert_int_eq(u.n, 3);
	ck_assert(u.v[0] == 2 && u.v[1] == 1 && u.v[2] == 0);
	free(u.v);
	ck_assert_int_eq(probe_units_choose(&nodes.v[1], NULL, 0, 2, &u, &err), TL_OK);
	ck_assert(u.n == 2 && u.v[0] == 0 && u.v[1] == 1);
	free(u.v);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *suite = suite_create("probe show");
	TCase *c = tcase_create("show");
	tcase_add_unchecked_fixture(c, scratch_create, scratch_remove);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, tables);
	tcase_add_test(c, parts_of_tables);
	tcase_add_test(c, coloured_tables);
	tcase_add_test(c, heat_maps);
	tcase_add_test(c, arrays);
	tcase_add_test(c, figures);
	tcase_add_loop_test(c, units_of_lists, 0, (int)(sizeof lists / sizeof *lists));
	tcase_add_test(c, units_that_change_most);
	suite_add_tcase(suite, c);
	return suite;
}
