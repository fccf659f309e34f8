/* SPDX-License-Identifier: Apache-2.0 */
/* What a tape refuses: the sentences of its errors, stale and failed variables, missing gradients. */
#include "tests/suite.h"

#include <string.h>

#include "graph/grad.h"
#include "ops/arith.h"
#include "ops/math.h"
#include "tests/tape.h"

START_TEST(an_index_has_no_gradient)
{
	tl_var x = VECTOR(1, 2), index = tl_index(tape, TL_SHAPE(2), (int32_t[]){0, 1}), d[2];
	ck_assert_int_eq(tl_grad(sum(x), 2, (tl_var[]){x, index}, d), TL_ERR_TYPE);
	check_error(TL_ERR_TYPE, "grad: variable 1 holds int32 and has no gradient");
}
END_TEST

START_TEST(a_loss_has_one_element)
{
	tl_var x = tl_name(tl_square(VECTOR(1, 2, 3)), "errors"), d;
	ck_assert_int_eq(tl_grad(x, 1, &x, &d), TL_ERR_SHAPE);
	check_error(TL_ERR_SHAPE,
		"grad: the loss must be a scalar, but errors, the result of square has shape (3); "
		"sum it or take its mean");
	tl_tape_reset(tape);
	tl_var one = tl_input(tape, TL_SHAPE(1, 1), &(tl_real){3});
	CHECK_VALUES(grad(tl_square(one), one), 6);
}
END_TEST

static void twice(const void *params, int64_t n, tl_real *out, const tl_real *const *in)
{
	(void)params;
	for (int64_t i = 0; i < n; i++)
		out[i] = 2 * in[0][i];
}

static const tl_op op_opaque = {
	.name = "opaque", .arity = 1, .map = twice, .no_gradient = "its derivative is a secret"};

START_TEST(an_op_without_gradient)
{
	tl_var x = tl_name(VECTOR(1, 2), "x"), free_of_x = VECTOR(3, 4);
	tl_var y = tl_apply(NULL, &op_opaque, 1, &free_of_x, NULL, 0);
	CHECK_VALUES(grad(sum(tl_mul(x, y)), x), 6, 8);
	tl_scope_begin(tape, "layer", 0);
	y = tl_apply(NULL, &op_opaque, 1, &x, NULL, 0);
	tl_scope_end(tape);
	CHECK_VALUES(y, 2, 4);
	tl_var d;
	ck_assert_int_eq(tl_grad(sum(y), 1, &x, &d), TL_ERR_NO_GRADIENT);
	check_error(TL_ERR_NO_GRADIENT, "opaque: its derivative is a secret; operand x (2); in layer=0");
}
END_TEST

START_TEST(a_stale_variable)
{
	tl_var x = VECTOR(1, 2), y = sum(x), d;
	tl_real got;
	tl_tape_reset(tape);
	tl_var fresh = VECTOR(1, 2);
	ck_assert(!tl_ok(x) && tl_ok(fresh));
	ck_assert(!tl_ok(tl_add(fresh, x)));
	check_error(TL_ERR_STALE, "add: an operand is a variable that was used after its tape was reset");
	tl_tape_reset(tape);
	ck_assert_int_eq(tl_read(y, &got, 1), TL_ERR_STALE);
	tl_tape_reset(tape);
	ck_assert_int_eq(tl_grad(y, 1, &x, &d), TL_ERR_STALE);
	check_error(TL_ERR_STALE, "grad: an operand is a variable that was used after its tape was reset");
	tl_tape_reset(tape);
	fresh = VECTOR(1, 2);
	ck_assert_int_eq(tl_grad(sum(fresh), 1, &x, &d), TL_ERR_STALE);
}
END_TEST

/* One that had failed before the reset is no better. */
START_TEST(a_stale_failed_variable)
{
	tl_var failed = tl_add(VECTOR(1, 2), VECTOR(1, 2, 3)), d;
	tl_tape_reset(tape);
	tl_var loss = sum(VECTOR(1, 2));
	ck_assert_int_eq(tl_grad(loss, 1, &failed, &d), TL_ERR_STALE);
	tl_tape_reset(tape);
	ck_assert_int_eq(tl_grad(failed, 1, &failed, &d), TL_ERR_STALE);
}
END_TEST

