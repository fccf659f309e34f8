/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax and losses: hand-computed numbers at the edges, and mistakes. */
#include "tests/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "graph/grad.h"
#include "ops/loss.h"
#include "ops/reduce.h"
#include "ops/softmax.h"

#define MOST 32
#define HUGE_LOGIT ((tl_real)1e30)

static const tl_real inf = INFINITY;
static tl_tape *tape;
static tl_real got[MOST];

static void setup(void)
{
	tape = tl_tape_new(NULL);
	ck_assert_ptr_nonnull(tape);
}

static void teardown(void)
{
	tl_tape_free(tape);
}

/* NaN stands for "not compared". */
static void expect(tl_var v, const double *want)
{
	int64_t n = tl_shape_size(tl_var_shape(v));
	ck_assert_msg(tl_read(v, got, n) == TL_OK, "%s", tl_tape_error(tape)->text);
	for (int64_t i = 0; i < n; i++)
		if (!isnan(want[i]) &&
			!(got[i] == want[i] || fabs(got[i] - want[i]) <= 1e-6 * fmax(1, fabs(want[i]))))
			ck_abort_msg("element %d is %.9g, not %.9g", (int)i, (double)got[i], want[i]);
}

static tl_var gradient(tl_var y, tl_var v)
{
	tl_var d = {0};
	ck_assert_int_eq(tl_grad(tl_sum_all(y), 1, &v, &d), TL_OK);
	return d;
}

START_TEST(softmax_edges)
{
	tl_var v = tl_input(tape, TL_SHAPE(4, 3),
		(tl_real[]){
			-inf, -inf, -inf, -inf, 1, 1, HUGE_LOGIT, -HUGE_LOGIT, HUGE_LOGIT, -1000, 0, 1000});
	static const double p[] = {0, 0, 0, 0, 0.5, 0.5, 0.5, 0, 0.5, 0, 0, 1};
	const double log_p[] = {
		-inf, -inf, -inf, -inf, -log(2), -log(2), -log(2), -2e30, -log(2), -2000, -1000, 0};
	expect(tl_softmax(v, 1), p);
	expect(tl_log_softmax(v, 1), log_p);
	static const double zero[12] = {0};
	tl_var column = tl_input(tape, TL_SHAPE(3, 2), (tl_real[]){-inf, 0, -inf, -inf, -inf, 0});
	static const double by_column[] = {0, 0.5, 0, 0, 0, 0.5};
	expect(tl_softmax(column, 0), by_column);
	expect(gradient(tl_softmax(v, 1), v), zero);
}
END_TEST

/* log softmax(0, log 2, log 5) = log(1/8, 2/8, 5/8) */
static tl_var eighths(int rows)
{
	tl_real row[3 * 4];
	for (int i = 0; i < 3 * rows; i++)
		row[i] = (tl_real)log((double[]){1, 2, 5}[i % 3]);
	return tl_input(tape, TL_SHAPE(rows, 3), row);
}

START_TEST(cross_entropy_by_hand)
{
	tl_var v = eighths(4), t = tl_index(tape, TL_SHAPE(4), (int32_t[]){2, 0, -7, 1});
	double a = log(8. / 5), b = log(8), c = log(4), all = (a + b + c) / 3;
	tl_cross_entropy_options o = {.has_ignore = true, .ignore_index = -7};
	expect(tl_cross_entropy(v, t, &o), (double[]){(a + b + c) / 3});
	expect(gradient(tl_cross_entropy(v, t, &o), v),
		(double[]){1. / 24, 2. / 24, -3. / 24, -7. / 24, 2. / 24, 5. / 24, 0, 0, 0, 1. / 24, -6. / 24,
			5. / 24});
	o.reduction = TL_SUM;
	expect(tl_cross_entropy(v, t, &o), (double[]){a + b + c});
	o.label_smoothing = 0.3;
	expect(tl_cross_entropy(v, t, &o), (double[]){0.7 * (a + b + c) + 0.3 * 3 * all});
	o.reduction = TL_NONE;
	expect(tl_cross_entropy(v, t, &o),
		(double[]){0.7 * a + 0.3 * all, 0.7 * b + 0.3 * all, 0, 0.7 * c + 0.3 * all});
}
END_TEST

