/* SPDX-License-Identifier: Apache-2.0 */
/* A tape for each test, variables made of numbers, values and errors compared. */
#ifndef TL_TESTS_TAPE_H
#define TL_TESTS_TAPE_H

#include <check.h>
#include <math.h>

#include "graph/algebra.h"
#include "graph/grad.h"

static const double tolerance = sizeof(tl_real) == sizeof(double) ? 1e-12 : 1e-5;

static tl_tape *tape;

static inline void setup(void)
{
	tape = tl_tape_new(NULL);
	ck_assert_ptr_nonnull(tape);
}

static inline void teardown(void)
{
	tl_tape_free(tape);
}

static inline void check_values(tl_var v, int n, const double *want)
{
	tl_real got[16];
	ck_assert_int_le(n, 16);
	ck_assert_msg(tl_read(v, got, n) == TL_OK, "%s", tl_tape_error(v.tape)->text);
	for (int i = 0; i < n; i++)
		ck_assert_msg(fabs((double)got[i] - want[i]) <= tolerance * fmax(1, fabs(want[i])),
			"element %d is %.9g, not %.9g", i, (double)got[i], want[i]);
}

#define CHECK_VALUES(v, ...)                                                                                 \
	check_values(v, (int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), (double[]){__VA_ARGS__})

static inline void check_error(tl_status status, const char *sentence)
{
	ck_assert_int_eq(tl_tape_status(tape), status);
	ck_assert_str_eq(tl_tape_error(tape)->text, sentence);
}

static inline tl_var number(double x)
{
	return tl_input(tape, TL_SCALAR, &(tl_real){(tl_real)x});
}

static inline tl_var vector(int n, const double *x)
{
	tl_real copy[16];
	ck_assert_int_le(n, 16);
	for (int i = 0; i < n; i++)
		copy[i] = (tl_real)x[i];
	return tl_input(tape, TL_SHAPE(n), copy);
}

#define VECTOR(...) vector((int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), (double[]){__VA_ARGS__})

static inline tl_var sum(tl_var x)
{
	return tl_sum_to(x, TL_SCALAR);
}

static inline tl_var grad(tl_var loss, tl_var x)
{
	tl_var d = {0};
	tl_grad(loss, 1, &x, &d);
	return d;
}

#endif
