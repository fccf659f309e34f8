/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths and the patterns that match them; traces: what belongs together, in order; their values against an LSTM and
 * an attention written out in plain loops.
 */
#include "tests/suite.h"

#include <math.h>
#include <string.h>

#include "tests/net.h"

enum { T = 5, B = 2, E = 3, H = 4 };

static tl_tape *tape;
static net n;

static void setup(void)
{
	tape = tl_tape_new(NULL);
	ck_assert_ptr_nonnull(tape);
}

static void teardown(void)
{
	tl_tape_free(tape);
	tape = NULL;
	if (n.tape)
		net_free(&n);
}

static const struct {
	const char *pattern, *path;
	bool matches;
} pairs[] = {
	{"layer=0/t=3/forget", "layer=0/t=3/forget", true},
	{"layer=0/t=*/forget", "layer=0/t=13/forget", true},
	{"l0/*/forget", "layer=0/t=3/forget", true},
	{"l0/t3/forget", "layer=0/t=3/forget", true},
	{"l0/t3/forget", "layer=0/t=33/forget", false},
	{"l0/*/forget", "layer=10/t=3/forget", false},
	{"l1?/*/forget", "layer=10/t=3/forget", true},
	{"l[01]/*/{forget", "layer=0/t=3/forget", false},
	{"l[12]/t[2-4]/f*", "layer=2/t=3/forget", true},
	{"l0/*/forget", "layer=0/reverse/t=3/forget", false},
	{"l0/r/*/forget", "layer=0/reverse/t=3/forget", true},
	{"l0/*/forget", "encoder/layer=0/t=3/forget", false},
	{"*/l0/*/forget", "encoder/layer=0/t=3/forget", true},
	{"e/l0/*/forget", "encoder/layer=0/t=3/forget", true},
	{"d*/**/forget", "decoder=7/layer=0/t=0/forget", true},
	{"**/forget", "forget", true},
	{"**/forget", "layer=0/t=3/forget", true},
	{"**/forget", "layer=0/t=3/output", false},
	{"layer=0/**/**/forget", "layer=0/t=3/forget", true},
	{"**/a/b/**/c", "a/x/a/b/b/c", true},
	{"**/a/b/**/c", "a/x/a/c/b/c", false},
	{"**", "layer=0/t=3/forget", true},
	{"a/**", "a/b/c", true},
	{"a/**", "b/c", false},
	{"forget", "layer=0/t=3/forget", false},
	{"layer=0/t=3", "layer=0/t=3/forget", false},
	{"layer=0/t=3/forget/x", "layer=0/t=3/forget", false},
	{"f", "forget", false}, /* a name has no short form */
	{"l0/*/*", "layer=0/t=3/.matmul", false},
	{"**", "layer=0/t=3/.matmul", false},
	{"**/*", "layer=0/t=3/.matmul", false},
	{"l0/*/.mat*", "layer=0/t=3/.matmul", true},
	{"l0/*/.*", "layer=0/t=3/forget", false},
	{"", "", true},
	{"", "a", false},
	{"/", "a", false},
	{"*", "", true},
	{"a//b", "a/b", false},
};

START_TEST(patterns)
{
	bool got = tl_path_matches(pairs[_i].pattern, pairs[_i].path);
	ck_assert_msg(got == pairs[_i].matches, "'%s' and '%s'", pairs[_i].pattern, pairs[_i].path);
}
END_TEST

START_TEST(paths)
{
	char path[TL_PATH_TEXT], small[14];
	tl_var x = tl_name(tl_fill(tape, TL_SHAPE(2), 1), "x");
	ck_assert_str_eq(tl_var_path(x, path, sizeof path), "x");
	tl_scope_begin(tape, "layer", 0);
	tl_scope_begin(tape, "reverse", -1);
	tl_scope_begin(tape, "t", 12);
	tl_var named = tl_name(tl_exp(x), "gate"), unnamed = tl_exp(x);
	ck_assert_str_eq(tl_var_path(named, path, sizeof path), "layer=0/reverse/t=12/gate");
	ck_assert_str_eq(tl_var_path(unnamed, path, sizeof path), "layer=0/reverse/t=12/.exp");
	ck_assert_str_eq(tl_var_path(named, small, sizeof small), "t=12/gate");
	ck_assert_str_eq(tl_var_path(named, small, 4), "gat");
	ck_assert_str_eq(tl_var_path((tl_var){0}, path, sizeof path), "");
	tl_var got[2];
	ck_assert_int_eq(tl_find(tape, "l0/r/*/gate", 2, got), 1);
	ck_assert_uint_eq(got[0].index, named.index);
	ck_assert_int_eq(tl_find(tape, "l0/r/t12/.exp", 2, got), 1);
	ck_assert_uint_eq(got[0].index, unnamed.index);
	ck_assert_int_eq(tl_find(tape, "l0/**/nothing", 2, got), 0);
	tl_tape_reset(tape);
	ck_assert_int_eq(tl_find(tape, "**/*", 2, got), 0);
}
END_TEST

