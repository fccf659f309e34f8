/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions (graph/function.h) against the same steps recorded anew on a tape each time, with either executor, and
 * against closed forms.
 */
#include "tests/suite.h"

#include <string.h>

#include "tests/net.h"

enum { B = 3, E = 4, H = 5, LAYERS = 2, STEPS = 6, MOST = LAYERS * B * H };

static const double tolerance = sizeof(tl_real) == sizeof(double) ? 1e-12 : 1e-5;

static tl_tape *tape;
static tl_store *store;
static tl_rng rng;

static void setup(void)
{
	tape = tl_tape_new(NULL);
	store = tl_store_new();
	rng = (tl_rng){.seed = 5};
}

static void teardown(void)
{
	tl_tape_free(tape);
	tl_store_free(store);
}

static void use_tape(const tl_tape_options *o)
{
	tl_tape_free(tape);
	tape = tl_tape_new(o);
}

static void draw(tl_real *to, int n)
{
	for (int i = 0; i < n; i++)
		to[i] = (tl_real)(2 * tl_rng_uniform(&rng) - 1);
}

static tl_rnn *make_net(const tl_rnn_options *o)
{
	tl_error err = {0};
	tl_rnn *rnn = tl_rnn_new(store, "rnn", o, &err);
	ck_assert_msg(rnn, "%s", err.text);
	for (int k = 0; k < tl_store_count(store); k++)
		tl_init_uniform(tl_store_at(store, k), &rng, -1, 1);
	return rnn;
}

static tl_function *stream_of(tl_tape *on, const tl_rnn *rnn)
{
	tl_error err = {0};
	tl_function *f = tl_rnn_stream(on, rnn, B, &err);
	ck_assert_msg(f, "%s", err.text);
	return f;
}

static void run(tl_function *f, const void *in)
{
	ck_assert_msg(tl_function_run(f, (const void *[]){in}) == TL_OK, "%s", tl_function_error(f)->text);
}

/* One step recorded on a tape of its own; the output to y, the states to where they came from. */
static void record_step(tl_tape *on, const tl_rnn *rnn, const tl_real *x, tl_real (*state)[MOST], tl_real *y)
{
	tl_state s = {.n = rnn->options.cell->states};
	tl_tape_reset(on);
	for (int k = 0; k < s.n; k++)
		s.v[k] = tl_input(on, tl_rnn_state_shape(rnn, k, B), state[k]);
	tl_rnn_result r = tl_rnn_step(rnn, tl_input(on, TL_SHAPE(B, E), x), s);
	tl_var want[TL_MAX_STATES + 1] = {r.output};
	for (int k = 0; k < s.n; k++)
		want[k + 1] = r.last.v[k];
	ck_assert_msg(tl_eval(s.n + 1, want) == TL_OK, "%s", tl_tape_error(on)->text);
	tl_read(r.output, y, tl_shape_size(tl_var_shape(r.output)));
	for (int k = 0; k < s.n; k++)
		tl_read(r.last.v[k], state[k], tl_shape_size(tl_var_shape(r.last.v[k])));
}

