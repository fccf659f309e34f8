/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gradients of tables by rows. The oracle has no rows: its gradients are adjoints from tl_grad, whole tensors
 * added up, in a store that keeps no lists, so every pass goes over everything.
 */
#include "tests/suite.h"

#include <math.h>
#include <string.h>

#include "models/tapeloop.h"

enum { V = 40, D = 3, H = 4, B = 5, T = 6, STEPS = 10 };

static const double tolerance = sizeof(tl_real) == sizeof(double) ? 1e-10 : 1e-5;

typedef struct net {
	tl_store *store;
	tl_param *table, *bias, *w, *u; /* (V, D), (V), (D, H), (H, H) */
	tl_param *other;                /* (V, D), not used in every step */
	tl_optimizer *optimizer;
	tl_tape *tape;
	bool oracle;
} net;

static const tl_optimizer_options kinds[] = {
	{.kind = &tl_sgd, .lr = 0.1},
	{.kind = &tl_sgd, .lr = 0.1, .weight_decay = 0.1},
	{.kind = &tl_sgd, .lr = 0.1, .momentum = 0.9},
	{.kind = &tl_sgd, .lr = 0.1, .momentum = 0.9, .dampening = 0.3, .weight_decay = 0.1},
	{.kind = &tl_sgd, .lr = 0.1, .momentum = 0.9, .nesterov = true},
	{.kind = &tl_adagrad, .lr = 0.1},
	{.kind = &tl_adagrad, .lr = 0.1, .accumulator = 0.5, .lr_decay = 0.1},
	{.kind = &tl_adagrad, .lr = 0.1, .weight_decay = 0.1},
	{.kind = &tl_rmsprop, .eps = 1e-3},
	{.kind = &tl_rmsprop, .eps = 1e-3, .centered = true, .momentum = 0.5, .weight_decay = 0.1},
	{.kind = &tl_adadelta, .eps = 1e-3},
	{.kind = &tl_adam, .eps = 1e-3},
	{.kind = &tl_adam, .eps = 1e-3, .weight_decay = 0.1},
	{.kind = &tl_adamw, .eps = 1e-3},
};

#define KINDS ((int)(sizeof kinds / sizeof *kinds))

/* Four ways to run everything. */
static tl_tape *tape_of(int way)
{
	tl_tape *tape = tl_tape_new(&(tl_tape_options){
		.executor = way & 1 ? &tl_executor_plain : &tl_executor_planned, .threads = 1 + (way >> 1)});
	ck_assert_ptr_nonnull(tape);
	return tape;
}

static net net_new(int way, const tl_optimizer_options *options, bool oracle)
{
	tl_error err = {0};
	tl_rng rng = {.seed = 3};
	net n = {.store = tl_store_new(), .tape = tape_of(way), .oracle = oracle};
	n.table = tl_store_add(n.store, "table", TL_SHAPE(V, D), &err);
	n.w = tl_store_add(n.store, "w", TL_SHAPE(D, H), &err);
	n.bias = tl_store_add(n.store, "bias", TL_SHAPE(V), &err);
	n.u = tl_store_add(n.store, "u", TL_SHAPE(H, H), &err);
	n.other = tl_store_add(n.store, "other", TL_SHAPE(V, D), &err);
	ck_assert_msg(!err.status, "%s", err.text);
	for (int k = 0; k < tl_store_count(n.store); k++)
		tl_init_uniform(tl_store_at(n.store, k), &rng, -0.8, 0.8);
	n.optimizer = tl_optimizer_new(n.store, options, &err);
	ck_assert_msg(n.optimizer != NULL, "%s", err.text);
	if (oracle)
		tl_store_grads(n.store);
	else
		tl_store_set_pool(n.store, tl_tape_pool(n.tape));
	return n;
}

static void net_free(net *n)
{
	tl_optimizer_free(n->optimizer);
	tl_tape_free(n->tape);
	tl_store_free(n->store);
}

enum {
	TIED = 1,  /* the table is an operand of a product, too */
	EMPTY = 2, /* nothing is looked up */
	OTHER = 4, /* another table is used */
	LONG = 8,  /* one more look-up of all steps at once */
};

