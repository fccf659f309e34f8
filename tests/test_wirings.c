/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shapes of tasks, each wired with public calls, trained until it can do a small task, and compared with
 * plain loops before and after:
 *
 *	one to one     x -> y: a recurrent net of one step is a multilayer perceptron
 *	one to many    a vector starts a sequence: it becomes the initial state
 *	many to one    the last state, or the mean of all states
 *	in step        a label for each step
 */
#include "tests/suite.h"

#include <math.h>

#include "models/tapeloop.h"

enum { H = 12, MOST_ROWS = 512, MOST_C = 4, MOST_X = 2048 };

static const double tolerance = sizeof(tl_real) == sizeof(double) ? 1e-11 : 2e-5;

typedef struct model {
	tl_tape *tape;
	tl_store *store;
	tl_rnn *rnn;
	tl_dense start; /* one to many: the initial state from a vector */
	tl_dense out;
	int steps, batch, input, classes;
	tl_real x[MOST_X];         /* (T, B, I), or the vectors (B, I) of one to many */
	int32_t target[MOST_ROWS]; /* of each row of logits */
	int rows;
} model;

/* One wiring: logits (rows, C) from the tape, and by hand to `logits`. */
typedef struct wiring {
	void (*make)(void);
	tl_var (*run)(void);
	void (*by_hand)(double logits[][MOST_C]);
	int updates;
	double before, loss; /* bounds of the loss: more than one, less than the other afterwards */
} wiring;

static model m;

static void make(int steps, int batch, int input, int classes)
{
	tl_error err = {0};
	m = (model){.steps = steps, .batch = batch, .input = input, .classes = classes};
	m.tape = tl_tape_new(NULL);
	m.store = tl_store_new();
	ck_assert_int_le(steps * batch, MOST_ROWS);
	ck_assert_int_le(steps * batch * input, MOST_X);
	m.rnn = tl_rnn_new(
		m.store, "rnn", &(tl_rnn_options){.cell = &tl_cell_rnn, .input = input, .hidden = H}, &err);
	tl_dense_add(&m.start, m.store, "start", input, H, &err);
	tl_dense_add(&m.out, m.store, "out", H, classes, &err);
	ck_assert_msg(err.status == TL_OK, "%s", err.text);
	tl_rng rng = {.seed = 7};
	tl_rnn_init(m.rnn, &rng);
	tl_dense_init(&m.start, &rng);
	tl_dense_init(&m.out, &rng);
}

static void teardown(void)
{
	tl_rnn_free(m.rnn);
	tl_store_free(m.store);
	tl_tape_free(m.tape);
}

static tl_var input(void)
{
	return tl_input(m.tape, TL_SHAPE(m.steps, m.batch, m.input), m.x);
}

static tl_var loss_of(tl_var logits)
{
	return tl_cross_entropy(logits, tl_index(m.tape, TL_SHAPE(m.rows), m.target), NULL);
}

/* By hand */

static const tl_real *values(const tl_param *p)
{
	return p->value.data;
}

static void dense(const tl_param *w, const tl_param *b, const double *x, double *y)
{
	int64_t n = w->value.shape.dim[0], k = w->value.shape.dim[1];
	for (int64_t j = 0; j < k; j++) {
		y[j] = (double)values(b)[j];
		for (int64_t i = 0; i < n; i++)
			y[j] += x[i] * (double)values(w)[i * k + j];
	}
}

static void input_by_hand(int t, int b, double *x)
{
	for (int i = 0; i < m.input; i++)
		x[i] = (double)m.x[(t * m.batch + b) * m.input + i];
}

/* h' = tanh(x W + h U + b) */
static void step_by_hand(const double *x, double *h)
{
	double z[H];
	dense(m.rnn->params[0], m.rnn->params[2], x, z);
	for (int j = 0; j < H; j++)
		for (int i = 0; i < H; i++)
			z[j] += h[i] * (double)values(m.rnn->params[1])[i * H + j];
	for (int j = 0; j < H; j++)
		h[j] = tanh(z[j]);
}

/* One to one: exclusive or, which needs a hidden layer. */

static void make_xor(void)
{
	make(1, 4, 2, 2);
	tl_store_freeze(m.store, "rnn.l0.u", true, NULL);
	for (int b = 0; b < 4; b++) {
		m.x[2 * b] = (tl_real)(b & 1);
		m.x[2 * b + 1] = (tl_real)(b >> 1);
		m.target[m.rows++] = (b & 1) ^ b >> 1;
	}
}

