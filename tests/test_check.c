/* SPDX-License-Identifier: Apache-2.0 */
/* Tapes that check: the first NaN or infinity is named, whatever plan computes it. */
#include "graph/check.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/tapeloop.h"
#include "tests/suite.h"

enum { LAYERS = 2, T = 12, B = 3, H = 4, LAYER = 1, TIME = 7, ROW = 2, COLUMN = 1 };

/* How tapes compute: each test is run with all of them. */
static const struct {
	const tl_executor *executor;
	const char *plan;
	int threads;
} ways[] = {
	{&tl_executor_plain, "all", 1},
	{&tl_executor_planned, "all", 1},
	{&tl_executor_planned, "all,tiny", 2},
	{&tl_executor_planned, "none", 1},
	{&tl_executor_planned, "-fuse", 2},
	{&tl_executor_planned, "-roll", 1},
	{&tl_executor_planned, "fuse", 1},
};

#define WAYS ((int)(sizeof ways / sizeof *ways))

static tl_tape *tape;
static tl_store *store;
static tl_param *w[LAYERS], *g[LAYERS];

static void fill(tl_param *p, double low, double high, uint64_t stream)
{
	tl_init_uniform(p, &(tl_rng){.seed = 3, .stream = stream}, low, high);
}

static void setup(void)
{
	tl_error err = {0};
	store = tl_store_new();
	for (int j = 0; j < LAYERS; j++) {
		char name[8];
		snprintf(name, sizeof name, "w%d", j);
		w[j] = tl_store_add(store, name, TL_SHAPE(H, H), &err);
		snprintf(name, sizeof name, "g%d", j);
		g[j] = tl_store_add(store, name, TL_SHAPE(T, B, H), &err);
		ck_assert_int_eq(err.status, TL_OK);
		fill(w[j], -0.5, 0.5, (uint64_t)j);
		fill(g[j], 0.5, 0.9, (uint64_t)(10 + j));
	}
}

static void teardown(void)
{
	tl_store_free(store);
	tl_tape_free(tape);
	tape = NULL;
}

static void start(int way, bool check)
{
	tape = tl_tape_new(&(tl_tape_options){.executor = ways[way].executor, .plan = ways[way].plan,
		.threads = ways[way].threads, .seed = 5, .check = check});
	ck_assert_ptr_nonnull(tape);
}

/* g of the layer is `value` at (TIME, ROW, COLUMN). */
static void inject(int layer, double value)
{
	((tl_real *)g[layer]->value.data)[(TIME * B + ROW) * H + COLUMN] = (tl_real)value;
}

typedef tl_var (*trap_fn)(tl_var g);

/* What is infinite here is 0 in the end. */
static tl_var log_trap(tl_var x)
{
	return tl_div(tl_fill(x.tape, TL_SCALAR, 1), tl_name(tl_log(x), "p"));
}

static tl_var sqrt_trap(tl_var x)
{
	return tl_name(tl_sqrt(x), "s");
}

static tl_var exp_trap(tl_var x)
{
	return tl_div(tl_fill(x.tape, TL_SCALAR, 1), tl_name(tl_exp(x), "e"));
}

static tl_var trapped[LAYERS][T];

/* h_t = tanh(x_t + h_t-1 W + trap(g_t)), layer upon layer. */
static tl_var record(trap_fn trap)
{
	tl_var x[T];
	for (int t = 0; t < T; t++)
		x[t] = tl_fill(tape, TL_SHAPE(B, H), 0);
	for (int j = 0; j < LAYERS; j++) {
		tl_var h = tl_fill(tape, TL_SHAPE(B, H), 0);
		tl_scope_begin(tape, "layer", j);
		for (int t = 0; t < T; t++) {
			tl_scope_begin(tape, "t", t);
			tl_var y = trap(tl_select(tl_use(tape, g[j]), 0, t));
			trapped[j][t] = tl_var_name(y) ? y : tl_var_operand(y, 1);
			x[t] = h = tl_tanh(tl_add(tl_add(x[t], tl_matmul(h, tl_use(tape, w[j]))), y));
			tl_scope_end(tape);
		}
		tl_scope_end(tape);
	}
	return tl_mean_all(tl_square(x[T - 1]));
}

