/* SPDX-License-Identifier: Apache-2.0 */
/* Problems made by rule: what is drawn, how it is scored, and that small nets learn short ones. */
#include "tests/suite.h"

#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "models/cells.h"
#include "tools/problem_net.h"

enum { ROWS = 64, LENGTH = 30 };

static problem_batch batch;
static tl_rng rng;

static void setup(void)
{
	rng = (tl_rng){.seed = 11};
}

static void teardown(void)
{
	problem_batch_release(&batch);
}

static void draw(const problem *p, int64_t length)
{
	tl_error err = {0};
	problem_batch_release(&batch);
	ck_assert_int_eq(problem_batch_init(&batch, p, length, ROWS, &err), TL_OK);
	problem_draw(p, &batch, length, &rng);
}

/* The only 1 among the symbols, or -1. */
static int symbol_at(const problem *p, int64_t t, int64_t row)
{
	int found = -1;
	for (int k = 0; k < p->input; k++) {
		double x = (double)*problem_symbol(&batch, p->input, t, row, k);
		ck_assert(x == 0 || (x == 1 && found < 0));
		if (x == 1)
			found = k;
	}
	return found;
}

static double figure(const problem *p, const tl_real *answer, int k)
{
	problem_score s = {{0}, {0}};
	p->score(&batch, answer, &s);
	return s.sum[k] / s.count[k];
}

START_TEST(the_list)
{
	for (int k = 0; problem_at(k); k++) {
		ck_assert_ptr_eq(problem_by_name(problem_at(k)->name), problem_at(k));
		draw(problem_at(k), problem_at(k)->least);
		draw(problem_at(k), problem_at(k)->length);
	}
	ck_assert_ptr_null(problem_by_name("subtracting"));
}
END_TEST

START_TEST(adding)
{
	double mean = 0;
	tl_real answer[ROWS];
	draw(&problem_adding, LENGTH);
	for (int row = 0; row < ROWS; row++) {
		double sum = 0;
		int marks[2] = {0};
		for (int t = 0; t < LENGTH; t++) {
			double x = (double)batch.x[(t * ROWS + row) * 2], mark = (double)batch.x[(t * ROWS + row) * 2 + 1];
			ck_assert(x >= 0 && x < 1 && (mark == 0 || mark == 1));
			sum += x * mark;
			marks[t >= LENGTH / 2] += mark == 1;
			mean += x / LENGTH / ROWS;
		}
		ck_assert(marks[0] == 1 && marks[1] == 1);
		ck_assert_double_eq_tol((double)batch.value[row], sum, 1e-6);
		answer[row] = batch.value[row] + (row % 2 ? (tl_real)0.5 : 0);
	}
	ck_assert_double_eq_tol(mean, 0.5, 0.03);
	ck_assert_double_eq_tol(figure(&problem_adding, answer, 0), 0.125, 1e-6);
}
END_TEST

START_TEST(order)
{
	int seen[4] = {0};
	draw(&problem_order, LENGTH);
	tl_real answer[ROWS][4] = {{0}};
	for (int row = 0; row < ROWS; row++) {
		int signs[2], n = 0;
		for (int t = 0; t < LENGTH; t++) {
			int symbol = symbol_at(&problem_order, t, row);
			ck_assert_int_ge(symbol, 0);
			if (symbol < 4)
				continue;
			ck_assert(n == 0 ? t >= LENGTH / 10 && t < LENGTH / 5 : t >= LENGTH / 2 && t < LENGTH * 6 / 10);
			signs[n++] = symbol - 4;
		}
		ck_assert_int_eq(n, 2);
		ck_assert_int_eq(batch.label[row], 2 * signs[0] + signs[1]);
		seen[batch.label[row]]++;
		answer[row][row % 4 ? batch.label[row] : (batch.label[row] + 1) % 4] = 1;
	}
	for (int k = 0; k < 4; k++)
		ck_assert_int_gt(seen[k], 5);
	ck_assert_double_eq_tol(figure(&problem_order, answer[0], 0), 0.75, 1e-9);
}
END_TEST

