/* SPDX-License-Identifier: Apache-2.0 */
/* Vocabularies of the command line tool: their order, finding and numbering tokens, JSON. */
#include "tests/suite.h"

#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "tests/texts.h"
#include "tools/vocab.h"

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
	ck_assert(!vocab_build(&v, t, COUNT(from), FRONT_NONE, 1, &err));
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
	ck_assert(!vocab_build(&v, t, COUNT(from), FRONT_UNKNOWN, 1, &err));
	ck_assert(v.has_unknown);
	assert_symbols(&v, COUNT(want), want);
	ck_assert(!vocab_encode(&v, "x", t, COUNT(from), ids, &err));
	for (int i = 0; i < COUNT(from); i++)
		ck_assert_str_eq(v.symbols[ids[i]], from[i]);
	token others[] = {token_of("t"), token_of("them"), token_of(" "), token_of("zoo"), token_of("")};
	for (int i = 0; i < COUNT(others); i++)
		ck_assert_int_eq(vocab_find(&v, others[i]), 0);
	vocab_release(&v);
	ck_assert(!vocab_build(&v, t, 0, FRONT_UNKNOWN, 1, &err));
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
		ck_assert(!vocab_build(&v, t, n, unknown ? FRONT_UNKNOWN : FRONT_NONE, 1, &err));
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
	ck_assert(!vocab_build(&v, t, 2, FRONT_NONE, 1, &err));
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
		ck_assert(!vocab_build(&v, t, COUNT(from) - !unknown * 2, unknown ? FRONT_UNKNOWN : FRONT_NONE, 1, &err));
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

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("vocab");
	TCase *c = tcase_create("vocab");
	tcase_add_test(c, symbols_are_in_the_order_of_code_points);
	tcase_add_test(c, unknown_stands_first);
	tcase_add_test(c, finding_agrees_with_looking_at_all);
	tcase_add_test(c, an_unknown_symbol_is_named);
	tcase_add_test(c, vocabularies_survive_json);
	tcase_add_loop_test(c, damaged_vocabularies_are_refused, 0, COUNT(bad_vocabularies));
	suite_add_tcase(s, c);
	return s;
}
