/* SPDX-License-Identifier: Apache-2.0 */
/* Means and deviations of series against sums in two passes; there and back; as JSON. */
#define _POSIX_C_SOURCE 200809L
#include "tests/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "tests/scratch.h"
#include "tools/series_scale.h"

enum { N = 40, T = 7, D = 3, K = 2 };

static tl_error err;
static series data;
static series_scale scale;
static tl_real x[N][T][D], y[N][K];
static int32_t lengths[N];

/* Number 1 is small and far from 0, number 2 never changes; what is past an end is not finite. */
static void setup(void)
{
	char path_x[SCRATCH_PATH], path_y[SCRATCH_PATH], path_l[SCRATCH_PATH];
	tl_rng rng = {.seed = 3};
	scratch_files(1);
	err = (tl_error){0};
	snprintf(path_x, sizeof path_x, "%s/x.npy", scratch_folder);
	snprintf(path_y, sizeof path_y, "%s/y.npy", scratch_folder);
	snprintf(path_l, sizeof path_l, "%s/l.npy", scratch_folder);
	for (int i = 0; i < N; i++) {
		lengths[i] = (int32_t)tl_rng_below(&rng, T + 1);
		y[i][0] = (tl_real)(50 * tl_rng_normal(&rng));
		y[i][1] = (tl_real)i;
		for (int t = 0; t < T; t++) {
			x[i][t][0] = t < lengths[i] ? (tl_real)tl_rng_normal(&rng) : (tl_real)NAN;
			x[i][t][1] = (tl_real)(4096 + 0.01 * tl_rng_normal(&rng));
			x[i][t][2] = -7;
		}
	}
	tl_tensor of_x = tl_tensor_dense(TL_REAL, TL_SHAPE(N, T, D), x), of_y = tl_tensor_dense(TL_REAL, TL_SHAPE(N, K), y),
		  of_l = tl_tensor_dense(TL_I32, TL_SHAPE(N), lengths);
	ck_assert(!tl_npy_write(path_x, &of_x, &err) && !tl_npy_write(path_y, &of_y, &err) &&
		!tl_npy_write(path_l, &of_l, &err));
	ck_assert_msg(!series_open(&data, path_x, path_y, path_l, &err), "%s", err.text);
}

static void teardown(void)
{
	series_scale_release(&scale);
	series_release(&data);
}

/* The mean and deviation of n numbers. */
static void check(const double *v, int n, int k)
{
	double mean = 0, square = 0;
	for (int i = 0; i < n; i++)
		mean += v[i] / n;
	for (int i = 0; i < n; i++)
		square += (v[i] - mean) * (v[i] - mean) / n;
	ck_assert_double_eq_tol((double)scale.mean[k], mean, 1e-6 * (1 + fabs(mean)));
	double deviation = square > 1e-20 ? sqrt(square) : 1; /* a rounding is no change */
	ck_assert_double_eq_tol(series_scale_unit(&scale, k), deviation, 1e-5 * deviation);
}

START_TEST(of_real_steps)
{
	ck_assert(!series_scale_of(&scale, &data, false, &err));
	ck_assert_int_eq(scale.n, D);
	for (int k = 0; k < D; k++) {
		double v[N * T];
		int n = 0;
		for (int i = 0; i < N; i++)
			for (int t = 0; t < lengths[i]; t++)
				v[n++] = (double)x[i][t][k];
		check(v, n, k);
	}
	ck_assert(scale.deviation[2] == 1);
}
END_TEST

START_TEST(of_values)
{
	double v[N];
	ck_assert(!series_scale_of(&scale, &data, true, &err));
	ck_assert_int_eq(scale.n, K);
	for (int k = 0; k < K; k++) {
		for (int i = 0; i < N; i++)
			v[i] = (double)y[i][k];
		check(v, N, k);
	}
}
END_TEST

START_TEST(there_and_back)
{
	tl_real v[N][K], sum[K] = {0};
	ck_assert(!series_scale_of(&scale, &data, true, &err));
	memcpy(v, y, sizeof v);
	series_scale_apply(&scale, v[0], N);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < K; k++)
			sum[k] += v[i][k];
	ck_assert(fabs((double)sum[0]) < 1e-4 && fabs((double)sum[1]) < 1e-4);
	series_scale_undo(&scale, v[0], N);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < K; k++)
			ck_assert_double_eq_tol((double)v[i][k], (double)y[i][k], 1e-4);
	series_scale none = {0};
	series_scale_apply(&none, v[0], N);
	ck_assert(series_scale_unit(&none, 1) == 1);
}
END_TEST

/* Not a bit is lost with the precision that model files have. */
START_TEST(as_json)
{
	ck_assert(!series_scale_of(&scale, &data, false, &err));
	json_t *object = series_scale_to_json(&scale);
	char *text = json_dumps(object, JSON_REAL_PRECISION(12));
	json_decref(object);
	object = json_loads(text, 0, NULL);
	free(text);
	series_scale back;
	ck_assert(!series_scale_from_json(&back, object, D, &err));
	for (int k = 0; k < D; k++)
		ck_assert(back.mean[k] == scale.mean[k] && back.deviation[k] == scale.deviation[k]);
	series_scale_release(&back);
	ck_assert(series_scale_from_json(&back, object, D + 1, &err));
	ck_assert_str_eq(err.text, "the configuration's scale is not 4 means and positive deviations");
	series_scale_release(&back);
	json_array_set_new(json_object_get(object, "deviation"), 1, json_real(0));
	ck_assert(series_scale_from_json(&back, object, D, &err));
	series_scale_release(&back);
	ck_assert(series_scale_from_json(&back, NULL, D, &err));
	series_scale_release(&back);
	json_decref(object);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("series_scale");
	TCase *c = tcase_create("series_scale");
	tcase_add_unchecked_fixture(c, scratch_create, scratch_remove);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, of_real_steps);
	tcase_add_test(c, of_values);
	tcase_add_test(c, there_and_back);
	tcase_add_test(c, as_json);
	suite_add_tcase(s, c);
	return s;
}
