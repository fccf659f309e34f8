/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backpropagation through time against its closed form. Of the network
 *
 *	h_t = tanh(U x_t + W h_{t-1} + b),  o_t = V h_t + c,  q_t = softmax(o_t),  L = -sum_t log q_t[y_t]
 *
 * with e_t = q_t - onehot(y_t), D_t = diag(1 - h_t^2) and g_t = dL/dh_t,
 *
 *	g_t   = V' e_t + W' D_{t+1} g_{t+1}       g_{T+1} = 0
 *	dL/dU = sum_t D_t g_t x_t'                dL/dW = sum_t D_t g_t h_{t-1}'    dL/db = sum_t D_t g_t
 *	dL/dV = sum_t e_t h_t'                    dL/dc = sum_t e_t                 dL/dh_0 = W' D_1 g_1
 *
 * Where the state is detached after step t, the second term of g_t is absent. Matrices are stored
 * transposed, as the library has them: u[e][i] leads from x[e] to h[i].
 */
#include "tests/suite.h"

#include <math.h>
#include <string.h>

#include "models/tapeloop.h"

enum { E = 3, H = 5, C = 4, B = 2, STEPS = 30 };

/* Weights, or a gradient for each. */
typedef struct network {
	double u[E][H], w[H][H], b[H], v[H][C], c[C], h0[B][H];
} network;

typedef struct problem {
	network net;
	double x[STEPS][B][E];
	int32_t y[STEPS][B];
} problem;

static problem p;
static tl_tape *tape;

static void draw(double *x, size_t n, uint64_t stream)
{
	tl_rng r = {.seed = 4, .stream = stream};
	for (size_t i = 0; i < n; i++)
		x[i] = 2 * tl_rng_uniform(&r) - 1;
}

static void setup(void)
{
	tape = tl_tape_new(NULL);
	ck_assert_ptr_nonnull(tape);
	draw(&p.net.u[0][0], sizeof p.net / sizeof(double), 0);
	draw(&p.x[0][0][0], sizeof p.x / sizeof(double), 1);
	tl_rng r = {.seed = 4, .stream = 2};
	for (int t = 0; t < STEPS; t++)
		for (int i = 0; i < B; i++)
			p.y[t][i] = (int32_t)tl_rng_below(&r, C);
}

static void teardown(void)
{
	tl_tape_free(tape);
}

/* h[0] is the initial state, h[t] that after step t; q[t] belongs to h[t]. */
typedef struct history {
	double h[STEPS + 1][H], q[STEPS + 1][C];
} history;

static void closed_forward(int row, int steps, history *s)
{
	memcpy(s->h[0], p.net.h0[row], sizeof s->h[0]);
	for (int t = 1; t <= steps; t++) {
		for (int i = 0; i < H; i++) {
			double z = p.net.b[i];
			for (int k = 0; k < E; k++)
				z += p.net.u[k][i] * p.x[t - 1][row][k];
			for (int j = 0; j < H; j++)
				z += p.net.w[j][i] * s->h[t - 1][j];
			s->h[t][i] = tanh(z);
		}
		double total = 0;
		for (int k = 0; k < C; k++) {
			double o = p.net.c[k];
			for (int i = 0; i < H; i++)
				o += p.net.v[i][k] * s->h[t][i];
			total += s->q[t][k] = exp(o);
		}
		for (int k = 0; k < C; k++)
			s->q[t][k] /= total;
	}
}

/* Adds the gradients of one sequence; the state is detached after each `cut` steps, never if it is 0. */
static void closed_backward(int row, int steps, int cut, const history *s, network *d)
{
	double from_later[H] = {0}; /* W' D_{t+1} g_{t+1} */
	for (int t = steps; t >= 1; t--) {
		if (cut && t % cut == 0)
			memset(from_later, 0, sizeof from_later);
		double g[H];
		memcpy(g, from_later, sizeof g);
		for (int k = 0; k < C; k++) {
			double e = s->q[t][k] - (p.y[t - 1][row] == k);
			d->c[k] += e;
			for (int i = 0; i < H; i++) {
				d->v[i][k] += e * s->h[t][i];
				g[i] += p.net.v[i][k] * e;
			}
		}
		memset(from_later, 0, sizeof from_later);
		for (int i = 0; i < H; i++) {
			double dz = (1 - s->h[t][i] * s->h[t][i]) * g[i];
			d->b[i] += dz;
			for (int k = 0; k < E; k++)
				d->u[k][i] += dz * p.x[t - 1][row][k];
			for (int j = 0; j < H; j++) {
				d->w[j][i] += dz * s->h[t - 1][j];
				from_later[j] += p.net.w[j][i] * dz;
			}
		}
	}
	memcpy(d->h0[row], from_later, sizeof from_later);
}

