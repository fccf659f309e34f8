/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax and losses against loops in double, over shapes, layouts and options, with their gradients. */
#include "tests/suite.h"

#include <math.h>

#include "core/random.h"
#include "graph/grad.h"
#include "ops/arith.h"
#include "ops/loss.h"
#include "ops/reduce.h"
#include "ops/softmax.h"

#define TOLERANCE (sizeof(tl_real) == sizeof(float) ? 1e-5 : 1e-13)
#define MOST 60000

static tl_tape *tape;
static tl_real x[MOST], weight[MOST], memory[2 * MOST], got[MOST], got_d[MOST];
static int32_t target[MOST], target_memory[2 * MOST];
static double want[MOST], want_d[MOST];
static tl_rng rng;

static void setup(void)
{
	tape = tl_tape_new(&(tl_tape_options){.threads = 2});
	ck_assert_ptr_nonnull(tape);
	rng = (tl_rng){.seed = 5};
}

static void teardown(void)
{
	tl_tape_free(tape);
}

static void draw(int64_t n, tl_real *to)
{
	for (int64_t i = 0; i < n; i++)
		to[i] = (tl_real)(3 * tl_rng_normal(&rng));
}

/* The same elements in column-major order with gaps. */
static tl_var columns(tl_dtype dtype, tl_shape shape, void *data, void *to)
{
	tl_tensor from = tl_tensor_dense(dtype, shape, data), view = from;
	int64_t step = 2;
	view.data = to;
	for (int i = 0; i < shape.axes; i++) {
		view.stride[i] = step;
		step *= shape.dim[i];
	}
	tl_tensor_copy(&view, &from);
	return tl_borrow(tape, &view);
}

static void compare(const char *what, int64_t n, const tl_real *a, const double *b)
{
	for (int64_t i = 0; i < n; i++)
		if (!(fabs(a[i] - b[i]) <= TOLERANCE * fmax(1, fabs(b[i]))))
			ck_abort_msg("%s: element %d is %.9g, not %.9g", what, (int)i, (double)a[i], b[i]);
}

/* Reads y into got, and into got_d the gradient of sum(weight y) by v. */
static void evaluate(tl_var y, tl_var v)
{
	tl_var d;
	int64_t n = tl_shape_size(tl_var_shape(y));
	tl_var loss = tl_sum_all(tl_mul(y, tl_input(tape, tl_var_shape(y), weight)));
	tl_grad(loss, 1, &v, &d);
	tl_read(y, got, n);
	tl_read(d, got_d, tl_shape_size(tl_var_shape(v)));
	ck_assert_msg(tl_tape_status(tape) == TL_OK, "%s", tl_tape_error(tape)->text);
}

/* One row of n elements, `step` apart; dx_i = sum_j w_j dy_j/dx_i, term by term. */
static void naive_softmax(int64_t at, int64_t n, int64_t step, bool logarithm)
{
	double total = 0, p[2000];
	for (int64_t i = 0; i < n; i++)
		total += p[i] = exp(x[at + i * step]);
	for (int64_t i = 0; i < n; i++) {
		p[i] /= total;
		want[at + i * step] = logarithm ? log(p[i]) : p[i];
	}
	for (int64_t i = 0; i < n; i++) {
		double d = 0;
		for (int64_t j = 0; j < n; j++)
			d += weight[at + j * step] * (logarithm ? 1 : p[j]) * ((i == j) - p[i]);
		want_d[at + i * step] = d;
	}
}

static const tl_shape shapes[] = {{1, {1}}, {1, {1300}}, {2, {5, 7}}, {2, {700, 30}}, {3, {3, 40, 8}},
	{4, {2, 3, 1, 5}}, {6, {2, 1, 3, 2, 2, 3}}};

