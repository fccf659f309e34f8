/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recurrent cells: each against its equations, written out here a second time in plain loops, and its
 * gradients against central differences; what gates at 0 and 1 do; a cell of a user's own.
 */
#include "tests/suite.h"

#include <math.h>
#include <string.h>

#include "models/tapeloop.h"

enum { B = 2, E = 3, H = 4, STEPS = 3, LAYERS = 2 };

static const bool is_double = sizeof(tl_real) == sizeof(double);
static const double tolerance = sizeof(tl_real) == sizeof(double) ? 1e-12 : 1e-5;

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

static void read_values(tl_var v, int64_t n, double *to)
{
	tl_real got[256];
	ck_assert_int_le(n, 256);
	ck_assert_msg(tl_read(v, got, n) == TL_OK, "%s", tl_tape_error(tape)->text);
	for (int64_t i = 0; i < n; i++)
		to[i] = (double)got[i];
}

static void check_close(const char *what, tl_var v, const double *want, int64_t n)
{
	double got[256];
	read_values(v, n, got);
	for (int64_t i = 0; i < n; i++)
		ck_assert_msg(fabs(got[i] - want[i]) <= tolerance * fmax(1, fabs(want[i])),
			"%s: element %d is %.9g, not %.9g", what, (int)i, got[i], want[i]);
}

static void check_equal(const char *what, tl_var a, tl_var b)
{
	double want[256];
	int64_t n = tl_shape_size(tl_var_shape(b));
	read_values(b, n, want);
	check_close(what, a, want, n);
}

/* A net whose input and initial states lie in the store, too, so that all it depends on is one array. */
typedef struct net {
	tl_store *store;
	tl_rnn *rnn;
	tl_param *x, *s[TL_MAX_STATES];
} net;

static net net_new(const tl_cell *cell, int layers, int steps)
{
	tl_error err = {0};
	net n = {.store = tl_store_new()};
	tl_rnn_options options = {.cell = cell, .input = E, .hidden = H, .layers = layers};
	n.rnn = tl_rnn_new(n.store, "net", &options, &err);
	n.x = tl_store_add(n.store, "x", TL_SHAPE(steps, B, E), &err);
	for (int k = 0; k < cell->states; k++)
		n.s[k] = tl_store_add(n.store, k ? "c0" : "h0", TL_SHAPE(layers, B, H), &err);
	ck_assert_msg(err.status == TL_OK, "%s", err.text);
	tl_rng rng = {.seed = 12};
	for (int k = 0; k < tl_store_count(n.store); k++)
		tl_init_uniform(tl_store_at(n.store, k), &rng, -1, 1);
	return n;
}

static void net_free(net *n)
{
	tl_rnn_free(n->rnn);
	tl_store_free(n->store);
}

static tl_rnn_result net_run(const net *n)
{
	tl_state s = {.n = n->rnn->options.cell->states};
	for (int k = 0; k < s.n; k++)
		s.v[k] = tl_use(tape, n->s[k]);
	return tl_rnn_run(n->rnn, tl_use(tape, n->x), s, true);
}

/* The equations, for one row: parameters as in models/cells.c, x[E], states s[][H], to next[][H]. */
typedef void equations(const tl_real *const *p, const double *x, double s[][H], double next[][H]);

static double sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

/* Column j of gate k of x W + b, where W has n gates. */
static double xw(const tl_real *const *p, const double *x, int k, int n, int j)
{
	double z = (double)p[2][k * H + j];
	for (int e = 0; e < E; e++)
		z += x[e] * (double)p[0][e * n * H + k * H + j];
	return z;
}

static double hu(const tl_real *u, const double *h, int k, int n, int j)
{
	double z = 0;
	for (int i = 0; i < H; i++)
		z += h[i] * (double)u[i * n * H + k * H + j];
	return z;
}

static void rnn_equations(const tl_real *const *p, const double *x, double s[][H], double next[][H])
{
	for (int j = 0; j < H; j++)
		next[0][j] = tanh(xw(p, x, 0, 1, j) + hu(p[1], s[0], 0, 1, j));
}

