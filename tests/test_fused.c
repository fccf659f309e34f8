/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recurrent layers in one node against the same layers recorded step by step: values and gradients of every
 * operand, under both executors.
 */
#include "tests/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/flat.h"
#include "models/tapeloop.h"

static const double tolerance = sizeof(tl_real) == sizeof(double) ? 1e-11 : 1e-5;

enum { X, H0, C0, W, U, B, MORE, PEEP, PROJ, OPERANDS };
static const char *const names[OPERANDS] = {"x", "h0", "c0", "w", "u", "b", "more", "peephole", "projection"};

/* A layer: which cell, its sizes and what it is given. */
typedef struct layer {
	const tl_cell *cell;
	int64_t steps, rows, input, hidden, project; /* project 0: none */
	bool peephole, h0, c0, reverse, forward_only, no_bias;
} layer;

static tl_tape *tape;
static tl_real data[OPERANDS][20000], weight[3][20000];
static uint64_t draws;

static void draw(const layer *l, uint64_t seed)
{
	tl_rng rng = {.seed = seed + 1};
	double scale = 1 / sqrt((double)(l->hidden));
	for (int k = 0; k < OPERANDS; k++)
		for (int i = 0; i < 20000; i++)
			data[k][i] = (tl_real)((k <= C0 ? 1 : scale) * (2 * tl_rng_uniform(&rng) - 1));
	for (int k = 0; k < 3; k++)
		for (int i = 0; i < 20000; i++)
			weight[k][i] = (tl_real)(2 * tl_rng_uniform(&rng) - 1);
}

static bool is(const layer *l, const tl_cell *cell)
{
	return l->cell == cell;
}

static bool is_lstm(const layer *l)
{
	return is(l, &tl_cell_lstm);
}

static tl_var leaf(int k, tl_shape shape, bool there)
{
	ck_assert_int_le(tl_shape_size(shape), 20000);
	return there ? tl_input(tape, shape, data[k]) : (tl_var){0};
}

/* The operands; unset where there are none. */
static void record_operands(const layer *l, tl_var *v)
{
	int64_t h = l->hidden, out = l->project ? l->project : h,
		g = is_lstm(l)			  ? 4
		    : l->cell->params[0].gates[1] ? 3
						  : 1;
	bool gru = is(l, &tl_cell_gru), lbr = is(l, &tl_cell_gru_lbr);
	v[X] = leaf(X, TL_SHAPE(l->steps, l->rows, l->input), true);
	v[H0] = leaf(H0, TL_SHAPE(l->rows, out), l->h0);
	v[C0] = leaf(C0, TL_SHAPE(l->rows, h), l->c0);
	v[W] = leaf(W, TL_SHAPE(l->input, g * h), true);
	v[U] = leaf(U, TL_SHAPE(out, (gru ? 2 : g) * h), true);
	v[B] = leaf(B, TL_SHAPE(g * h), !l->no_bias);
	v[MORE] = leaf(MORE, gru ? TL_SHAPE(h, h) : TL_SHAPE(h), gru || (lbr && !l->no_bias));
	v[PEEP] = leaf(PEEP, TL_SHAPE(3 * h), l->peephole);
	v[PROJ] = leaf(PROJ, TL_SHAPE(h, out), l->project);
}

static tl_fused fused(const layer *l, const tl_var *v)
{
	tl_fused_options o = {
		.h0 = v[H0], .c0 = v[C0], .reverse = l->reverse, .forward_only = l->forward_only};
	if (is(l, &tl_cell_rnn))
		return tl_fused_rnn(v[X], v[W], v[U], v[B], &o);
	if (is(l, &tl_cell_rnn_relu))
		return tl_fused_rnn_relu(v[X], v[W], v[U], v[B], &o);
	if (is(l, &tl_cell_gru))
		return tl_fused_gru(v[X], v[W], v[U], v[B], v[MORE], &o);
	if (is(l, &tl_cell_gru_lbr))
		return tl_fused_gru_lbr(v[X], v[W], v[U], v[B], v[MORE], &o);
	return tl_fused_lstm(v[X], v[W], v[U], v[B], v[PEEP], v[PROJ], &o);
}

