/* SPDX-License-Identifier: Apache-2.0 */
/* Dropout and normal numbers: what is drawn, and when it is the same. Layer normalisation: against loops in double. */
#include "tests/suite.h"

#include <math.h>
#include <string.h>

#include "core/random.h"
#include "graph/grad.h"
#include "ops/arith.h"
#include "ops/dropout.h"
#include "ops/norm.h"
#include "ops/random.h"
#include "ops/reduce.h"

#define MOST 200001

static tl_tape *tape;
static tl_real x[MOST], got[MOST], other[MOST];

static void setup(void)
{
	tape = tl_tape_new(&(tl_tape_options){.threads = 2, .seed = 77});
	ck_assert_ptr_nonnull(tape);
}

static void teardown(void)
{
	tl_tape_free(tape);
}

static void read_into(tl_var v, tl_real *to)
{
	ck_assert_msg(
		tl_read(v, to, tl_shape_size(tl_var_shape(v))) == TL_OK, "%s", tl_tape_error(tape)->text);
}

static const double rates[] = {0.1, 0.3, 0.5, 0.9};

/* The number of zeros, and of zeros behind zeros, within four standard deviations. */
START_TEST(rate)
{
	double p = rates[_i], zeros = 0, pairs = 0, n = MOST;
	tl_real kept = (tl_real)(1 / (1 - p));
	read_into(tl_dropout_mask(tape, TL_SHAPE(3, MOST / 3), p), got);
	for (int i = 0; i < MOST; i++) {
		if (got[i] != 0 && got[i] != kept)
			ck_abort_msg("element %d is %g", i, (double)got[i]);
		zeros += got[i] == 0;
		pairs += i > 0 && got[i] == 0 && got[i - 1] == 0;
	}
	ck_assert_double_lt(fabs(zeros - n * p), 4 * sqrt(n * p * (1 - p)));
	ck_assert_double_lt(fabs(pairs - n * p * p), 4 * sqrt(n * p * p * (1 + 2 * p - 3 * p * p)));
}
END_TEST

START_TEST(rates_at_the_ends)
{
	tl_var v = tl_input(tape, TL_SHAPE(5), (tl_real[]){1, 2, 3, 4, 5});
	ck_assert_uint_eq(tl_dropout(v, 0).index, v.index);
	read_into(tl_dropout_mask(tape, TL_SHAPE(5), 0), got);
	read_into(tl_dropout(v, 1), other);
	for (int i = 0; i < 5; i++) {
		ck_assert_double_eq(got[i], 1);
		ck_assert_double_eq(other[i], 0);
	}
	read_into(tl_dropout_mask(tape, TL_SCALAR, 0.5), got);
	read_into(tl_dropout_mask(tape, TL_SHAPE(3, 0), 0.5), got);
}
END_TEST

/* The third mask of a tape with that many threads, that seed and step. */
static void third_mask(int threads, uint64_t seed, uint64_t step, tl_real *to)
{
	tl_tape *t = tl_tape_new(&(tl_tape_options){.threads = threads, .seed = seed});
	tl_tape_set_step(t, step);
	for (int k = 0; k < 2; k++)
		tl_dropout_mask(t, TL_SHAPE(1 + k), 0.1);
	read_into(tl_dropout_mask(t, TL_SHAPE(MOST), 0.5), to);
	tl_tape_free(t);
}

START_TEST(same_seed_and_step_same_mask)
{
	third_mask(1, 1, 5, got);
	third_mask(4, 1, 5, other);
	ck_assert_mem_eq(got, other, sizeof got);
	third_mask(1, 1, 6, other);
	ck_assert_mem_ne(got, other, sizeof got);
	third_mask(1, 2, 5, other);
	ck_assert_mem_ne(got, other, sizeof got);
}
END_TEST

START_TEST(recorded_again)
{
	for (int step = 0; step < 3; step++) {
		tl_tape_reset(tape);
		tl_tape_set_step(tape, step < 2 ? 3 : 4);
		tl_var first = tl_dropout_mask(tape, TL_SHAPE(64), 0.5),
		       second = tl_dropout_mask(tape, TL_SHAPE(64), 0.5);
		read_into(second, step ? other : got);
		read_into(first, x);
		ck_assert_mem_ne(x, step ? other : got, 64 * sizeof *x);
		if (step == 1)
			ck_assert_mem_eq(got, other, 64 * sizeof *got);
		if (step == 2)
			ck_assert_mem_ne(got, other, 64 * sizeof *got);
	}
}
END_TEST

