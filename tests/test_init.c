/* SPDX-License-Identifier: Apache-2.0 */
/* Initialisers: bounds, moments, orthogonality, and which dimension is which fan. */
#include "tests/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "optim/init.h"

enum { IN = 200, OUT = 300, N = IN * OUT };

static tl_real *data;
static tl_param w; /* (IN, OUT) */
static tl_rng rng;
static tl_error err;

static void setup(void)
{
	data = calloc(N, sizeof *data);
	w = (tl_param){.name = "w", .value = tl_tensor_dense(TL_REAL, TL_SHAPE(IN, OUT), data)};
	rng = (tl_rng){.seed = 11};
	err = (tl_error){0};
}

static void teardown(void)
{
	free(data);
}

static tl_param matrix(int64_t rows, int64_t columns)
{
	return (tl_param){.name = "m", .value = tl_tensor_dense(TL_REAL, TL_SHAPE(rows, columns), data)};
}

/*
 * The moments of all N elements, within four deviations of the estimates at least (the standard
 * deviation of a mean is std / sqrt(N), that of a std at most std / sqrt(2 N)).
 */
static void assert_moments(double mean, double std)
{
	double sum = 0, squares = 0;
	for (int i = 0; i < N; i++)
		sum += (double)data[i];
	for (int i = 0; i < N; i++)
		squares += ((double)data[i] - sum / N) * ((double)data[i] - sum / N);
	ck_assert_double_lt(fabs(sum / N - mean), 4 * std / sqrt(N));
	ck_assert_double_lt(fabs(sqrt(squares / N) / std - 1), 4 / sqrt(2.0 * N));
}

/* The same for a uniform distribution, which must also come near to its bounds. */
static void assert_uniform(double low, double high)
{
	double least = high, most = low, width = high - low;
	for (int i = 0; i < N; i++) {
		least = fmin(least, (double)data[i]);
		most = fmax(most, (double)data[i]);
	}
	ck_assert_double_ge(least, low - 1e-6 * width);
	ck_assert_double_le(most, high + 1e-6 * width);
	ck_assert_double_lt(least, low + 0.001 * width);
	ck_assert_double_gt(most, high - 0.001 * width);
	assert_moments((low + high) / 2, width / sqrt(12));
}

START_TEST(uniform)
{
	tl_init_uniform(&w, &rng, -1, 3);
	assert_uniform(-1, 3);
}
END_TEST

START_TEST(normal)
{
	tl_init_normal(&w, &rng, 2, 0.5);
	assert_moments(2, 0.5);
	int within = 0;
	for (int i = 0; i < N; i++)
		within += fabs((double)data[i] - 2) < 0.5;
	ck_assert_double_lt(fabs((double)within / N - 0.6827), 0.01);
}
END_TEST

START_TEST(xavier)
{
	double std = 1.5 * sqrt(2.0 / (IN + OUT));
	ck_assert_int_eq(tl_init_xavier_uniform(&w, &rng, 1.5, &err), TL_OK);
	assert_uniform(-std * sqrt(3), std * sqrt(3));
	ck_assert_int_eq(tl_init_xavier_normal(&w, &rng, 1.5, &err), TL_OK);
	assert_moments(0, std);
}
END_TEST

START_TEST(kaiming)
{
	double std = sqrt(2.0 / (1 + 0.25) / IN);
	ck_assert_int_eq(tl_init_kaiming_uniform(&w, &rng, 0.5, &err), TL_OK);
	assert_uniform(-std * sqrt(3), std * sqrt(3));
	ck_assert_int_eq(tl_init_kaiming_normal(&w, &rng, 0.5, &err), TL_OK);
	assert_moments(0, std);
}
END_TEST

START_TEST(identity)
{
	static const int64_t shapes[][2] = {{4, 4}, {3, 5}, {5, 3}, {0, 2}};
	int64_t rows = shapes[_i][0], columns = shapes[_i][1];
	tl_param m = matrix(rows, columns);
	tl_init_constant(&m, 9);
	ck_assert_int_eq(tl_init_identity(&m, 0.5, &err), TL_OK);
	for (int64_t i = 0; i < rows; i++)
		for (int64_t j = 0; j < columns; j++)
			ck_assert(data[i * columns + j] == (i == j ? (tl_real)0.5 : 0));
}
END_TEST

/* |Q Q^T - gain^2 I| (wide) or |Q^T Q - gain^2 I| (tall) is at most 1e-5. */
START_TEST(orthogonal)
{
	static const struct {
		int64_t rows, columns;
		double gain;
	} rows[] = {{1, 1, 1}, {2, 2, 1}, {40, 40, 1}, {64, 100, 1}, {100, 64, 1}, {33, 7, 1.4}, {0, 3, 1}};
	int64_t r = rows[_i].rows, c = rows[_i].columns, count = r < c ? r : c, n = r < c ? c : r;
	int64_t vector = r > c ? 1 : c, element = r > c ? c : 1;
	tl_param m = matrix(r, c);
	ck_assert_int_eq(tl_init_orthogonal(&m, &rng, rows[_i].gain, &err), TL_OK);
	for (int64_t i = 0; i < count; i++)
		for (int64_t j = 0; j <= i; j++) {
			double dot = 0;
			for (int64_t k = 0; k < n; k++)
				dot += (double)data[i * vector + k * element] *
				       (double)data[j * vector + k * element];
			ck_assert_double_le(fabs(dot - (i == j ? rows[_i].gain * rows[_i].gain : 0)), 1e-5);
		}
}
END_TEST

