/* SPDX-License-Identifier: Apache-2.0 */
/* Text files of the command line tool: reading and checking, lower-case letters, cutting into tokens. */
#include "tests/suite.h"

#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "tests/texts.h"
#include "tools/text.h"

/* Reading */

static const struct {
	const char *bytes;
	size_t size;
	size_t at; /* the byte that the sentence names */
	int line;
} broken[] = {
	{BYTES("\xFF"), 0, 1},
	{BYTES("ab\nc\x80"), 4, 2},		    /* a continuation byte alone */
	{BYTES("abc\xC0\xAF"), 3, 1},		    /* overlong: 2 bytes for '/' */
	{BYTES("\xE0\x80\xAF"), 0, 1},		    /* overlong: 3 bytes */
	{BYTES("\n\n\xF0\x80\x80\xAF"), 2, 3},	    /* overlong: 4 bytes */
	{BYTES("a\xED\xA0\x80"), 1, 1},		    /* a surrogate */
	{BYTES("\xF4\x90\x80\x80"), 0, 1},	    /* above U+10FFFF */
	{BYTES("\xF8\x88\x80\x80\x80"), 0, 1},	    /* 5 bytes */
	{BYTES("\xC3\xA9\n\xE2\x82"), 3, 2},	    /* cut off at the end */
	{BYTES("\xF0\x9F\x98"), 0, 1},		    /* the same */
	{BYTES("\xE2\x82z"), 0, 1},		    /* cut off by a letter */
	{BYTES("one\ntwo\nthree\xE9 four"), 13, 3}, /* Latin-1 */
	{BYTES("ab\0c"), 2, 1},			    /* NUL */
	{BYTES("\n\0"), 1, 2},
};

static void assert_names(const tl_error *err, const char *file, size_t at, int line)
{
	char byte[32], lines[32];
	snprintf(byte, sizeof byte, "byte %zu ", at);
	snprintf(lines, sizeof lines, "line %d)", line);
	ck_assert_int_eq(err->status, TL_ERR_FORMAT);
	ck_assert_msg(
		strstr(err->text, file) == err->text && strstr(err->text, byte) && strstr(err->text, lines),
		"not at %s(%s in: %s", byte, lines, err->text);
}

START_TEST(broken_utf8_is_refused_with_its_position)
{
	tl_error err = {0}, from_file = {0};
	ck_assert(text_check_utf8("NAME", broken[_i].bytes, broken[_i].size, &err) == TL_ERR_FORMAT);
	assert_names(&err, "NAME: ", broken[_i].at, broken[_i].line);
	text t;
	write_file(broken[_i].bytes, broken[_i].size);
	ck_assert(text_read(&t, path, &from_file) == TL_ERR_FORMAT);
	assert_names(&from_file, path, broken[_i].at, broken[_i].line);
	ck_assert_ptr_null(t.bytes);
}
END_TEST

START_TEST(every_code_point_is_read)
{
	static const char ends[] = "\x01\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF"
				   "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF";
	tl_error err = {0};
	ck_assert_msg(!text_check_utf8("ends", BYTES(ends), &err), "%s", err.text);
	ck_assert(!text_check_utf8("nothing", "", 0, &err));
}
END_TEST

START_TEST(files_of_any_size_are_read)
{
	static const size_t sizes[] = {1, 2, 4095, 65535, 65536, 65537, 131071, 131072, 131073, 400000};
	size_t size = sizes[_i];
	char *bytes = malloc(size);
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)('a' + i * 7 % 26);
	write_file(bytes, size);
	text t;
	tl_error err = {0};
	ck_assert_msg(!text_read(&t, path, &err), "%s", err.text);
	ck_assert_uint_eq(t.size, size);
	ck_assert_int_eq(memcmp(t.bytes, bytes, size), 0);
	ck_assert_int_eq(t.bytes[size], '\0');
	text_release(&t);
	ck_assert_ptr_null(t.bytes);
	free(bytes);
}
END_TEST

