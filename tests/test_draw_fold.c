/* SPDX-License-Identifier: Apache-2.0 */
/* What is folded and left out: groups of ops, cells, layers, steps, patterns; and the same chosen for huge tapes. */
#include "tests/suite.h"

#include "models/tapeloop.h"
#include "tests/drawing.h"
#include "tests/tape.h"

enum { E = 3, H = 5, B = 2, WF = 0, UF, BF, WC, UC, BC, PARAMS };

static tl_real numbers[4096];
static tl_param param[PARAMS];

static void setup_cell(void)
{
	static const char *const names[] = {"wf", "uf", "bf", "wc", "uc", "bc"};
	static const tl_shape shapes[] = {{2, {E, H}}, {2, {H, H}}, {1, {H}}};
	setup();
	for (int i = 0; i < PARAMS; i++)
		param[i] = (tl_param){.name = names[i], .value = tl_tensor_dense(TL_REAL, shapes[i % 3], numbers)};
}

static tl_var use(int i)
{
	return tl_use(tape, &param[i]);
}

/* A minimal gated unit, 10 ops a step. */
static tl_var record(int layers, int steps)
{
	tl_var h = tl_name(tl_fill(tape, TL_SHAPE(B, H), 0.5), "h0");
	for (int j = 0; j < layers; j++) {
		tl_scope_begin(tape, "layer", j);
		for (int t = 0; t < steps; t++) {
			tl_scope_begin(tape, "t", t);
			tl_var x = tl_name(tl_input(tape, TL_SHAPE(B, E), numbers), "x");
			tl_var fx = tl_linear(x, use(WF), use(BF)), fh = tl_matmul(h, use(UF));
			tl_var f = tl_sigmoid(tl_add(fx, fh));
			tl_var cx = tl_linear(x, use(WC), use(BC)), ch = tl_matmul(tl_mul(f, h), use(UC));
			tl_var c = tl_tanh(tl_add(cx, ch));
			h = tl_name(tl_lerp(h, c, f), "h");
			tl_scope_end(tape);
		}
		tl_scope_end(tape);
	}
	return tl_name(tl_neg(h), "y");
}

static char *fold(tl_var v, tl_draw_fold how, const char *steps)
{
	return drawing(1, &v, &(tl_draw_options){.fold = how, .steps = steps});
}

START_TEST(groups_of_ops)
{
	tl_var y = record(1, 3);
	char *none = fold(y, TL_DRAW_FOLD_NONE, ":"), *ops = fold(y, TL_DRAW_FOLD_OPS, ":");
	/* A step: x, 10 ops, 6 parameters; at first the constant in each of 3 places; y. */
	ck_assert_int_eq(count_boxes(none), 3 * 17 + 3 + 1);
	/* A step: x, [linear matmul add], sigmoid (used twice), mul, [linear matmul add tanh in two], h. */
	ck_drawn(ops, "[label=<linear, matmul, add>", 2 * 3);
	ck_drawn(ops, "[label=<sigmoid>", 3);
	ck_drawn(ops, "[label=<mul>", 3);
	ck_drawn(ops, "[label=<<b>h</b><br/><font point-size=\"9\">tanh, lerp</font>>", 3);
	ck_drawn(ops, "[label=<<b>wf</b><br/><font point-size=\"9\">(3, 5)</font><br/><b>bf</b>", 3);
	free(none);
	free(ops);
}
END_TEST

/* What has a name, is an output, or is used twice, is shown by itself. */
START_TEST(what_is_not_grouped)
{
	tl_var x = tl_name(number(1), "x"), named = tl_name(tl_exp(x), "named"), shown = tl_exp(tl_neg(named));
	tl_var twice = tl_sin(tl_cos(shown)), out[] = {shown, tl_mul(tl_neg(twice), tl_abs(twice))};
	char *text = drawing(2, out, &(tl_draw_options){.fold = TL_DRAW_FOLD_OPS});
	ck_drawn(text, "[label=<<b>named</b><br/><font point-size=\"9\">exp</font>>", 1);
	ck_drawn(text, "[label=<neg, exp<br/>", 1);
	ck_drawn(text, "[label=<cos, sin>", 1);
	ck_drawn(text, "\"mul\" [label=<", 1);
	ck_assert_int_eq(count_boxes(text), 5);
	free(text);
}
END_TEST