static void says(const char *part)
{
	ck_assert_int_eq(tl_tape_status(tape), TL_ERR_VALUE);
	const char *text = tl_tape_error(tape)->text;
	ck_assert_msg(strstr(text, part), "\"%s\" does not say \"%s\"", text, part);
	ck_assert_msg(!strchr(text, '\n'), "more than one line: %s", text);
}

/* Twice, for the second step finds its plan. */
START_TEST(forward)
{
	char want[160];
	start(_i, true);
	for (int step = 0; step < 2; step++) {
		tl_tape_reset(tape);
		inject(LAYER, step == 0 ? 0.7 : 0);
		tl_var loss = record(log_trap);
		tl_real value;
		if (step == 0) {
			ck_assert_int_eq(tl_backward(loss), TL_OK);
			continue;
		}
		ck_assert_int_eq(tl_read(loss, &value, 1), TL_ERR_VALUE);
		snprintf(want, sizeof want,
			"not finite: log, node %" PRIu32 " 'p', in layer=1/t=7: 1 of 12 elements is -Inf, first at (2, 1); "
			"shape (3, 4); operand reshape of g1 (3, 4) from 0 to 0.", trapped[LAYER][TIME].index);
		says(want);
		ck_assert_int_eq(tl_backward(loss), TL_ERR_VALUE);
	}
}
END_TEST

START_TEST(backward)
{
	char want[160];
	start(_i, true);
	inject(LAYER, 0);
	tl_var loss = record(sqrt_trap);
	tl_real value;
	ck_assert_msg(tl_read(loss, &value, 1) == TL_OK, "%s", tl_tape_error(tape)->text);
	ck_assert_int_eq(tl_backward(loss), TL_ERR_VALUE);
	says("not finite: div, node ");
	snprintf(want, sizeof want, ", in the gradient of sqrt, node %" PRIu32 " 's', in layer=1/t=7: 1 of 12 elements is ",
		trapped[LAYER][TIME].index);
	says(want);
	says("Inf, first at (2, 1); shape (3, 4); operands ");
}
END_TEST

START_TEST(overflow)
{
	start(_i, true);
	inject(0, 1000);
	ck_assert_int_eq(tl_backward(record(exp_trap)), TL_ERR_VALUE);
	says(" 'e', in layer=0/t=7: 1 of 12 elements is Inf, first at (2, 1); shape (3, 4); operand reshape of g0 (3, 4) from 0.");
	says(" to 1000");
}
END_TEST

START_TEST(parameter)
{
	start(_i, true);
	((tl_real *)w[1]->value.data)[6] = (tl_real)NAN;
	ck_assert_int_eq(tl_backward(record(sqrt_trap)), TL_ERR_VALUE);
	says("not finite: parameter 'w1': 1 of 16 elements is NaN, first at (1, 2); shape (4, 4); first used by matmul, ");
	says(", in layer=1/t=0");
	tl_tape_reset(tape);
	((tl_real *)w[1]->value.data)[6] = (tl_real)INFINITY;
	ck_assert_int_eq(tl_backward(record(sqrt_trap)), TL_ERR_VALUE);
	says("parameter 'w1': 1 of 16 elements is Inf");
}
END_TEST

START_TEST(input)
{
	start(_i, true);
	tl_var x = tl_name(tl_input(tape, TL_SHAPE(2, 2), (tl_real[]){1, 2, (tl_real)NAN, 4}), "x");
	tl_var y = tl_sum_all(tl_matmul(tl_name(tl_transpose(x, (int[]){1, 0}), "turned"), x));
	ck_assert_ptr_null(tl_value(y));
	says("not finite: input, node 1 'x': 1 of 4 elements is NaN, first at (1, 0); shape (2, 2); first used by matmul");
}
END_TEST

