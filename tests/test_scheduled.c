/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Graphs that depend on values: a program reads a value while it records, and records on according to
 * it. The gradient is that of the graph that came about, so it must equal the gradient of the same graph
 * recorded in one piece by a program that knew all choices beforehand.
 */
#include "tests/suite.h"

#include <math.h>
#include <string.h>

#include "models/tapeloop.h"

enum { V = 6, HIDDEN = 5, BATCH = 3, STEPS = 8, MANY = 1024 };

static const double tolerance = sizeof(tl_real) == sizeof(double) ? 1e-11 : 1e-5;

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

static tl_var number(double x)
{
	return tl_input(tape, TL_SCALAR, &(tl_real){(tl_real)x});
}

static double value(tl_var v)
{
	tl_real x = 0;
	ck_assert_msg(tl_read(v, &x, 1) == TL_OK, "%s", tl_tape_error(tape)->text);
	return (double)x;
}

static double derivative(tl_var y, tl_var x)
{
	tl_var d;
	tl_grad(y, 1, &x, &d);
	return value(d);
}

static void check_close(double got, double want)
{
	ck_assert_msg(fabs(got - want) <= tolerance * fmax(1, fabs(want)), "%.9g, not %.9g", got, want);
}

/* Nothing was computed a second time because recording went on. */
static void check_computed_once(void)
{
	tl_tape_stats stats = tl_tape_get_stats(tape);
	ck_assert_uint_le(stats.computed, stats.nodes);
}

/* Symbols that a model reads and what it should say to them. */
typedef struct script {
	int32_t in[STEPS][BATCH], target[STEPS][BATCH];
} script;

/*
 * Scheduled sampling (Bengio, Vinyals, Jaitly, Shazeer, 2015): what the model reads next is the truth, or
 * what it said itself. Fills s->in.
 */
static tl_var record_sampling(const tl_lm *lm, script *s)
{
	tl_rng coin = {.seed = 5};
	tl_state state = {0};
	tl_var said[STEPS];
	memset(s->in[0], 0, sizeof s->in[0]);
	for (int t = 0; t < STEPS; t++) {
		tl_var x = tl_embedding_run(&lm->input, tl_index(tape, TL_SHAPE(BATCH), s->in[t]));
		tl_rnn_result r = tl_rnn_step(lm->rnn, x, state);
		said[t] = tl_dense_run(&lm->output, r.output);
		state = r.last;
		if (t + 1 == STEPS)
			break;
		if (tl_rng_uniform(&coin) < 0.7)
			ck_assert_int_eq(tl_read_index(tl_argmax(said[t], -1), s->in[t + 1], BATCH), TL_OK);
		else
			memcpy(s->in[t + 1], s->target[t], sizeof s->target[t]);
	}
	tl_var targets = tl_index(tape, TL_SHAPE(STEPS, BATCH), s->target[0]);
	return tl_cross_entropy(tl_stack(STEPS, said, 0), targets, NULL);
}

/* The loss and all gradients, which are copied out. */
static double train(tl_store *store, tl_var loss, tl_real *grads)
{
	tl_store_zero_grad(store);
	ck_assert_msg(tl_backward(loss) == TL_OK, "%s", tl_tape_error(tape)->text);
	ck_assert_int_le(tl_store_span(store), MANY);
	memcpy(grads, tl_store_grads(store), (size_t)tl_store_span(store) * sizeof *grads);
	return value(loss);
}

START_TEST(sampling_while_training)
{
	tl_store *store = tl_store_new();
	tl_lm *lm = tl_lm_new(store,
		&(tl_lm_options){
			.cell = &tl_cell_lstm, .symbols = V, .embed = 4, .hidden = HIDDEN, .layers = 2},
		NULL);
	ck_assert_ptr_nonnull(lm);
	script s;
	tl_rng r = {.seed = 1};
	for (int t = 0; t < STEPS; t++)
		for (int b = 0; b < BATCH; b++)
			s.target[t][b] = (int32_t)tl_rng_below(&r, V);
	for (int k = 0; k < tl_store_count(store); k++)
		tl_init_uniform(tl_store_at(store, k), &r, -2, 2);
	tl_real got[MANY], want[MANY];
	double got_loss = train(store, record_sampling(lm, &s), got);
	check_computed_once();

	int said_itself = 0;
	for (int t = 1; t < STEPS; t++)
		said_itself += memcmp(s.in[t], s.target[t - 1], sizeof s.in[t]) != 0;
	ck_assert(said_itself > 1 && said_itself < STEPS - 1);

	tl_tape_reset(tape);
	tl_var in = tl_index(tape, TL_SHAPE(STEPS, BATCH), s.in[0]);
	tl_var targets = tl_index(tape, TL_SHAPE(STEPS, BATCH), s.target[0]);
	tl_var whole = tl_cross_entropy(tl_lm_run(lm, in, (tl_state){0}, true).logits, targets, NULL);
	check_close(got_loss, train(store, whole, want));
	for (int64_t i = 0; i < tl_store_span(store); i++)
		check_close((double)got[i], (double)want[i]);
	tl_lm_free(lm);
	tl_store_free(store);
}
END_TEST

