/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `tapeloop probe` reads: states against a tanh RNN written out in plain loops, each at its own symbol in both
 * directions; attention weights; which nodes patterns mean; symbols that a model does not know.
 */
#include "tests/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/cells.h"
#include "optim/init.h"
#include "tools/lm.h"
#include "tools/probe.h"
#include "tools/reader_task.h"
#include "tools/tasks.h"
#include "tools/translator.h"

enum { E = 3, H = 4 };

static task *t;
static probe_reading reading;
static probe_nodes nodes;
static tl_error err;

static void setup(void)
{
	err = (tl_error){0};
	reading = (probe_reading){0};
}

static void teardown(void)
{
	probe_reading_release(&reading);
	task_free(t);
	t = NULL;
}

static const net_options small = {.cell = &tl_cell_rnn, .embed = E, .hidden = H, .layers = 1};

/* The vocabulary of the words of a text. */
static void make_vocab(vocab *v, const char *words, vocab_front front)
{
	token all[64];
	int n = 0;
	for (const char *at = words; *at; n++) {
		size_t length = strcspn(at, "|");
		all[n] = (token){at, (uint32_t)length};
		at += length + (at[length] != '\0');
	}
	ck_assert_int_eq(vocab_build(v, all, n, front, 1, &err), TL_OK);
}

/* Builds the task's model, with random parameters and a tape. */
static void build(void)
{
	t->store = tl_store_new();
	t->tape = tl_tape_new(NULL);
	t->loaded = true; /* nothing is to be trained */
	ck_assert_msg(t->kind->build(t, &err) == TL_OK, "%s", err.text);
	tl_rng rng = {.seed = 5};
	for (int k = 0; k < tl_store_count(t->store); k++)
		tl_init_uniform(tl_store_at(t->store, k), &rng, -1, 1);
}

static void make_lm(void)
{
	t = task_new(&lm_kind, NULL);
	((lm_task *)t)->net = small;
	make_vocab(&t->vocab[0], " |a|b|c|\n|\xC3\xA9", FRONT_NONE);
	build();
}

static void make_tagger(bool bidirectional, vocab_front front)
{
	t = task_new(&tagger_kind, NULL);
	reader_task *r = (reader_task *)t;
	r->net = small;
	r->net.bidirectional = bidirectional;
	make_vocab(&t->vocab[SYMBOLS], "one|two|three", front);
	make_vocab(&t->vocab[LABELS], "even|odd", FRONT_NONE);
	build();
}

static void make_translator(int heads)
{
	t = task_new(&translator_kind, NULL);
	translator *m = (translator *)t;
	m->net = small;
	m->net.cell = &tl_cell_gru;
	m->attention = heads ? 1 + TL_SCORE_SCALED_DOT : 0;
	m->heads = heads;
	m->rule = WORDS_SPACE;
	m->limit = 5;
	make_vocab(&t->vocab[SOURCE], "ein|zwei|drei", FRONT_CLOSED);
	make_vocab(&t->vocab[TARGET], "un|deux|trois", FRONT_CLOSED);
	build();
}

static void read_input(const probe_input *in)
{
	ck_assert_msg(probe_read(t, in, &reading, &err) == TL_OK, "%s", err.text);
}

static void read_text(const char *text)
{
	read_input(&(probe_input){.text = text});
}

static const probe_node *find(const char *pattern)
{
	ck_assert_msg(probe_nodes_find(t, &reading, &pattern, 1, &nodes, &err) == TL_OK, "%s", err.text);
	ck_assert_msg(probe_nodes_read(t, &nodes, &err) == TL_OK, "%s", err.text);
	return nodes.v;
}

static const tl_real *values(const char *name)
{
	const tl_param *p = tl_store_find(t->store, name);
	ck_assert_msg(p != NULL, "no %s", name);
	return p->value.data;
}

/* h = tanh(x W + h U + b) for each symbol, from the front or the back. */
static void recompute(const char *net, bool back, double h[][H])
{
	char name[64];
	const tl_real *table = values("embed.table"), *p[3];
	for (int k = 0; k < 3; k++) {
		snprintf(name, sizeof name, "%s.%c", net, "wub"[k]);
		p[k] = values(name);
	}
	double before[H] = {0};
	for (int64_t i = 0; i < reading.read.n; i++) {
		int64_t at = back ? reading.read.n - 1 - i : i;
		for (int j = 0; j < H; j++) {
			double z = (double)p[2][j];
			for (int k = 0; k < E; k++)
				z += (double)table[reading.read.id[at] * E + k] * (double)p[0][k * H + j];
			for (int k = 0; k < H; k++)
				z += before[k] * (double)p[1][k * H + j];
			h[at][j] = tanh(z);
		}
		memcpy(before, h[at], sizeof before);
	}
}