/* Every cell, every way to run: the very bits of the same executor, and close to the plain one. */
static void compare_cell(const tl_cell *cell, const tl_tape_options *options)
{
	tl_real x[B * E], state[TL_MAX_STATES][MOST] = {{0}}, plain_state[TL_MAX_STATES][MOST] = {{0}};
	tl_real y[MOST], want[MOST], plain_want[MOST];
	tl_tape *plain = tl_tape_new(&(tl_tape_options){.executor = &tl_executor_plain});
	setup();
	use_tape(options);
	tl_rnn *rnn = make_net(&(tl_rnn_options){
		.cell = cell, .input = E, .hidden = H, .project = tl_cell_projects(cell) ? 3 : 0, .layers = LAYERS});
	tl_function *f = stream_of(tape, rnn);
	int n = B * (int)tl_rnn_output_size(rnn);
	for (int t = 0; t < STEPS; t++) {
		draw(x, B * E);
		run(f, x);
		ck_assert_int_eq(tl_function_read(f, 0, y, n), TL_OK);
		record_step(tape, rnn, x, state, want);
		record_step(plain, rnn, x, plain_state, plain_want);
		for (int i = 0; i < n; i++) {
			ck_assert_msg(y[i] == want[i], "%s, step %d: %g, not %g", cell->name, t, (double)y[i], (double)want[i]);
			ck_assert_double_le(fabs((double)(y[i] - plain_want[i])), tolerance);
		}
		for (int k = 0; k < cell->states; k++)
			ck_assert_mem_eq(tl_function_state(f, k), state[k],
				(size_t)tl_shape_size(tl_function_state_shape(f, k)) * sizeof(tl_real));
	}
	tl_function_free(f);
	tl_rnn_free(rnn);
	tl_tape_free(plain);
	teardown();
}

static const tl_tape_options ways[] = {{.threads = 1}, {.threads = 2}, {.threads = 2, .plan = "tiny"},
	{.plan = "none"}, {.executor = &tl_executor_plain}};

START_TEST(steps_equal_recordings)
{
	teardown();
	for (int k = 0; tl_cell_at(k); k++)
		compare_cell(tl_cell_at(k), &ways[_i]);
	setup();
}
END_TEST

/* A state of its own is not copied: its address goes to and fro, and the output that shows it lies in it. */
START_TEST(states_stay_where_they_are_computed)
{
	tl_rnn *rnn = make_net(&(tl_rnn_options){.cell = &tl_cell_lstm, .input = E, .hidden = H});
	tl_function *f = stream_of(tape, rnn);
	tl_real x[B * E], *at[5];
	draw(x, B * E);
	for (int t = 0; t < 5; t++) {
		run(f, x);
		at[t] = tl_function_state(f, 0);
		ck_assert_ptr_eq(tl_function_output(f, 0)->data, at[t]);
	}
	ck_assert_ptr_ne(at[0], at[1]);
	ck_assert_ptr_eq(at[0], at[2]);
	ck_assert_ptr_eq(at[1], at[3]);
	tl_function_free(f);
	tl_rnn_free(rnn);
}
END_TEST

START_TEST(states_may_be_set)
{
	tl_rnn *rnn = make_net(&(tl_rnn_options){.cell = &tl_cell_gru, .input = E, .hidden = H, .layers = LAYERS,
		.start = TL_START_LEARNED});
	tl_function *f = stream_of(tape, rnn);
	tl_real x[B * E], y[3][MOST], kept[MOST];
	size_t bytes = MOST * sizeof *kept;
	draw(x, B * E);
	for (int row = 0; row < B; row++)
		ck_assert_mem_eq((tl_real *)tl_function_state(f, 0) + row * H, rnn->starts[0]->value.data, H * sizeof *kept);
	ck_assert_mem_eq((tl_real *)tl_function_state(f, 0) + B * H, rnn->starts[1]->value.data, H * sizeof *kept);
	run(f, x);
	memcpy(kept, tl_function_state(f, 0), bytes);
	run(f, x);
	tl_function_read(f, 0, y[0], B * H);
	run(f, x);
	memcpy(tl_function_state(f, 0), kept, bytes);
	run(f, x);
	tl_function_read(f, 0, y[1], B * H);
	ck_assert_mem_eq(y[0], y[1], B * H * sizeof *kept);
	tl_rnn_stream_restart(f, rnn);
	run(f, x);
	ck_assert_mem_eq(tl_function_state(f, 0), kept, bytes);
	tl_function_clear(f);
	for (int i = 0; i < MOST; i++)
		ck_assert(((tl_real *)tl_function_state(f, 0))[i] == 0);
	tl_function_free(f);
	tl_rnn_free(rnn);
}
END_TEST

static tl_function *make(tl_function_options o)
{
	tl_error err = {0};
	tl_function *f = tl_function_new(tape, &o, &err);
	ck_assert_msg(f, "%s", err.text);
	return f;
}

