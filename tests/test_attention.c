/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attention: every score, heads and masks against PyTorch (tools/fixtures/attention.py), step by step and all steps
 * at once; what is masked; what is refused.
 */
#include "tests/suite.h"

#include <string.h>

#include "tests/fixture.h"

/* The inputs of a file as parameters. */
typedef struct source {
	tl_param *keys, *values, *queries;
	int64_t lengths[16];
} source;

static source load_source(const fixture *f)
{
	source s = {.keys = fixture_add(f, "keys"),
		.values = fixture_add(f, "values"),
		.queries = fixture_add(f, "queries")};
	ck_assert_int_eq(fixture_lengths(f, s.lengths), s.keys->value.shape.dim[1]);
	return s;
}

static tl_attention *make(const fixture *f, tl_attention_options options, const source *s)
{
	tl_error err = {0};
	options.query = s->queries->value.shape.dim[2];
	options.key = s->keys->value.shape.dim[2];
	options.value = s->values->value.shape.dim[2];
	tl_attention *a = tl_attention_new(f->store, "a", &options, &err);
	ck_assert_msg(a != NULL, "%s", err.text);
	for (int k = 0; k < tl_store_count(f->store); k++)
		if (tl_store_at(f->store, k)->name[0] == 'a')
			fixture_set(f, tl_store_at(f->store, k));
	return a;
}

static tl_attention_result step_by_step(const tl_attention *a, const tl_attention_memory *m, tl_var queries)
{
	int64_t steps = tl_dim(queries, 0);
	tl_var context[16], weights[16];
	for (int64_t t = 0; t < steps; t++) {
		tl_attention_result r = tl_attention_step(a, m, tl_select(queries, 0, t));
		context[t] = r.context;
		weights[t] = r.weights;
	}
	return (tl_attention_result){tl_stack((int)steps, context, 0), tl_stack((int)steps, weights, 0)};
}

enum { STEPS, AT_ONCE, WAYS };

/* With garbage at padding: NaN there must reach nothing. */
static void spoil_padding(const source *s)
{
	tl_param *const both[] = {s->keys, s->values};
	for (int k = 0; k < 2; k++) {
		tl_shape n = both[k]->value.shape;
		tl_real *x = both[k]->value.data;
		for (int64_t i = 0; i < tl_shape_size(n); i++)
			if (i / (n.dim[1] * n.dim[2]) >= s->lengths[i / n.dim[2] % n.dim[1]])
				x[i] = (tl_real)NAN;
	}
}

static void check_file(const char *name, const char *prefix, tl_attention_options options, int way, bool causal)
{
	fixture f = fixture_open(name);
	snprintf(f.prefix, sizeof f.prefix, "%s", prefix);
	source s = load_source(&f);
	tl_attention *a = make(&f, options, &s);
	spoil_padding(&s);
	tl_attention_memory m =
		tl_attention_prepare(a, tl_use(f.tape, s.keys), tl_use(f.tape, s.values), s.lengths, (tl_var){0});
	tl_var q = tl_use(f.tape, s.queries);
	tl_attention_result r = way == STEPS ? step_by_step(a, &m, q) : tl_attention_run(a, &m, q, causal);
	fixture_check(&f, "context", r.context);
	fixture_check(&f, "weights", r.weights);
	tl_var loss =
		tl_add(fixture_weighted(&f, "context", r.context), fixture_weighted(&f, "weights", r.weights));
	fixture_check_gradients(&f, loss);
	tl_attention_free(a);
	fixture_close(&f);
}

/* For each score. */
START_TEST(as_pytorch)
{
	char name[64];
	snprintf(name, sizeof name, "attention_%s", tl_attention_score_name(_i));
	for (int way = 0; way < WAYS; way++)
		check_file(
			name, "", (tl_attention_options){.score = (tl_attention_score)_i, .hidden = 7}, way, false);
}
END_TEST

START_TEST(heads_as_pytorch)
{
	tl_attention_options o = {.score = TL_SCORE_SCALED_DOT, .heads = 2};
	for (int way = 0; way < WAYS; way++)
		check_file("attention_heads", "", o, way, false);
	check_file("attention_heads", "causal.", o, AT_ONCE, true);
}
END_TEST

enum { S = 4, T = 3, B = 3, K = 4, V = 5 };

/* An attention on random numbers, for what needs no file. */
typedef struct world {
	tl_tape *tape;
	tl_store *store;
	tl_attention *a;
	tl_param *keys, *values, *queries;
} world;

