/* SPDX-License-Identifier: Apache-2.0 */
/* Differentiation as a whole: what tl_grad and tl_backward give and cost. */
#include "tests/suite.h"

#include <math.h>
#include <pthread.h>

#include "graph/grad.h"
#include "ops/arith.h"
#include "ops/math.h"
#include "ops/select.h"
#include "tests/tape.h"

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

START_TEST(gradients_in_place_of_variables)
{
	tl_var x = VECTOR(1, 2), v[] = {x};
	ck_assert_int_eq(tl_grad(sum(tl_square(x)), 1, v, v), TL_OK);
	CHECK_VALUES(v[0], 2, 4);
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

enum { CHAIN = 100000, CHAIN_STACK = 64 * 1024 };

static void *run_chain(void *result)
{
	tl_var x = number(1), y = x, d;
	for (int i = 0; i < CHAIN; i++)
		y = i % 2 ? tl_neg(y) : tl_shift(y, 0);
	tl_real *values = result;
	if (tl_grad(y, 1, &x, &d) || tl_read(y, &values[0], 1) || tl_read(d, &values[1], 1))
		values[0] = NAN;
	return NULL;
}

/* Recursion over the chain would need more than 100,000 frames. */
START_TEST(a_long_chain_on_a_small_stack)
{
	tl_real values[2] = {0};
	pthread_attr_t attributes;
	pthread_t thread;
	ck_assert_int_eq(pthread_attr_init(&attributes), 0);
	ck_assert_int_eq(pthread_attr_setstacksize(&attributes, CHAIN_STACK), 0);
	ck_assert_int_eq(pthread_create(&thread, &attributes, run_chain, values), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attributes);
	ck_assert_msg(values[0] == 1 && values[1] == 1, "%g, %g", (double)values[0], (double)values[1]);
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
	tcase_add_test(c, gradients_in_place_of_variables);
	tcase_add_test(c, reading_in_the_middle);
	tcase_add_test(c, views_keep_what_they_look_at);
	tcase_add_test(c, adjoints_stand_in_their_nodes_scopes);
	tcase_add_test(c, borrowed_strided_leaves);
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
