/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The encoder-decoder: against PyTorch (tools/fixtures/seq2seq.py), ragged batches against rows alone, its own
 * symbols read in training, what is dropped, wirings of unequal sides, what is refused.
 */
#include "tests/suite.h"

#include <string.h>

#include "tests/fixture.h"

typedef struct file_model {
	const char *name;
	tl_seq2seq_options options;
} file_model;

static const tl_seq2seq_options sizes = {.source_symbols = 7,
	.target_symbols = 8,
	.embed = 3,
	.hidden = 4,
	.encoder_hidden = 5,
	.bidirectional = true};

static tl_seq2seq_options with_sizes(tl_seq2seq_options o)
{
	o.source_symbols = sizes.source_symbols;
	o.target_symbols = sizes.target_symbols;
	o.embed = sizes.embed;
	o.hidden = sizes.hidden;
	o.encoder_hidden = sizes.encoder_hidden;
	return o;
}

static const file_model files[] = {
	{"seq2seq_attention",
		{.cell = &tl_cell_gru_lbr, .bidirectional = true, .attention = true, .score = TL_SCORE_ADDITIVE}},
	{"seq2seq_plain", {.cell = &tl_cell_gru_lbr, .bidirectional = true}},
	{"seq2seq_deep", {.cell = &tl_cell_lstm,
				 .layers = 2,
				 .bidirectional = true,
				 .attention = true,
				 .score = TL_SCORE_GENERAL}},
	{"seq2seq_conv", {.cell = &tl_cell_gru_lbr,
				 .kernel = 3,
				 .layers = 2,
				 .decoder_layers = 1,
				 .attention = true,
				 .score = TL_SCORE_CONCAT}},
};

enum { FILES = sizeof files / sizeof *files };

static tl_seq2seq *make(tl_store *store, tl_seq2seq_options o)
{
	tl_error err = {0};
	tl_seq2seq *m = tl_seq2seq_new(store, &o, &err);
	ck_assert_msg(m != NULL, "%s", err.text);
	return m;
}

static tl_var load_index(const fixture *f, const char *name)
{
	tl_tensor t = fixture_load(f, "", name, TL_I32);
	tl_var v = tl_index(f->tape, t.shape, t.data);
	free(t.data);
	return v;
}

/* For each file, twice on one tape: the second time by the kept plan. */
START_TEST(as_pytorch)
{
	fixture f = fixture_open(files[_i].name);
	tl_seq2seq *m = make(f.store, with_sizes(files[_i].options));
	int64_t lengths[16];
	fixture_set_all(&f);
	fixture_lengths(&f, lengths);
	for (int turn = 0; turn < 2; turn++) {
		tl_tape_reset(f.tape);
		tl_var y = load_index(&f, "target_out");
		tl_seq2seq_result r =
			tl_seq2seq_run(m, load_index(&f, "source"), lengths, load_index(&f, "target_in"), true);
		tl_var loss = tl_cross_entropy(r.logits, y, &(tl_cross_entropy_options){.has_ignore = true});
		tl_var real = tl_sub(
			tl_fill(f.tape, TL_SCALAR, 1), tl_select(tl_one_hot(y, sizes.target_symbols), -1, 0));
		fixture_check_gradients(&f, loss);
		fixture_check(&f, "loss", loss);
		fixture_check(&f, "logits", tl_mul(r.logits, tl_unsqueeze(real, -1)));
		if (files[_i].options.attention)
			fixture_check(&f, "weights", r.weights);
	}
	tl_seq2seq_free(m);
	fixture_close(&f);
}
END_TEST

enum { S = 5, T = 4, B = 4, V = 8 };

static const int32_t source[S * B] = {1, 2, 3, 4, 5, 6, 0, 2, 3, 0, 0, 6, 0, 0, 0, 5, 0, 0, 0, 4};
static const int32_t target[T * B] = {1, 1, 1, 1, 2, 3, 4, 5, 6, 7, 2, 3, 4, 5, 6, 7};
static const int64_t lengths_of[B] = {3, 2, 1, 5};

/* Random weights on a store and tape of its own. */
typedef struct world {
	tl_tape *tape;
	tl_store *store;
	tl_seq2seq *m;
} world;

static world world_new(tl_seq2seq_options o)
{
	tl_rng rng = {.seed = 8};
	world w = {.tape = tl_tape_new(NULL), .store = tl_store_new()};
	w.m = make(w.store, with_sizes(o));
	tl_seq2seq_init(w.m, &rng);
	return w;
}

