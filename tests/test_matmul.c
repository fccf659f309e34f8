/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matrix products against loops. Operands are whole numbers up to 4, so that sums of up to a million
 * products are exact in either type and results are compared for equality.
 */
#include "tests/suite.h"

#include <string.h>

#include "core/random.h"
#include "graph/algebra.h"
#include "graph/grad.h"
#include "ops/layout.h"
#include "ops/matmul.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))
#define MOST 60000 /* elements */

static tl_tape *tape;
static tl_rng rng;
static tl_real left[MOST], right[MOST], got[MOST], want[MOST];

static void setup(void)
{
	tape = tl_tape_new(&(tl_tape_options){.threads = 2});
	ck_assert_ptr_nonnull(tape);
	rng = (tl_rng){.seed = 3};
}

static void teardown(void)
{
	tl_tape_free(tape);
}

static tl_var whole_numbers(tl_shape shape)
{
	tl_real x[MOST];
	int64_t n = tl_shape_size(shape);
	ck_assert_int_le(n, MOST);
	for (int64_t i = 0; i < n; i++)
		x[i] = (tl_real)(tl_rng_below(&rng, 9) - 4);
	return tl_input(tape, shape, x);
}

static void read_all(tl_var v, tl_real *to)
{
	int64_t n = tl_shape_size(tl_var_shape(v));
	ck_assert_int_le(n, MOST);
	ck_assert_msg(tl_read(v, to, n) == TL_OK, "%s", tl_tape_error(tape)->text);
}

/* v has that shape and the elements of want. */
static void check(tl_var v, tl_shape shape)
{
	char a[TL_SHAPE_TEXT], b[TL_SHAPE_TEXT];
	read_all(v, got);
	ck_assert_msg(tl_shape_equal(tl_var_shape(v), shape), "shape %s, not %s",
		tl_shape_text(tl_var_shape(v), a), tl_shape_text(shape, b));
	for (int64_t i = 0; i < tl_shape_size(shape); i++)
		ck_assert_msg(got[i] == want[i], "element %d is %g, not %g", (int)i, (double)got[i],
			(double)want[i]);
}

enum { DENSE, TRANSPOSED, FLIPPED, STEPS, REPEATED, LAYOUTS };

/* A variable of that shape that reads its memory in one of these ways; the last only where axes > 2. */
static tl_var lay(tl_shape shape, int layout)
{
	tl_shape stored = shape;
	int64_t last = shape.axes - 1;
	if (layout == TRANSPOSED) {
		stored.dim[last] = shape.dim[last - 1];
		stored.dim[last - 1] = shape.dim[last];
		return tl_t(whole_numbers(stored));
	}
	if (layout == FLIPPED)
		return tl_flip(tl_flip(whole_numbers(shape), -1), 0);
	if (layout == STEPS) {
		stored.dim[last - 1] *= 2;
		return tl_slice(whole_numbers(stored), -2, 0, stored.dim[last - 1], 2);
	}
	if (layout == REPEATED) {
		stored.dim[0] = 1;
		return tl_broadcast(whole_numbers(stored), shape);
	}
	return whole_numbers(shape);
}

/* Leading axes may be missing on one side. */
static void naive(tl_var a, tl_var b)
{
	int64_t m = tl_dim(a, -2), k = tl_dim(a, -1), n = tl_dim(b, -1), batches = 1;
	tl_shape sa = tl_var_shape(a), sb = tl_var_shape(b), s = sa.axes > sb.axes ? sa : sb;
	for (int i = 0; i < s.axes - 2; i++)
		batches *= s.dim[i];
	read_all(a, left);
	read_all(b, right);
	for (int64_t i = 0; i < batches * m * n; i++) {
		int64_t batch = i / (m * n), row = i / n % m, column = i % n;
		const tl_real *x = left + (sa.axes > 2 ? batch * m * k : 0) + row * k;
		const tl_real *y = right + (sb.axes > 2 ? batch * k * n : 0) + column;
		want[i] = 0;
		for (int64_t p = 0; p < k; p++)
			want[i] += x[p] * y[p * n];
	}
}