START_TEST(variables_of_two_tapes)
{
	tl_tape *second = tl_tape_new(NULL);
	tl_var a = number(1), b = tl_input(second, TL_SCALAR, &(tl_real){2}), d;
	ck_assert(!tl_ok(tl_mul(a, b)));
	check_error(TL_ERR_STALE, "mul: an operand is a variable of another tape");
	ck_assert_int_eq(tl_tape_status(second), TL_OK);
	tl_tape_reset(tape);
	ck_assert_int_eq(tl_grad(number(1), 1, &b, &d), TL_ERR_STALE);
	check_error(TL_ERR_STALE, "grad: an operand is a variable of another tape");
	tl_tape_free(second);
}
END_TEST

START_TEST(a_variable_never_assigned)
{
	tl_var none = {0}, d;
	ck_assert(!tl_ok(tl_mul(number(1), none)));
	check_error(TL_ERR_STALE, "mul: an operand is no variable (it was never assigned)");
	ck_assert(!tl_ok(tl_mul(none, none)));
	ck_assert_int_eq(tl_grad(none, 1, &none, &d), TL_ERR_STALE);
	ck_assert_int_eq(tl_backward(none), TL_ERR_STALE);
}
END_TEST

START_TEST(the_first_error_sticks)
{
	const char *sentence = "add: shapes do not broadcast together; operands (2), (3)";
	tl_var good = VECTOR(1, 2), bad = tl_add(good, VECTOR(1, 2, 3)), d;
	tl_real got[2];
	tl_mul(good, tl_index(tape, TL_SHAPE(2), (int32_t[]){0, 1}));
	check_error(TL_ERR_SHAPE, sentence);
	ck_assert(!tl_ok(tl_square(bad)));
	ck_assert_int_eq(tl_read(bad, got, 2), TL_ERR_SHAPE);
	ck_assert_int_eq(tl_read(good, got, 2), TL_ERR_SHAPE);
	ck_assert_ptr_null(tl_value(good));
	ck_assert_int_eq(tl_grad(sum(good), 1, &good, &d), TL_ERR_SHAPE);
	ck_assert_int_eq(tl_backward(sum(good)), TL_ERR_SHAPE);
	check_error(TL_ERR_SHAPE, sentence);
	tl_tape_reset(tape);
	ck_assert_int_eq(tl_tape_status(tape), TL_OK);
	CHECK_VALUES(VECTOR(1, 2), 1, 2);
}
END_TEST

static bool all_failed(int n, const tl_var *v)
{
	for (int k = 0; k < n; k++)
		if (v[k].tape != tape || tl_ok(v[k]))
			return false;
	return true;
}

/* Whoever does not look at the status goes on with failed variables, not with what happened to be there. */
START_TEST(a_failed_grad_gives_failed_variables)
{
	tl_var x = VECTOR(1, 2), wrt[] = {x, x}, d[2];
	memset(d, 0x5a, sizeof d);
	ck_assert_int_eq(tl_grad(tl_square(x), 2, wrt, d), TL_ERR_SHAPE);
	ck_assert(all_failed(2, d));
	tl_tape_reset(tape);
	x = wrt[1] = VECTOR(1, 2);
	wrt[0] = tl_apply(NULL, &op_opaque, 1, &x, NULL, 0);
	memset(d, 0x5a, sizeof d);
	ck_assert_int_eq(tl_grad(sum(wrt[0]), 2, wrt, d), TL_ERR_NO_GRADIENT);
	ck_assert(all_failed(2, d));
}
END_TEST

START_TEST(a_sentence_names_everything)
{
	tl_var x = tl_name(tl_fill(tape, TL_SHAPE(32, 10), 1), "x");
	tl_var w = tl_name(tl_fill(tape, TL_SHAPE(12, 4), 1), "w");
	tl_scope_begin(tape, "layer", 0);
	tl_scope_begin(tape, "t", 3);
	tl_add(x, w);
	check_error(TL_ERR_SHAPE,
		"add: shapes do not broadcast together; operands x (32, 10), w (12, 4); in layer=0/t=3");
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("tape errors");
	TCase *c = tcase_create("errors");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, an_index_has_no_gradient);
	tcase_add_test(c, a_loss_has_one_element);
	tcase_add_test(c, an_op_without_gradient);
	tcase_add_test(c, a_stale_variable);
	tcase_add_test(c, a_stale_failed_variable);
	tcase_add_test(c, variables_of_two_tapes);
	tcase_add_test(c, a_variable_never_assigned);
	tcase_add_test(c, the_first_error_sticks);
	tcase_add_test(c, a_failed_grad_gives_failed_variables);
	tcase_add_test(c, a_sentence_names_everything);
	suite_add_tcase(s, c);
	return s;
}