static double closed_form(int steps, int cut, network *d)
{
	double loss = 0;
	*d = (network){0};
	for (int row = 0; row < B; row++) {
		history s;
		closed_forward(row, steps, &s);
		closed_backward(row, steps, cut, &s, d);
		for (int t = 1; t <= steps; t++)
			loss -= log(s.q[t][p.y[t - 1][row]]);
	}
	return loss;
}

static void compare(const char *name, const double *got, const double *want, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(fabs(got[i] - want[i]) <= 1e-10 * fabs(want[i]) + 1e-13,
			"d%s[%zu]: %.15g, not %.15g", name, i, got[i], want[i]);
}

#define COMPARE(got, want, field)                                                                            \
	compare(#field, (const double *)(got).field, (const double *)(want).field,                           \
		sizeof(want).field / sizeof(double))

static void check(double loss, const network *got, int steps, int cut)
{
	network want;
	double want_loss = closed_form(steps, cut, &want);
	compare("L", &loss, &want_loss, 1);
	COMPARE(*got, want, u);
	COMPARE(*got, want, w);
	COMPARE(*got, want, b);
	COMPARE(*got, want, v);
	COMPARE(*got, want, c);
	COMPARE(*got, want, h0);
}

static const tl_cross_entropy_options summed = {.reduction = TL_SUM};

static void succeeded(void)
{
	ck_assert_msg(tl_tape_status(tape) == TL_OK, "%s", tl_tape_error(tape)->text);
}

#define INPUT(field, ...) tl_input(tape, TL_SHAPE(__VA_ARGS__), (const double *)p.field)

/* An ordinary loop over public ops. */
static void check_loop(int steps, int cut)
{
	tl_tape_reset(tape);
	tl_var u = INPUT(net.u, E, H), w = INPUT(net.w, H, H), b = INPUT(net.b, H);
	tl_var v = INPUT(net.v, H, C), c = INPUT(net.c, C), h0 = INPUT(net.h0, B, H);
	tl_var loss = tl_fill(tape, TL_SCALAR, 0), h = h0;
	for (int t = 0; t < steps; t++) {
		h = tl_tanh(tl_add(tl_add(tl_matmul(INPUT(x[t], B, E), u), tl_matmul(h, w)), b));
		tl_var o = tl_add(tl_matmul(h, v), c), y = tl_index(tape, TL_SHAPE(B), p.y[t]);
		loss = tl_add(loss, tl_cross_entropy(o, y, &summed));
		if (cut && (t + 1) % cut == 0)
			h = tl_detach(h);
	}
	tl_var wrt[] = {u, w, b, v, c, h0}, d[6];
	tl_grad(loss, 6, wrt, d);
	network got;
	double value = 0, *to[] = {&got.u[0][0], &got.w[0][0], got.b, &got.v[0][0], got.c, &got.h0[0][0]};
	for (int k = 0; k < 6; k++)
		tl_read(d[k], to[k], tl_shape_size(tl_var_shape(d[k])));
	tl_read(loss, &value, 1);
	succeeded();
	check(value, &got, steps, cut);
}

static tl_param *add(tl_store *store, const char *name, tl_shape shape, const void *from)
{
	tl_error err = {0};
	tl_param *param = tl_store_find(store, name);
	if (!param)
		param = tl_store_add(store, name, shape, &err);
	ck_assert_msg(param && tl_shape_equal(param->value.shape, shape), "%s: %s", name, err.text);
	memcpy(param->value.data, from, (size_t)tl_shape_size(shape) * sizeof(double));
	return param;
}

#define PARAM(name, field, ...) add(store, name, TL_SHAPE(__VA_ARGS__), p.net.field)
#define TAKE(param, field) memcpy(got.field, (param)->grad.data, sizeof got.field)

