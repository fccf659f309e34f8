/* SPDX-License-Identifier: Apache-2.0 */
/* Composed or fused: measured. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "graph/grad.h"
#include "graph/kept.h"
#include "models/rnn_fused.h"

#define MOST 64	 /* choices that are remembered */
#define WARM 2	 /* runs before those that count: plans and primitives are made in them */
#define ROUNDS 5 /* of each, in turn; the fastest counts */

/* What makes a run's speed. Compared byte by byte: only members of 8 bytes. */
typedef struct key {
	const tl_cell *cell;
	int64_t input, hidden, project, no_bias, layers, directions, dropout, start, steps, batch, training;
} key;

typedef struct choice {
	key key;
	bool fused;
} choice;

typedef struct choices {
	choice list[MOST];
	uint64_t n; /* made; the last MOST of them are there */
} choices;

static void *create(void)
{
	return calloc(1, sizeof(choices));
}

static const tl_kept kind = {.create = create, .destroy = free};

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Runs the net, and its gradients in training; the time that it took, or a negative number on an error. */
static double run(const tl_rnn *rnn, tl_tape *tape, const tl_tensor *x, bool training)
{
	int n = rnn->options.layers * rnn->directions * rnn->count;
	double begin = seconds();
	tl_tape_reset(tape);
	tl_var in = tl_borrow(tape, x), *wrt = tl_tape_alloc(tape, (size_t)(n + 1) * sizeof *wrt);
	tl_rnn_result r = tl_rnn_run(rnn, in, (tl_state){0}, training);
	if (!wrt)
		return -1;
	int count = 0;
	for (int k = 0; k < n; k++)
		if (rnn->params[k])
			wrt[count++] = tl_use(tape, rnn->params[k]);
	wrt[count++] = in;
	tl_status status = training ? tl_grad_from(r.output, r.output, count, wrt, wrt) : TL_OK;
	if (!status)
		status = training ? tl_eval(count, wrt) : tl_eval(1, &r.output);
	return status ? -1 : seconds() - begin;
}

/* False also where memory does not do for it: steps need the least. */
static bool is_fused_faster(const tl_rnn *rnn, tl_tape *like, const tl_tensor *x, bool training)
{
	tl_rnn net[2] = {*rnn, *rnn};
	double best[2] = {-1, -1}, now = 0;
	tl_tape *tape[2] = {tl_tape_like(like), tl_tape_like(like)};
	net[0].options.impl = TL_COMPOSED;
	net[1].options.impl = TL_FUSED;
	for (int i = 0; tape[0] && tape[1] && i < WARM + ROUNDS && now >= 0; i++)
		for (int k = 0; k < 2 && now >= 0; k++) {
			now = run(&net[k], tape[k], x, training);
			if (i >= WARM && (best[k] < 0 || now < best[k]))
				best[k] = now;
		}
	tl_tape_free(tape[0]);
	tl_tape_free(tape[1]);
	return now >= 0 && best[0] >= 0 && best[1] >= 0 && best[1] < best[0];
}

static bool measure(const tl_rnn *rnn, tl_tape *tape, tl_shape shape, bool training)
{
	int64_t n = tl_shape_size(shape);
	tl_tensor x = tl_tensor_dense(TL_REAL, shape, malloc((size_t)n * sizeof(tl_real)));
	tl_real *data = x.data;
	for (int64_t i = 0; data && i < n; i++)
		data[i] = (tl_real)(i % 17) / 8 - 1;
	bool fused = data && is_fused_faster(rnn, tape, &x, training);
	free(data);
	return fused;
}

bool tl__rnn_choose(const tl_rnn *rnn, tl_tape *tape, int64_t steps, int64_t batch, bool training)
{
	const tl_rnn_options *o = &rnn->options;
	if (o->impl != TL_AUTO || tl__rnn_not_fused(o) || batch < 1)
		return o->impl == TL_FUSED;
	key k = {o->cell, o->input, o->hidden, o->project, o->no_bias, o->layers, rnn->directions, o->dropout > 0,
		o->start, steps, batch, training};
	choices *c = tl_tape_keep(tape, &kind);
	for (uint64_t i = 0; c && i < c->n && i < MOST; i++)
		if (!memcmp(&c->list[i].key, &k, sizeof k))
			return c->list[i].fused;
	if (!c)
		return false;
	tl_shape shape = o->batch_first ? TL_SHAPE(batch, steps, o->input) : TL_SHAPE(steps, batch, o->input);
	choice *to = &c->list[c->n++ % MOST];
	*to = (choice){k, measure(rnn, tape, shape, training)};
	return to->fused;
}
