/* SPDX-License-Identifier: Apache-2.0 */
/* BLEU against sacrebleu's scores (tools/fixtures/bleu.py), numbers of textbooks, and counting by hand. */
#include "tests/suite.h"

#include <math.h>

#include "core/random.h"
#include "models/bleu.h"
#include "tests/lines.h"

enum { FIELDS = 8, WORDS = 64 };

static tl_words words_of(char *s, char **room)
{
	return (tl_words){(const char *const *)room, cut_words(s, room, WORDS)};
}

static void add_line(tl_bleu *b, char *line)
{
	char *field[FIELDS], *room[FIELDS][WORDS];
	tl_words words[FIELDS];
	tl_error err = {0};
	int n = cut(line, '\t', field, FIELDS);
	for (int k = 0; k < n; k++)
		words[k] = words_of(field[k], room[k]);
	ck_assert_msg(tl_bleu_add(b, words[0], n - 1, words + 1, &err) == TL_OK, "%s", err.text);
}

START_TEST(as_sacrebleu)
{
	lines l = lines_read("bleu.tsv");
	int sentences = 0, corpora = 0;
	for (int at = 0; at < l.n; corpora++) {
		enum { MARK, NAME, COUNT, SCORE, SIGNATURE, TEXT, HEADER };
		char *header[HEADER], buf[TL_BLEU_TEXT];
		tl_bleu b = {0};
		ck_assert_int_eq(cut(l.v[at++], '\t', header, HEADER), HEADER);
		ck_assert_str_eq(header[MARK], "#");
		for (int k = atoi(header[COUNT]); k > 0; k--, sentences++)
			add_line(&b, l.v[at++]);
		double score = tl_bleu_score(&b, NULL), want = strtod(header[SCORE], NULL);
		ck_assert_msg(fabs(score - want) <= 1e-9, "%s: %.12g, not %.12g", header[NAME], score, want);
		ck_assert_str_eq(tl_bleu_signature(&b, buf, sizeof buf), header[SIGNATURE]);
		ck_assert_str_eq(tl_bleu_text(&b, buf, sizeof buf), header[TEXT]);
	}
	ck_assert_int_eq(sentences, 200);
	ck_assert_int_eq(corpora, 11);
	lines_release(&l);
}
END_TEST

static double textbook(const char *prediction, const char *label, int k, double *p)
{
	int32_t a[32], b[32];
	int64_t n = 0, m = 0;
	double score = NAN;
	for (; prediction[n]; n++)
		a[n] = prediction[n];
	for (; label[m]; m++)
		b[m] = label[m];
	ck_assert_int_eq(tl_bleu_textbook(n, a, m, b, k, &score, p, NULL), TL_OK);
	return score;
}

START_TEST(as_textbooks_have_it)
{
	double p[4];
	ck_assert_double_eq(textbook("ABBCD", "ABCDEF", 4, p), 0);
	ck_assert_double_eq_tol(p[0], 4. / 5, 1e-15);
	ck_assert_double_eq_tol(p[1], 3. / 4, 1e-15);
	ck_assert_double_eq_tol(p[2], 1. / 3, 1e-15);
	ck_assert_double_eq(p[3], 0);
	double want = exp(1 - 6. / 5) * pow(4. / 5, 1. / 2) * pow(3. / 4, 1. / 4) * pow(1. / 3, 1. / 8);
	ck_assert_double_eq_tol(textbook("ABBCD", "ABCDEF", 3, NULL), want, 1e-15);
	ck_assert_double_eq_tol(textbook("ABBCD", "ABCDEF", 1, NULL), exp(-0.2) * sqrt(0.8), 1e-15);
	ck_assert_double_eq(textbook("ABCD", "ABCD", 4, p), 1);
	ck_assert_double_eq_tol(textbook("ABCDE", "ABC", 2, p), sqrt(0.6) * pow(0.5, 0.25), 1e-15);
	ck_assert_double_eq(textbook("AB", "AB", 3, p), 0); /* no n-gram of order 3 */
	ck_assert_double_eq(textbook("", "AB", 1, p), 0);
	ck_assert_double_eq(textbook("A", "", 1, p), 0);
	tl_error err = {0};
	double score;
	ck_assert_int_eq(tl_bleu_textbook(0, NULL, 0, NULL, 17, &score, NULL, &err), TL_ERR_ARGUMENT);
	ck_assert_str_eq(err.text, "BLEU: k is 17, not one of 1..16");
}
END_TEST