/* The rows that are not looked up do not matter, nor does what is never computed. */
START_TEST(unused)
{
	start(_i, true);
	((tl_real *)w[0]->value.data)[5] = (tl_real)NAN;
	tl_var rows = tl_gather(tl_use(tape, w[0]), tl_index(tape, TL_SHAPE(2), (int32_t[]){0, 2}));
	tl_log(tl_fill(tape, TL_SHAPE(2), -1));
	ck_assert_msg(tl_value(tl_sum_all(rows)), "%s", tl_tape_error(tape)->text);
}
END_TEST

/* -inf in a mask is meant; a NaN that comes of it is reported, and so is one that has nothing to do with it. */
START_TEST(masks)
{
	start(_i, true);
	tl_real scores[] = {1, 2, 3, 4, 5, 6}, mask[] = {0, 0, -(tl_real)INFINITY, 0, 0, 0};
	tl_var s = tl_input(tape, TL_SHAPE(2, 3), scores), m = tl_input(tape, TL_SHAPE(2, 3), mask);
	tl_var p = tl_softmax(tl_add(s, m), -1);
	ck_assert_msg(tl_value(p), "%s", tl_tape_error(tape)->text);
	tl_var where = tl_where(tl_less(s, tl_fill(tape, TL_SCALAR, 3)), s, tl_fill(tape, TL_SCALAR, -INFINITY));
	ck_assert_ptr_null(tl_value(tl_sub(where, where)));
	says("not finite: sub, node ");
	says(": 4 of 6 elements are NaN, first at (0, 2); shape (2, 3); operands where (2, 3) from 1 to 2, 4 infinite; where ");
	tl_tape_reset(tape);
	m = tl_input(tape, TL_SHAPE(2, 3), mask);
	ck_assert_ptr_null(tl_value(tl_exp(tl_sub(m, m))));
	says("not finite: sub, node ");
}
END_TEST

/* Of a gradient that is one sum over all steps, the report shows the operand that is to blame, and its step. */
START_TEST(one_of_many)
{
	start(_i, true);
	tl_real x[T][B * H] = {{0}};
	x[TIME][0] = (tl_real)INFINITY;
	tl_var use = tl_use(tape, w[0]), loss = tl_fill(tape, TL_SCALAR, 0);
	for (int t = 0; t < T; t++) {
		tl_scope_begin(tape, "t", t);
		tl_var in = tl_name(tl_input(tape, TL_SHAPE(B, H), x[t]), "in");
		loss = tl_add(loss, tl_mean_all(tl_tanh(tl_matmul(in, use))));
		tl_scope_end(tape);
	}
	ck_assert_int_eq(tl_backward(loss), TL_ERR_VALUE);
	says("not finite: matmul, node ");
	says("in the gradient of parameter 'w0'");
	says("operands transpose of in (4, 3) from 0 to 0, 1 infinite, in t=7; ");
	says(" more");
}
END_TEST

/* On a step without fault nothing changes: neither the numbers, nor what is allocated. */
START_TEST(sound)
{
	tl_real loss[2], grad[2];
	uint64_t allocations = 0;
	for (int k = 0; k < 2; k++) {
		start(_i, k);
		for (int step = 0; step < 4; step++) {
			tl_tape_reset(tape);
			tl_store_zero_grad(store);
			tl_var l = record(sqrt_trap);
			ck_assert_int_eq(tl_backward(l), TL_OK);
			ck_assert_int_eq(tl_read(l, &loss[k], 1), TL_OK);
			if (step == 2)
				allocations = tl_tape_get_stats(tape).allocations;
		}
		ck_assert_uint_eq(tl_tape_get_stats(tape).allocations, allocations);
		grad[k] = ((tl_real *)w[0]->grad.data)[3];
		tl_tape_free(tape);
	}
	tape = NULL;
	ck_assert(loss[0] == loss[1] && grad[0] == grad[1]);
}
END_TEST