static const struct {
	tl_shape a, b, out;
} products[] = {
	{{2, {3, 4}}, {2, {4, 5}}, {2, {3, 5}}},
	{{2, {1, 1}}, {2, {1, 1}}, {2, {1, 1}}},
	{{2, {1, 7}}, {2, {7, 1}}, {2, {1, 1}}},
	{{2, {7, 1}}, {2, {1, 7}}, {2, {7, 7}}},
	{{2, {1, 7}}, {2, {7, 3}}, {2, {1, 3}}},
	{{2, {65, 70}}, {2, {70, 66}}, {2, {65, 66}}},
	{{3, {2, 3, 4}}, {2, {4, 5}}, {3, {2, 3, 5}}},
	{{4, {2, 3, 1, 4}}, {2, {4, 5}}, {4, {2, 3, 1, 5}}},
	{{5, {2, 1, 3, 2, 4}}, {2, {4, 1}}, {5, {2, 1, 3, 2, 1}}},
	{{6, {1, 2, 1, 2, 3, 2}}, {2, {2, 3}}, {6, {1, 2, 1, 2, 3, 3}}},
	{{3, {2, 3, 4}}, {3, {2, 4, 5}}, {3, {2, 3, 5}}},
	{{3, {1, 3, 4}}, {3, {1, 4, 5}}, {3, {1, 3, 5}}},
	{{4, {2, 3, 4, 1}}, {4, {2, 3, 1, 2}}, {4, {2, 3, 4, 2}}},
	{{5, {2, 1, 2, 3, 4}}, {5, {2, 1, 2, 4, 2}}, {5, {2, 1, 2, 3, 2}}},
	{{6, {2, 2, 1, 2, 2, 3}}, {6, {2, 2, 1, 2, 3, 2}}, {6, {2, 2, 1, 2, 2, 2}}},
	{{2, {3, 4}}, {3, {2, 4, 5}}, {3, {2, 3, 5}}},
	{{2, {1, 4}}, {4, {2, 3, 4, 5}}, {4, {2, 3, 1, 5}}},
	{{2, {3, 2}}, {6, {2, 1, 2, 1, 2, 2}}, {6, {2, 1, 2, 1, 3, 2}}},
};

START_TEST(every_form)
{
	for (int la = 0; la < LAYOUTS; la++)
		for (int lb = 0; lb < LAYOUTS; lb++) {
			tl_tape_reset(tape);
			tl_var a = lay(products[_i].a, la), b = lay(products[_i].b, lb);
			naive(a, b);
			check(tl_matmul(a, b), products[_i].out);
		}
}
END_TEST

static const struct {
	tl_shape a, b, out;
} empty_products[] = {
	{{2, {0, 4}}, {2, {4, 5}}, {2, {0, 5}}},
	{{2, {3, 4}}, {2, {4, 0}}, {2, {3, 0}}},
	{{2, {3, 0}}, {2, {0, 5}}, {2, {3, 5}}},
	{{2, {0, 0}}, {2, {0, 0}}, {2, {0, 0}}},
	{{3, {0, 3, 4}}, {2, {4, 5}}, {3, {0, 3, 5}}},
	{{3, {2, 0, 4}}, {2, {4, 5}}, {3, {2, 0, 5}}},
	{{3, {2, 3, 4}}, {2, {4, 0}}, {3, {2, 3, 0}}},
	{{3, {2, 3, 0}}, {2, {0, 5}}, {3, {2, 3, 5}}},
	{{3, {2, 3, 0}}, {3, {2, 0, 5}}, {3, {2, 3, 5}}},
	{{3, {0, 3, 4}}, {3, {0, 4, 5}}, {3, {0, 3, 5}}},
	{{4, {2, 0, 3, 4}}, {4, {2, 0, 4, 5}}, {4, {2, 0, 3, 5}}},
	{{4, {2, 3, 0, 4}}, {4, {2, 3, 4, 5}}, {4, {2, 3, 0, 5}}},
	{{4, {2, 3, 2, 4}}, {4, {2, 3, 4, 0}}, {4, {2, 3, 2, 0}}},
	{{4, {2, 3, 2, 0}}, {4, {2, 3, 0, 5}}, {4, {2, 3, 2, 5}}},
	{{2, {3, 0}}, {4, {2, 2, 0, 5}}, {4, {2, 2, 3, 5}}},
	{{2, {0, 4}}, {4, {2, 2, 4, 5}}, {4, {2, 2, 0, 5}}},
};

/* An inner size of 0 is a sum of nothing: zeros. */
START_TEST(sizes_of_zero)
{
	memset(want, 0, sizeof want);
	for (int layout = DENSE; layout <= TRANSPOSED; layout++) {
		tl_var a = lay(empty_products[_i].a, layout), b = lay(empty_products[_i].b, layout), d[2];
		tl_var y = tl_matmul(a, b);
		check(y, empty_products[_i].out);
		ck_assert_int_eq(tl_grad_from(y, y, 2, (tl_var[]){a, b}, d), TL_OK);
		check(d[0], empty_products[_i].a);
		check(d[1], empty_products[_i].b);
		tl_tape_reset(tape);
	}
}
END_TEST

