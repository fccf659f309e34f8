/* SPDX-License-Identifier: Apache-2.0 */
/* The data of tagger, classifier and translator: what files become, and what is said about those that do not
 * fit. */
#include "tests/suite.h"

#include "tests/scratch.h"
#include "tests/texts.h"
#include "tools/classifier_data.h"
#include "tools/tagger_data.h"
#include "tools/translator_data.h"

static tl_error err;
static char folder_a[SCRATCH_PATH], folder_b[SCRATCH_PATH];

static void setup(void)
{
	scratch_files(1);
	err = (tl_error){0};
	snprintf(folder_a, sizeof folder_a, "%s/a", scratch_folder);
	snprintf(folder_b, sizeof folder_b, "%s/b", scratch_folder);
}

static void put(const char *path, const char *text)
{
	scratch_put(path, text, strlen(text));
}

/* The sentence, in which %a and %b stand for the files. */
static void assert_says(tl_status status, const char *want)
{
	char text[2 * TL_ERROR_TEXT];
	size_t used = 0;
	for (const char *c = want; *c; c++) {
		const char *path = c[0] == '%' ? (c[1] == 'a' ? folder_a : folder_b) : NULL;
		used += (size_t)(path ? snprintf(text + used, sizeof text - used, "%s", path)
				      : snprintf(text + used, sizeof text - used, "%c", *c));
		c += path != NULL;
	}
	ck_assert_int_ne(status, TL_OK);
	ck_assert_str_eq(err.text, text);
}

static void assert_tokens(const sentences *s, int64_t i, const char *want)
{
	char got[256] = "";
	size_t used = 0;
	for (int64_t k = s->start[i]; k < s->start[i + 1]; k++)
		used += (size_t)snprintf(got + used, sizeof got - used, "%s%.*s", used ? " " : "",
			(int)s->v[k].length, s->v[k].at);
	ck_assert_str_eq(got, want);
}

static void assert_ids(const sequences *q, int64_t i, int n, const int32_t *want)
{
	ck_assert_int_eq(q->length[i], n);
	for (int k = 0; k < n; k++)
		ck_assert_int_eq(q->ids[q->start[i] + k], want[k]);
}

START_TEST(tagged_sentences)
{
	tagged train, test;
	vocab words, tags;
	put(folder_a, "fly to Boston\n\nfly now\n");
	put(folder_b, "O O B-city\n\nO B-time\n");
	ck_assert_msg(!tagged_read(&train, folder_a, folder_b, &err), "%s", err.text);
	ck_assert_int_eq(train.n, 3);
	ck_assert(!tagged_vocab(&train, &words, &tags, &err));
	assert_symbols(&words, 6, (const char *const[]){"<pad>", "<unk>", "Boston", "fly", "now", "to"});
	assert_symbols(&tags, 3, (const char *const[]){"B-city", "B-time", "O"});
	ck_assert(!tagged_encode(&train, &words, &tags, &err));
	assert_ids(&train.word_ids, 0, 3, (int32_t[]){3, 5, 2});
	assert_ids(&train.word_ids, 1, 0, NULL);
	assert_ids(&train.tag_ids, 0, 3, (int32_t[]){2, 2, 0});
	assert_ids(&train.tag_ids, 2, 2, (int32_t[]){2, 1});
	ck_assert_int_eq(train.unseen, 0);
	put(folder_a, "to Denver now");
	put(folder_b, "O I-city B-time");
	ck_assert(!tagged_read(&test, folder_a, folder_b, &err));
	ck_assert(!tagged_encode(&test, &words, &tags, &err));
	assert_ids(&test.word_ids, 0, 3, (int32_t[]){5, VOCAB_UNKNOWN, 4});
	assert_ids(&test.tag_ids, 0, 3, (int32_t[]){2, TAG_IGNORED, 1});
	assert_tokens(&test.tags, 0, "O I-city B-time");
	ck_assert_int_eq(test.unseen, 1);
	tagged_release(&train);
	tagged_release(&test);
	vocab_release(&words);
	vocab_release(&tags);
}
END_TEST

static const struct {
	const char *a, *b, *want;
} unequal[] = {
	{"a b\nc\n", "O O\n", "%a has 2 lines but %b has 1"},
	{"a b\n", "O O\nO\n\n", "%a has 1 lines but %b has 3"},
	{"a\na b\n", "O\nO\n", "%a:2: 2 tokens, but line 2 of %b has 1 tags"},
	{"a\n\n", "O\nO\n", "%a:2: 0 tokens, but line 2 of %b has 1 tags"},
	{"\n \n", "\n\n", "%a: no line holds a token"},
	{"", "O\n", "%a: the file is empty"},
	{"a\n", "", "%b: the file is empty"},
	{"a\n", "O\xFF\n", "%b: no valid UTF-8 at byte 1 (line 1): 0xFF"},
};

START_TEST(tagged_files_that_do_not_fit)
{
	tagged d;
	put(folder_a, unequal[_i].a);
	put(folder_b, unequal[_i].b);
	assert_says(tagged_read(&d, folder_a, folder_b, &err), unequal[_i].want);
	ck_assert(!d.words.v && !d.tags.v);
}
END_TEST

