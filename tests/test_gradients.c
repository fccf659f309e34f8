/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every op of the table against central differences. For each sample of an op and each real operand k,
 *
 *	L   = sum(out * w)            dL/din[k] against differences of L
 *	M_k = sum(dL/din[k] * v)      dM_k/din[j], for all j, against differences of M_k
 *
 * with fixed random w and v; the second line is left out for TL_OP_KINKED. A difference is
 *
 *	(4 D(h) - D(2h)) / 3,   D(h) = (f(x + h) - f(x - h)) / 2h,   h = 1e-4 max(1, |x|)
 *
 * whose error is of order h^4 (Richardson). Two numbers agree if |a - b| <= 1e-6 max(1, |a|, |b|).
 */
#include "tests/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "graph/grad.h"
#include "ops/arith.h"
#include "ops/table.h"

#define TOLERANCE 1e-6
#define OPERANDS 6

/* One op on one sample's operands, recorded again for every evaluation. */
typedef struct trial {
	const tl_op *op;
	const tl_sample *sample;
	int number; /* of the sample */
	tl_tape *tape;
	tl_tensor in[OPERANDS];
} trial;

static bool agree(double a, double b)
{
	return fabs(a - b) <= TOLERANCE * fmax(1, fmax(fabs(a), fabs(b)));
}

static bool is_index(const tl_op *op, int k)
{
	return op->index_operands >> k % 32 & 1;
}

static void *allocate(int64_t n, size_t size)
{
	void *p = calloc((size_t)n + 1, size);
	ck_assert_ptr_nonnull(p);
	return p;
}

#define CELLS_PER_UNIT 64

/*
 * Reals for an op with kinks: every element of every operand in a cell of its own on a grid of 1/64,
 * near the cell's middle. So no element is within 1/256 of a multiple of 1/64, where bounds and zeros
 * are, or of another element.
 */
static void draw_apart(trial *t, tl_rng *r, double low, double high)
{
	int64_t first = (int64_t)ceil(low * CELLS_PER_UNIT), next = 0;
	int64_t n = (int64_t)floor(high * CELLS_PER_UNIT) - first;
	int64_t *cell = allocate(n, sizeof *cell);
	for (int64_t i = 0; i < n; i++) {
		int64_t j = tl_rng_below(r, i + 1);
		cell[i] = cell[j];
		cell[j] = first + i;
	}
	for (int k = 0; k < t->sample->n; k++) {
		double *x = t->in[k].data;
		for (int64_t i = 0; t->in[k].dtype == TL_REAL && i < tl_shape_size(t->in[k].shape); i++) {
			ck_assert_msg(next < n, "%s: too many elements for [%g, %g]", t->op->name, low, high);
			x[i] = ((double)cell[next++] + 0.3 + 0.4 * tl_rng_uniform(r)) / CELLS_PER_UNIT;
		}
	}
	free(cell);
}

static void draw(trial *t)
{
	const tl_sample *s = t->sample;
	tl_rng r = {.seed = 11, .stream = (uint64_t)t->number};
	bool given = s->low != 0 || s->high != 0;
	double low = given ? s->low : -2, high = given ? s->high : 2;
	for (int k = 0; k < s->n; k++) {
		tl_dtype dtype = is_index(t->op, k) ? TL_I32 : TL_REAL;
		int64_t n = tl_shape_size(s->in[k]);
		t->in[k] = tl_tensor_dense(dtype, s->in[k], allocate(n, tl_dtype_size(dtype)));
		for (int64_t i = 0; i < n; i++)
			if (dtype == TL_I32)
				((int32_t *)t->in[k].data)[i] = (int32_t)tl_rng_below(&r, s->limit);
			else
				((double *)t->in[k].data)[i] = low + (high - low) * tl_rng_uniform(&r);
	}
	if (t->op->flags & TL_OP_KINKED)
		draw_apart(t, &r, low, high);
}

static trial trial_begin(const tl_op *op, int number)
{
	trial t = {.op = op, .sample = &op->samples[number], .number = number};
	t.tape = tl_tape_new(&(tl_tape_options){.threads = 1, .seed = 5});
	ck_assert_ptr_nonnull(t.tape);
	draw(&t);
	return t;
}

static void trial_end(trial *t)
{
	for (int k = 0; k < t->sample->n; k++)
		free(t->in[k].data);
	tl_tape_free(t->tape);
}

static void succeeded(const trial *t)
{
	ck_assert_msg(tl_tape_status(t->tape) == TL_OK, "%s, sample %d: %s", t->op->name, t->number,
		tl_tape_error(t->tape)->text);
}

/* The op's result; random ops draw the same numbers every time. */
static tl_var record(trial *t, tl_var *in)
{
	const tl_sample *s = t->sample;
	tl_tape_reset(t->tape);
	tl_tape_set_step(t->tape, 1);
	for (int k = 0; k < s->n; k++)
		in[k] = tl_borrow(t->tape, &t->in[k]);
	tl_var out = tl_apply(t->tape, t->op, s->n, in, s->params, s->params_size);
	succeeded(t);
	return out;
}

