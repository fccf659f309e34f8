/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Default drawings of whole models, of any length: Graphviz lays each out within seconds. With TL_DRAWINGS=FOLDER
 * they are kept there, to be looked at. Overlays see every node once.
 */
#include "tests/suite.h"

#include "models/tapeloop.h"
#include "tests/drawing.h"
#include "tests/tape.h"

enum { B = 4, E = 32, H = 64, V = 65, MOST = 64 };

static tl_store *store;
static tl_rnn *net;
static tl_seq2seq *translator;
static tl_var out[MOST];
static int n_out;

static void setup_store(void)
{
	setup();
	store = tl_store_new();
	net = NULL;
	translator = NULL;
	n_out = 0;
}

static void teardown_store(void)
{
	tl_rnn_free(net);
	tl_seq2seq_free(translator);
	tl_store_free(store);
	teardown();
}

static tl_param *add_param(const char *name, tl_shape shape)
{
	tl_error err = {0};
	tl_param *p = tl_store_add(store, name, shape, &err);
	ck_assert_msg(p != NULL, "%s", err.text);
	return p;
}

static tl_var symbols(int64_t steps, const char *name)
{
	int32_t *zeros = calloc((size_t)(steps * B), sizeof *zeros);
	ck_assert_ptr_nonnull(zeros);
	tl_var v = tl_name(tl_index(tape, TL_SHAPE(steps, B), zeros), name);
	free(zeros);
	return v;
}

/* A language model of T steps; the loss is the output. */
static tl_var language_model(tl_rnn_options o, int64_t steps)
{
	tl_error err = {0};
	o.input = E;
	o.hidden = H;
	tl_param *table = add_param("embedding", TL_SHAPE(V, E));
	net = tl_rnn_new(store, "rnn", &o, &err);
	ck_assert_msg(net != NULL, "%s", err.text);
	tl_param *w = add_param("out.w", TL_SHAPE(tl_rnn_output_size(net), V)), *b = add_param("out.b", TL_SHAPE(V));
	tl_var x = symbols(steps, "x"), y = symbols(steps, "y");
	tl_rnn_result r = tl_rnn_run(net, tl_gather(tl_use(tape, table), x), (tl_state){0}, true);
	tl_var logits = tl_name(tl_linear(r.output, tl_use(tape, w), tl_use(tape, b)), "logits");
	return out[n_out++] = tl_name(tl_cross_entropy(logits, y, NULL), "loss");
}

/* Gradients by all parameters are outputs, too. */
static void add_gradients(tl_var loss)
{
	int n = tl_store_count(store);
	tl_var of[MOST];
	ck_assert_int_lt(n + n_out, MOST);
	for (int k = 0; k < n; k++)
		of[k] = tl_use(tape, tl_store_at(store, k));
	ck_assert_msg(tl_grad(loss, n, of, out + n_out) == TL_OK, "%s", tl_tape_error(tape)->text);
	for (int k = 0; k < n; k++) {
		char name[128];
		snprintf(name, sizeof name, "d %s", tl_store_at(store, k)->name);
		tl_name(out[n_out + k], name);
	}
	n_out += n;
}

static void check_drawing(const char *name)
{
	char axes[128];
	snprintf(axes, sizeof axes, "B=%d E=%d H=%d V=%d", B, E, H, V);
	ck_assert_msg(tl_tape_status(tape) == TL_OK, "%s", tl_tape_error(tape)->text);
	char *text = drawing(n_out, out, &(tl_draw_options){.title = name, .legend = true, .axes = axes});
	keep_drawing(name, text);
	ck_assert_msg(count(text, "\n") < 5000, "%s has %d lines", name, count(text, "\n"));
	if (!graphviz(text, "svg", 3) || !graphviz(text, "canon", 3))
		puts("there is no program dot: drawings were not laid out");
	free(text);
}

static const int lengths[] = {1, 3, 100, 1000, 10000};