START_TEST(gradient_is_the_mask)
{
	for (int i = 0; i < 100; i++)
		x[i] = (tl_real)(i + 1);
	tl_var v = tl_input(tape, TL_SHAPE(100), x), y = tl_dropout(v, 0.25), d;
	read_into(y, got);
	ck_assert_int_eq(tl_grad(tl_sum_all(y), 1, &v, &d), TL_OK);
	read_into(d, other);
	for (int i = 0; i < 100; i++)
		ck_assert_double_eq_tol(got[i], x[i] * other[i], 1e-4);
	tl_var mask = tl_dropout_mask(tape, TL_SHAPE(100), 0.25);
	read_into(tl_mul(v, mask), got);
	read_into(tl_mul(v, mask), other);
	ck_assert_mem_eq(got, other, 100 * sizeof *got);
}
END_TEST

/* The second ones of a tape with that many threads. */
static void normal_numbers(int threads, uint64_t step, tl_real *to)
{
	tl_tape *t = tl_tape_new(&(tl_tape_options){.threads = threads, .seed = 3});
	tl_tape_set_step(t, step);
	tl_random_normal(t, TL_SHAPE(2), 0, 1);
	read_into(tl_random_normal(t, TL_SHAPE(3, MOST / 3), 2, 0.5), to);
	tl_tape_free(t);
}

START_TEST(normal)
{
	double n = MOST, sum = 0, squares = 0, within = 0;
	normal_numbers(1, 5, got);
	normal_numbers(4, 5, other);
	ck_assert_mem_eq(got, other, sizeof got);
	normal_numbers(1, 6, other);
	ck_assert_mem_ne(got, other, sizeof got);
	for (int i = 0; i < MOST; i++) {
		double z = ((double)got[i] - 2) / 0.5;
		sum += z;
		squares += z * z;
		within += fabs(z) < 1;
	}
	ck_assert_double_lt(fabs(sum), 4 * sqrt(n));
	ck_assert_double_lt(fabs(squares - n), 4 * sqrt(2 * n));
	ck_assert_double_lt(fabs(within - 0.6827 * n), 4 * sqrt(0.6827 * 0.3173 * n));
	read_into(tl_random_normal(tape, TL_SHAPE(4), -1.5, 0), got);
	for (int i = 0; i < 4; i++)
		ck_assert_double_eq(got[i], -1.5);
	ck_assert(!tl_ok(tl_random_normal(tape, TL_SHAPE(4), 0, -1)));
	ck_assert_int_eq(tl_tape_status(tape), TL_ERR_ARGUMENT);
	ck_assert_ptr_nonnull(strstr(tl_tape_error(tape)->text, "mean 0 and standard deviation -1"));
	tl_tape_reset(tape);
	ck_assert(!tl_ok(tl_random_normal(tape, TL_SHAPE(4), (double)INFINITY, 1)));
}
END_TEST

static const tl_shape shapes[] = {
	{1, {1}}, {1, {1500}}, {2, {4, 7}}, {2, {700, 33}}, {3, {2, 3, 16}}, {6, {2, 1, 3, 1, 2, 5}}};
static double want[MOST], want_d[MOST];

/* dy_i / dx_j = r ((i = j) - 1/n - y_i y_j / n), all terms one by one; the adjoint of y_i is w_i gain_i. */
static void naive_row(int64_t n, const tl_real *row, const tl_real *w, const tl_real *gain, double eps,
	double *y, double *d)
{
	double mean = 0, var = 0;
	for (int64_t i = 0; i < n; i++)
		mean += row[i] / (double)n;
	for (int64_t i = 0; i < n; i++)
		var += pow(row[i] - mean, 2) / (double)n;
	for (int64_t i = 0; i < n; i++)
		y[i] = (row[i] - mean) / sqrt(var + eps);
	for (int64_t j = 0; j < n; j++) {
		d[j] = 0;
		for (int64_t i = 0; i < n; i++)
			d[j] += (double)w[i] * gain[i] *
				((i == j) - 1. / (double)n - y[i] * y[j] / (double)n);
		d[j] /= sqrt(var + eps);
	}
}

static void compare(const char *what, int64_t n, const tl_real *a, const double *b)
{
	double tolerance = sizeof(tl_real) == sizeof(float) ? 2e-5 : 1e-12;
	for (int64_t i = 0; i < n; i++)
		if (!(fabs(a[i] - b[i]) <= tolerance * fmax(1, fabs(b[i]))))
			ck_abort_msg("%s: element %d is %.9g, not %.9g", what, (int)i, (double)a[i], b[i]);
}

