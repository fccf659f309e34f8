/* SPDX-License-Identifier: Apache-2.0 */
/* Files of objects that grow while they are read. */
#include "tests/suite.h"

#include <math.h>

#include "tests/scratch.h"
#include "tools/records.h"

static tl_error err;
static records r;
static const char *path;

static void setup(void)
{
	scratch_files(1);
	err = (tl_error){0};
	r = (records){0};
	path = scratch_path("log.jsonl");
}

static void put(const char *text)
{
	scratch_put(path, text, strlen(text));
}

/* What has been read: the members "a", as digits. */
static const char *seen(void)
{
	static char text[32];
	size_t n = records_count(&r);
	ck_assert_uint_lt(n, sizeof text);
	for (size_t k = 0; k < n; k++)
		text[k] = (char)('0' + (int)record_real(records_at(&r, k), NULL, "a"));
	text[n] = '\0';
	return text;
}

static void reads(bool ended, const char *want)
{
	ck_assert_msg(!records_read(&r, path, ended, &err), "%s", err.text);
	ck_assert_str_eq(seen(), want);
}

START_TEST(what_comes_is_added)
{
	put("");
	reads(false, "");
	put("{\"a\": 1}\n");
	reads(false, "1");
	reads(false, "1");
	put("{\"a\": 1}\n{\"a\"");
	reads(false, "1");
	put("{\"a\": 1}\n{\"a\": 2}");
	reads(false, "1"); /* perhaps 23 */
	put("{\"a\": 1}\n{\"a\": 2}\n{\"a\": 3}\n");
	reads(false, "123");
	records_release(&r);
}
END_TEST

START_TEST(what_ended_may_lack_the_last_end)
{
	put("{\"a\": 1}\n{\"a\": 2}");
	reads(true, "12");
	records_release(&r);
	put("{\"a\": 1}\n{\"a\": 2");
	reads(true, "1");
	records_release(&r);
}
END_TEST

START_TEST(what_begins_anew_is_read_anew)
{
	put("{\"a\": 1}\n{\"a\": 2}\n");
	reads(false, "12");
	put("{\"a\": 3}\n");
	reads(false, "3");
	put("{\"a\": 4}\n{\"a\": 5}\n{\"a\": 6}\n");
	reads(false, "456"); /* longer than before, but others */
	put("");
	reads(false, "");
	records_release(&r);
}
END_TEST

START_TEST(bad_lines_are_named)
{
	static const char *const bad[] = {"{\"a\": 1}\n{\"a\": }\n{\"a\": 3}\n", "{\"a\": 1}\n\n", "{\"a\": 1}\n[2]\n",
		"{\"a\": 1}\n{\"a\": 2} 3\n", "{\"a\": 1}\n{\"a\": 2, \"a\": 2}\n"};
	put(bad[_i]);
	ck_assert_int_eq(records_read(&r, path, true, &err), TL_ERR_FORMAT);
	ck_assert_ptr_nonnull(strstr(err.text, "log.jsonl:2: no JSON object"));
	ck_assert_str_eq(seen(), "1");
	records_release(&r);
}
END_TEST

START_TEST(a_missing_file_is_told)
{
	ck_assert_int_eq(records_read(&r, scratch_path("none"), false, &err), TL_ERR_IO);
	records_release(&r);
}
END_TEST

START_TEST(numbers_are_found)
{
	put("{\"a\": 1, \"b\": {\"c\": 2.5, \"d\": \"inf\", \"e\": \"-inf\", \"f\": null, \"g\": \"x\"}}\n");
	reads(false, "1");
	const json_t *line = records_at(&r, 0);
	ck_assert_double_eq(record_real(line, "b", "c"), 2.5);
	ck_assert_double_eq(record_real(line, "b", "d"), INFINITY);
	ck_assert_double_eq(record_real(line, "b", "e"), -INFINITY);
	for (const char *name = "fgh"; *name; name++)
		ck_assert(isnan(record_real(line, "b", (char[]){*name, '\0'})));
	ck_assert(isnan(record_real(line, "a", "c")));
	ck_assert(isnan(record_real(line, NULL, "b")));
	ck_assert(isnan(record_real(NULL, NULL, "b")));
	records_release(&r);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("records");
	TCase *c = tcase_create("lines");
	tcase_add_unchecked_fixture(c, scratch_create, scratch_remove);
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, what_comes_is_added);
	tcase_add_test(c, what_ended_may_lack_the_last_end);
	tcase_add_test(c, what_begins_anew_is_read_anew);
	tcase_add_loop_test(c, bad_lines_are_named, 0, 5);
	tcase_add_test(c, a_missing_file_is_told);
	tcase_add_test(c, numbers_are_found);
	suite_add_tcase(s, c);
	return s;
}