START_TEST(char_lstm)
{
	char name[64];
	snprintf(name, sizeof name, "lstm_%d", lengths[_i]);
	tl_var loss = language_model((tl_rnn_options){.cell = &tl_cell_lstm}, lengths[_i]);
	check_drawing(name);
	add_gradients(loss);
	snprintf(name, sizeof name, "lstm_gradient_%d", lengths[_i]);
	check_drawing(name);
}
END_TEST

START_TEST(deep_bidirectional_gru)
{
	tl_rnn_options o = {.cell = &tl_cell_gru, .layers = 3, .bidirectional = true, .dropout = 0.1};
	tl_var loss = language_model(o, 200);
	check_drawing("gru_3_both_200");
	add_gradients(loss);
	check_drawing("gru_3_both_gradient_200");
}
END_TEST

START_TEST(attention)
{
	tl_error err = {0};
	tl_seq2seq_options o = {.source_symbols = V, .target_symbols = V, .embed = E, .cell = &tl_cell_gru,
		.hidden = H, .bidirectional = true, .attention = true, .score = TL_SCORE_ADDITIVE};
	translator = tl_seq2seq_new(store, &o, &err);
	ck_assert_msg(translator != NULL, "%s", err.text);
	tl_var x = symbols(40, "source"), y = symbols(40, "target");
	tl_seq2seq_result r = tl_seq2seq_run(translator, x, NULL, y, true);
	tl_var loss = out[n_out++] = tl_name(tl_cross_entropy(r.logits, y, NULL), "loss");
	check_drawing("attention_40");
	add_gradients(loss);
	check_drawing("attention_gradient_40");
}
END_TEST

/* A cell of one's own: h' = h + tanh(x W + sin(h U)) / 2. */
static tl_state wave_step(const tl_var *p, tl_var x, tl_state s)
{
	tl_var h = s.v[0], wave = tl_name(tl_sin(tl_matmul(h, p[1])), "wave");
	return tl_state1(tl_name(tl_add(h, tl_scale(tl_tanh(tl_add(tl_linear(x, p[0], p[2]), wave)), 0.5)), "h"));
}

static const tl_cell wave = {.name = "wave",
	.states = 1,
	.step = wave_step,
	.params = (const tl_cell_param[]){
		{"w", TL_INPUT_ROWS, "h"}, {"u", TL_STATE_ROWS, "h"}, {"b", TL_BIAS, "h"}, {0}}};

START_TEST(custom_cell)
{
	tl_var loss = language_model((tl_rnn_options){.cell = &wave}, 500);
	check_drawing("custom_500");
	add_gradients(loss);
	check_drawing("custom_gradient_500");
}
END_TEST

START_TEST(second_order)
{
	tl_var loss = language_model((tl_rnn_options){.cell = &tl_cell_rnn}, 50), first;
	tl_var u = tl_use(tape, net->params[1]);
	ck_assert_int_eq(tl_grad(loss, 1, &u, &first), TL_OK);
	tl_var penalty = tl_name(tl_sum_all(tl_square(tl_name(first, "d u"))), "penalty");
	out[0] = penalty;
	add_gradients(penalty);
	check_drawing("second_order_50");
}
END_TEST

START_TEST(other_wirings)
{
	tl_var loss = language_model(
		(tl_rnn_options){.cell = &tl_cell_lstm, .layers = 2, .checkpoint = 5, .truncate = 7}, 60);
	add_gradients(loss);
	check_drawing("checkpoint_60");
	tl_tape_reset(tape);
	n_out = 0;
	int64_t rows[B] = {50, 33, 20, 1};
	tl_var x = tl_name(tl_random_normal(tape, TL_SHAPE(50, B, E), 0, 1), "x");
	out[n_out++] = tl_rnn_run_ragged(net, x, rows, (tl_state){0}, true).output;
	check_drawing("ragged_50");
}
END_TEST

