/* SPDX-License-Identifier: Apache-2.0 */
/* Nets without biases: they are those whose biases are 0, step by step, in one node, and for cells of users. */
#include "tests/suite.h"

#include <string.h>

#include "tests/net.h"

enum { B = 3, E = 3, H = 4, STEPS = 5 };

static net without, with;

static void teardown(void)
{
	net_free(&without);
	net_free(&with);
}

static bool is_bias(const tl_cell *cell, int k)
{
	return (cell->params[k].rows & TL_ROWS) == TL_BIAS;
}

/* with: the same net, the same values, and biases of 0. */
static void make(tl_rnn_options o)
{
	tl_error err = {0};
	o.input = E;
	o.hidden = H;
	with = net_new(&o, STEPS, B);
	o.no_bias = true;
	without = net_new(&o, STEPS, B);
	for (int k = 0; k < with.rnn->options.layers * with.rnn->directions * with.rnn->count; k++) {
		tl_param *p = with.rnn->params[k];
		if (is_bias(o.cell, k % with.rnn->count))
			tl_init_constant(p, 0);
		else
			tl_tensor_copy(&p->value, &tl_store_find(without.store, p->name)->value);
	}
	tl_tensor_copy(&with.x->value, &without.x->value);
	for (int k = 0; k < o.cell->states; k++)
		tl_tensor_copy(&with.s[k]->value, &without.s[k]->value);
	ck_assert_msg(err.status == TL_OK, "%s", err.text);
}

static void check_values(const char *what, const tl_real *is, const tl_real *should, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		ck_assert_msg(fabs((double)(is[i] - should[i])) <= 2 * net_tolerance * fmax(1, fabs((double)should[i])),
			"%s, %s[%d] is %.9g, not %.9g", without.rnn->options.cell->name, what, (int)i, (double)is[i],
			(double)should[i]);
}

static void check_same(tl_rnn_result is, tl_rnn_result should)
{
	double got[NET_MAX], want[NET_MAX];
	for (int k = 0; k <= is.last.n; k++) {
		tl_var a = k ? is.last.v[k - 1] : is.output, b = k ? should.last.v[k - 1] : should.output;
		int64_t n = read_values(a, got);
		ck_assert_int_eq(read_values(b, want), n);
		for (int64_t i = 0; i < n; i++)
			ck_assert_double_eq_tol(got[i], want[i], 2 * net_tolerance);
	}
	ck_assert_msg(tl_backward(result_loss(is)) == TL_OK, "%s", tl_tape_error(without.tape)->text);
	ck_assert_int_eq(tl_backward(result_loss(should)), TL_OK);
	for (int k = 0; k < tl_store_count(without.store); k++) {
		const tl_param *p = tl_store_at(without.store, k), *q = tl_store_find(with.store, p->name);
		check_values(p->name, p->grad.data, q->grad.data, tl_shape_size(p->value.shape));
	}
}

/* _i: which cell. Each is run as it can be. */
START_TEST(as_with_zeros)
{
	const tl_impl impls[] = {TL_COMPOSED, TL_FUSED, TL_AUTO};
	for (int way = 0; way < 12; way++) {
		tl_rnn_options o = {.cell = tl_cell_at(_i), .layers = 1 + way % 3};
		o.bidirectional = way / 3 % 2;
		o.checkpoint = way == 6 ? 2 : 0;
		o.project = tl_cell_projects(o.cell) ? 2 : 0;
		make(o);
		for (int k = 0; k < (way == 6 ? 1 : 3); k++) {
			tl_rnn rnn = *without.rnn;
			rnn.options.impl = impls[k];
			tl_error err = {0};
			tl_store *store = tl_store_new();
			tl_rnn *possible = tl_rnn_new(store, "net", &rnn.options, &err);
			if (possible) {
				tl_tape_reset(without.tape);
				tl_tape_reset(with.tape);
				tl_store_zero_grad(without.store);
				tl_store_zero_grad(with.store);
				check_same(tl_rnn_run(&rnn, net_input(&without), net_state(&without), true),
					net_run(&with));
			} else {
				ck_assert_int_eq(k, 1); /* no fused form */
			}
			tl_rnn_free(possible);
			tl_store_free(store);
		}
		teardown();
	}
}
END_TEST

START_TEST(ragged_rows_and_steps)
{
	static const int64_t lengths[B] = {2, 5, 1};
	make((tl_rnn_options){.cell = &tl_cell_gru_lbr, .layers = 2, .bidirectional = true});
	check_same(tl_rnn_run_ragged(without.rnn, net_input(&without), lengths, net_state(&without), true),
		tl_rnn_run_ragged(with.rnn, net_input(&with), lengths, net_state(&with), true));
	teardown();
	make((tl_rnn_options){.cell = &tl_cell_lstm, .layers = 2});
	check_same(tl_rnn_step(without.rnn, tl_select(net_input(&without), 0, 0), net_state(&without)),
		tl_rnn_step(with.rnn, tl_select(net_input(&with), 0, 0), net_state(&with)));
}
END_TEST

/* What the store holds, and what tl_rnn_init does to it. */
START_TEST(absent_from_the_store)
{
	make((tl_rnn_options){.cell = &tl_cell_lstm_norm, .layers = 2, .bidirectional = true});
	for (int k = 0; k < tl_store_count(without.store); k++)
		ck_assert_ptr_null(strstr(tl_store_at(without.store, k)->name, ".b"));
	ck_assert_ptr_nonnull(tl_store_find(with.store, "net.l1.reverse.b_c"));
	ck_assert_ptr_null(tl_store_find(without.store, "net.l1.reverse.b_c"));
	int biases = tl_store_count(with.store) - tl_store_count(without.store);
	ck_assert_int_eq(biases, 2 * 2 * 2);
	for (int k = 0; k < 4 * without.rnn->count; k++)
		ck_assert_int_eq(!without.rnn->params[k], is_bias(&tl_cell_lstm_norm, k % without.rnn->count));
	tl_rng rng = {.seed = 3};
	tl_rnn_init(without.rnn, &rng);
	ck_assert(!tl_rnn_set_bias(without.rnn, 'f', 1));
	ck_assert(tl_rnn_set_bias(with.rnn, 'f', 1));
}
END_TEST

static tl_state scale_step(const tl_var *p, tl_var x, tl_state s)
{
	return tl_state1(tl_add(tl_mul(x, p[0]), s.v[0]));
}

static const tl_cell scale = {.name = "scale", .states = 1, .step = scale_step,
	.params = (const tl_cell_param[]){{"d", TL_DIAGONAL, "h"}, {0}}};

START_TEST(nothing_to_leave_out)
{
	tl_error err = {0};
	tl_store *store = tl_store_new();
	tl_rnn_options o = {.cell = &scale, .input = H, .hidden = H, .no_bias = true};
	ck_assert_ptr_null(tl_rnn_new(store, "net", &o, &err));
	ck_assert_int_eq(err.status, TL_ERR_ARGUMENT);
	ck_assert_str_eq(err.text, "rnn: cell scale has no bias to leave out");
	tl_store_free(store);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("rnn_bias");
	TCase *c = tcase_create("rnn_bias");
	int cells = 0;
	while (tl_cell_at(cells))
		cells++;
	tcase_add_checked_fixture(c, NULL, teardown);
	tcase_add_loop_test(c, as_with_zeros, 0, cells);
	tcase_add_test(c, ragged_rows_and_steps);
	tcase_add_test(c, absent_from_the_store);
	tcase_add_test(c, nothing_to_leave_out);
	suite_add_tcase(s, c);
	return s;
}
