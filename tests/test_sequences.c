/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences as numbers and as padded arrays. */
#include "tests/suite.h"

#include "tests/texts.h"
#include "tools/sequences.h"

static tl_error err;
static sentences s;
static vocab v;

/* Sentences "b a", "", "c", "a x a b", and a vocabulary of a, b, c. */
static void make(vocab_front front)
{
	static const char *const lines[] = {"b a", "", "c", "a x a b"};
	err = (tl_error){0};
	ck_assert(!sentences_init(&s, "data/f.txt", &err));
	for (int i = 0; i < COUNT(lines); i++)
		ck_assert(!sentences_add(&s, token_of(lines[i]), 2 * i, WORDS_SPACE, &err));
	token t[] = {token_of("c"), token_of("a"), token_of("b")};
	ck_assert(!vocab_build(&v, t, 3, front, 1, &err));
}

static void release(void)
{
	sentences_release(&s);
	vocab_release(&v);
}

static void assert_ids(const sequences *q, int64_t i, int n, const int32_t *want)
{
	ck_assert_int_eq(q->length[i], n);
	ck_assert_int_eq(q->start[i + 1] - q->start[i], n);
	for (int k = 0; k < n; k++)
		ck_assert_int_eq(q->ids[q->start[i] + k], want[k]);
}

START_TEST(sentences_are_numbered)
{
	make(FRONT_CLOSED);
	sequences q;
	ck_assert(!sequences_encode(&q, &s, &v, VOCAB_END, SEQUENCES_REFUSE, "token", &err));
	ck_assert_int_eq(q.n, 4);
	assert_ids(&q, 0, 3, (int32_t[]){5, 4, VOCAB_END});
	assert_ids(&q, 1, 1, (int32_t[]){VOCAB_END});
	assert_ids(&q, 2, 2, (int32_t[]){6, VOCAB_END});
	assert_ids(&q, 3, 5, (int32_t[]){4, VOCAB_UNKNOWN, 4, 5, VOCAB_END});
	sequences_release(&q);
	release();
}
END_TEST

START_TEST(missing_tokens)
{
	make(FRONT_NONE);
	sequences q;
	ck_assert(!sequences_encode(&q, &s, &v, -1, -100, "tag", &err));
	assert_ids(&q, 0, 2, (int32_t[]){1, 0});
	assert_ids(&q, 1, 0, NULL);
	assert_ids(&q, 3, 4, (int32_t[]){0, -100, 0, 1});
	sequences_release(&q);
	ck_assert_int_eq(sequences_encode(&q, &s, &v, -1, SEQUENCES_REFUSE, "label", &err), TL_ERR_FORMAT);
	ck_assert_str_eq(
		err.text, "data/f.txt:7: the label 'x' is unknown: it is none of the 3 in the training data");
	ck_assert(!q.ids && !q.start && !q.length);
	release();
}
END_TEST

START_TEST(rows_are_padded)
{
	make(FRONT_CLOSED);
	sequences q;
	ck_assert(!sequences_encode(&q, &s, &v, VOCAB_END, SEQUENCES_REFUSE, "token", &err));
	int64_t which[] = {2, 3, 1, 0, 2}, lengths[5];
	ck_assert_int_eq(sequences_longest(&q, which, 5), 5);
	ck_assert_int_eq(sequences_longest(&q, which + 2, 2), 3);
	static const int32_t plain[6][5] = {{6, 4, 3, 5, 6}, {3, 1, -7, 4, 3}, {-7, 4, -7, 3, -7},
		{-7, 5, -7, -7, -7}, {-7, 3, -7, -7, -7}, {-7, -7, -7, -7, -7}};
	static const int32_t shifted[6][5] = {{2, 2, 2, 2, 2}, {6, 4, -7, 5, 6}, {-7, 1, -7, 4, -7},
		{-7, 4, -7, -7, -7}, {-7, 5, -7, -7, -7}, {-7, -7, -7, -7, -7}};
	int32_t ids[6][5];
	sequences_pad(&q, which, 5, 6, -1, -7, ids[0], lengths);
	ck_assert_mem_eq(ids, plain, sizeof ids);
	ck_assert_mem_eq(lengths, ((int64_t[]){2, 5, 1, 3, 2}), sizeof lengths);
	sequences_pad(&q, which, 5, 6, VOCAB_START, -7, ids[0], NULL);
	ck_assert_mem_eq(ids, shifted, sizeof ids);
	sequences_release(&q);
	/* a row of no length is all padding */
	ck_assert(!sequences_encode(&q, &s, &v, -1, SEQUENCES_REFUSE, "token", &err));
	ck_assert_int_eq(sequences_longest(&q, which + 2, 1), 1);
	sequences_pad(&q, which + 2, 1, 2, VOCAB_START, VOCAB_PAD, ids[0], lengths);
	ck_assert_mem_eq(ids, ((int32_t[]){VOCAB_PAD, VOCAB_PAD}), 2 * sizeof(int32_t));
	ck_assert_int_eq(lengths[0], 0);
	sequences_release(&q);
	release();
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *suite = suite_create("sequences");
	TCase *c = tcase_create("sequences");
	tcase_add_test(c, sentences_are_numbered);
	tcase_add_test(c, missing_tokens);
	tcase_add_test(c, rows_are_padded);
	suite_add_tcase(suite, c);
	return suite;
}