static void rnn_relu_equations(const tl_real *const *p, const double *x, double s[][H], double next[][H])
{
	for (int j = 0; j < H; j++)
		next[0][j] = fmax(0, xw(p, x, 0, 1, j) + hu(p[1], s[0], 0, 1, j));
}

static void gru_equations(const tl_real *const *p, const double *x, double s[][H], double next[][H])
{
	double reset[H];
	for (int j = 0; j < H; j++)
		reset[j] = s[0][j] * sigmoid(xw(p, x, 0, 3, j) + hu(p[1], s[0], 0, 2, j));
	for (int j = 0; j < H; j++) {
		double z = sigmoid(xw(p, x, 1, 3, j) + hu(p[1], s[0], 1, 2, j));
		double n = tanh(xw(p, x, 2, 3, j) + hu(p[3], reset, 0, 1, j));
		next[0][j] = z * s[0][j] + (1 - z) * n;
	}
}

static void gru_lbr_equations(const tl_real *const *p, const double *x, double s[][H], double next[][H])
{
	for (int j = 0; j < H; j++) {
		double r = sigmoid(xw(p, x, 0, 3, j) + hu(p[1], s[0], 0, 3, j));
		double z = sigmoid(xw(p, x, 1, 3, j) + hu(p[1], s[0], 1, 3, j));
		double n = tanh(xw(p, x, 2, 3, j) + r * (hu(p[1], s[0], 2, 3, j) + (double)p[3][j]));
		next[0][j] = z * s[0][j] + (1 - z) * n;
	}
}

static void lstm_equations(const tl_real *const *p, const double *x, double s[][H], double next[][H])
{
	for (int j = 0; j < H; j++) {
		double z[4];
		for (int k = 0; k < 4; k++)
			z[k] = xw(p, x, k, 4, j) + hu(p[1], s[0], k, 4, j);
		next[1][j] = sigmoid(z[1]) * s[1][j] + sigmoid(z[0]) * tanh(z[2]);
		next[0][j] = sigmoid(z[3]) * tanh(next[1][j]);
	}
}

static void lstm_peephole_equations(const tl_real *const *p, const double *x, double s[][H], double next[][H])
{
	for (int j = 0; j < H; j++) {
		double z[4], peep[3];
		for (int k = 0; k < 4; k++)
			z[k] = xw(p, x, k, 4, j) + hu(p[1], s[0], k, 4, j);
		for (int k = 0; k < 3; k++)
			peep[k] = (double)p[3][k * H + j];
		double i = sigmoid(z[0] + peep[0] * s[1][j]), f = sigmoid(z[1] + peep[1] * s[1][j]);
		next[1][j] = f * s[1][j] + i * tanh(z[2]);
		next[0][j] = sigmoid(z[3] + peep[2] * next[1][j]) * tanh(next[1][j]);
	}
}

static void mgu_equations(const tl_real *const *p, const double *x, double s[][H], double next[][H])
{
	double f[H], fh[H];
	for (int j = 0; j < H; j++) {
		f[j] = sigmoid(xw(p, x, 0, 2, j) + hu(p[1], s[0], 0, 1, j));
		fh[j] = f[j] * s[0][j];
	}
	for (int j = 0; j < H; j++)
		next[0][j] = (1 - f[j]) * s[0][j] + f[j] * tanh(xw(p, x, 1, 2, j) + hu(p[3], fh, 0, 1, j));
}

/* In the order of tl_cell_at. A layer has matrices * (E + H + 1) * H + vectors * H parameters. */
static const struct {
	const tl_cell *cell;
	equations *step;
	int matrices, vectors;
} cells[] = {
	{&tl_cell_rnn, rnn_equations, 1, 0},
	{&tl_cell_rnn_relu, rnn_relu_equations, 1, 0},
	{&tl_cell_gru, gru_equations, 3, 0},
	{&tl_cell_gru_lbr, gru_lbr_equations, 3, 1},
	{&tl_cell_lstm, lstm_equations, 4, 0},
	{&tl_cell_lstm_peephole, lstm_peephole_equations, 4, 3},
	{&tl_cell_mgu, mgu_equations, 2, 0},
};