static world world_new(tl_attention_options o)
{
	tl_error err = {0};
	tl_rng rng = {.seed = 5};
	world w = {.tape = tl_tape_new(NULL), .store = tl_store_new()};
	w.a = tl_attention_new(w.store, "a", &o, &err);
	ck_assert_msg(w.a != NULL, "%s", err.text);
	w.keys = tl_store_add(w.store, "keys", TL_SHAPE(S, B, o.key), &err);
	w.values = tl_store_add(w.store, "values", TL_SHAPE(S, B, o.value ? o.value : o.key), &err);
	w.queries = tl_store_add(w.store, "queries", TL_SHAPE(T, B, o.query), &err);
	for (int k = 0; k < tl_store_count(w.store); k++)
		tl_init_uniform(tl_store_at(w.store, k), &rng, -1, 1);
	return w;
}

static void world_free(world *w)
{
	tl_attention_free(w->a);
	tl_store_free(w->store);
	tl_tape_free(w->tape);
}

static tl_attention_memory prepare(const world *w, const int64_t *lengths, tl_var mask)
{
	return tl_attention_prepare(w->a, tl_use(w->tape, w->keys), tl_use(w->tape, w->values), lengths, mask);
}

static void check_same(const char *what, tl_var a, tl_var b)
{
	int64_t n = tl_shape_size(tl_var_shape(a));
	tl_real got[1024], want[1024];
	ck_assert_msg(tl_shape_equal(tl_var_shape(a), tl_var_shape(b)), "%s: shapes differ", what);
	ck_assert_int_le(n, 1024);
	ck_assert_msg(
		tl_read(a, got, n) == TL_OK && tl_read(b, want, n) == TL_OK, "%s", tl_tape_error(a.tape)->text);
	for (int64_t i = 0; i < n; i++)
		ck_assert_msg(fabs((double)(got[i] - want[i])) <= fixture_tolerance, "%s[%d] is %g, not %g", what,
			(int)i, (double)got[i], (double)want[i]);
}

/* Steps and all at once are two ways to record one thing: every score in heads, and its gradients. */
START_TEST(steps_as_all_at_once)
{
	static const int64_t lengths[B] = {4, 1, 2};
	world w = world_new((tl_attention_options){.score = (tl_attention_score)_i,
		.query = K,
		.key = 6,
		.value = V,
		.heads = 2,
		.project = 8,
		.hidden = 3});
	tl_attention_memory m = prepare(&w, lengths, (tl_var){0});
	tl_var q = tl_use(w.tape, w.queries), wrt[16], got[16], want[16];
	tl_attention_result a = step_by_step(w.a, &m, q), b = tl_attention_run(w.a, &m, q, false);
	ck_assert_int_eq(tl_dim(a.context, -1), tl_attention_size(w.a));
	check_same("context", a.context, b.context);
	check_same("weights", a.weights, b.weights);
	int n = tl_store_count(w.store);
	for (int k = 0; k < n; k++)
		wrt[k] = tl_use(w.tape, tl_store_at(w.store, k));
	tl_grad(tl_sum_all(tl_square(a.context)), n, wrt, got);
	tl_grad(tl_sum_all(tl_square(b.context)), n, wrt, want);
	for (int k = 0; k < n; k++)
		check_same(tl_store_at(w.store, k)->name, got[k], want[k]);
	world_free(&w);
}
END_TEST

