/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/vmath.h: the functions of every instruction set of this processor against libm in double
 * precision, rounded to tl_real, for all exponents, both signs and a few hundred mantissas of each.
 * The distance of two numbers is how many steps along the line of floats they are apart.
 */
#include "tests/suite.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/vmath.h"

#ifdef TL_DOUBLE
typedef int64_t word;
#define WORD_MIN INT64_MIN
#define MANTISSA_BITS 52
#define EXPONENTS 2048
#define MANTISSAS 24
#define ULP_MAX 1
#else
typedef int32_t word;
#define WORD_MIN INT32_MIN
#define MANTISSA_BITS 23
#define EXPONENTS 256
#define MANTISSAS 300
#define ULP_MAX 4
#endif

#define EDGES 8
#define PER_EXPONENT (2 * (MANTISSAS + EDGES))
#define POINTS (EXPONENTS * PER_EXPONENT)

static double sigmoid(double x)
{
	double e = exp(-fabs(x));
	return (x < 0 ? e : 1) / (1 + e);
}

static const struct function {
	const char *name;
	double (*libm)(double x);
	size_t member; /* where tl_vmath keeps it */
	tl_vmath_fn chosen;
} functions[] = {
	{"exp", exp, offsetof(tl_vmath, vexp), tl__vexp},
	{"log", log, offsetof(tl_vmath, vlog), tl__vlog},
	{"tanh", tanh, offsetof(tl_vmath, vtanh), tl__vtanh},
	{"sigmoid", sigmoid, offsetof(tl_vmath, vsigmoid), tl__vsigmoid},
	{"erf", erf, offsetof(tl_vmath, verf), tl__verf},
};

#define FUNCTIONS ((int)(sizeof functions / sizeof functions[0]))

static tl_vmath_fn function_of(const tl_vmath *isa, const struct function *f)
{
	return *(const tl_vmath_fn *)((const char *)isa + f->member);
}

static word word_of(tl_real x)
{
	word w;
	memcpy(&w, &x, sizeof w);
	return w;
}

static tl_real real_of(word w)
{
	tl_real x;
	memcpy(&x, &w, sizeof x);
	return x;
}

/* Steps between neighbours; 0 for two NaN; -1 where only one is NaN or zeros differ in sign. */
static int64_t distance(tl_real a, tl_real b)
{
	if (isnan(a) || isnan(b))
		return isnan(a) && isnan(b) ? 0 : -1;
	if (a == 0 && b == 0)
		return signbit(a) == signbit(b) ? 0 : -1;
	word u = word_of(a), v = word_of(b);
	int64_t i = u < 0 ? (int64_t)WORD_MIN - u : u, j = v < 0 ? (int64_t)WORD_MIN - v : v;
	return i > j ? i - j : j - i;
}

/* The first ones, the last ones, and multiples of a stride between, shifted from exponent to exponent. */
static word mantissa(int m, int exponent)
{
	word last = ((word)1 << MANTISSA_BITS) - 1;
	if (m < EDGES / 2)
		return m;
	if (m < EDGES)
		return last - (m - EDGES / 2);
	return last / (MANTISSAS + 1) * (m - EDGES + 1) + exponent;
}

static void fill_points(tl_real *x)
{
	for (int e = 0; e < EXPONENTS; e++)
		for (int m = 0; m < MANTISSAS + EDGES; m++) {
			word w = (word)e << MANTISSA_BITS | mantissa(m, e);
			*x++ = real_of(w);
			*x++ = real_of(w | WORD_MIN);
		}
}

START_TEST(every_isa_is_close_to_libm)
{
	const tl_vmath *isa = tl__vmath_isa(_i);
	if (!isa)
		return;
	tl_real *x = malloc(POINTS * sizeof *x), *y = malloc(POINTS * sizeof *y);
	ck_assert(x && y);
	fill_points(x);
	for (int k = 0; k < FUNCTIONS; k++) {
		const struct function *f = &functions[k];
		function_of(isa, f)(POINTS, x, y);
		for (int i = 0; i < POINTS; i++) {
			tl_real want = (tl_real)f->libm((double)x[i]);
			int64_t d = distance(y[i], want);
			if (d < 0 || d > ULP_MAX)
				ck_abort_msg("%s, %s(%a) = %a, not %a", isa->name, f->name, (double)x[i],
					(double)y[i], (double)want);
		}
	}
	free(x);
	free(y);
}
END_TEST