static const tl_slot vector = {.shape = {1, {2}}}, number = {.shape = {0, {0}}}, index_slot = {TL_I32, {1, {2}}};

/* (a, b, c) -> (b, a + b, c): states that go through, or to another place, or are computed. */
static void record_fibonacci(void *user, const tl_recording *r)
{
	(void)user;
	r->out[0] = r->state[0];
	r->next[0] = r->state[1];
	r->next[1] = tl_add(r->state[0], r->state[1]);
	r->next[2] = r->state[2];
}

START_TEST(states_change_places)
{
	static const int want[] = {0, 1, 1, 2, 3, 5, 8, 13, 21};
	use_tape(&ways[_i]);
	tl_function *f = make((tl_function_options){.record = record_fibonacci, .outputs = 1, .states = 3,
		.state = (tl_slot[]){number, number, number}});
	*(tl_real *)tl_function_state(f, 1) = 1;
	*(tl_real *)tl_function_state(f, 2) = 7;
	for (int i = 0; i < 8; i++) {
		tl_real a;
		ck_assert_int_eq(tl_function_run(f, NULL), TL_OK);
		ck_assert_int_eq(tl_function_read(f, 0, &a, 1), TL_OK);
		ck_assert(a == want[i]);
		ck_assert(*(tl_real *)tl_function_state(f, 0) == want[i + 1]);
		ck_assert(*(tl_real *)tl_function_state(f, 2) == 7);
	}
	tl_function_free(f);
}
END_TEST

/* Two states of one value, one that is a part of it, and one that looks at the input: each has a place of its own. */
static void record_twins(void *user, const tl_recording *r)
{
	(void)user;
	tl_var y = tl_add(r->state[0], r->in[0]);
	r->next[0] = r->next[1] = y;
	r->next[2] = tl_select(y, 0, 1);
	r->next[3] = tl_reshape(r->in[0], TL_SHAPE(2, 1));
	r->out[0] = tl_add(r->state[1], r->state[2]);
}

START_TEST(states_of_one_value_are_apart)
{
	use_tape(&ways[_i]);
	tl_function *f = make((tl_function_options){.record = record_twins, .inputs = 1, .input = &vector, .outputs = 1,
		.states = 4, .state = (tl_slot[]){vector, vector, number, {.shape = TL_SHAPE(2, 1)}}});
	tl_real x[2] = {1, 2}, y[2];
	run(f, x);
	x[1] = 3;
	ck_assert(((tl_real *)tl_function_state(f, 3))[1] == 2);
	x[1] = 2;
	*(tl_real *)tl_function_state(f, 0) = 50;
	ck_assert(((tl_real *)tl_function_state(f, 1))[0] == 1);
	((tl_real *)tl_function_state(f, 1))[1] = 7;
	ck_assert(*(tl_real *)tl_function_state(f, 2) == 2);
	ck_assert(((tl_real *)tl_function_state(f, 0))[1] == 2);
	run(f, x);
	tl_function_read(f, 0, y, 2);
	ck_assert(y[0] == 3 && y[1] == 9);
	ck_assert(((tl_real *)tl_function_state(f, 0))[0] == 51);
	tl_function_free(f);
}
END_TEST

/* int32: what was chosen is what is read next. next = argmax(table[chosen]); the input adds to the scores. */
static void record_chain(void *user, const tl_recording *r)
{
	tl_var scores = tl_add(tl_gather(tl_use(r->tape, user), r->state[0]), r->in[0]);
	r->next[0] = tl_argmax(scores, -1);
	r->out[0] = r->in[1];
	r->out[1] = r->state[0];
}