START_TEST(a_step_is_a_box)
{
	tl_var y = record(2, 4);
	char *text = fold(y, TL_DRAW_FOLD_CELL, ":");
	ck_assert_int_eq(count_frames(text), 2);
	for (int t = 0; t < 4; t++) {
		char id[128];
		snprintf(id, sizeof id, "\"layer=1/t=%d\" [label=<<b>t=%d</b><br/><font point-size=\"9\">10 ops</font>>",
			t, t);
		ck_drawn(text, id, 1);
		snprintf(id, sizeof id, "\"layer=1/t=%d < parameters\" [label=<wf, bf, uf, wc, bc, uc>", t);
		ck_drawn(text, id, 1);
	}
	ck_drawn(text, " \"layer=0/t=1\" -> \"layer=0/t=2\" [weight=8 label=\"(2, 5)\"]", 1);
	ck_drawn(text, " \"layer=0/t=3\" -> \"layer=1/t=0\" [weight=1 label=\"(2, 5)\"]", 1);
	ck_assert_int_eq(count_boxes(text), 2 * 2 * 4 + 1);
	free(text);
}
END_TEST

START_TEST(a_layer_is_a_box)
{
	tl_var y = record(2, 4);
	char *text = fold(y, TL_DRAW_FOLD_LAYER, ":");
	ck_assert_int_eq(count_frames(text), 0);
	ck_drawn(text, "\"layer=0\" [label=<<b>layer=0</b><br/><font point-size=\"9\">4 steps, 40 ops</font>>", 1);
	ck_drawn(text, " \"layer=0\" -> \"layer=1\" [weight=8 label=\"(2, 5)\"]", 1);
	ck_assert_int_eq(count_boxes(text), 5);
	free(text);
}
END_TEST

/* Steps that stand in no layer are one box all the same. */
START_TEST(steps_without_a_layer)
{
	tl_var h = number(1);
	for (int t = 0; t < 5; t++) {
		tl_scope_begin(tape, "t", t);
		h = tl_exp(tl_neg(h));
		tl_scope_end(tape);
	}
	char *text = fold(h, TL_DRAW_FOLD_LAYER, NULL);
	ck_drawn(text, "[label=<<b>t=0 ... t=4</b><br/><font point-size=\"9\">5 steps, 10 ops</font>>", 1);
	ck_assert_int_eq(count_boxes(text), 2);
	free(text);
}
END_TEST

/* Which of five steps stay. */
START_TEST(slices_are_pythons)
{
	static const struct {
		const char *steps, *shown;
	} cases[] = {{"0:3,-1", "11101"}, {":", "11111"}, {"::2", "10101"}, {"1::3", "01001"}, {"-2:", "00011"},
		{":-3", "11000"}, {"-99:2", "11000"}, {"3:99", "00011"}, {"7,-9", "00000"}, {" 1 , 3 ", "01010"},
		{"4:1", "00000"}, {"-5", "10000"}, {"0:5:4", "10001"}};
	tl_var y = record(1, 5);
	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
		char shown[6] = "";
		char *text = fold(y, TL_DRAW_FOLD_NONE, cases[k].steps);
		for (int t = 0; t < 5; t++) {
			char frame[64];
			snprintf(frame, sizeof frame, "subgraph \"cluster layer=0/t=%d\"", t);
			strcat(shown, count(text, frame) ? "1" : "0");
		}
		ck_assert_msg(strcmp(shown, cases[k].shown) == 0, "%s shows %s, not %s", cases[k].steps, shown,
			cases[k].shown);
		free(text);
	}
}
END_TEST

START_TEST(what_is_left_out_is_counted)
{
	tl_var y = record(1, 1000);
	char *text = fold(y, TL_DRAW_FOLD_NONE, "0:3,-1");
	ck_drawn(text,
		"\"layer=0/t=3 ... t=998\" [label=<<b>... x 996 ...</b><br/>"
		"<font point-size=\"9\">t=3 ... t=998</font>"
		"<br/><font point-size=\"9\">9960 ops</font>> style=\"filled,dashed\"",
		1);
	ck_drawn(text, " \"layer=0/t=2/h\" -> \"layer=0/t=3 ... t=998\" [weight=1 label=\"(2, 5)\"]", 1);
	ck_drawn(text, " \"layer=0/t=3 ... t=998\" -> \"layer=0/t=999/matmul\" [weight=1 label=", 1);
	ck_drawn(text, " \"layer=0/t=3 ... t=998\" -> \"layer=0/t=999/mul\" [weight=1 label=", 1);
	ck_drawn(text, " \"layer=0/t=3 ... t=998\" -> \"layer=0/t=999/h\" [weight=1 label=", 1);
	ck_assert_int_eq(count_frames(text), 5);
	free(text);
	text = fold(y, TL_DRAW_FOLD_CELL, "0,500,-1");
	ck_drawn(text, "<b>... x 499 ...</b>", 1);
	ck_drawn(text, "<b>... x 498 ...</b>", 1);
	free(text);
}
END_TEST