/* The library's recurrent driver, window after window. */
static void check_driver(int steps, int cut)
{
	tl_tape_reset(tape);
	tl_error err = {0};
	tl_store *store = tl_store_new();
	tl_rnn *rnn = tl_rnn_new(
		store, "rnn", &(tl_rnn_options){.cell = &tl_cell_rnn, .input = E, .hidden = H}, &err);
	ck_assert_msg(rnn != NULL, "%s", err.text);
	tl_param *v = PARAM("v", v, H, C), *c = PARAM("c", c, C), *h0 = PARAM("h0", h0, 1, B, H);
	tl_param *u = PARAM("rnn.l0.w", u, E, H), *w = PARAM("rnn.l0.u", w, H, H),
		 *b = PARAM("rnn.l0.b", b, H);
	tl_var loss = tl_fill(tape, TL_SCALAR, 0);
	tl_state state = tl_state1(tl_use(tape, h0));
	int window = cut ? cut : steps;
	for (int t = 0; t < steps; t += window) {
		int n = steps - t < window ? steps - t : window;
		tl_rnn_result r = tl_rnn_run(rnn, INPUT(x[t], n, B, E), state, true);
		tl_var o = tl_linear(r.output, tl_use(tape, v), tl_use(tape, c));
		tl_var y = tl_index(tape, TL_SHAPE(n, B), p.y[t]);
		loss = tl_add(loss, tl_cross_entropy(o, y, &summed));
		state = tl_state1(tl_detach(r.last.v[0]));
	}
	double value = 0;
	tl_backward(loss);
	tl_read(loss, &value, 1);
	succeeded();
	network got;
	TAKE(u, u);
	TAKE(w, w);
	TAKE(b, b);
	TAKE(v, v);
	TAKE(c, c);
	TAKE(h0, h0);
	check(value, &got, steps, cut);
	tl_rnn_free(rnn);
	tl_store_free(store);
}

START_TEST(all_steps)
{
	const int steps[] = {1, 2, STEPS};
	for (int k = 0; k < 3; k++) {
		check_loop(steps[k], 0);
		check_driver(steps[k], 0);
	}
}
END_TEST

START_TEST(truncated)
{
	const int cuts[] = {1, 2, 7, 29, 30};
	for (int k = 0; k < 5; k++) {
		check_loop(STEPS, cuts[k]);
		check_driver(STEPS, cuts[k]);
	}
}
END_TEST

/*
 * dL_T/dU = sum_k (dL_T/ds_T) (prod_{j=k+1..T} ds_j/ds_{j-1}) ds_k/dU, where s = h: each term on its own, its
 * matrices multiplied out. ds_j/ds_{j-1} = D_j W', and ds_k/dU is D_k x_k' at a fixed s_{k-1}. L_T is the loss of the
 * last step.
 */
START_TEST(products_of_jacobians)
{
	enum { N = STEPS };
	double want[E][H] = {{0}}, got[E][H], terms[N + 1] = {0};
	history s;
	closed_forward(0, N, &s);
	for (int k = 1; k <= N; k++) {
		double row[H]; /* dL_T/ds_T, then times one Jacobian after the other */
		for (int i = 0; i < H; i++) {
			row[i] = 0;
			for (int o = 0; o < C; o++)
				row[i] += p.net.v[i][o] * (s.q[N][o] - (p.y[N - 1][0] == o));
		}
		for (int j = N; j > k; j--) {
			double jacobian[H][H], next[H] = {0}; /* [i][m] = ds_j[i]/ds_{j-1}[m] */
			for (int i = 0; i < H; i++)
				for (int m = 0; m < H; m++) {
					jacobian[i][m] = (1 - s.h[j][i] * s.h[j][i]) * p.net.w[m][i];
					next[m] += row[i] * jacobian[i][m];
				}
			memcpy(row, next, sizeof row);
		}
		for (int e = 0; e < E; e++)
			for (int i = 0; i < H; i++) {
				double term = row[i] * (1 - s.h[k][i] * s.h[k][i]) * p.x[k - 1][0][e];
				want[e][i] += term;
				terms[k] += fabs(term);
			}
	}
	tl_var u = INPUT(net.u, E, H), w = INPUT(net.w, H, H), b = INPUT(net.b, H), h = INPUT(net.h0, 1, H), d;
	for (int t = 0; t < N; t++)
		h = tl_tanh(tl_add(tl_add(tl_matmul(INPUT(x[t], 1, E), u), tl_matmul(h, w)), b));
	tl_var o = tl_add(tl_matmul(h, INPUT(net.v, H, C)), INPUT(net.c, C));
	tl_grad(tl_cross_entropy(o, tl_index(tape, TL_SHAPE(1), p.y[N - 1]), &summed), 1, &u, &d);
	tl_read(d, got[0], E * H);
	succeeded();
	compare("U", got[0], want[0], E * H);
	ck_assert_msg(terms[1] < 0.1 * terms[N], "the first step's term is %g, the last one's %g", terms[1], terms[N]);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("bptt");
	TCase *c = tcase_create("bptt");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, all_steps);
	tcase_add_test(c, truncated);
	tcase_add_test(c, products_of_jacobians);
	suite_add_tcase(s, c);
	return s;
}