/* What an overlay was shown. */
typedef struct record {
	int times[4096], leaves, folded, elided, boxes;
	bool gradient;
} record;

static void note(void *context, const tl_draw_box *box, tl_draw_mark *mark)
{
	record *r = context;
	bool leaf = tl_var_operands(box->nodes[0]) == 0;
	ck_assert_uint_gt(box->n, 0);
	ck_assert(box->folded || box->n == 1);
	r->leaves += leaf;
	r->folded += box->folded;
	r->elided += box->elided;
	r->boxes++;
	r->gradient = r->gradient || box->gradient;
	for (size_t k = 0; k < box->n; k++) {
		char scope[128];
		r->times[box->nodes[k].index]++;
		tl_var_scope(box->nodes[k], scope, sizeof scope);
		ck_assert_int_eq(strncmp(box->path, scope, strlen(box->path)) && *scope ? 0 : 1, 1);
	}
	mark->paint = leaf ? TL_DRAW_PLAIN : box->gradient ? TL_DRAW_GROUP : TL_DRAW_VALUE;
	mark->value = box->elided ? NAN : (double)box->n;
	mark->group = 9;
	snprintf(mark->label, sizeof mark->label, "<n> %d\nline", (int)box->n);
	snprintf(mark->tip, sizeof mark->tip, "tip \"%s\"\n2", box->path);
}

START_TEST(overlays_see_each_node_once)
{
	tl_var h = tl_name(VECTOR(1, 2, 3), "h0"), x = h, dx;
	for (int t = 0; t < 30; t++) {
		tl_scope_begin(tape, "t", t);
		h = tl_tanh(tl_mul(h, h));
		tl_scope_end(tape);
	}
	tl_var y = sum(h);
	ck_assert_int_eq(tl_grad(y, 1, &x, &dx), TL_OK);
	static record r;
	tl_draw_overlay overlay = {.mark = note, .context = &r, .scale = "nodes & more"};
	tl_draw_options o = {.fold = TL_DRAW_FOLD_CELL, .steps = "0,-1", .overlay = &overlay, .legend = true};
	tl_var all[] = {y, dx};
	char *text = drawing(2, all, &o);
	for (uint32_t i = 1; i <= dx.index; i++) {
		tl_var v = {tape, i, y.generation};
		if (tl_var_operands(v))
			ck_assert_msg(r.times[i] == 1, "node %u, %s, was shown %d times", i, tl_var_op(v)->name,
				r.times[i]);
	}
	ck_assert_int_eq(r.elided, 2);
	ck_assert(r.gradient);
	ck_assert_int_eq(r.boxes, count_boxes(text));
	ck_drawn(text, "<br/>&lt;n&gt; 2<br/>line>", 2);
	ck_drawn(text, "tooltip=\"tip \\\"t=0\\\"\\n2\"", 2);
	ck_drawn(text, "nodes &amp; more", 1);
	ck_drawn(text, "fillcolor=\"#ff9ce0\"", 1); /* no number */
	ck_drawn(text, "fillcolor=\"#440154\" color=\"#2f66a3\" fontcolor=\"#ffffff\"", 2); /* the greatest */
	ck_drawn(text, "fillcolor=\"#fde725\"", 1); /* the least: y itself */
	ck_drawn(text, "fillcolor=\"#ffe0a6\"", 4); /* groups 1, 9, 17 look alike */
	free(text);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("draw_models");
	TCase *c = tcase_create("models");
	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, setup_store, teardown_store);
	tcase_add_loop_test(c, char_lstm, 0, sizeof lengths / sizeof *lengths);
	tcase_add_test(c, deep_bidirectional_gru);
	tcase_add_test(c, attention);
	tcase_add_test(c, custom_cell);
	tcase_add_test(c, second_order);
	tcase_add_test(c, other_wirings);
	tcase_add_test(c, overlays_see_each_node_once);
	suite_add_tcase(s, c);
	return s;
}