START_TEST(special_values_are_exact)
{
	const tl_vmath *isa = tl__vmath_isa(_i);
	if (!isa)
		return;
	const tl_real inf = INFINITY, nan = NAN;
	const tl_real in[] = {0, (tl_real)-0.0, 1, -1, inf, -inf, nan};
	enum { COUNT = sizeof in / sizeof in[0] };
	const struct {
		tl_vmath_fn fn;
		tl_real want[COUNT]; /* 2: not of interest here */
	} rows[] = {
		{isa->vexp, {1, 1, 2, 2, inf, 0, nan}},
		{isa->vlog, {-inf, -inf, 0, nan, inf, nan, nan}},
		{isa->vtanh, {0, (tl_real)-0.0, 2, 2, 1, -1, nan}},
		{isa->vsigmoid, {0.5, 0.5, 2, 2, 1, 0, nan}},
		{isa->verf, {0, (tl_real)-0.0, 2, 2, 1, -1, nan}},
	};
	for (int k = 0; k < FUNCTIONS; k++) {
		tl_real y[COUNT];
		rows[k].fn(COUNT, in, y);
		for (int i = 0; i < COUNT; i++)
			if (rows[k].want[i] != 2 && distance(y[i], rows[k].want[i]) != 0)
				ck_abort_msg("%s, %s(%a) = %a, not %a", isa->name, functions[k].name,
					(double)in[i], (double)y[i], (double)rows[k].want[i]);
	}
}
END_TEST

/* Every length up to several vectors, in place and not: the same bits, and none beyond the end. */
START_TEST(place_and_length_do_not_matter)
{
	const tl_vmath *isa = tl__vmath_isa(_i);
	if (!isa)
		return;
	enum { MOST = 150 };
	tl_real x[MOST], one[MOST], y[MOST + 1];
	for (int i = 0; i < MOST; i++)
		x[i] = (tl_real)(0.01 + 0.07 * i);
	for (int k = 0; k < FUNCTIONS; k++) {
		tl_vmath_fn fn = function_of(isa, &functions[k]);
		for (int i = 0; i < MOST; i++)
			fn(1, x + i, one + i);
		for (int n = 0; n <= MOST; n++) {
			y[n] = 77;
			fn(n, x, y);
			ck_assert_mem_eq(y, one, (size_t)n * sizeof *y);
			ck_assert(y[n] == 77);
			memcpy(y, x, (size_t)n * sizeof *y);
			fn(n, y, y);
			ck_assert_mem_eq(y, one, (size_t)n * sizeof *y);
			ck_assert(y[n] == 77);
		}
	}
}
END_TEST

START_TEST(the_best_isa_is_chosen)
{
	ck_assert_ptr_nonnull(tl__vmath_isa(TL_VMATH_ISAS - 1));
	ck_assert_ptr_null(tl__vmath_isa(TL_VMATH_ISAS));
	int best = 0;
	while (!tl__vmath_isa(best))
		best++;
	const tl_real x[] = {(tl_real)0.3, (tl_real)1.7, (tl_real)2.9};
	for (int k = 0; k < FUNCTIONS; k++) {
		tl_real a[3], b[3];
		functions[k].chosen(3, x, a);
		function_of(tl__vmath_isa(best), &functions[k])(3, x, b);
		ck_assert_mem_eq(a, b, sizeof a);
	}
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *suite = suite_create("vmath");
	TCase *tc = tcase_create("vmath");
	tcase_add_loop_test(tc, every_isa_is_close_to_libm, 0, TL_VMATH_ISAS);
	tcase_add_loop_test(tc, special_values_are_exact, 0, TL_VMATH_ISAS);
	tcase_add_loop_test(tc, place_and_length_do_not_matter, 0, TL_VMATH_ISAS);
	tcase_add_test(tc, the_best_isa_is_chosen);
	suite_add_tcase(suite, tc);
	return suite;
}
