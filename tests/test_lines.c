/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of files and streams, and columns. */
#include "tests/suite.h"

#include "tests/scratch.h"
#include "tests/texts.h"
#include "tools/lines.h"

static tl_error err;

static void setup(void)
{
	scratch_files(1);
	err = (tl_error){0};
}

#define MOST 6
static const struct {
	const char *bytes;
	size_t size;
	int n;
	const char *lines[MOST];
} files[] = {
	{BYTES("a"), 1, {"a"}},
	{BYTES("a\n"), 1, {"a"}},
	{BYTES("\n"), 1, {""}},
	{BYTES("\n\n"), 2, {"", ""}},
	{BYTES("a\nb"), 2, {"a", "b"}},
	{BYTES("a\n\nb\n\n"), 4, {"a", "", "b", ""}},
	{BYTES("a\r\nb\r\n"), 2, {"a", "b"}},
	{BYTES("a\r\nb\r"), 2, {"a", "b"}},
	{BYTES("\r\n\r\n"), 2, {"", ""}},
	{BYTES("a\rb\r\r\n"), 1, {"a\rb\r"}},
	{BYTES("\xEF\xBB\xBF"
	       "a\nb"),
		2, {"a", "b"}},
	{BYTES(" a\t \n\xC3\xA9\xE2\x80\xA8x\xC2\x85\n"), 2, {" a\t ", "\xC3\xA9\xE2\x80\xA8x\xC2\x85"}},
};

START_TEST(files_become_lines)
{
	const char *path = scratch_path("f");
	scratch_put(path, files[_i].bytes, files[_i].size);
	lines l;
	ck_assert_msg(!lines_read(&l, path, &err), "%s", err.text);
	ck_assert_int_eq(l.n, files[_i].n);
	ck_assert_str_eq(l.path, path);
	for (int i = 0; i < l.n; i++) {
		ck_assert_str_eq(l.v[i].at, files[_i].lines[i]);
		ck_assert_uint_eq(l.v[i].length, strlen(files[_i].lines[i]));
	}
	lines_release(&l);
	ck_assert(!l.v && !l.path && l.n == 0);
}
END_TEST

/* A stream of the same bytes gives the same lines. */
START_TEST(streams_become_lines)
{
	char bytes[64];
	memcpy(bytes, files[_i].bytes, files[_i].size);
	FILE *f = fmemopen(bytes, files[_i].size, "r");
	line_reader r;
	line_reader_init(&r, f, "standard input");
	token line;
	bool more;
	for (int i = 0; i < files[_i].n; i++) {
		ck_assert(!line_reader_next(&r, &line, &more, &err) && more);
		ck_assert_uint_eq(line.length, strlen(files[_i].lines[i]));
		ck_assert_mem_eq(line.at, files[_i].lines[i], line.length);
		ck_assert_int_eq(r.number, i + 1);
	}
	for (int k = 0; k < 2; k++)
		ck_assert(!line_reader_next(&r, &line, &more, &err) && !more);
	line_reader_release(&r);
	fclose(f);
}
END_TEST

START_TEST(lines_of_any_length)
{
	size_t sizes[] = {0, 1, 119, 120, 121, 4095, 4096, 65536, 5000000};
	FILE *f = tmpfile();
	for (int i = 0; i < COUNT(sizes); i++) {
		for (size_t k = 0; k < sizes[i]; k++)
			putc('a' + (int)(k % 26), f);
		putc('\n', f);
	}
	rewind(f);
	line_reader r;
	line_reader_init(&r, f, "standard input");
	token line;
	bool more;
	for (int i = 0; i < COUNT(sizes); i++) {
		ck_assert(!line_reader_next(&r, &line, &more, &err) && more);
		ck_assert_uint_eq(line.length, sizes[i]);
		for (size_t k = 0; k < sizes[i]; k += 997)
			ck_assert_int_eq(line.at[k], 'a' + (int)(k % 26));
	}
	line_reader_release(&r);
	fclose(f);
}
END_TEST

