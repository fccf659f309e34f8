/* SPDX-License-Identifier: Apache-2.0 */
/* What a drawing of a small graph shows: boxes, edges, frames, leaves, gradients; names escaped; errors. */
#include "tests/suite.h"

#include "models/tapeloop.h"
#include "tests/drawing.h"
#include "tests/tape.h"

enum { STEPS = 3, H = 2 };

static tl_real numbers[64];
static tl_param weight = {.name = "weight_u"};

static const tl_draw_options unfolded = {.fold = TL_DRAW_FOLD_NONE, .steps = ":"};

/* h' = tanh(h U) in a scope for each step, and a node that nothing needs. */
static tl_var record_loop(void)
{
	weight.value = tl_tensor_dense(TL_REAL, TL_SHAPE(H, H), numbers);
	weight.grad = weight.value;
	tl_var h = tl_name(tl_input(tape, TL_SHAPE(1, H), numbers), "start");
	for (int t = 0; t < STEPS; t++) {
		tl_scope_begin(tape, "t", t);
		h = tl_tanh(tl_matmul(h, tl_use(tape, &weight)));
		tl_name(tl_exp(h), "nobody_needs_this");
		tl_scope_end(tape);
	}
	return tl_name(h, "last");
}

START_TEST(a_loop)
{
	tl_var h = record_loop();
	char *text = drawing(1, &h, &unfolded);
	ck_assert_int_eq(strncmp(text, "// 7 nodes of a tape in 7 boxes; folded: nothing\ndigraph", 56), 0);
	ck_drawn(text, "tanh\" [label=<tanh>", STEPS - 1);
	ck_drawn(text, "\"t=2/last\" [label=<<b>last</b><br/><font point-size=\"9\">tanh</font>", 1);
	ck_drawn(text, "matmul\" [label=<matmul>", STEPS);
	ck_drawn(text, "[label=<<b>weight_u</b>", STEPS);
	ck_drawn(text, "[label=<<b>start</b>", 1);
	ck_drawn(text, "nobody_needs_this", 0);
	ck_drawn(text, "peripheries=2", 1);
	ck_drawn(text, " \"start\" -> \"t=0/matmul\" [weight=1 label=\"0: (1, 2)\"]\n", 1);
	ck_drawn(text, " \"t=0/tanh\" -> \"t=1/matmul\" [weight=1 label=\"0: (1, 2)\"]\n", 1);
	ck_drawn(text, " \"t=1/matmul\" -> \"t=1/tanh\" [weight=8 label=\"(1, 2)\"]\n", 1);
	ck_drawn(text, "{rank=same; \"t=1/matmul < weight_u\" -> \"t=1/matmul\" [weight=8 headlabel=1]}\n", 1);
	ck_drawn(text, " -> ", 3 * STEPS);
	ck_assert_int_eq(count_frames(text), STEPS);
	for (int t = 0; t < STEPS; t++) {
		char frame[64];
		snprintf(frame, sizeof frame, "subgraph \"cluster t=%d\" {\n  label=\"t=%d\";", t, t);
		ck_drawn(text, frame, 1);
	}
	ck_drawn(text, "0x", 0); /* an address would differ from run to run */
	free(text);
}
END_TEST

START_TEST(same_graph_same_bytes)
{
	tl_var h = record_loop();
	char *first = drawing(1, &h, NULL);
	tl_tape_reset(tape);
	tl_input(tape, TL_SCALAR, numbers); /* what is not drawn leaves the ids as they are */
	h = record_loop();
	char *second = drawing(1, &h, NULL);
	ck_assert_str_eq(first, second);
	free(first);
	free(second);
}
END_TEST