/* Requests to the system of a new plain tape that computes one product: a copy takes one for scratch. */
static uint64_t allocations(tl_shape a, int la, tl_shape b, int lb)
{
	tl_tape *kept = tape;
	tape = tl_tape_new(&(tl_tape_options){.threads = 1, .executor = &tl_executor_plain});
	ck_assert_ptr_nonnull(tl_value(tl_matmul(lay(a, la), lay(b, lb))));
	uint64_t n = tl_tape_get_stats(tape).allocations;
	tl_tape_free(tape);
	tape = kept;
	return n;
}

START_TEST(only_flipped_operands_are_copied)
{
	for (int axes = 2; axes <= 3; axes++) {
		tl_shape a = axes == 2 ? TL_SHAPE(6, 7) : TL_SHAPE(2, 6, 7);
		tl_shape b = axes == 2 ? TL_SHAPE(7, 5) : TL_SHAPE(2, 7, 5);
		uint64_t none = allocations(a, DENSE, b, DENSE);
		for (int la = 0; la < LAYOUTS; la++)
			for (int lb = 0; lb < LAYOUTS; lb++) {
				bool copy = la == FLIPPED || lb == FLIPPED;
				if (axes == 2) /* a repeated row is no matrix to oneDNN */
					copy = copy || la == REPEATED || lb == REPEATED;
				ck_assert_msg(allocations(a, la, b, lb) == none + copy,
					"%d axes, layouts %d, %d", axes, la, lb);
			}
	}
}
END_TEST

/* A weight's gradient is one node over all time steps, whatever their number of rows. */
START_TEST(time_steps_give_one_product)
{
	enum { K = 40, N = 41, MOST_STEPS = 70 };
	const struct {
		int steps, rows[5]; /* in turn */
	} cases[] = {{1, {5}}, {4, {3, 3, 3, 3}}, {MOST_STEPS, {19, 18, 17, 19, 16}}, {3, {400, 400, 400}},
		{12, {15, 300, 3, 0, 7}}, {1, {1300}}, {3, {0, 2, 0}}};
	for (int i = 0; i < LENGTH(cases); i++)
		for (int linear = 0; linear < 2; linear++) {
			tl_tape_reset(tape);
			int steps = cases[i].steps;
			tl_var w = whole_numbers(TL_SHAPE(K, N)), b = whole_numbers(TL_SHAPE(N));
			tl_var y[MOST_STEPS], dw;
			tl_real total[K * N] = {0};
			for (int t = 0; t < steps; t++) {
				int rows = cases[i].rows[t % 5];
				tl_var x = lay(TL_SHAPE(rows, K), t % STEPS); /* dense, transposed, flipped */
				y[t] = linear && t % 2 ? tl_linear(x, w, b) : tl_matmul(x, w);
				read_all(x, left);
				for (int j = 0; j < rows * K; j++)
					for (int n = 0; n < N; n++)
						total[j % K * N + n] +=
							left[j] * (tl_real)((j / K + n + t) % 5);
			}
			tl_var all = tl_concat(steps, y, 0);
			int64_t rows = tl_dim(all, 0), at = 0;
			for (int t = 0; t < steps; t++)
				for (int64_t j = 0; j < tl_dim(y[t], 0); j++, at++)
					for (int n = 0; n < N; n++)
						right[at * N + n] = (tl_real)((j + n + t) % 5);
			tl_var dy = tl_input(tape, TL_SHAPE(rows, N), right);
			ck_assert_int_eq(tl_grad_from(all, dy, 1, &w, &dw), TL_OK);
			ck_assert_ptr_eq(tl_var_op(dw), &tl_op_matmul);
			ck_assert_int_eq(tl_var_operands(dw), 2 * steps);
			memcpy(want, total, sizeof total);
			check(dw, TL_SHAPE(K, N));
		}
}
END_TEST

/* x (..., K) times w plus b. */
static void naive_linear(tl_var x, tl_var w, tl_var b)
{
	tl_real bias[MOST];
	int64_t k = tl_dim(w, 0), n = tl_dim(w, 1), rows = 1;
	for (int i = 0; i < tl_var_shape(x).axes - 1; i++)
		rows *= tl_dim(x, i);
	read_all(x, left);
	read_all(w, right);
	read_all(b, bias);
	for (int64_t i = 0; i < rows * n; i++) {
		want[i] = bias[i % n];
		for (int64_t p = 0; p < k; p++)
			want[i] += left[i / n * k + p] * right[p * n + i % n];
	}
}

