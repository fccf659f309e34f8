/* SPDX-License-Identifier: Apache-2.0 */
/* Nets whose layers run in one node each, and those that choose, against the same nets step by step. */
#include "tests/suite.h"

#include <string.h>

#include "tests/net.h"

enum { B = 3, E = 3, H = 4, STEPS = 5 };

static net n;

static void teardown(void)
{
	net_free(&n);
}

/* The outcome of a run: output, states, gradients of all parameters, x and initial states among them. */
typedef struct outcome {
	double values[6 * NET_MAX];
	int64_t count;
} outcome;

static void add_values(outcome *o, tl_var v)
{
	ck_assert_int_le(o->count + tl_shape_size(tl_var_shape(v)), 6 * NET_MAX);
	o->count += read_values(v, o->values + o->count);
}

static void run(tl_impl impl, bool given, bool training, outcome *o)
{
	tl_rnn rnn = *n.rnn;
	rnn.options.impl = impl;
	tl_tape_reset(n.tape);
	tl_tape_set_step(n.tape, 3);
	tl_store_zero_grad(n.store);
	tl_rnn_result r = tl_rnn_run(&rnn, net_input(&n), given ? net_state(&n) : (tl_state){0}, training);
	tl_var loss = result_loss(r);
	o->count = 0;
	ck_assert_msg(tl_backward(loss) == TL_OK, "%s", tl_tape_error(n.tape)->text);
	add_values(o, r.output);
	for (int k = 0; k < r.last.n; k++)
		add_values(o, r.last.v[k]);
	for (int k = 0; k < tl_store_count(n.store); k++) {
		const tl_tensor *g = &tl_store_at(n.store, k)->grad;
		ck_assert_int_le(o->count + tl_shape_size(g->shape), 6 * NET_MAX);
		for (int64_t i = 0; i < tl_shape_size(g->shape); i++)
			o->values[o->count++] = (double)((const tl_real *)g->data)[i];
	}
}

static void check_same(const outcome *is, const outcome *should, const tl_rnn_options *o)
{
	ck_assert_int_eq(is->count, should->count);
	for (int64_t i = 0; i < is->count; i++)
		ck_assert_msg(fabs(is->values[i] - should->values[i]) <=
				      2 * net_tolerance * fmax(1, fabs(should->values[i])),
			"%s, %d layers%s%s, start %d, dropout %g: value %d is %.9g, not %.9g", o->cell->name,
			o->layers, o->bidirectional ? ", both directions" : "",
			o->batch_first ? ", batch first" : "", (int)o->start, o->dropout, (int)i,
			is->values[i], should->values[i]);
}

static const tl_cell *const cells[] = {&tl_cell_rnn, &tl_cell_rnn_relu, &tl_cell_gru, &tl_cell_gru_lbr,
	&tl_cell_lstm, &tl_cell_lstm_peephole, &tl_cell_lstm_projected};
enum { CELLS = sizeof cells / sizeof *cells };

/* _i: which cell. */
START_TEST(same_results)
{
	static outcome composed, other;
	for (int way = 0; way < 24; way++) {
		tl_rnn_options o = {.cell = cells[_i], .input = E, .hidden = H, .layers = 1 + way % 3};
		o.bidirectional = way / 3 % 2;
		o.batch_first = way / 6 % 2;
		o.dropout = way >= 12 ? 0.3 : 0;
		o.start = way % 4 == 3 ? TL_START_LEARNED : way % 4 == 2 ? TL_START_RANDOM : TL_START_ZERO;
		o.start_scale = o.start == TL_START_RANDOM ? 0.5 : 0;
		o.project = o.cell == &tl_cell_lstm_projected ? 2 : 0;
		n = net_new(&o, STEPS, B);
		bool given = way % 5 == 0, training = way % 7 > 0;
		run(TL_COMPOSED, given, training, &composed);
		run(TL_FUSED, given, training, &other);
		check_same(&other, &composed, &n.rnn->options);
		if (way % 6 == 0) {
			run(TL_AUTO, given, training, &other);
			check_same(&other, &composed, &n.rnn->options);
		}
		net_free(&n);
	}
}
END_TEST

/* What was chosen stays: nothing is planned, made or allocated any more. */
START_TEST(auto_remembers)
{
	static outcome o;
	n = net_new(&(tl_rnn_options){.cell = &tl_cell_lstm, .input = E, .hidden = H}, STEPS, B);
	tl_tape_stats before = {0};
	for (int step = 0; step < 6; step++) {
		run(TL_AUTO, true, true, &o);
		tl_tape_stats s = tl_tape_get_stats(n.tape);
		if (step > 3) {
			ck_assert_int_eq(s.allocations, before.allocations);
			ck_assert_int_eq(s.plan_misses, before.plan_misses);
			ck_assert_int_eq(s.nodes, before.nodes);
		}
		before = s;
	}
}
END_TEST