/* Unless it was asked for: a box that says "... x 1 ..." is as large as the step. */
START_TEST(no_single_step_is_left_out)
{
	tl_var y = record(2, 5);
	char *text = drawing(1, &y, NULL);
	ck_drawn(text, "... x ", 0);
	free(text);
	text = fold(y, TL_DRAW_FOLD_OPS, "0:3,-1");
	ck_drawn(text, "<b>... x 1 ...</b>", 2);
	free(text);
}
END_TEST

START_TEST(patterns_keep_scopes_unfolded)
{
	tl_var y = record(2, 20);
	tl_draw_options o = {.fold = TL_DRAW_FOLD_LAYER, .expand = "l1/t7"};
	char *text = drawing(1, &y, &o);
	ck_drawn(text, "subgraph \"cluster layer=1/t=7\"", 1);
	ck_drawn(text, "\"layer=0\" [label=<<b>layer=0</b>", 1);
	ck_drawn(text, "\"layer=1/t=7/sigmoid\" [label", 1);
	free(text);
	/* All steps match: which ones are shown is still for `steps` to say. */
	o = (tl_draw_options){.fold = TL_DRAW_FOLD_CELL, .steps = "0,-1", .expand = "layer=1/*,l0/t3"};
	text = drawing(1, &y, &o);
	ck_drawn(text, "subgraph \"cluster layer=1/t=", 2);
	ck_drawn(text, "subgraph \"cluster layer=0/t=3\"", 1);
	ck_drawn(text, "<b>... x 18 ...</b>", 1);
	ck_drawn(text, "\"layer=0/t=0\" [label=<<b>t=0</b>", 1);
	free(text);
}
END_TEST

START_TEST(names_of_axes)
{
	tl_var x = tl_name(tl_input(tape, TL_SHAPE(7, 4, 32), numbers), "x");
	tl_var y = tl_reshape(tl_neg(x), TL_SHAPE(28, 32)), z = tl_reshape(tl_neg(y), TL_SHAPE(7, 1, 128));
	tl_var w = tl_sum_all(tl_neg(z));
	tl_draw_options o = {.fold = TL_DRAW_FOLD_NONE, .axes = "T=7 B=4, H=32"};
	char *text = drawing(1, &w, &o);
	ck_drawn(text, " \"x\" -> \"neg\" [weight=8 label=\"(T, B, H)\"]", 1);
	/* 28 is T*B, but 4T as well; 128 is B*H, and 4H. */
	ck_drawn(text, "label=\"(28, H)\"", 2);
	ck_drawn(text, "label=\"(T, 1, 128)\"", 2);
	free(text);
	o.axes = "T=7 B=4 H=32 4H=128 X=4";
	text = drawing(1, &w, &o);
	ck_drawn(text, "label=\"(T, 4, H)\"", 2);
	ck_drawn(text, "label=\"(T, 1, 4H)\"", 2);
	free(text);
	o.axes = "T=7 E=25 H=32";
	text = drawing(1, &w, &o);
	ck_drawn(text, "label=\"(T, 4, E+T)\"", 0);
	ck_drawn(text, "label=\"(T, 4, H)\"", 2);
	free(text);
	o.axes = "E=11 H=21 B=4";
	text = drawing(1, &w, &o);
	ck_drawn(text, "label=\"(7, B, E+H)\"", 2);
	free(text);
	o.hide_shapes = true;
	text = drawing(1, &w, &o);
	ck_drawn(text, "label=\"", 0);
	free(text);
}
END_TEST

/* A loop without scopes: of boxes of one name the first two and the last one stay. */
START_TEST(boxes_of_one_name)
{
	tl_var v = number(1);
	for (int i = 0; i < 400; i++)
		v = tl_exp(tl_name(tl_neg(v), "minus"));
	char *text = drawing(1, &v, NULL);
	ck_drawn(text, "\"minus\" [label", 1);
	ck_drawn(text, "\"minus.2\" [label", 1);
	ck_drawn(text, "\"minus.400\" [label", 1);
	ck_drawn(text, "\"...minus\" [label=<<b>... x 397 ...</b><br/><font point-size=\"9\">neg x 397</font>>", 1);
	ck_drawn(text, "\"exp.400\" [label=<exp<br/><font point-size=\"9\">scalar</font>> peripheries=2", 1);
	ck_drawn(text, "\"...minus\" -> \"...exp\" [weight=8 label=\"scalar x 397\"]", 1);
	ck_assert_int_eq(count_boxes(text), 1 + 4 + 4);
	free(text);
	text = fold(v, TL_DRAW_FOLD_NONE, ":");
	ck_assert_int_eq(count_boxes(text), 1 + 800);
	free(text);
}
END_TEST

