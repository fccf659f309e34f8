/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taggers and classifiers against PyTorch's, from a file that tools/fixtures/reader.py wrote: sequences of unequal
 * lengths, one of them empty, in one batch here and each alone there.
 */
#include "tests/suite.h"

#include <stdio.h>

#include "tests/net.h"

enum { T = 6, B = 4, V = 7, E = 3, H = 4, L = 3, TAG = 3, RULES = 4 };

static const char *const rules[RULES] = {
	[TL_POOL_LAST] = "last", [TL_POOL_MEAN] = "mean", [TL_POOL_MAX] = "max", [TAG] = "tag"};

static tl_safetensors *file;
static tl_tape *tape;
static tl_store *store;
static tl_reader *reader;
static int32_t symbols[T * B], tags[T * B], labels[B];
static int64_t lengths[B];

/* The file's tensor rule.part + name, of n elements. */
static void load(const char *rule, const char *name, tl_dtype dtype, int64_t n, void *to)
{
	char full[128];
	tl_error err = {0};
	snprintf(full, sizeof full, "%s%s", rule, name);
	int k = tl_safetensors_find(file, full);
	ck_assert_msg(k >= 0, "the file lacks %s", full);
	tl_shape shape = tl_safetensors_shape(file, k);
	ck_assert_int_eq(tl_shape_size(shape), n);
	tl_tensor t = tl_tensor_dense(dtype, shape, to);
	ck_assert_msg(tl_safetensors_read(file, k, &t, &err) == TL_OK, "%s", err.text);
}

static void setup(void)
{
	tl_error err = {0};
	int32_t n[B];
	file = tl_safetensors_open(TL_FIXTURES "/reader.safetensors", &err);
	ck_assert_msg(file != NULL, "%s", err.text);
	tape = tl_tape_new(NULL);
	store = tl_store_new();
	tl_reader_options o = {.symbols = V, .labels = L, .embed = E, .dropout = 0.5,
		.rnn = {.cell = &tl_cell_lstm, .hidden = H, .bidirectional = true}};
	reader = tl_reader_new(store, &o, &err);
	ck_assert_msg(tape && reader, "%s", err.text);
	for (int k = 0; k < tl_store_count(store); k++) {
		const tl_param *p = tl_store_at(store, k);
		load("", p->name, TL_REAL, tl_shape_size(p->value.shape), p->value.data);
	}
	load("", "symbols", TL_I32, T * B, symbols);
	load("", "tags", TL_I32, T * B, tags);
	load("", "labels", TL_I32, B, labels);
	load("", "lengths", TL_I32, B, n);
	for (int b = 0; b < B; b++)
		lengths[b] = n[b];
}

static void teardown(void)
{
	tl_reader_free(reader);
	tl_store_free(store);
	tl_tape_free(tape);
	tl_safetensors_free(file);
}

static tl_var input(void)
{
	return tl_index(tape, TL_SHAPE(T, B), symbols);
}

static tl_var logits_of(int rule, const int64_t *n, bool training)
{
	return rule == TAG ? tl_reader_tag(reader, input(), n, training)
			   : tl_reader_classify(reader, input(), n, (tl_pool_rule)rule, training);
}

static void check(const char *what, const tl_real *got, const tl_real *want, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		ck_assert_msg(fabs((double)(got[i] - want[i])) <= net_tolerance * (1 + fabs((double)want[i])),
			"%s[%d] is %.9g, not %.9g", what, (int)i, (double)got[i], (double)want[i]);
}

/* The tagger's logits of real words, sentence by sentence; returns how many. */
static int64_t real_words(const tl_real *all, tl_real *to)
{
	int64_t n = 0;
	for (int64_t b = 0; b < B; b++)
		for (int64_t t = 0; t < lengths[b]; t++)
			for (int64_t k = 0; k < L; k++)
				to[n++] = all[(t * B + b) * L + k];
	return n;
}

/* For each rule, as the next two tests. */
START_TEST(values_and_gradients)
{
	static const tl_cross_entropy_options words = {.has_ignore = true, .ignore_index = -100};
	char rule[8], name[64];
	tl_real all[T * B * L], real[T * B * L], *got = all, want[T * B * L], loss;
	snprintf(rule, sizeof rule, "%s.", rules[_i]);
	tl_var logits = logits_of(_i, lengths, false);
	tl_var mean = _i == TAG ? tl_cross_entropy(logits, tl_index(tape, TL_SHAPE(T, B), tags), &words)
				: tl_cross_entropy(logits, tl_index(tape, TL_SHAPE(B), labels), NULL);
	int64_t n = _i == TAG ? T * B * L : B * L;
	ck_assert_msg(tl_store_backward(store, mean) == TL_OK, "%s", tl_tape_error(tape)->text);
	ck_assert_int_eq(tl_read(logits, got, n), TL_OK);
	if (_i == TAG)
		n = real_words(all, got = real);
	load(rule, "logits", TL_REAL, n, want);
	check("logits", got, want, n);
	ck_assert_int_eq(tl_read(mean, &loss, 1), TL_OK);
	load(rule, "loss", TL_REAL, 1, want);
	check("loss", &loss, want, 1);
	for (int k = 0; k < tl_store_count(store); k++) {
		const tl_param *p = tl_store_at(store, k);
		int64_t size = tl_shape_size(p->value.shape);
		tl_real grad[NET_MAX];
		ck_assert_int_le(size, NET_MAX);
		snprintf(name, sizeof name, "grad.%s", p->name);
		load(rule, name, TL_REAL, size, grad);
		check(p->name, p->grad.data, grad, size);
	}
}
END_TEST