static tl_var run_in_step(void)
{
	tl_var h = tl_rnn_run(m.rnn, input(), (tl_state){0}, true).output;
	return tl_reshape(tl_dense_run(&m.out, h), TL_SHAPE(m.rows, m.classes));
}

static void mlp_by_hand(double logits[][MOST_C])
{
	for (int b = 0; b < m.batch; b++) {
		double x[2], h[H];
		input_by_hand(0, b, x);
		dense(m.rnn->params[0], m.rnn->params[2], x, h);
		for (int j = 0; j < H; j++)
			h[j] = tanh(h[j]);
		dense(m.out.w, m.out.b, h, logits[b]);
	}
}

/* One to many: each of three vectors starts another sequence of four symbols; every step reads zeros. */

static void make_start(void)
{
	static const int32_t sequence[3][6] = {{0, 1, 2, 3, 0, 1}, {3, 3, 0, 3, 3, 0}, {2, 1, 1, 0, 2, 2}};
	make(6, 3, 3, 4);
	for (int b = 0; b < 3; b++)
		m.x[b * 3 + b] = 1;
	for (int t = 0; t < 6; t++)
		for (int b = 0; b < 3; b++)
			m.target[m.rows++] = sequence[b][t];
}

static tl_var run_start(void)
{
	tl_var vector = tl_input(m.tape, TL_SHAPE(m.batch, m.input), m.x);
	tl_var first = tl_unsqueeze(tl_tanh(tl_dense_run(&m.start, vector)), 0);
	tl_var nothing = tl_fill(m.tape, TL_SHAPE(m.steps, m.batch, m.input), 0);
	tl_var h = tl_rnn_run(m.rnn, nothing, tl_state1(first), true).output;
	return tl_reshape(tl_dense_run(&m.out, h), TL_SHAPE(m.rows, m.classes));
}

static void start_by_hand(double logits[][MOST_C])
{
	for (int b = 0; b < m.batch; b++) {
		double x[3], h[H], zeros[3] = {0};
		input_by_hand(0, b, x);
		dense(m.start.w, m.start.b, x, h);
		for (int j = 0; j < H; j++)
			h[j] = tanh(h[j]);
		for (int t = 0; t < m.steps; t++) {
			step_by_hand(zeros, h);
			dense(m.out.w, m.out.b, h, logits[t * m.batch + b]);
		}
	}
}

/* All sequences of zeros and ones, two one-hot inputs. */
static void make_bits(int steps)
{
	make(steps, 1 << steps, 2, 2);
	for (int t = 0; t < steps; t++)
		for (int b = 0; b < m.batch; b++)
			m.x[(t * m.batch + b) * 2 + (b >> t & 1)] = 1;
}

/* Many to one: the first bit, five steps later; the commonest bit. */

static void make_first(void)
{
	make_bits(6);
	for (int b = 0; b < m.batch; b++)
		m.target[m.rows++] = b & 1;
}

static tl_var run_last(void)
{
	tl_rnn_result r = tl_rnn_run(m.rnn, input(), (tl_state){0}, true);
	return tl_dense_run(&m.out, tl_select(r.last.v[0], 0, -1));
}

static void last_by_hand(double logits[][MOST_C])
{
	for (int b = 0; b < m.batch; b++) {
		double x[2], h[H] = {0};
		for (int t = 0; t < m.steps; t++) {
			input_by_hand(t, b, x);
			step_by_hand(x, h);
		}
		dense(m.out.w, m.out.b, h, logits[b]);
	}
}

static void make_majority(void)
{
	make_bits(5);
	for (int b = 0; b < m.batch; b++) {
		int ones = 0;
		for (int t = 0; t < m.steps; t++)
			ones += b >> t & 1;
		m.target[m.rows++] = ones > m.steps / 2;
	}
}

static tl_var run_mean(void)
{
	tl_rnn_result r = tl_rnn_run(m.rnn, input(), (tl_state){0}, true);
	return tl_dense_run(&m.out, tl_mean(r.output, TL_AXES(0), false));
}

static void mean_by_hand_of(const int64_t *lengths, double logits[][MOST_C])
{
	for (int b = 0; b < m.batch; b++) {
		double x[2], h[H] = {0}, mean[H] = {0};
		int64_t steps = lengths ? lengths[b] : m.steps;
		for (int t = 0; t < steps; t++) {
			input_by_hand(t, b, x);
			step_by_hand(x, h);
			for (int j = 0; j < H; j++)
				mean[j] += h[j] / (double)steps;
		}
		dense(m.out.w, m.out.b, mean, logits[b]);
	}
}

