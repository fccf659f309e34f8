/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recurrent cells: each against its equations, written out here a second time in plain loops, and its
 * gradients against central differences.
 */
#include "tests/suite.h"

#include <math.h>
#include <string.h>

#include "tests/net.h"

enum { B = 2, E = 3, H = 4, STEPS = 3, LAYERS = 2 };

static net n;

static void teardown(void)
{
	net_free(&n);
}

static void make_net(const tl_cell *cell, int layers, int steps)
{
	tl_rnn_options options = {.cell = cell, .input = E, .hidden = H, .layers = layers};
	n = net_new(&options, steps, B);
}

/* The equations, for one row: parameters as in models/cells.c, x[E], states s[][H], to next[][H]. */
typedef void equations(const tl_real *const *p, const double *x, double s[][H], double next[][H]);

static double sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

/* Column j of gate k of x W + b, where W has that many gates. */
static double xw(const tl_real *const *p, const double *x, int k, int gates, int j)
{
	double z = (double)p[2][k * H + j];
	for (int e = 0; e < E; e++)
		z += x[e] * (double)p[0][e * gates * H + k * H + j];
	return z;
}

static double hu(const tl_real *u, const double *h, int k, int gates, int j)
{
	double z = 0;
	for (int i = 0; i < H; i++)
		z += h[i] * (double)u[i * gates * H + k * H + j];
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

/* g * (v - mean) / sqrt(variance + 1e-5), over n elements. */
static void normalize(int n, double *v, const tl_real *gain)
{
	double mean = 0, variance = 0;
	for (int i = 0; i < n; i++)
		mean += v[i] / n;
	for (int i = 0; i < n; i++)
		variance += (v[i] - mean) * (v[i] - mean) / n;
	for (int i = 0; i < n; i++)
		v[i] = (double)gain[i] * (v[i] - mean) / sqrt(variance + 1e-5);
}

static void lstm_norm_equations(const tl_real *const *p, const double *x, double s[][H], double next[][H])
{
	double a[4 * H] = {0}, b[4 * H] = {0}, c[H];
	for (int j = 0; j < 4 * H; j++) {
		for (int e = 0; e < E; e++)
			a[j] += x[e] * (double)p[0][e * 4 * H + j];
		b[j] = hu(p[1], s[0], 0, 4, j);
	}
	normalize(4 * H, a, p[3]);
	normalize(4 * H, b, p[4]);
	for (int j = 0; j < 4 * H; j++)
		a[j] += b[j] + (double)p[2][j];
	for (int j = 0; j < H; j++)
		c[j] = next[1][j] = sigmoid(a[H + j]) * s[1][j] + sigmoid(a[j]) * tanh(a[2 * H + j]);
	normalize(H, c, p[5]);
	for (int j = 0; j < H; j++)
		next[0][j] = sigmoid(a[3 * H + j]) * tanh(c[j] + (double)p[6][j]);
}

/* With P = H. */
static void lstm_projected_equations(const tl_real *const *p, const double *x, double s[][H], double next[][H])
{
	double h[H];
	lstm_equations(p, x, s, next);
	memcpy(h, next[0], sizeof h);
	for (int j = 0; j < H; j++)
		next[0][j] = hu(p[3], h, 0, 1, j);
}

static void jordan_equations(const tl_real *const *p, const double *x, double s[][H], double next[][H])
{
	double h[1][H];
	rnn_equations(p, x, s, h);
	for (int j = 0; j < H; j++)
		next[0][j] = tanh(hu(p[3], h[0], 0, 1, j) + (double)p[4][j]);
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
	{&tl_cell_lstm_norm, lstm_norm_equations, 4, 4 + 4 + 1 + 1},
	{&tl_cell_lstm_projected, lstm_projected_equations, 4, H},
	{&tl_cell_mgu, mgu_equations, 2, 0},
	{&tl_cell_elman, rnn_equations, 1, H + 1},
	{&tl_cell_jordan, jordan_equations, 1, H + 1},
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
	const tl_real *p[8];
	double want[TL_MAX_STATES][B][H], output[B][H];
	make_net(cell, 1, 1);
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
	if (cell->output) /* what the Elman network puts out is computed as what returns in Jordan's */
		for (int row = 0; row < B; row++)
			for (int j = 0; j < H; j++)
				output[row][j] = tanh(hu(p[3], want[0][row], 0, 1, j) + (double)p[4][j]);
	check_close(cell->name, r.output, cell->output ? output[0] : want[0][0]);
	for (int k = 0; k < cell->states; k++)
		check_close(cell->name, r.last.v[k], want[k][0]);
}
END_TEST

static double loss_at(tl_real *x, double moved)
{
	double loss[NET_MAX];
	tl_real old = *x;
	*x = (tl_real)((double)old + moved);
	read_values(net_loss(&n), loss);
	*x = old;
	return loss[0];
}

/* Against (8 D(h) - D(2h)) / 12h, D(h) = L(x + h) - L(x - h). */
START_TEST(gradients_are_central_differences)
{
	const double h = 1e-3;
	make_net(cells[_i].cell, LAYERS, STEPS);
	ck_assert_int_eq(tl_backward(net_loss(&n)), TL_OK);
	for (int k = 0; k < tl_store_count(n.store); k++) {
		const tl_param *p = tl_store_at(n.store, k);
		const tl_real *got = p->grad.data;
		for (int64_t i = 0; i < tl_shape_size(p->value.shape); i++) {
			tl_real *x = (tl_real *)p->value.data + i;
			double d = loss_at(x, h) - loss_at(x, -h),
			       d2 = loss_at(x, 2 * h) - loss_at(x, -2 * h);
			double want = (8 * d - d2) / (12 * h);
			ck_assert_msg(fabs((double)got[i] - want) <= 1e-6 * fmax(0.01, fabs(want)),
				"%s: dL/d%s[%d] is %.10g, not %.10g", cells[_i].cell->name, p->name, (int)i,
				(double)got[i], want);
		}
	}
}
END_TEST

START_TEST(number_of_parameters)
{
	const tl_cell *cell = cells[_i].cell;
	const int64_t input[] = {E, H};
	int64_t want = 0;
	for (int j = 0; j < LAYERS; j++)
		want += cells[_i].matrices * (input[j] + H + 1) * H + cells[_i].vectors * H;
	for (int steps = 1; steps < 8; steps += 6) {
		make_net(cell, LAYERS, steps);
		tl_var output = net_run(&n).output;
		ck_assert_msg(tl_eval(1, &output) == TL_OK, "%s", tl_tape_error(n.tape)->text);
		int64_t others = steps * B * E + cell->states * LAYERS * B * H;
		ck_assert_int_eq(tl_store_size(n.store) - others, want);
		ck_assert_int_eq(
			tl_store_count(n.store), LAYERS * tl_cell_param_count(cell) + 1 + cell->states);
		net_free(&n);
	}
}
END_TEST

/* Uniform in +-1/sqrt(H). */
START_TEST(default_values)
{
	make_net(&tl_cell_gru_lbr, LAYERS, 1);
	tl_rnn_init(n.rnn, &(tl_rng){.seed = 8});
	for (int k = 0; k < LAYERS * n.rnn->count; k++) {
		const tl_param *p = n.rnn->params[k];
		const tl_real *x = p->value.data;
		double least = 1, greatest = -1;
		for (int64_t i = 0; i < tl_shape_size(p->value.shape); i++) {
			least = fmin(least, (double)x[i]);
			greatest = fmax(greatest, (double)x[i]);
		}
		ck_assert_msg(least >= -0.5 && least < 0 && greatest > 0 && greatest <= 0.5, "%s: %g to %g",
			p->name, least, greatest);
	}
	ck_assert_ptr_eq(tl_store_find(n.store, "net.l0.w"), n.rnn->params[0]);
	ck_assert_ptr_eq(tl_store_find(n.store, "net.l1.c_n"), n.rnn->params[7]);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("cells");
	TCase *c = tcase_create("cells");
	tcase_add_checked_fixture(c, NULL, teardown);
	tcase_add_test(c, the_list);
	tcase_add_loop_test(c, follows_its_equations, 0, CELLS);
	if (sizeof(tl_real) == sizeof(double))
		tcase_add_loop_test(c, gradients_are_central_differences, 0, CELLS);
	tcase_add_loop_test(c, number_of_parameters, 0, CELLS);
	tcase_add_test(c, default_values);
	suite_add_tcase(s, c);
	return s;
}