static void world_free(world *w)
{
	tl_seq2seq_free(w->m);
	tl_store_free(w->store);
	tl_tape_free(w->tape);
}

static void read_all(tl_var v, double *to, int64_t n)
{
	tl_real got[4096];
	ck_assert_int_le(n, 4096);
	ck_assert_msg(tl_read(v, got, n) == TL_OK, "%s", tl_tape_error(v.tape)->text);
	for (int64_t i = 0; i < n; i++)
		to[i] = (double)got[i];
}

static void check_close(const char *what, const double *got, const double *want, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		ck_assert_msg(fabs(got[i] - want[i]) <= fixture_tolerance * fmax(1, fabs(want[i])),
			"%s[%d] is %.12g, not %.12g", what, (int)i, got[i], want[i]);
}

/* What else can stand on either side. */
static const tl_seq2seq_options wirings[] = {
	{.cell = &tl_cell_gru, .decoder_cell = &tl_cell_lstm, .attention = true, .score = TL_SCORE_CONCAT},
	{.cell = &tl_cell_lstm, .decoder_cell = &tl_cell_rnn, .bidirectional = true, .decoder_layers = 3},
	{.cell = &tl_cell_mgu, .layers = 3, .decoder_layers = 2, .attention = true, .score = TL_SCORE_GENERAL},
	{.cell = &tl_cell_lstm, .kernel = 2, .layers = 3, .decoder_layers = 2},
	{.cell = &tl_cell_rnn_relu,
		.attention = true,
		.score = TL_SCORE_SCALED_DOT,
		.heads = 2,
		.bidirectional = true},
};

enum { WIRINGS = sizeof wirings / sizeof *wirings };

/* Logits of all rows, and all gradients of their weighted sum: in one batch, and the rows apart, without padding.
 */
START_TEST(ragged_rows_are_as_if_alone)
{
	world w = world_new(wirings[_i]);
	int64_t span = tl_store_span(w.store);
	double batch[T * B * V], alone[T * V], *d[2];
	tl_real weights[T * B * V];
	tl_rng rng = {.seed = 9};
	for (int i = 0; i < T * B * V; i++)
		weights[i] = (tl_real)tl_rng_normal(&rng);
	for (int k = 0; k < 2; k++)
		ck_assert_ptr_nonnull(d[k] = calloc((size_t)span, sizeof **d));
	tl_seq2seq_result r = tl_seq2seq_run(w.m, tl_index(w.tape, TL_SHAPE(S, B), source), lengths_of,
		tl_index(w.tape, TL_SHAPE(T, B), target), true);
	tl_var factor = tl_input(w.tape, TL_SHAPE(T, B, V), weights);
	ck_assert_int_eq(tl_store_backward(w.store, tl_sum_all(tl_mul(r.logits, factor))), TL_OK);
	read_all(r.logits, batch, T * B * V);
	for (int64_t i = 0; i < span; i++)
		d[0][i] = (double)tl_store_grads(w.store)[i];
	for (int64_t b = 0; b < B; b++) {
		tl_tape_reset(w.tape);
		tl_var x = tl_slice(
			tl_slice(tl_index(w.tape, TL_SHAPE(S, B), source), 1, b, b + 1, 1), 0, 0, lengths_of[b], 1);
		tl_var y = tl_slice(tl_index(w.tape, TL_SHAPE(T, B), target), 1, b, b + 1, 1);
		r = tl_seq2seq_run(w.m, x, NULL, y, true);
		factor = tl_slice(tl_input(w.tape, TL_SHAPE(T, B, V), weights), 1, b, b + 1, 1);
		ck_assert_int_eq(tl_store_backward(w.store, tl_sum_all(tl_mul(r.logits, factor))), TL_OK);
		read_all(r.logits, alone, T * V);
		for (int64_t i = 0; i < T * V; i++)
			check_close("logits", &batch[(i / V * B + b) * V + i % V], &alone[i], 1);
		for (int64_t i = 0; i < span; i++)
			d[1][i] += (double)tl_store_grads(w.store)[i];
	}
	check_close("gradient", d[0], d[1], span);
	free(d[0]);
	free(d[1]);
	world_free(&w);
}
END_TEST