START_TEST(linear)
{
	const tl_shape shapes[] = {{2, {5, 3}}, {2, {1, 3}}, {2, {0, 3}}, {2, {5, 0}}, {3, {2, 5, 3}},
		{3, {2, 0, 3}}, {3, {2, 5, 0}}, {4, {2, 1, 5, 3}}, {6, {1, 2, 1, 2, 2, 1}}};
	for (int i = 0; i < LENGTH(shapes); i++)
		for (int layout = 0; layout < LAYOUTS; layout++) {
			tl_shape out = shapes[i];
			int64_t k = out.dim[out.axes - 1];
			out.dim[out.axes - 1] = 4;
			tl_tape_reset(tape);
			tl_var x = lay(shapes[i], layout), w = lay(TL_SHAPE(k, 4), (layout + i) % REPEATED);
			tl_var b = tl_flip(whole_numbers(TL_SHAPE(4)), 0);
			naive_linear(x, w, b);
			check(tl_linear(x, w, b), out);
		}
}
END_TEST

static void check_failed(tl_var v, const char *sentence)
{
	ck_assert(!tl_ok(v));
	ck_assert_str_eq(tl_tape_error(tape)->text, sentence);
	ck_assert_int_eq(tl_tape_status(tape), TL_ERR_SHAPE);
	tl_tape_reset(tape);
}

#define M(...) whole_numbers(TL_SHAPE(__VA_ARGS__))

START_TEST(shapes_that_do_not_fit)
{
	check_failed(tl_matmul(tl_name(M(2, 3), "x"), tl_name(M(4, 5), "W")),
		"matmul: the inner sizes differ: 3 columns times 4 rows; operands x (2, 3), W (4, 5)");
	check_failed(tl_matmul(M(2, 2, 3), M(2, 4, 5)),
		"matmul: the inner sizes differ: 3 columns times 4 rows; operands (2, 2, 3), (2, 4, 5)");
	check_failed(tl_matmul(M(2, 2, 3), M(3, 3, 5)),
		"matmul: the batch sizes differ: 2 and 3; operands (2, 2, 3), (3, 3, 5)");
	check_failed(tl_matmul(M(3), M(3, 5)), "matmul: both operands must have two axes, or both three with "
					       "equal first ones; operands (3), (3, 5)");
	check_failed(tl_matmul(M(2, 3), M(3)), "matmul: both operands must have two axes, or both three with "
					       "equal first ones; operands (2, 3), (3)");
	check_failed(
		tl_apply(NULL, &tl_op_matmul, 4, (tl_var[]){M(2, 3), M(3, 5), M(2, 3), M(3, 4)}, NULL, 0),
		"matmul: the products differ in shape; operands (2, 3), (3, 5), (2, 3), (3, 4)");
	check_failed(tl_linear(tl_name(M(2, 3), "x"), M(4, 5), M(5)),
		"linear: sizes differ: x has 3 columns, w is 4 x 5, b has 5; operands x (2, 3), (4, 5), (5)");
	check_failed(tl_linear(M(2, 3), M(3, 5), M(4)),
		"linear: sizes differ: x has 3 columns, w is 3 x 5, b has 4; operands (2, 3), (3, 5), (4)");
	check_failed(tl_linear(M(2, 3), M(3, 5), M(1, 5)),
		"linear: needs x (..., K), w (K, N), b (N); operands (2, 3), (3, 5), (1, 5)");
	ck_assert(!tl_ok(tl_matmul(M(2, 2, 3, 4), M(2, 3, 4, 5))));
	tl_tape_reset(tape);
	ck_assert(!tl_ok(tl_matmul(M(2, 3, 4), M(1, 2, 4, 5))));
	tl_tape_reset(tape);
	ck_assert(!tl_ok(tl_matmul(M(2, 3, 3, 4), M(5, 5))));
	tl_tape_reset(tape);
	ck_assert(!tl_ok(tl_apply(NULL, &tl_op_matmul, 3, (tl_var[]){M(2, 2), M(2, 2), M(2, 2)}, NULL, 0)));
	ck_assert_int_eq(tl_tape_status(tape), TL_ERR_ARGUMENT);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("matmul");
	TCase *c = tcase_create("products");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, every_form, 0, LENGTH(products));
	tcase_add_loop_test(c, sizes_of_zero, 0, LENGTH(empty_products));
	tcase_add_test(c, only_flipped_operands_are_copied);
	tcase_add_test(c, time_steps_give_one_product);
	tcase_add_test(c, linear);
	tcase_add_test(c, shapes_that_do_not_fit);
	suite_add_tcase(s, c);
	return s;
}