START_TEST(softmax_along_every_axis)
{
	tl_shape shape = shapes[_i / 2];
	int64_t size = tl_shape_size(shape);
	bool logarithm = _i % 2;
	draw(size, x);
	draw(size, weight);
	for (int axis = 0; axis < shape.axes; axis++) {
		int64_t n = shape.dim[axis], step = 1;
		for (int i = axis + 1; i < shape.axes; i++)
			step *= shape.dim[i];
		for (int64_t at = 0; at < size; at++)
			if (at / step % n == 0)
				naive_softmax(at, n, step, logarithm);
		for (int layout = 0; layout < 2; layout++) {
			tl_tape_reset(tape);
			tl_var v = layout ? columns(TL_REAL, shape, x, memory) : tl_input(tape, shape, x);
			int counted = layout ? axis : axis - (int)shape.axes;
			evaluate(logarithm ? tl_log_softmax(v, counted) : tl_softmax(v, counted), v);
			compare("softmax", size, got, want);
			compare("gradient of softmax", size, got_d, want_d);
		}
	}
}
END_TEST

/* Rows of a slice that do not lie side by side in the result either. */
START_TEST(long_columns)
{
	enum { ROWS = 17000, COLUMNS = 3 };
	tl_shape shape = TL_SHAPE(ROWS, COLUMNS);
	draw(ROWS * COLUMNS, x);
	for (int logarithm = 0; logarithm < 2; logarithm++) {
		for (int k = 0; k < COLUMNS; k++) {
			double total = 0;
			for (int i = k; i < ROWS * COLUMNS; i += COLUMNS)
				total += exp(x[i]);
			for (int i = k; i < ROWS * COLUMNS; i += COLUMNS)
				want[i] = logarithm ? x[i] - log(total) : exp(x[i]) / total * 1000;
		}
		tl_var v = tl_input(tape, shape, x);
		tl_var y = logarithm ? tl_log_softmax(v, 0) : tl_scale(tl_softmax(v, 0), 1000);
		ck_assert_int_eq(tl_read(y, got, ROWS * COLUMNS), TL_OK);
		compare("softmax", ROWS * COLUMNS, got, want);
	}
}
END_TEST

/* want: the value; want_d: the gradient of sum(weight value). */
static void naive_cross_entropy(int64_t rows, int64_t classes, const tl_cross_entropy_options *o)
{
	double count = 0, total = 0;
	for (int64_t r = 0; r < rows; r++)
		count += !o->has_ignore || target[r] != o->ignore_index;
	for (int64_t r = 0; r < rows; r++) {
		double sum = 0, loss = 0;
		const tl_real *row = x + r * classes;
		bool skip = o->has_ignore && target[r] == o->ignore_index;
		double scale = skip ? 0 : o->reduction == TL_NONE ? weight[r] : weight[0];
		scale /= o->reduction == TL_MEAN && count > 0 ? count : 1;
		for (int64_t k = 0; k < classes; k++)
			sum += exp(row[k]);
		for (int64_t k = 0; k < classes; k++) {
			double q = (1 - o->label_smoothing) * (k == target[r]) +
				   o->label_smoothing / (double)classes;
			loss -= skip ? 0 : q * log(exp(row[k]) / sum);
			want_d[r * classes + k] = scale * (exp(row[k]) / sum - q);
		}
		total += loss;
		want[r] = loss;
	}
	if (o->reduction != TL_NONE)
		want[0] = o->reduction == TL_SUM ? total : count > 0 ? total / count : 0;
}

static const tl_shape batches[] = {
	{1, {6}}, {2, {1, 1}}, {2, {4, 3}}, {2, {90, 600}}, {3, {3, 5, 9}}, {6, {2, 1, 3, 2, 2, 3}}};
static const tl_cross_entropy_options options[] = {
	{0},
	{.reduction = TL_SUM},
	{.reduction = TL_NONE},
	{.has_ignore = true, .ignore_index = -100},
	{.has_ignore = true, .ignore_index = 0, .label_smoothing = 0.25},
	{.reduction = TL_SUM, .has_ignore = true, .ignore_index = 1, .label_smoothing = 1},
	{.reduction = TL_NONE, .has_ignore = true, .ignore_index = -100, .label_smoothing = 0.1},
};
enum { OPTIONS = sizeof options / sizeof *options };