START_TEST(a_byte_order_mark_is_left_out)
{
	text t;
	tl_error err = {0};
	write_file(BYTES("\xEF\xBB\xBF"
			 "ab"));
	ck_assert_msg(!text_read(&t, path, &err), "%s", err.text);
	ck_assert_str_eq(t.bytes, "ab");
	ck_assert_uint_eq(t.size, 2);
	text_release(&t);
	write_file(BYTES("a\xEF\xBB\xBF")); /* elsewhere it is a character */
	ck_assert(!text_read(&t, path, &err));
	ck_assert_uint_eq(t.size, 4);
	text_release(&t);
	write_file(BYTES("\xEF\xBB\xBF"));
	ck_assert(text_read(&t, path, &err) == TL_ERR_FORMAT);
	ck_assert_ptr_nonnull(strstr(err.text, "empty"));
}
END_TEST

START_TEST(positions_behind_a_byte_order_mark_are_those_of_the_file)
{
	text t;
	tl_error err = {0};
	write_file(BYTES("\xEF\xBB\xBF"
			 "ab\xFF"));
	ck_assert(text_read(&t, path, &err) == TL_ERR_FORMAT);
	assert_names(&err, path, 5, 1);
}
END_TEST

START_TEST(what_is_no_text_file_is_refused)
{
	text t;
	tl_error missing = {0}, directory = {0}, empty = {0};
	ck_assert(text_read(&t, "/nowhere/book.txt", &missing) == TL_ERR_IO);
	ck_assert_ptr_nonnull(strstr(missing.text, "/nowhere/book.txt"));
	ck_assert(text_read(&t, "/tmp", &directory) == TL_ERR_IO);
	ck_assert_ptr_nonnull(strstr(directory.text, "/tmp: this is a directory"));
	write_file("", 0);
	ck_assert(text_read(&t, path, &empty) == TL_ERR_FORMAT);
	ck_assert_ptr_nonnull(strstr(empty.text, "empty"));
	ck_assert_ptr_null(t.bytes);
}
END_TEST

/* Lower-case letters */

static const struct {
	const char *from, *want;
} lowered[] = {
	{"The Time Machine, by H. G. Wells [1898]\n", "the time machine by h g wells"},
	{"abc", "abc"},
	{"ABC XYZ", "abc xyz"},
	{"  a  b\t\tc  \n", "a b c"}, /* runs, blanks at both ends */
	{"don't -- stop!", "don t stop"},
	{"a1b22c333d", "a b c d"},
	{"a@b[c`d{e/f:g", "a b c d e f g"}, /* the neighbours of A-Z and a-z */
	{"azAZ", "azaz"},
	{"one\ntwo", "onetwo"}, /* lines joined with nothing in between */
	{"one \n two\n", "onetwo"},
	{"one.\n\n\n\n(two)", "onetwo"},
	{"a b\nc d\n", "a bc d"},
	{"\n\nx", "x"},
	{"x\n\n", "x"},
	{"the last line", "the last line"}, /* without a newline */
	{"a\nlast ", "alast"},
	{"a\r\nb c\r\nd", "ab cd"}, /* CRLF */
	{"\r\n", ""},
	{"na\xC3\xAFve \xC3\x84pfel", "na ve pfel"}, /* letters, but not of A-Z */
	{"\xC3\xA9t\xC3\xA9", "t"},
	{"x\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80y", "x y"}, /* one run of 9 bytes */
	{"\xE2\x84\xAA", ""},				   /* the Kelvin sign, whose lower case is k */
	{"", ""},
	{"\n", ""},
	{" ", ""},
	{"123 456\n78\n", ""},
	{"1\na\n2", "a"},
};

START_TEST(lower_case_letters_by_hand)
{
	text t = text_of(lowered[_i].from, strlen(lowered[_i].from));
	text_lowercase_letters(&t);
	ck_assert_str_eq(t.bytes, lowered[_i].want);
	ck_assert_uint_eq(t.size, strlen(lowered[_i].want));
	text_release(&t);
}
END_TEST