static tl_var indices(const net *n, tl_rng *rng, tl_shape shape)
{
	int32_t index[T * B];
	for (int64_t i = 0; i < tl_shape_size(shape); i++)
		index[i] = (int32_t)tl_rng_below(rng, V / 3) * 3; /* many stand twice, and most rows never */
	return tl_index(n->tape, shape, index);
}

/* A look-up for each step; the bias's adjoint is one number for all, so its rows have stride 0. */
static tl_var record(const net *n, unsigned how, uint64_t seed)
{
	tl_rng rng = {.seed = seed};
	tl_tape *t = n->tape;
	int64_t rows = how & EMPTY ? 0 : B;
	tl_var table = tl_use(t, n->table), h = tl_fill(t, TL_SHAPE(rows, H), 0.1);
	tl_var loss = tl_fill(t, TL_SCALAR, 0);
	for (int k = 0; k < T; k++) {
		tl_var index = indices(n, &rng, TL_SHAPE(rows));
		tl_var x = tl_gather(table, index);
		h = tl_tanh(tl_add(tl_matmul(x, tl_use(t, n->w)), tl_matmul(h, tl_use(t, n->u))));
		loss = tl_add(loss, tl_sum_all(tl_gather(tl_use(t, n->bias), index)));
		if (how & TIED)
			loss = tl_add(loss, tl_sum_all(tl_tanh(tl_matmul(x, tl_transpose(table, (int[]){1, 0})))));
	}
	if (how & OTHER)
		loss = tl_add(loss, tl_sum_all(tl_square(tl_gather(tl_use(t, n->other), indices(n, &rng, TL_SHAPE(2, 3))))));
	if (how & LONG)
		loss = tl_add(loss, tl_sum_all(tl_square(tl_gather(table, indices(n, &rng, TL_SHAPE(T, B))))));
	return tl_add(loss, tl_sum_all(tl_square(h)));
}

static void check_tape(const net *n)
{
	ck_assert_msg(!tl_tape_status(n->tape), "%s", tl_tape_error(n->tape)->text);
}

/* What tl_backward should do, by whole tensors. */
static void add_adjoints(const net *n, tl_var loss)
{
	for (int k = 0; k < tl_store_count(n->store); k++) {
		const tl_param *p = tl_store_at(n->store, k);
		tl_var v = tl_use(n->tape, tl_store_at(n->store, k)), d;
		if (!p->frozen && !tl_grad(loss, 1, &v, &d) && tl_value(d))
			tl_tensor_add(&p->grad, tl_value(d));
	}
}

static void backward(const net *n, unsigned how, uint64_t seed, bool fresh)
{
	tl_tape_reset(n->tape);
	tl_var loss = record(n, how, seed);
	if (n->oracle && fresh)
		tl_store_zero_grad(n->store);
	if (n->oracle)
		add_adjoints(n, loss);
	else if (fresh)
		tl_store_backward(n->store, loss);
	else
		tl_backward(loss);
	check_tape(n);
}

/* Two calls in many steps, none before some; clearing apart and together; all three ways of clipping. */
static double step(net *n, int k)
{
	static const unsigned first[STEPS] = {0, OTHER, LONG, EMPTY, TIED, 0, OTHER, LONG, 0, LONG | OTHER};
	static const unsigned second[STEPS] = {LONG, 0, 0, OTHER, 0, TIED, 0, EMPTY, 0, 0};
	uint64_t seed = 2 * (uint64_t)k;
	n->table->frozen = k == 8;
	if (k % 4 == 1)
		tl_store_zero_grad(n->store);
	if (k != 6) /* the gradient of step 5 is still there in step 6 */
		backward(n, first[k], seed, k % 4 != 1);
	if (k % 2 == 0)
		backward(n, second[k], seed + 1, false);
	double norm = k % 3 == 1 ? tl_clip_norm(n->store, 0.5) : tl_grad_norm(n->store);
	if (k % 3 == 2)
		tl_clip_value(n->store, 0.05);
	tl_optimizer_step(n->optimizer);
	return norm;
}