static tl_fused composed(const layer *l, const tl_var *v)
{
	const tl_cell *cell = l->peephole ? &tl_cell_lstm_peephole : l->cell;
	tl_var p[4] = {v[W], v[U], v[B], l->peephole ? v[PEEP] : v[MORE]}, at[64];
	for (int k = 2; k < 4 && l->no_bias; k++)
		if (!p[k].tape)
			p[k] = tl_fill(tape, k == 2 ? TL_SHAPE(tl_dim(v[W], 1)) : TL_SHAPE(l->hidden), 0);
	int64_t out = l->project ? l->project : l->hidden;
	tl_var x = l->reverse ? tl_flip(v[X], 0) : v[X];
	tl_state s = {cell->states, {l->h0 ? v[H0] : tl_fill(tape, TL_SHAPE(l->rows, out), 0),
					    l->c0 ? v[C0] : tl_fill(tape, TL_SHAPE(l->rows, l->hidden), 0)}};
	for (int64_t t = 0; t < l->steps; t++) {
		s = cell->step(p, tl_select(x, 0, t), s);
		if (l->project)
			s.v[0] = tl_matmul(s.v[0], v[PROJ]);
		at[t] = s.v[0];
	}
	tl_var all = tl_stack((int)l->steps, at, 0);
	return (tl_fused){l->reverse ? tl_flip(all, 0) : all, s.v[0], s.v[1]};
}

static tl_var weighted(int k, tl_var v)
{
	return tl_sum_all(tl_mul(v, tl_input(tape, tl_var_shape(v), weight[k])));
}

/* uses: bit 0: the output is, 1: h, 2: c; h is used twice. */
static tl_var loss_of(const layer *l, const tl_fused *r, int uses)
{
	tl_var loss = tl_fill(tape, TL_SCALAR, 0);
	if (uses & 1)
		loss = tl_add(loss, weighted(0, r->output));
	if (uses & 2)
		loss = tl_add(loss, tl_add(weighted(1, r->h), tl_sum_all(tl_square(r->h))));
	if (uses & 4 && is_lstm(l))
		loss = tl_add(loss, weighted(2, r->c));
	return loss;
}

static void name_of(const layer *l, char buf[200])
{
	snprintf(buf, 200, "%s T %d B %d E %d H %d P %d%s%s%s%s%s%s", l->cell->name, (int)l->steps,
		(int)l->rows, (int)l->input, (int)l->hidden, (int)l->project, l->peephole ? " peephole" : "",
		l->h0 ? " h0" : "", l->c0 ? " c0" : "", l->reverse ? " reverse" : "",
		l->forward_only ? " forward only" : "", l->no_bias ? " no bias" : "");
}

static void compare(const layer *l, const char *what, tl_var is, tl_var should)
{
	static tl_real got[20000], want[20000];
	char name[200];
	int64_t n = tl_shape_size(tl_var_shape(should));
	double scale = 1;
	name_of(l, name);
	ck_assert_msg(tl_shape_equal(tl_var_shape(is), tl_var_shape(should)), "%s: %s has another shape",
		name, what);
	ck_assert_msg(tl_read(should, want, n) == TL_OK && tl_read(is, got, n) == TL_OK, "%s: %s", name,
		tl_tape_error(tape)->text);
	for (int64_t i = 0; i < n; i++)
		scale = fmax(scale, fabs((double)want[i]));
	for (int64_t i = 0; i < n; i++)
		ck_assert_msg(fabs((double)(got[i] - want[i])) <= tolerance * scale,
			"%s: %s[%d] is %.9g, not %.9g", name, what, (int)i, (double)got[i], (double)want[i]);
}