/* ''.join(re.sub('[^A-Za-z]+', ' ', line).strip().lower() for line in lines), step by step. */
static size_t lowered_slowly(const char *from, size_t size, char *to)
{
	size_t n = 0;
	for (size_t at = 0; at <= size;) {
		char line[512];
		size_t used = 0, first = 0;
		for (; at < size && from[at] != '\n'; at++) {
			bool letter =
				strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", from[at]);
			if (letter)
				line[used++] = from[at];
			else if (used == 0 || line[used - 1] != ' ')
				line[used++] = ' ';
		}
		at++;
		while (used > first && line[used - 1] == ' ')
			used--;
		while (first < used && line[first] == ' ')
			first++;
		for (; first < used; first++)
			to[n++] = (char)(line[first] >= 'A' && line[first] <= 'Z' ? line[first] + 32
										  : line[first]);
	}
	to[n] = '\0';
	return n;
}

START_TEST(lower_case_letters_at_random)
{
	static const char *const pieces[] = {
		"a", "Q", "z", "\n", "\r\n", " ", "7", "\xC3\xA9", "\xF0\x9F\x98\x80"};
	tl_rng rng = {.seed = 11};
	for (int round = 0; round < 2000; round++) {
		char from[512] = "", want[512];
		for (int64_t i = tl_rng_below(&rng, 60); i > 0; i--)
			strcat(from, pieces[tl_rng_below(&rng, COUNT(pieces))]);
		text t = text_of(from, strlen(from));
		text_lowercase_letters(&t);
		ck_assert_uint_eq(lowered_slowly(from, strlen(from), want), t.size);
		ck_assert_str_eq(t.bytes, want);
		text_release(&t);
	}
}
END_TEST

/* Cutting */

#define WANT 16

static const struct {
	text_unit unit;
	const char *from;
	const char *want[WANT];
} cuts[] = {
	{UNIT_CHAR, "abc", {"a", "b", "c"}},
	{UNIT_CHAR, "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\n",
		{"a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\n"}},
	{UNIT_CHAR, "e\xCC\x81", {"e", "\xCC\x81"}}, /* an accent of its own: a symbol of its own */
	{UNIT_CHAR, "\r\n\t", {"\r", "\n", "\t"}},
	{UNIT_CHAR, "<eos>", {"<", "e", "o", "s", ">"}},
	{UNIT_CHAR, "\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBD\xF4\x8F\xBF\xBF",
		{"\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xEF\xBF\xBD", "\xF4\x8F\xBF\xBF"}},
	{UNIT_CHAR, "", {NULL}},
	{UNIT_WORD, "one two", {"one", "two"}},
	{UNIT_WORD, "  one \t two  ", {"one", "two"}},
	{UNIT_WORD, "one\ntwo\n", {"one", "<eos>", "two", "<eos>"}},
	{UNIT_WORD, "one", {"one"}},
	{UNIT_WORD, "\n\n\n", {"<eos>", "<eos>", "<eos>"}},
	{UNIT_WORD, " \n one \n ", {"<eos>", "one", "<eos>"}},
	{UNIT_WORD, "one\r\ntwo\r\n", {"one", "<eos>", "two", "<eos>"}},
	{UNIT_WORD, "a <eos> b", {"a", "<eos>", "b"}},
	{UNIT_WORD, "don't,stop.", {"don't,stop."}},
	{UNIT_WORD, "\xC3\xA9t\xC3\xA9 \xE4\xBD\xA0\xE5\xA5\xBD \xF0\x9F\x98\x80!",
		{"\xC3\xA9t\xC3\xA9", "\xE4\xBD\xA0\xE5\xA5\xBD", "\xF0\x9F\x98\x80!"}},
	/* no-break, Ogham, em, narrow no-break, mathematical, ideographic space; line, paragraph separator */
	{UNIT_WORD,
		"a\xC2\xA0"
		"b\xE1\x9A\x80"
		"c\xE2\x80\x83"
		"d\xE2\x80\xAF"
		"e\xE2\x81\x9F"
		"f\xE3\x80\x80"
		"g\xE2\x80\xA8"
		"h\xE2\x80\xA9"
		"i",
		{"a", "b", "c", "d", "e", "f", "g", "h", "i"}},
	{UNIT_WORD, "a\v\f\r\tb", {"a", "b"}},
	{UNIT_WORD, "\xC2\xA0\xC2\xA0\n\xE3\x80\x80", {"<eos>"}},
	/* zero-width space, word joiner, byte order mark: no white space */
	{UNIT_WORD,
		"a\xE2\x80\x8B"
		"b\xE2\x81\xA0"
		"c\xEF\xBB\xBF"
		"d",
		{"a\xE2\x80\x8B"
		 "b\xE2\x81\xA0"
		 "c\xEF\xBB\xBF"
		 "d"}},
	{UNIT_WORD, "\xC3\xA0\xC4\xA0 \xE3\x80\x81", {"\xC3\xA0\xC4\xA0", "\xE3\x80\x81"}},
	{UNIT_WORD, " \t ", {NULL}},
	{UNIT_WORD, "", {NULL}},
};

