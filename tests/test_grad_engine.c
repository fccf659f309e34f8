/* SPDX-License-Identifier: Apache-2.0 */
/* Differentiation as a whole: what tl_grad and tl_backward give, refuse, and cost. */
#include "tests/suite.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "graph/grad.h"
#include "ops/arith.h"
#include "ops/math.h"
#include "ops/select.h"

static const double tolerance = sizeof(tl_real) == sizeof(double) ? 1e-12 : 1e-5;

static tl_tape *tape;

static void setup(void)
{
	tape = tl_tape_new(NULL);
	ck_assert_ptr_nonnull(tape);
}

static void teardown(void)
{
	tl_tape_free(tape);
}

static void check_values(tl_var v, int n, const double *want)
{
	tl_real got[16];
	ck_assert_int_le(n, 16);
	ck_assert_msg(tl_read(v, got, n) == TL_OK, "%s", tl_tape_error(v.tape)->text);
	for (int i = 0; i < n; i++)
		ck_assert_msg(fabs((double)got[i] - want[i]) <= tolerance * fmax(1, fabs(want[i])),
			"element %d is %.9g, not %.9g", i, (double)got[i], want[i]);
}

#define CHECK_VALUES(v, ...)                                                                                 \
	check_values(v, (int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), (double[]){__VA_ARGS__})

static void check_error(tl_status status, const char *sentence)
{
	ck_assert_int_eq(tl_tape_status(tape), status);
	ck_assert_str_eq(tl_tape_error(tape)->text, sentence);
}

static tl_var number(double x)
{
	return tl_input(tape, TL_SCALAR, &(tl_real){(tl_real)x});
}

static tl_var vector(int n, const double *x)
{
	tl_real copy[16];
	ck_assert_int_le(n, 16);
	for (int i = 0; i < n; i++)
		copy[i] = (tl_real)x[i];
	return tl_input(tape, TL_SHAPE(n), copy);
}

#define VECTOR(...) vector((int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), (double[]){__VA_ARGS__})

static tl_var sum(tl_var x)
{
	return tl_sum_to(x, TL_SCALAR);
}

static tl_var grad(tl_var loss, tl_var x)
{
	tl_var d = {0};
	tl_grad(loss, 1, &x, &d);
	return d;
}

START_TEST(a_variable_used_several_times)
{
	tl_var x = VECTOR(1, -2, 3);
	tl_var y = tl_add(tl_mul(x, x), tl_sub(tl_scale(x, 5), tl_mul(tl_neg(x), x)));
	CHECK_VALUES(grad(sum(y), x), 9, -3, 17);
}
END_TEST

START_TEST(an_intermediate_variable)
{
	tl_var x = VECTOR(2, 3), y = tl_scale(x, 4), z = sum(tl_square(y));
	tl_var wrt[] = {y, x, z, y}, d[4];
	ck_assert_int_eq(tl_grad(z, 4, wrt, d), TL_OK);
	CHECK_VALUES(d[0], 16, 24);
	CHECK_VALUES(d[1], 64, 96);
	CHECK_VALUES(d[2], 1);
	CHECK_VALUES(d[3], 16, 24);
}
END_TEST

START_TEST(zeros_for_independent_variables)
{
	tl_var x = VECTOR(1, 2), other = VECTOR(3, 4, 5), loss = sum(x), later = tl_scale(x, 2);
	tl_var wrt[] = {other, x, later}, d[3];
	ck_assert_int_eq(tl_grad(loss, 3, wrt, d), TL_OK);
	CHECK_VALUES(d[0], 0, 0, 0);
	CHECK_VALUES(d[1], 1, 1);
	CHECK_VALUES(d[2], 0, 0);
}
END_TEST