START_TEST(copying)
{
	enum { ITEMS = 5, PAUSE = 7, STEPS = PAUSE + 2 * ITEMS, SYMBOLS = 8 };
	static tl_real answer[STEPS][ROWS][SYMBOLS];
	draw(&problem_copy, PAUSE);
	ck_assert_int_eq(batch.steps, STEPS);
	for (int row = 0; row < ROWS; row++)
		for (int t = 0; t < STEPS; t++) {
			int symbol = symbol_at(&problem_copy, t, row);
			int32_t label = batch.label[t * ROWS + row];
			if (t < ITEMS)
				ck_assert_int_lt(symbol, SYMBOLS);
			else
				ck_assert_int_eq(symbol, t == ITEMS + PAUSE ? SYMBOLS + 1 : SYMBOLS);
			if (t < ITEMS + PAUSE)
				ck_assert_int_eq(label, NOT_ASKED);
			else
				ck_assert_int_eq(label, symbol_at(&problem_copy, t - ITEMS - PAUSE, row));
			if (label != NOT_ASKED)
				answer[t][row][row == 3 && t == STEPS - 1 ? (label + 1) % SYMBOLS : label] = 1;
		}
	ck_assert_double_eq_tol(figure(&problem_copy, answer[0][0], 0), 1 - 1.0 / (ROWS * ITEMS), 1e-9);
	ck_assert_double_eq_tol(figure(&problem_copy, answer[0][0], 1), 1 - 1.0 / ROWS, 1e-9);
}
END_TEST

static const char letters[] = "BTSXPVE";

static uint32_t legal_after(const char *prefix)
{
	reber at = {0};
	for (; *prefix; prefix++) {
		int symbol = (int)(strchr(letters, *prefix) - letters);
		ck_assert(reber_legal(at) >> symbol & 1);
		at = reber_next(at, symbol);
	}
	return reber_legal(at);
}

static uint32_t set(const char *symbols)
{
	uint32_t all = 0;
	for (; *symbols; symbols++)
		all |= 1u << (strchr(letters, *symbols) - letters);
	return all;
}

/* The grammar as a regular expression, and strings of its literature. */
START_TEST(reber_strings)
{
#define FROM_2 "(T*VPX)*T*V(V|PS)"
#define INNER "B(TS*X(S|X" FROM_2 ")|P" FROM_2 ")E"
	regex_t grammar;
	int outer[2] = {0}, longest = 0;
	ck_assert_int_eq(regcomp(&grammar, "^B(T" INNER "T|P" INNER "P)E$", REG_EXTENDED | REG_NOSUB), 0);
	for (int again = 0; again < 20; again++) {
		draw(&problem_reber, LENGTH);
		for (int row = 0; row < ROWS; row++) {
			char text[LENGTH + 2] = "";
			int n = 0;
			for (int symbol; n < LENGTH && (symbol = symbol_at(&problem_reber, n, row)) >= 0; n++) {
				text[n] = letters[symbol];
				text[n + 1] = '\0';
				ck_assert_int_eq(batch.legal[n * ROWS + row], legal_after(text));
				text[n + 1] = letters[batch.label[n * ROWS + row]];
			}
			text[n + 1] = '\0';
			for (int t = n; t < LENGTH; t++)
				ck_assert_int_eq(batch.label[t * ROWS + row], NOT_ASKED);
			ck_assert_msg(regexec(&grammar, text, 0, NULL, 0) == 0, "%s", text);
			outer[text[1] == 'T']++;
			longest = n + 1 > longest ? n + 1 : longest;
		}
	}
	regfree(&grammar);
	ck_assert(outer[0] > 500 && outer[1] > 500);
	ck_assert(longest > 25 && longest <= LENGTH + 1);
	ck_assert_uint_eq(legal_after(""), set("B"));
	ck_assert_uint_eq(legal_after("BP"), set("B"));
	ck_assert_uint_eq(legal_after("BTBTXX"), set("TV"));
	ck_assert_uint_eq(legal_after("BPBPTTV"), set("PV"));
	ck_assert_uint_eq(legal_after("BPBPVP"), set("SX"));
	ck_assert_uint_eq(legal_after("BPBPVVE"), set("P"));
	ck_assert_uint_eq(legal_after("BTBTSXSE"), set("T"));
	ck_assert_uint_eq(legal_after("BTBTSXSETE"), 0);
}
END_TEST