START_TEST(indices_are_carried)
{
	enum { N = 4 };
	static const tl_slot in[] = {{.shape = {1, {N}}}, {TL_I32, {1, {2}}}};
	use_tape(&ways[_i]);
	tl_error err = {0};
	tl_param *table = tl_store_add(store, "table", TL_SHAPE(N, N), &err);
	for (int i = 0; i < N; i++) /* after i comes i + 1 */
		((tl_real *)table->value.data)[i * N + (i + 1) % N] = 1;
	tl_function *f = make((tl_function_options){.record = record_chain, .user = table, .inputs = 2, .input = in,
		.outputs = 2, .states = 1, .state = &index_slot});
	int32_t *chosen = tl_function_state(f, 0), seen[2], given[2] = {8, 9};
	chosen[1] = 2;
	tl_real bonus[N] = {0};
	const void *const inputs[] = {bonus, given};
	for (int t = 0; t < 6; t++) {
		bonus[3] = t == 4 ? 5 : 0;
		ck_assert_int_eq(tl_function_run(f, inputs), TL_OK);
		ck_assert_int_eq(tl_function_read_index(f, 1, seen, 2), TL_OK);
		ck_assert_int_eq(seen[0], t < 5 ? t % N : 3);
		ck_assert_int_eq(seen[1], t < 5 ? (2 + t) % N : 3);
		ck_assert_int_eq(tl_function_read_index(f, 0, seen, 2), TL_OK);
		ck_assert_int_eq(seen[0], 8);
	}
	/* An index out of range: a sentence, and the state as it was. */
	chosen = tl_function_state(f, 0);
	chosen[0] = N;
	ck_assert_int_eq(tl_function_run(f, inputs), TL_ERR_INDEX);
	ck_assert_ptr_nonnull(strstr(tl_function_error(f)->text, "gather"));
	ck_assert_ptr_eq(tl_function_state(f, 0), chosen);
	ck_assert_int_eq(chosen[0], N);
	chosen[0] = 0;
	ck_assert_int_eq(tl_function_run(f, inputs), TL_OK);
	ck_assert_int_eq(tl_function_error(f)->status, TL_OK);
	tl_function_free(f);
}
END_TEST

/* What an optimiser does between calls is seen, also after the values moved; so is what another function reads. */
START_TEST(parameters_are_read_live)
{
	use_tape(&ways[_i]);
	tl_error err = {0};
	tl_rnn *rnn = make_net(&(tl_rnn_options){.cell = &tl_cell_lstm, .input = E, .hidden = H, .layers = LAYERS});
	tl_function *f[2] = {stream_of(tape, rnn), stream_of(tape, rnn)};
	tl_real x[B * E], y[MOST], want[MOST], state[TL_MAX_STATES][MOST];
	for (int t = 0; t < STEPS; t++) {
		draw(x, B * E);
		if (t == 3)
			ck_assert_ptr_nonnull(tl_store_add(store, "more", TL_SHAPE(1000, 1000), &err));
		for (int i = 0; i < 2; i++) {
			for (int k = 0; k < 2; k++)
				memcpy(state[k], tl_function_state(f[i], k), sizeof state[k]);
			record_step(tape, rnn, x, state, want);
			run(f[i], x);
			tl_function_read(f[i], 0, y, B * H);
			ck_assert_mem_eq(y, want, B * H * sizeof *y);
		}
		tl_tape_reset(tape);
		tl_rnn_result r = tl_rnn_run(rnn, tl_input(tape, TL_SHAPE(1, B, E), x), (tl_state){0}, true);
		ck_assert_int_eq(tl_store_backward(store, tl_sum_all(r.output)), TL_OK);
		for (int k = 0; k < tl_store_count(store); k++) {
			tl_param *p = tl_store_at(store, k);
			for (int64_t i = 0; i < tl_shape_size(p->value.shape); i++)
				((tl_real *)p->value.data)[i] -= ((tl_real *)p->grad.data)[i] / 10;
		}
	}
	tl_function_free(f[0]);
	tl_function_free(f[1]);
	tl_rnn_free(rnn);
}
END_TEST

