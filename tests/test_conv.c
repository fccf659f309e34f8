/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution over time against its definition, PyTorch (tools/fixtures/attention.py) and central differences. */
#include "tests/suite.h"

#include <string.h>

#include "tests/fixture.h"

typedef struct sizes {
	int64_t steps, batch, in, out, kernel;
} sizes;

static const sizes small = {7, 2, 3, 4, 3};

static tl_tape *tape;

static void setup(void)
{
	tape = tl_tape_new(NULL);
	ck_assert_ptr_nonnull(tape);
}

static void teardown(void)
{
	tl_tape_free(tape);
}

static void draw(tl_real *x, int64_t n, uint64_t stream)
{
	tl_rng rng = {.seed = 3, .stream = stream};
	for (int64_t i = 0; i < n; i++)
		x[i] = (tl_real)(2 * tl_rng_uniform(&rng) - 1);
}

enum { MOST = 4096 };

/* One output element, written out. */
static double element(const sizes *n, const tl_conv1d_options *o, int64_t before, const tl_real *x,
	const tl_real *w, const tl_real *b, int64_t t, int64_t row, int64_t c)
{
	double sum = (double)b[c];
	for (int64_t k = 0; k < n->kernel; k++)
		for (int64_t e = 0; e < n->in; e++) {
			int64_t from = t * o->stride + k * o->dilation - before;
			if (from >= 0 && from < n->steps)
				sum += (double)x[(from * n->batch + row) * n->in + e] *
				       (double)w[(k * n->in + e) * n->out + c];
		}
	return sum;
}

static void check_definition(const sizes *n, const tl_conv1d_options *o)
{
	tl_real x[MOST], w[MOST], b[16], got[MOST];
	int64_t reach = o->dilation * (n->kernel - 1), before = o->before, after = o->after;
	if (o->padding == TL_CONV_SAME)
		before = reach / 2;
	else if (o->padding == TL_CONV_CAUSAL)
		before = reach;
	if (o->padding != TL_CONV_GIVEN)
		after = reach - before;
	draw(x, n->steps * n->batch * n->in, 1);
	draw(w, n->kernel * n->in * n->out, 2);
	draw(b, n->out, 3);
	tl_tape_reset(tape);
	tl_var y = tl_conv1d(tl_input(tape, TL_SHAPE(n->steps, n->batch, n->in), x),
		tl_input(tape, TL_SHAPE(n->kernel, n->in, n->out), w), tl_input(tape, TL_SHAPE(n->out), b), o);
	/* The last window that fits. */
	int64_t steps = 0;
	while (steps * o->stride + reach < n->steps + before + after)
		steps++;
	ck_assert_msg(tl_ok(y), "%s", tl_tape_error(tape)->text);
	ck_assert(tl_shape_equal(tl_var_shape(y), TL_SHAPE(steps, n->batch, n->out)));
	if (o->padding == TL_CONV_SAME)
		ck_assert_int_eq(steps, (n->steps + o->stride - 1) / o->stride);
	ck_assert_int_eq(tl_read(y, got, steps * n->batch * n->out), TL_OK);
	for (int64_t i = 0; i < steps * n->batch * n->out; i++) {
		double want =
			element(n, o, before, x, w, b, i / n->out / n->batch, i / n->out % n->batch, i % n->out);
		ck_assert_msg(fabs((double)got[i] - want) <= fixture_tolerance, "element %d is %g, not %g", (int)i,
			(double)got[i], want);
	}
}

START_TEST(as_defined)
{
	for (int64_t kernel = 1; kernel <= 4; kernel++)
		for (int64_t stride = 1; stride <= 3; stride++)
			for (int64_t dilation = 1; dilation <= 2; dilation++)
				for (int p = TL_CONV_GIVEN; p <= TL_CONV_CAUSAL; p++)
					for (int64_t before = 0; before < 3; before++) {
						sizes n = small;
						n.kernel = kernel;
						check_definition(&n, &(tl_conv1d_options){.stride = stride,
									     .dilation = dilation,
									     .padding = (tl_conv_padding)p,
									     .before = before,
									     .after = 2 * before});
					}
}
END_TEST

START_TEST(as_pytorch)
{
	fixture all = fixture_open("conv");
	tl_tensor cases = fixture_load(&all, "", "cases", TL_I32);
	for (int64_t i = 0; i < cases.shape.dim[0]; i++) {
		const int32_t *c = (const int32_t *)cases.data + 5 * i;
		fixture f = fixture_open("conv");
		snprintf(f.prefix, sizeof f.prefix, "%d.", (int)i);
		tl_param *x = fixture_add(&f, "x"), *w = fixture_add(&f, "w"), *b = fixture_add(&f, "b");
		ck_assert_int_eq(w->value.shape.dim[0], c[0]);
		tl_var y = tl_conv1d(tl_use(f.tape, x), tl_use(f.tape, w), tl_use(f.tape, b),
			&(tl_conv1d_options){.stride = c[1], .dilation = c[2], .before = c[3], .after = c[4]});
		fixture_check(&f, "y", y);
		fixture_check_gradients(&f, fixture_weighted(&f, "y", y));
		fixture_close(&f);
	}
	free(cases.data);
	fixture_close(&all);
}
END_TEST