static const tl_trace *trace;

/* What a pattern finds: the paths, with blanks between them. */
static const char *found(tl_tape *t, const char *pattern)
{
	static char all[1024];
	int k = tl_trace_find(t, pattern, &trace);
	all[0] = '\0';
	for (int i = 0; i < k; i++) {
		strncat(all, i ? " " : "", sizeof all - strlen(all) - 1);
		strncat(all, trace[i].path, sizeof all - strlen(all) - 1);
		for (int64_t s = 1; s < trace[i].steps; s++)
			ck_assert_int_le(trace[i].index[s - 1], trace[i].index[s]);
	}
	return all;
}

START_TEST(traces_of_a_net)
{
	n = net_new(&(tl_rnn_options){
		.cell = &tl_cell_lstm, .input = E, .hidden = H, .layers = 2, .bidirectional = true}, T, B);
	tl_rnn_run(n.rnn, net_input(&n), net_state(&n), false);
	ck_assert_str_eq(found(n.tape, "l0/*/forget"), "layer=0/t=*/forget");
	ck_assert_int_eq(trace->steps, T);
	ck_assert(tl_shape_equal(tl_trace_shape(trace), TL_SHAPE(T, B, H)));
	ck_assert_str_eq(found(n.tape, "**/hidden"),
		"layer=0/t=*/hidden layer=0/reverse/t=*/hidden layer=1/t=*/hidden layer=1/reverse/t=*/hidden");
	ck_assert_str_eq(found(n.tape, "l1/*/*"),
		"layer=1/t=*/input layer=1/t=*/forget layer=1/t=*/new layer=1/t=*/output layer=1/t=*/memory "
		"layer=1/t=*/hidden");
	ck_assert_str_eq(found(n.tape, "l1/t3/forget"), "layer=1/t=3/forget");
	ck_assert_int_eq(trace->index[0], 0);
	ck_assert_str_eq(found(n.tape, "l1/t[24]/forget"), "layer=1/t=*/forget");
	ck_assert_int_eq(trace->steps, 2);
	ck_assert_int_eq(trace->index[1], 4);
	ck_assert_str_eq(found(n.tape, "l2/*/forget"), "");
	ck_assert_str_eq(found(n.tape, "l0/*/.mul"), "layer=0/t=*/.mul layer=0/t=*/.mul#2");
	ck_assert_int_eq(trace[1].steps, T);
}
END_TEST

/* Scopes of other names count, too: blocks here, one index for all of `part`. */
START_TEST(traces_of_other_scopes)
{
	for (int block = 0; block < 3; block++) {
		tl_scope_begin(tape, "block", block);
		tl_scope_begin(tape, "layer", block % 2);
		tl_scope_begin(tape, "part", 7);
		tl_var x = tl_fill(tape, TL_SHAPE(block + 1), block);
		tl_name(x, "x");
		tl_name(tl_sum_to(x, TL_SCALAR), "sum");
		for (int k = 0; k < 3; k++)
			tl_scope_end(tape);
	}
	ck_assert_str_eq(found(tape, "**/sum"), "block=*/layer=0/part=7/sum block=*/layer=1/part=7/sum");
	ck_assert_int_eq(trace[0].steps, 2);
	ck_assert_int_eq(trace[0].index[1], 2);
	tl_real got[2];
	ck_assert_int_eq(tl_trace_read(&trace[0], got, 2), TL_OK);
	ck_assert(got[0] == 0 && got[1] == 6);
	found(tape, "**/x");
	ck_assert_int_eq(tl_trace_shape(trace).axes, 0);
	ck_assert_int_eq(tl_trace_read(trace, got, 2), TL_ERR_SHAPE);
	ck_assert_str_eq(tl_tape_error(tape)->text, "trace: block=*/layer=0/part=7/x differs in shape from step to step");
}
END_TEST

