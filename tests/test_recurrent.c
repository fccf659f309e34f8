/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recurrent layers over a sequence. In float: oneDNN's primitives, shared by threads, against the plain
 * loops. In double: the plain loops' gradients against central differences of sum(y wy + hn wh + cn wc).
 */
#include "tests/suite.h"

#include <math.h>
#include <stdio.h>

#include "core/random.h"
#include "core/recurrent.h"

#define INPUTS TL_RECURRENT_INPUTS
#define MOST 10000 /* elements of a tensor */
enum { Y = INPUTS, HN, CN, DATA };

static tl_real in[DATA][MOST], weight[DATA][MOST];
static tl_real out[2][DATA][MOST], d[2][INPUTS][MOST];
static tl_arena scratch;

/* B * E * H is large enough for threads in the last ones. */
static const int64_t sizes[][4] = {
	{1, 1, 1, 1}, {4, 3, 5, 7}, {3, 1, 2, 6}, {1, 5, 4, 3}, {7, 2, 16, 16}, {5, 33, 40, 48}};

static int64_t shape_of(const tl_recurrent_spec *s, int k, tl_shape *shape)
{
	*shape = TL_SHAPE(s->rows, k == CN ? s->hidden : s->out);
	if (k == Y)
		*shape = TL_SHAPE(s->steps, s->rows, s->out);
	else if (k < INPUTS && !tl__recurrent_shape(s, k, shape))
		return 0;
	else if (k == CN && s->cell != TL_RECURRENT_LSTM)
		return 0;
	ck_assert_int_le(tl_shape_size(*shape), MOST);
	return tl_shape_size(*shape);
}

/* Matrices keep a vector's length about as it is, so that rounding does not grow over time. */
static void draw(tl_rng *rng, const tl_recurrent_spec *s)
{
	tl_shape shape;
	for (int k = 0; k < DATA; k++) {
		int64_t n = shape_of(s, k, &shape);
		double scale = k >= TL_RECURRENT_W && k < INPUTS && shape.axes == 2
				       ? sqrt(2 / (double)shape.dim[0])
				       : 1;
		for (int64_t i = 0; i < n; i++) {
			in[k][i] = (tl_real)(scale * (2 * tl_rng_uniform(rng) - 1));
			weight[k][i] = (tl_real)(2 * tl_rng_uniform(rng) - 1);
		}
	}
}

/* A run that reads `in` and writes out[which] and d[which]; the adjoints are `weight`. */
typedef struct setting {
	tl_tensor tensor[2 * DATA];
	tl_recurrent_run run;
} setting;

static const tl_recurrent_run *set(const tl_recurrent_spec *s, int which, setting *set)
{
	*set = (setting){.run.scratch = &scratch};
	for (int k = 0; k < DATA; k++) {
		tl_shape shape;
		if (!shape_of(s, k, &shape))
			continue;
		set->tensor[k] = tl_tensor_dense(TL_REAL, shape, in[k]);
		set->tensor[DATA + k] = tl_tensor_dense(TL_REAL, shape, weight[k]);
		if (k < INPUTS) {
			set->run.in[k] = &set->tensor[k];
			set->run.d[k] = d[which][k];
		}
	}
	set->run.y = out[which][Y];
	set->run.hn = out[which][HN];
	set->run.cn = s->cell == TL_RECURRENT_LSTM ? out[which][CN] : NULL;
	set->run.dy = &set->tensor[DATA + Y];
	set->run.dhn = &set->tensor[DATA + HN];
	set->run.dcn = s->cell == TL_RECURRENT_LSTM ? &set->tensor[DATA + CN] : NULL;
	return &set->run;
}

/* Calls fn for every cell, with and without what it may have. */
static void for_all(void (*fn)(const tl_recurrent_spec *s, tl_rng *rng), int n_sizes)
{
	tl_rng rng = {.seed = 7};
	for (int size = 0; size < n_sizes; size++)
		for (int cell = TL_RECURRENT_TANH; cell <= TL_RECURRENT_GRU_LBR; cell++)
			for (int more = 0; more < 16; more++) {
				bool lstm = cell == TL_RECURRENT_LSTM, projected = more & 4;
				const int64_t *n = sizes[size];
				int64_t out_size = projected ? (n[3] + 1) / 2 : n[3];
				tl_recurrent_spec s = {cell, n[0], n[1], n[2], n[3], out_size, projected,
					more >> 3, more & 1, more >> 1 & 1};
				if (more > 3 && !lstm)
					break;
				draw(&rng, &s);
				fn(&s, &rng);
				tl_arena_clear(&scratch);
			}
}