enum { OPERANDS = 3 };

/* M = sum(v * dL/din[0]) + sum(v * dL/din[1]) with L = sum(tanh(y) * w), whose derivatives are second ones of L. */
static tl_var slope(const tl_shape *shape, tl_real value[OPERANDS][MOST], tl_var *in)
{
	static const tl_conv1d_options o = {.dilation = 2, .padding = TL_CONV_SAME};
	tl_real v[MOST];
	tl_tape_reset(tape);
	for (int k = 0; k < OPERANDS; k++)
		in[k] = tl_input(tape, shape[k], value[k]);
	tl_var y = tl_tanh(tl_conv1d(in[0], in[1], in[2], &o)), d[2], m = {0};
	draw(v, tl_shape_size(tl_var_shape(y)), 7);
	tl_grad(tl_sum_all(tl_mul(y, tl_input(tape, tl_var_shape(y), v))), 2, in, d);
	for (int k = 0; k < 2; k++) {
		draw(v, tl_shape_size(shape[k]), 8);
		tl_var part = tl_sum_all(tl_mul(d[k], tl_input(tape, shape[k], v)));
		m = k ? tl_add(m, part) : part;
	}
	return m;
}

static double slope_at(const tl_shape *shape, tl_real value[OPERANDS][MOST])
{
	tl_var in[OPERANDS];
	tl_real m = 0;
	ck_assert_int_eq(tl_read(slope(shape, value, in), &m, 1), TL_OK);
	return (double)m;
}

START_TEST(second_derivatives)
{
	const tl_shape shape[OPERANDS] = {TL_SHAPE(5, 2, 2), TL_SHAPE(3, 2, 3), TL_SHAPE(3)};
	tl_real value[OPERANDS][MOST], exact[MOST];
	if (sizeof(tl_real) == sizeof(float))
		return; /* too coarse for differences */
	for (int k = 0; k < OPERANDS; k++)
		draw(value[k], tl_shape_size(shape[k]), (uint64_t)k);
	for (int k = 0; k < OPERANDS; k++) {
		tl_var in[OPERANDS], d;
		tl_var m = slope(shape, value, in);
		tl_grad(m, 1, &in[k], &d);
		ck_assert_int_eq(tl_read(d, exact, tl_shape_size(shape[k])), TL_OK);
		for (int64_t i = 0; i < tl_shape_size(shape[k]); i++) {
			tl_real keep = value[k][i];
			const double h = 1e-5;
			value[k][i] = keep + (tl_real)h;
			double up = slope_at(shape, value);
			value[k][i] = keep - (tl_real)h;
			double down = slope_at(shape, value);
			value[k][i] = keep;
			ck_assert_msg(fabs((up - down) / (2 * h) - (double)exact[i]) < 1e-7,
				"operand %d, element %d: %g, not %g", k, (int)i, (double)exact[i],
				(up - down) / (2 * h));
		}
	}
}
END_TEST

static void check_refused(tl_status status, const char *sentence, tl_shape x, tl_shape w, tl_conv1d_options o)
{
	tl_real zeros[MOST] = {0};
	tl_tape_reset(tape);
	tl_var y = tl_conv1d(tl_input(tape, x, zeros), tl_input(tape, w, zeros), (tl_var){0}, &o);
	ck_assert(!tl_ok(y));
	ck_assert_int_eq(tl_tape_status(tape), status);
	ck_assert_msg(strstr(tl_tape_error(tape)->text, sentence) != NULL, "'%s' does not say '%s'",
		tl_tape_error(tape)->text, sentence);
}

START_TEST(what_is_refused)
{
	tl_conv1d_options none = {0};
	check_refused(TL_ERR_SHAPE, "x (T, B, E) and w (K, E, O)", TL_SHAPE(3, 2), TL_SHAPE(3, 2, 2), none);
	check_refused(TL_ERR_SHAPE, "w takes 4 columns", TL_SHAPE(3, 2, 2), TL_SHAPE(3, 4, 2), none);
	check_refused(TL_ERR_SHAPE, "reaches over 5 steps, there are 4 with the padding", TL_SHAPE(3, 2, 2),
		TL_SHAPE(3, 2, 2), (tl_conv1d_options){.dilation = 2, .after = 1});
	check_refused(TL_ERR_ARGUMENT, "must be positive", TL_SHAPE(3, 2, 2), TL_SHAPE(3, 2, 2),
		(tl_conv1d_options){.stride = -1});
	check_refused(TL_ERR_ARGUMENT, "not negative", TL_SHAPE(3, 2, 2), TL_SHAPE(3, 2, 2),
		(tl_conv1d_options){.before = -1});
	check_refused(TL_ERR_ARGUMENT, "at most 2^29", TL_SHAPE(3, 2, 2), TL_SHAPE(3, 2, 2),
		(tl_conv1d_options){.dilation = INT64_MAX});
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("conv");
	TCase *c = tcase_create("conv");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, as_defined);
	tcase_add_test(c, as_pytorch);
	tcase_add_test(c, second_derivatives);
	tcase_add_test(c, what_is_refused);
	suite_add_tcase(s, c);
	return s;
}