enum { CELLS = sizeof cells / sizeof *cells };

START_TEST(the_list)
{
	for (int k = 0; k < CELLS; k++) {
		ck_assert_ptr_eq(tl_cell_at(k), cells[k].cell);
		ck_assert_ptr_eq(tl_cell_by_name(cells[k].cell->name), cells[k].cell);
		ck_assert_ptr_nonnull(cells[k].cell->equations);
	}
	ck_assert_ptr_null(tl_cell_at(CELLS));
	ck_assert_ptr_null(tl_cell_at(-1));
	ck_assert_ptr_null(tl_cell_by_name("perceptron"));
}
END_TEST

/* Runs for each cell, as do the next two. */
START_TEST(follows_its_equations)
{
	const tl_cell *cell = cells[_i].cell;
	net n = net_new(cell, 1, 1);
	const tl_real *p[8];
	double want[TL_MAX_STATES][B][H];
	for (int k = 0; k < n.rnn->count; k++)
		p[k] = n.rnn->params[k]->value.data;
	for (int row = 0; row < B; row++) {
		double x[E], s[TL_MAX_STATES][H], next[TL_MAX_STATES][H];
		for (int e = 0; e < E; e++)
			x[e] = (double)((const tl_real *)n.x->value.data)[row * E + e];
		for (int k = 0; k < cell->states; k++)
			for (int j = 0; j < H; j++)
				s[k][j] = (double)((const tl_real *)n.s[k]->value.data)[row * H + j];
		cells[_i].step(p, x, s, next);
		for (int k = 0; k < cell->states; k++)
			memcpy(want[k][row], next[k], sizeof next[k]);
	}
	tl_rnn_result r = net_run(&n);
	check_close(cell->name, r.output, want[0][0], B * H);
	for (int k = 0; k < cell->states; k++)
		check_close(cell->name, r.last.v[k], want[k][0], B * H);
	net_free(&n);
}
END_TEST

static tl_var weighted(tl_var v, uint64_t stream)
{
	tl_rng rng = {.seed = 13, .stream = stream};
	tl_real w[STEPS * B * H];
	tl_shape shape = tl_var_shape(v);
	ck_assert_int_le(tl_shape_size(shape), STEPS * B * H);
	for (int64_t i = 0; i < tl_shape_size(shape); i++)
		w[i] = (tl_real)(2 * tl_rng_uniform(&rng) - 1);
	return tl_sum_all(tl_mul(v, tl_input(tape, shape, w)));
}

static tl_var net_loss(const net *n)
{
	tl_tape_reset(tape);
	tl_rnn_result r = net_run(n);
	tl_var loss = weighted(r.output, 0);
	for (int k = 0; k < r.last.n; k++)
		loss = tl_add(loss, weighted(r.last.v[k], (uint64_t)k + 1));
	return loss;
}

static double loss_at(const net *n, tl_real *x, double moved)
{
	double loss;
	tl_real old = *x;
	*x = (tl_real)((double)old + moved);
	read_values(net_loss(n), 1, &loss);
	*x = old;
	return loss;
}

/* Against (8 D(h) - D(2h)) / 12h, D(h) = L(x + h) - L(x - h). */
START_TEST(gradients_are_central_differences)
{
	const double h = 1e-3;
	net n = net_new(cells[_i].cell, LAYERS, STEPS);
	ck_assert_int_eq(tl_backward(net_loss(&n)), TL_OK);
	for (int k = 0; k < tl_store_count(n.store); k++) {
		const tl_param *p = tl_store_at(n.store, k);
		for (int64_t i = 0; i < tl_shape_size(p->value.shape); i++) {
			tl_real *x = (tl_real *)p->value.data + i;
			double d = loss_at(&n, x, h) - loss_at(&n, x, -h);
			double d2 = loss_at(&n, x, 2 * h) - loss_at(&n, x, -2 * h);
			double want = (8 * d - d2) / (12 * h), got = (double)((const tl_real *)p->grad.data)[i];
			ck_assert_msg(fabs(got - want) <= 1e-6 * fmax(0.01, fabs(want)),
				"%s: dL/d%s[%d] is %.10g, not %.10g", cells[_i].cell->name, p->name, (int)i, got, want);
		}
	}
	net_free(&n);
}
END_TEST