static void assert_tokens(const tokens *t, const char *const *want, int64_t limit)
{
	int64_t n = 0;
	while (n < WANT && want[n])
		n++;
	ck_assert_int_eq(t->n, limit && limit < n ? limit : n);
	for (int64_t i = 0; i < t->n; i++)
		ck_assert_msg(
			t->v[i].length == strlen(want[i]) && !memcmp(t->v[i].at, want[i], t->v[i].length),
			"token %d is '%.*s', not '%s'", (int)i, (int)t->v[i].length, t->v[i].at, want[i]);
}

START_TEST(texts_are_cut)
{
	text t = text_of(cuts[_i].from, strlen(cuts[_i].from));
	for (int64_t limit = 0; limit <= WANT + 1; limit++) {
		tokens out;
		tl_error err = {0};
		ck_assert_msg(!text_cut(&t, cuts[_i].unit, limit, &out, &err), "%s", err.text);
		assert_tokens(&out, cuts[_i].want, limit);
		tokens_release(&out);
		ck_assert_ptr_null(out.v);
	}
	text_release(&t);
}
END_TEST

START_TEST(many_tokens_are_cut)
{
	enum { N = 20000 };
	text t = text_of("", 0);
	t.bytes = realloc(t.bytes, 2 * N + 1);
	for (int i = 0; i < N; i++)
		memcpy(t.bytes + 2 * i, i % 3 ? "\xC3\xA9" : "\xC3\xA8", 2);
	t.size = 2 * N;
	t.bytes[t.size] = '\0';
	tokens out;
	tl_error err = {0};
	ck_assert(!text_cut(&t, UNIT_CHAR, 0, &out, &err));
	ck_assert_int_eq(out.n, N);
	for (int i = 0; i < N; i++)
		ck_assert(out.v[i].at == t.bytes + 2 * i && out.v[i].length == 2);
	tokens_release(&out);
	text_release(&t);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("text");
	TCase *c = tcase_create("text");
	tcase_add_checked_fixture(c, make_path, remove_path);
	tcase_add_loop_test(c, broken_utf8_is_refused_with_its_position, 0, COUNT(broken));
	tcase_add_test(c, every_code_point_is_read);
	tcase_add_loop_test(c, files_of_any_size_are_read, 0, 10);
	tcase_add_test(c, a_byte_order_mark_is_left_out);
	tcase_add_test(c, positions_behind_a_byte_order_mark_are_those_of_the_file);
	tcase_add_test(c, what_is_no_text_file_is_refused);
	tcase_add_loop_test(c, lower_case_letters_by_hand, 0, COUNT(lowered));
	tcase_add_test(c, lower_case_letters_at_random);
	tcase_add_loop_test(c, texts_are_cut, 0, COUNT(cuts));
	tcase_add_test(c, many_tokens_are_cut);
	suite_add_tcase(s, c);
	return s;
}