START_TEST(labelled_texts)
{
	labelled train, test;
	vocab tokens, labels;
	put(folder_a, "good day\tYes, yes!\nbad\tno\nbad\t\ngood day\tyes\n");
	ck_assert_msg(!labelled_read(&train, folder_a, WORDS_MARKS, &err), "%s", err.text);
	ck_assert_int_eq(train.n, 4);
	ck_assert(!labelled_vocab(&train, 2, &tokens, &labels, &err));
	assert_symbols(&tokens, 3, (const char *const[]){"<pad>", "<unk>", "yes"});
	assert_symbols(&labels, 2, (const char *const[]){"bad", "good day"});
	ck_assert(!labelled_encode(&train, &tokens, &labels, &err));
	assert_ids(&train.ids, 0, 4, (int32_t[]){2, 1, 2, 1});
	assert_ids(&train.ids, 2, 0, NULL);
	ck_assert_mem_eq(train.label_ids.ids, ((int32_t[]){1, 0, 0, 1}), 4 * sizeof(int32_t));
	put(folder_b, "bad\tx\nGood\tx\n");
	ck_assert(!labelled_read(&test, folder_b, WORDS_CHAR, &err));
	assert_says(labelled_encode(&test, &tokens, &labels, &err),
		"%b:2: the label 'Good' is unknown: it is none of the 2 in the training data");
	labelled_release(&train);
	labelled_release(&test);
	vocab_release(&tokens);
	vocab_release(&labels);
}
END_TEST

START_TEST(labelled_files_that_do_not_fit)
{
	static const char *const rows[][2] = {
		{"a\tb\nc d\n", "%a:2: 1 column found, 2 expected, with tabs between them: label, text"},
		{"a\tb\tc\n", "%a:1: 3 columns found, 2 expected, with tabs between them: label, text"},
		{"a\tb\n\n", "%a:2: 1 column found, 2 expected, with tabs between them: label, text"},
		{"a\tb\n\tx\n", "%a:2: the label is empty"},
		{"", "%a: the file is empty"},
	};
	labelled d;
	put(folder_a, rows[_i][0]);
	assert_says(labelled_read(&d, folder_a, WORDS_SPACE, &err), rows[_i][1]);
}
END_TEST

/*
 * Eleven sources, one with an accent, three of them several times. In the order of the hexadecimal md5 of
 * their bytes (Python's hashlib): go. Help! Wow! Jump. Run! Go. Hello! Stop! été Fire!
 */
static const char pairs[] =
	"Go.\tVa !\nRun!\tCours !\nRun!\tCourez !\nWow!\tOuah !\nFire!\tAu feu !\nGo.\tAllez !\nHelp!\tÀ "
	"l'aide !\n"
	"go.\tva\nJump.\tSaute.\nStop!\tStop !\nHello!\tSalut !\nété\tsummer\nGo.\tVa !\r\n";

START_TEST(pairs_are_split_by_md5)
{
	static const struct {
		int part, n;
		const char *sources[8];
		int references[8];
		const char *first_target, *last_target;
	} want[] = {
		{TEST, 3, {"go .", "help !", "wow !"}, {1, 1, 1}, "va", "ouah !"},
		{VALID, 2, {"jump .", "run !"}, {1, 2}, "saute .", "courez !"},
		{TRAIN, 5, {"go .", "hello !", "stop !", "été", "fire !"}, {3, 1, 1, 1, 1}, "va !",
			"au feu !"},
	};
	put(folder_a, pairs);
	if (_i) { /* the same pairs in two files */
		FILE *a = fopen(folder_a, "w"), *b = fopen(folder_b, "w");
		const char *next = pairs;
		for (const char *tab; (tab = strchr(next, '\t')); next = strchr(next, '\n') + 1) {
			fprintf(a, "%.*s\n", (int)(tab - next), next);
			fprintf(b, "%.*s\n", (int)strcspn(tab + 1, "\n"), tab + 1);
		}
		fclose(a);
		fclose(b);
	}
	bitext part[PARTS];
	bitext_files files = {folder_a, _i ? folder_b : NULL};
	bitext_split split = {WORDS_MARKS, .valids = 2, .tests = 3};
	ck_assert_msg(!bitext_read_split(part, &files, &split, &err), "%s", err.text);
	for (int k = 0; k < PARTS; k++) {
		const bitext *b = &part[want[k].part];
		int64_t at = 0;
		ck_assert_int_eq(b->n, want[k].n);
		for (int i = 0; i < want[k].n; i++) {
			assert_tokens(&b->sources, i, want[k].sources[i]);
			ck_assert_int_eq(b->first[i], at);
			for (int r = 0; r < want[k].references[i]; r++)
				ck_assert_int_eq(b->source[at++], i);
		}
		ck_assert_int_eq(b->first[b->n], at);
		ck_assert_int_eq(b->pairs, at);
		assert_tokens(&b->targets, 0, want[k].first_target);
		assert_tokens(&b->targets, at - 1, want[k].last_target);
	}
	assert_tokens(&part[TRAIN].targets, 1, "allez !"); /* references in the order of the file */
	assert_tokens(&part[TRAIN].targets, 2, "va !");
	ck_assert_int_eq(part[TRAIN].targets.line[1], 5);
	ck_assert_int_eq(part[TRAIN].sources.line[0], 0);
	for (int k = 0; k < PARTS; k++)
		bitext_release(&part[k]);
}
END_TEST

