/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dot writer: what is drawn and what is not, frames, leaves beside each use, escaped names, the same
 * bytes for the same graph, errors.
 */
#include "tests/suite.h"

#include <stdlib.h>
#include <string.h>

#include "models/tapeloop.h"

enum { STEPS = 3, H = 2 };

static tl_tape *tape;
static tl_real numbers[64];

static void setup(void)
{
	tape = tl_tape_new(&(tl_tape_options){.threads = 1});
	ck_assert_ptr_nonnull(tape);
}

static void teardown(void)
{
	tl_tape_free(tape);
}

/* The drawing as a string; the caller frees it. */
static char *draw(int n, const tl_var *outputs)
{
	char *text = NULL;
	size_t size;
	tl_error err = {0};
	FILE *to = open_memstream(&text, &size);
	ck_assert_ptr_nonnull(to);
	ck_assert_msg(tl_dot_write(to, n, outputs, NULL, &err) == TL_OK, "%s", err.text);
	fclose(to);
	return text;
}

static int count(const char *text, const char *part)
{
	int n = 0;
	size_t length = strlen(part);
	for (const char *at = text; *at; at++) /* strstr under AddressSanitizer measures the text each time */
		n += strncmp(at, part, length) == 0;
	return n;
}

static tl_param weight = {.name = "weight_u"};

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
	char *text = draw(1, &h);
	ck_assert_int_eq(strncmp(text, "digraph", 7), 0);
	ck_assert_int_eq(count(text, "tanh"), STEPS);
	ck_assert_int_eq(count(text, "matmul"), STEPS);
	ck_assert_msg(count(text, "weight_u") == STEPS, "a leaf for each use of a weight, not %d", count(text, "weight_u"));
	ck_assert_int_eq(count(text, "start"), 1);
	ck_assert_int_eq(count(text, "nobody_needs_this"), 0);
	for (int t = 0; t < STEPS; t++) {
		char frame[16];
		snprintf(frame, sizeof frame, "t=%d", t);
		ck_assert_msg(count(text, frame) >= 1, "no frame %s", frame);
	}
	ck_assert_int_eq(count(text, "(1, 2)") > 0, 1);
	ck_assert_int_eq(count(text, "0x"), 0); /* an address would differ from run to run */
	free(text);
}
END_TEST

START_TEST(same_graph_same_bytes)
{
	tl_var h = record_loop();
	char *first = draw(1, &h);
	tl_tape_reset(tape);
	h = record_loop();
	char *second = draw(1, &h);
	ck_assert_str_eq(first, second);
	free(first);
	free(second);
}
END_TEST

START_TEST(gradients_stand_in_a_frame)
{
	tl_var h = record_loop(), u = tl_use(tape, &weight), d;
	char *forward = draw(1, &h);
	ck_assert_int_eq(count(forward, "gradient"), 0);
	ck_assert_int_eq(tl_grad(tl_sum_all(h), 1, &u, &d), TL_OK);
	char *both = draw(1, &d);
	ck_assert_int_ge(count(both, "gradient"), 1);
	ck_assert_int_eq(count(both, "tanh_grad"), STEPS);
	free(forward);
	free(both);
}
END_TEST

/* Whatever stands in a name, quotes stay paired: each line has an even number that no backslash precedes. */
START_TEST(hostile_names)
{
	tl_var x = tl_name(tl_input(tape, TL_SCALAR, numbers), "a\"b\\c<x>&\n\x01 \xC3\xA9\\");
	tl_scope_begin(tape, "s\"c{ope}\\", 1);
	tl_var y = tl_tanh(x);
	tl_scope_end(tape);
	char *text = draw(1, &y);
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
}
END_TEST

START_TEST(a_long_chain)
{
	tl_var x = tl_input(tape, TL_SCALAR, numbers);
	for (int i = 0; i < 100000; i++)
		x = tl_neg(x);
	char *text = draw(1, &x);
	ck_assert_int_ge(count(text, "neg"), 100000);
	free(text);
}
END_TEST

START_TEST(errors)
{
	tl_error err = {0};
	tl_var h = record_loop(), failed = tl_matmul(h, h);
	FILE *full = fopen("/dev/full", "w");
	ck_assert_int_eq(tl_dot_write(stdout, 0, NULL, NULL, &err), TL_ERR_ARGUMENT);
	err = (tl_error){0};
	ck_assert_int_eq(tl_dot_write(stdout, 1, &failed, NULL, &err), TL_ERR_SHAPE);
	if (full) {
		err = (tl_error){0};
		setvbuf(full, NULL, _IONBF, 0);
		ck_assert_int_eq(tl_dot_write(full, 1, &h, NULL, &err), TL_ERR_IO);
		fclose(full);
	}
	tl_tape_reset(tape);
	err = (tl_error){0};
	ck_assert_int_eq(tl_dot_write(stdout, 1, &h, NULL, &err), TL_ERR_STALE);
	ck_assert_int_gt((int)strlen(err.text), 0);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("dot");
	TCase *c = tcase_create("dot");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_loop);
	tcase_add_test(c, same_graph_same_bytes);
	tcase_add_test(c, gradients_stand_in_a_frame);
	tcase_add_test(c, hostile_names);
	tcase_add_test(c, a_long_chain);
	tcase_add_test(c, errors);
	suite_add_tcase(s, c);
	return s;
}