START_TEST(all_ignored)
{
	static const double zero[6] = {0};
	tl_real row[] = {1, NAN, inf, 2, 3, 4};
	tl_var v = tl_input(tape, TL_SHAPE(2, 3), row), t = tl_index(tape, TL_SHAPE(2), (int32_t[]){9, 9});
	for (int reduction = TL_MEAN; reduction <= TL_NONE; reduction++) {
		tl_cross_entropy_options o = {.reduction = reduction, .has_ignore = true, .ignore_index = 9};
		tl_var loss = tl_cross_entropy(v, t, &o);
		expect(loss, zero);
		expect(gradient(loss, v), zero);
	}
}
END_TEST

START_TEST(infinite_and_huge_logits)
{
	tl_cross_entropy_options o = {.reduction = TL_NONE};
	tl_var t = tl_index(tape, TL_SHAPE(6), (int32_t[]){0, 1, 0, 0, 1, 0});
	tl_var v = tl_input(tape, TL_SHAPE(6, 2),
		(tl_real[]){-inf, 3, -inf, 3, -inf, -inf, HUGE_LOGIT, HUGE_LOGIT, HUGE_LOGIT, -HUGE_LOGIT,
			NAN, 0});
	tl_var loss = tl_cross_entropy(v, t, &o);
	expect(loss, (double[]){inf, 0, inf, log(2), (double)HUGE_LOGIT * 2, NAN});
	ck_assert(isnan(got[5]));
	expect(gradient(loss, v), (double[]){-1, 1, 0, 0, -1, 0, -0.5, 0.5, 1, -1, NAN, NAN});
	o.label_smoothing = 0.5;
	expect(tl_cross_entropy(v, t, &o), (double[]){inf, inf, inf, log(2), 1.5 * HUGE_LOGIT, NAN});
	o.label_smoothing = 1;
	expect(tl_cross_entropy(v, t, &o), (double[]){inf, inf, inf, log(2), HUGE_LOGIT, NAN});
}
END_TEST

START_TEST(no_rows_and_no_classes)
{
	tl_cross_entropy_options o = {.has_ignore = true, .ignore_index = 4};
	tl_var none = tl_input(tape, TL_SHAPE(0, 3), got), flat = tl_input(tape, TL_SHAPE(2, 0), got);
	tl_var loss = tl_cross_entropy(none, tl_index(tape, TL_SHAPE(0), (int32_t[1]){0}), NULL);
	expect(loss, (double[]){0});
	expect(gradient(loss, none), NULL);
	tl_var ignored = tl_index(tape, TL_SHAPE(2), (int32_t[]){4, 4});
	expect(tl_cross_entropy(flat, ignored, &o), (double[]){0});
	expect(tl_softmax(none, 0), NULL);
	expect(tl_log_softmax(flat, 1), NULL);
	tl_read(tl_cross_entropy(flat, ignored, NULL), got, 1);
	ck_assert_int_eq(tl_tape_status(tape), TL_ERR_INDEX);
}
END_TEST

START_TEST(bce_edges)
{
	tl_var v = tl_input(tape, TL_SHAPE(5), (tl_real[]){HUGE_LOGIT, -HUGE_LOGIT, HUGE_LOGIT, -100, 0});
	tl_var t = tl_input(tape, TL_SHAPE(5), (tl_real[]){1, 0, 0, 1, (tl_real)0.25});
	tl_var loss = tl_bce_with_logits(v, t, TL_NONE);
	expect(loss, (double[]){0, 0, HUGE_LOGIT, 100, log(2)});
	expect(gradient(loss, v), (double[]){0, 0, 1, -1, 0.25});
}
END_TEST