/* Heads of every score against one head on its columns alone. */
START_TEST(heads_are_apart)
{
	world w = world_new((tl_attention_options){.score = (tl_attention_score)_i,
		.query = K,
		.key = 6,
		.value = V,
		.heads = 2,
		.project = 8,
		.hidden = 3});
	tl_attention_memory m = prepare(&w, NULL, (tl_var){0});
	tl_var weights = tl_attention_run(w.a, &m, tl_use(w.tape, w.queries), false).weights;
	world one = world_new((tl_attention_options){.score = (tl_attention_score)_i,
		.query = K,
		.key = 6,
		.value = V,
		.heads = 1,
		.project = 4,
		.hidden = 3});
	for (int head = 0; head < 2; head++) {
		tl_tape_reset(one.tape);
		for (int k = 0; k < tl_store_count(one.store); k++) {
			tl_param *to = tl_store_at(one.store, k), *from = tl_store_find(w.store, to->name);
			tl_tensor part = from->value;
			for (int64_t i = 0; i < part.shape.axes; i++)
				if (part.shape.dim[i] != to->value.shape.dim[i]) {
					part.shape.dim[i] = to->value.shape.dim[i];
					part.data =
						(tl_real *)part.data + head * part.shape.dim[i] * part.stride[i];
				}
			tl_tensor_copy(&to->value, &part);
		}
		tl_attention_memory alone = prepare(&one, NULL, (tl_var){0});
		tl_var got = tl_attention_run(one.a, &alone, tl_use(one.tape, one.queries), false).weights;
		tl_real a[S * T * B], b[S * T * B * 2];
		ck_assert_int_eq(tl_read(got, a, S * T * B), TL_OK);
		ck_assert_int_eq(tl_read(weights, b, S * T * B * 2), TL_OK);
		for (int i = 0; i < S * T * B; i++)
			ck_assert_msg(fabs((double)(a[i] - b[2 * i + head])) < fixture_tolerance,
				"head %d, weight %d", head, i);
	}
	world_free(&one);
	world_free(&w);
}
END_TEST

/* A given mask does what lengths do, and both together what each forbids. */
START_TEST(masks_and_lengths)
{
	static const int64_t lengths[B] = {2, 4, 0}, all[B] = {4, 4, 4};
	static const tl_real by_lengths[S * B] = {1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 1, 0},
					    holes[S * B] = {1, 0, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1};
	tl_real both[S * B];
	for (int i = 0; i < S * B; i++)
		both[i] = by_lengths[i] * holes[i];
	world w = world_new((tl_attention_options){.score = TL_SCORE_ADDITIVE, .query = K, .key = 6, .value = V});
	tl_shape shape = TL_SHAPE(S, B);
	tl_var q = tl_use(w.tape, w.queries);
	tl_attention_memory m[] = {prepare(&w, lengths, (tl_var){0}),
		prepare(&w, NULL, tl_input(w.tape, shape, by_lengths)),
		prepare(&w, lengths, tl_input(w.tape, shape, holes)),
		prepare(&w, all, tl_input(w.tape, shape, both))};
	for (int k = 0; k < 4; k += 2) {
		tl_attention_result a = tl_attention_run(w.a, &m[k], q, false),
				    b = tl_attention_run(w.a, &m[k + 1], q, false);
		check_same("context", a.context, b.context);
		check_same("weights", a.weights, b.weights);
		tl_real got[T * S * B];
		tl_read(a.weights, got, T * S * B);
		for (int i = 0; i < T * S * B; i++)
			if ((k ? both : by_lengths)[i % (S * B)] == 0)
				ck_assert(got[i] == 0);
	}
	world_free(&w);
}
END_TEST

/* Each row alone, without padding; NaN behind its end; causal and not. */
START_TEST(self_attention_of_ragged_rows)
{
	static const int64_t lengths[B] = {3, 4, 1};
	bool causal = _i;
	world w = world_new((tl_attention_options){.score = TL_SCORE_SCALED_DOT, .query = 6, .key = 6, .heads = 3});
	tl_param *x = w.keys;
	tl_real *data = x->value.data, got[S * B * 6], want[S * 6];
	tl_var d = tl_use(w.tape, x);
	for (int i = 0; i < S * B * 6; i++)
		if (i / (B * 6) >= lengths[i / 6 % B])
			data[i] = (tl_real)NAN;
	tl_attention_result r = tl_attention_self(w.a, tl_use(w.tape, x), lengths, causal);
	ck_assert_int_eq(tl_read(r.context, got, S * B * 6), TL_OK);
	tl_real slope[S * B * 6];
	tl_grad(tl_sum_all(tl_square(r.context)), 1, &d, &d);
	ck_assert_int_eq(tl_read(d, slope, S * B * 6), TL_OK);
	for (int64_t b = 0; b < B; b++) {
		tl_var row = tl_slice(tl_slice(tl_use(w.tape, x), 1, b, b + 1, 1), 0, 0, lengths[b], 1);
		tl_var alone = tl_attention_self(w.a, row, NULL, causal).context, da;
		tl_grad(tl_sum_all(tl_square(alone)), 1, &row, &da);
		for (int what = 0; what < 2; what++) {
			ck_assert_int_eq(tl_read(what ? da : alone, want, lengths[b] * 6), TL_OK);
			for (int64_t i = 0; i < S * 6; i++) {
				double have = (double)(what ? slope : got)[(i / 6 * B + b) * 6 + i % 6];
				double should = i < lengths[b] * 6 ? (double)want[i] : 0;
				ck_assert_msg(fabs(have - should) <= fixture_tolerance,
					"row %d, element %d is %g, not %g", (int)b, (int)i, have, should);
			}
		}
	}
	if (causal) {
		tl_real weights[S * S * B * 3];
		ck_assert_int_eq(tl_read(r.weights, weights, S * S * B * 3), TL_OK);
		for (int t = 0; t < S; t++)
			for (int i = (t + 1) * B * 3; i < S * B * 3; i++)
				ck_assert(weights[t * S * B * 3 + i] == 0);
	}
	world_free(&w);
}
END_TEST