START_TEST(a_path_is_one_frame)
{
	tl_var v[4], x = tl_name(number(1), "x");
	const char *inner[] = {"a", "b", "a", "a"};
	int64_t index[] = {-1, -1, -7, 0};
	for (int k = 0; k < 4; k++) {
		tl_scope_begin(tape, "outer", 2);
		tl_scope_begin(tape, inner[k], index[k]);
		v[k] = tl_neg(x);
		tl_scope_end(tape);
		tl_scope_end(tape);
		tl_scope_begin(tape, "a", -1);
		tl_scope_end(tape);
	}
	char *text = drawing(4, v, &unfolded);
	ck_assert_int_eq(count_frames(text), 4);
	ck_drawn(text, "\"outer=2/a/neg\" [label", 1);
	ck_drawn(text, "\"outer=2/a/neg.2\" [label", 1);
	ck_drawn(text, "\"outer=2/b/neg\" [label", 1);
	ck_drawn(text, "\"outer=2/a=0/neg\" [label", 1);
	ck_drawn(text, "\"x\" -> ", 4);
	free(text);
}
END_TEST

/* Where frames and names make equal paths, ids are told apart all the same. */
START_TEST(ids_are_unique)
{
	tl_scope_begin(tape, "a", -1);
	tl_scope_begin(tape, "b", -1);
	tl_var x = tl_name(number(1), "c"), y = tl_neg(x), z = tl_name(tl_neg(y), "neg.2"), w = tl_neg(z);
	tl_scope_end(tape);
	tl_scope_end(tape);
	tl_scope_begin(tape, "a/b", -1);
	tl_var v = tl_name(tl_add(w, x), "c");
	tl_scope_end(tape);
	char *text = drawing(1, &v, &unfolded);
	ck_drawn(text, "\"a/b/c\" [label", 1);
	ck_drawn(text, "\"a/b/c (2)\" [label", 1);
	ck_drawn(text, "\"a/b/neg.2\" [label", 1);
	ck_drawn(text, "\"a/b/neg.2 (2)\" [label", 1);
	ck_assert_int_eq(count_boxes(text), 5);
	free(text);
}
END_TEST

/* Views of what loops cut and stack stand within the steps. */
START_TEST(views_stand_with_their_step)
{
	static tl_real x[STEPS * H];
	tl_var all = tl_name(tl_input(tape, TL_SHAPE(STEPS, H), x), "all"), at[STEPS], h[STEPS];
	for (int t = 0; t < STEPS; t++)
		at[t] = tl_select(all, 0, t);
	for (int t = 0; t < STEPS; t++) {
		tl_scope_begin(tape, "t", t);
		h[t] = tl_tanh(at[t]);
		tl_scope_end(tape);
	}
	tl_var y = tl_stack(STEPS, h, 0);
	char *text = drawing(1, &y, &unfolded);
	for (int t = 0; t < STEPS; t++) {
		char id[32];
		snprintf(id, sizeof id, "\"t=%d/slice\" [label", t);
		ck_drawn(text, id, 1);
	}
	ck_drawn(text, "\n \"all\" [", 1);
	ck_drawn(text, "\n \"slice", 0);
	ck_drawn(text, "\n \"reshape", 0);
	free(text);
}
END_TEST

START_TEST(gradients_stand_in_a_frame_and_run_back)
{
	tl_var h = record_loop(), u = tl_use(tape, &weight), d;
	char *forward = drawing(1, &h, &unfolded);
	ck_drawn(forward, "gradient", 0);
	ck_assert_int_eq(tl_grad(tl_sum_all(h), 1, &u, &d), TL_OK);
	tl_var out[] = {h, d};
	char *both = drawing(2, out, &unfolded);
	ck_drawn(both, "subgraph \"cluster gradient\"", 1);
	ck_drawn(both, "subgraph \"cluster gradient/t=1\"", 1);
	ck_drawn(both, "[label=<tanh_grad>", STEPS);
	/* The flow back is written against its arrows, what goes from values to it is not. */
	ck_drawn(both, " \"t=1/tanh\" -> \"gradient/t=1/tanh_grad\" [weight=1 style=dashed", 1);
	ck_drawn(both, " \"gradient/t=1/tanh_grad\" -> \"gradient/t=1/add\"", 0);
	for (const char *at = strstr(both, "\"gradient"); at; at = strstr(at + 1, "\"gradient")) {
		const char *arrow = strstr(at, "\" -> \""), *end = strchr(at, '\n');
		if (arrow && arrow < end && strncmp(end - 22, "[style=invis weight=0]", 22) != 0)
			ck_assert_msg(strstr(arrow, "dir=back") && strstr(arrow, "dir=back") < end, "%.80s", at);
	}
	free(forward);
	free(both);
}
END_TEST

