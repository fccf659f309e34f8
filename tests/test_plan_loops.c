/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The planned executor against the plain one on recorded loops that have broken planners, or could: cells,
 * language models, cut loops, masks, attention, unequal lengths, every set of passes.
 */
#include "tests/suite.h"

#include <math.h>

#include "tests/plans.h"

/* Every cell in one layer and two. */
START_TEST(cells)
{
	const int steps[] = {1, 2, 3, 8}, batch[] = {1, 3, 16};
	const tl_rnn_options o = {.cell = tl_cell_at(_i / 2), .input = 3, .hidden = 5, .layers = 1 + _i % 2};
	for (int t = 0; t < 4; t++)
		for (int b = 0; b < 3; b++) {
			layers l = layers_new(&o, steps[t], batch[b]);
			check_scene(layers_scene, &l, 2);
			layers_free(&l);
		}
}
END_TEST

/* Large enough for rows to be shared between threads. */
START_TEST(cells_on_many_threads)
{
	const tl_rnn_options o = {.cell = tl_cell_at(_i), .input = 24, .hidden = 40, .layers = 2};
	layers l = layers_new(&o, 7, 70);
	for (int threads = 1; threads <= 4; threads++)
		check_plan(layers_scene, &l, 2, threads, "all,tiny");
	check_plan(layers_scene, &l, 2, 3, "split");
	layers_free(&l);
}
END_TEST

enum { V = 11, LM_T = 7, LM_B = 3 };

typedef struct text_model {
	tl_store *store;
	tl_lm *lm;
} text_model;

static text_model text_model_new(const tl_lm_options *options)
{
	tl_error err = {0};
	text_model m = {.store = tl_store_new()};
	m.lm = tl_lm_new(m.store, options, &err);
	ck_assert_msg(m.lm != NULL, "%s", err.text);
	fill_randomly(m.store, 3, 0.6);
	return m;
}

static void text_model_free(text_model *m)
{
	tl_lm_free(m->lm);
	tl_store_free(m->store);
}

/* The label 0 is ignored; other symbols in every run. */
static void lm_scene(void *ctx, tl_tape *tape, int run, results *r)
{
	const text_model *m = ctx;
	tl_rng rng = {.seed = (uint64_t)run};
	int32_t text[(LM_T + 1) * LM_B];
	for (int i = 0; i < (LM_T + 1) * LM_B; i++)
		text[i] = (int32_t)tl_rng_below(&rng, V);
	tl_lm_result q = tl_lm_run(m->lm, tl_index(tape, TL_SHAPE(LM_T, LM_B), text), (tl_state){0}, true);
	tl_var labels = tl_index(tape, TL_SHAPE(LM_T, LM_B), text + LM_B);
	tl_var loss = tl_cross_entropy(q.logits, labels, &(tl_cross_entropy_options){.has_ignore = true});
	keep_backward(m->store, loss, r);
	results_keep(r, "logits", q.logits);
	results_keep(r, "last", q.last.v[0]);
}

START_TEST(language_models)
{
	const tl_lm_options o = {.cell = _i % 2 ? &tl_cell_gru : &tl_cell_lstm,
		.symbols = V,
		.embed = _i / 2 ? 4 : 0,
		.hidden = 6,
		.layers = 2,
		.dropout = 0.2};
	text_model m = text_model_new(&o);
	check_scene(lm_scene, &m, 3);
	text_model_free(&m);
}
END_TEST

/* Windows on one tape, the state handed on without its past. */
static void detached_windows(void *ctx, tl_tape *tape, int run, results *r)
{
	const layers *l = ctx;
	(void)run;
	tl_state s = layers_start(l, tape);
	tl_var loss = tl_fill(tape, TL_SCALAR, 0);
	for (int window = 0; window < 3; window++) {
		tl_rnn_result q = tl_rnn_run(l->rnn, tl_use(tape, l->x), s, true);
		loss = tl_add(loss, mean_square(q.output, 0.6));
		s = q.last;
		for (int k = 0; k < s.n; k++)
			s.v[k] = tl_detach(s.v[k]);
	}
	keep_backward(l->store, loss, r);
}