static void name_of(const tl_recurrent_spec *s, char buf[160])
{
	snprintf(buf, 160, "cell %d T %d B %d E %d H %d D %d%s%s%s%s", (int)s->cell, (int)s->steps,
		(int)s->rows, (int)s->input, (int)s->hidden, (int)s->out, s->projected ? " projected" : "",
		s->peephole ? " peephole" : "", s->given ? " given" : "", s->backward ? " backward" : "");
}

#ifdef TL_DOUBLE

static double loss(const tl_recurrent_spec *s)
{
	setting at;
	tl_error err = {0};
	tl_shape shape;
	double sum = 0;
	ck_assert_int_eq(tl__recurrent_plain_forward(s, set(s, 0, &at), &err), TL_OK);
	for (int k = Y; k < DATA; k++)
		for (int64_t i = shape_of(s, k, &shape); i-- > 0;)
			sum += out[0][k][i] * weight[k][i];
	tl_arena_clear(&scratch);
	return sum;
}

static void check_gradients(const tl_recurrent_spec *s, tl_rng *rng)
{
	setting at;
	tl_error err = {0};
	tl_shape shape;
	char name[160];
	(void)rng;
	name_of(s, name);
	ck_assert_int_eq(tl__recurrent_plain_backward(s, set(s, 0, &at), &err), TL_OK);
	tl_arena_clear(&scratch);
	for (int k = 0; k < INPUTS; k++) {
		int64_t n = shape_of(s, k, &shape), stride = n / 23 + 1;
		for (int64_t i = 0; i < n; i += stride) {
			const double step = 1e-5;
			double x = in[k][i], is = d[0][k][i];
			in[k][i] = x + step;
			double up = loss(s);
			in[k][i] = x - step;
			double should = (up - loss(s)) / (2 * step);
			in[k][i] = x;
			ck_assert_msg(fabs(is - should) <= 1e-7 * fmax(1, fabs(should)),
				"%s: d[%d][%d] is %.12g, not %.12g", name, k, (int)i, is, should);
		}
	}
}

START_TEST(plain_gradients)
{
	for_all(check_gradients, 5);
}
END_TEST

#else

static tl_real kept[1 << 20] __attribute__((aligned(64)));

static void compare(const tl_recurrent_spec *s, const char *what, int k, int64_t n, const tl_real *is,
	const tl_real *should)
{
	char name[160];
	double scale = 1;
	name_of(s, name);
	for (int64_t i = 0; i < n; i++)
		scale = fmax(scale, fabs((double)should[i]));
	for (int64_t i = 0; i < n; i++)
		ck_assert_msg(fabs((double)is[i] - (double)should[i]) <= 1e-5 * scale,
			"%s: %s[%d][%d] is %.9g, not %.9g", name, what, k, (int)i, (double)is[i],
			(double)should[i]);
}

static void fill_nan(void)
{
	for (int k = 0; k < DATA; k++)
		for (int i = 0; i < MOST; i++)
			out[1][k][i] = k < INPUTS ? d[1][k][i] = (tl_real)NAN : (tl_real)NAN;
}

static void check_run(const tl_recurrent_spec *s, tl_recurrent *r, const tl_recurrent_run *run)
{
	tl_error err = {0};
	tl_shape shape;
	fill_nan();
	ck_assert_msg(tl__recurrent_forward(r, run, &err) == TL_OK, "%s", err.text);
	for (int k = Y; k < DATA; k++)
		compare(s, "out", k, shape_of(s, k, &shape), out[1][k], out[0][k]);
	ck_assert_msg(tl__recurrent_backward(r, run, &err) == TL_OK, "%s", err.text);
	for (int k = 0; k < INPUTS; k++)
		compare(s, "d", k, shape_of(s, k, &shape), d[1][k], d[0][k]);
}