START_TEST(streams_that_cannot_be_read)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *want;
	} rows[] = {
		{BYTES("ok\nb\xFFz\n"), "standard input: no valid UTF-8 at byte 1 (line 2): 0xFF"},
		{BYTES("ok\n\n\xC3"), "standard input: no valid UTF-8 at byte 0 (line 3): 0xC3"},
		{BYTES("ok\na\0b\n"), "standard input: a NUL at byte 1 (line 2): this is no text"},
	};
	token line;
	bool more;
	line_reader r;
	for (int k = 0; k < COUNT(rows); k++) {
		char bytes[16];
		memcpy(bytes, rows[k].bytes, rows[k].size);
		FILE *f = fmemopen(bytes, rows[k].size, "r");
		line_reader_init(&r, f, "standard input");
		err = (tl_error){0};
		while (!line_reader_next(&r, &line, &more, &err))
			ck_assert(more);
		ck_assert_int_eq(err.status, TL_ERR_FORMAT);
		ck_assert_str_eq(err.text, rows[k].want);
		line_reader_release(&r);
		fclose(f);
	}
	FILE *f = fopen(scratch_folder, "r");
	line_reader_init(&r, f, "standard input");
	err = (tl_error){0};
	ck_assert_int_eq(line_reader_next(&r, &line, &more, &err), TL_ERR_IO);
	ck_assert_ptr_nonnull(strstr(err.text, "standard input: "));
	line_reader_release(&r);
	fclose(f);
}
END_TEST

START_TEST(files_that_cannot_be_read)
{
	lines l;
	const char *path = scratch_path("f");
	char want[SCRATCH_PATH + 64];
	ck_assert_int_eq(lines_read(&l, path, &err), TL_ERR_IO);
	scratch_put(path, "a\nb\nc\xE9t\n", 8);
	err = (tl_error){0};
	ck_assert_int_eq(lines_read(&l, path, &err), TL_ERR_FORMAT);
	snprintf(want, sizeof want, "%s: no valid UTF-8 at byte 5 (line 3): 0xE9", path);
	ck_assert_str_eq(err.text, want);
	scratch_put(path, "", 0);
	err = (tl_error){0};
	ck_assert_int_eq(lines_read(&l, path, &err), TL_ERR_FORMAT);
	ck_assert_ptr_nonnull(strstr(err.text, "the file is empty"));
}
END_TEST

START_TEST(columns_are_counted)
{
	static const char text[] = "a\tb c\n\t\nonly\nx\ty\tz\n\nr\ts\r\n";
	static const int found[] = {2, 2, 1, 3, 1, 2};
	static const char *const want[][2] = {{"a", "b c"}, {"", ""}, {0}, {0}, {0}, {"r", "s"}};
	const char *path = scratch_path("f");
	scratch_put(path, BYTES(text));
	lines l;
	ck_assert(!lines_read(&l, path, &err));
	ck_assert_int_eq(l.n, COUNT(found));
	for (int i = 0; i < l.n; i++) {
		token column[2];
		err = (tl_error){0};
		tl_status status = lines_columns(&l, i, 2, "label, text", column, &err);
		if (found[i] != 2) {
			char sentence[SCRATCH_PATH + 128];
			snprintf(sentence, sizeof sentence,
				"%s:%d: %d column%s found, 2 expected, with tabs between them: label, text",
				path, i + 1, found[i], found[i] == 1 ? "" : "s");
			ck_assert_int_eq(status, TL_ERR_FORMAT);
			ck_assert_str_eq(err.text, sentence);
			continue;
		}
		ck_assert_int_eq(status, TL_OK);
		for (int k = 0; k < 2; k++) {
			ck_assert_uint_eq(column[k].length, strlen(want[i][k]));
			ck_assert_mem_eq(column[k].at, want[i][k], column[k].length);
		}
	}
	lines_release(&l);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("lines");
	TCase *c = tcase_create("lines");
	tcase_add_unchecked_fixture(c, scratch_create, scratch_remove);
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_loop_test(c, files_become_lines, 0, COUNT(files));
	tcase_add_loop_test(c, streams_become_lines, 0, COUNT(files));
	tcase_add_test(c, lines_of_any_length);
	tcase_add_test(c, streams_that_cannot_be_read);
	tcase_add_test(c, files_that_cannot_be_read);
	tcase_add_test(c, columns_are_counted);
	suite_add_tcase(s, c);
	return s;
}