START_TEST(number_of_parameters)
{
	const int64_t length[] = {1, 7}, input[] = {E, H};
	int64_t want = 0;
	for (int j = 0; j < LAYERS; j++)
		want += cells[_i].matrices * (input[j] + H + 1) * H + cells[_i].vectors * H;
	for (int k = 0; k < 2; k++) {
		tl_store *store = tl_store_new();
		tl_rnn_options options = {.cell = cells[_i].cell, .input = E, .hidden = H, .layers = LAYERS};
		tl_rnn *rnn = tl_rnn_new(store, "rnn", &options, NULL);
		tl_var x = tl_fill(tape, TL_SHAPE(length[k], B, E), 1);
		ck_assert(tl_ok(tl_rnn_run(rnn, x, (tl_state){0}, true).output));
		ck_assert_int_eq(tl_store_size(store), want);
		ck_assert_int_eq(tl_store_count(store), LAYERS * tl_cell_param_count(cells[_i].cell));
		tl_rnn_free(rnn);
		tl_store_free(store);
	}
}
END_TEST

/* [x, h] [W; U] = x W + h U, and so are the gradients. */
START_TEST(one_product_or_two)
{
	net n = net_new(&tl_cell_rnn, 1, 1);
	tl_var x = tl_select(tl_use(tape, n.x), 0, 0), h = tl_select(tl_use(tape, n.s[0]), 0, 0);
	tl_var w = tl_use(tape, n.rnn->params[0]), u = tl_use(tape, n.rnn->params[1]);
	tl_var two = tl_add(tl_matmul(x, w), tl_matmul(h, u));
	tl_var one = tl_matmul(tl_concat(2, (tl_var[]){x, h}, -1), tl_concat(2, (tl_var[]){w, u}, 0));
	check_equal("product", one, two);
	tl_var wrt[] = {x, h, w, u}, d1[4], d2[4];
	tl_grad(weighted(one, 0), 4, wrt, d1);
	tl_grad(weighted(two, 0), 4, wrt, d2);
	for (int k = 0; k < 4; k++)
		check_equal("gradient", d1[k], d2[k]);
	net_free(&n);
}
END_TEST

/* A GRU's new state with the reset gate open, as an RNN: p of the GRU, q of the RNN. */
static void as_rnn(const tl_cell *cell, const net *n, tl_var *q)
{
	tl_var p[4];
	for (int k = 0; k < 4; k++)
		p[k] = tl_use(tape, n->rnn->params[k]);
	q[0] = tl_part(p[0], -1, 2, 3);
	q[1] = cell == &tl_cell_gru ? p[3] : tl_part(p[1], -1, 2, 3);
	q[2] = tl_part(p[2], -1, 2, 3);
	if (cell == &tl_cell_gru_lbr)
		q[2] = tl_add(q[2], p[3]);
}