START_TEST(pairs_as_they_stand)
{
	bitext b;
	bitext_files files = {folder_a, NULL};
	static const char *const sources[] = {
		"Go.", "Run!", "Wow!", "Fire!", "Help!", "go.", "Jump.", "Stop!", "Hello!", "été"};
	put(folder_a, pairs);
	ck_assert(!bitext_read(&b, &files, WORDS_SPACE, &err));
	ck_assert_int_eq(b.n, COUNT(sources));
	ck_assert_int_eq(b.pairs, 13);
	for (int i = 0; i < COUNT(sources); i++)
		assert_tokens(&b.sources, i, sources[i]);
	bitext_release(&b);
}
END_TEST

/* "go" stands in the source once but counts for its two pairs. */
START_TEST(bitext_vocabularies)
{
	bitext b;
	bitext_files files = {folder_a, NULL};
	vocab sources, targets;
	put(folder_a, "go now\ta b\nbe here\tb c\ngo now\ta d\nhere\tb\n");
	ck_assert(!bitext_read(&b, &files, WORDS_SPACE, &err));
	ck_assert(!bitext_vocab(&b, 2, &sources, &targets, &err));
	assert_symbols(
		&sources, 7, (const char *const[]){"<pad>", "<unk>", "<s>", "</s>", "go", "here", "now"});
	assert_symbols(&targets, 6, (const char *const[]){"<pad>", "<unk>", "<s>", "</s>", "a", "b"});
	ck_assert(!bitext_encode(&b, &sources, &targets, &err));
	assert_ids(&b.source_ids, 0, 3, (int32_t[]){4, 6, VOCAB_END});
	assert_ids(&b.source_ids, 1, 3, (int32_t[]){VOCAB_UNKNOWN, 5, VOCAB_END});
	assert_ids(&b.target_ids, 1, 3, (int32_t[]){4, VOCAB_UNKNOWN, VOCAB_END});
	assert_ids(&b.target_ids, 3, 2, (int32_t[]){5, VOCAB_END});
	ck_assert_mem_eq(b.pair_length, ((int64_t[]){3, 3, 3, 2}), 4 * sizeof(int64_t));
	bitext_release(&b);
	vocab_release(&sources);
	vocab_release(&targets);
}
END_TEST

START_TEST(bitexts_that_do_not_fit)
{
	static const struct {
		const char *a, *b; /* b NULL: a is a file of pairs */
		const char *want;
	} rows[] = {
		{"a\tb\nc\n", NULL,
			"%a:2: 1 column found, 2 expected, with tabs between them: source, target"},
		{"a\tb\tc\n", NULL,
			"%a:1: 3 columns found, 2 expected, with tabs between them: source, target"},
		{"a\tb\nc\t \n", NULL, "%a:2: the target is empty"},
		{"a\tb\n\tb\n", NULL, "%a:2: the source is empty"},
		{"", NULL, "%a: the file is empty"},
		{"a\nb\n", "c\n", "%a has 2 lines but %b has 1"},
		{"a\n\n", "c\nd\n", "%a:2: the source is empty"},
		{"a\nb\n", "c\n\n", "%b:2: the target is empty"},
		{"a\tb\na\tc\n", NULL,
			"%a: 1 sources for test and 0 for validation leave nothing to train on"},
		{"a\tb\nb\tc\n", NULL, NULL},
	};
	bitext part[PARTS];
	bitext_files files = {folder_a, rows[_i].b ? folder_b : NULL};
	bitext_split split = {WORDS_MARKS, .valids = 0, .tests = 1};
	put(folder_a, rows[_i].a);
	if (rows[_i].b)
		put(folder_b, rows[_i].b);
	tl_status status = bitext_read_split(part, &files, &split, &err);
	if (rows[_i].want)
		assert_says(status, rows[_i].want);
	else
		ck_assert(!status && part[TRAIN].n == 1 && part[TEST].n == 1 && part[VALID].n == 0);
	for (int k = 0; k < PARTS; k++)
		bitext_release(&part[k]);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("text_data");
	TCase *c = tcase_create("text_data");
	tcase_add_unchecked_fixture(c, scratch_create, scratch_remove);
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, tagged_sentences);
	tcase_add_loop_test(c, tagged_files_that_do_not_fit, 0, COUNT(unequal));
	tcase_add_test(c, labelled_texts);
	tcase_add_loop_test(c, labelled_files_that_do_not_fit, 0, 5);
	tcase_add_loop_test(c, pairs_are_split_by_md5, 0, 2);
	tcase_add_test(c, pairs_as_they_stand);
	tcase_add_test(c, bitext_vocabularies);
	tcase_add_loop_test(c, bitexts_that_do_not_fit, 0, 10);
	suite_add_tcase(s, c);
	return s;
}