static void check_states(const probe_node *node, double want[][H])
{
	ck_assert_int_eq(node->units, H);
	for (int64_t i = 0; i < node->axis->n; i++)
		for (int j = 0; j < H; j++)
			ck_assert_double_eq_tol((double)node->values[i * H + j], want[i][j], 1e-5);
}

START_TEST(states_of_a_language_model)
{
	static const char *const labels[] = {"a", "\xE2\x90\xA3", "b", "\xE2\x86\xB5", "\xC3\xA9"};
	double want[5][H];
	make_lm();
	read_text("a b\n\xC3\xA9");
	ck_assert_int_eq(reading.read.n, 5);
	for (int k = 0; k < 5; k++)
		ck_assert_str_eq(reading.read.label[k], labels[k]);
	recompute("rnn.l0", false, want);
	const probe_node *node = find("l0/*/hidden");
	ck_assert_str_eq(node->path, "layer=0/t=*/hidden");
	check_states(node, want);
	ck_assert(node->scale.low == -1 && node->scale.high == 1);
	/* What it puts out: a distribution over symbols for each one. */
	node = find("probabilities");
	ck_assert_int_eq(node->units, 6);
	ck_assert_ptr_eq(node->symbols, &t->vocab[0]);
	for (int k = 0; k < 5; k++) {
		double sum = 0;
		for (int j = 0; j < 6; j++)
			sum += (double)node->values[k * 6 + j];
		ck_assert_double_eq_tol(sum, 1, 1e-5);
	}
}
END_TEST

/* The reverse direction's first step reads the last symbol, and its state is found there. */
START_TEST(states_of_both_directions)
{
	double want[4][H];
	make_tagger(true, FRONT_PADDED);
	read_text(" three one  two one\n");
	ck_assert_int_eq(reading.read.n, 4);
	recompute("rnn.l0", false, want);
	check_states(find("l0/*/hidden"), want);
	recompute("rnn.l0.reverse", true, want);
	check_states(find("l0/r/*/hidden"), want);
	ck_assert_int_eq(find("**/hidden") - nodes.v, 0);
	ck_assert_int_eq(nodes.n, 2);
}
END_TEST

START_TEST(one_symbol)
{
	double want[1][H];
	make_tagger(true, FRONT_PADDED);
	read_text("two");
	recompute("rnn.l0.reverse", true, want);
	check_states(find("l0/r/*/hidden"), want);
	ck_assert_int_eq(find("probabilities")->axis->n, 1);
	ck_assert_int_eq(nodes.v[0].units, 2);
}
END_TEST

static int32_t number(const vocab *v, const char *word)
{
	return (int32_t)vocab_find(v, (token){word, (uint32_t)strlen(word)});
}

/* (T, S, heads) of what was given as a target, against the same model asked directly. */
START_TEST(weights_of_a_translator)
{
	int heads = _i;
	make_translator(heads);
	read_input(&(probe_input){.text = "drei ein zwei", .target = "un trois"});
	ck_assert_int_eq(reading.read.n, 4);
	ck_assert_int_eq(reading.written.n, 3);
	ck_assert_str_eq(reading.written.label[2], "</s>");
	const probe_node *node = find("**/weights");
	ck_assert_ptr_eq(node->axis, &reading.written);
	ck_assert_ptr_eq(node->source, &reading.read);
	ck_assert_int_eq(node->heads, heads);
	tl_real got[3 * 4 * 2], want[3 * 4 * 2];
	memcpy(got, node->values, (size_t)(12 * heads) * sizeof *got);
	tl_tape_reset(t->tape);
	const vocab *v = t->vocab;
	int32_t x[4] = {number(&v[SOURCE], "drei"), number(&v[SOURCE], "ein"), number(&v[SOURCE], "zwei"), VOCAB_END};
	int32_t y[3] = {VOCAB_START, number(&v[TARGET], "un"), number(&v[TARGET], "trois")};
	tl_seq2seq_result r = tl_seq2seq_run(((translator *)t)->model, tl_index(t->tape, TL_SHAPE(4, 1), x), NULL,
		tl_index(t->tape, TL_SHAPE(3, 1), y), false);
	ck_assert_int_eq(tl_read(r.weights, want, 12 * heads), TL_OK);
	for (int k = 0; k < 12 * heads; k++)
		ck_assert_double_eq_tol((double)got[k], (double)want[k], 1e-6);
}
END_TEST

/* Its own translation: every symbol is the likeliest after those before. */
START_TEST(greedy_translation)
{
	make_translator(_i);
	read_text("zwei zwei");
	ck_assert_int_ge(reading.written.n, 1);
	ck_assert_int_le(reading.written.n, 5);
	const probe_node *node = find("decoder/probabilities");
	for (int64_t i = 0; i < node->axis->n; i++)
		for (int k = VOCAB_END; k < node->units; k++) /* <pad> and <s> are never written, <unk> may be */
			ck_assert(node->values[i * node->units + reading.written.id[i]] >= node->values[i * node->units + k]);
	find(_i ? "d*/l0/t0/update" : "d/l0/*/update");
	ck_assert_ptr_eq(nodes.v[0].axis, &reading.written);
	find("e/l0/*/update");
	ck_assert_ptr_eq(nodes.v[0].axis, &reading.read);
}
END_TEST