static tl_var weighted_sum(tl_var x, uint64_t stream)
{
	tl_rng r = {.seed = 23, .stream = stream};
	int64_t n = tl_shape_size(tl_var_shape(x));
	double *w = allocate(n, sizeof *w);
	for (int64_t i = 0; i < n; i++)
		w[i] = tl_rng_normal(&r);
	tl_var sum = tl_sum_to(tl_mul(x, tl_input(x.tape, tl_var_shape(x), w)), TL_SCALAR);
	free(w);
	return sum;
}

#define FIRST (-1)

/* L for k = FIRST, else M_k. */
static tl_var objective(trial *t, int k, tl_var *in)
{
	tl_var value = weighted_sum(record(t, in), 1), d;
	if (k == FIRST)
		return value;
	tl_grad(value, 1, &in[k], &d);
	succeeded(t);
	return weighted_sum(d, 2);
}

static double evaluate(trial *t, int k)
{
	tl_var in[OPERANDS];
	double value = NAN;
	tl_read(objective(t, k, in), &value, 1);
	succeeded(t);
	return value;
}

static double difference(trial *t, int k, double *x)
{
	double keep = *x, h = 1e-4 * fmax(1, fabs(keep)), f[4];
	static const int at[4] = {1, -1, 2, -2};
	for (int i = 0; i < 4; i++) {
		*x = keep + at[i] * h;
		f[i] = evaluate(t, k);
	}
	*x = keep;
	return (4 * (f[0] - f[1]) / (2 * h) - (f[2] - f[3]) / (4 * h)) / 3;
}

/* All derivatives of an objective. */
static void check_objective(trial *t, int k)
{
	for (int j = 0; j < t->sample->n; j++) {
		if (t->in[j].dtype != TL_REAL)
			continue;
		tl_var in[OPERANDS], d;
		tl_var value = objective(t, k, in);
		int64_t n = tl_shape_size(t->in[j].shape);
		double *exact = allocate(n, sizeof *exact), *x = t->in[j].data;
		tl_grad(value, 1, &in[j], &d);
		tl_read(d, exact, n);
		succeeded(t);
		for (int64_t i = 0; i < n; i++) {
			double approximate = difference(t, k, &x[i]);
			ck_assert_msg(agree(exact[i], approximate),
				"%s, sample %d, %s: derivative by element %d of operand %d is %.12g, "
				"differences give %.12g",
				t->op->name, t->number, k == FIRST ? "value" : "first derivative", (int)i, j,
				exact[i], approximate);
		}
		free(exact);
	}
}

static int samples_of(const tl_op *op)
{
	int n = 0;
	while (op->samples && op->samples[n].n > 0)
		n++;
	return n;
}

START_TEST(op_is_complete)
{
	const tl_op *op = tl_op_at(_i);
	bool stops = op->flags & TL_OP_STOP;
	ck_assert_msg(op->gradient || stops || op->no_gradient,
		"%s has neither a gradient nor TL_OP_STOP nor a reason", op->name);
	ck_assert_msg(!op->gradient || (!stops && !op->no_gradient),
		"%s has a gradient, and TL_OP_STOP or a reason why it has none", op->name);
	ck_assert_msg(!op->gradient || samples_of(op) > 0, "%s has a gradient but no samples", op->name);
	int computed_by = (op->map != NULL) + (op->kernel != NULL);
	ck_assert_msg(computed_by == (op->flags & TL_OP_LEAF ? 0 : 1),
		"%s needs exactly one of map and kernel, a leaf none", op->name);
	for (int k = 0; k < _i; k++)
		ck_assert_str_ne(op->name, tl_op_at(k)->name);
}
END_TEST

START_TEST(first_derivatives)
{
	const tl_op *op = tl_op_at(_i);
	for (int s = 0; op->gradient && s < samples_of(op); s++) {
		trial t = trial_begin(op, s);
		check_objective(&t, FIRST);
		trial_end(&t);
	}
}
END_TEST

START_TEST(second_derivatives)
{
	const tl_op *op = tl_op_at(_i);
	if (!op->gradient || op->flags & TL_OP_KINKED)
		return;
	for (int s = 0; s < samples_of(op); s++) {
		trial t = trial_begin(op, s);
		for (int k = 0; k < t.sample->n; k++)
			if (t.in[k].dtype == TL_REAL)
				check_objective(&t, k);
		trial_end(&t);
	}
}
END_TEST

/* How a view lies in its memory. */
enum { PADDED, COLUMN_MAJOR, BACKWARDS, REPEATED, LAYOUTS };

/* The strides and the offset of a layout; returns how many elements the memory has. */
static int64_t lay_out(int layout, tl_tensor *view, int64_t *offset)
{
	int64_t step = layout == REPEATED ? 1 : 3, axes = view->shape.axes;
	*offset = 0;
	for (int64_t j = 0; j < axes; j++) {
		int64_t i = layout == COLUMN_MAJOR ? j : axes - 1 - j, dim = view->shape.dim[i];
		view->stride[i] = layout == REPEATED && i == 0 ? 0 : layout == BACKWARDS ? -step : step;
		if (layout == BACKWARDS && dim > 0)
			*offset += (dim - 1) * step;
		step *= dim == 1 ? 1 : dim + 1;
	}
	return step;
}