/* Symbol by symbol as all at once. */
START_TEST(steps_are_as_teacher_forced)
{
	world w = world_new(wirings[_i]);
	double all[T * B * V], step[B * V];
	tl_var x = tl_index(w.tape, TL_SHAPE(S, B), source), y = tl_index(w.tape, TL_SHAPE(T, B), target);
	read_all(tl_seq2seq_run(w.m, x, lengths_of, y, false).logits, all, T * B * V);
	tl_seq2seq_memory memory = tl_seq2seq_encode(w.m, x, lengths_of, false);
	tl_state state = memory.first;
	for (int64_t t = 0; t < T; t++) {
		tl_seq2seq_result r = tl_seq2seq_step(w.m, &memory, tl_select(y, 0, t), state);
		read_all(r.logits, step, B * V);
		check_close("logits", step, all + t * B * V, B * V);
		state = r.state;
	}
	world_free(&w);
}
END_TEST

/* Always its own symbols: as greedy decoding on the same weights, whatever the target says behind the first one. */
START_TEST(it_can_read_its_own_symbols)
{
	world w = world_new((tl_seq2seq_options){
		.cell = &tl_cell_gru, .attention = _i == 0, .score = TL_SCORE_ADDITIVE, .own_rate = 1});
	double got[T * B * V], want[B * V];
	tl_var x = tl_index(w.tape, TL_SHAPE(S, B), source), y = tl_index(w.tape, TL_SHAPE(T, B), target);
	read_all(tl_seq2seq_run(w.m, x, lengths_of, y, true).logits, got, T * B * V);
	tl_seq2seq_memory memory = tl_seq2seq_encode(w.m, x, lengths_of, false);
	tl_seq2seq_result r = {.state = memory.first};
	bool differs = false;
	for (int64_t t = 0; t < T; t++) {
		tl_var previous = t ? tl_argmax(r.logits, -1) : tl_select(y, 0, 0);
		int32_t read[B];
		r = tl_seq2seq_step(w.m, &memory, previous, r.state);
		read_all(r.logits, want, B * V);
		check_close("logits", got + t * B * V, want, B * V);
		ck_assert_int_eq(tl_read_index(previous, read, B), TL_OK);
		differs = differs || memcmp(read, target + t * B, sizeof read);
	}
	ck_assert_msg(differs, "its symbols are the given ones: the test shows nothing");
	world_free(&w);
}
END_TEST

/* At a rate in between each step of each row reads one or the other; the draws follow from seed and step. */
START_TEST(it_reads_its_own_symbols_at_a_rate)
{
	enum { ROWS = 200, STEPS = 3 };
	world w = world_new((tl_seq2seq_options){
		.cell = &tl_cell_gru, .attention = true, .score = TL_SCORE_ADDITIVE, .own_rate = 0.3});
	int32_t x[ROWS], y[STEPS * ROWS];
	double mixed[STEPS * ROWS * V], again[STEPS * ROWS * V], given[STEPS * ROWS * V];
	for (int i = 0; i < ROWS; i++)
		x[i] = 1;
	for (int i = 0; i < STEPS * ROWS; i++)
		y[i] = i < ROWS ? 1 : 3; /* not what follows 1 here: its own symbol is another */
	for (int turn = 0; turn < 3; turn++) {
		tl_tape_reset(w.tape);
		tl_tape_set_step(w.tape, 5);
		tl_seq2seq_result r = tl_seq2seq_run(w.m, tl_index(w.tape, TL_SHAPE(1, ROWS), x), NULL,
			tl_index(w.tape, TL_SHAPE(STEPS, ROWS), y), turn < 2);
		tl_real got[STEPS * ROWS * V];
		ck_assert_int_eq(tl_read(r.logits, got, STEPS * ROWS * V), TL_OK);
		for (int i = 0; i < STEPS * ROWS * V; i++)
			(turn == 0 ? mixed : turn == 1 ? again : given)[i] = (double)got[i];
	}
	check_close("logits of the same step", again, mixed, STEPS * ROWS * V);
	check_close("first logits", mixed, given, ROWS * V);
	int own = 0, later = 0;
	for (int i = ROWS; i < 2 * ROWS; i++) {
		bool now = fabs(mixed[i * V] - given[i * V]) > 1e-4,
		     next = fabs(mixed[(i + ROWS) * V] - given[(i + ROWS) * V]) > 1e-4;
		own += now;
		later += next && !now;
	}
	/* 60 and 42 expected, with standard deviations of 6.5 and 5.8. */
	ck_assert_msg(own > 30 && own < 90, "%d of %d rows read their own symbol", own, ROWS);
	ck_assert_msg(
		later > 15 && later < 70, "%d of %d rows read their own symbol only at the next step", later, ROWS);
	world_free(&w);
}
END_TEST