/* y = x^3 and dy/dx = 3 x^2, in one function. */
static void record_cube(void *user, const tl_recording *r)
{
	(void)user;
	tl_var x = r->in[0], y = tl_mul(tl_square(x), x), sum = tl_sum_all(y);
	r->out[0] = sum;
	tl_grad(sum, 1, &x, &r->out[1]);
}

START_TEST(gradients_are_outputs)
{
	use_tape(&ways[_i]);
	tl_function *f =
		make((tl_function_options){.record = record_cube, .inputs = 1, .input = &vector, .outputs = 2});
	for (int t = 0; t < 4; t++) {
		tl_real x[2] = {(tl_real)t, 2}, sum, d[2];
		run(f, x);
		ck_assert_int_eq(tl_function_read(f, 0, &sum, 1), TL_OK);
		ck_assert_int_eq(tl_function_read(f, 1, d, 2), TL_OK);
		ck_assert(sum == t * t * t + 8 && d[0] == 3 * t * t && d[1] == 12);
	}
	tl_function_free(f);
}
END_TEST

static tl_var noise(tl_tape *on)
{
	return tl_dropout(tl_add(tl_random_normal(on, TL_SHAPE(50), 0, 1), tl_fill(on, TL_SHAPE(50), 3)), 0.5);
}

static void record_noise(void *user, const tl_recording *r)
{
	(void)user;
	r->out[0] = noise(r->tape);
}

START_TEST(random_ops_draw_as_a_tape_does)
{
	tl_tape_options o = ways[_i];
	o.seed = 9;
	use_tape(&o);
	tl_function *f = make((tl_function_options){.record = record_noise, .outputs = 1});
	tl_real got[50], want[50];
	for (int t = 0; t < 3; t++) {
		ck_assert_int_eq(tl_function_run(f, NULL), TL_OK);
		tl_function_read(f, 0, got, 50);
		ck_assert_int_eq(tl_read(noise(tape), want, 50), TL_OK);
		ck_assert_mem_eq(got, want, sizeof got);
		tl_tape_reset(tape);
	}
	tl_function_free(f);
}
END_TEST

/* A loop with a checkpoint in it runs like any other. */
static void record_checkpoint(void *user, const tl_recording *r)
{
	(void)user;
	tl_var x = r->in[0];
	for (int t = 0; t < 3; t++) {
		tl_checkpoint_begin(r->tape);
		x = tl_tanh(tl_scale(x, 2));
		tl_checkpoint_end(r->tape, 1, (tl_var *[]){&x});
	}
	r->out[0] = x;
}

START_TEST(checkpoints_run)
{
	use_tape(&ways[_i]);
	tl_function *f =
		make((tl_function_options){.record = record_checkpoint, .inputs = 1, .input = &vector, .outputs = 1});
	for (int t = 0; t < 3; t++) {
		tl_real x[2] = {(tl_real)t / 4, -1}, y[2];
		run(f, x);
		tl_function_read(f, 0, y, 2);
		double want = t / 4.;
		for (int k = 0; k < 3; k++)
			want = tanh(2 * want);
		ck_assert_double_le(fabs((double)y[0] - want), tolerance);
	}
	tl_function_free(f);
}
END_TEST

START_TEST(nothing_is_allocated)
{
	use_tape(&ways[_i]);
	tl_rnn *rnn = make_net(&(tl_rnn_options){.cell = &tl_cell_lstm_peephole, .input = E, .hidden = H, .layers = LAYERS});
	tl_function *f = stream_of(tape, rnn);
	tl_real x[B * E];
	draw(x, B * E);
	run(f, x);
	tl_tape_stats warm = tl_function_get_stats(f), now;
	for (int t = 0; t < 100; t++)
		run(f, x);
	now = tl_function_get_stats(f);
	ck_assert_uint_eq(now.allocations, warm.allocations);
	ck_assert_uint_eq(now.bytes, warm.bytes);
	ck_assert_uint_eq(now.nodes, warm.nodes);
	tl_function_free(f);
	tl_rnn_free(rnn);
}
END_TEST