START_TEST(layer_norm)
{
	static tl_real w[MOST], gain[1500], bias[1500], memory[2 * MOST];
	tl_shape shape = shapes[_i / 2];
	int64_t size = tl_shape_size(shape), n = shape.dim[shape.axes - 1], step = 2;
	double eps = _i % 2 ? 1e-5 : 0.5;
	tl_rng r = {.seed = 4};
	for (int64_t i = 0; i < size; i++) {
		x[i] = (tl_real)(5 + 2 * tl_rng_normal(&r));
		w[i] = (tl_real)tl_rng_normal(&r);
	}
	for (int64_t i = 0; i < n; i++) {
		gain[i] = (tl_real)tl_rng_normal(&r);
		bias[i] = (tl_real)tl_rng_normal(&r);
	}
	for (int64_t at = 0; at < size; at += n)
		naive_row(n, x + at, w + at, gain, eps, want + at, want_d + at);
	tl_tensor dense = tl_tensor_dense(TL_REAL, shape, x), columns = dense;
	columns.data = memory;
	for (int i = 0; i < shape.axes; step *= shape.dim[i++])
		columns.stride[i] = step;
	tl_tensor_copy(&columns, &dense);
	tl_var v = tl_borrow(tape, &columns), d[3];
	tl_var in[] = {v, tl_input(tape, TL_SHAPE(n), gain), tl_input(tape, TL_SHAPE(n), bias)};
	read_into(tl_layer_norm(v, (tl_var){0}, (tl_var){0}, eps), got);
	compare("normalized", size, got, want);
	tl_var y = tl_layer_norm(v, in[1], in[2], eps);
	ck_assert_int_eq(tl_grad(tl_sum_all(tl_mul(y, tl_input(tape, shape, w))), 3, in, d), TL_OK);
	read_into(d[0], got);
	compare("gradient by x", size, got, want_d);
	double d_gain[1500] = {0}, d_bias[1500] = {0};
	for (int64_t i = 0; i < size; i++) {
		d_gain[i % n] += w[i] * want[i];
		d_bias[i % n] += w[i];
		want[i] = want[i] * gain[i % n] + bias[i % n];
	}
	read_into(y, got);
	compare("value", size, got, want);
	read_into(d[1], got);
	compare("gradient by gain", n, got, d_gain);
	read_into(d[2], got);
	compare("gradient by bias", n, got, d_bias);
}
END_TEST

START_TEST(layer_norm_by_hand)
{
	tl_var v = tl_input(tape, TL_SHAPE(2, 4), (tl_real[]){1, 3, 1, 3, 7, 7, 7, 7});
	read_into(tl_normalize(v, 0.25), got);
	for (int i = 0; i < 8; i++)
		ck_assert_double_eq_tol(got[i], i < 4 ? (i % 2 ? 1 : -1) / sqrt(1.25) : 0, 1e-6);
	read_into(tl_normalize(tl_input(tape, TL_SHAPE(0, 4), x), 0), got);
	read_into(tl_normalize(tl_input(tape, TL_SHAPE(4, 0), x), 0), got);
}
END_TEST

static const struct {
	tl_status status;
	const char *text;
} mistakes[] = {
	{TL_ERR_ARGUMENT, "dropout_mask: the probability -0.1 is outside 0..1"},
	{TL_ERR_ARGUMENT, "dropout_mask: the probability 1.5 is outside 0..1"},
	{TL_ERR_ARGUMENT, "dropout_mask: the probability nan is outside 0..1"},
	{TL_ERR_SHAPE, "layer_norm: the gain has shape (3), but the last axis asks for (4)"},
	{TL_ERR_SHAPE, "layer_norm: the bias has shape (2, 4), but the last axis asks for (4)"},
	{TL_ERR_ARGUMENT, "normalize: eps is -1; it must not be negative"},
	{TL_ERR_SHAPE, "normalize: the operand has no axis to normalize over"},
};

static tl_var mistake(int k)
{
	tl_var none = {0}, v = tl_input(tape, TL_SHAPE(2, 4), x), three = tl_input(tape, TL_SHAPE(3), x);
	switch (k) {
	case 0:
		return tl_dropout(v, -0.1);
	case 1:
		return tl_dropout_mask(tape, TL_SHAPE(2), 1.5);
	case 2:
		return tl_dropout(v, NAN);
	case 3:
		return tl_layer_norm(v, three, none, 1e-5);
	case 4:
		return tl_layer_norm(v, none, v, 1e-5);
	case 5:
		return tl_layer_norm(v, none, none, -1);
	default:
		return tl_layer_norm(tl_input(tape, TL_SCALAR, x), none, none, 0);
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
	Suite *s = suite_create("dropout and normalisation");
	TCase *c = tcase_create("dropout");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, rate, 0, 4);
	tcase_add_test(c, rates_at_the_ends);
	tcase_add_test(c, same_seed_and_step_same_mask);
	tcase_add_test(c, recorded_again);
	tcase_add_test(c, gradient_is_the_mask);
	tcase_add_test(c, normal);
	suite_add_tcase(s, c);
	c = tcase_create("normalisation");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, layer_norm, 0, 2 * (int)(sizeof shapes / sizeof *shapes));
	tcase_add_test(c, layer_norm_by_hand);
	tcase_add_loop_test(c, sentences, 0, (int)(sizeof mistakes / sizeof *mistakes));
	suite_add_tcase(s, c);
	return s;
}
