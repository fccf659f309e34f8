/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of a training step over T time steps in sqrt T segments, all that the tape holds included: nodes, plans,
 * values. Four times the steps may take twice the memory, where they take four times without checkpoints.
 */
#include "tests/suite.h"

#include "models/tapeloop.h"

enum { INPUT = 8, HIDDEN = 64, BATCH = 8 };

static tl_var record(tl_tape *tape, const tl_rnn *rnn, int64_t steps, int64_t n)
{
	static const int32_t symbols[BATCH] = {0, 3, 1, 2, 7, 6, 5, 4};
	tl_var x = tl_one_hot(tl_index(tape, TL_SHAPE(BATCH), symbols), INPUT), loss = tl_fill(tape, TL_SCALAR, 0);
	tl_var zero = tl_fill(tape, TL_SHAPE(BATCH, HIDDEN), 0), p[8];
	tl_state s = tl_state2(zero, zero);
	for (int k = 0; k < rnn->count; k++)
		p[k] = tl_use(tape, rnn->params[k]);
	for (int64_t t = 0; t < steps; t++) {
		if (n && t % n == 0)
			tl_checkpoint_begin(tape);
		s = tl_cell_lstm.step(p, x, s);
		loss = tl_add(loss, tl_mean_all(tl_square(s.v[0])));
		if (n && t % n == n - 1)
			tl_checkpoint_end(tape, 3, (tl_var *[]){&s.v[0], &s.v[1], &loss});
	}
	return loss;
}

/* What the tape holds after two steps of training; without checkpoints after one, before gradients are kept to be copied. */
static double bytes_of(const tl_executor *executor, int64_t steps, int64_t n)
{
	tl_error err = {0};
	tl_rng rng = {.seed = 3};
	tl_store *store = tl_store_new();
	tl_rnn *rnn = tl_rnn_new(
		store, "net", &(tl_rnn_options){.cell = &tl_cell_lstm, .input = INPUT, .hidden = HIDDEN}, &err);
	tl_tape *tape = tl_tape_new(&(tl_tape_options){.executor = executor, .threads = 1});
	ck_assert(rnn && tape);
	tl_rnn_init(rnn, &rng);
	for (int step = 0; step < (n ? 2 : 1); step++) {
		tl_tape_reset(tape);
		ck_assert_int_eq(tl_backward(record(tape, rnn, steps, n)), TL_OK);
	}
	double bytes = (double)tl_tape_get_stats(tape).bytes;
	tl_tape_free(tape);
	tl_rnn_free(rnn);
	tl_store_free(store);
	return bytes;
}

static const tl_executor *const executors[] = {&tl_executor_planned, &tl_executor_plain};

START_TEST(memory_grows_as_the_root)
{
	const tl_executor *e = executors[_i];
	double a = bytes_of(e, 1024, 32), b = bytes_of(e, 4096, 64), c = bytes_of(e, 16384, 128);
	double without = bytes_of(e, 1024, 0), more = bytes_of(e, 4096, 0);
	printf("%s: %.2f, %.2f, %.2f MiB; without %.1f, %.1f MiB\n", e->name, a / 1048576, b / 1048576, c / 1048576,
		without / 1048576, more / 1048576);
	ck_assert_double_le(b / a, 2.2);
	ck_assert_double_le(c / b, 2.2);
	ck_assert_double_ge(more / without, 3.5);
	ck_assert_double_ge(more / b, 20);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *suite = suite_create("checkpoint_memory");
	TCase *c = tcase_create("checkpoint_memory");
	tcase_add_loop_test(c, memory_grows_as_the_root, 0, 2);
	suite_add_tcase(suite, c);
	return suite;
}