/* An input and a state without elements need no data. */
static void record_empty(void *user, const tl_recording *r)
{
	(void)user;
	r->next[0] = tl_mul(r->state[0], r->in[0]);
	r->out[0] = tl_sum_all(r->next[0]);
}

START_TEST(empty_inputs)
{
	static const tl_slot none = {.shape = {2, {0, 3}}};
	use_tape(&ways[_i]);
	tl_function *f = make((tl_function_options){.record = record_empty, .inputs = 1, .input = &none, .outputs = 1,
		.states = 1, .state = &none});
	for (int t = 0; t < 2; t++) {
		tl_real sum = 1;
		ck_assert_int_eq(tl_function_run(f, (const void *[]){NULL}), TL_OK);
		ck_assert_int_eq(tl_function_read(f, 0, &sum, 1), TL_OK);
		ck_assert(sum == 0);
	}
	tl_function_free(f);
}
END_TEST

/* y = x x' for vectors of n numbers: functions of many shapes in one piece of memory. */
static void record_outer(void *user, const tl_recording *r)
{
	(void)user;
	int64_t n = tl_dim(r->in[0], 0);
	tl_var square = tl_mul(tl_reshape(r->in[0], TL_SHAPE(n, 1)), tl_reshape(r->in[0], TL_SHAPE(1, n)));
	r->out[0] = tl_sum(square, TL_AXES(0), false);
	r->out[1] = square;
}

static tl_function *outer(int64_t n)
{
	tl_slot x = {.shape = TL_SHAPE(n)};
	return make((tl_function_options){
		.record = record_outer, .inputs = 1, .input = &x, .outputs = 2, .shared = true});
}

static void check_outer(tl_function *f, int n)
{
	tl_real x[64], y[64 * 64], sum = 0;
	draw(x, n);
	for (int i = 0; i < n; i++)
		sum += x[i];
	run(f, x);
	ck_assert_int_eq(tl_function_read(f, 1, y, n * n), TL_OK);
	for (int i = 0; i < n * n; i++)
		ck_assert(y[i] == x[i / n] * x[i % n]);
	ck_assert_int_eq(tl_function_read(f, 0, y, n), TL_OK);
	for (int i = 0; i < n; i++)
		ck_assert_double_le(fabs((double)(y[i] - sum * x[i])), 10 * tolerance);
}

START_TEST(values_share_memory)
{
	use_tape(&ways[_i]);
	tl_function *f[4] = {outer(3), outer(64), outer(1), outer(20)};
	static const int size[] = {3, 64, 1, 20};
	uint64_t tape_bytes = tl_tape_get_stats(tape).bytes;
	for (int i = 0; i < 20; i++)
		check_outer(f[i * 7 % 4], size[i * 7 % 4]);
	ck_assert_uint_eq(tl_tape_get_stats(tape).bytes, tape_bytes);
	tl_function_free(f[1]); /* the others go on in the memory that was made for it */
	check_outer(f[3], 20);
	for (int k = 0; k < 4; k++)
		if (k != 1)
			tl_function_free(f[k]);
	tl_error err = {0};
	tl_function_options o = {.record = record_fibonacci, .outputs = 1, .states = 1, .state = &number, .shared = true};
	ck_assert_ptr_null(tl_function_new(tape, &o, &err));
	ck_assert_msg(strstr(err.text, "cannot share its memory"), "%s", err.text);
}
END_TEST