/* A "t" counts the steps wherever it stands. */
START_TEST(traces_of_parts_of_steps)
{
	for (int64_t i = 0; i < 6; i++) {
		tl_scope_begin(tape, "t", i / 2);
		tl_scope_begin(tape, "part", i % 2);
		tl_name(tl_fill(tape, TL_SHAPE(2), (double)i), "x");
		tl_scope_end(tape);
		tl_scope_end(tape);
	}
	ck_assert_str_eq(found(tape, "**/x"), "t=*/part=0/x t=*/part=1/x");
	tl_real got[6];
	ck_assert_int_eq(tl_trace_read(&trace[1], got, 6), TL_OK);
	ck_assert(got[0] == 1 && got[2] == 3 && got[5] == 5);
	ck_assert_str_eq(found(tape, "t1/*/x"), "t=1/part=*/x");
}
END_TEST

/* A model that runs twice on one tape has two traces of each kind. */
START_TEST(traces_of_two_runs)
{
	n = net_new(&(tl_rnn_options){.cell = &tl_cell_gru, .input = E, .hidden = H}, T, B);
	for (int k = 0; k < 2; k++)
		tl_rnn_run(n.rnn, net_input(&n), net_state(&n), false);
	ck_assert_str_eq(found(n.tape, "l0/*/reset"), "layer=0/t=*/reset layer=0/t=*/reset#2");
	ck_assert_int_eq(trace[0].steps, T);
	ck_assert_int_eq(trace[1].steps, T);
	ck_assert_uint_lt(trace[0].at[T - 1].index, trace[1].at[0].index);
	tl_real got[T * B * H];
	ck_assert_int_eq(tl_trace_read(trace, got, 7), TL_ERR_SHAPE);
	ck_assert_str_eq(tl_tape_error(n.tape)->text,
		"trace: 7 elements wanted of layer=0/t=*/reset, which is (5, 2, 4)");
}
END_TEST

static double logistic(double z)
{
	return 1 / (1 + exp(-z));
}

enum { IN, FORGET, NEW, OUT, MEMORY, HIDDEN, NAMES };
static const char *const names[NAMES] = {"input", "forget", "new", "output", "memory", "hidden"};
static double want[NAMES][T][B][H];

/* h (B, H) and c go on. */
static void lstm_step(const tl_real *w, const tl_real *u, const tl_real *b, const tl_real *x, const double *h,
	const double *c, int t)
{
	for (int row = 0; row < B; row++)
		for (int j = 0; j < H; j++) {
			double z[4];
			for (int g = 0; g < 4; g++) {
				z[g] = (double)b[g * H + j];
				for (int k = 0; k < E; k++)
					z[g] += (double)x[row * E + k] * (double)w[k * 4 * H + g * H + j];
				for (int k = 0; k < H; k++)
					z[g] += h[row * H + k] * (double)u[k * 4 * H + g * H + j];
			}
			double i = logistic(z[0]), f = logistic(z[1]), g = tanh(z[2]), o = logistic(z[3]);
			double m = f * c[row * H + j] + i * g, all[NAMES] = {i, f, g, o, m, o * tanh(m)};
			for (int k = 0; k < NAMES; k++)
				want[k][t][row][j] = all[k];
		}
}

/* In the reverse direction the first step reads the last x. */
static void recompute(const net *m, int direction)
{
	const tl_real *x = m->x->value.data, *p[3];
	double h[B * H], c[B * H];
	for (int k = 0; k < 3; k++)
		p[k] = m->rnn->params[direction * 3 + k]->value.data;
	for (int k = 0; k < B * H; k++) {
		h[k] = (double)((const tl_real *)m->s[0]->value.data)[direction * B * H + k];
		c[k] = (double)((const tl_real *)m->s[1]->value.data)[direction * B * H + k];
	}
	for (int t = 0; t < T; t++) {
		lstm_step(p[0], p[1], p[2], x + (direction ? T - 1 - t : t) * B * E, h, c, t);
		memcpy(h, want[HIDDEN][t], sizeof h);
		memcpy(c, want[MEMORY][t], sizeof c);
	}
}