/* A tape for each window: the states are read and are the next window's input. */
static void carried_windows(void *ctx, tl_tape *tape, int run, results *r)
{
	const layers *l = ctx;
	(void)run;
	for (int window = 0; window < 4; window++) {
		tl_rnn_result q = layers_run(l, tape);
		keep_backward(l->store, mean_square(q.output, 0.6), r);
		layers_carry(l, q.last);
		tl_tape_reset(tape);
	}
	for (int k = 0; k < l->rnn->options.cell->states; k++)
		tl_init_constant(l->s[k], 0.1);
}

START_TEST(truncated_backpropagation)
{
	layers l = layers_new(
		&(tl_rnn_options){.cell = &tl_cell_lstm, .input = 3, .hidden = 4, .layers = 2}, 5, 3);
	check_scene(detached_windows, &l, 2);
	for (int k = 0; k < 2; k++)
		tl_init_constant(l.s[k], 0.1);
	check_scene(carried_windows, &l, 2);
	layers_free(&l);
}
END_TEST

/* The same masks whatever the threads and passes are. */
START_TEST(dropout_between_layers)
{
	static const char *const plans[] = {"all", "none", "roll", "distribute", "roll,distribute", "-roll",
		"fuse,place", "-fuse", "-split", "batch,merge", "split"};
	layers l = layers_new(
		&(tl_rnn_options){.cell = &tl_cell_gru, .input = 3, .hidden = 6, .layers = 3, .dropout = 0.4},
		6, 4);
	for (size_t k = 0; k < sizeof plans / sizeof *plans; k++)
		for (int threads = 1; threads <= 2; threads++)
			check_plan(layers_scene, &l, 3, threads, plans[k]);
	layers_free(&l);
}
END_TEST

/* Two layers of LSTM, under every set of passes. */
static void two_layers(unsigned passes)
{
	char plan[128];
	layers l = layers_new(
		&(tl_rnn_options){.cell = &tl_cell_lstm, .input = 3, .hidden = 5, .layers = 2}, 5, 3);
	check_plan(layers_scene, &l, 2, 1 + (int)(passes % 3 % 2), passes_of(passes, plan, sizeof plan));
	layers_free(&l);
}

/* An encoder, and a decoder that looks at all of its states in every step and may not see the padding. */
static void attention_scene(void *ctx, tl_tape *tape, int run, results *r)
{
	const layers *l = ctx;
	tl_rnn_result q = layers_run(l, tape);
	tl_var keys = tl_tanh(tl_matmul(q.output, tl_use(tape, l->rnn->params[1]))); /* U: (H, H) */
	tl_var s = tl_select(q.last.v[0], 0, 0), loss = tl_fill(tape, TL_SCALAR, 0);
	tl_var blind = tl_fill(tape, TL_SHAPE(l->batch, 1), run ? -1e30 : -(double)INFINITY);
	for (int t = 0; t < 4; t++) {
		tl_var score = tl_matmul(tl_unsqueeze(s, 1), tl_transpose(keys, (const int[]){1, 2, 0}));
		score = tl_squeeze(score, 1); /* (B, T) */
		score = tl_concat(2, (tl_var[]){tl_slice(score, 1, 0, l->steps - 1, 1), blind}, 1);
		tl_var w = tl_unsqueeze(tl_softmax(score, -1), 1);
		tl_var c = tl_squeeze(tl_matmul(w, tl_transpose(q.output, (const int[]){1, 0, 2})), 1);
		s = l->rnn->options.cell
			    ->step((const tl_var[]){tl_use(tape, l->rnn->params[1]),
					   tl_use(tape, l->rnn->params[1]), tl_use(tape, l->rnn->params[2])},
				    c, tl_state1(s))
			    .v[0];
		loss = tl_add(loss, mean_square(s, 0.3));
		results_keep(r, "weights", w);
	}
	keep_backward(l->store, loss, r);
}