START_TEST(parts)
{
	tl_var h = record_loop(), u = tl_use(tape, &weight), out[2];
	ck_assert_int_eq(tl_grad(tl_sum_all(h), 1, &u, &out[0]), TL_OK);
	out[1] = h;
	tl_draw_options o = unfolded;
	o.part = TL_DRAW_FORWARD;
	char *forward = drawing(2, out, &o);
	ck_drawn(forward, "gradient", 0);
	ck_drawn(forward, "[label=<matmul>", STEPS);
	o.part = TL_DRAW_BACKWARD;
	char *backward = drawing(2, out, &o);
	ck_drawn(backward, "[label=<tanh_grad>", STEPS);
	ck_drawn(backward, "subgraph \"cluster t=", 0);
	/* The three values of tanh, and the two of them and the start that were operands of products. */
	ck_drawn(backward, " style=\"rounded,dashed\"", 2 * STEPS);
	tl_error err = {0};
	FILE *nowhere = fopen("/dev/null", "w");
	ck_assert_int_eq(tl_tape_draw(nowhere, 1, &h, &o, &err), TL_ERR_ARGUMENT);
	ck_assert_str_eq(err.text, "draw: the outputs depend on nothing that tl_grad recorded");
	fclose(nowhere);
	free(forward);
	free(backward);
}
END_TEST

/* A gradient of a function of a gradient has a frame of its own. */
START_TEST(second_order)
{
	tl_var x = tl_name(VECTOR(1, 2), "x"), y = sum(tl_mul(tl_mul(x, x), x)), first = grad(y, x);
	tl_var norm = tl_name(sum(tl_square(first)), "norm"), second = grad(norm, x);
	char *text = drawing(1, &second, &unfolded);
	ck_drawn(text, "subgraph \"cluster gradient\"", 1);
	ck_drawn(text, "subgraph \"cluster gradient 2\"", 1);
	ck_drawn(text, "label=\"gradient 2\"", 1);
	ck_assert_int_gt(count(text, " \"gradient/"), 0);
	ck_assert_int_gt(count(text, " \"gradient 2/"), 0);
	free(text);
}
END_TEST

/* Whatever stands in a name, quotes and angle brackets stay paired. */
START_TEST(hostile_names)
{
	tl_var x = tl_name(tl_input(tape, TL_SCALAR, numbers), "a\"b\\c<x>&\n\x01 \xC3\xA9\xff\\");
	tl_scope_begin(tape, "s\"c{ope}\\", 1);
	tl_var y = tl_name(tl_tanh(x), "");
	tl_scope_end(tape);
	char *text = drawing(1, &y, &(tl_draw_options){.title = "</b>\"\\", .legend = true, .axes = "\"<>\\=7"});
	ck_drawn(text, "<b>a&quot;b&#92;c&lt;x&gt;&amp;<br/>? \xC3\xA9?&#92;</b>", 1);
	ck_drawn(text, "\"s\\\"c{ope}\\\\=1\"", 1);
	ck_drawn(text, "&lt;/b&gt;&quot;&#92;", 1);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		int quotes = 0;
		for (const char *c = line; *c; c++) {
			ck_assert_int_ge((unsigned char)*c, '\t');
			if (*c == '\\' && c[1])
				c++;
			else
				quotes += *c == '"';
		}
		ck_assert_msg(quotes % 2 == 0, "unpaired quotes: %s", line);
	}
	free(text);
	text = drawing(1, &y, NULL);
	graphviz(text, "canon", 3);
	free(text);
}
END_TEST