START_TEST(a_cache_forgets_the_oldest)
{
	tl_function_cache *c = tl_function_cache_new(3);
	tl_function *f[5];
	for (int64_t k = 0; k < 3; k++)
		tl_function_cache_add(c, 2, (int64_t[]){1, k}, f[k] = outer(k + 1));
	ck_assert_ptr_eq(tl_function_cache_find(c, 2, (int64_t[]){1, 0}), f[0]);
	ck_assert_ptr_null(tl_function_cache_find(c, 1, (int64_t[]){1}));
	ck_assert_ptr_null(tl_function_cache_find(c, 2, (int64_t[]){0, 1}));
	tl_function_cache_add(c, 1, (int64_t[]){1}, f[3] = outer(4));
	ck_assert_int_eq(tl_function_cache_count(c), 3);
	ck_assert_ptr_null(tl_function_cache_find(c, 2, (int64_t[]){1, 1}));
	ck_assert_ptr_eq(tl_function_cache_find(c, 2, (int64_t[]){1, 0}), f[0]);
	ck_assert_ptr_eq(tl_function_cache_find(c, 2, (int64_t[]){1, 2}), f[2]);
	ck_assert_ptr_eq(tl_function_cache_find(c, 1, (int64_t[]){1}), f[3]);
	tl_function_cache_add(c, 2, (int64_t[]){1, 2}, f[4] = outer(5));
	ck_assert_int_eq(tl_function_cache_count(c), 3);
	ck_assert_ptr_eq(tl_function_cache_find(c, 2, (int64_t[]){1, 2}), f[4]);
	check_outer(f[0], 1);
	check_outer(f[4], 5);
	tl_function_cache_free(c);
	tl_function_cache_free(NULL);
}
END_TEST

static void ask(void *user, const tl_recording *r)
{
	(void)user;
	tl_real x[2];
	tl_read(r->out[0] = tl_square(r->in[0]), x, 2);
}

static void set_nothing(void *user, const tl_recording *r)
{
	(void)user, (void)r;
}

static void grow(void *user, const tl_recording *r)
{
	(void)user;
	r->out[0] = r->in[0];
	r->next[0] = tl_concat(2, (tl_var[]){r->state[0], r->in[0]}, 0);
}

static void misfit(void *user, const tl_recording *r)
{
	(void)user;
	r->out[0] = tl_add(r->in[0], tl_fill(r->tape, TL_SHAPE(3), 1));
}

static void of_another_tape(void *user, const tl_recording *r)
{
	(void)r;
	r->out[0] = tl_fill(user, TL_SCALAR, 1);
}

static void reset(void *user, const tl_recording *r)
{
	(void)user;
	tl_tape_reset(r->tape);
	r->out[0] = tl_fill(r->tape, TL_SCALAR, 1);
}

static void leave_open(void *user, const tl_recording *r)
{
	(void)user;
	tl_checkpoint_begin(r->tape);
	r->out[0] = tl_square(r->in[0]);
}

static const struct {
	void (*record)(void *user, const tl_recording *r);
	int states;
	tl_slot state;
	int64_t rows; /* of the input */
	tl_status status;
	const char *text;
} mistakes[] = {
	{NULL, 0, {0}, 2, TL_ERR_ARGUMENT, "nothing to record"},
	{ask, 0, {0}, 2, TL_ERR_ARGUMENT, "asked for a value"},
	{set_nothing, 0, {0}, 2, TL_ERR_ARGUMENT, "did not set output 0"},
	{grow, 1, {.shape = {1, {2}}}, 2, TL_ERR_SHAPE, "(2), the next one"},
	{misfit, 0, {0}, 2, TL_ERR_SHAPE, "add: shapes do not broadcast"},
	{of_another_tape, 0, {0}, 2, TL_ERR_STALE, "no variable of the recording's tape"},
	{reset, 0, {0}, 2, TL_ERR_ARGUMENT, "reset its tape"},
	{leave_open, 0, {0}, 2, TL_ERR_ARGUMENT, "did not end a checkpoint"},
	{misfit, 0, {0}, -1, TL_ERR_SHAPE, "input 0: (-1) is no valid shape"},
	{misfit, 1, {.dtype = 7}, 2, TL_ERR_TYPE, "state 0 is neither real nor int32"},
};