static void mean_by_hand(double logits[][MOST_C])
{
	mean_by_hand_of(NULL, logits);
}

/* In step: whether a bit is another than the one before it. */

static void make_changes(void)
{
	make_bits(6);
	for (int t = 0; t < m.steps; t++)
		for (int b = 0; b < m.batch; b++)
			m.target[m.rows++] = (b >> t & 1) ^ (t ? b >> (t - 1) & 1 : 0);
}

static void in_step_by_hand(double logits[][MOST_C])
{
	for (int b = 0; b < m.batch; b++) {
		double x[2], h[H] = {0};
		for (int t = 0; t < m.steps; t++) {
			input_by_hand(t, b, x);
			step_by_hand(x, h);
			dense(m.out.w, m.out.b, h, logits[t * m.batch + b]);
		}
	}
}

/* Before training the loss is about that of guessing: log 2, or log 4. */
static const wiring wirings[] = {
	{make_xor, run_in_step, mlp_by_hand, 300, 0.6, 0.01},
	{make_start, run_start, start_by_hand, 300, 1.2, 0.01},
	{make_first, run_last, last_by_hand, 300, 0.6, 0.01},
	{make_majority, run_mean, mean_by_hand, 300, 0.6, 0.01},
	{make_changes, run_in_step, in_step_by_hand, 300, 0.6, 0.01},
};

/* Logits and loss of the tape are those by hand; returns the loss. */
static double check(const wiring *w)
{
	static double want[MOST_ROWS][MOST_C];
	static tl_real got[MOST_ROWS * MOST_C];
	tl_real loss;
	tl_tape_reset(m.tape);
	tl_var logits = w->run();
	ck_assert_msg(tl_read(logits, got, m.rows * m.classes) == TL_OK, "%s", tl_tape_error(m.tape)->text);
	ck_assert_int_eq(tl_read(loss_of(logits), &loss, 1), TL_OK);
	w->by_hand(want);
	double mean = 0;
	for (int r = 0; r < m.rows; r++) {
		double total = 0;
		for (int k = 0; k < m.classes; k++) {
			ck_assert_double_eq_tol((double)got[r * m.classes + k], want[r][k],
				tolerance * fmax(1, fabs(want[r][k])));
			total += exp(want[r][k]);
		}
		mean += (log(total) - want[r][m.target[r]]) / m.rows;
	}
	ck_assert_double_eq_tol((double)loss, mean, tolerance);
	return mean;
}

/* Runs for each wiring. */
START_TEST(learns_and_is_what_loops_compute)
{
	const wiring *w = &wirings[_i];
	tl_error err = {0};
	w->make();
	if (w->by_hand == mlp_by_hand)
		tl_init_constant(m.rnn->params[1], 1e6); /* no state is there for it to multiply */
	double before = check(w);
	ck_assert_msg(before > w->before, "loss %g before training", before);
	tl_optimizer *adam = tl_optimizer_new(m.store, &(tl_optimizer_options){.kind = &tl_adam, .lr = 0.02}, &err);
	for (int k = 0; k < w->updates; k++) {
		tl_tape_reset(m.tape);
		tl_status status = tl_store_backward(m.store, loss_of(w->run()));
		ck_assert_msg(status == TL_OK, "%s", tl_tape_error(m.tape)->text);
		tl_optimizer_step(adam);
	}
	tl_optimizer_free(adam);
	double after = check(w);
	ck_assert_msg(after < w->loss, "loss %g after training", after);
}
END_TEST

/* With U = 0 no step knows of another: each is the perceptron of its own input. */
START_TEST(without_the_h_term_steps_are_perceptrons)
{
	double got[2], want[MOST_C];
	make_changes();
	tl_init_constant(m.rnn->params[1], 0);
	tl_real read[MOST_ROWS * 2];
	ck_assert_int_eq(tl_read(run_in_step(), read, m.rows * 2), TL_OK);
	for (int r = 0; r < m.rows; r++) {
		double x[2], h[H];
		input_by_hand(r / m.batch, r % m.batch, x);
		dense(m.rnn->params[0], m.rnn->params[2], x, h);
		for (int j = 0; j < H; j++)
			h[j] = tanh(h[j]);
		dense(m.out.w, m.out.b, h, want);
		for (int k = 0; k < 2; k++) {
			got[k] = (double)read[2 * r + k];
			ck_assert_double_eq_tol(got[k], want[k], tolerance);
		}
	}
}
END_TEST

