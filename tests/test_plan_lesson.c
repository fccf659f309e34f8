/* SPDX-License-Identifier: Apache-2.0 */
/* Steps that read values before the gradients, or after them: what was computed once is not computed again. */
#include "graph/profile.h"
#include "tests/suite.h"

#include "tests/plans.h"

enum { STEPS = 5, T = 12, B = 4 };

/* When a step reads its loss and its last states. */
typedef enum order { LOSS_LAST, LOSS_FIRST, STATES_LAST, BOTH } order;

typedef struct step {
	tl_real loss, grad, state;
	double work; /* of products */
} step;

static double work_of(const tl_profile *p)
{
	double work = 0;
	for (uint32_t i = 0; i < p->n_entries; i++)
		work += p->entries[i].kind == TL_PROFILE_PRODUCT ? p->entries[i].flops : 0;
	return work;
}

static step run_step(const layers *l, tl_tape *tape, order o)
{
	step s = {0};
	tl_profile *p = tl_profile_new();
	tl_profile_attach(tape, p);
	tl_rnn_result r = tl_rnn_run(l->rnn, tl_use(tape, l->x), layers_start(l, tape), true);
	tl_var loss = mean_square(r.output, 0.1), state = tl_sum_all(tl_square(r.last.v[0]));
	tl_store_zero_grad(l->store);
	if (o == LOSS_FIRST || o == BOTH)
		ck_assert_int_eq(tl_read(loss, &s.loss, 1), TL_OK);
	ck_assert_int_eq(tl_backward(loss), TL_OK);
	if (o == STATES_LAST || o == BOTH)
		ck_assert_int_eq(tl_read(state, &s.state, 1), TL_OK);
	ck_assert_int_eq(tl_read(loss, &s.loss, 1), TL_OK);
	s.grad = ((tl_real *)l->x->grad.data)[3];
	tl_profile_attach(tape, NULL);
	s.work = work_of(p);
	tl_profile_free(p);
	return s;
}

static bool near(tl_real a, tl_real b)
{
	return fabs((double)a - (double)b) <= plan_tolerance * fmax(fabs((double)a), 1e-3);
}

/* From the second step on, products cost in any order what they cost in the best one. */
START_TEST(nothing_is_computed_twice)
{
	const tl_cell *cells[] = {&tl_cell_lstm, &tl_cell_gru, &tl_cell_mgu};
	layers l = layers_new(&(tl_rnn_options){.cell = cells[_i / 4], .input = 6, .hidden = 8, .layers = 2}, T, B);
	tl_tape *best = planned_tape(1, "all"), *tape = planned_tape(1, "all"), *plain = plain_tape();
	uint64_t allocations = 0;
	for (int k = 0; k < STEPS; k++) {
		step a = run_step(&l, best, LOSS_LAST), b = run_step(&l, tape, (order)(_i % 4));
		step c = run_step(&l, plain, (order)(_i % 4));
		ck_assert(near(b.loss, c.loss) && near(b.grad, c.grad) && near(b.state, c.state));
		ck_assert_msg(k == 0 || b.work <= 1.001 * a.work, "step %d: %g operations, best %g", k, b.work, a.work);
		if (k == 0 && _i % 4 != LOSS_LAST)
			ck_assert_double_gt(b.work, 1.25 * a.work); /* it was, in the first */
		tl_tape_reset(best);
		tl_tape_reset(tape);
		tl_tape_reset(plain);
		if (k == 3)
			allocations = tl_tape_get_stats(tape).allocations;
	}
	ck_assert_uint_eq(tl_tape_get_stats(tape).allocations, allocations);
	tl_tape_free(best);
	tl_tape_free(tape);
	tl_tape_free(plain);
	layers_free(&l);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("plan lesson");
	TCase *c = tcase_create("plan lesson");
	tcase_add_loop_test(c, nothing_is_computed_twice, 0, 12);
	suite_add_tcase(s, c);
	return s;
}