/* A net of vectors that are given its embedded symbols does the same, and has no embedding. */
START_TEST(reads_vectors)
{
	tl_error err = {0};
	tl_store *other = tl_store_new();
	tl_reader_options o = reader->options;
	o.symbols = 0;
	tl_reader *vectors = tl_reader_new(other, &o, &err);
	ck_assert_msg(vectors != NULL, "%s", err.text);
	tl_reader_init(vectors, &(tl_rng){.seed = 1});
	ck_assert_ptr_null(tl_store_find(other, "embed.table"));
	for (int k = 0; k < tl_store_count(other); k++) {
		const tl_param *p = tl_store_at(other, k);
		load("", p->name, TL_REAL, tl_shape_size(p->value.shape), p->value.data);
	}
	tl_var x = tl_embedding_run(&reader->input, input());
	check_equal("tag", tl_reader_tag(vectors, x, lengths, false), logits_of(TAG, lengths, false));
	check_equal("mean", tl_reader_classify(vectors, x, lengths, TL_POOL_MEAN, false),
		logits_of(TL_POOL_MEAN, lengths, false));
	tl_reader_free(vectors);
	tl_tape_reset(tape);
	tl_store_free(other);
}
END_TEST

START_TEST(no_lengths_are_whole_ones)
{
	static const int64_t whole[B] = {T, T, T, T};
	check_equal(rules[_i], logits_of(_i, NULL, false), logits_of(_i, whole, false));
}
END_TEST

START_TEST(drops_in_training_only)
{
	tl_real a[T * B * L], b[T * B * L], c[T * B * L];
	int64_t n = _i == TAG ? T * B * L : B * L, same = 0;
	ck_assert_int_eq(tl_read(logits_of(_i, lengths, false), a, n), TL_OK);
	ck_assert_int_eq(tl_read(logits_of(_i, lengths, true), b, n), TL_OK);
	ck_assert_int_eq(tl_read(logits_of(_i, lengths, true), c, n), TL_OK);
	for (int64_t k = 0; k < L; k++) {
		ck_assert(a[k] != b[k]);
		same += b[k] == c[k];
	}
	ck_assert_int_lt(same, L);
}
END_TEST

START_TEST(refuses_lengths_and_shapes)
{
	static const int64_t bad[B] = {3, T + 1, 0, 1}, negative[B] = {3, 1, -1, 1};
	tl_var y = tl_fill(tape, TL_SHAPE(T, B, 2 * H), 1);
	ck_assert(!tl_ok(tl_pool_over_time(y, bad, TL_POOL_MAX, 2)));
	ck_assert_str_eq(tl_tape_error(tape)->text, "pool: the length of row 1 is 7, it must be from 0 to T = 6");
	tl_tape_reset(tape);
	y = tl_fill(tape, TL_SHAPE(T, B, 2 * H), 1);
	ck_assert(!tl_ok(tl_pool_over_time(y, negative, TL_POOL_LAST, 2)));
	ck_assert_str_eq(tl_tape_error(tape)->text, "pool: the length of row 2 is -1, it must be from 0 to T = 6");
	tl_tape_reset(tape);
	ck_assert(!tl_ok(tl_pool_over_time(tl_fill(tape, TL_SHAPE(T, B), 1), NULL, TL_POOL_MEAN, 1)));
	ck_assert_str_eq(tl_tape_error(tape)->text,
		"pool: the output has shape (6, 4), it must be (T, B, D*H) with T > 0 and D = 1");
	tl_tape_reset(tape);
	ck_assert(!tl_ok(tl_pool_over_time(tl_fill(tape, TL_SHAPE(T, B, 3), 1), NULL, TL_POOL_MEAN, 2)));
	tl_tape_reset(tape);
	ck_assert(!tl_ok(tl_pool_over_time(tl_fill(tape, TL_SHAPE(T, B, 4), 1), NULL, (tl_pool_rule)9, 2)));
	ck_assert_str_eq(tl_tape_error(tape)->text, "pool: 9 is no rule");
}
END_TEST

START_TEST(first_values)
{
	double square = 0;
	tl_rng rng = {.seed = 3};
	const tl_param *w = tl_store_find(store, "out.w"), *u = tl_store_find(store, "rnn.l0.reverse.u"),
		       *table = tl_store_find(store, "embed.table");
	tl_reader_init(reader, &rng);
	for (int64_t i = 0; i < 2 * H * L; i++)
		ck_assert(fabs((double)((tl_real *)w->value.data)[i]) <= 1 / sqrt(2 * H));
	for (int64_t i = 0; i < 4 * H * H; i++)
		ck_assert(fabs((double)((tl_real *)u->value.data)[i]) <= 1 / sqrt(H));
	for (int64_t i = 0; i < V * E; i++)
		square += pow((double)((tl_real *)table->value.data)[i], 2);
	ck_assert(square > V * E / 3.0 && square < V * E * 3.0);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("reader");
	TCase *c = tcase_create("reader");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, values_and_gradients, 0, RULES);
	tcase_add_test(c, reads_vectors);
	tcase_add_loop_test(c, no_lengths_are_whole_ones, 0, RULES);
	tcase_add_loop_test(c, drops_in_training_only, 0, RULES);
	tcase_add_test(c, refuses_lengths_and_shapes);
	tcase_add_test(c, first_values);
	suite_add_tcase(s, c);
	return s;
}