/* Dropout draws in training only, anew in each step, and its mean is the value without. */
START_TEST(dropout_is_for_training)
{
	world w = world_new((tl_seq2seq_options){
		.cell = &tl_cell_gru, .layers = 2, .attention = true, .score = TL_SCORE_GENERAL, .dropout = 0.5});
	double a[T * B * V], b[T * B * V];
	for (int training = 0; training < 2; training++) {
		tl_tape_reset(w.tape);
		read_all(tl_seq2seq_run(w.m, tl_index(w.tape, TL_SHAPE(S, B), source), lengths_of,
				 tl_index(w.tape, TL_SHAPE(T, B), target), training)
				 .logits,
			a, T * B * V);
		tl_tape_reset(w.tape);
		read_all(tl_seq2seq_run(w.m, tl_index(w.tape, TL_SHAPE(S, B), source), lengths_of,
				 tl_index(w.tape, TL_SHAPE(T, B), target), training)
				 .logits,
			b, T * B * V);
		double apart = 0;
		for (int i = 0; i < T * B * V; i++)
			apart = fmax(apart, fabs(a[i] - b[i]));
		ck_assert_msg(training ? apart > 0.05 : apart == 0, "logits differ by %g", apart);
	}
	world_free(&w);
}
END_TEST

/* The model written out, with dropout where it belongs: masks are drawn in the order in which they are recorded. */
static tl_var by_hand(const tl_seq2seq *m, tl_var x, tl_var y)
{
	double p = m->options.dropout;
	tl_var embedded = tl_dropout(tl_embedding_run(&m->encoder->embedding, x), p);
	tl_rnn_result memory = tl_rnn_run(m->encoder->rnn, embedded, (tl_state){0}, true);
	tl_var last[2] = {tl_select(memory.last.v[0], 0, 0), tl_select(memory.last.v[0], 0, 1)};
	tl_var s = tl_tanh(tl_dense_run(&m->bridge.dense[0], tl_concat(2, last, -1)));
	tl_attention_memory keys =
		tl_attention_prepare(m->attention, memory.output, memory.output, NULL, (tl_var){0});
	tl_var in = tl_dropout(tl_embedding_run(&m->target, y), p), features[T];
	for (int64_t t = 0; t < T; t++) {
		tl_var c = tl_attention_step(m->attention, &keys, s).context;
		tl_var e = tl_concat(2, (tl_var[]){tl_select(in, 0, t), c}, -1);
		s = tl_rnn_step(m->decoder, e, tl_state1(tl_unsqueeze(s, 0))).output;
		features[t] = tl_concat(2, (tl_var[]){s, c}, -1);
	}
	return tl_dense_run(&m->out, tl_dropout(tl_stack(T, features, 0), p));
}

START_TEST(dropout_has_its_places)
{
	world w = world_new((tl_seq2seq_options){.cell = &tl_cell_gru_lbr,
		.bidirectional = true,
		.attention = true,
		.score = TL_SCORE_ADDITIVE,
		.dropout = 0.3});
	double got[T * B * V], want[T * B * V];
	for (int way = 0; way < 2; way++) {
		tl_tape_reset(w.tape);
		tl_tape_set_step(w.tape, 3);
		tl_var x = tl_index(w.tape, TL_SHAPE(S, B), source), y = tl_index(w.tape, TL_SHAPE(T, B), target);
		read_all(way ? by_hand(w.m, x, y) : tl_seq2seq_run(w.m, x, NULL, y, true).logits, way ? want : got,
			T * B * V);
	}
	check_close("logits", got, want, T * B * V);
	world_free(&w);
}
END_TEST

/* Which of the encoder's layers starts each of the decoder's. */
START_TEST(bridges_pair_layers)
{
	static const struct {
		int layers, decoder_layers, from[4];
	} cases[] = {{2, 2, {0, 1}}, {3, 2, {1, 2}}, {2, 4, {0, 0, 0, 1}}, {1, 3, {0, 0, 0}}, {3, 1, {2}}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		tl_error err = {0};
		world w = {.tape = tl_tape_new(NULL), .store = tl_store_new()};
		tl_rng rng = {.seed = 2};
		tl_seq2seq_options o = {.source_symbols = 7,
			.target_symbols = V,
			.embed = 3,
			.hidden = 4,
			.cell = &tl_cell_gru,
			.decoder_cell = &tl_cell_lstm,
			.layers = cases[i].layers,
			.decoder_layers = cases[i].decoder_layers};
		w.m = tl_seq2seq_new(w.store, &o, &err);
		ck_assert_msg(w.m != NULL, "%s", err.text);
		ck_assert_ptr_null(w.m->bridge.dense);
		tl_seq2seq_init(w.m, &rng);
		tl_var x = tl_index(w.tape, TL_SHAPE(S, B), source);
		tl_state last = tl_encoder_run(w.m->encoder, x, lengths_of, false).last;
		tl_state first = tl_seq2seq_encode(w.m, x, lengths_of, false).first;
		ck_assert_int_eq(first.n, 2);
		for (int j = 0; j < 2 * cases[i].decoder_layers; j++) {
			double a[B * 4], b[B * 4];
			read_all(tl_select(first.v[j % 2], 0, j / 2), a, B * 4);
			read_all(tl_select(last.v[0], 0, cases[i].from[j / 2]), b, B * 4);
			check_close("state", a, b, B * 4);
		}
		world_free(&w);
	}
}
END_TEST