static void check_refused(tl_attention_options o, const char *sentence)
{
	tl_error err = {0};
	tl_store *store = tl_store_new();
	ck_assert_ptr_null(tl_attention_new(store, "a", &o, &err));
	ck_assert_int_eq(err.status, TL_ERR_ARGUMENT);
	ck_assert_msg(strstr(err.text, sentence) != NULL, "'%s' does not say '%s'", err.text, sentence);
	tl_store_free(store);
}

static void check_failed(world *w, tl_attention_result r, const char *sentence)
{
	ck_assert(!tl_ok(r.context));
	ck_assert_msg(strstr(tl_tape_error(w->tape)->text, sentence) != NULL, "'%s' does not say '%s'",
		tl_tape_error(w->tape)->text, sentence);
	tl_tape_reset(w->tape);
}

START_TEST(what_is_refused)
{
	static const int64_t wrong[B] = {2, 5, 1};
	check_refused((tl_attention_options){.query = 3, .key = 4}, "queries of size 3 and keys of size 4");
	check_refused(
		(tl_attention_options){.query = 4, .key = 4, .heads = 3}, "4 columns cannot be shared by 3 heads");
	check_refused((tl_attention_options){.key = 4}, "must be positive");
	check_refused(
		(tl_attention_options){.score = (tl_attention_score)9, .query = 4, .key = 4}, "no score number 9");
	world w = world_new((tl_attention_options){.query = K, .key = K, .value = V});
	tl_attention_memory m = prepare(&w, wrong, (tl_var){0});
	check_failed(
		&w, tl_attention_step(w.a, &m, tl_select(tl_use(w.tape, w.queries), 0, 0)), "that of row 1 is 5");
	m = prepare(&w, NULL, (tl_var){0});
	check_failed(&w, tl_attention_step(w.a, &m, tl_use(w.tape, w.queries)), "queries have shape (3, 3, 4)");
	m = prepare(&w, NULL, tl_select(tl_use(w.tape, w.keys), 0, 0));
	check_failed(&w, tl_attention_run(w.a, &m, tl_use(w.tape, w.queries), false), "a mask have shape (3, 4)");
	m = prepare(&w, NULL, (tl_var){0});
	tl_var few = tl_slice(tl_use(w.tape, w.queries), 1, 0, 2, 1);
	check_failed(&w, tl_attention_run(w.a, &m, few, false), "queries have 2 rows, keys 3");
	m = tl_attention_prepare(w.a, tl_use(w.tape, w.values), tl_use(w.tape, w.values), NULL, (tl_var){0});
	check_failed(&w, tl_attention_run(w.a, &m, tl_use(w.tape, w.queries), false), "keys have shape (4, 3, 5)");
	m = prepare(&w, NULL, (tl_var){0});
	check_failed(
		&w, tl_attention_run(NULL, &m, tl_use(w.tape, w.queries), false), "tl_attention_new returned NULL");
	world_free(&w);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("attention");
	TCase *c = tcase_create("attention");
	int scores = 0;
	while (tl_attention_score_name(scores))
		scores++;
	tcase_add_loop_test(c, as_pytorch, 0, scores);
	tcase_add_test(c, heads_as_pytorch);
	tcase_add_loop_test(c, steps_as_all_at_once, 0, scores);
	tcase_add_loop_test(c, heads_are_apart, 0, scores);
	tcase_add_test(c, masks_and_lengths);
	tcase_add_loop_test(c, self_attention_of_ragged_rows, 0, 2);
	tcase_add_test(c, what_is_refused);
	suite_add_tcase(s, c);
	return s;
}