START_TEST(cross_entropy_with_every_option)
{
	tl_shape shape = batches[_i / OPTIONS], rows_shape = shape;
	const tl_cross_entropy_options *o = &options[_i % OPTIONS];
	int64_t classes = shape.dim[shape.axes - 1], size = tl_shape_size(shape), rows = size / classes;
	rows_shape.dim[--rows_shape.axes] = 0;
	draw(size, x);
	draw(rows, weight);
	for (int64_t r = 0; r < rows; r++)
		target[r] =
			o->has_ignore && r % 3 == 1 ? o->ignore_index : (int32_t)tl_rng_below(&rng, classes);
	naive_cross_entropy(rows, classes, o);
	for (int layout = 0; layout < 2; layout++) {
		tl_tape_reset(tape);
		tl_var v = layout ? columns(TL_REAL, shape, x, memory) : tl_input(tape, shape, x);
		tl_var t = layout ? columns(TL_I32, rows_shape, target, target_memory)
				  : tl_index(tape, rows_shape, target);
		tl_var loss = tl_cross_entropy(v, t, _i % OPTIONS ? o : NULL);
		ck_assert(
			tl_shape_equal(tl_var_shape(loss), o->reduction == TL_NONE ? rows_shape : TL_SCALAR));
		evaluate(loss, v);
		compare("loss", o->reduction == TL_NONE ? rows : 1, got, want);
		compare("gradient of the loss", size, got_d, want_d);
	}
}
END_TEST

START_TEST(threads_do_not_change_results)
{
	static tl_real one[MOST], one_d[MOST];
	tl_shape shape = TL_SHAPE(90, 600);
	int64_t size = tl_shape_size(shape);
	draw(size, x);
	draw(size, weight);
	for (int64_t r = 0; r < 90; r++)
		target[r] = (int32_t)tl_rng_below(&rng, 600);
	for (int which = 0; which < 3; which++)
		for (int threads = 1; threads <= 4; threads += 3) {
			tl_tape_free(tape);
			tape = tl_tape_new(&(tl_tape_options){.threads = threads});
			tl_var v = tl_input(tape, shape, x), t = tl_index(tape, TL_SHAPE(90), target);
			tl_var all[] = {tl_softmax(v, 0), tl_log_softmax(v, 1), tl_cross_entropy(v, t, NULL)};
			tl_var y = all[which];
			evaluate(y, v);
			size_t bytes = (size_t)tl_shape_size(tl_var_shape(y)) * sizeof *got;
			if (threads > 1) {
				ck_assert_mem_eq(one, got, bytes);
				ck_assert_mem_eq(one_d, got_d, sizeof one_d);
			}
			for (int i = 0; i < MOST; i++) {
				one[i] = got[i];
				one_d[i] = got_d[i];
			}
		}
}
END_TEST

START_TEST(losses_of_elements)
{
	enum { N = 40 };
	tl_real t[N];
	double sum = 0;
	bool bce = _i / 3;
	int reduction = _i % 3;
	draw(N, x);
	draw(N, weight);
	for (int i = 0; i < N; i++) {
		t[i] = (tl_real)tl_rng_uniform(&rng);
		double s = 1 / (1 + exp(-x[i])), scale = reduction == TL_NONE ? weight[i] : weight[0];
		want[i] = bce ? -t[i] * log(s) - (1 - t[i]) * log(1 - s) : pow((double)x[i] - t[i], 2);
		want_d[i] = (reduction == TL_MEAN ? scale / N : scale) *
			    (bce ? s - t[i] : 2 * ((double)x[i] - t[i]));
		sum += want[i];
	}
	if (reduction != TL_NONE)
		want[0] = reduction == TL_MEAN ? sum / N : sum;
	tl_var v = columns(TL_REAL, TL_SHAPE(5, 8), x, memory), u = tl_input(tape, TL_SHAPE(5, 8), t);
	tl_var loss = bce ? tl_bce_with_logits(v, u, reduction) : tl_mse(v, u, reduction);
	evaluate(loss, v);
	compare("loss", reduction == TL_NONE ? N : 1, got, want);
	compare("gradient of the loss", N, got_d, want_d);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("softmax and losses");
	TCase *c = tcase_create("values and gradients");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, softmax_along_every_axis, 0, 2 * (int)(sizeof shapes / sizeof *shapes));
	tcase_add_test(c, long_columns);
	tcase_add_loop_test(
		c, cross_entropy_with_every_option, 0, OPTIONS * (int)(sizeof batches / sizeof *batches));
	tcase_add_test(c, threads_do_not_change_results);
	tcase_add_loop_test(c, losses_of_elements, 0, 6);
	suite_add_tcase(s, c);
	return s;
}