/* Told to show everything, a drawing has no long edges: what is used far away stands there again, dashed. */
START_TEST(far_uses)
{
	tl_var x = tl_name(number(1), "x"), v = x;
	for (int i = 0; i < 300; i++)
		v = i == 150 ? tl_add(v, x) : tl_neg(v);
	v = tl_add(v, x);
	char *text = fold(v, TL_DRAW_FOLD_NONE, ":");
	ck_drawn(text, "\"add < x\" [label=<x<br/><font point-size=\"9\">scalar</font>> style=\"rounded,dashed\"", 1);
	ck_drawn(text, "\"add.2 < x\" [label=<x<br/>", 1);
	ck_drawn(text, "\"x\" -> ", 1);
	ck_drawn(text, "{rank=same; \"add < x\" -> \"add\" [weight=8 headlabel=1]}", 1);
	free(text);
}
END_TEST

/* A checkpoint's call is one box, which tells what it computes. */
START_TEST(a_checkpoint_tells_its_ops)
{
	tl_var h = tl_name(VECTOR(1, 2, 3), "start");
	tl_checkpoint_begin(tape);
	for (int k = 0; k < 4; k++)
		h = tl_tanh(tl_mul(h, h));
	tl_checkpoint_end(tape, 1, (tl_var *[]){&h});
	char *text = fold(h, TL_DRAW_FOLD_NONE, NULL);
	ck_drawn(text, "mul x 4, tanh x 4", 1);
	ck_drawn(text, "[label=<checkpoint<br/>", 1);
	free(text);
}
END_TEST

/* Whatever its shape, a tape is drawn small. */
static void check_small(int n, const tl_var *v)
{
	char *text = drawing(n, v, NULL);
	ck_assert_msg(count_boxes(text) <= 300, "%d boxes", count_boxes(text));
	ck_assert_int_le(count(text, "\n"), 1500);
	graphviz(text, "svg", 3);
	free(text);
}

START_TEST(huge_tapes)
{
	enum { MANY = 100000 };
	tl_var x = number(1), v = x, *all = tl_tape_alloc(tape, MANY * sizeof *all);
	for (int i = 0; i < MANY; i++)
		v = tl_neg(v); /* no scopes */
	check_small(1, &v);
	for (int i = 0; i < MANY; i++)
		all[i] = tl_neg(x);
	check_small(MANY, all); /* outputs */
	v = tl_stack(MANY, all, 0);
	check_small(1, &v);
	for (int i = 0; i < 3000; i++) { /* as many scopes, no series */
		char name[16];
		snprintf(name, sizeof name, "s%d", i);
		tl_scope_begin(tape, name, -1);
		v = tl_neg(v);
		tl_scope_end(tape);
	}
	check_small(1, &v);
	for (int i = 0; i < 2000; i++) /* depth */
		tl_scope_begin(tape, i % 2 ? "a" : "t", i % 3 - 1);
	for (int i = 0; i < 2000; i++) {
		v = tl_neg(v);
		tl_scope_end(tape);
	}
	check_small(1, &v);
	for (int i = 0; i < 500; i++) { /* series in series */
		tl_scope_begin(tape, "tree", i / 20);
		tl_scope_begin(tape, "layer", i % 20);
		for (int k = 0; k < 10; k++) {
			tl_scope_begin(tape, "node", k);
			v = tl_tanh(tl_neg(v));
			tl_scope_end(tape);
		}
		tl_scope_end(tape);
		tl_scope_end(tape);
	}
	check_small(1, &v);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("draw_fold");
	TCase *c = tcase_create("fold");
	tcase_add_checked_fixture(c, setup_cell, teardown);
	tcase_add_test(c, groups_of_ops);
	tcase_add_test(c, what_is_not_grouped);
	tcase_add_test(c, a_step_is_a_box);
	tcase_add_test(c, a_layer_is_a_box);
	tcase_add_test(c, steps_without_a_layer);
	tcase_add_test(c, slices_are_pythons);
	tcase_add_test(c, what_is_left_out_is_counted);
	tcase_add_test(c, no_single_step_is_left_out);
	tcase_add_test(c, patterns_keep_scopes_unfolded);
	tcase_add_test(c, names_of_axes);
	tcase_add_test(c, boxes_of_one_name);
	tcase_add_test(c, far_uses);
	tcase_add_test(c, a_checkpoint_tells_its_ops);
	tcase_add_test(c, huge_tapes);
	suite_add_tcase(s, c);
	return s;
}