/* [x, h] [W; U] + b, one product of what is put side by side. */
static tl_state stacked_step(const tl_var *p, tl_var x, tl_state s)
{
	tl_var xh = tl_concat(2, (tl_var[]){x, s.v[0]}, -1), wu = tl_concat(2, (tl_var[]){p[0], p[1]}, 0);
	return tl_state1(tl_tanh(tl_linear(xh, wu, p[2])));
}

START_TEST(one_product_of_x_and_h_is_the_same)
{
	make_changes();
	tl_cell stacked = tl_cell_rnn;
	stacked.step = stacked_step;
	tl_rnn other = *m.rnn;
	other.options.cell = &stacked;
	tl_var a = tl_rnn_run(m.rnn, input(), (tl_state){0}, true).output;
	tl_var b = tl_rnn_run(&other, input(), (tl_state){0}, true).output;
	tl_var wrt[] = {tl_use(m.tape, m.rnn->params[0]), tl_use(m.tape, m.rnn->params[1])}, da[2], db[2];
	tl_real most;
	tl_grad(tl_sum_all(tl_square(a)), 2, wrt, da);
	tl_grad(tl_sum_all(tl_square(b)), 2, wrt, db);
	ck_assert_int_eq(tl_read(tl_max(tl_abs(tl_sub(a, b)), TL_AXES(0, 1, 2), false), &most, 1), TL_OK);
	ck_assert((double)most <= tolerance);
	for (int k = 0; k < 2; k++) {
		tl_var off = tl_max(tl_abs(tl_sub(da[k], db[k])), TL_AXES(0, 1), false);
		tl_var size = tl_max(tl_abs(da[k]), TL_AXES(0, 1), false);
		ck_assert_int_eq(tl_read(tl_div(off, size), &most, 1), TL_OK);
		ck_assert((double)most <= tolerance);
	}
}
END_TEST

START_TEST(parameters_do_not_depend_on_the_length)
{
	int64_t size[2];
	for (int k = 0; k < 2; k++) {
		make_bits(k ? 6 : 2);
		tl_var output = tl_rnn_run(m.rnn, input(), (tl_state){0}, true).output;
		ck_assert_int_eq(tl_eval(1, &output), TL_OK);
		size[k] = tl_store_size(m.store);
		if (k == 0)
			teardown();
	}
	ck_assert_int_eq(size[0], size[1]);
	ck_assert_int_eq(size[0], (2 * H + H * H + H) + (2 * H + H) + (H * 2 + 2));
}
END_TEST

/* Outputs are 0 behind a row's end, so the mean of its states is their sum by its length. */
START_TEST(the_mean_of_states_of_unequal_lengths)
{
	make_majority();
	int64_t lengths[32];
	tl_real inverse[32], got[32 * 2];
	double want[32][MOST_C];
	for (int b = 0; b < 32; b++) {
		lengths[b] = 1 + b * 7 % 5;
		inverse[b] = (tl_real)1 / (tl_real)lengths[b];
	}
	tl_rnn_result r = tl_rnn_run_ragged(m.rnn, input(), lengths, (tl_state){0}, true);
	tl_var by = tl_input(m.tape, TL_SHAPE(32, 1), inverse);
	tl_var logits = tl_dense_run(&m.out, tl_mul(tl_sum(r.output, TL_AXES(0), false), by));
	ck_assert_msg(tl_read(logits, got, 32 * 2) == TL_OK, "%s", tl_tape_error(m.tape)->text);
	mean_by_hand_of(lengths, want);
	for (int i = 0; i < 32 * 2; i++)
		ck_assert_double_eq_tol((double)got[i], want[i / 2][i % 2], tolerance);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("wirings");
	TCase *c = tcase_create("wirings");
	tcase_add_checked_fixture(c, NULL, teardown);
	tcase_add_loop_test(c, learns_and_is_what_loops_compute, 0, sizeof wirings / sizeof *wirings);
	tcase_add_test(c, without_the_h_term_steps_are_perceptrons);
	tcase_add_test(c, one_product_of_x_and_h_is_the_same);
	tcase_add_test(c, parameters_do_not_depend_on_the_length);
	tcase_add_test(c, the_mean_of_states_of_unequal_lengths);
	suite_add_tcase(s, c);
	return s;
}
