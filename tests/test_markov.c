/* SPDX-License-Identifier: Apache-2.0 */
/* Networks on the last tau vectors, and language models made of them. */
#include "tests/suite.h"

#include <math.h>
#include <string.h>

#include "tests/net.h"

enum { V = 5, E = 3, H = 4, T = 7, B = 2, ORDER = 3 };

static tl_tape *tape;
static tl_store *store;
static tl_markov *markov;
static int32_t text[T][B];

static void setup(void)
{
	tl_rng r = {.seed = 8};
	tape = tl_tape_new(NULL);
	store = tl_store_new();
	ck_assert(tape && store);
	for (int t = 0; t < T; t++)
		for (int k = 0; k < B; k++)
			text[t][k] = (int32_t)tl_rng_below(&r, V);
}

static void teardown(void)
{
	tl_markov_free(markov);
	markov = NULL;
	tl_store_free(store);
	tl_tape_free(tape);
}

static void make(const tl_markov_options *o)
{
	tl_error err = {0};
	markov = tl_markov_new(store, o, &err);
	ck_assert_msg(markov != NULL, "%s", err.text);
	tl_markov_init(markov, &(tl_rng){.seed = 9});
}

static double element(const tl_param *p, int i)
{
	return (double)((const tl_real *)p->value.data)[i];
}

/* Element e of the vector at time t, of symbols before the text: 0. */
static double embedded(int t, int row, int e, int embed)
{
	if (t < 0)
		return 0;
	return embed ? element(markov->input.table, text[t][row] * embed + e) : text[t][row] == e;
}

/* The equation in plain loops. */
static double equation(int t, int row, int v)
{
	const tl_markov_options *o = &markov->options;
	const tl_window_net *net = &markov->net;
	int embed = (int)o->embed, size = embed ? embed : V, order = (int)o->order, hidden = (int)o->hidden;
	double y = element(net->output.b, v);
	for (int h = 0; h < (hidden ? hidden : order * size); h++) {
		double z = hidden ? element(net->hidden.b, h) : 0;
		for (int i = 0; i < order * size && hidden; i++)
			z += embedded(t - order + 1 + i / size, row, i % size, embed) * element(net->hidden.w, i * hidden + h);
		z = hidden ? tanh(z) : embedded(t - order + 1 + h / size, row, h % size, embed);
		y += z * element(net->output.w, h * V + v);
	}
	return y;
}

static const tl_markov_options kinds[] = {
	{.symbols = V, .embed = E, .hidden = H, .order = ORDER},
	{.symbols = V, .embed = 0, .hidden = H, .order = 2},
	{.symbols = V, .embed = E, .hidden = 0, .order = ORDER},
	{.symbols = V, .embed = E, .hidden = H, .order = 1},
	{.symbols = V, .embed = E, .hidden = H, .order = T + 3},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

/* In one run, and in windows that hand the state on: of one step, of three. */
START_TEST(follows_its_equation)
{
	make(&kinds[_i]);
	double want[T][B][V];
	for (int t = 0; t < T; t++)
		for (int k = 0; k < B; k++)
			for (int v = 0; v < V; v++)
				want[t][k][v] = equation(t, k, v);
	for (int window = 1; window <= T; window += window < 3 ? 2 : T - 3) {
		tl_state state = {0};
		tl_tape_reset(tape);
		for (int t = 0; t < T; t += window) {
			int n = T - t < window ? T - t : window;
			tl_lm_result r = tl_markov_run(markov, tl_index(tape, TL_SHAPE(n, B), text[t]), state);
			check_close("logits", r.logits, want[t][0]);
			state = r.last;
			ck_assert_int_eq(state.n, markov->options.order > 1);
		}
	}
}
END_TEST

/*
 * 0 1 1 0 1 1 ...: two symbols tell the next one, one does not: after a 1 either comes as often, which is worth
 * log 2 in two of three steps.
 */
static double learn(int64_t order)
{
	enum { N = 48 };
	tl_error err = {0};
	int32_t ring[N + 1];
	tl_real loss = 0;
	for (int t = 0; t <= N; t++)
		ring[t] = t % 3 > 0;
	make(&(tl_markov_options){.symbols = 2, .embed = 4, .hidden = 8, .order = order});
	tl_optimizer *adam = tl_optimizer_new(store, &(tl_optimizer_options){.kind = &tl_adam, .lr = 0.03}, &err);
	for (int step = 0; step < 300; step++) {
		tl_tape_reset(tape);
		tl_lm_result r = tl_markov_run(markov, tl_index(tape, TL_SHAPE(N, 1), ring), (tl_state){0});
		tl_var mean = tl_cross_entropy(r.logits, tl_index(tape, TL_SHAPE(N, 1), ring + 1), NULL);
		tl_store_backward(store, mean);
		ck_assert_msg(tl_read(mean, &loss, 1) == TL_OK, "%s", tl_tape_error(tape)->text);
		tl_optimizer_step(adam);
	}
	tl_optimizer_free(adam);
	teardown();
	setup();
	return (double)loss;
}

START_TEST(order_is_memory)
{
	double one = learn(1), two = learn(2);
	ck_assert_msg(fabs(one - log(2) * 2 / 3) < 0.01, "order 1: loss %g", one);
	ck_assert_msg(two < 0.01, "order 2: loss %g", two);
}
END_TEST

START_TEST(mistakes)
{
	tl_error err = {0};
	tl_markov_options o = kinds[0];
	o.order = 0;
	ck_assert_ptr_null(tl_markov_new(store, &o, &err));
	ck_assert_str_eq(err.text,
		"window: tau 0, input size 3 and output size 5 must be positive, the hidden size 4 not negative");
	tl_window(tl_fill(tape, TL_SHAPE(2, B, E), 0), 3);
	ck_assert_str_eq(tl_tape_error(tape)->text,
		"window: x has shape (2, 2, 3), (T + tau - 1, B, E), T > 0, with tau = 3 is needed");
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("markov");
	TCase *c = tcase_create("markov");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, follows_its_equation, 0, KINDS);
	tcase_add_test(c, order_is_memory);
	tcase_add_test(c, mistakes);
	suite_add_tcase(s, c);
	return s;
}