/* The gradient alone does not compute the loss, and checks targets itself. */
START_TEST(targets_out_of_range)
{
	static const int32_t bad[] = {3, -1, INT32_MAX, INT32_MIN};
	int32_t target[] = {0, 2, 1, bad[_i / 2]};
	tl_var v = eighths(4), t = tl_index(tape, TL_SHAPE(2, 2), target), d;
	tl_var u = tl_input(tape, TL_SHAPE(2, 2, 3), tl_value(v)->data);
	tl_cross_entropy_options o = {.has_ignore = true, .ignore_index = 0};
	tl_var loss = tl_cross_entropy(u, t, &o);
	ck_assert_int_eq(tl_grad(loss, 1, &u, &d), TL_OK);
	ck_assert_int_eq(tl_eval(1, _i % 2 ? &d : &loss), TL_ERR_INDEX);
	char want[96];
	snprintf(want, sizeof want, "%s: target %d at position 3 is none of 3 classes",
		_i % 2 ? "cross_entropy_grad" : "cross_entropy", bad[_i / 2]);
	const char *text = tl_tape_error(tape)->text;
	ck_assert_msg(strncmp(text, want, strlen(want)) == 0, "%s", text);
}
END_TEST

static const struct {
	tl_status status;
	const char *text;
} mistakes[] = {
	{TL_ERR_SHAPE, "cross_entropy: the targets must have shape (2)"},
	{TL_ERR_SHAPE, "cross_entropy: the logits have no axis of classes"},
	{TL_ERR_TYPE, "cross_entropy: operand 1 must be int32"},
	{TL_ERR_ARGUMENT, "cross_entropy: there is no reduction 3"},
	{TL_ERR_ARGUMENT, "cross_entropy: label smoothing 1.5 is outside 0..1"},
	{TL_ERR_ARGUMENT, "cross_entropy: label smoothing nan is outside 0..1"},
	{TL_ERR_SHAPE, "mse: the prediction has shape (2, 3), the target (2)"},
	{TL_ERR_ARGUMENT, "mse: there is no reduction -1"},
	{TL_ERR_SHAPE, "bce_with_logits: the prediction has shape (2, 3), the target (2)"},
	{TL_ERR_ARGUMENT, "softmax: axis 2 is not in shape (2, 3)"},
	{TL_ERR_ARGUMENT, "log_softmax: axis -1 is not in shape ()"},
};

static tl_var mistake(int k)
{
	tl_var v = eighths(2), t = tl_index(tape, TL_SHAPE(2), (int32_t[]){0, 1});
	tl_var three = tl_index(tape, TL_SHAPE(3), (int32_t[]){0, 1, 2}),
	       real = tl_input(tape, TL_SHAPE(2), got);
	tl_var scalar = tl_input(tape, TL_SCALAR, got);
	switch (k) {
	case 0:
		return tl_cross_entropy(v, three, NULL);
	case 1:
		return tl_cross_entropy(scalar, t, NULL);
	case 2:
		return tl_cross_entropy(v, real, NULL);
	case 3:
		return tl_cross_entropy(v, t, &(tl_cross_entropy_options){.reduction = 3});
	case 4:
		return tl_cross_entropy(v, t, &(tl_cross_entropy_options){.label_smoothing = 1.5});
	case 5:
		return tl_cross_entropy(v, t, &(tl_cross_entropy_options){.label_smoothing = NAN});
	case 6:
		return tl_mse(v, real, TL_SUM);
	case 7:
		return tl_mse(real, real, -1);
	case 8:
		return tl_bce_with_logits(v, real, TL_NONE);
	case 9:
		return tl_softmax(v, 2);
	default:
		return tl_log_softmax(scalar, -1);
	}
}

START_TEST(sentences)
{
	ck_assert(!tl_ok(mistake(_i)));
	const tl_error *err = tl_tape_error(tape);
	ck_assert_int_eq(err->status, mistakes[_i].status);
	ck_assert_msg(strncmp(err->text, mistakes[_i].text, strlen(mistakes[_i].text)) == 0, "%s", err->text);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("losses, edges");
	TCase *c = tcase_create("edges");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, softmax_edges);
	tcase_add_test(c, cross_entropy_by_hand);
	tcase_add_test(c, all_ignored);
	tcase_add_test(c, infinite_and_huge_logits);
	tcase_add_test(c, no_rows_and_no_classes);
	tcase_add_test(c, bce_edges);
	tcase_add_loop_test(c, targets_out_of_range, 0, 8);
	tcase_add_loop_test(c, sentences, 0, (int)(sizeof mistakes / sizeof *mistakes));
	suite_add_tcase(s, c);
	return s;
}