static void check_layer(const layer *l, int uses)
{
	tl_var v[OPERANDS], wrt[OPERANDS], d[2][OPERANDS];
	const char *of[OPERANDS];
	int n = 0;
	draw(l, ++draws);
	tl_tape_reset(tape);
	record_operands(l, v);
	tl_fused r = fused(l, v), c = composed(l, v);
	for (int k = 0; k < OPERANDS; k++)
		if (v[k].tape) {
			wrt[n] = v[k];
			of[n++] = names[k];
		}
	compare(l, "output", r.output, c.output);
	compare(l, "h", r.h, c.h);
	if (is_lstm(l))
		compare(l, "c", r.c, c.c);
	ck_assert_msg(tl_grad(loss_of(l, &r, uses), n, wrt, d[0]) == TL_OK, "%s", tl_tape_error(tape)->text);
	ck_assert_msg(tl_grad(loss_of(l, &c, uses), n, wrt, d[1]) == TL_OK, "%s", tl_tape_error(tape)->text);
	for (int k = 0; k < n; k++)
		compare(l, of[k], d[0][k], d[1][k]);
}

static const int64_t sizes[][4] = {{1, 1, 1, 1}, {1, 4, 3, 5}, {6, 1, 4, 3}, {5, 3, 7, 9}, {9, 7, 16, 32}};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* _i: the size, under both executors. */
START_TEST(as_composed)
{
	static const tl_cell *const cells[] = {
		&tl_cell_rnn, &tl_cell_rnn_relu, &tl_cell_gru, &tl_cell_gru_lbr, &tl_cell_lstm};
	const int64_t *n = sizes[_i % SIZES];
	tape = tl_tape_new(&(tl_tape_options){
		.threads = 2, .executor = _i < SIZES ? &tl_executor_planned : &tl_executor_plain});
	for (int k = 0; k < 5; k++)
		for (int given = 0; given < 4; given++)
			for (int more = 0; more < 4; more++) {
				layer l = {.cell = cells[k],
					.steps = n[0],
					.rows = n[1],
					.input = n[2],
					.hidden = n[3]};
				l.h0 = given & 1;
				l.c0 = given & 2 && is_lstm(&l);
				l.project = more & 1 && is_lstm(&l) ? (n[3] + 1) / 2 : 0;
				l.peephole = more & 2 && is_lstm(&l);
				l.reverse = (given + more) % 2;
				l.forward_only = given == 3;
				l.no_bias = given == 1;
				if (is_lstm(&l) || (given != 2 && more < 2))
					check_layer(&l, 1 + (4 * given + more) % (is_lstm(&l) ? 7 : 3));
			}
	tl_tape_free(tape);
}
END_TEST

/* Weights change from step to step; nothing is made, planned or allocated after the first ones. */
START_TEST(steady_state)
{
	layer l = {.cell = &tl_cell_gru, .steps = 6, .rows = 5, .input = 4, .hidden = 8, .h0 = true};
	tape = tl_tape_new(&(tl_tape_options){.threads = 2});
	uint64_t allocations = 0, made = 0, misses = 0;
	for (int step = 0; step < 8; step++) {
		check_layer(&l, 3);
		tl_tape_stats s = tl_tape_get_stats(tape);
		if (step > 3) {
			ck_assert_int_eq(s.allocations, allocations);
			ck_assert_int_eq(s.plan_misses, misses);
			ck_assert_int_eq(tl_fused_primitives(tape), made);
		}
		allocations = s.allocations;
		misses = s.plan_misses;
		made = tl_fused_primitives(tape);
	}
	if (sizeof(tl_real) == sizeof(float))
		ck_assert_int_ge(made, 2);
	tl_tape_free(tape);
}
END_TEST

/* More shapes than are kept; and then the first one again. */
START_TEST(many_shapes)
{
	tape = tl_tape_new(&(tl_tape_options){.threads = 1});
	for (int n = 0; n < 150; n++) {
		layer l = {.cell = &tl_cell_rnn, .steps = 1 + n % 75, .rows = 1, .input = 2, .hidden = 2};
		if (l.steps <= 64)
			check_layer(&l, 1);
		tl_var v[OPERANDS];
		tl_tape_reset(tape);
		record_operands(&l, v);
		tl_var h = fused(&l, v).h;
		ck_assert_msg(tl_eval(1, &h) == TL_OK, "%s", tl_tape_error(tape)->text);
	}
	/* all of them in one step: none may go */
	tl_tape_reset(tape);
	tl_var sum = tl_fill(tape, TL_SCALAR, 0), x = {0};
	for (int n = 0; n < 100; n++) {
		layer l = {.cell = &tl_cell_rnn, .steps = 1 + n, .rows = 1, .input = 2, .hidden = 2};
		tl_var v[OPERANDS];
		record_operands(&l, v);
		x = v[X];
		sum = tl_add(sum, tl_sum_all(fused(&l, v).h));
	}
	tl_real value;
	ck_assert_msg(tl_grad(sum, 1, &x, &x) == TL_OK && tl_read(sum, &value, 1) == TL_OK &&
			      tl_eval(1, &x) == TL_OK,
		"%s", tl_tape_error(tape)->text);
	tl_tape_free(tape);
}
END_TEST