/* Clipped matches by comparing everything with everything: the k-th equal one counts if the label has k. */
static void matches_by_hand(
	const int32_t *a, int64_t n, const int32_t *b, int64_t m, int64_t order, int64_t *matched, int64_t *total)
{
	size_t size = (size_t)order * sizeof *a;
	*matched = *total = 0;
	for (int64_t i = 0; i + order <= n; i++) {
		int64_t before = 0, in_label = 0;
		for (int64_t j = 0; j <= i; j++)
			before += memcmp(a + i, a + j, size) == 0;
		for (int64_t j = 0; j + order <= m; j++)
			in_label += memcmp(a + i, b + j, size) == 0;
		*matched += before <= in_label;
		++*total;
	}
}

START_TEST(counts_by_hand)
{
	enum { MOST = 300, ORDERS = 6 };
	tl_rng rng = {.seed = 8};
	for (int round = 0; round < 200; round++) {
		int32_t a[MOST], b[MOST];
		double p[ORDERS], score;
		int64_t n = tl_rng_below(&rng, MOST), m = tl_rng_below(&rng, MOST), kinds = 1 + tl_rng_below(&rng, 9);
		for (int64_t k = 0; k < MOST; k++) {
			a[k] = (int32_t)tl_rng_below(&rng, kinds) - 3;
			b[k] = (int32_t)tl_rng_below(&rng, kinds) - 3;
		}
		ck_assert_int_eq(tl_bleu_textbook(n, a, m, b, ORDERS, &score, p, NULL), TL_OK);
		for (int order = 1; order <= ORDERS; order++) {
			int64_t matched, total;
			matches_by_hand(a, n, b, m, order, &matched, &total);
			ck_assert_double_eq(p[order - 1], total ? (double)matched / (double)total : 0);
		}
	}
}
END_TEST

/* A quarter of a million symbols, of one kind or of many, take no longer than they should. */
START_TEST(long_texts)
{
	enum { LONG = 250000 };
	int32_t *a = malloc(LONG * sizeof *a);
	double score, p[4];
	ck_assert_ptr_nonnull(a);
	for (int kinds = 1; kinds <= LONG; kinds *= 500) {
		for (int k = 0; k < LONG; k++)
			a[k] = k % kinds;
		ck_assert_int_eq(tl_bleu_textbook(LONG, a, LONG, a, 4, &score, p, NULL), TL_OK);
		ck_assert_double_eq(score, 1);
	}
	free(a);
}
END_TEST

START_TEST(parts_of_a_corpus_add_up)
{
	const char *const some[] = {"a", "b", "c", "d", "e"}, *const other[] = {"a", "b", "x", "d", "e"};
	tl_words s = {some, 5}, o = {other, 5}, none = {NULL, 0};
	tl_bleu b = {0};
	tl_error err = {0};
	char buf[TL_BLEU_TEXT];
	ck_assert_double_eq(tl_bleu_score(&b, NULL), 0);
	ck_assert_int_eq(tl_bleu_add(&b, s, 1, &o, &err), TL_OK);
	ck_assert_int_eq(tl_bleu_add(&b, s, 0, &o, &err), TL_ERR_ARGUMENT);
	ck_assert_str_eq(err.text, "BLEU: sentence 2 has no reference");
	ck_assert_int_eq(tl_bleu_add(&b, s, 2, (tl_words[]){none, s}, &err), TL_OK);
	ck_assert_int_eq(b.sentences, 2);
	ck_assert_int_eq(b.hyp_len, 10);
	ck_assert_int_eq(b.ref_len, 10);
	ck_assert_int_eq(b.matched[1], 2 + 4);
	ck_assert_str_eq(tl_bleu_signature(&b, buf, sizeof buf),
		"nrefs:var|case:mixed|eff:no|tok:none|smooth:exp|version:2.6.0");
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("bleu");
	TCase *c = tcase_create("bleu");
	tcase_add_test(c, as_sacrebleu);
	tcase_add_test(c, as_textbooks_have_it);
	tcase_add_test(c, counts_by_hand);
	tcase_add_test(c, long_texts);
	tcase_add_test(c, parts_of_a_corpus_add_up);
	suite_add_tcase(s, c);
	return s;
}