static void check_tensor(int k, const char *what, const char *name, const tl_tensor *got, const tl_tensor *want)
{
	const tl_real *g = got->data, *w = want->data;
	for (int64_t i = 0; i < tl_shape_size(got->shape); i++)
		ck_assert_msg(fabs((double)g[i] - (double)w[i]) <= tolerance * fmax(1, fabs((double)w[i])),
			"step %d, %s of %s, element %d: %.17g instead of %.17g", k, what, name, (int)i, (double)g[i],
			(double)w[i]);
}

static void check_nets(int k, const net *got, const net *want)
{
	for (int i = 0; i < tl_store_count(got->store); i++) {
		const tl_param *p = tl_store_at(got->store, i), *q = tl_store_at(want->store, i);
		check_tensor(k, "gradient", p->name, &p->grad, &q->grad);
		check_tensor(k, "value", p->name, &p->value, &q->value);
	}
}

START_TEST(steps_are_those_of_whole_tensors)
{
	const tl_optimizer_options *options = &kinds[_i % KINDS];
	net got = net_new(_i / KINDS, options, false), want = net_new(1, options, true);
	for (int k = 0; k < STEPS; k++) {
		double norm = step(&want, k);
		ck_assert_double_le(fabs(step(&got, k) - norm), tolerance * norm);
		check_nets(k, &got, &want);
	}
	net_free(&got);
	net_free(&want);
}
END_TEST

/* The oracle takes its step everywhere and then gets back the rows whose gradient is 0. */
static void lazy_oracle_step(net *n)
{
	int items;
	const tl_safetensors_item *item = tl_optimizer_state(n->optimizer, &items);
	tl_real kept[1 + TL_OPTIMIZER_STATES][V * D], *at[1 + TL_OPTIMIZER_STATES] = {n->table->value.data};
	int arrays = 1;
	for (int i = 0; i < items; i++)
		if (item[i].tensor.dtype == TL_REAL && strstr(item[i].name, ".table"))
			at[arrays++] = item[i].tensor.data;
	for (int i = 0; i < arrays; i++)
		memcpy(kept[i], at[i], sizeof kept[i]);
	bool first = tl_optimizer_steps(n->optimizer) == 0;
	tl_optimizer_step(n->optimizer);
	const tl_real *grad = n->table->grad.data;
	for (int r = 0; r < V && !first; r++)
		for (int i = 0; i < arrays && grad[r * D] == 0; i++)
			memcpy(at[i] + r * D, kept[i] + r * D, D * sizeof **kept);
}

START_TEST(lazy_leaves_rows_alone)
{
	tl_optimizer_options lazy = kinds[_i];
	lazy.lazy = true;
	net got = net_new(0, &lazy, false), want = net_new(1, &kinds[_i], true);
	want.bias->frozen = want.other->frozen = got.bias->frozen = got.other->frozen = true;
	for (int k = 0; k < 5; k++) {
		unsigned how = k == 3 ? TIED : 0; /* TIED: no row stays */
		backward(&got, how, (uint64_t)k, true);
		backward(&want, how, (uint64_t)k, true);
		tl_optimizer_step(got.optimizer);
		lazy_oracle_step(&want);
		check_nets(k, &got, &want);
	}
	net_free(&got);
	net_free(&want);
}
END_TEST

/* A rule of a program's own is not cut up unless it says that it may be, and cannot be lazy. */
static void by_norm(const tl_update *u)
{
	for (int64_t i = 0; i < u->n; i++)
		u->value[i] = (tl_real)u->n;
}

