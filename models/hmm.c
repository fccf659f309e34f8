/* SPDX-License-Identifier: Apache-2.0 */
#include "models/hmm.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "ops/index.h"
#include "ops/layout.h"
#include "ops/math.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/select.h"
#include "ops/softmax.h"
#include "optim/init.h"

#define LEAST 1e-37 /* a normal float */

tl_hmm *tl_hmm_new(tl_store *store, const tl_hmm_options *o, tl_error *err)
{
	tl_hmm *m = calloc(1, sizeof *m);
	if (!m) {
		tl_error_memory(err);
		return NULL;
	}
	m->options = *o;
	if (o->states < 1 || o->symbols < 1)
		tl_error_set(err, TL_ERR_ARGUMENT, "hmm: %" PRId64 " states and %" PRId64 " symbols must be positive",
			o->states, o->symbols);
	else if ((m->start = tl_store_add(store, "start", TL_SHAPE(o->states), err)) &&
		(m->transition = tl_store_add(store, "transition", TL_SHAPE(o->states, o->states), err)) &&
		(m->emission = tl_store_add(store, "emission", TL_SHAPE(o->states, o->symbols), err)))
		return m;
	tl_hmm_free(m);
	return NULL;
}

void tl_hmm_free(tl_hmm *m)
{
	free(m);
}

void tl_hmm_init(tl_hmm *m, tl_rng *rng)
{
	tl_init_normal(m->start, rng, 0, 1);
	tl_init_normal(m->transition, rng, 0, 1);
	tl_init_normal(m->emission, rng, 0, 1);
}

static tl_var safe_log(tl_var p)
{
	return tl_log(tl_clamp(p, LEAST, INFINITY));
}

/* Before each step t: joint[t] (B, S) = log p(z_t, x_t | x_1..x_{t-1}); next[t] = q_{t+1}. */
static bool recur(const tl_hmm *m, tl_var symbols, tl_state initial, tl_var *joint, tl_var *next)
{
	tl_tape *tape = symbols.tape;
	int64_t steps = tl_dim(symbols, 0), batch = tl_dim(symbols, 1);
	tl_var a = tl_name(tl_softmax(tl_use(tape, m->transition), -1), "A");
	tl_var log_b = tl_log_softmax(tl_use(tape, m->emission), -1);
	tl_var e = tl_gather(tl_t(log_b), symbols);
	tl_var q = initial.n ? tl_select(initial.v[0], 0, 0)
			     : tl_broadcast(tl_softmax(tl_use(tape, m->start), -1), TL_SHAPE(batch, m->options.states));
	for (int64_t t = 0; t < steps && tl_ok(q); t++) {
		tl_scope_begin(tape, "t", t);
		tl_var emitted = tl_select(e, 0, t);
		joint[t] = tl_add(safe_log(q), emitted);
		q = next[t] = tl_matmul(tl_name(tl_softmax(joint[t], -1), "state"), a);
		tl_scope_end(tape);
	}
	return tl_ok(q);
}

/* Arrays for T steps; T and B are checked. */
static bool prepare(tl_var symbols, tl_var **joint, tl_var **next)
{
	tl_shape s = tl_var_shape(symbols);
	char text[TL_SHAPE_TEXT];
	if (!tl_ok(symbols)) {
		tl_detach(symbols); /* reports why */
		return false;
	}
	if (s.axes != 2 || s.dim[0] < 1) {
		tl_tape_fail(symbols.tape, TL_ERR_SHAPE, "hmm: symbols have shape %s, (T, B), T > 0, is needed",
			tl_shape_text(s, text));
		return false;
	}
	*joint = tl_tape_alloc(symbols.tape, (size_t)s.dim[0] * sizeof **joint);
	*next = tl_tape_alloc(symbols.tape, (size_t)s.dim[0] * sizeof **next);
	return *joint && *next;
}

/* A variable that has failed, on this tape, where the reason stands. */
static tl_var failed(tl_tape *tape)
{
	return tape ? tl_tape_fail(tape, TL_ERR_ARGUMENT, "hmm: failed") : (tl_var){0};
}

tl_var tl_hmm_log_likelihood(const tl_hmm *m, tl_var symbols)
{
	tl_var *joint, *next;
	if (!prepare(symbols, &joint, &next) || !recur(m, symbols, (tl_state){0}, joint, next))
		return failed(symbols.tape);
	tl_var all = tl_stack((int)tl_dim(symbols, 0), joint, 0);
	return tl_sum(tl_logsumexp(all, TL_AXES(-1), false), TL_AXES(0), false);
}

tl_lm_result tl_hmm_run(const tl_hmm *m, tl_var symbols, tl_state initial)
{
	tl_var *joint, *next;
	if (!prepare(symbols, &joint, &next) || !recur(m, symbols, initial, joint, next))
		return (tl_lm_result){failed(symbols.tape), tl_state1(failed(symbols.tape))};
	int64_t steps = tl_dim(symbols, 0);
	tl_var b = tl_name(tl_softmax(tl_use(symbols.tape, m->emission), -1), "B");
	tl_var logits = safe_log(tl_matmul(tl_stack((int)steps, next, 0), b));
	return (tl_lm_result){logits, tl_state1(tl_unsqueeze(next[steps - 1], 0))};
}