START_TEST(off)
{
	start(_i, false);
	inject(LAYER, 0);
	tl_var loss = record(sqrt_trap);
	ck_assert_int_eq(tl_backward(loss), TL_OK);
	tl_tape_reset(tape);
	tl_tape_set_check(tape, true);
	ck_assert_int_eq(tl_backward(record(sqrt_trap)), TL_ERR_VALUE);
	tl_tape_reset(tape);
	tl_tape_set_check(tape, false);
	ck_assert_int_eq(tl_backward(record(sqrt_trap)), TL_OK);
}
END_TEST

enum { U };

static tl_state trap_step(const tl_var *p, tl_var x, tl_state s)
{
	tl_var one = tl_fill(x.tape, TL_SCALAR, 1);
	return tl_state1(tl_tanh(tl_add(tl_matmul(s.v[0], p[U]), tl_div(one, tl_name(tl_log(tl_square(x)), "p")))));
}

static const tl_cell trap = {.name = "trap", .states = 1, .step = trap_step,
	.params = (const tl_cell_param[]){{"u", TL_STATE_ROWS, "h"}, {0}}};

static tl_real data[T * B * H];

/* A net of that cell, whose input has a 0. */
static tl_var run_net(tl_rnn_options o, const int64_t *lengths)
{
	tl_error err = {0};
	o.cell = &trap;
	o.input = o.hidden = H;
	tl_rnn *rnn = tl_rnn_new(store, "net", &o, &err);
	tl_rng rng = {.seed = 8};
	ck_assert_msg(rnn, "%s", err.text);
	tl_rnn_init(rnn, &rng);
	for (int i = 0; i < T * B * H; i++)
		data[i] = (tl_real)(2 + tl_rng_uniform(&rng));
	data[(TIME * B + ROW) * H + COLUMN] = 0;
	tl_var x = tl_input(tape, TL_SHAPE(T, B, H), data);
	tl_rnn_result r = lengths ? tl_rnn_run_ragged(rnn, x, lengths, (tl_state){0}, true)
				  : tl_rnn_run(rnn, x, (tl_state){0}, true);
	tl_rnn_free(rnn);
	return tl_mean_all(tl_square(r.output));
}

/* Row 2 is the longest: it stands first where rows are computed. */
START_TEST(ragged)
{
	start(_i, true);
	ck_assert_int_eq(tl_backward(run_net((tl_rnn_options){0}, (int64_t[]){5, 8, 12})), TL_ERR_VALUE);
	says("not finite: log, node ");
	says(" 'p', in layer=0/t=7: 1 of 8 elements is -Inf, first at (0, 1); shape (2, 4); operand square (2, 4) from 0 to ");
}
END_TEST

/* Segments of five steps: the second one begins at t = 5. */
START_TEST(checkpoints)
{
	start(_i, true);
	ck_assert_int_eq(tl_backward(run_net((tl_rnn_options){.checkpoint = 5}, NULL)), TL_ERR_VALUE);
	says("checkpoint: not finite: log, node ");
	says(" 'p', in t+2: 1 of 12 elements is -Inf, first at (2, 1)");
	says("; in layer=0/t=5");
}
END_TEST

START_TEST(checkpoint_backward)
{
	start(_i, true);
	inject(0, 0);
	tl_var x = tl_use(tape, g[0]), loss = tl_fill(tape, TL_SCALAR, 0);
	for (int t = 0; t < T; t++) {
		tl_scope_begin(tape, "t", t);
		if (t % 4 == 0)
			tl_checkpoint_begin(tape);
		loss = tl_add(loss, tl_sum_all(tl_name(tl_sqrt(tl_select(x, 0, t)), "s")));
		tl_scope_end(tape);
		if (t % 4 == 3)
			tl_checkpoint_end(tape, 1, (tl_var *[]){&loss});
	}
	tl_real value;
	ck_assert_msg(tl_read(loss, &value, 1) == TL_OK, "%s", tl_tape_error(tape)->text);
	ck_assert_int_eq(tl_backward(loss), TL_ERR_VALUE);
	says("not finite: div, node ");
	says(", in the gradient of sqrt, node ");
	says(" 's', in t+3: 1 of 12 elements is Inf, first at (2, 1)");
	says("; in t=4");
}
END_TEST

