/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "arrive Taipei on November 2nd" and "leave Taipei on November 2nd": the same word needs two labels. Without
 * state the best that a net can say of it is 1/2 for either, a loss of log 2 on that word; with state it reads
 * the verb first.
 */
#include "tests/suite.h"

#include <math.h>

#include "models/tapeloop.h"

enum { T = 5, B = 2, E = 6, H = 12, WORDS = 6, LABELS = 4, CITY = 1 };
enum { OTHER, DESTINATION, DEPARTURE, TIME };

static const int32_t words[T][B] = {{0, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}};
static const int32_t labels[T][B] = {
	{OTHER, OTHER}, {DESTINATION, DEPARTURE}, {OTHER, OTHER}, {TIME, TIME}, {TIME, TIME}};

typedef struct tagger {
	tl_tape *tape;
	tl_store *store;
	tl_embedding embed;
	tl_rnn *rnn; /* or, without state, */
	tl_dense hidden;
	tl_dense out;
	/* after training */
	tl_real logits[T][B][LABELS];
	double loss[T]; /* mean over the sentences, word by word */
} tagger;

static tagger m;

static void make(const tl_cell *cell)
{
	tl_error err = {0};
	tl_rng rng = {.seed = 3};
	m = (tagger){.tape = tl_tape_new(NULL), .store = tl_store_new()};
	tl_embedding_add(&m.embed, m.store, "embed", WORDS, E, &err);
	if (cell)
		m.rnn = tl_rnn_new(m.store, "rnn", &(tl_rnn_options){.cell = cell, .input = E, .hidden = H}, &err);
	else
		tl_dense_add(&m.hidden, m.store, "hidden", E, H, &err);
	tl_dense_add(&m.out, m.store, "out", H, LABELS, &err);
	ck_assert_msg(err.status == TL_OK, "%s", err.text);
	tl_embedding_init(&m.embed, &rng);
	if (cell)
		tl_rnn_init(m.rnn, &rng);
	else
		tl_dense_init(&m.hidden, &rng);
	tl_dense_init(&m.out, &rng);
}

static void teardown(void)
{
	tl_rnn_free(m.rnn);
	tl_store_free(m.store);
	tl_tape_free(m.tape);
}

static tl_var logits(void)
{
	tl_var e = tl_embedding_run(&m.embed, tl_index(m.tape, TL_SHAPE(T, B), &words[0][0]));
	if (m.rnn)
		return tl_dense_run(&m.out, tl_rnn_run(m.rnn, e, (tl_state){0}, true).output);
	return tl_dense_run(&m.out, tl_tanh(tl_dense_run(&m.hidden, e)));
}

static void train(int steps)
{
	tl_error err = {0};
	tl_optimizer *adam = tl_optimizer_new(m.store, &(tl_optimizer_options){.kind = &tl_adam, .lr = 0.02}, &err);
	ck_assert_ptr_nonnull(adam);
	for (int step = 0; step < steps; step++) {
		tl_tape_reset(m.tape);
		tl_var loss = tl_cross_entropy(logits(), tl_index(m.tape, TL_SHAPE(T, B), &labels[0][0]), NULL);
		ck_assert_msg(tl_store_backward(m.store, loss) == TL_OK, "%s", tl_tape_error(m.tape)->text);
		tl_optimizer_step(adam);
	}
	tl_optimizer_free(adam);
	tl_tape_reset(m.tape);
	ck_assert_int_eq(tl_read(logits(), &m.logits[0][0][0], T * B * LABELS), TL_OK);
	for (int t = 0; t < T; t++) {
		m.loss[t] = 0;
		for (int b = 0; b < B; b++) {
			double total = 0;
			for (int k = 0; k < LABELS; k++)
				total += exp((double)m.logits[t][b][k]);
			m.loss[t] += (log(total) - (double)m.logits[t][b][labels[t][b]]) / B;
		}
	}
}

static int guess(int t, int b)
{
	int best = 0;
	for (int k = 1; k < LABELS; k++)
		if (m.logits[t][b][k] > m.logits[t][b][best])
			best = k;
	return best;
}

START_TEST(without_state_one_word_has_one_label)
{
	make(NULL);
	train(1000);
	for (int k = 0; k < LABELS; k++) /* rows of one product may be summed up in different orders */
		ck_assert_double_eq_tol((double)m.logits[CITY][0][k], (double)m.logits[CITY][1][k], 1e-5);
	ck_assert(m.loss[CITY] >= log(2) - 1e-5);
	ck_assert(m.loss[CITY] < log(2) + 0.01);
	for (int t = 0; t < T; t++)
		for (int b = 0; b < B && t != CITY; b++) {
			ck_assert_int_eq(guess(t, b), labels[t][b]);
			ck_assert(m.loss[t] < 0.01);
		}
}
END_TEST

/* Runs for each cell. */
START_TEST(with_state_the_verb_tells_them_apart)
{
	make(tl_cell_at(_i));
	train(300);
	for (int t = 0; t < T; t++)
		for (int b = 0; b < B; b++) {
			ck_assert_int_eq(guess(t, b), labels[t][b]);
			ck_assert_msg(
				m.loss[t] < 0.02, "%s: word %d has loss %g", tl_cell_at(_i)->name, t, m.loss[t]);
		}
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("slots");
	TCase *c = tcase_create("slots");
	int cells = 0;
	while (tl_cell_at(cells))
		cells++;
	tcase_add_checked_fixture(c, NULL, teardown);
	tcase_add_test(c, without_state_one_word_has_one_label);
	tcase_add_loop_test(c, with_state_the_verb_tells_them_apart, 0, cells);
	suite_add_tcase(s, c);
	return s;
}