/* Where a layer cannot be fused, auto composes. */
START_TEST(auto_composes)
{
	static const int64_t lengths[B] = {2, 5, 1};
	static outcome composed, chosen;
	const tl_rnn_options all[] = {{.cell = &tl_cell_mgu}, {.cell = &tl_cell_lstm, .zoneout = {0, 0.2}},
		{.cell = &tl_cell_rnn, .recurrent_dropout = 0.2}, {.cell = &tl_cell_gru, .truncate = 2},
		{.cell = &tl_cell_gru, .checkpoint = 2}};
	for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
		tl_rnn_options o = all[k];
		o.input = E;
		o.hidden = H;
		n = net_new(&o, STEPS, B);
		run(TL_COMPOSED, true, true, &composed);
		run(TL_AUTO, true, true, &chosen);
		check_same(&chosen, &composed, &o);
		net_free(&n);
	}
	n = net_new(
		&(tl_rnn_options){.cell = &tl_cell_lstm, .input = E, .hidden = H, .impl = TL_AUTO}, STEPS, B);
	tl_rnn_result r = tl_rnn_run_ragged(n.rnn, net_input(&n), lengths, net_state(&n), true);
	ck_assert_msg(tl_eval(1, &r.output) == TL_OK, "%s", tl_tape_error(n.tape)->text);
}
END_TEST

static void check_refusal(tl_rnn_options o, const char *sentence)
{
	tl_error err = {0};
	tl_store *store = tl_store_new();
	o.input = o.hidden = 2;
	ck_assert_ptr_null(tl_rnn_new(store, "net", &o, &err));
	ck_assert_int_eq(err.status, TL_ERR_ARGUMENT);
	ck_assert_str_eq(err.text, sentence);
	tl_store_free(store);
}

START_TEST(fused_refuses)
{
	check_refusal((tl_rnn_options){.cell = &tl_cell_mgu, .impl = TL_FUSED},
		"rnn: cell mgu has no fused form: impl must be composed, or auto");
	check_refusal((tl_rnn_options){.cell = &tl_cell_rnn, .impl = TL_FUSED, .zoneout = {0.1}},
		"rnn: cell rnn cannot be fused with zoneout: impl must be composed, or auto");
	check_refusal((tl_rnn_options){.cell = &tl_cell_rnn, .impl = TL_FUSED, .recurrent_dropout = 0.1},
		"rnn: cell rnn cannot be fused with recurrent dropout: impl must be composed, or auto");
	check_refusal((tl_rnn_options){.cell = &tl_cell_rnn, .impl = TL_FUSED, .truncate = 1},
		"rnn: cell rnn cannot be fused with truncation: impl must be composed, or auto");
	check_refusal((tl_rnn_options){.cell = &tl_cell_rnn, .impl = TL_FUSED, .checkpoint = 1},
		"rnn: cell rnn cannot be fused with checkpoints: impl must be composed, or auto");
	check_refusal((tl_rnn_options){.cell = &tl_cell_rnn, .impl = (tl_impl)9},
		"rnn: there is no way to run number 9");
	n = net_new(&(tl_rnn_options){.cell = &tl_cell_lstm, .input = E, .hidden = H, .impl = TL_FUSED},
		STEPS, B);
	tl_rnn_run_ragged(n.rnn, net_input(&n), (int64_t[]){1, 2, 3}, net_state(&n), true);
	ck_assert_str_eq(tl_tape_error(n.tape)->text,
		"rnn: rows of unequal lengths cannot be fused: impl must be composed, or auto");
	tl_tape_reset(n.tape);
	tl_rnn_result r = tl_rnn_step(n.rnn, tl_select(net_input(&n), 0, 0), net_state(&n));
	ck_assert_msg(tl_eval(1, &r.output) == TL_OK, "%s", tl_tape_error(n.tape)->text);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("rnn_impl");
	TCase *c = tcase_create("rnn_impl");
	tcase_add_checked_fixture(c, NULL, teardown);
	tcase_add_loop_test(c, same_results, 0, CELLS);
	tcase_add_test(c, auto_remembers);
	tcase_add_test(c, auto_composes);
	tcase_add_test(c, fused_refuses);
	suite_add_tcase(s, c);
	return s;
}