/* Makes operand k dense and equal to the view that is returned, whose gaps hold what nobody may read. */
static tl_tensor view_operand(trial *t, int k, int layout, void **memory)
{
	tl_tensor view = t->in[k];
	int64_t offset, n = lay_out(layout, &view, &offset);
	size_t size = tl_dtype_size(view.dtype);
	*memory = allocate(n, size);
	for (int64_t i = 0; i < n; i++)
		if (view.dtype == TL_I32)
			((int32_t *)*memory)[i] = INT32_MIN;
		else
			((double *)*memory)[i] = NAN;
	view.data = (char *)*memory + (size_t)offset * size;
	tl_tensor_copy(&view, &t->in[k]);
	tl_tensor_copy(&t->in[k], &view);
	return view;
}

/* The op's value as doubles; *n elements. */
static double *value_of(trial *t, int64_t *n)
{
	tl_var in[OPERANDS], out = record(t, in);
	*n = tl_shape_size(tl_var_shape(out));
	double *value = allocate(*n, sizeof *value);
	if (tl_var_dtype(out) == TL_REAL) {
		tl_read(out, value, *n);
	} else {
		int32_t *index = allocate(*n, sizeof *index);
		tl_read_index(out, index, *n);
		for (int64_t i = 0; i < *n; i++)
			value[i] = index[i];
		free(index);
	}
	succeeded(t);
	return value;
}

static void check_layout(trial *t, int layout)
{
	tl_tensor view[OPERANDS], dense[OPERANDS];
	void *memory[OPERANDS];
	int64_t n, same;
	for (int k = 0; k < t->sample->n; k++)
		view[k] = view_operand(t, k, layout, &memory[k]);
	double *want = value_of(t, &n);
	memcpy(dense, t->in, sizeof dense);
	memcpy(t->in, view, sizeof view);
	double *got = value_of(t, &same);
	memcpy(t->in, dense, sizeof dense);
	ck_assert_int_eq(n, same);
	for (int64_t i = 0; i < n; i++)
		ck_assert_msg(fabs(got[i] - want[i]) <= 1e-12 * fmax(1, fabs(want[i])),
			"%s, sample %d, layout %d: element %d is %.17g, of dense operands %.17g", t->op->name,
			t->number, layout, (int)i, got[i], want[i]);
	free(want);
	free(got);
	for (int k = 0; k < t->sample->n; k++)
		free(memory[k]);
}

START_TEST(strided_operands)
{
	const tl_op *op = tl_op_at(_i);
	for (int s = 0; s < samples_of(op); s++)
		for (int layout = 0; layout < LAYOUTS; layout++) {
			trial t = trial_begin(op, s);
			check_layout(&t, layout);
			trial_end(&t);
		}
}
END_TEST

/* d/da sum(a b c) with a (3, 1), b (4), c scalar: b and c are summed over what a was repeated along. */
START_TEST(broadcast_gradients_have_the_operands_shape)
{
	static const double a[] = {1, 2, 3}, b[] = {5, 7, 11, 13}, c[] = {2};
	tl_tape *tape = tl_tape_new(NULL);
	tl_var in[] = {tl_input(tape, TL_SHAPE(3, 1), a), tl_input(tape, TL_SHAPE(4), b),
		tl_input(tape, TL_SCALAR, c)};
	tl_var d[3];
	double got[4];
	tl_var product = tl_mul(tl_mul(in[0], in[1]), in[2]);
	ck_assert_int_eq(tl_grad(tl_sum_to(product, TL_SCALAR), 3, in, d), TL_OK);
	for (int k = 0; k < 3; k++)
		ck_assert(tl_shape_equal(tl_var_shape(d[k]), tl_var_shape(in[k])));
	ck_assert_int_eq(tl_read(d[0], got, 3), TL_OK);
	for (int i = 0; i < 3; i++)
		ck_assert_double_eq(got[i], (5 + 7 + 11 + 13) * 2);
	ck_assert_int_eq(tl_read(d[1], got, 4), TL_OK);
	for (int i = 0; i < 4; i++)
		ck_assert_double_eq(got[i], (1 + 2 + 3) * 2);
	ck_assert_int_eq(tl_read(d[2], got, 1), TL_OK);
	ck_assert_double_eq(got[0], (1 + 2 + 3) * (5 + 7 + 11 + 13));
	tl_tape_free(tape);
}
END_TEST

Suite *tl_test_suite(void)
{
	int ops = 0;
	while (tl_op_at(ops))
		ops++;
	Suite *s = suite_create("gradients");
	TCase *c = tcase_create("every op");
	tcase_add_loop_test(c, op_is_complete, 0, ops);
	tcase_add_loop_test(c, first_derivatives, 0, ops);
	tcase_add_loop_test(c, second_derivatives, 0, ops);
	tcase_add_loop_test(c, strided_operands, 0, ops);
	suite_add_tcase(s, c);
	c = tcase_create("shapes");
	tcase_add_test(c, broadcast_gradients_have_the_operands_shape);
	suite_add_tcase(s, c);
	return s;
}
