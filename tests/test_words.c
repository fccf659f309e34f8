/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting lines into words as Python does (tools/fixtures/tokens.py), and sentences. */
#include "tests/suite.h"

#include "tests/scratch.h"
#include "tests/texts.h"
#include "tools/sentences.h"

static tl_error err;

static void setup(void)
{
	scratch_files(1);
	err = (tl_error){0};
}

/* Sentence i, its tokens joined by spaces; returns buf. */
static const char *joined(const sentences *s, int64_t i, char *buf, size_t size)
{
	size_t used = 0;
	buf[0] = '\0';
	for (int64_t k = s->start[i]; k < s->start[i + 1]; k++) {
		ck_assert_uint_gt(s->v[k].length, 0);
		used += (size_t)snprintf(buf + used, size - used, "%s%.*s", k > s->start[i] ? " " : "",
			(int)s->v[k].length, s->v[k].at);
		ck_assert_uint_lt(used, size);
	}
	return buf;
}

static token column_of(const lines *l, int64_t i, int k)
{
	token column[3];
	ck_assert_msg(!lines_columns(l, i, 3, "text, tokens, words", column, &err), "%s", err.text);
	return column[k];
}

START_TEST(words_are_cut_as_python_cuts_them)
{
	words_rule rule = _i ? WORDS_SPACE : WORDS_MARKS;
	lines l;
	sentences s;
	char got[1024];
	ck_assert(!lines_read(&l, TL_FIXTURES "/tokens.tsv", &err));
	ck_assert_int_gt(l.n, 300);
	ck_assert(!sentences_init(&s, l.path, &err));
	for (int64_t i = 0; i < l.n; i++)
		ck_assert(!sentences_add(&s, column_of(&l, i, 0), i, rule, &err));
	for (int64_t i = 0; i < l.n; i++) {
		token want = column_of(&l, i, 1 + _i);
		ck_assert_msg(strlen(joined(&s, i, got, sizeof got)) == want.length &&
				      memcmp(got, want.at, want.length) == 0,
			"line %d: '%s', not '%.*s'", (int)i + 1, got, (int)want.length, want.at);
	}
	sentences_release(&s);
	lines_release(&l);
}
END_TEST

START_TEST(characters_are_code_points)
{
	static const char *const want[] = {
		"a", " ", "\t", "\xC3\xA9", "e", "\xCC\x81", "\xF0\x9F\x98\x80", "\xC2\xA0"};
	sentences s;
	ck_assert(!sentences_init(&s, NULL, &err));
	ck_assert(!sentences_add(&s,
		token_of("a \t\xC3\xA9"
			 "e\xCC\x81\xF0\x9F\x98\x80\xC2\xA0"),
		0, WORDS_CHAR, &err));
	ck_assert_int_eq(sentence_length(&s, 0), COUNT(want));
	for (int k = 0; k < COUNT(want); k++) {
		ck_assert_uint_eq(s.v[k].length, strlen(want[k]));
		ck_assert_mem_eq(s.v[k].at, want[k], s.v[k].length);
	}
	sentences_release(&s);
}
END_TEST

START_TEST(files_become_sentences)
{
	static const char *const want[] = {"the cat", "", "", "a b c", "x"};
	const char *path = scratch_path("f");
	scratch_put(path, BYTES("the  cat \n\n \t\r\na\tb\xC2\xA0"
				"c\nx"));
	sentences s;
	char got[64];
	ck_assert(!sentences_read(&s, path, WORDS_SPACE, &err));
	ck_assert_int_eq(s.n, COUNT(want));
	ck_assert_str_eq(s.path, path);
	for (int i = 0; i < COUNT(want); i++) {
		ck_assert_str_eq(joined(&s, i, got, sizeof got), want[i]);
		ck_assert_int_eq(s.line[i], i);
	}
	ck_assert_int_eq(s.start[s.n], 6);
	ck_assert(!sentences_check_length(&s, 3, "--max-length", &err));
	ck_assert_int_eq(sentences_check_length(&s, 2, "--max-length", &err), TL_ERR_FORMAT);
	char sentence[SCRATCH_PATH + 64];
	snprintf(sentence, sizeof sentence, "%s:4: a sentence of 3 tokens; --max-length allows 2", path);
	ck_assert_str_eq(err.text, sentence);
	sentences_release(&s);
	ck_assert_int_eq(sentences_read(&s, scratch_path("none"), WORDS_SPACE, NULL), TL_ERR_IO);
}
END_TEST

/* One line after the other in the same memory, of many lengths; many lines, whose tokens stay. */
START_TEST(sentences_grow_and_start_again)
{
	sentences s;
	ck_assert(!sentences_init(&s, "f", &err));
	for (int round = 0; round < 3; round++) {
		sentences_clear(&s);
		for (int i = 0; i < 5000; i++) {
			char line[256];
			size_t used = 0;
			for (int k = 0; k < i % 40; k++)
				used += (size_t)snprintf(line + used, sizeof line - used, "%d ", i + k);
			ck_assert(!sentences_add(&s, (token){line, (uint32_t)used}, i,
				round == 1 ? WORDS_MARKS : WORDS_SPACE, &err));
		}
		ck_assert_int_eq(s.n, 5000);
		for (int i = 0; i < 5000; i++) {
			ck_assert_int_eq(sentence_length(&s, i), i % 40);
			for (int k = 0; k < i % 40; k++) {
				char word[16];
				int n = snprintf(word, sizeof word, "%d", i + k);
				token got = s.v[s.start[i] + k];
				ck_assert_int_eq(got.length, n);
				ck_assert_mem_eq(got.at, word, n);
			}
		}
	}
	token given[] = {token_of("two words"), token_of("")};
	ck_assert(!sentences_add_tokens(&s, given, 2, 7, &err));
	ck_assert_int_eq(sentence_length(&s, 5000), 2);
	ck_assert_mem_eq(s.v[s.start[5000]].at, "two words", 9);
	ck_assert_int_eq(s.line[5000], 7);
	sentences_release(&s);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("words");
	TCase *c = tcase_create("words");
	tcase_add_unchecked_fixture(c, scratch_create, scratch_remove);
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_loop_test(c, words_are_cut_as_python_cuts_them, 0, 2);
	tcase_add_test(c, characters_are_code_points);
	tcase_add_test(c, files_become_sentences);
	tcase_add_test(c, sentences_grow_and_start_again);
	suite_add_tcase(s, c);
	return s;
}