/* A uniformly distributed rotation has entries of variance 1 / n and trace of mean 0, variance 1. */
START_TEST(orthogonal_matrices_are_spread_evenly)
{
	enum { SIDE = 4, DRAWS = 4000 };
	double first = 0, squares = 0, trace = 0, traces = 0;
	tl_param m = matrix(SIDE, SIDE);
	for (int d = 0; d < DRAWS; d++) {
		ck_assert_int_eq(tl_init_orthogonal(&m, &rng, 1, &err), TL_OK);
		double t = 0;
		for (int i = 0; i < SIDE; i++)
			t += (double)data[i * SIDE + i];
		first += (double)data[0];
		squares += (double)data[0] * (double)data[0];
		trace += t;
		traces += t * t;
	}
	ck_assert_double_lt(fabs(first / DRAWS), 4 * 0.5 / sqrt(DRAWS));
	ck_assert_double_lt(fabs(squares / DRAWS - 1.0 / SIDE), 0.02);
	ck_assert_double_lt(fabs(trace / DRAWS), 4 / sqrt(DRAWS));
	ck_assert_double_lt(fabs(traces / DRAWS - 1), 0.12);
}
END_TEST

START_TEST(draws_depend_on_the_rng_alone)
{
	tl_init_uniform(&w, &rng, 0, 1);
	ck_assert_uint_eq(rng.index, N);
	tl_rng same = {.seed = 11}, other = {.seed = 12};
	tl_real first = data[0], last = data[N - 1];
	tl_init_uniform(&w, &same, 0, 1);
	ck_assert(data[0] == first && data[N - 1] == last);
	tl_init_uniform(&w, &other, 0, 1);
	ck_assert(data[0] != first && data[N - 1] != last);
}
END_TEST

/* A gate's columns of a matrix (3, 8) are filled like a matrix of their own, and nothing else is. */
START_TEST(parts_of_a_stacked_matrix)
{
	tl_param whole = matrix(3, 8), gate = matrix(3, 2), own;
	tl_real alone[6];
	own = (tl_param){.name = "own", .value = tl_tensor_dense(TL_REAL, TL_SHAPE(3, 2), alone)};
	gate.value.stride[0] = 8;
	gate.value.data = data + 4;
	tl_rng same = rng;
	tl_init_constant(&whole, 9);
	tl_status (*const init[])(tl_param *, tl_rng *, double, tl_error *) = {
		tl_init_orthogonal, tl_init_xavier_normal, tl_init_kaiming_uniform};
	for (int k = 0; k < 3; k++) {
		ck_assert_int_eq(init[k](&gate, &rng, 1, &err), TL_OK);
		ck_assert_int_eq(init[k](&own, &same, 1, &err), TL_OK);
		for (int i = 0; i < 3; i++)
			for (int j = 0; j < 8; j++)
				ck_assert(data[8 * i + j] == (j == 4 || j == 5 ? alone[2 * i + j - 4] : 9));
	}
}
END_TEST

START_TEST(strides_of_elements)
{
	tl_param whole = matrix(3, 8), column = whole;
	column.value = (tl_tensor){.shape = TL_SHAPE(3), .stride = {8}, .data = data + 1};
	tl_init_constant(&whole, 9);
	tl_init_uniform(&column, &rng, 0, 1);
	for (int i = 0; i < 24; i++)
		ck_assert((data[i] == 9) == (i % 8 != 1));
}
END_TEST

START_TEST(only_matrices_have_fans)
{
	tl_param v = {.name = "bias", .value = tl_tensor_dense(TL_REAL, TL_SHAPE(3), data)};
	tl_status (*const init[])(tl_param *, tl_rng *, double, tl_error *) = {tl_init_orthogonal,
		tl_init_xavier_normal, tl_init_xavier_uniform, tl_init_kaiming_normal,
		tl_init_kaiming_uniform};
	for (int k = 0; k < 5; k++) {
		err = (tl_error){0};
		ck_assert_int_eq(init[k](&v, &rng, 1, &err), TL_ERR_SHAPE);
		ck_assert_ptr_nonnull(strstr(err.text, "'bias' has shape (3)"));
	}
	ck_assert_int_eq(tl_init_identity(&v, 1, NULL), TL_ERR_SHAPE);
	ck_assert(data[0] == 0 && rng.index == 0);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("init");
	TCase *c = tcase_create("init");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, uniform);
	tcase_add_test(c, normal);
	tcase_add_test(c, xavier);
	tcase_add_test(c, kaiming);
	tcase_add_loop_test(c, identity, 0, 4);
	tcase_add_loop_test(c, orthogonal, 0, 7);
	tcase_add_test(c, orthogonal_matrices_are_spread_evenly);
	tcase_add_test(c, draws_depend_on_the_rng_alone);
	tcase_add_test(c, parts_of_a_stacked_matrix);
	tcase_add_test(c, strides_of_elements);
	tcase_add_test(c, only_matrices_have_fans);
	suite_add_tcase(s, c);
	return s;
}