static void check_trace(const tl_trace *got, const double *expected, const char *what)
{
	tl_real value[T * B * H];
	ck_assert_msg(tl_trace_read(got, value, T * B * H) == TL_OK, "%s", tl_tape_error(got->at[0].tape)->text);
	for (int k = 0; k < T * B * H; k++)
		ck_assert_msg(fabs((double)value[k] - expected[k]) <= net_tolerance, "%s: element %d is %.9g, not %.9g",
			what, k, (double)value[k], expected[k]);
}

/* 0: before anything was computed; 1: after the output was, in whose plan gates have no memory; 2: after gradients. */
START_TEST(values_of_an_lstm)
{
	n = net_new(&(tl_rnn_options){.cell = &tl_cell_lstm, .input = E, .hidden = H, .bidirectional = true}, T, B);
	for (int round = 0; round < 3; round++) { /* later ones have plans that were kept */
		tl_tape_reset(n.tape);
		tl_var d, x = net_input(&n);
		tl_rnn_result r = tl_rnn_run(n.rnn, x, net_state(&n), false);
		if (_i == 1)
			ck_assert_int_eq(tl_eval(1, &r.output), TL_OK);
		if (_i == 2) {
			ck_assert_int_eq(tl_grad(result_loss(r), 1, &x, &d), TL_OK);
			ck_assert_int_eq(tl_eval(1, &d), TL_OK);
		}
		for (int direction = 0; direction < 2; direction++) {
			recompute(&n, direction);
			for (int k = 0; k < NAMES; k++) {
				char pattern[64];
				snprintf(pattern, sizeof pattern, "l0/%s*/%s", direction ? "r/" : "", names[k]);
				ck_assert_int_eq(tl_trace_find(n.tape, pattern, &trace), 1);
				check_trace(trace, &want[k][0][0][0], pattern);
			}
		}
	}
}
END_TEST

static tl_state plain_step(const tl_var *p, tl_var x, tl_state s)
{
	tl_var h = tl_name(tl_tanh(tl_add(tl_matmul(x, p[0]), s.v[1])), "first");
	return tl_state2(h, tl_tanh(tl_add(h, s.v[0])));
}

static const tl_cell plain = {.name = "plain", .states = 2, .step = plain_step,
	.params = (const tl_cell_param[]){{"w", TL_INPUT_ROWS, "h"}, {0}}};

/* A cell of one's own: what it names is found, and so are the states to which it gave no names. */
START_TEST(a_cell_of_ones_own)
{
	n = net_new(&(tl_rnn_options){.cell = &plain, .input = E, .hidden = H}, T, B);
	tl_rnn_result r = tl_rnn_run(n.rnn, net_input(&n), net_state(&n), false);
	ck_assert_str_eq(found(n.tape, "l0/*/*"), "layer=0/t=*/first layer=0/t=*/state1");
	double last[NET_MAX];
	read_values(r.last.v[1], last);
	tl_real got[T * B * H];
	ck_assert_int_eq(tl_trace_read(&trace[1], got, T * B * H), TL_OK);
	for (int k = 0; k < B * H; k++)
		ck_assert((double)got[(T - 1) * B * H + k] == last[k]);
}
END_TEST

