/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The planned executor against the plain one at the edges: numbers that are none, batches without rows,
 * ops from outside the library, very long programs, tapes on several threads.
 */
#include "tests/suite.h"

#include <math.h>
#include <pthread.h>

#include "tests/plans.h"

/* In one row of the batch a number is not one; other rows are none the worse. */
static void special_scene(void *ctx, tl_tape *tape, int run, results *r)
{
	static const double special[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, 1e30};
	const layers *l = ctx;
	tl_real *x = l->x->value.data, kept = x[run * 5 % 12];
	x[run * 5 % 12] = (tl_real)special[run % 4];
	tl_rnn_result q = layers_run(l, tape);
	results_keep(r, "output", q.output);
	keep_backward(l->store, loss_of(q), r);
	tl_var hidden = tl_where(tl_less(tl_use(tape, l->x), tl_fill(tape, TL_SCALAR, 2)), tl_use(tape, l->x),
		tl_fill(tape, TL_SCALAR, 0));
	results_keep(r, "chosen", tl_sum(tl_square(hidden), TL_AXES(2), false));
	results_keep(r, "greatest", tl_max(tl_use(tape, l->x), TL_AXES(0), false));
	x[run * 5 % 12] = kept;
}

START_TEST(special_numbers)
{
	const tl_rnn_options o = {.cell = tl_cell_at(_i), .input = 2, .hidden = 3, .layers = 2};
	layers l = layers_new(&o, 4, 3);
	check_scene(special_scene, &l, 4);
	check_plan(special_scene, &l, 4, 1, "fuse,place");
	layers_free(&l);
}
END_TEST

/* A batch without rows. */
static void empty_scene(void *ctx, tl_tape *tape, int run, results *r)
{
	const layers *l = ctx;
	(void)run;
	tl_var x = tl_slice(tl_use(tape, l->x), 1, 0, 0, 1);
	tl_rnn_result q = tl_rnn_run(l->rnn, x, (tl_state){0}, true);
	results_keep(r, "output", q.output);
	keep_backward(l->store, tl_sum_all(tl_square(q.output)), r);
}

START_TEST(empty_batches)
{
	layers l = layers_new(
		&(tl_rnn_options){.cell = &tl_cell_gru, .input = 3, .hidden = 4, .layers = 2}, 4, 3);
	check_scene(empty_scene, &l, 2);
	layers_free(&l);
}
END_TEST

/* Halves of a sum's start that others read, too: the sum must not be computed in their place. */
static void parts_scene(void *ctx, tl_tape *tape, int run, results *r)
{
	const layers *l = ctx;
	(void)run;
	tl_var in = tl_reshape(tl_use(tape, l->x), TL_SHAPE(l->steps * l->batch, 4));
	tl_var a = tl_tanh(in), b = tl_sigmoid(in), w = tl_fill(tape, TL_SHAPE(4, 8), 0.25);
	tl_var sum = tl_add(tl_concat(2, (tl_var[]){a, b}, -1), tl_matmul(in, w));
	results_keep(r, "a", a);
	results_keep(r, "sum", sum);
	keep_backward(l->store, tl_sum_all(tl_mul(tl_square(sum), tl_concat(2, (tl_var[]){b, a}, -1))), r);
}

START_TEST(starts_that_others_read)
{
	layers l = layers_new(&(tl_rnn_options){.cell = &tl_cell_rnn, .input = 4, .hidden = 4}, 3, 5);
	check_scene(parts_scene, &l, 3);
	layers_free(&l);
}
END_TEST

/* Ops that a planner has never heard of: elementwise, and one whose gradient rule reads values. */
static void cube(const void *params, int64_t n, tl_real *out, const tl_real *const *in)
{
	(void)params;
	for (int64_t i = 0; i < n; i++)
		out[i] = in[0][i] * in[0][i] * in[0][i];
}

static tl_var cube_gradient(const tl_adjoint *a, int k)
{
	tl_real x[12];
	tl_read(a->in[k], x, 12);
	for (int i = 0; i < 12; i++)
		x[i] *= 3 * x[i];
	return tl_mul(a->dout, tl_input(a->dout.tape, tl_var_shape(a->in[k]), x));
}

