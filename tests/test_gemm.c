/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products, oneDNN's and the plain one, against a sum in double over indices. Any order of k + 1 additions
 * in floating point stays within (k + 2) eps of the sum of the terms' magnitudes (Higham, "Accuracy and
 * stability of numerical algorithms", 2002); that is the tolerance. What a product may not read is NaN.
 */
#include "tests/suite.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/gemm.h"
#include "core/random.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))
#define EPSILON (sizeof(tl_real) == sizeof(float) ? FLT_EPSILON : DBL_EPSILON)
#define MOST 200000 /* elements of a matrix, padding included */

static tl_real a[MOST], b[MOST], before[MOST], c[MOST], plain[MOST];
static double want[MOST], magnitude[MOST];

/* A stored matrix of random numbers; its padding is NaN. */
static void draw(tl_rng *r, tl_real *to, int64_t rows, int64_t columns, int64_t ld)
{
	ck_assert_int_le(rows * ld, MOST);
	for (int64_t i = 0; i < rows * ld; i++)
		to[i] = i % ld < columns ? (tl_real)(2 * tl_rng_uniform(r) - 1) : (tl_real)NAN;
}

static void naive(const tl_gemm *g)
{
	for (int64_t i = 0; i < g->m; i++)
		for (int64_t j = 0; j < g->n; j++) {
			int64_t at = i * g->ldc + j;
			want[at] = g->beta == 0 ? 0 : (double)g->beta * before[at];
			magnitude[at] = fabs(want[at]);
			for (int64_t p = 0; p < g->k; p++) {
				double term = (double)a[g->ta ? p * g->lda + i : i * g->lda + p] *
					      b[g->tb ? j * g->ldb + p : p * g->ldb + j];
				want[at] += term;
				magnitude[at] += fabs(term);
			}
		}
}

static void check(const tl_gemm *g, const char *who)
{
	double worst = EPSILON * (double)(g->k + 2);
	for (int64_t i = 0; i < g->m; i++)
		for (int64_t j = 0; j < g->ldc; j++) {
			int64_t at = i * g->ldc + j;
			if (j >= g->n ? isnan(g->c[at]) : fabs(g->c[at] - want[at]) <= worst * magnitude[at])
				continue;
			ck_abort_msg("%s, %d x %d x %d%s%s, beta %g, ld %d %d %d: (%d, %d) is %.9g, not %.9g",
				who, (int)g->m, (int)g->n, (int)g->k, g->ta ? ", A'" : "",
				g->tb ? ", B'" : "", (double)g->beta, (int)g->lda, (int)g->ldb, (int)g->ldc,
				(int)i, (int)j, (double)g->c[at], want[at]);
		}
}

/* A product of the arrays; neither transposed nor padded. */
static tl_gemm product(int64_t m, int64_t n, int64_t k)
{
	return (tl_gemm){.m = m, .n = n, .k = k, .a = a, .lda = k, .b = b, .ldb = n, .c = c, .ldc = n};
}

/* Both products with that pool; with `padding` more elements between rows than needed. */
static void check_product(tl_rng *r, tl_gemm g, int64_t padding, tl_pool *pool)
{
	g.pool = pool;
	g.lda = (g.ta ? g.m : g.k) + padding;
	g.ldb = (g.tb ? g.k : g.n) + 2 * padding;
	g.ldc = g.n + 3 * padding;
	draw(r, a, g.ta ? g.k : g.m, g.ta ? g.m : g.k, g.lda ? g.lda : 1);
	draw(r, b, g.tb ? g.n : g.k, g.tb ? g.k : g.n, g.ldb ? g.ldb : 1);
	draw(r, before, g.m, g.beta == 0 ? 0 : g.n, g.ldc ? g.ldc : 1);
	naive(&g);
	tl_error err = {0};
	memcpy(c, before, (size_t)(g.m * g.ldc) * sizeof *c);
	ck_assert_msg(tl__gemm(&g, &err) == TL_OK, "%s", err.text);
	check(&g, "tl__gemm");
	memcpy(plain, before, (size_t)(g.m * g.ldc) * sizeof *c);
	g.c = plain;
	tl__gemm_plain(&g);
	check(&g, "tl__gemm_plain");
}

static const int64_t sizes[] = {0, 1, 2, 7, 17, 64, 67};