START_TEST(a_given_adjoint)
{
	tl_var x = VECTOR(1, 2, 3), y = tl_square(x), d;
	ck_assert_int_eq(tl_grad_from(y, VECTOR(1, 10, 100), 1, &x, &d), TL_OK);
	CHECK_VALUES(d, 2, 40, 600);
	ck_assert_int_eq(tl_grad_from(y, VECTOR(1, 1), 1, &x, &d), TL_ERR_SHAPE);
	check_error(TL_ERR_SHAPE, "grad: the result has shape (3), its adjoint (2)");
}
END_TEST

START_TEST(higher_derivatives_of_a_cube)
{
	tl_var x = VECTOR(1.5, -2), y = tl_mul(tl_mul(x, x), x);
	tl_var first = grad(sum(y), x), second = grad(sum(first), x), third = grad(sum(second), x);
	CHECK_VALUES(first, 6.75, 12);
	CHECK_VALUES(second, 9, -12);
	CHECK_VALUES(third, 6, 6);
	CHECK_VALUES(grad(sum(third), x), 0, 0);
}
END_TEST

START_TEST(detach_stops)
{
	tl_var x = VECTOR(2, 3), fixed = tl_detach(x);
	CHECK_VALUES(grad(sum(tl_mul(x, fixed)), x), 2, 3);
	CHECK_VALUES(grad(sum(fixed), x), 0, 0);
	CHECK_VALUES(grad(sum(tl_square(fixed)), fixed), 4, 6);
}
END_TEST

/* Values read between recordings, adjoints among them, are no obstacle to what is recorded later. */
START_TEST(reading_in_the_middle)
{
	tl_var x = VECTOR(1, 2), y = tl_square(x);
	CHECK_VALUES(y, 1, 4);
	tl_var z = tl_mul(y, x);
	CHECK_VALUES(grad(sum(z), x), 3, 12);
	tl_var d = grad(sum(z), x), w = tl_mul(d, y);
	CHECK_VALUES(w, 3, 48);
	CHECK_VALUES(grad(sum(w), x), 12, 96);
	CHECK_VALUES(d, 3, 12);
	CHECK_VALUES(z, 1, 8);
}
END_TEST

/* The adjoint that a kept view looks at stays too, though nothing else needs it any more. */
START_TEST(views_keep_what_they_look_at)
{
	tl_var x = VECTOR(1, 2, 3), row = tl_input(tape, TL_SHAPE(1, 3), (tl_real[]){2, 3, 4});
	tl_var d = grad(sum(tl_mul(x, row)), x), behind = tl_var_operand(d, 0);
	CHECK_VALUES(d, 2, 3, 4);
	ck_assert_ptr_eq(tl_var_op(behind), &tl_op_mul);
	CHECK_VALUES(sum(behind), 9);
	CHECK_VALUES(grad(sum(tl_mul(tl_square(x), x)), x), 3, 12, 27);
	CHECK_VALUES(d, 2, 3, 4);
}
END_TEST

START_TEST(adjoints_stand_in_their_nodes_scopes)
{
	char path[32];
	tl_var x = VECTOR(1, 2);
	tl_scope_begin(tape, "t", 4);
	tl_var y = tl_square(x);
	tl_scope_end(tape);
	tl_scope_begin(tape, "loss", -1);
	tl_var d = grad(sum(y), x);
	ck_assert_str_eq(tl_var_scope(tl_neg(x), path, sizeof path), "loss");
	ck_assert_str_eq(tl_var_scope(d, path, sizeof path), "t=4");
}
END_TEST