START_TEST(scales)
{
	make_translator(2);
	read_text("drei ein zwei");
	ck_assert(find("e/l0/*/update")->scale.low == 0 && nodes.v->scale.high == 1);
	ck_assert(find("e/l0/*/new")->scale.low == -1 && nodes.v->scale.high == 1);
	ck_assert(find("**/weights")->scale.low == 0 && nodes.v->scale.high == 1);
	const probe_node *node = find("e/l0/*/.matmul");
	double most = 0;
	for (int64_t i = 0; i < node->axis->n * node->units; i++)
		most = fmax(most, fabs((double)node->values[i]));
	ck_assert_double_ge(node->scale.high, most);
	ck_assert_double_le(node->scale.high, 1.6 * most);
	ck_assert(node->scale.low == -node->scale.high && !node->bounded);
}
END_TEST

static void refused(const probe_input *in, tl_status status, const char *sentence)
{
	err = (tl_error){0};
	ck_assert_int_eq(probe_read(t, in, &reading, &err), status);
	ck_assert_str_eq(err.text, sentence);
	probe_reading_release(&reading);
}

START_TEST(refused_texts)
{
	make_lm();
	refused(&(probe_input){.text = "axbyaxy"}, TL_ERR_INDEX,
		"--text: 'x', 'y' are not in the model's vocabulary of 6 symbols");
	refused(&(probe_input){.text = "a\tb"}, TL_ERR_INDEX, "--text: U+0009 is not in the model's vocabulary of 6 symbols");
	refused(&(probe_input){.text = "0123456789a9"}, TL_ERR_INDEX,
		"--text: '0', '1', '2', '3', '4', '5' and 4 more are not in the model's vocabulary of 6 symbols");
	refused(&(probe_input){.text = ""}, TL_ERR_ARGUMENT, "--text: there is nothing to read");
	refused(&(probe_input){.text = "a", .target = "b"}, TL_ERR_ARGUMENT, "--target is for translators");
	refused(&(probe_input){.text = "a", .x = "x.npy"}, TL_ERR_ARGUMENT, "a model of the task lm reads a text, no --x");
	char *text = malloc(PROBE_MOST + 2);
	memset(text, 'a', PROBE_MOST + 1);
	text[PROBE_MOST + 1] = '\0';
	refused(&(probe_input){.text = text}, TL_ERR_ARGUMENT,
		"--text: 20001 symbols are too many to look at, the most are 20000");
	free(text);
	err = (tl_error){0};
	ck_assert_int_eq(probe_read(t, &(probe_input){.text = "a\xFFz"}, &reading, &err), TL_ERR_FORMAT);
}
END_TEST

/* With <unk> in the vocabulary a word that is not there is read as that. */
START_TEST(unknown_words)
{
	make_tagger(false, FRONT_PADDED);
	read_text("one five two");
	ck_assert_int_eq(reading.read.id[1], VOCAB_UNKNOWN);
	ck_assert_str_eq(reading.read.label[1], "five");
}
END_TEST

static void no_node(const char *pattern, const char *sentence)
{
	err = (tl_error){0};
	ck_assert_int_eq(probe_nodes_find(t, &reading, &pattern, 1, &nodes, &err), TL_ERR_INDEX);
	ck_assert_str_eq(err.text, sentence);
}

START_TEST(refused_patterns)
{
	make_translator(1);
	read_text("ein");
	no_node("e/l0/*/updaet", "--nodes 'e/l0/*/updaet': nothing has this name; near are encoder/layer=0/t=*/update, "
		"decoder=*/layer=0/t=0/update, encoder/layer=0/t=*/reset; --list shows all");
	no_node("**/out.w", "--nodes '**/out.w': what has this name has no values over the symbols; near are "
		"encoder/layer=0/t=*/new, decoder=*/layer=0/t=0/new, encoder/layer=0/t=*/reset; --list shows all");
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *suite = suite_create("probe");
	TCase *c = tcase_create("probe");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, states_of_a_language_model);
	tcase_add_test(c, states_of_both_directions);
	tcase_add_test(c, one_symbol);
	tcase_add_loop_test(c, weights_of_a_translator, 1, 3);
	tcase_add_loop_test(c, greedy_translation, 0, 2);
	tcase_add_test(c, scales);
	tcase_add_test(c, refused_texts);
	tcase_add_test(c, unknown_words);
	tcase_add_test(c, refused_patterns);
	suite_add_tcase(suite, c);
	return suite;
}