static tl_status running_sum(const tl_call *c)
{
	tl_tensor_copy(c->out, c->in[0]);
	tl_real *v = c->out->data;
	for (int64_t i = 1; i < tl_shape_size(c->out->shape); i++)
		v[i] = v[i - 1] * (tl_real)0.5 + v[i];
	return TL_OK;
}

static tl_status same_shape(tl_infer *s)
{
	s->out = s->in[0]->shape;
	return TL_OK;
}

static const tl_op op_cube = {.name = "cube", .arity = 1, .map = cube, .gradient = cube_gradient};
static const tl_op op_running_sum = {.name = "running_sum",
	.arity = 1,
	.infer = same_shape,
	.kernel = running_sum,
	.no_gradient = "a test"};

static void unknown_ops_scene(void *ctx, tl_tape *tape, int run, results *r)
{
	const layers *l = ctx;
	(void)run;
	tl_var h = tl_select(tl_use(tape, l->s[0]), 0, 0), x = tl_use(tape, l->x);
	for (int t = 0; t < l->steps; t++) {
		tl_var side = tl_detach(h);
		h = tl_sin(tl_add(tl_matmul(h, tl_use(tape, l->rnn->params[1])), tl_select(x, 0, t)));
		h = tl_apply(NULL, &op_cube, 1, &h, NULL, 0);
		h = tl_add(h, tl_scale(tl_apply(NULL, &op_running_sum, 1, &side, NULL, 0), 0.1));
	}
	keep_backward(l->store, mean_square(h, 0.2), r);
}

START_TEST(ops_from_outside)
{
	layers l = layers_new(&(tl_rnn_options){.cell = &tl_cell_rnn, .input = 4, .hidden = 4}, 6, 3);
	check_scene(unknown_ops_scene, &l, 2);
	layers_free(&l);
}
END_TEST

enum { CHAIN = 100000, CHAIN_STACK = 64 * 1024 };

static void *run_chain(void *result)
{
	tl_tape *tape = planned_tape(1, "all");
	tl_var x = tl_fill(tape, TL_SCALAR, 1), y = x, d;
	for (int i = 0; i < CHAIN; i++)
		y = i % 2 ? tl_neg(y) : tl_shift(y, 0);
	*(tl_status *)result = tl_grad(y, 1, &x, &d);
	tl_var both[] = {y, d};
	if (tl_eval(2, both))
		*(tl_status *)result = tl_tape_status(tape);
	tl_tape_free(tape);
	return NULL;
}

/* Recursion over the chain, or comparing all with all, would not end well. */
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
}
END_TEST

START_TEST(long_loops)
{
	layers l = layers_new(
		&(tl_rnn_options){.cell = &tl_cell_lstm, .input = 2, .hidden = 3, .layers = 2}, 1500, 1);
	check_plan_within(20 * plan_tolerance, layers_scene, &l, 2, 2, "all");
	layers_free(&l);
}
END_TEST

static void *train_alone(void *argument)
{
	layers l = layers_new(
		&(tl_rnn_options){.cell = &tl_cell_gru, .input = 3, .hidden = 5, .layers = 2}, 6, 3);
	run_scene(layers_scene, &l, planned_tape(2, "all"), 10, argument);
	layers_free(&l);
	return NULL;
}

START_TEST(tapes_on_threads_of_their_own)
{
	enum { N = 4 };
	results r[N] = {0};
	pthread_t id[N];
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(pthread_create(&id[i], NULL, train_alone, &r[i]), 0);
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(pthread_join(id[i], NULL), 0);
	for (int i = 0; i < N; i++) {
		check_results("threads", &r[0], &r[i], 0);
		results_free(i ? &r[i] : &(results){0});
	}
	results_free(&r[0]);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("plan edges");
	TCase *c = tcase_create("edges");
	int n = 0;
	while (tl_cell_at(n))
		n++;
	tcase_add_loop_test(c, special_numbers, 0, n);
	tcase_add_test(c, empty_batches);
	tcase_add_test(c, ops_from_outside);
	tcase_add_test(c, a_long_chain_on_a_small_stack);
	tcase_add_test(c, long_loops);
	tcase_add_test(c, starts_that_others_read);
	tcase_add_test(c, tapes_on_threads_of_their_own);
	suite_add_tcase(s, c);
	return s;
}