static void check_refused(tl_seq2seq_options o, const char *sentence)
{
	tl_error err = {0};
	tl_store *store = tl_store_new();
	ck_assert_ptr_null(tl_seq2seq_new(store, &o, &err));
	ck_assert_msg(strstr(err.text, sentence) != NULL, "'%s' does not say '%s'", err.text, sentence);
	tl_store_free(store);
}

static void check_failed(world *w, tl_seq2seq_result r, const char *sentence)
{
	ck_assert(!tl_ok(r.logits));
	ck_assert_msg(strstr(tl_tape_error(w->tape)->text, sentence) != NULL, "'%s' does not say '%s'",
		tl_tape_error(w->tape)->text, sentence);
	tl_tape_reset(w->tape);
}

START_TEST(what_is_refused)
{
	tl_seq2seq_options o = with_sizes(wirings[0]);
	o.own_rate = 1.5;
	check_refused(o, "own_rate 1.5 is not in [0, 1]");
	o = with_sizes(wirings[0]);
	o.source_symbols = 0;
	check_refused(o, "0 and 8 symbols");
	o = with_sizes(wirings[0]);
	o.cell = NULL;
	check_refused(o, "no cell is given");
	o = with_sizes(wirings[0]);
	o.dropout = 1;
	check_refused(o, "dropout 1");
	o = with_sizes(wirings[0]);
	o.score = TL_SCORE_DOT;
	check_refused(o, "queries of size 4 and keys of size 5");
	o = with_sizes(wirings[3]);
	o.layers = -1;
	check_refused(o, "-1 convolutions");
	world w = world_new(wirings[0]);
	static const int64_t wrong[B] = {3, 2, 6, 5};
	tl_var x = tl_index(w.tape, TL_SHAPE(S, B), source), y = tl_index(w.tape, TL_SHAPE(T, B), target);
	check_failed(&w, tl_seq2seq_run(w.m, x, wrong, y, true), "row 2 is 6");
	x = tl_index(w.tape, TL_SHAPE(S * B), source);
	y = tl_index(w.tape, TL_SHAPE(T, B), target);
	check_failed(&w, tl_seq2seq_run(w.m, x, NULL, y, true), "symbols must have two axes");
	x = tl_index(w.tape, TL_SHAPE(S, B), source);
	y = tl_index(w.tape, TL_SHAPE(T * B), target);
	check_failed(&w, tl_seq2seq_run(w.m, x, NULL, y, true), "must have the shape (T, B)");
	y = tl_index(w.tape, TL_SHAPE(T, B), target);
	check_failed(&w, tl_seq2seq_decode(w.m, &(tl_seq2seq_memory){0}, y, true), "memory of an encoded source");
	y = tl_index(w.tape, TL_SHAPE(T, B), target);
	check_failed(&w, tl_seq2seq_decode(NULL, &(tl_seq2seq_memory){0}, y, true), "tl_seq2seq_new returned NULL");
	world_free(&w);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("seq2seq");
	TCase *c = tcase_create("seq2seq");
	tcase_add_loop_test(c, as_pytorch, 0, FILES);
	tcase_add_loop_test(c, ragged_rows_are_as_if_alone, 0, WIRINGS);
	tcase_add_loop_test(c, steps_are_as_teacher_forced, 0, WIRINGS);
	tcase_add_loop_test(c, it_can_read_its_own_symbols, 0, 2);
	tcase_add_test(c, it_reads_its_own_symbols_at_a_rate);
	tcase_add_test(c, dropout_is_for_training);
	tcase_add_test(c, dropout_has_its_places);
	tcase_add_test(c, bridges_pair_layers);
	tcase_add_test(c, what_is_refused);
	suite_add_tcase(s, c);
	return s;
}
