/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of recurrent networks share. A net here is an rnn whose input and initial states are
 * parameters, too, so that all it depends on stands in one store.
 */
#ifndef TL_TESTS_NET_H
#define TL_TESTS_NET_H

#include <check.h>
#include <math.h>

#include "models/tapeloop.h"

enum { NET_MAX = 1024 };

static const double net_tolerance = sizeof(tl_real) == sizeof(double) ? 1e-12 : 1e-5;

typedef struct net {
	tl_tape *tape;
	tl_store *store;
	tl_rnn *rnn;
	tl_param *x, *s[TL_MAX_STATES];
} net;

/* All values are uniform in [-1, 1]. */
static inline net net_new(const tl_rnn_options *options, int64_t steps, int64_t batch)
{
	const char *const state[TL_MAX_STATES] = {"s0", "s1", "s2", "s3"};
	tl_error err = {0};
	net n = {.tape = tl_tape_new(NULL), .store = tl_store_new()};
	n.rnn = tl_rnn_new(n.store, "net", options, &err);
	ck_assert_msg(n.tape && n.rnn, "%s", err.text);
	tl_shape time_first = TL_SHAPE(steps, batch, options->input), batch_first = TL_SHAPE(batch, steps, options->input);
	n.x = tl_store_add(n.store, "x", options->batch_first ? batch_first : time_first, &err);
	for (int k = 0; k < options->cell->states; k++)
		n.s[k] = tl_store_add(n.store, state[k], tl_rnn_state_shape(n.rnn, k, batch), &err);
	ck_assert_msg(err.status == TL_OK, "%s", err.text);
	tl_rng rng = {.seed = 12};
	for (int k = 0; k < tl_store_count(n.store); k++)
		tl_init_uniform(tl_store_at(n.store, k), &rng, -1, 1);
	return n;
}

static inline void net_free(net *n)
{
	tl_rnn_free(n->rnn);
	tl_store_free(n->store);
	tl_tape_free(n->tape);
	*n = (net){0};
}

static inline tl_var net_input(const net *n)
{
	return tl_use(n->tape, n->x);
}

static inline tl_state net_state(const net *n)
{
	tl_state s = {.n = n->rnn->options.cell->states};
	for (int k = 0; k < s.n; k++)
		s.v[k] = tl_use(n->tape, n->s[k]);
	return s;
}

static inline tl_rnn_result net_run(const net *n)
{
	return tl_rnn_run(n->rnn, net_input(n), net_state(n), true);
}

/* The value of a variable; returns its number of elements. */
static inline int64_t read_values(tl_var v, double to[NET_MAX])
{
	tl_real got[NET_MAX];
	int64_t n = tl_shape_size(tl_var_shape(v));
	ck_assert_int_le(n, NET_MAX);
	ck_assert_msg(tl_read(v, got, n) == TL_OK, "%s", tl_tape_error(v.tape)->text);
	for (int64_t i = 0; i < n; i++)
		to[i] = (double)got[i];
	return n;
}

static inline void check_close(const char *what, tl_var v, const double *want)
{
	double got[NET_MAX];
	int64_t n = read_values(v, got);
	for (int64_t i = 0; i < n; i++)
		ck_assert_msg(fabs(got[i] - want[i]) <= net_tolerance * fmax(1, fabs(want[i])),
			"%s: element %d is %.9g, not %.9g", what, (int)i, got[i], want[i]);
}

static inline void check_equal(const char *what, tl_var a, tl_var b)
{
	double want[NET_MAX];
	ck_assert_msg(tl_shape_equal(tl_var_shape(a), tl_var_shape(b)), "%s: shapes differ", what);
	read_values(b, want);
	check_close(what, a, want);
}

/* The sum of all elements, each times a fixed random number in [-1, 1]. */
static inline tl_var weighted_sum(tl_var v, uint64_t stream)
{
	tl_rng rng = {.seed = 13, .stream = stream};
	tl_real w[NET_MAX];
	tl_shape shape = tl_var_shape(v);
	ck_assert_int_le(tl_shape_size(shape), NET_MAX);
	for (int64_t i = 0; i < tl_shape_size(shape); i++)
		w[i] = (tl_real)(2 * tl_rng_uniform(&rng) - 1);
	return tl_sum_all(tl_mul(v, tl_input(v.tape, shape, w)));
}

/* A loss to which every output and every last state counts. */
static inline tl_var result_loss(tl_rnn_result r)
{
	tl_var loss = weighted_sum(r.output, 0);
	for (int k = 0; k < r.last.n; k++)
		loss = tl_add(loss, weighted_sum(r.last.v[k], (uint64_t)k + 1));
	return loss;
}

typedef void net_compare(const char *what, tl_var got, tl_var want);

/* Two losses, and their gradients of all parameters, of x and of the initial states. */
static inline void check_gradients(const net *n, tl_var got, tl_var want, net_compare *compare)
{
	enum { MOST = 128 };
	tl_var wrt[MOST], a[MOST], b[MOST];
	int count = tl_store_count(n->store);
	ck_assert_int_le(count, MOST);
	compare("loss", got, want);
	for (int k = 0; k < count; k++)
		wrt[k] = tl_use(n->tape, tl_store_at(n->store, k));
	ck_assert_int_eq(tl_grad(got, count, wrt, a), TL_OK);
	ck_assert_int_eq(tl_grad(want, count, wrt, b), TL_OK);
	for (int k = 0; k < count; k++)
		compare(tl_store_at(n->store, k)->name, a[k], b[k]);
}

/* Two results: outputs, last states, and what they give gradients to. */
static inline void check_results(const net *n, tl_rnn_result got, tl_rnn_result want, net_compare *compare)
{
	compare("output", got.output, want.output);
	ck_assert_int_eq(got.last.n, want.last.n);
	for (int k = 0; k < want.last.n; k++)
		compare("last state", got.last.v[k], want.last.v[k]);
	check_gradients(n, result_loss(got), result_loss(want), compare);
}

/* The loss of a run; the tape is reset before. */
static inline tl_var net_loss(const net *n)
{
	tl_tape_reset(n->tape);
	return result_loss(net_run(n));
}

#endif