/* In a segment that is made again for the gradient. */
START_TEST(in_a_checkpoint)
{
	layer l = {.cell = &tl_cell_lstm, .steps = 5, .rows = 3, .input = 4, .hidden = 6, .h0 = true};
	tape = tl_tape_new(NULL);
	for (int step = 0; step < 3; step++) {
		tl_var v[OPERANDS], d[2];
		tl_tape_reset(tape);
		draw(&l, ++draws);
		record_operands(&l, v);
		tl_fused c = composed(&l, v);
		tl_checkpoint_begin(tape);
		tl_fused r = fused(&l, v);
		tl_checkpoint_end(tape, 3, (tl_var *[]){&r.output, &r.h, &r.c});
		compare(&l, "output", r.output, c.output);
		ck_assert_msg(tl_grad(loss_of(&l, &r, 7), 1, &v[U], &d[0]) == TL_OK, "%s",
			tl_tape_error(tape)->text);
		ck_assert_int_eq(tl_grad(loss_of(&l, &c, 7), 1, &v[U], &d[1]), TL_OK);
		compare(&l, "u", d[0], d[1]);
	}
	tl_tape_free(tape);
}
END_TEST

/* Two layers, one over the other, and both directions side by side. */
START_TEST(stacked)
{
	layer l = {.cell = &tl_cell_lstm, .steps = 4, .rows = 3, .input = 6, .hidden = 6}, r = l;
	tl_var v[OPERANDS], above[OPERANDS], d[2];
	r.reverse = true;
	tape = tl_tape_new(NULL);
	draw(&l, ++draws);
	record_operands(&l, v);
	for (int k = 0; k < 2; k++) {
		tl_fused (*run)(const layer *, const tl_var *) = k ? composed : fused;
		memcpy(above, v, sizeof v);
		tl_fused there = run(&l, v), back = run(&r, v);
		above[X] = tl_add(there.output, tl_mul(back.output, there.output));
		above[H0] = there.h;
		layer top = l;
		top.h0 = true;
		tl_fused last = run(&top, above);
		tl_var loss = tl_add(loss_of(&l, &last, 7), loss_of(&l, &back, 4));
		ck_assert_msg(tl_grad(loss, 1, &v[W], &d[k]) == TL_OK, "%s", tl_tape_error(tape)->text);
	}
	compare(&l, "w", d[0], d[1]);
	tl_tape_free(tape);
}
END_TEST

/* The adjoint of the whole vector may come from elsewhere than its parts. */
START_TEST(any_adjoint)
{
	layer l = {.cell = &tl_cell_lstm, .steps = 4, .rows = 3, .input = 2, .hidden = 5};
	tl_var v[OPERANDS], d[2];
	tape = tl_tape_new(NULL);
	draw(&l, ++draws);
	record_operands(&l, v);
	tl_fused r = fused(&l, v), c = composed(&l, v);
	tl_var all = tl_var_operand(r.output, 0);
	tl_var ones = tl_scale(tl_fill(tape, tl_var_shape(all), 1), 1);
	ck_assert_msg(tl_grad_from(all, ones, 1, &v[W], &d[0]) == TL_OK, "%s", tl_tape_error(tape)->text);
	tl_var sum = tl_add(tl_sum_all(c.output), tl_add(tl_sum_all(c.h), tl_sum_all(c.c)));
	ck_assert_int_eq(tl_grad(sum, 1, &v[W], &d[1]), TL_OK);
	compare(&l, "w", d[0], d[1]);
	tl_tape_free(tape);
}
END_TEST