START_TEST(borrowed_strided_leaves)
{
	/* Of a 2 x 4 matrix: the rows from the last, in each every second column from the back. */
	tl_real memory[] = {1, 2, 3, 4, 5, 6, 7, 8};
	tl_tensor view = {.dtype = TL_REAL, .shape = TL_SHAPE(2, 2), .stride = {-4, -2}, .data = &memory[6]};
	tl_var x = tl_borrow(tape, &view);
	tl_tensor repeated = {.dtype = TL_REAL, .shape = TL_SHAPE(2, 2), .stride = {1, 0}, .data = memory};
	tl_var r = tl_borrow(tape, &repeated);
	CHECK_VALUES(x, 7, 5, 3, 1);
	CHECK_VALUES(r, 1, 1, 2, 2);
	tl_var loss = sum(tl_mul(tl_square(x), r));
	CHECK_VALUES(loss, 49 + 25 + 18 + 2);
	CHECK_VALUES(grad(loss, x), 14, 10, 12, 4);
	CHECK_VALUES(grad(loss, r), 49, 25, 9, 1);
}
END_TEST

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
START_TEST(gradients_in_place_of_variables)
{
	tl_var x = VECTOR(1, 2), v[] = {x};
	ck_assert_int_eq(tl_grad(sum(tl_square(x)), 1, v, v), TL_OK);
	CHECK_VALUES(v[0], 2, 4);
}
END_TEST

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

enum { CHAIN = 100000, CHAIN_STACK = 64 * 1024 };

static void *run_chain(void *result)
{
	tl_var x = number(1), y = x, d;
	for (int i = 0; i < CHAIN; i++)
		y = i % 2 ? tl_neg(y) : tl_shift(y, 0);
	*(tl_status *)result = tl_grad(y, 1, &x, &d);
	tl_var both[] = {y, d};
	if (tl_eval(2, both))
		*(tl_status *)result = tl_tape_status(tape);
	return NULL;
}

/* Recursion over the chain would need more than 100,000 frames. */
START_TEST(a_long_chain_on_a_small_stack)
{
	tl_status status = TL_ERR_VALUE;
	pthread_attr_t attributes;
	pthread_t thread;
	ck_assert_int_eq(pthread_attr_init(&attributes), 0);
	ck_assert_int_eq(pthread_attr_setstacksize(&attributes, CHAIN_STACK), 0);
	ck_assert_int_eq(pthread_create(&thread, &attributes, run_chain, &status), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attributes);
	ck_assert_int_eq(status, TL_OK);
	ck_assert_int_ge((int64_t)tl_tape_get_stats(tape).computed, CHAIN);
}
END_TEST

/* A parameter by hand. */
typedef struct weight {
	tl_real value[2], grad[2];
	tl_param param;
} weight;

static void weight_init(weight *w, const char *name, double a, double b)
{
	*w = (weight){.value = {(tl_real)a, (tl_real)b}};
	w->param = (tl_param){.name = name,
		.value = tl_tensor_dense(TL_REAL, TL_SHAPE(2), w->value),
		.grad = tl_tensor_dense(TL_REAL, TL_SHAPE(2), w->grad)};
}

static tl_var quadratic(weight *a, weight *b)
{
	return sum(tl_mul(tl_square(tl_use(tape, &a->param)), tl_use(tape, &b->param)));
}

START_TEST(backward_accumulates)
{
	weight a, b, unused;
	weight_init(&a, "a", 1, 2);
	weight_init(&b, "b", 3, 5);
	weight_init(&unused, "unused", 0, 0);
	tl_use(tape, &unused.param);
	ck_assert_int_eq(tl_backward(quadratic(&a, &b)), TL_OK);
	for (int pass = 1; pass <= 3; pass++) {
		ck_assert(a.grad[0] == 6 * pass && a.grad[1] == 20 * pass);
		ck_assert(b.grad[0] == 1 * pass && b.grad[1] == 4 * pass);
		ck_assert(unused.grad[0] == 0 && unused.grad[1] == 0);
		tl_tape_reset(tape);
		ck_assert_int_eq(tl_backward(quadratic(&a, &b)), TL_OK);
	}
}
END_TEST

START_TEST(backward_passes_frozen_parameters_by)
{
	weight a, b;
	weight_init(&a, "a", 1, 2);
	weight_init(&b, "b", 3, 5);
	b.param.frozen = true;
	ck_assert_int_eq(tl_backward(quadratic(&a, &b)), TL_OK);
	ck_assert(a.grad[0] == 6 && a.grad[1] == 20);
	ck_assert(b.grad[0] == 0 && b.grad[1] == 0);
}
END_TEST

