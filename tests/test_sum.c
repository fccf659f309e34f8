/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/sum.h: sums over any axes of operands of any shapes and strides, against loops over indices; how
 * exact long sums are; that threads change nothing. And what sum_to makes of many contributions.
 */
#include "tests/suite.h"

#include <math.h>
#include <string.h>

#include "core/random.h"
#include "core/sum.h"
#include "ops/arith.h"
#include "tests/tape.h"

#define OPERANDS 3
#define SMALL 4096

static tl_rng rng;
static tl_arena scratch;

static int64_t between(int64_t low, int64_t high)
{
	return low + tl_rng_below(&rng, high - low + 1);
}

/* A shape that `to` broadcasts to. */
static tl_shape random_broadcast(tl_shape to)
{
	tl_shape s = {.axes = to.axes + between(0, to.axes < 4 ? 1 : 0)};
	for (int64_t i = 0; i < s.axes; i++) {
		int64_t at = i - (s.axes - to.axes);
		s.dim[i] = at >= 0 && to.dim[at] != 1 ? to.dim[at] : between(between(0, 9) > 0, 4);
	}
	return s;
}

/* Over x: dense, the first axis innermost, or the last axis backwards. */
static tl_tensor random_layout(tl_shape shape, tl_real *x)
{
	tl_tensor t = tl_tensor_dense(TL_REAL, shape, x);
	int64_t kind = between(0, 2), step = 1;
	if (kind == 0 || shape.axes == 0 || tl_shape_size(shape) == 0)
		return t;
	for (int64_t i = 0; i < shape.axes && kind == 1; i++) {
		t.stride[i] = step;
		step *= shape.dim[i];
	}
	if (kind == 2) {
		t.stride[shape.axes - 1] = -1;
		t.data = x + shape.dim[shape.axes - 1] - 1;
	}
	return t;
}

/* total[j] += what element i of x is, for all i; j is where broadcasting `to` reads for i. */
static void add_by_index(double *total, tl_shape to, const tl_tensor *x)
{
	tl_tensor small = tl_tensor_dense(TL_REAL, to, NULL), wide = tl_tensor_broadcast(&small, x->shape);
	for (int64_t i = 0; i < tl_shape_size(x->shape); i++) {
		int64_t rest = i, at = 0, j = 0;
		for (int64_t a = x->shape.axes - 1; a >= 0; a--) {
			at += rest % x->shape.dim[a] * x->stride[a];
			j += rest % x->shape.dim[a] * wide.stride[a];
			rest /= x->shape.dim[a];
		}
		total[j] += (double)((const tl_real *)x->data)[at];
	}
}

/* Small whole numbers: sums are exact in either type. */
START_TEST(random_sums)
{
	static tl_real x[OPERANDS][SMALL], got[SMALL];
	static double want[SMALL];
	rng = (tl_rng){.seed = 29};
	for (int round = 0; round < 3000; round++) {
		tl_tensor in[OPERANDS];
		const tl_tensor *all[OPERANDS];
		int n = (int)between(1, OPERANDS);
		tl_shape to = {.axes = between(0, 4)};
		for (int64_t i = 0; i < to.axes; i++)
			to.dim[i] = between(0, 1) ? 1 : between(between(0, 19) > 0, 5);
		memset(want, 0, sizeof want);
		for (int k = 0; k < n; k++) {
			for (int i = 0; i < SMALL; i++)
				x[k][i] = (tl_real)between(-9, 9);
			in[k] = random_layout(random_broadcast(to), x[k]);
			all[k] = &in[k];
			add_by_index(want, to, &in[k]);
		}
		tl_tensor out = tl_tensor_dense(TL_REAL, to, got);
		ck_assert(tl__sum_to(&out, n, all, NULL, &scratch));
		for (int64_t i = 0; i < tl_shape_size(to); i++)
			ck_assert_double_eq((double)got[i], want[i]);
		tl_arena_clear(&scratch);
	}
}
END_TEST

#define ELEMENTS 600000

static const struct {
	tl_shape in, out;
} large[] = {
	{{2, {1200, 500}}, {1, {500}}},
	{{2, {1200, 500}}, {2, {1200, 1}}},
	{{2, {200000, 3}}, {1, {3}}},
	{{3, {20, 1500, 20}}, {3, {1, 1500, 1}}},
	{{3, {100, 60, 100}}, {2, {60, 1}}},
	{{1, {600000}}, {0}},
};

/* Numbers of different sizes, but positive: every sum is right to nearly the last digit. */
START_TEST(long_sums)
{
	static tl_real x[ELEMENTS], got[2][1500];
	static double want[1500];
	rng = (tl_rng){.seed = 31};
	for (int i = 0; i < ELEMENTS; i++)
		x[i] = (tl_real)tl_rng_uniform(&rng) * (i % 7 ? 1 : 100);
	tl_tensor in = tl_tensor_dense(TL_REAL, large[_i].in, x);
	tl_pool *pool = tl_pool_new(4);
	for (int k = 0; k < 2; k++) {
		tl_tensor out = tl_tensor_dense(TL_REAL, large[_i].out, got[k]);
		ck_assert(tl__sum_to(&out, 1, (const tl_tensor *[]){&in}, k ? pool : NULL, &scratch));
	}
	tl_pool_free(pool);
	ck_assert_mem_eq(got[0], got[1], sizeof got[0]);
	memset(want, 0, sizeof want);
	add_by_index(want, large[_i].out, &in);
	double digits = sizeof(tl_real) == sizeof(double) ? 1e-13 : 3e-7;
	for (int64_t i = 0; i < tl_shape_size(large[_i].out); i++)
		ck_assert_double_eq_tol((double)got[0][i], want[i], digits * want[i]);
}
END_TEST

/* A bias of T steps has a gradient of one node, also where a step has one row only. */
START_TEST(contributions_become_one_node)
{
	enum { T = 50, H = 2 };
	static const tl_real x[2 * H] = {1, 2, 4, 8};
	tl_var b = vector(H, (double[]){3, 5}), loss = number(0), d;
	double want[H] = {0};
	for (int t = 0; t < T; t++) {
		tl_var steps = tl_input(tape, TL_SHAPE(_i, H), x);
		loss = tl_add(loss, sum(tl_mul(tl_add(steps, b), tl_scale(steps, t))));
		for (int i = 0; i < _i * H; i++)
			want[i % H] += t * (double)x[i];
	}
	d = grad(loss, b);
	ck_assert_ptr_eq(tl_var_op(d), &tl_op_sum_to);
	ck_assert_int_eq(tl_var_operands(d), T);
	check_values(d, H, want);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("sum");
	TCase *c = tcase_create("sum");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, random_sums);
	tcase_add_loop_test(c, long_sums, 0, (int)(sizeof large / sizeof *large));
	tcase_add_loop_test(c, contributions_become_one_node, 1, 3);
	suite_add_tcase(s, c);
	return s;
}
