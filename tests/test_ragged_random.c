/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random batches of unequal lengths, 0 and 1 among them, with NaN for padding, against each row alone:
 * outputs, last states, gradients of all parameters, of x and of the initial states. For every cell, in one
 * direction and both, with 1 to 3 layers and whatever else does not draw numbers.
 */
#include "tests/suite.h"

#include "tests/net.h"

enum { B = 5, E = 3, H = 4, P = 3, STEPS = 6, TURNS = 18 };

static const double tolerance = sizeof(tl_real) == sizeof(double) ? 1e-12 : 1e-6;

static net n;
static tl_rng rng;
static bool given; /* initial states */

static void teardown(void)
{
	net_free(&n);
}

static tl_state initial(void)
{
	return given ? net_state(&n) : (tl_state){0};
}

static bool toss(void)
{
	return tl_rng_below(&rng, 2);
}

/* Lengths, and NaN behind each row's end. */
static void pad(int64_t *lengths)
{
	bool batch_first = n.rnn->options.batch_first;
	tl_real *x = n.x->value.data;
	int64_t most = toss() ? STEPS : tl_rng_below(&rng, STEPS + 1);
	for (int64_t b = 0; b < B; b++) {
		lengths[b] = tl_rng_below(&rng, most + 1);
		for (int64_t t = lengths[b]; t < STEPS; t++)
			for (int64_t e = 0; e < E; e++)
				x[(batch_first ? b * STEPS + t : t * B + b) * E + e] = (tl_real)NAN;
	}
}

static tl_rnn_result run_row(int64_t b, int64_t length)
{
	int time = n.rnn->options.batch_first ? 1 : 0;
	tl_state s = initial();
	for (int k = 0; k < s.n; k++)
		s.v[k] = tl_slice(s.v[k], 1, b, b + 1, 1);
	tl_var x = tl_slice(net_input(&n), 1 - time, b, b + 1, 1);
	tl_rnn_result r = tl_rnn_run(n.rnn, tl_slice(x, time, 0, length, 1), s, false);
	r.output = tl_pad(r.output, time, 0, STEPS - length, 0);
	return r;
}

/* A row without steps: its state is what it was. */
static tl_rnn_result no_steps(int64_t b)
{
	const tl_rnn *rnn = n.rnn;
	int64_t size = tl_rnn_output_size(rnn), all = rnn->options.layers * rnn->directions;
	tl_rnn_result r = {.last = {.n = rnn->options.cell->states}};
	r.output = tl_fill(
		n.tape, rnn->options.batch_first ? TL_SHAPE(1, STEPS, size) : TL_SHAPE(STEPS, 1, size), 0);
	for (int k = 0; k < r.last.n; k++) {
		tl_var each[8];
		for (int64_t i = 0; i < all && rnn->starts; i++)
			each[i] = tl_unsqueeze(tl_use(n.tape, rnn->starts[i * r.last.n + k]), 0);
		r.last.v[k] = given	    ? tl_slice(net_state(&n).v[k], 1, b, b + 1, 1)
			      : rnn->starts ? tl_stack((int)all, each, 0)
					    : tl_fill(n.tape, tl_rnn_state_shape(rnn, k, 1), 0);
	}
	return r;
}

static tl_rnn_result run_alone(const int64_t *lengths)
{
	tl_rnn_result all = {.last.n = n.rnn->options.cell->states};
	tl_var output[B], last[TL_MAX_STATES][B];
	for (int64_t b = 0; b < B; b++) {
		tl_rnn_result r = lengths[b] ? run_row(b, lengths[b]) : no_steps(b);
		output[b] = r.output;
		for (int k = 0; k < r.last.n; k++)
			last[k][b] = r.last.v[k];
	}
	all.output = tl_concat(B, output, n.rnn->options.batch_first ? 0 : 1);
	for (int k = 0; k < all.last.n; k++)
		all.last.v[k] = tl_concat(B, last[k], 1);
	return all;
}

/* To `tolerance` of the greatest element, if that is above 1: what a sum of many terms is rounded by. */
static void compare(const char *what, tl_var a, tl_var b)
{
	double got[NET_MAX], want[NET_MAX], scale = 1;
	ck_assert_msg(tl_shape_equal(tl_var_shape(a), tl_var_shape(b)), "%s: shapes differ", what);
	int64_t size = read_values(b, want);
	read_values(a, got);
	for (int64_t i = 0; i < size; i++)
		scale = fmax(scale, fabs(want[i]));
	for (int64_t i = 0; i < size; i++)
		ck_assert_msg(fabs(got[i] - want[i]) <= tolerance * scale,
			"%s of cell %s, %d layers of %d directions: element %d is %.9g, not %.9g", what,
			n.rnn->options.cell->name, n.rnn->options.layers, n.rnn->directions, (int)i, got[i],
			want[i]);
}

/* For each cell. */
START_TEST(rows_are_as_if_alone)
{
	const tl_cell *cell = tl_cell_at(_i);
	for (int turn = 0; turn < TURNS; turn++) {
		rng = (tl_rng){.seed = 31, .stream = (uint64_t)(_i * TURNS + turn)};
		tl_rnn_options o = {.cell = cell,
			.input = E,
			.hidden = H,
			.layers = 1 + turn % 3,
			.bidirectional = turn / 3 % 2,
			.batch_first = toss()};
		o.project = tl_cell_projects(cell) && toss() ? P : 0;
		o.checkpoint = toss() ? 2 : 0;
		o.truncate = tl_rng_below(&rng, 3);
		for (int k = 0; k < cell->states; k++)
			o.zoneout[k] = toss() ? 0.25 : 0;
		o.start = toss() ? TL_START_LEARNED : TL_START_ZERO;
		given = toss();
		n = net_new(&o, STEPS, B);
		tl_rnn_init(n.rnn, &rng);
		for (int k = 0; n.rnn->starts && k < o.layers * n.rnn->directions * cell->states; k++)
			tl_init_uniform(n.rnn->starts[k], &rng, -1, 1);
		int64_t lengths[B];
		pad(lengths);
		tl_rnn_result got = tl_rnn_run_ragged(n.rnn, net_input(&n), lengths, initial(), false);
		check_results(&n, got, run_alone(lengths), compare);
		net_free(&n);
	}
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("ragged_random");
	TCase *c = tcase_create("ragged_random");
	int cells = 0;
	while (tl_cell_at(cells))
		cells++;
	tcase_add_checked_fixture(c, NULL, teardown);
	tcase_add_loop_test(c, rows_are_as_if_alone, 0, cells);
	suite_add_tcase(s, c);
	return s;
}