/* A body reads parameters and inputs of the tape: they are named as there. */
START_TEST(checkpoint_parameter)
{
	start(_i, true);
	((tl_real *)w[1]->value.data)[6] = (tl_real)NAN;
	tl_var h = tl_fill(tape, TL_SHAPE(B, H), 1);
	tl_checkpoint_begin(tape);
	h = tl_tanh(tl_matmul(h, tl_use(tape, w[1])));
	tl_checkpoint_end(tape, 1, (tl_var *[]){&h});
	ck_assert_int_eq(tl_backward(tl_sum_all(h)), TL_ERR_VALUE);
	says("not finite: parameter 'w1': 1 of 16 elements is NaN, first at (1, 2); shape (4, 4); first used by checkpoint");
}
END_TEST

/* A whole layer in one node: where in its result tells the time step. */
START_TEST(fused_layer)
{
	tl_error err = {0};
	tl_rnn *rnn = tl_rnn_new(store, "fused",
		&(tl_rnn_options){.cell = &tl_cell_lstm, .input = H, .hidden = H, .impl = TL_FUSED}, &err);
	ck_assert_msg(rnn, "%s", err.text);
	tl_rng rng = {.seed = 8};
	tl_rnn_init(rnn, &rng);
	start(_i, true);
	inject(0, NAN);
	tl_var x = tl_tanh(tl_use(tape, g[0]));
	ck_assert_int_eq(tl_backward(tl_sum_all(tl_rnn_run(rnn, x, (tl_state){0}, true).output)), TL_ERR_VALUE);
	says("not finite: parameter 'g0': 1 of 144 elements is NaN, first at (7, 2, 1)");
	tl_tape_reset(tape);
	inject(0, 0);
	x = tl_div(tl_use(tape, g[0]), tl_use(tape, g[0]));
	ck_assert_int_eq(tl_backward(tl_sum_all(tl_rnn_run(rnn, x, (tl_state){0}, true).output)), TL_ERR_VALUE);
	says("not finite: div, node ");
	says("first at (7, 2, 1); shape (12, 3, 4); operands g0 (12, 3, 4) from 0 to 0.");
	tl_rnn_free(rnn);
}
END_TEST

/* What lay in memory before does not matter. */
START_TEST(fused_sound)
{
	tl_error err = {0};
	tl_rnn *rnn = tl_rnn_new(store, "fused",
		&(tl_rnn_options){.cell = &tl_cell_lstm, .input = H, .hidden = 5, .impl = TL_FUSED}, &err);
	ck_assert_msg(rnn, "%s", err.text);
	tl_rnn_init(rnn, &(tl_rng){.seed = 8});
	start(_i, false);
	for (int step = 0; step < 4; step++) {
		tl_tape_set_check(tape, false);
		tl_tape_reset(tape);
		ck_assert_ptr_nonnull(tl_value(tl_add(tl_fill(tape, TL_SHAPE(20000), NAN), tl_fill(tape, TL_SHAPE(20000), 1))));
		tl_tape_set_check(tape, true);
		tl_tape_reset(tape);
		tl_rnn_result r = tl_rnn_run(rnn, tl_use(tape, g[0]), (tl_state){0}, true);
		tl_status status = tl_backward(tl_add(tl_sum_all(tl_square(r.output)), tl_sum_all(r.last.v[1])));
		ck_assert_msg(status == TL_OK, "%s", tl_tape_error(tape)->text);
	}
	tl_rnn_free(rnn);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("check");
	TCase *one = tcase_create("check");
	suite_add_tcase(s, one);
	tcase_add_checked_fixture(one, setup, teardown);
	const TTest *tests[] = {forward, backward, overflow, parameter, input, unused, masks, one_of_many, sound, off,
		ragged, checkpoints, checkpoint_backward, checkpoint_parameter, fused_layer, fused_sound};
	for (size_t k = 0; k < sizeof tests / sizeof *tests; k++)
		tcase_add_loop_test(one, tests[k], 0, WAYS);
	return s;
}
