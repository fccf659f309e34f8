/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Second derivatives through time. The Hessian H of a loss L times a vector v is the gradient of a number,
 * Hv = d(g . v)/dtheta where g = dL/dtheta, and g is itself recorded on the tape; against the differences
 *
 *	(8 D(h) - D(2h)) / 12h,   D(h) = g(theta + h v) - g(theta - h v)
 *
 * theta: all parameters of an LSTM of two layers, its inputs and its initial states.
 */
#include "tests/suite.h"

#include <math.h>
#include <string.h>

#include "tests/net.h"

enum { STEPS = 4, COUNT = 2 * 3 + 3 };

static net n;

static void setup(void)
{
	n = net_new(&(tl_rnn_options){.cell = &tl_cell_lstm, .input = 3, .hidden = 4, .layers = 2}, STEPS, 2);
	ck_assert_int_eq(tl_store_count(n.store), COUNT);
	ck_assert_int_le(tl_store_span(n.store), NET_MAX);
}

static void teardown(void)
{
	net_free(&n);
}

/* A fixed vector in the store's layout. */
static void direction(uint64_t stream, tl_real *v)
{
	tl_rng r = {.seed = 14, .stream = stream};
	for (int64_t i = 0; i < tl_store_span(n.store); i++)
		v[i] = (tl_real)tl_rng_normal(&r);
}

/* The part of a vector that belongs to parameter k. */
static tl_real *part_of(tl_real *v, int k)
{
	return v + ((tl_real *)tl_store_at(n.store, k)->value.data - tl_store_values(n.store));
}

/* Hv, in the store's layout. */
static void hessian_times(tl_real *v, tl_real *to)
{
	tl_var loss = net_loss(&n), wrt[COUNT], d[COUNT], along = {0};
	for (int k = 0; k < COUNT; k++)
		wrt[k] = tl_use(n.tape, tl_store_at(n.store, k));
	tl_grad(loss, COUNT, wrt, d);
	for (int k = 0; k < COUNT; k++) {
		tl_var part = tl_sum_all(tl_mul(d[k], tl_input(n.tape, tl_var_shape(d[k]), part_of(v, k))));
		along = k ? tl_add(along, part) : part;
	}
	tl_grad(along, COUNT, wrt, d);
	for (int k = 0; k < COUNT; k++)
		tl_read(d[k], part_of(to, k), tl_shape_size(tl_var_shape(d[k])));
	ck_assert_msg(tl_tape_status(n.tape) == TL_OK, "%s", tl_tape_error(n.tape)->text);
}

/* The gradient at theta + step v. */
static void gradient_at(const tl_real *v, double step, tl_real *to)
{
	int64_t span = tl_store_span(n.store);
	tl_real old[NET_MAX], *theta = tl_store_values(n.store);
	memcpy(old, theta, (size_t)span * sizeof *old);
	for (int64_t i = 0; i < span; i++)
		theta[i] += (tl_real)step * v[i];
	tl_store_zero_grad(n.store);
	ck_assert_int_eq(tl_backward(net_loss(&n)), TL_OK);
	memcpy(to, tl_store_grads(n.store), (size_t)span * sizeof *to);
	memcpy(theta, old, (size_t)span * sizeof *old);
}

START_TEST(times_a_vector)
{
	const double h = 1e-3, steps[] = {h, -h, 2 * h, -2 * h};
	tl_real v[NET_MAX], got[NET_MAX], g[4][NET_MAX];
	direction(0, v);
	hessian_times(v, got);
	for (int j = 0; j < 4; j++)
		gradient_at(v, steps[j], g[j]);
	for (int k = 0; k < COUNT; k++) {
		const tl_param *p = tl_store_at(n.store, k);
		int64_t first = part_of(g[0], k) - g[0];
		for (int64_t i = first; i < first + tl_shape_size(p->value.shape); i++) {
			double want = (8 * (g[0][i] - g[1][i]) - (g[2][i] - g[3][i])) / (12 * h);
			ck_assert_msg(fabs(got[i] - want) <= 1e-6 * fmax(0.01, fabs(want)),
				"%s[%d]: %.12g, not %.12g", p->name, (int)(i - first), got[i], want);
		}
	}
}
END_TEST

/* u . Hv = v . Hu */
START_TEST(is_symmetric)
{
	tl_real u[NET_MAX], v[NET_MAX], hu[NET_MAX] = {0}, hv[NET_MAX] = {0};
	double uhv = 0, vhu = 0;
	direction(0, u);
	direction(1, v);
	hessian_times(u, hu);
	hessian_times(v, hv);
	for (int64_t i = 0; i < tl_store_span(n.store); i++) {
		uhv += u[i] * hv[i];
		vhu += v[i] * hu[i];
	}
	ck_assert_double_gt(fabs(uhv), 0.1);
	ck_assert_double_eq_tol(uhv, vhu, 1e-10 * fabs(uhv));
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("hessian");
	TCase *c = tcase_create("hessian");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, times_a_vector);
	tcase_add_test(c, is_symmetric);
	suite_add_tcase(s, c);
	return s;
}
