/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sweeps in hard places: gradient rules that differentiate or read values themselves, recurrences whose
 * adjoints are handed through from step to step, gradients by every step's state.
 */
#include "tests/suite.h"

#include <math.h>

#include "models/tapeloop.h"

static tl_tape *tape;

static void setup(void)
{
	tape = tl_tape_new(&(tl_tape_options){.threads = 1});
	ck_assert_ptr_nonnull(tape);
}

static void teardown(void)
{
	tl_tape_free(tape);
}

static void sine(const void *params, int64_t n, tl_real *out, const tl_real *const *in)
{
	(void)params;
	for (int64_t i = 0; i < n; i++)
		out[i] = (tl_real)sin((double)in[0][i]);
}

/* By recomputation: the rule records the function again and differentiates that. */
static tl_var by_recomputation(const tl_adjoint *a, int k)
{
	tl_var again = tl_sin(a->in[k]), d;
	tl_grad_from(again, a->dout, 1, &a->in[k], &d);
	return d;
}

/* By data: the rule reads the operand and records the derivative as numbers. */
static tl_var by_data(const tl_adjoint *a, int k)
{
	tl_real x[3];
	tl_read(a->in[k], x, 3);
	for (int i = 0; i < 3; i++)
		x[i] = (tl_real)cos((double)x[i]);
	return tl_mul(a->dout, tl_input(a->dout.tape, TL_SHAPE(3), x));
}

START_TEST(rules_that_sweep_and_read)
{
	const tl_op ops[] = {
		{.name = "sine", .arity = 1, .map = sine, .gradient = by_recomputation},
		{.name = "sine", .arity = 1, .map = sine, .gradient = by_data},
	};
	const tl_real x[3] = {(tl_real)0.1, (tl_real)-0.7, 2};
	tl_real d[3];
	tl_var v = tl_input(tape, TL_SHAPE(3), x), dv;
	tl_var y = tl_apply(NULL, &ops[_i], 1, &v, NULL, 0);
	tl_var loss = tl_sum_all(tl_mul(tl_square(y), v)); /* d = sin^2 + x 2 sin cos */
	ck_assert_int_eq(tl_grad(loss, 1, &v, &dv), TL_OK);
	ck_assert_int_eq(tl_read(dv, d, 3), TL_OK);
	for (int i = 0; i < 3; i++) {
		double s = sin((double)x[i]), c = cos((double)x[i]);
		ck_assert_double_eq_tol((double)d[i], s * s + (double)x[i] * 2 * s * c, 1e-6);
	}
}
END_TEST

/* h' = h + tanh(h A) B: along the identity an adjoint is handed through, and must not be taken apart. */
START_TEST(residual_recurrences_stay_linear)
{
	enum { T = 300, H = 3 };
	static const tl_real a[H * H] = {1, 0, -1, 0, 1, 1, 1, -1, 0}, h0[H] = {1, -1, 0};
	tl_var ma = tl_scale(tl_input(tape, TL_SHAPE(H, H), a), 0.01);
	tl_var start = tl_input(tape, TL_SHAPE(1, H), h0), h = start, d;
	for (int t = 0; t < T; t++)
		h = tl_add(h, tl_matmul(tl_tanh(tl_matmul(h, ma)), ma));
	ck_assert_int_eq(tl_grad(tl_sum_all(h), 1, &start, &d), TL_OK);
	for (uint32_t i = 1; i <= tl_tape_get_stats(tape).nodes; i++)
		ck_assert_int_le(tl_var_operands((tl_var){tape, i, start.generation}), 4);
	ck_assert_int_eq(tl_eval(1, &d), TL_OK);
	ck_assert_uint_lt(tl_tape_get_stats(tape).computed, 20 * T);
}
END_TEST

/* dh_T/dh_t for every t, x' = 0.9 x: 0.9^(T-t). */
START_TEST(gradients_by_every_state)
{
	enum { T = 200 };
	tl_var h[T + 1], d[T + 1];
	h[0] = tl_input(tape, TL_SCALAR, &(tl_real){1});
	for (int t = 0; t < T; t++)
		h[t + 1] = tl_scale(h[t], 0.9);
	ck_assert_int_eq(tl_grad(h[T], T + 1, h, d), TL_OK);
	ck_assert_int_eq(tl_eval(T + 1, d), TL_OK);
	for (int t = 0; t <= T; t++) {
		tl_real x;
		ck_assert_int_eq(tl_read(d[t], &x, 1), TL_OK);
		ck_assert_double_eq_tol((double)x, pow(0.9, T - t), 1e-6);
	}
}
END_TEST

/* A weight of several products of one variable: they are summed without copying the weights. */
START_TEST(gates_with_weights_of_their_own)
{
	enum { B = 2, H = 5, G = 4 };
	tl_rng rng = {.seed = 3};
	tl_real x[B * H], u[G][H * H], dz[G][B * H], want[B * H] = {0}, got[B * H];
	for (int i = 0; i < B * H; i++)
		x[i] = (tl_real)tl_rng_normal(&rng);
	tl_var vx = tl_input(tape, TL_SHAPE(B, H), x), loss = tl_fill(tape, TL_SCALAR, 0), d;
	for (int g = 0; g < G; g++) {
		for (int i = 0; i < H * H; i++)
			u[g][i] = (tl_real)tl_rng_normal(&rng);
		for (int i = 0; i < B * H; i++)
			dz[g][i] = (tl_real)tl_rng_normal(&rng);
		tl_var z = tl_matmul(vx, tl_input(tape, TL_SHAPE(H, H), u[g]));
		loss = tl_add(loss, tl_sum_all(tl_mul(z, tl_input(tape, TL_SHAPE(B, H), dz[g]))));
		for (int b = 0; b < B; b++)
			for (int i = 0; i < H; i++)
				for (int j = 0; j < H; j++)
					want[b * H + i] += dz[g][b * H + j] * u[g][i * H + j];
	}
	ck_assert_int_eq(tl_grad(loss, 1, &vx, &d), TL_OK);
	ck_assert_int_eq(tl_read(d, got, B * H), TL_OK);
	for (int i = 0; i < B * H; i++)
		ck_assert_double_eq_tol((double)got[i], (double)want[i], 1e-5);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("sweeps");
	TCase *c = tcase_create("sweeps");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, rules_that_sweep_and_read, 0, 2);
	tcase_add_test(c, residual_recurrences_stay_linear);
	tcase_add_test(c, gradients_by_every_state);
	tcase_add_test(c, gates_with_weights_of_their_own);
	suite_add_tcase(s, c);
	return s;
}
