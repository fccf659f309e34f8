/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks against what seqeval and conlleval count (tools/fixtures/chunks.py), classes against scikit-learn. */
#include "tests/suite.h"

#include "models/chunks.h"
#include "models/classes.h"
#include "tests/lines.h"

enum { WORDS = 64 };

START_TEST(as_others_count_chunks)
{
	lines l = lines_read("chunks.tsv");
	int sentences = 0, groups = 0;
	for (int at = 0; at < l.n; groups++) {
		enum { MARK, NAME, COUNT, GOLD, PREDICTED, RIGHT, PRECISION, RECALL, F1, ACCURACY, HEADER };
		char *h[HEADER], *half[2], *gold[WORDS], *predicted[WORDS];
		tl_chunks c = {0};
		ck_assert_int_eq(cut(l.v[at++], '\t', h, HEADER), HEADER);
		ck_assert_str_eq(h[MARK], "#");
		for (int k = atoi(h[COUNT]); k > 0; k--, sentences++) {
			ck_assert_int_eq(cut(l.v[at++], '\t', half, 2), 2);
			int n = cut_words(half[0], gold, WORDS);
			ck_assert_int_eq(cut_words(half[1], predicted, WORDS), n);
			tl_chunks_add(&c, n, (const char *const *)gold, (const char *const *)predicted);
		}
		ck_assert_int_eq(c.gold, atoi(h[GOLD]));
		ck_assert_int_eq(c.predicted, atoi(h[PREDICTED]));
		ck_assert_int_eq(c.right, atoi(h[RIGHT]));
		ck_assert_double_eq_tol(tl_chunks_precision(&c), strtod(h[PRECISION], NULL), 1e-12);
		ck_assert_double_eq_tol(tl_chunks_recall(&c), strtod(h[RECALL], NULL), 1e-12);
		ck_assert_double_eq_tol(tl_chunks_f1(&c), strtod(h[F1], NULL), 1e-12);
		ck_assert_double_eq_tol(tl_chunks_accuracy(&c), strtod(h[ACCURACY], NULL), 1e-12);
	}
	ck_assert_int_eq(groups, 8);
	ck_assert_int_eq(sentences, 6 * 60 + 4);
	lines_release(&l);
}
END_TEST

typedef struct reading {
	const char *labels[6]; /* up to the first NULL */
	const char *chunks;    /* "begin-end type" of each */
} reading;

static const reading readings[] = {
	{{"O", "O"}, ""},
	{{NULL}, ""},
	{{"B-x", "I-x", "O", "B-y"}, "0-2 x, 3-4 y, "},
	{{"I-x", "I-x", "B-x", "I-x"}, "0-2 x, 2-4 x, "},
	{{"I-x", "I-y", "I-y"}, "0-1 x, 1-3 y, "},
	{{"B-x", "I-y"}, "0-1 x, 1-2 y, "},
	{{"S-x", "S-x", "I-x"}, "0-1 x, 1-2 x, 2-3 x, "},
	{{"B-x", "I-x", "E-x", "I-x", "E-x"}, "0-3 x, 3-5 x, "},
	{{"E-x", "E-x", "B-x"}, "0-1 x, 1-2 x, 2-3 x, "},
	{{"B-a-b", "I-a-b", "I-a"}, "0-2 a-b, 2-3 a, "},
	{{"B", "I", "O", "I"}, "0-2 , 3-4 , "},
	{{"U-x", "U-x", "I-x", "Outer"}, "0-1 x, 1-3 x, 3-4 Outer, "},
	{{"NN", "NN", "VB", "X", "O", "I-NN"}, "0-1 NN, 1-2 NN, 2-3 VB, 3-4 X, 5-6 NN, "},
	{{"NN-sg", "VB-sg", "-LRB-"}, "0-1 NN-sg, 1-2 VB-sg, 2-3 -LRB-, "},
	{{"", "O-x"}, "0-1 , "},
};

START_TEST(reading_labels)
{
	const reading *r = &readings[_i];
	char got[256] = "";
	tl_chunk c;
	int64_t n = 0, from = 0;
	while (n < 6 && r->labels[n])
		n++;
	for (; tl_chunk_next(n, r->labels, from, &c); from = c.end)
		snprintf(got + strlen(got), sizeof got - strlen(got), "%d-%d %s, ", (int)c.begin, (int)c.end, c.type);
	ck_assert_str_eq(got, r->chunks);
}
END_TEST

START_TEST(labels_without_prefixes)
{
	tl_chunks c = {0};
	tl_chunks_add(&c, 4, (const char *const[]){"DT", "NN", "VB", "NN"}, (const char *const[]){"DT", "VB", "NN", "NN"});
	ck_assert_double_eq(tl_chunks_accuracy(&c), 50);
	ck_assert_double_eq(tl_chunks_precision(&c), 50);
	ck_assert_double_eq(tl_chunks_recall(&c), 50);
	ck_assert_double_eq(tl_chunks_f1(&c), 50);
}
END_TEST

/* f1_score(gold, predicted, average="macro") and accuracy_score of scikit-learn 1.9.1. */
START_TEST(as_scikit_learn)
{
	const int32_t gold[] = {0, 1, 2, 0, 1, 2, 5, 5, 5, 3}, predicted[] = {0, 2, 1, 0, 0, 1, 5, 4, 5, 5};
	tl_error err = {0};
	tl_classes *c = tl_classes_new(9, &err);
	ck_assert_ptr_nonnull(c);
	ck_assert_double_eq(tl_classes_accuracy(c), 0);
	ck_assert_double_eq(tl_classes_macro_f1(c), 0);
	ck_assert_int_eq(tl_classes_add(c, 4, gold, predicted, &err), TL_OK);
	ck_assert_int_eq(tl_classes_add(c, 6, gold + 4, predicted + 4, &err), TL_OK);
	ck_assert_int_eq(c->n, 10);
	ck_assert_int_eq(c->of[5].right, 2);
	ck_assert_double_eq_tol(tl_classes_accuracy(c), 0.4, 1e-15);
	ck_assert_double_eq_tol(tl_classes_macro_f1(c), 0.24444444444444446, 1e-15);
	tl_classes_free(c);
}
END_TEST

START_TEST(classes_out_of_range)
{
	tl_error err = {0}, err2 = {0};
	tl_classes *c = tl_classes_new(3, &err);
	ck_assert_ptr_nonnull(c);
	ck_assert_int_eq(tl_classes_add(c, 2, (int32_t[]){0, 3}, (int32_t[]){0, 0}, &err), TL_ERR_INDEX);
	ck_assert_str_eq(err.text, "classes: gold class 3 at 1 is none of 0..2");
	ck_assert_int_eq(tl_classes_add(c, 2, (int32_t[]){0, 1}, (int32_t[]){0, -1}, &err2), TL_ERR_INDEX);
	ck_assert_str_eq(err2.text, "classes: predicted class -1 at 1 is none of 0..2");
	ck_assert_int_eq(c->n, 0);
	tl_classes_free(c);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("labels");
	TCase *c = tcase_create("labels");
	tcase_add_test(c, as_others_count_chunks);
	tcase_add_loop_test(c, reading_labels, 0, sizeof readings / sizeof *readings);
	tcase_add_test(c, labels_without_prefixes);
	tcase_add_test(c, as_scikit_learn);
	tcase_add_test(c, classes_out_of_range);
	suite_add_tcase(s, c);
	return s;
}
