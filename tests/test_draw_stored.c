/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stored drawings, byte by byte: ids, order and colours stay from run to run and from machine to machine. Those of
 * tests/fixtures/draw are made by running this test with TL_DRAWINGS=tests/fixtures/draw, and looked at.
 */
#include "tests/suite.h"

#include "models/tapeloop.h"
#include "tests/drawing.h"
#include "tests/tape.h"

enum { E = 3, H = 5, B = 2, W = 0, U, BIAS, PARAMS };

static tl_real numbers[64];
static tl_param param[PARAMS];

/* h' = h + s(x W + h U + b) * h; each op in a line of its own, for the order of arguments is the compiler's. */
static tl_var record(int layers, int steps)
{
	static const char *const names[] = {"net.w", "net.u", "net.b"};
	static const tl_shape shapes[] = {{2, {E, H}}, {2, {H, H}}, {1, {H}}};
	for (int i = 0; i < PARAMS; i++)
		param[i] = (tl_param){.name = names[i], .value = tl_tensor_dense(TL_REAL, shapes[i], numbers)};
	tl_var h = tl_name(tl_fill(tape, TL_SHAPE(B, H), 0.5), "h0");
	for (int j = 0; j < layers; j++) {
		tl_scope_begin(tape, "layer", j);
		for (int t = 0; t < steps; t++) {
			tl_scope_begin(tape, "t", t);
			tl_var x = tl_name(tl_input(tape, TL_SHAPE(B, E), numbers), "x");
			tl_var w = tl_use(tape, &param[W]), u = tl_use(tape, &param[U]);
			tl_var b = tl_use(tape, &param[BIAS]);
			tl_var a = tl_linear(x, w, b);
			tl_var c = tl_matmul(h, u);
			tl_var s = tl_add(a, c);
			tl_var gate = tl_name(tl_sigmoid(s), "gate");
			tl_var part = tl_mul(gate, h);
			h = tl_name(tl_add(h, part), "h");
			tl_scope_end(tape);
		}
		tl_scope_end(tape);
	}
	return tl_name(sum(h), "loss");
}

static void check_stored(const char *name, int n, const tl_var *out, const tl_draw_options *o)
{
	char path[1024];
	static char want[1 << 20];
	snprintf(path, sizeof path, "%s/draw/%s.dot", TL_FIXTURES, name);
	char *text = drawing(n, out, o);
	keep_drawing(name, text);
	graphviz(text, "canon", 3);
	FILE *from = fopen(path, "r");
	ck_assert_msg(from != NULL, "%s cannot be read", path);
	size_t length = fread(want, 1, sizeof want - 1, from);
	fclose(from);
	want[length] = '\0';
	size_t same = 0;
	while (want[same] && want[same] == text[same])
		same++;
	ck_assert_msg(!want[same] && !text[same], "%s differs from byte %zu on: %.200s", name, same, text + same);
	free(text);
}

static const tl_draw_options labelled = {
	.title = "h' = h + s(x W + h U + b) * h", .legend = true, .axes = "B=2 E=3 H=5"};

START_TEST(every_op)
{
	tl_var y = record(1, 2);
	check_stored("every_op", 1, &y, &labelled);
}
END_TEST

START_TEST(a_thousand_steps)
{
	tl_var y = record(1, 1000);
	check_stored("thousand_steps", 1, &y, &labelled);
}
END_TEST

START_TEST(with_gradients)
{
	tl_var out[1 + PARAMS], of[PARAMS];
	out[0] = record(1, 30);
	for (int k = 0; k < PARAMS; k++)
		of[k] = tl_use(tape, &param[k]);
	ck_assert_int_eq(tl_grad(out[0], PARAMS, of, out + 1), TL_OK);
	tl_draw_options o = labelled;
	o.fold = TL_DRAW_FOLD_OPS;
	o.steps = "0,-1";
	check_stored("gradients", 1 + PARAMS, out, &o);
	o.part = TL_DRAW_BACKWARD;
	o.fold = TL_DRAW_FOLD_CELL;
	o.direction = TL_DRAW_TB;
	check_stored("backward", 1 + PARAMS, out, &o);
}
END_TEST

START_TEST(two_layers)
{
	tl_var y = record(2, 9);
	tl_draw_options o = labelled;
	o.fold = TL_DRAW_FOLD_LAYER;
	o.expand = "l1/t4";
	check_stored("two_layers", 1, &y, &o);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("draw_stored");
	TCase *c = tcase_create("stored");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, every_op);
	tcase_add_test(c, a_thousand_steps);
	tcase_add_test(c, with_gradients);
	tcase_add_test(c, two_layers);
	suite_add_tcase(s, c);
	return s;
}