START_TEST(mistakes_are_explained)
{
	tl_error err = {0};
	tl_slot in = {.shape = TL_SHAPE(mistakes[_i].rows)};
	tl_function_options o = {.record = mistakes[_i].record, .user = tape, .inputs = 1, .input = &in, .outputs = 1,
		.states = mistakes[_i].states, .state = &mistakes[_i].state};
	ck_assert_ptr_null(tl_function_new(tape, &o, &err));
	ck_assert_int_eq(err.status, mistakes[_i].status);
	ck_assert_msg(strstr(err.text, mistakes[_i].text), "%s", err.text);
	ck_assert_ptr_null(tl_function_new(tape, &o, NULL));
}
END_TEST

START_TEST(wrong_calls_are_explained)
{
	tl_error err = {0};
	tl_function *f = make((tl_function_options){.record = record_cube, .inputs = 1, .input = &vector, .outputs = 2});
	tl_real x[2] = {1, 2};
	int32_t i[2];
	ck_assert_ptr_null(tl_function_output(f, 0));
	ck_assert_int_eq(tl_function_read(f, 0, x, 1), TL_ERR_ARGUMENT);
	ck_assert_ptr_nonnull(strstr(tl_function_error(f)->text, "not run yet"));
	ck_assert_int_eq(tl_function_run(f, NULL), TL_ERR_ARGUMENT);
	ck_assert_int_eq(tl_function_run(f, (const void *[]){NULL}), TL_ERR_ARGUMENT);
	ck_assert_ptr_nonnull(strstr(tl_function_error(f)->text, "input 0 has no data"));
	run(f, x);
	ck_assert_int_eq(tl_function_read(f, 0, x, 2), TL_ERR_SHAPE);
	ck_assert_int_eq(tl_function_read(f, 2, x, 2), TL_ERR_ARGUMENT);
	ck_assert_int_eq(tl_function_read_index(f, 1, i, 2), TL_ERR_TYPE);
	ck_assert_ptr_null(tl_function_output(f, -1));
	ck_assert_ptr_nonnull(tl_function_output(f, 1));
	ck_assert_ptr_null(tl_function_state(f, 0));
	tl_function_free(f);
	use_tape(&(tl_tape_options){.plan = "no such pass"});
	tl_function_options o = {.record = record_cube, .inputs = 1, .input = &vector, .outputs = 2};
	ck_assert_ptr_null(tl_function_new(tape, &o, &err));
	ck_assert_msg(strstr(err.text, "no such pass"), "%s", err.text);
	ck_assert_ptr_null(tl_function_new(tape, &(tl_function_options){.record = record_cube}, &err));
	tl_function_free(NULL);
}
END_TEST

Suite *tl_test_suite(void)
{
	enum { WAYS = sizeof ways / sizeof *ways, MISTAKES = sizeof mistakes / sizeof *mistakes };
	Suite *s = suite_create("function");
	TCase *c = tcase_create("function");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, steps_equal_recordings, 0, WAYS);
	tcase_add_test(c, states_stay_where_they_are_computed);
	tcase_add_test(c, states_may_be_set);
	tcase_add_loop_test(c, states_change_places, 0, WAYS);
	tcase_add_loop_test(c, states_of_one_value_are_apart, 0, WAYS);
	tcase_add_loop_test(c, indices_are_carried, 0, WAYS);
	tcase_add_loop_test(c, parameters_are_read_live, 0, WAYS);
	tcase_add_loop_test(c, gradients_are_outputs, 0, WAYS);
	tcase_add_loop_test(c, random_ops_draw_as_a_tape_does, 0, WAYS);
	tcase_add_loop_test(c, checkpoints_run, 0, WAYS);
	tcase_add_loop_test(c, nothing_is_allocated, 0, WAYS);
	tcase_add_loop_test(c, empty_inputs, 0, WAYS);
	tcase_add_loop_test(c, values_share_memory, 0, WAYS);
	tcase_add_test(c, a_cache_forgets_the_oldest);
	tcase_add_loop_test(c, mistakes_are_explained, 0, MISTAKES);
	tcase_add_test(c, wrong_calls_are_explained);
	suite_add_tcase(s, c);
	return s;
}