/* A label leaves out the middle of a very long name, in whole characters; the id tells all of it. */
START_TEST(long_names)
{
	char name[2 * 200 + 1], id[sizeof name + 2], label[512];
	for (int i = 0; i < 200; i++)
		memcpy(name + 2 * i, "\xC3\xA9", 3);
	tl_scope_begin(tape, name, -1);
	tl_var y = tl_name(tl_tanh(tl_input(tape, TL_SCALAR, numbers)), name);
	tl_scope_end(tape);
	char *text = drawing(1, &y, NULL);
	snprintf(label, sizeof label, "<b>%.*s...%.*s</b>", 2 * 40, name, 2 * 20, name);
	ck_drawn(text, label, 1);
	snprintf(label, sizeof label, "label=\"%.*s...", 2 * 40, name);
	ck_drawn(text, label, 1);
	snprintf(id, sizeof id, "%s\"", name);
	ck_assert_int_ge(count(text, id), 1);
	free(text);
	name[2 * 63] = '\0';
	y = tl_name(tl_tanh(y), name);
	text = drawing(1, &y, NULL);
	snprintf(label, sizeof label, "<b>%s</b>", name);
	ck_drawn(text, label, 1);
	free(text);
}
END_TEST

START_TEST(errors)
{
	tl_error err = {0};
	tl_var h = record_loop(), failed = tl_matmul(h, h);
	FILE *full = fopen("/dev/full", "w");
	ck_assert_int_eq(tl_tape_draw(stdout, 0, NULL, NULL, &err), TL_ERR_ARGUMENT);
	err = (tl_error){0};
	ck_assert_int_eq(tl_tape_draw(stdout, 1, &failed, NULL, &err), TL_ERR_SHAPE);
	static const struct {
		tl_draw_options o;
		const char *sentence;
	} wrong[] = {
		{{.steps = "0:3,-"}, "draw: the steps \"0:3,-\" are no list of slices like \"0:3,-1\""},
		{{.steps = ""}, "draw: the steps \"\" are no list of slices like \"0:3,-1\""},
		{{.steps = "::0"}, "draw: the steps \"::0\" are no list of slices like \"0:3,-1\""},
		{{.steps = "1:2:3:4"}, "draw: the steps \"1:2:3:4\" are no list of slices like \"0:3,-1\""},
		{{.steps = "99999999999999999999"},
			"draw: the steps \"99999999999999999999\" are no list of slices like \"0:3,-1\""},
		{{.axes = "T"}, "draw: the axes \"T\" are no list of names and lengths like \"T=100 B=8\""},
		{{.axes = "T=3 =4"}, "draw: the axes \"T=3 =4\" are no list of names and lengths like \"T=100 B=8\""},
		{{.expand = "t=3"}, "draw: no scope that is drawn matches \"t=3\"; there are t=0, t=1, t=2"},
	};
	for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
		err = (tl_error){0};
		ck_assert_int_eq(tl_tape_draw(stdout, 1, &h, &wrong[k].o, &err), TL_ERR_ARGUMENT);
		ck_assert_str_eq(err.text, wrong[k].sentence);
	}
	if (full) {
		err = (tl_error){0};
		setvbuf(full, NULL, _IONBF, 0);
		ck_assert_int_eq(tl_tape_draw(full, 1, &h, NULL, &err), TL_ERR_IO);
		fclose(full);
	}
	tl_tape_reset(tape);
	err = (tl_error){0};
	ck_assert_int_eq(tl_tape_draw(stdout, 1, &h, NULL, &err), TL_ERR_STALE);
	ck_assert_int_gt((int)strlen(err.text), 0);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("draw");
	TCase *c = tcase_create("draw");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_loop);
	tcase_add_test(c, same_graph_same_bytes);
	tcase_add_test(c, a_path_is_one_frame);
	tcase_add_test(c, ids_are_unique);
	tcase_add_test(c, views_stand_with_their_step);
	tcase_add_test(c, gradients_stand_in_a_frame_and_run_back);
	tcase_add_test(c, parts);
	tcase_add_test(c, second_order);
	tcase_add_test(c, hostile_names);
	tcase_add_test(c, long_names);
	tcase_add_test(c, errors);
	suite_add_tcase(s, c);
	return s;
}