static void attention(unsigned passes)
{
	char plan[128];
	layers l = layers_new(&(tl_rnn_options){.cell = &tl_cell_rnn, .input = 3, .hidden = 4}, 6, 3);
	check_plan(attention_scene, &l, 2, 1 + (int)(passes % 3 % 2), passes_of(passes, plan, sizeof plan));
	layers_free(&l);
}

START_TEST(all_sets_of_passes)
{
	for (unsigned k = 0; k < 32; k++) {
		two_layers((unsigned)_i * 32 + k);
		attention((unsigned)_i * 32 + k);
	}
}
END_TEST

/* Three sequences of unequal length, the same weights, losses added. */
static void unequal_scene(void *ctx, tl_tape *tape, int run, results *r)
{
	const layers *l = ctx;
	tl_var x = tl_use(tape, l->x), loss = tl_fill(tape, TL_SCALAR, 0);
	const int64_t lengths[] = {5, 3, 8, 1 + run};
	for (int i = 0; i < 4; i++) {
		tl_var own = tl_slice(x, 0, l->steps - lengths[i], l->steps, 1);
		tl_rnn_result q = tl_rnn_run(l->rnn, own, layers_start(l, tape), true);
		loss = tl_add(loss, tl_scale(loss_of(q), 1.0 / (1 + i)));
	}
	keep_backward(l->store, loss, r);
}

START_TEST(sequences_of_unequal_length)
{
	for (int k = 0; tl_cell_at(k); k++) {
		layers l =
			layers_new(&(tl_rnn_options){.cell = tl_cell_at(k), .input = 3, .hidden = 4}, 8, 2);
		check_scene(unequal_scene, &l, 3);
		layers_free(&l);
	}
}
END_TEST

/* The loss by the state of every step; values of states asked for afterwards. */
static void every_state_scene(void *ctx, tl_tape *tape, int run, results *r)
{
	enum { T = 60 };
	const layers *l = ctx;
	tl_var h[T + 1], d[T + 1], u = tl_use(tape, l->rnn->params[1]);
	h[0] = tl_select(tl_use(tape, l->s[0]), 0, 0);
	for (int t = 0; t < T; t++)
		h[t + 1] = tl_tanh(tl_add(tl_matmul(h[t], u), tl_scale(h[t], 0.3)));
	tl_grad(mean_square(h[T], 0.5), T + 1, h, d);
	tl_eval(run ? T + 1 : 1, run ? d : &d[T / 2]);
	for (int t = 0; t <= T; t++)
		results_keep(r, "state", h[(t * 7) % (T + 1)]);
	for (int t = 0; t <= T; t++)
		results_keep(r, "d state", d[t]);
}

START_TEST(gradients_by_every_state)
{
	layers l = layers_new(&(tl_rnn_options){.cell = &tl_cell_rnn, .input = 3, .hidden = 4}, 1, 3);
	check_scene(every_state_scene, &l, 2);
	layers_free(&l);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("plan loops");
	TCase *c = tcase_create("loops");
	int n = 0;
	while (tl_cell_at(n))
		n++;
	tcase_add_loop_test(c, cells, 0, 2 * n);
	tcase_add_loop_test(c, cells_on_many_threads, 0, n);
	tcase_add_loop_test(c, language_models, 0, 4);
	tcase_add_test(c, truncated_backpropagation);
	tcase_add_test(c, dropout_between_layers);
	tcase_add_loop_test(c, all_sets_of_passes, 0, 8);
	tcase_add_test(c, sequences_of_unequal_length);
	tcase_add_test(c, gradients_by_every_state);
	suite_add_tcase(s, c);
	return s;
}