START_TEST(other_rules_see_whole_parameters)
{
	static const tl_optimizer_kind whole = {.name = "whole", .update = by_norm};
	enum { N = 200000 };
	tl_error err = {0};
	tl_store *store = tl_store_new();
	const tl_param *p = tl_store_add(store, "w", TL_SHAPE(N), &err);
	tl_optimizer *optimizer = tl_optimizer_new(store, &(tl_optimizer_options){.kind = &whole}, &err);
	ck_assert_ptr_nonnull(optimizer);
	tl_optimizer_step(optimizer);
	for (int i = 0; i < N; i += N / 10)
		ck_assert(((tl_real *)p->value.data)[i] == N);
	tl_optimizer_free(optimizer);
	ck_assert_ptr_null(tl_optimizer_new(store, &(tl_optimizer_options){.kind = &whole, .lazy = true}, &err));
	ck_assert_str_eq(err.text, "whole has no option lazy");
	tl_store_free(store);
}
END_TEST

/* Gradients that the user writes himself, at any time, in a row that is never looked up. */
START_TEST(own_writes_count)
{
	net n = net_new(0, &(tl_optimizer_options){.kind = &tl_sgd, .lr = 1}, false);
	tl_real *grad = n.table->grad.data, *value = n.table->value.data, before = value[D];
	if (_i == 0)
		grad[D] = 2; /* before there is a list, no word is needed */
	backward(&n, 0, 1, false);
	if (_i == 1) {
		grad[D] = 2;
		tl_param_touch(n.table);
	} else if (_i == 2) {
		tl_store_grads(n.store);
		grad[D] = 2;
	}
	backward(&n, 0, 2, false);
	ck_assert(grad[D] == 2);
	tl_clip_value(n.store, 1);
	tl_optimizer_step(n.optimizer);
	ck_assert_double_eq_tol((double)value[D], (double)before - 1, 1e-6);
	tl_store_zero_grad(n.store);
	for (int i = 0; i < V * D; i++)
		ck_assert(grad[i] == 0);
	net_free(&n);
}
END_TEST

/* An op whose adjoint adds rows that are not there. */
static tl_status zero_kernel(const tl_call *c)
{
	*(tl_real *)c->out->data = 0;
	return TL_OK;
}

static tl_status scalar_infer(tl_infer *s)
{
	s->out = TL_SCALAR;
	return TL_OK;
}

static tl_var bad_gradient(const tl_adjoint *a, int k)
{
	(void)k;
	return tl_scatter_add(tl_var_shape(a->in[0]), tl_index(a->dout.tape, TL_SHAPE(2), (int32_t[]){1, V}),
		tl_fill(a->dout.tape, TL_SHAPE(2, D), 1));
}

START_TEST(rows_out_of_range_change_nothing)
{
	static const tl_op bad = {
		.name = "bad", .arity = 1, .infer = scalar_infer, .kernel = zero_kernel, .gradient = bad_gradient};
	net n = net_new(_i, NULL, false);
	backward(&n, 0, 1, true);
	tl_real kept[V * D];
	memcpy(kept, n.table->grad.data, sizeof kept);
	tl_var w = tl_use(n.tape, n.w), table = tl_use(n.tape, n.table);
	tl_var loss = tl_add(tl_sum_all(w), tl_apply(NULL, &bad, 1, &table, NULL, 0));
	ck_assert_int_eq(tl_backward(loss), TL_ERR_INDEX);
	ck_assert_msg(strstr(tl_tape_error(n.tape)->text, "scatter_add: index 40 at position 1 is outside 0..39") != NULL,
		"%s", tl_tape_error(n.tape)->text);
	ck_assert_mem_eq(kept, n.table->grad.data, sizeof kept);
	ck_assert_int_eq(tl_store_backward(n.store, loss), TL_ERR_INDEX);
	ck_assert(tl_grad_norm(n.store) == 0);
	net_free(&n);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("touched");
	TCase *c = tcase_create("touched");
	tcase_add_loop_test(c, steps_are_those_of_whole_tensors, 0, 4 * KINDS);
	tcase_add_loop_test(c, lazy_leaves_rows_alone, 0, KINDS);
	tcase_add_test(c, other_rules_see_whole_parameters);
	tcase_add_loop_test(c, own_writes_count, 0, 3);
	tcase_add_loop_test(c, rows_out_of_range_change_nothing, 0, 4);
	suite_add_tcase(s, c);
	return s;
}
