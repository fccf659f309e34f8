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

START_TEST(rare_tokens_are_left_out)
{
	static const char *const from[] = {"b", "a", "c", "b", "<unk>", "a", "a", "<s>", "<s>", "\xC3\xA9", "\xC3\xA9", "</s>", "ab"};
	static const char *const want[][8] = {
		{"<s>", "a", "b", "\xC3\xA9"},
		{"<unk>", "<s>", "a", "b", "\xC3\xA9"},
		{"<pad>", "<unk>", "<s>", "a", "b", "\xC3\xA9"},
		{"<pad>", "<unk>", "<s>", "</s>", "a", "b", "\xC3\xA9"},
	};
	static const int counts[] = {4, 5, 6, 7}, specials[] = {0, 1, 2, 4}, unknown[] = {-1, 0, 1, 1};
	token t[COUNT(from)];
	for (int i = 0; i < COUNT(from); i++)
		t[i] = token_of(from[i]);
	vocab v;
	tl_error err = {0};
	ck_assert(!vocab_build(&v, t, COUNT(from), (vocab_front)_i, 2, &err));
	assert_symbols(&v, counts[_i], want[_i]);
	ck_assert_int_eq(v.specials, specials[_i]);
	ck_assert_int_eq(v.unknown, unknown[_i]);
	ck_assert(v.has_unknown == (unknown[_i] >= 0));
	for (int k = 0; k < counts[_i]; k++)
		ck_assert_int_eq(vocab_find(&v, token_of(want[_i][k])), k);
	ck_assert_int_eq(vocab_find(&v, token_of("c")), unknown[_i]);
	ck_assert_int_eq(vocab_find(&v, token_of("<pa")), unknown[_i]);
	vocab_release(&v);
	ck_assert(!vocab_build(&v, t, COUNT(from), (vocab_front)_i, 4, &err));
	ck_assert_int_eq(v.n, specials[_i]);
	vocab_release(&v);
}
END_TEST

/* With the front that they were built with, vocabularies come back; with another one they are refused. */
START_TEST(fronts_survive_json)
{
	token t[] = {token_of("a"), token_of("!"), token_of("\xC3\xA9")};
	vocab v, again;
	tl_error err = {0};
	ck_assert(!vocab_build(&v, t, COUNT(t), (vocab_front)_i, 1, &err));
	json_t *array = vocab_to_json(&v);
	for (int front = FRONT_NONE; front <= FRONT_CLOSED; front++) {
		err = (tl_error){0};
		tl_status status = vocab_from_json_as(&again, array, (vocab_front)front, &err);
		if (front != _i) {
			ck_assert_int_eq(status, TL_ERR_FORMAT);
			ck_assert_ptr_nonnull(strstr(err.text, "of the vocabulary is "));
			ck_assert(again.n == 0 && !again.symbols);
			continue;
		}
		ck_assert_msg(!status, "%s", err.text);
		assert_symbols(&again, (int)v.n, (const char *const *)v.symbols);
		ck_assert(again.front == v.front && again.specials == v.specials && again.unknown == v.unknown);
		vocab_release(&again);
	}
	json_decref(array);
	vocab_release(&v);
}
END_TEST

START_TEST(tokens_are_shown)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"word", "'word'"},
		{"\n", "U+000A"},
		{"\xC2\xA0", "U+00A0"},
		{"\xE2\x82\xAC", "'\xE2\x82\xAC'"},
		{"a\033[31mb\x7F", "'a?[31mb?'"},
		{"", "''"},
		{"0123456789012345678901234567890123456789012\xC3\xA9z", "'0123456789012345678901234567890123456789012\xC3\xA9'"},
		{"01234567890123456789012345678901234567890123\xC3\xA9z", "'01234567890123456789012345678901234567890123'"},
	};
	char buf[TOKEN_SHOWN];
	ck_assert_str_eq(token_shown(token_of(rows[_i].text), buf), rows[_i].want);
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
	tcase_add_loop_test(c, rare_tokens_are_left_out, FRONT_NONE, FRONT_CLOSED + 1);
	tcase_add_loop_test(c, fronts_survive_json, FRONT_NONE, FRONT_CLOSED + 1);
	tcase_add_loop_test(c, tokens_are_shown, 0, 8);
	tcase_add_loop_test(c, damaged_vocabularies_are_refused, 0, COUNT(bad_vocabularies));
	suite_add_tcase(s, c);
	return s;
}