START_TEST(no_second_derivative)
{
	layer l = {.cell = &tl_cell_rnn, .steps = 2, .rows = 2, .input = 2, .hidden = 3};
	tl_var v[OPERANDS], d;
	tape = tl_tape_new(NULL);
	draw(&l, ++draws);
	record_operands(&l, v);
	tl_fused r = fused(&l, v);
	ck_assert_int_eq(tl_grad(tl_sum_all(tl_square(r.output)), 1, &v[X], &d), TL_OK);
	ck_assert_int_eq(tl_grad(tl_sum_all(tl_square(d)), 1, &v[X], &d), TL_ERR_NO_GRADIENT);
	ck_assert_msg(strstr(tl_tape_error(tape)->text, "--impl composed") != NULL, "%s",
		tl_tape_error(tape)->text);
	tl_tape_free(tape);
}
END_TEST

static void check_refusal(const char *sentence, tl_status status)
{
	ck_assert_msg(tl_tape_status(tape) == status, "%s", tl_tape_error(tape)->text);
	ck_assert_str_eq(tl_tape_error(tape)->text, sentence);
	tl_tape_reset(tape);
}

START_TEST(mistakes)
{
	tl_var none = {0};
	tape = tl_tape_new(NULL);
#define IN(...) tl_input(tape, TL_SHAPE(__VA_ARGS__), data[0])
	tl_fused_rnn(IN(4, 2, 3), IN(3, 5), IN(5, 4), IN(5), NULL);
	check_refusal("fused_rnn: u has shape (5, 4), (5, 5) is needed", TL_ERR_SHAPE);
	tl_fused_lstm(
		IN(4, 2, 3), IN(3, 8), IN(2, 8), IN(8), none, none, &(tl_fused_options){.c0 = IN(2, 3)});
	check_refusal("fused_lstm: c0 has shape (2, 3), (2, 2) is needed", TL_ERR_SHAPE);
	tl_fused_lstm(IN(4, 2, 3), IN(3, 8), IN(2, 8), IN(8), IN(8), none, NULL);
	check_refusal("fused_lstm: peephole has shape (8), (6) is needed", TL_ERR_SHAPE);
	tl_fused_gru(IN(4, 2, 3), IN(3, 6), IN(2, 4), IN(6), none, NULL);
	check_refusal("fused_gru: there is no u_n", TL_ERR_ARGUMENT);
	tl_fused_gru_lbr(IN(4, 3), IN(3, 6), IN(2, 6), IN(6), IN(2), NULL);
	check_refusal("fused_gru_lbr: x has shape (4, 3), (T, B, E) is needed", TL_ERR_SHAPE);
	tl_fused_rnn_relu(IN(0, 2, 3), IN(3, 5), IN(5, 5), IN(5), NULL);
	check_refusal(
		"fused_rnn_relu: every size must be positive: T 0, B 2, E 3, H 5, output 5", TL_ERR_SHAPE);
	tl_fused_rnn(tl_fill(tape, TL_SHAPE(1 << 25, 1, 3), 0), IN(3, 5), IN(5, 5), IN(5), NULL);
	check_refusal(
		"fused_rnn: a layer of T 33554432, B 1, E 3, H 5 is too large for one node", TL_ERR_SHAPE);
	tl_var stale = IN(5);
	tl_tape_reset(tape);
	tl_fused r = tl_fused_rnn(IN(4, 2, 3), IN(3, 5), IN(5, 5), stale, NULL);
	ck_assert(!tl_ok(r.output) && !tl_ok(r.h));
	ck_assert_int_eq(tl_tape_status(tape), TL_ERR_STALE);
	tl_tape_free(tape);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("fused");
	TCase *c = tcase_create("fused");
	tcase_add_loop_test(c, as_composed, 0, 2 * SIZES);
	tcase_add_test(c, steady_state);
	tcase_add_test(c, many_shapes);
	tcase_add_test(c, in_a_checkpoint);
	tcase_add_test(c, stacked);
	tcase_add_test(c, any_adjoint);
	tcase_add_test(c, no_second_derivative);
	tcase_add_test(c, mistakes);
	suite_add_tcase(s, c);
	return s;
}