START_TEST(reber_scores)
{
	static tl_real answer[LENGTH][ROWS][REBER_SYMBOLS];
	draw(&problem_reber, LENGTH);
	int64_t asked = 0, last = 0;
	for (int t = 0; t < LENGTH; t++)
		for (int k = 0; k < ROWS * REBER_SYMBOLS; k++) {
			int64_t at = t * ROWS + k / REBER_SYMBOLS;
			bool legal = batch.label[at] != NOT_ASKED && batch.legal[at] >> k % REBER_SYMBOLS & 1;
			answer[t][k / REBER_SYMBOLS][k % REBER_SYMBOLS] = (tl_real)(legal ? 0.4 : 0.1);
			asked += k % REBER_SYMBOLS == 0 && batch.label[at] != NOT_ASKED;
		}
	for (int k = 0; k < 3; k++)
		ck_assert_double_eq_tol(figure(&problem_reber, answer[0][0], k), 1, 1e-9);
	while (batch.label[last * ROWS] != NOT_ASKED)
		last++;
	tl_real *p = answer[last - 2][0], other = p[REBER_T]; /* the wrong one of T and P */
	p[REBER_T] = p[REBER_P];
	p[REBER_P] = other;
	ck_assert_double_eq_tol(figure(&problem_reber, answer[0][0], 0), 1 - 1.0 / (double)asked, 1e-9);
	ck_assert_double_eq_tol(figure(&problem_reber, answer[0][0], 1), 1 - 1.0 / ROWS, 1e-9);
	ck_assert_double_eq_tol(figure(&problem_reber, answer[0][0], 2), 1 - 1.0 / ROWS, 1e-9);
}
END_TEST

static double learn(const problem *p, const tl_cell *cell, int64_t length, int64_t hidden, int64_t steps)
{
	problem_options o = problem_defaults(p);
	tl_error err = {0};
	problem_net n;
	problem_score score;
	double loss;
	o.cell = cell;
	o.length = length;
	o.hidden = hidden;
	o.steps = steps;
	o.test = 512;
	ck_assert_msg(!problem_net_init(&n, &o, &err), "%s", err.text);
	while (tl_optimizer_steps(n.adam) < steps)
		ck_assert_msg(!problem_step(&n, &loss, &err), "%s", err.text);
	ck_assert_msg(!problem_test(&n, &score, &err), "%s", err.text);
	problem_net_release(&n);
	return score.sum[0] / score.count[0];
}

static const struct {
	const problem *problem;
	const tl_cell *cell;
	int64_t length, hidden, steps;
	double low, high; /* of the figure of merit */
} lessons[] = {
	{&problem_adding, &tl_cell_lstm, 20, 8, 1500, 0, 0.002},
	{&problem_adding, &tl_cell_lstm, 100, 8, 8000, 0, 0.002},
	{&problem_adding, &tl_cell_rnn, 50, 8, 1500, 0.02, 0.3}, /* too far for it */
	{&problem_order, &tl_cell_lstm, 20, 8, 800, 0.98, 1},
	{&problem_reber, &tl_cell_lstm, 20, 8, 2000, 0.99, 1},
	{&problem_copy, &tl_cell_gru, 3, 32, 3000, 0.95, 1},
};

START_TEST(is_learnt)
{
	double got = learn(lessons[_i].problem, lessons[_i].cell, lessons[_i].length, lessons[_i].hidden, lessons[_i].steps);
	ck_assert_msg(got >= lessons[_i].low && got <= lessons[_i].high, "%s with %s: %s is %g", lessons[_i].problem->name,
		lessons[_i].cell->name, lessons[_i].problem->figures[0], got);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("problems");
	TCase *c = tcase_create("rules");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, the_list);
	tcase_add_test(c, adding);
	tcase_add_test(c, order);
	tcase_add_test(c, copying);
	tcase_add_test(c, reber_strings);
	tcase_add_test(c, reber_scores);
	suite_add_tcase(s, c);
	c = tcase_create("lessons");
	tcase_add_loop_test(c, is_learnt, 0, sizeof lessons / sizeof *lessons);
	suite_add_tcase(s, c);
	return s;
}
