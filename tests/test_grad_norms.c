/* SPDX-License-Identifier: Apache-2.0 */
/* What --log-gradients logs: norms of parameters, and of states over time, against closed forms. */
#include "tests/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/cells.h"
#include "models/rnn.h"
#include "ops/arith.h"
#include "ops/index.h"
#include "ops/layout.h"
#include "ops/reduce.h"
#include "optim/clip.h"
#include "tools/grad_norms.h"
#include "tools/records.h"

#define T 40
#define B 3
#define H 2

static tl_error err;
static tl_tape *tape;
static json_t *line;

static void setup(void)
{
	err = (tl_error){0};
	tape = tl_tape_new(&(tl_tape_options){.threads = 1});
	line = json_object();
}

static void teardown(void)
{
	tl_tape_free(tape);
	json_decref(line);
}

static double logged(const char *path, int64_t t)
{
	const json_t *norms = json_object_get(json_object_get(line, "grad_by_step"), path);
	ck_assert_msg(json_is_array(norms), "no %s", path);
	ck_assert_uint_eq(json_array_size(norms), T);
	return json_number_value(json_array_get(norms, (size_t)t));
}

/* h_t = a h_{t-1}: a loss at the end sees a^(T-1-t) of h_t; one at each step the sum of these. */
START_TEST(states_have_the_norms_of_a_linear_recurrence)
{
	static const double factors[] = {0.5, 1, 0.01};
	double a = factors[_i];
	tl_real ones[B * H];
	for (int k = 0; k < B * H; k++)
		ones[k] = 1;
	for (int each = 0; each < 2; each++) {
		json_object_clear(line);
		tl_tape_reset(tape);
		tl_var h = tl_input(tape, TL_SHAPE(B, H), ones), loss = tl_fill(tape, TL_SCALAR, 0);
		tl_scope_begin(tape, "layer", 0);
		for (int t = 0; t < T; t++) {
			tl_scope_begin(tape, "t", t);
			h = tl_name(tl_scale(h, a), "hidden");
			tl_scope_end(tape);
			if (each || t == T - 1)
				loss = tl_add(loss, tl_sum_all(h));
		}
		tl_scope_end(tape);
		ck_assert_msg(!grad_steps_log(loss, line), "%s", tl_tape_error(tape)->text);
		for (int t = 0; t < T; t++) {
			double want = 0;
			for (int s = each ? t : T - 1; s < T; s++)
				want += pow(a, s - t);
			want *= sqrt(B * H);
			if (want > 1e-36) /* below that floats lose digits */
				ck_assert_double_eq_tol(logged("layer=0/t=*", t) / want, 1, 1e-5);
		}
	}
}
END_TEST

/* The driver's states: a tanh RNN whose weights are 0 but for the diagonal of u is T recurrences side by side. */
START_TEST(states_of_the_driver_are_found)
{
	static const int64_t lengths[B] = {T, T / 2, T};
	tl_store *store = tl_store_new();
	bool ragged = _i & 1, both = _i & 2;
	tl_rnn *rnn = tl_rnn_new(store, "rnn",
		&(tl_rnn_options){.cell = &tl_cell_rnn, .input = H, .hidden = H, .layers = 1, .bidirectional = both}, &err);
	tl_real x[T * B * H] = {0};
	ck_assert_ptr_nonnull(rnn);
	for (int k = 0; k < rnn->count * rnn->directions; k++)
		if (rnn->params[k]->value.shape.axes == 2 && strstr(rnn->params[k]->name, ".u"))
			for (int i = 0; i < H; i++)
				((tl_real *)rnn->params[k]->value.data)[i * H + i] = (tl_real)0.5;
	tl_var input = tl_input(tape, TL_SHAPE(T, B, H), x);
	tl_rnn_result r = ragged ? tl_rnn_run_ragged(rnn, input, lengths, (tl_state){0}, true)
				 : tl_rnn_run(rnn, input, (tl_state){0}, true);
	ck_assert_msg(!grad_steps_log(tl_sum_all(r.last.v[0]), line), "%s", tl_tape_error(tape)->text);
	/* The state is 0 everywhere, where tanh has slope 1; a row that ended has no part, but is read itself at its end. */
	for (int t = 0; t < T; t++) {
		double row = pow(0.5, T - 1 - t), short_row = ragged ? t < T / 2 ? pow(0.5, T / 2 - 1 - t) : 0 : row;
		double want = sqrt(H * (2 * row * row + short_row * short_row));
		ck_assert_double_eq_tol(logged("layer=0/t=*", t) / want, 1, 1e-5);
		if (both)
			ck_assert_double_eq_tol(logged("layer=0/reverse/t=*", t) / want, 1, 1e-5);
	}
	ck_assert_uint_eq(json_object_size(json_object_get(line, "grad_by_step")), both ? 2 : 1);
	tl_rnn_free(rnn);
	tl_store_free(store);
}
END_TEST

