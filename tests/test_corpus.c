/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of the command line tool: reading, preparing, cutting, numbering, splitting, windows. */
#include "tests/suite.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/random.h"
#include "tools/corpus.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))
#define BYTES(literal) literal, sizeof(literal) - 1

static char path[] = "/tmp/tapeloop-corpus-XXXXXX";

static void write_file(const char *bytes, size_t size)
{
	FILE *f = fopen(path, "wb");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, size, f), size);
	ck_assert_int_eq(fclose(f), 0);
}

static void make_path(void)
{
	strcpy(path + strlen(path) - 6, "XXXXXX");
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void remove_path(void)
{
	unlink(path);
}

static text text_of(const char *bytes, size_t size)
{
	text t = {malloc(size + 1), size};
	ck_assert_ptr_nonnull(t.bytes);
	memcpy(t.bytes, bytes, size);
	t.bytes[size] = '\0';
	return t;
}

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

/* Vocabularies */

static token token_of(const char *s)
{
	return (token){s, (uint32_t)strlen(s)};
}

static void assert_symbols(const vocab *v, int n, const char *const *want)
{
	ck_assert_int_eq(v->n, n);
	for (int i = 0; i < n; i++)
		ck_assert_str_eq(v->symbols[i], want[i]);
}

START_TEST(symbols_are_in_the_order_of_code_points)
{
	static const char *const from[] = {"z", "\xF0\x9F\x98\x80", "a", "\xC3\xA9", "Z", "\xE2\x82\xAC", "a",
		"\n", " ", "\xEF\xBF\xBD", "~", "z", "\xC2\x80"};
	static const char *const want[] = {"\n", " ", "Z", "a", "z", "~", "\xC2\x80", "\xC3\xA9",
		"\xE2\x82\xAC", "\xEF\xBF\xBD", "\xF0\x9F\x98\x80"};
	token t[COUNT(from)];
	for (int i = 0; i < COUNT(from); i++)
		t[i] = token_of(from[i]);
	vocab v;
	tl_error err = {0};
	ck_assert(!vocab_build(&v, t, COUNT(from), false, &err));
	ck_assert(!v.has_unknown);
	assert_symbols(&v, COUNT(want), want);
	vocab_release(&v);
	ck_assert(v.n == 0 && !v.symbols);
	for (int i = 0; i < COUNT(from); i++) /* the caller's tokens stay in their order */
		ck_assert_str_eq(t[i].at, from[i]);
}
END_TEST

START_TEST(unknown_stands_first)
{
	static const char *const from[] = {
		"the", "<eos>", "!", "<unk>", "th", "then", "<unk>", "the", "<unl>"};
	static const char *const want[] = {"<unk>", "!", "<eos>", "<unl>", "th", "the", "then"};
	token t[COUNT(from)];
	int32_t ids[COUNT(from)];
	for (int i = 0; i < COUNT(from); i++)
		t[i] = token_of(from[i]);
	vocab v;
	tl_error err = {0};
	ck_assert(!vocab_build(&v, t, COUNT(from), true, &err));
	ck_assert(v.has_unknown);
	assert_symbols(&v, COUNT(want), want);
	ck_assert(!vocab_encode(&v, "x", t, COUNT(from), ids, &err));
	for (int i = 0; i < COUNT(from); i++)
		ck_assert_str_eq(v.symbols[ids[i]], from[i]);
	token others[] = {token_of("t"), token_of("them"), token_of(" "), token_of("zoo"), token_of("")};
	for (int i = 0; i < COUNT(others); i++)
		ck_assert_int_eq(vocab_find(&v, others[i]), 0);
	vocab_release(&v);
	ck_assert(!vocab_build(&v, t, 0, true, &err));
	assert_symbols(&v, 1, want);
	vocab_release(&v);
}
END_TEST

/* A word of 1 to 4 letters out of few, as a slice that no NUL closes. */
static token random_word(tl_rng *rng, const char *letters)
{
	int64_t n = 1 + tl_rng_below(rng, 4);
	return (token){letters + tl_rng_below(rng, 60), (uint32_t)n};
}

START_TEST(finding_agrees_with_looking_at_all)
{
	char letters[65] = "";
	tl_rng rng = {.seed = 3};
	for (int i = 0; i < 64; i++)
		letters[i] = "abz\x7F"[tl_rng_below(&rng, 4)];
	for (int round = 0; round < 200; round++) {
		token t[40];
		int n = (int)tl_rng_below(&rng, COUNT(t) + 1);
		bool unknown = round % 2;
		for (int i = 0; i < n; i++)
			t[i] = random_word(&rng, letters);
		vocab v;
		tl_error err = {0};
		ck_assert(!vocab_build(&v, t, n, unknown, &err));
		for (int k = 0; k < 100; k++) {
			token x = k < n ? t[k] : random_word(&rng, letters);
			int64_t want = unknown ? 0 : -1;
			bool member = false;
			for (int64_t i = 0; i < v.n; i++)
				if (strlen(v.symbols[i]) == x.length && !memcmp(v.symbols[i], x.at, x.length))
					want = i;
			for (int i = 0; i < n; i++)
				member = member ||
					 (t[i].length == x.length && !memcmp(t[i].at, x.at, x.length));
			ck_assert_int_eq(vocab_find(&v, x), want);
			ck_assert(member == (want >= unknown));
		}
		vocab_release(&v);
	}
}
END_TEST

START_TEST(an_unknown_symbol_is_named)
{
	token t[] = {token_of("a"), token_of("b"), token_of("\xE2\x82\xAC"), token_of("a")};
	int32_t ids[COUNT(t)];
	vocab v;
	tl_error err = {0};
	ck_assert(!vocab_build(&v, t, 2, false, &err));
	ck_assert(vocab_encode(&v, "other.txt", t, COUNT(t), ids, &err) == TL_ERR_INDEX);
	ck_assert_ptr_nonnull(strstr(err.text, "other.txt"));
	ck_assert_ptr_nonnull(strstr(err.text, "\xE2\x82\xAC"));
	vocab_release(&v);
}
END_TEST

START_TEST(vocabularies_survive_json)
{
	static const char *const from[] = {
		"\"", "\\", "\n", "\x01", "\xC3\xA9", "\xF0\x9F\x98\x80", "<unk>", "/"};
	token t[COUNT(from)];
	for (int i = 0; i < COUNT(from); i++)
		t[i] = token_of(from[i]);
	for (int unknown = 0; unknown < 2; unknown++) {
		vocab v, again;
		tl_error err = {0};
		ck_assert(!vocab_build(&v, t, COUNT(from) - !unknown * 2, unknown, &err));
		json_t *array = vocab_to_json(&v);
		char *line = json_dumps(array, JSON_COMPACT);
		json_t *parsed = json_loads(line, 0, NULL);
		ck_assert_ptr_nonnull(parsed);
		ck_assert_msg(!vocab_from_json(&again, parsed, &err), "%s", err.text);
		ck_assert_int_eq(again.has_unknown, unknown);
		assert_symbols(&again, (int)v.n, (const char *const *)v.symbols);
		json_decref(array);
		json_decref(parsed);
		free(line);
		vocab_release(&v);
		vocab_release(&again);
	}
}
END_TEST

static const char *const bad_vocabularies[] = {
	"[]",
	"{}",
	"{\"a\": 1}",
	"[1, 2]",
	"[\"a\", null]",
	"[\"a\", \"\"]",
	"[\"a\", [\"b\"]]",
	"[\"b\", \"a\"]",
	"[\"a\", \"a\"]",
	"[\"a\", \"b\", \"B\"]",
	"[\"a\", \"<unk>\"]",
	"[\"<unk>\", \"<unk>\", \"a\", \"A\"]",
};

START_TEST(damaged_vocabularies_are_refused)
{
	json_t *array = json_loads(bad_vocabularies[_i], 0, NULL);
	ck_assert_ptr_nonnull(array);
	vocab v;
	tl_error err = {0};
	ck_assert_int_eq(vocab_from_json(&v, array, &err), TL_ERR_FORMAT);
	ck_assert_ptr_nonnull(strstr(err.text, "vocabulary"));
	ck_assert(v.n == 0 && !v.symbols);
	json_decref(array);
}
END_TEST

/* Corpora */

static void read_corpus(corpus *c, const corpus_options *o, vocab *v)
{
	tl_error err = {0};
	corpus_options with_path = *o;
	with_path.path = path;
	ck_assert_msg(!corpus_read(c, &with_path, v, &err), "%s", err.text);
}

static void assert_parts(const corpus *c, int64_t train, int64_t valid, int64_t test)
{
	ck_assert_msg(c->size[TRAIN] == train && c->size[VALID] == valid && c->size[TEST] == test,
		"%" PRId64 " tokens in parts of %" PRId64 ", %" PRId64 ", %" PRId64 " and not %" PRId64
		", %" PRId64 ", %" PRId64,
		c->n, c->size[TRAIN], c->size[VALID], c->size[TEST], train, valid, test);
	ck_assert_ptr_eq(c->part[TRAIN], c->ids);
	ck_assert_ptr_eq(c->part[VALID], c->ids + train);
	ck_assert_ptr_eq(c->part[TEST], c->ids + train + valid);
}

static void write_letters(size_t size)
{
	char *bytes = malloc(size);
	ck_assert_ptr_nonnull(bytes);
	memset(bytes, 'a', size);
	write_file(bytes, size);
	free(bytes);
}

/* n = len(text); train = text[:int(n * 0.9)], valid = text[int(n * 0.9):int(n * 0.9) + int(n * 0.05)], ... */
START_TEST(parts_have_the_sizes_that_python_gives)
{
	static const struct {
		double percent[3], a, b;
		bool rest; /* the test part is what the others leave */
	} splits[] = {
		{{90, 5, 5}, 0.9, 0.05, true},
		{{80, 10, 10}, 0.8, 0.1, true},
		{{90, 10, 0}, 0.9, 0.1, false},
		{{100, 0, 0}, 1.0, 0.0, false},
		{{50, 25, 25}, 0.5, 0.25, true},
	};
	enum { MOST = 1500 };
	write_letters(MOST);
	for (int64_t n = 2; n <= MOST; n += n < 130 ? 1 : 17) {
		corpus c;
		vocab v = {0};
		read_corpus(&c,
			&(corpus_options){.limit = n,
				.split = {splits[_i].percent[0], splits[_i].percent[1],
					splits[_i].percent[2]}},
			&v);
		int64_t train = (int64_t)(splits[_i].a * (double)n),
			valid = (int64_t)(splits[_i].b * (double)n);
		ck_assert_int_eq(c.n, n);
		assert_parts(&c, train, valid, splits[_i].rest ? n - train - valid : 0);
		corpus_release(&c);
		vocab_release(&v);
	}
}
END_TEST

START_TEST(parts_of_tinyshakespeare)
{
	corpus c;
	vocab v = {0};
	write_letters(1115394);
	read_corpus(&c, &(corpus_options){.split = {90, 5, 5}}, &v);
	assert_parts(&c, 1003854, 55769, 55771);
	corpus_release(&c);
	vocab_release(&v);
}
END_TEST

START_TEST(parts_need_not_be_all)
{
	static const struct {
		double percent[3];
		int64_t want[3];
	} splits[] = {
		{{50, 25, 20}, {500, 250, 200}},
		{{10, 0, 10}, {100, 0, 100}},
		{{90, 0, 0}, {900, 0, 0}},
		{{0.5, 0.25, 0.1}, {5, 2, 1}},
		{{60, 0, 40}, {600, 0, 400}},
		{{33.3, 33.3, 33.4}, {333, 333, 334}},
	};
	corpus c;
	vocab v = {0};
	write_letters(1000);
	read_corpus(&c,
		&(corpus_options){
			.split = {splits[_i].percent[0], splits[_i].percent[1], splits[_i].percent[2]}},
		&v);
	assert_parts(&c, splits[_i].want[0], splits[_i].want[1], splits[_i].want[2]);
	corpus_release(&c);
	vocab_release(&v);
}
END_TEST

static const struct {
	const char *bytes;
	corpus_options o;
	int symbols;
	const char *vocabulary[8];
	int32_t ids[24];
	int64_t n;
} corpora[] = {
	/* valid and test hold nothing new: no <unk> */
	{"abcabcabca", {.split = {80, 10, 10}}, 3, {"a", "b", "c"}, {0, 1, 2, 0, 1, 2, 0, 1, 2, 0}, 10},
	/* they do */
	{"abcabcabcx", {.split = {80, 10, 10}}, 4, {"<unk>", "a", "b", "c"}, {1, 2, 3, 1, 2, 3, 1, 2, 3, 0},
		10},
	{"aaaaaaaaxa", {.split = {80, 10, 10}}, 2, {"<unk>", "a"}, {1, 1, 1, 1, 1, 1, 1, 1, 0, 1}, 10},
	/* beyond the limit */
	{"ababababab", {.split = {100, 0, 0}, .limit = 4}, 2, {"a", "b"}, {0, 1, 0, 1}, 4},
	{"abababx", {.split = {100, 0, 0}, .limit = 6}, 2, {"a", "b"}, {0, 1, 0, 1, 0, 1}, 6},
	/* no part at all, but there: numbered like the rest */
	{"ababx", {.split = {80, 0, 0}}, 3, {"<unk>", "a", "b"}, {1, 2, 1, 2, 0}, 5},
	{"A b, a\nB", {.split = {100, 0, 0}, .lowercase_letters = true}, 4, {"<unk>", " ", "a", "b"},
		{2, 1, 3, 1, 2, 3}, 6},
	/* words always have <unk> */
	{"b a\nb", {.split = {100, 0, 0}, .unit = UNIT_WORD}, 4, {"<unk>", "<eos>", "a", "b"}, {3, 2, 1, 3},
		4},
	{"to be or\nnot to be\n", {.split = {50, 25, 25}, .unit = UNIT_WORD}, 5,
		{"<unk>", "<eos>", "be", "or", "to"}, {4, 2, 3, 1, 0, 4, 2, 1}, 8},
	{"\xC3\xA9\xE2\x82\xAC\xC3\xA9", {.split = {100, 0, 0}}, 2, {"\xC3\xA9", "\xE2\x82\xAC"}, {0, 1, 0},
		3},
};

START_TEST(texts_become_numbers)
{
	corpus c;
	vocab v = {0};
	write_file(corpora[_i].bytes, strlen(corpora[_i].bytes));
	read_corpus(&c, &corpora[_i].o, &v);
	assert_symbols(&v, corpora[_i].symbols, corpora[_i].vocabulary);
	ck_assert_int_eq(c.n, corpora[_i].n);
	for (int64_t i = 0; i < c.n; i++)
		ck_assert_int_eq(c.ids[i], corpora[_i].ids[i]);
	corpus_release(&c);
	vocab_release(&v);
	ck_assert(!c.ids && c.n == 0);
}
END_TEST

START_TEST(a_given_vocabulary_is_kept)
{
	corpus c;
	vocab v;
	tl_error err = {0};
	token t[] = {token_of("x"), token_of("b"), token_of("a")};
	ck_assert(!vocab_build(&v, t, COUNT(t), false, &err));
	write_file(BYTES("abba"));
	read_corpus(&c, &(corpus_options){.split = {0, 0, 100}}, &v);
	ck_assert_int_eq(v.n, 3);
	assert_parts(&c, 0, 0, 4);
	ck_assert(c.ids[0] == 0 && c.ids[1] == 1 && c.ids[2] == 1 && c.ids[3] == 0);
	corpus_release(&c);
	write_file(BYTES("abQa"));
	ck_assert_int_eq(corpus_read(&c, &(corpus_options){.path = path, .split = {0, 0, 100}}, &v, &err),
		TL_ERR_INDEX);
	ck_assert(!c.ids && strstr(err.text, path) == err.text && strstr(err.text, "'Q'"));
	ck_assert_int_eq(v.n, 3);
	vocab_release(&v);
}
END_TEST

START_TEST(nothing_to_train_on_is_refused)
{
	corpus c;
	vocab v = {0};
	tl_error letters = {0}, part = {0}, words = {0};
	write_file(BYTES("123 456\n"));
	ck_assert_int_eq(
		corpus_read(&c, &(corpus_options){path, UNIT_CHAR, true, 0, {90, 5, 5}}, &v, &letters),
		TL_ERR_FORMAT);
	ck_assert_int_eq(
		corpus_read(&c, &(corpus_options){path, UNIT_CHAR, false, 0, {1, 50, 49}}, &v, &part),
		TL_ERR_FORMAT);
	write_file(BYTES("  \t "));
	ck_assert_int_eq(
		corpus_read(&c, &(corpus_options){path, UNIT_WORD, false, 0, {90, 5, 5}}, &v, &words),
		TL_ERR_FORMAT);
	ck_assert(strstr(letters.text, path) && strstr(part.text, path) && strstr(words.text, path));
	ck_assert(v.n == 0 && !c.ids);
}
END_TEST

/* Windows */

START_TEST(windows_are_those_of_the_formula)
{
	tl_rng rng = {.seed = 17};
	int32_t part[200];
	for (int i = 0; i < COUNT(part); i++)
		part[i] = (int32_t)tl_rng_below(&rng, 1000);
	for (int64_t size = 0; size <= COUNT(part); size += 1 + size / 20)
		for (int64_t B = 1; B <= 9; B++)
			for (int64_t T = 1; T <= 13; T++) {
				windows w;
				tl_error err = {0};
				int64_t L = size ? (size - 1) / B : 0, windows_before = 0;
				tl_status status = windows_init(&w, "part", part, size, B, T, &err);
				ck_assert_int_eq(status, size >= B * T + 1 ? TL_OK : TL_ERR_SHAPE);
				for (int64_t i = 0; !status && i + T <= L; i += T, windows_before++) {
					int32_t x[9 * 13 + 2], y[9 * 13 + 2];
					x[B * T] = y[B * T] = -7;
					windows_get(&w, windows_before, x, y);
					for (int64_t t = 0; t < T; t++)
						for (int64_t b = 0; b < B; b++) {
							ck_assert_int_eq(x[t * B + b], part[b * L + i + t]);
							ck_assert_int_eq(
								y[t * B + b], part[b * L + i + t + 1]);
						}
					ck_assert(x[B * T] == -7 && y[B * T] == -7);
				}
				ck_assert_int_eq(status ? 0 : w.count, windows_before);
			}
}
END_TEST

START_TEST(too_few_tokens_are_refused_with_all_sizes)
{
	windows w;
	tl_error err = {0};
	ck_assert_int_eq(windows_init(&w, "book.txt", NULL, 34 * 57, 34, 57, &err), TL_ERR_SHAPE);
	ck_assert(strstr(err.text, "book.txt") && strstr(err.text, "1938") && strstr(err.text, "1939"));
	ck_assert(strstr(err.text, " 34 ") && strstr(err.text, " 57"));
	ck_assert_int_eq(windows_init(&w, "book.txt", NULL, -5, 1, 1, &err), TL_ERR_SHAPE);
	ck_assert_int_eq(windows_init(&w, "book.txt", NULL, 100, 1 << 20, 1 << 20, &err), TL_ERR_SHAPE);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("corpus");
	TCase *c = tcase_create("corpus");
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
	tcase_add_test(c, symbols_are_in_the_order_of_code_points);
	tcase_add_test(c, unknown_stands_first);
	tcase_add_test(c, finding_agrees_with_looking_at_all);
	tcase_add_test(c, an_unknown_symbol_is_named);
	tcase_add_test(c, vocabularies_survive_json);
	tcase_add_loop_test(c, damaged_vocabularies_are_refused, 0, COUNT(bad_vocabularies));
	tcase_add_loop_test(c, parts_have_the_sizes_that_python_gives, 0, 5);
	tcase_add_test(c, parts_of_tinyshakespeare);
	tcase_add_loop_test(c, parts_need_not_be_all, 0, 6);
	tcase_add_loop_test(c, texts_become_numbers, 0, COUNT(corpora));
	tcase_add_test(c, a_given_vocabulary_is_kept);
	tcase_add_test(c, nothing_to_train_on_is_refused);
	tcase_add_test(c, windows_are_those_of_the_formula);
	tcase_add_test(c, too_few_tokens_are_refused_with_all_sizes);
	suite_add_tcase(s, c);
	return s;
}