static tl_var newton(tl_var x, tl_var a)
{
	return tl_scale(tl_add(x, tl_div(a, x)), 0.5);
}

/* sqrt(a) by Newton's iteration, as long as it takes. */
START_TEST(a_stopping_rule)
{
	const double numbers[] = {1, 2, 50, 4000};
	int earlier = -1;
	for (int k = 0; k < 4; k++) {
		tl_tape_reset(tape);
		tl_var a = number(numbers[k]), x = number(1);
		int steps = 0;
		while (fabs(value(tl_div(tl_square(x), a)) - 1) > 1e-6) {
			x = newton(x, a);
			steps++;
			ck_assert_int_lt(steps, 20);
		}
		ck_assert_double_eq_tol(value(x), sqrt(numbers[k]), 1e-5 * sqrt(numbers[k]));
		ck_assert_int_gt(steps, earlier);
		earlier = steps;
		double got = derivative(x, a);
		check_computed_once();

		tl_tape_reset(tape);
		a = number(numbers[k]);
		x = number(1);
		for (int i = 0; i < steps; i++)
			x = newton(x, a);
		check_close(got, derivative(x, a));
		if (steps)
			ck_assert_double_eq_tol(got, 0.5 / sqrt(numbers[k]), 1e-3 * got);
	}
}
END_TEST

/* y = (x w)^n, where n is itself a value of the graph; n is read and so a constant to the gradient. */
START_TEST(a_loop_as_long_as_a_value_says)
{
	const double x0 = 1.25, lengths[] = {1, 2.2, 6.7};
	for (int k = 0; k < 3; k++) {
		tl_tape_reset(tape);
		tl_var x = number(x0), w = number(sqrt(lengths[k]) / x0), xw = tl_mul(x, w), y = number(1);
		int n = (int)lround(value(tl_square(xw)));
		ck_assert_int_eq(n, (int)lround(lengths[k]));
		for (int i = 0; i < n; i++)
			y = tl_mul(y, xw);
		double at = value(xw);
		check_close(value(y), pow(at, n));
		check_close(derivative(y, x), n * pow(at, n - 1) * at / x0);
		check_close(derivative(y, w), n * pow(at, n - 1) * x0);
		check_computed_once();
	}
}
END_TEST

/* f(x) = (x^2 - a)^2: one step of descent by a rate, itself recorded. */
static tl_var descend(tl_var x, tl_var a, double rate)
{
	tl_var f = tl_square(tl_sub(tl_square(x), a)), d = {0};
	tl_grad(f, 1, &x, &d);
	return tl_sub(x, tl_scale(d, rate));
}

static double error_of(tl_var x, double a)
{
	return fabs(value(x) * value(x) - a);
}

/* Rates are halved until a step helps; then the gradient goes through all steps that were kept. */
START_TEST(a_search_through_gradients)
{
	enum { DESCENTS = 4 };
	const double a0 = 3, start = 2.5;
	tl_var a = number(a0), x = number(start);
	double rates[DESCENTS];
	int halvings = 0;
	for (int k = 0; k < DESCENTS; k++) {
		rates[k] = 0.25;
		tl_var next = descend(x, a, rates[k]);
		for (; error_of(next, a0) >= error_of(x, a0); halvings++)
			next = descend(x, a, rates[k] /= 2);
		x = next;
	}
	ck_assert_int_gt(halvings, 1);
	double got = value(x), slope = derivative(x, a);
	check_computed_once();

	tl_tape_reset(tape);
	a = number(a0);
	x = number(start);
	for (int k = 0; k < DESCENTS; k++)
		x = descend(x, a, rates[k]);
	check_close(got, value(x));
	check_close(slope, derivative(x, a));

	/* x' = x - r (4 x^3 - 4 a x), so dx'/da = (1 - r (12 x^2 - 4 a)) dx/da + 4 r x. */
	double by_hand = 0, at = start;
	for (int k = 0; k < DESCENTS; k++) {
		by_hand = (1 - rates[k] * (12 * at * at - 4 * a0)) * by_hand + 4 * rates[k] * at;
		at -= rates[k] * (4 * at * at * at - 4 * a0 * at);
	}
	ck_assert_double_eq_tol(slope, by_hand, 10 * tolerance * fmax(1, fabs(by_hand)));
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("scheduled");
	TCase *c = tcase_create("scheduled");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, sampling_while_training);
	tcase_add_test(c, a_stopping_rule);
	tcase_add_test(c, a_loop_as_long_as_a_value_says);
	tcase_add_test(c, a_search_through_gradients);
	suite_add_tcase(s, c);
	return s;
}