/* Where an operand's elements are far apart, in an order of their own. */
static tl_real spread[INPUTS][4 * MOST];

static void spread_inputs(setting *at)
{
	for (int k = 0; k < INPUTS; k++) {
		if (!at->run.in[k])
			continue;
		tl_tensor *t = &at->tensor[k], dense = *t;
		int64_t step = 2;
		for (int i = 0; i < t->shape.axes; i++) { /* the first axis is the innermost one */
			t->stride[i] = step;
			step *= t->shape.dim[i];
		}
		t->data = spread[k];
		tl_tensor_copy(t, &dense);
	}
}

static void check_twins(const tl_recurrent_spec *s, tl_rng *rng)
{
	(void)rng;
	setting at;
	tl_error err = {0};
	ck_assert_int_eq(tl__recurrent_plain_forward(s, set(s, 0, &at), &err), TL_OK);
	ck_assert_int_eq(tl__recurrent_plain_backward(s, &at.run, &err), TL_OK);
	for (int threads = 1; threads <= 3; threads += 2) {
		tl_pool *pool = tl_pool_new(threads);
		tl_recurrent *r = tl__recurrent_new(s, threads, &err);
		size_t bytes;
		char name[160];
		name_of(s, name);
		ck_assert_msg(tl__recurrent_kept(r, &bytes, &err) == TL_OK, "%s: %s", name, err.text);
		ck_assert_int_lt(bytes, sizeof kept);
		uint64_t made = tl__recurrent_made(r);
		ck_assert_int_ge(made, 2);
		set(s, 1, &at);
		at.run.pool = pool;
		check_run(s, r, &at.run); /* goes forward twice */
		ck_assert_int_eq(2 * tl__recurrent_made(r), 3 * made);
		at.run.kept = kept + (threads > 1); /* need not begin a line of the cache */
		check_run(s, r, &at.run);
		spread_inputs(&at);
		check_run(s, r, &at.run);
		ck_assert_int_eq(2 * tl__recurrent_made(r), 3 * made);
		tl__recurrent_free(r);
		tl_pool_free(pool);
	}
}

START_TEST(twins_agree)
{
	for_all(check_twins, (int)(sizeof sizes / sizeof *sizes));
}
END_TEST

/* An adjoint that nobody has is 0. */
START_TEST(missing_adjoints)
{
	tl_recurrent_spec s = {TL_RECURRENT_LSTM, 3, 4, 5, 6, 6, 0, 1, 1, 0};
	tl_rng rng = {.seed = 3};
	tl_error err = {0};
	for (int missing = 1; missing < 8; missing++) {
		setting at;
		draw(&rng, &s);
		for (int which = 0; which < 2; which++) {
			set(&s, which, &at);
			at.run.dy = missing & 1 ? NULL : at.run.dy;
			at.run.dhn = missing & 2 ? NULL : at.run.dhn;
			at.run.dcn = missing & 4 ? NULL : at.run.dcn;
			if (which == 0) {
				ck_assert_int_eq(tl__recurrent_plain_forward(&s, &at.run, &err), TL_OK);
				ck_assert_int_eq(tl__recurrent_plain_backward(&s, &at.run, &err), TL_OK);
			} else {
				tl_recurrent *r = tl__recurrent_new(&s, 2, &err);
				at.run.kept = kept;
				ck_assert_int_eq(tl__recurrent_kept(r, &(size_t){0}, &err), TL_OK);
				check_run(&s, r, &at.run);
				tl__recurrent_free(r);
			}
		}
		tl_arena_clear(&scratch);
	}
}
END_TEST

#endif

static void setup(void)
{
	tl_arena_init(&scratch, 0);
}

static void teardown(void)
{
	tl_arena_release(&scratch);
}

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("recurrent");
	TCase *c = tcase_create("recurrent");
	tcase_add_checked_fixture(c, setup, teardown);
#ifdef TL_DOUBLE
	tcase_add_test(c, plain_gradients);
#else
	tcase_add_test(c, twins_agree);
	tcase_add_test(c, missing_adjoints);
#endif
	suite_add_tcase(s, c);
	return s;
}