/* For both GRUs. */
START_TEST(gates_of_a_gru)
{
	const tl_cell *cell = _i ? &tl_cell_gru_lbr : &tl_cell_gru;
	net n = net_new(cell, 1, STEPS);
	ck_assert(tl_rnn_set_bias(n.rnn, 'r', 1000) && tl_rnn_set_bias(n.rnn, 'z', -1000));
	ck_assert(!tl_rnn_set_bias(n.rnn, 'f', 1));
	tl_rnn_result r = net_run(&n);
	tl_var q[3];
	as_rnn(cell, &n, q);
	tl_state s = tl_state1(tl_select(tl_use(tape, n.s[0]), 0, 0));
	for (int t = 0; t < STEPS; t++) {
		s = tl_cell_rnn.step(q, tl_select(tl_use(tape, n.x), 0, t), s);
		check_equal("r = 1, z = 0: an RNN", tl_select(r.output, 0, t), s.v[0]);
	}

	ck_assert(tl_rnn_set_bias(n.rnn, 'r', -1000));
	tl_tape_reset(tape);
	tl_rnn_result elsewhere =
		tl_rnn_run(n.rnn, tl_use(tape, n.x), tl_state1(tl_fill(tape, TL_SHAPE(1, B, H), 0.7)), true);
	check_equal("r = 0, z = 0: no past", net_run(&n).output, elsewhere.output);

	ck_assert(tl_rnn_set_bias(n.rnn, 'z', 1000));
	tl_tape_reset(tape);
	tl_var kept = tl_broadcast(tl_use(tape, n.s[0]), TL_SHAPE(STEPS, B, H));
	check_equal("z = 1: a copy", net_run(&n).output, kept);
	net_free(&n);
}
END_TEST

/* An LSTM without squashing, as a user writes a cell. */
static tl_state adder_step(const tl_var *p, tl_var x, tl_state s)
{
	tl_var z = tl_add(tl_linear(x, p[0], p[2]), tl_matmul(s.v[0], p[1]));
	tl_var i = tl_sigmoid(tl_part(z, -1, 0, 4)), f = tl_sigmoid(tl_part(z, -1, 1, 4));
	tl_var g = tl_part(z, -1, 2, 4), o = tl_sigmoid(tl_part(z, -1, 3, 4));
	tl_var c = tl_add(tl_mul(f, s.v[1]), tl_mul(i, g));
	return tl_state2(tl_mul(o, c), c);
}

static const tl_cell adder = {
	.name = "adder",
	.states = 2,
	.step = adder_step,
	.params = (const tl_cell_param[]){
		{"w", TL_INPUT_ROWS, "ifgo"}, {"u", TL_STATE_ROWS, "ifgo"}, {"b", TL_BIAS, "ifgo"}, {0}},
};

/* x2 = 1 adds x1 to the memory, x2 = -1 clears it, x3 = 1 lets it out. */
START_TEST(a_memory_set_by_hand)
{
	const tl_real w[3][4] = {{0, 0, 1, 0}, {100, 100, 0, 0}, {0, 0, 0, 100}}, b[4] = {-10, 10, 0, -10};
	const tl_real x[5][3] = {{3, 1, 0}, {4, 1, 0}, {2, 0, 0}, {1, 0, 1}, {3, -1, 0}};
	const double want[5] = {0, 0, 0, 7, 0};
	tl_store *store = tl_store_new();
	tl_rnn *rnn = tl_rnn_new(store, "adder", &(tl_rnn_options){.cell = &adder, .input = 3, .hidden = 1}, NULL);
	memcpy(rnn->params[0]->value.data, w, sizeof w);
	memcpy(rnn->params[2]->value.data, b, sizeof b);
	double got[5];
	read_values(tl_rnn_run(rnn, tl_input(tape, TL_SHAPE(5, 1, 3), x[0]), (tl_state){0}, true).output, 5, got);
	for (int t = 0; t < 5; t++)
		ck_assert_msg(fabs(got[t] - want[t]) < 0.01, "step %d gives %g, not %g", t, got[t], want[t]);
	tl_rnn_free(rnn);
	tl_store_free(store);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("cells");
	TCase *c = tcase_create("cells");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, the_list);
	tcase_add_loop_test(c, follows_its_equations, 0, CELLS);
	if (is_double)
		tcase_add_loop_test(c, gradients_are_central_differences, 0, CELLS);
	tcase_add_loop_test(c, number_of_parameters, 0, CELLS);
	tcase_add_test(c, one_product_or_two);
	tcase_add_loop_test(c, gates_of_a_gru, 0, 2);
	tcase_add_test(c, a_memory_set_by_hand);
	suite_add_tcase(s, c);
	return s;
}
