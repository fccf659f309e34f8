/* SPDX-License-Identifier: Apache-2.0 */
/* Texts as numbers: the parts of a corpus, its vocabulary, the windows that training reads. */
#include "tests/suite.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "tests/texts.h"
#include "tools/corpus.h"

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
	ck_assert(!vocab_build(&v, t, COUNT(t), FRONT_NONE, 1, &err));
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
		corpus_read(&c, &(corpus_options){.path = path, .lowercase_letters = true, .split = {90, 5, 5}}, &v, &letters),
		TL_ERR_FORMAT);
	ck_assert_int_eq(
		corpus_read(&c, &(corpus_options){.path = path, .split = {1, 50, 49}}, &v, &part),
		TL_ERR_FORMAT);
	write_file(BYTES("  \t "));
	ck_assert_int_eq(
		corpus_read(&c, &(corpus_options){.path = path, .unit = UNIT_WORD, .split = {90, 5, 5}}, &v, &words),
		TL_ERR_FORMAT);
	ck_assert(strstr(letters.text, path) && strstr(part.text, path) && strstr(words.text, path));
	ck_assert(v.n == 0 && !c.ids);
}
END_TEST

/* Windows */

START_TEST(labels_are_the_input_shifted_by_one)
{
	windows w;
	tl_error err = {0};
	int32_t part[7], x[6], y[6];
	for (int i = 0; i < 7; i++)
		part[i] = "machine"[i];
	ck_assert_int_eq(windows_init(&w, "word", part, 7, 1, 6, &err), TL_OK);
	ck_assert_int_eq(w.count, 1);
	windows_get(&w, 0, x, y);
	for (int i = 0; i < 6; i++)
		ck_assert(x[i] == "machin"[i] && y[i] == "achine"[i]);
}
END_TEST

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
	tcase_add_loop_test(c, parts_have_the_sizes_that_python_gives, 0, 5);
	tcase_add_test(c, parts_of_tinyshakespeare);
	tcase_add_loop_test(c, parts_need_not_be_all, 0, 6);
	tcase_add_loop_test(c, texts_become_numbers, 0, COUNT(corpora));
	tcase_add_test(c, a_given_vocabulary_is_kept);
	tcase_add_test(c, nothing_to_train_on_is_refused);
	tcase_add_test(c, labels_are_the_input_shifted_by_one);
	tcase_add_test(c, windows_are_those_of_the_formula);
	tcase_add_test(c, too_few_tokens_are_refused_with_all_sizes);
	suite_add_tcase(s, c);
	return s;
}