/* Every cell of the library shows gates or states by these names. */
START_TEST(names_of_cells)
{
	static const struct {
		const tl_cell *cell;
		const char *names;
	} all[] = {
		{&tl_cell_rnn, "hidden"},
		{&tl_cell_rnn_relu, "hidden"},
		{&tl_cell_gru, "reset update new hidden"},
		{&tl_cell_gru_lbr, "reset update new hidden"},
		{&tl_cell_lstm, "input forget new output memory hidden"},
		{&tl_cell_lstm_peephole, "input forget new output memory hidden"},
		{&tl_cell_lstm_norm, "input forget new output memory hidden"},
		{&tl_cell_lstm_projected, "input forget new output memory hidden"},
		{&tl_cell_mgu, "update new hidden"},
		{&tl_cell_elman, "hidden output"},
		{&tl_cell_jordan, "output"},
	};
	for (int k = 0; k < (int)(sizeof all / sizeof *all); k++) {
		n = net_new(&(tl_rnn_options){.cell = all[k].cell, .input = E, .hidden = H,
			.project = tl_cell_projects(all[k].cell) ? 2 : 0}, T, B);
		tl_rnn_run(n.rnn, net_input(&n), net_state(&n), false);
		char copy[128], *rest = NULL;
		snprintf(copy, sizeof copy, "%s", all[k].names);
		for (char *name = strtok_r(copy, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
			char pattern[64], path[64];
			snprintf(pattern, sizeof pattern, "l0/*/%s", name);
			snprintf(path, sizeof path, "layer=0/t=*/%s", name);
			ck_assert_msg(!strcmp(found(n.tape, pattern), path), "%s: no %s", all[k].cell->name, name);
			ck_assert_int_eq(trace->steps, T);
		}
		net_free(&n);
	}
}
END_TEST

/* Weights over S places of two heads, of a decoder that goes step by step. */
START_TEST(weights_of_an_attention)
{
	enum { S = 3, STEPS = 4, HEADS = 2 };
	tl_error err = {0};
	tl_store *store = tl_store_new();
	tl_seq2seq *m = tl_seq2seq_new(store, &(tl_seq2seq_options){.source_symbols = 7, .target_symbols = 6, .embed = 3,
		.cell = &tl_cell_gru, .hidden = 4, .attention = true, .score = TL_SCORE_SCALED_DOT, .heads = HEADS}, &err);
	ck_assert_msg(m != NULL, "%s", err.text);
	tl_seq2seq_init(m, &(tl_rng){.seed = 3});
	tl_var x = tl_index(tape, TL_SHAPE(S, 1), (int32_t[]){4, 5, 3});
	tl_var y = tl_index(tape, TL_SHAPE(STEPS, 1), (int32_t[]){2, 4, 5, 4});
	tl_seq2seq_result r = tl_seq2seq_run(m, x, NULL, y, false);
	tl_real got[STEPS * S * HEADS], all[STEPS * S * HEADS];
	ck_assert_str_eq(found(tape, "**/weights"), "decoder=*/attention/weights");
	ck_assert(tl_shape_equal(tl_trace_shape(trace), TL_SHAPE(STEPS, S, 1, HEADS)));
	ck_assert_int_eq(tl_trace_read(trace, got, STEPS * S * HEADS), TL_OK);
	ck_assert_int_eq(tl_read(r.weights, all, STEPS * S * HEADS), TL_OK);
	for (int t = 0; t < STEPS; t++)
		for (int k = 0; k < HEADS; k++) {
			double sum = 0;
			for (int s = 0; s < S; s++) {
				int at = (t * S + s) * HEADS + k;
				ck_assert(got[at] == all[at]);
				sum += (double)got[at];
			}
			ck_assert_double_eq_tol(sum, 1, 1e-6);
		}
	ck_assert_str_eq(found(tape, "d*/**/update"), "decoder=*/layer=0/t=0/update");
	ck_assert_int_eq(trace->steps, STEPS);
	ck_assert_str_eq(found(tape, "e/**/update"), "encoder/layer=0/t=*/update");
	ck_assert_int_eq(trace->steps, S);
	tl_seq2seq_free(m);
	tl_store_free(store);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *suite = suite_create("find");
	TCase *plain_case = tcase_create("paths");
	tcase_add_checked_fixture(plain_case, setup, teardown);
	tcase_add_loop_test(plain_case, patterns, 0, (int)(sizeof pairs / sizeof *pairs));
	tcase_add_test(plain_case, paths);
	suite_add_tcase(suite, plain_case);
	TCase *traces = tcase_create("traces");
	tcase_add_checked_fixture(traces, setup, teardown);
	tcase_add_test(traces, traces_of_a_net);
	tcase_add_test(traces, traces_of_other_scopes);
	tcase_add_test(traces, traces_of_parts_of_steps);
	tcase_add_test(traces, traces_of_two_runs);
	tcase_add_loop_test(traces, values_of_an_lstm, 0, 3);
	tcase_add_test(traces, a_cell_of_ones_own);
	tcase_add_test(traces, names_of_cells);
	tcase_add_test(traces, weights_of_an_attention);
	suite_add_tcase(suite, traces);
	return suite;
}