START_TEST(what_checkpoints_dropped_is_left_out)
{
	static const int64_t segments[] = {T - 1, 7, 20};
	tl_store *store = tl_store_new();
	tl_rnn *rnn = tl_rnn_new(store, "rnn",
		&(tl_rnn_options){.cell = &tl_cell_lstm, .input = H, .hidden = H, .layers = 2, .checkpoint = segments[_i]}, &err);
	tl_real x[T * B * H] = {0};
	ck_assert_ptr_nonnull(rnn);
	tl_rnn_result r = tl_rnn_run(rnn, tl_input(tape, TL_SHAPE(T, B, H), x), (tl_state){0}, true);
	ck_assert(!grad_steps_log(tl_sum_all(r.output), line));
	ck_assert_uint_eq(json_object_size(line), 0);
	tl_rnn_free(rnn);
	tl_store_free(store);
}
END_TEST

START_TEST(what_has_no_states_is_left_out)
{
	tl_var x = tl_fill(tape, TL_SHAPE(2, 2), 1);
	ck_assert(!grad_steps_log(tl_sum_all(x), line));
	ck_assert_uint_eq(json_object_size(line), 0);
}
END_TEST

START_TEST(parameters_have_means_and_maxima)
{
	static const tl_real first[] = {3, 4, 12}, second[] = {6, 8, 0};
	tl_store *store = tl_store_new();
	tl_param *a = tl_store_add(store, "a", TL_SHAPE(2), &err), *b = tl_store_add(store, "m.b", TL_SHAPE(1), &err);
	tl_param *c = tl_store_add(store, "frozen", TL_SHAPE(1), &err);
	ck_assert(a && b && c && !tl_store_freeze(store, "frozen", true, &err));
	grad_norms *g = grad_norms_new(store, &err), *later = grad_norms_new(store, &err);
	ck_assert(g && later);
	for (int k = 0; k < 2; k++) {
		const tl_real *x = k ? second : first;
		memcpy(a->grad.data, x, 2 * sizeof *x);
		memcpy(b->grad.data, x + 2, sizeof *x);
		*(tl_real *)c->grad.data = 7;
		ck_assert_double_eq(tl_param_grad_norm(store, a), k ? 10 : 5);
		ck_assert_double_eq(tl_param_grad_norm(store, b), k ? 0 : 12);
		ck_assert_double_eq(tl_param_grad_norm(store, c), 0);
		ck_assert_double_eq(tl_grad_norm(store), k ? 10 : 13);
		grad_norms_add(k ? later : g, store);
		if (k == 0) { /* the second update is in another process */
			json_t *saved = grad_norms_save(g);
			grad_norms_load(later, saved);
			json_decref(saved);
		}
	}
	ck_assert(grad_norms_log(later, store, line));
	ck_assert_double_eq(record_real(line, "grad_norms", "a"), 7.5);
	ck_assert_double_eq(record_real(line, "grad_norms_max", "a"), 10);
	ck_assert_double_eq(record_real(line, "grad_norms", "m.b"), 6);
	ck_assert_double_eq(record_real(line, "grad_norms_max", "m.b"), 12);
	grad_norms_add(later, store); /* it began anew */
	ck_assert(grad_norms_log(later, store, line));
	ck_assert_double_eq(record_real(line, "grad_norms", "a"), 10);
	json_t *other = json_pack("[i, s]", 1, "0x1p3"); /* of another store: not taken */
	grad_norms_load(later, other);
	json_decref(other);
	grad_norms_add(later, store);
	ck_assert(grad_norms_log(later, store, line));
	ck_assert_double_eq(record_real(line, "grad_norms", "a"), 10);
	grad_norms_free(g);
	grad_norms_free(later);
	tl_store_free(store);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("grad_norms");
	TCase *c = tcase_create("norms");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, states_have_the_norms_of_a_linear_recurrence, 0, 3);
	tcase_add_loop_test(c, states_of_the_driver_are_found, 0, 4);
	tcase_add_loop_test(c, what_checkpoints_dropped_is_left_out, 0, 3);
	tcase_add_test(c, what_has_no_states_is_left_out);
	tcase_add_test(c, parameters_have_means_and_maxima);
	suite_add_tcase(s, c);
	return s;
}