static tl_status refuse(const tl_call *c)
{
	return tl_error_set(c->error, TL_ERR_VALUE, "it will not");
}

static const tl_op op_refuse = {.name = "refuse", .arity = 1, .kernel = refuse, .no_gradient = "it fails"};

START_TEST(a_failed_backward_changes_nothing)
{
	weight a, b;
	weight_init(&a, "a", 1, 2);
	weight_init(&b, "b", 3, 5);
	tl_var x = VECTOR(1, 1), y = tl_apply(NULL, &op_refuse, 1, &x, NULL, 0);
	ck_assert_int_eq(tl_backward(sum(tl_add(quadratic(&a, &b), y))), TL_ERR_VALUE);
	check_error(TL_ERR_VALUE, "refuse: it will not; operand (2)");
	ck_assert(a.grad[0] == 0 && a.grad[1] == 0 && b.grad[0] == 0 && b.grad[1] == 0);
}
END_TEST

START_TEST(memory_is_flat)
{
	weight a, b;
	weight_init(&a, "a", 0.5, -0.25);
	weight_init(&b, "b", 1, 2);
	tl_tape_stats warm = {0};
	for (int step = 0; step < 10000; step++) {
		tl_tape_reset(tape);
		ck_assert_uint_ge(tl_tape_get_stats(tape).bytes, warm.bytes);
		tl_scope_begin(tape, "step", step);
		tl_var x = VECTOR(0.1, 0.2);
		for (int i = 0; i < 5; i++)
			x = tl_exp(tl_mul(tl_neg(tl_square(x)), tl_use(tape, i % 2 ? &a.param : &b.param)));
		ck_assert_int_eq(tl_backward(sum(x)), TL_OK);
		tl_tape_stats now = tl_tape_get_stats(tape);
		if (step == 2)
			warm = now;
		if (step < 2)
			continue;
		ck_assert_uint_eq(now.allocations, warm.allocations);
		ck_assert_uint_eq(now.bytes, warm.bytes);
		ck_assert_uint_eq(now.nodes, warm.nodes);
	}
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("grad engine");
	TCase *c = tcase_create("gradients");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_variable_used_several_times);
	tcase_add_test(c, an_intermediate_variable);
	tcase_add_test(c, zeros_for_independent_variables);
	tcase_add_test(c, a_given_adjoint);
	tcase_add_test(c, higher_derivatives_of_a_cube);
	tcase_add_test(c, detach_stops);
	tcase_add_test(c, reading_in_the_middle);
	tcase_add_test(c, views_keep_what_they_look_at);
	tcase_add_test(c, adjoints_stand_in_their_nodes_scopes);
	tcase_add_test(c, borrowed_strided_leaves);
	suite_add_tcase(s, c);
	c = tcase_create("errors");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, an_index_has_no_gradient);
	tcase_add_test(c, a_loss_has_one_element);
	tcase_add_test(c, an_op_without_gradient);
	tcase_add_test(c, a_stale_variable);
	tcase_add_test(c, a_stale_failed_variable);
	tcase_add_test(c, variables_of_two_tapes);
	tcase_add_test(c, a_variable_never_assigned);
	tcase_add_test(c, the_first_error_sticks);
	tcase_add_test(c, gradients_in_place_of_variables);
	tcase_add_test(c, a_failed_grad_gives_failed_variables);
	tcase_add_test(c, a_sentence_names_everything);
	suite_add_tcase(s, c);
	c = tcase_create("training");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_long_chain_on_a_small_stack);
	tcase_add_test(c, backward_accumulates);
	tcase_add_test(c, backward_passes_frozen_parameters_by);
	tcase_add_test(c, a_failed_backward_changes_nothing);
	tcase_add_test(c, memory_is_flat);
	suite_add_tcase(s, c);
	return s;
}