START_TEST(all_small_sizes)
{
	const double betas[] = {0, 1, 0.5};
	tl_rng r = {.seed = (uint64_t)_i};
	for (int n = 0; n < LENGTH(sizes); n++)
		for (int k = 0; k < LENGTH(sizes); k++)
			for (int form = 0; form < 4 * LENGTH(betas); form++) {
				tl_gemm g = product(sizes[_i], sizes[n], sizes[k]);
				g.ta = form & 1;
				g.tb = form & 2;
				g.beta = (tl_real)betas[form / 4];
				check_product(&r, g, 0, NULL);
				check_product(&r, g, 3, NULL);
			}
}
END_TEST

/* Large enough to be cut between two or three threads, by rows or by columns; the last part is smaller. */
static const int64_t large[][3] = {
	{320, 67, 170}, {67, 320, 170}, {257, 131, 100}, {131, 257, 100}, {17, 1000, 150}, {1000, 17, 150}};

START_TEST(large_sizes_on_threads)
{
	tl_rng r = {.seed = 77};
	tl_pool *pool = tl_pool_new(3);
	for (int form = 0; form < 4; form++) {
		tl_gemm g = product(large[_i][0], large[_i][1], large[_i][2]);
		g.ta = form & 1;
		g.tb = form & 2;
		g.beta = (tl_real)(form == 3 ? 0 : 0.5);
		check_product(&r, g, 5 * (form & 1), pool);
	}
	tl_pool_free(pool);
}
END_TEST

START_TEST(products_repeat)
{
	tl_rng r = {.seed = 78};
	tl_pool *pool = tl_pool_new(3);
	tl_gemm g = product(257, 131, 100);
	g.pool = pool;
	draw(&r, a, g.m, g.k, g.lda);
	draw(&r, b, g.k, g.n, g.ldb);
	for (int round = 0; round < 5; round++) {
		g.c = round ? c : plain;
		ck_assert_int_eq(tl__gemm(&g, NULL), TL_OK);
		if (round)
			ck_assert_mem_eq(c, plain, (size_t)(g.m * g.n) * sizeof *c);
	}
	tl_pool_free(pool);
}
END_TEST

/* A NaN in an operand reaches the row that it belongs to, all of it, and nothing else. */
START_TEST(not_a_number_stays_in_its_row)
{
	tl_rng r = {.seed = 8};
	tl_gemm g = product(33, 35, 37);
	draw(&r, a, g.m, g.k, g.lda);
	draw(&r, b, g.k, g.n, g.ldb);
	a[5 * 37 + 36] = (tl_real)NAN;
	ck_assert_int_eq(tl__gemm(&g, NULL), TL_OK);
	g.c = plain;
	tl__gemm_plain(&g);
	for (int i = 0; i < 33 * 35; i++)
		ck_assert(isnan(c[i]) == (i / 35 == 5) && isnan(plain[i]) == (i / 35 == 5));
}
END_TEST

START_TEST(the_backend_has_a_name)
{
	char name[32];
	ck_assert_ptr_eq(tl_gemm_backend(name), name);
	if (sizeof(tl_real) == sizeof(float))
		ck_assert_msg(strncmp(name, "oneDNN ", 7) == 0, "%s", name);
	else
		ck_assert_str_eq(name, "plain C");
}
END_TEST

#ifndef TL_DOUBLE
extern int omp_get_max_threads(void);
extern void omp_set_num_threads(int threads);

/* oneDNN is given one thread, and a program's own OpenMP regions as many as before. */
START_TEST(refusals_are_reported_and_openmp_left_alone)
{
	tl_error err = {0};
	tl_gemm g = product(2, 3, 4);
	omp_set_num_threads(7);
	ck_assert_int_eq(tl__gemm(&g, NULL), TL_OK);
	ck_assert_int_eq(omp_get_max_threads(), 7);
	g.lda = 1;
	ck_assert_int_eq(tl__gemm(&g, &err), TL_ERR_BACKEND);
	ck_assert_int_eq(strncmp(err.text, "oneDNN refused a product of 2 x 3 x 4 (status ", 46), 0);
	ck_assert_int_eq(omp_get_max_threads(), 7);
}
END_TEST
#endif

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("gemm");
	TCase *t = tcase_create("products");
	tcase_add_loop_test(t, all_small_sizes, 0, LENGTH(sizes));
	tcase_add_loop_test(t, large_sizes_on_threads, 0, LENGTH(large));
	tcase_add_test(t, products_repeat);
	tcase_add_test(t, not_a_number_stays_in_its_row);
	tcase_add_test(t, the_backend_has_a_name);
#ifndef TL_DOUBLE
	tcase_add_test(t, refusals_are_reported_and_openmp_left_alone);
#endif
	suite_add_tcase(s, t);
	return s;
}
