/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequences of unequal lengths: sorted by length, so that the rows that still run at a step are the first
 * ones, and no step computes a row that has ended. Rows that come sorted are read where they lie; others
 * are gathered into one array without the padding, x[0] above x[1] and so on, and scattered back:
 *
 *	lengths 1, 3, 2       at t:  0        1     2
 *	order   1, 2, 0       rows:  1 2 0    1 2   1      `place` of row b at t: t B + b
 */
#include <inttypes.h>
#include <string.h>

#include "models/rnn_run.h"
#include "ops/index.h"
#include "ops/layout.h"

typedef struct ragged {
	int64_t batch, steps; /* B, and the greatest length */
	int64_t *running;     /* [steps + 1]: rows that are longer than t */
	bool sorted;
	tl_var order; /* (B) int32: the longest row first; unset where sorted */
	tl_var rank;  /* (B): where row b stands in that order */
	tl_var place; /* (sum of lengths): indices of real rows among T B */
} ragged;

static tl_var index_of(tl_tape *tape, int64_t n, int32_t *data)
{
	tl_tensor t = tl_tensor_dense(TL_I32, TL_SHAPE(n), data);
	return tl_borrow(tape, &t);
}

static bool check_lengths(tl_tape *tape, const int64_t *lengths, int64_t batch, int64_t steps)
{
	if (batch < 1)
		tl_tape_fail(tape, TL_ERR_SHAPE, "rnn: x (T, B, E) has no rows");
	if (!lengths)
		tl_tape_fail(tape, TL_ERR_ARGUMENT, "rnn: no lengths are given");
	for (int64_t b = 0; lengths && b < batch; b++)
		if (lengths[b] < 1 || lengths[b] > steps)
			tl_tape_fail(tape, TL_ERR_ARGUMENT,
				"rnn: the length of row %" PRId64 " is %" PRId64
				", it must be from 1 to T = %" PRId64,
				b, lengths[b], steps);
	if (batch > INT32_MAX / steps)
		tl_tape_fail(tape, TL_ERR_SHAPE,
			"rnn: %" PRId64 " rows of %" PRId64 " steps are more than an index can count", batch,
			steps);
	return tl_tape_status(tape) == TL_OK;
}

/* Counting sort: running[L] rows are longer than L, so the rows of length L begin there. */
static void rank_rows(ragged *r, const int64_t *lengths, int64_t *next, int32_t *rank, int32_t *order)
{
	memcpy(next, r->running, (size_t)(r->steps + 1) * sizeof *next);
	r->sorted = true;
	for (int64_t b = 0; b < r->batch; b++) {
		rank[b] = (int32_t)next[lengths[b]]++;
		order[rank[b]] = (int32_t)b;
		r->sorted = r->sorted && rank[b] == b;
	}
}

/* The indices that rows which are not sorted need. */
static bool index_rows(ragged *r, tl_tape *tape, int32_t *rank, int32_t *order)
{
	int64_t n = 0;
	for (int64_t t = 0; t < r->steps; t++)
		n += r->running[t];
	int32_t *place = tl_tape_alloc(tape, (size_t)n * sizeof *place), *at = place;
	for (int64_t t = 0; place && t < r->steps; t++)
		for (int64_t i = 0; i < r->running[t]; i++)
			*at++ = (int32_t)(t * r->batch + order[i]);
	if (place) {
		r->order = index_of(tape, r->batch, order);
		r->rank = index_of(tape, r->batch, rank);
		r->place = index_of(tape, n, place);
	}
	return tl_tape_status(tape) == TL_OK;
}

static bool sort_rows(ragged *r, tl_tape *tape, const int64_t *lengths)
{
	for (int64_t b = 0; b < r->batch; b++)
		r->steps = lengths[b] > r->steps ? lengths[b] : r->steps;
	size_t counts = (size_t)(r->steps + 1) * sizeof *r->running,
	       rows = (size_t)r->batch * sizeof(int32_t);
	int64_t *next = tl_tape_alloc(tape, counts);
	int32_t *rank = tl_tape_alloc(tape, rows), *order = tl_tape_alloc(tape, rows);
	r->running = tl_tape_alloc(tape, counts);
	if (!next || !rank || !order || !r->running)
		return false;
	memset(r->running, 0, counts);
	for (int64_t b = 0; b < r->batch; b++)
		for (int64_t t = 0; t < lengths[b]; t++)
			r->running[t]++;
	rank_rows(r, lengths, next, rank, order);
	return r->sorted || index_rows(r, tape, rank, order);
}

/* Rows of axis 1 in another order. */
static tl_var permute(tl_var v, tl_var index)
{
	static const int swap[] = {1, 0, 2};
	return tl_transpose(tl_gather(tl_transpose(v, swap), index), swap);
}

static tl_state permute_state(tl_state s, tl_var index)
{
	for (int k = 0; k < s.n; k++)
		s.v[k] = permute(s.v[k], index);
	return s;
}

/* at[t] = the rows that run at step t, of x (T, B, E). */
static void take_rows(const ragged *r, tl_var x, tl_var *at)
{
	tl_var rows = tl_gather(tl_reshape(x, TL_SHAPE(tl_dim(x, 0) * r->batch, tl_dim(x, 2))), r->place);
	int64_t first = 0;
	for (int64_t t = 0; t < r->steps; first += r->running[t++])
		at[t] = tl_slice(rows, 0, first, first + r->running[t], 1);
}

/* The reverse, with zeros in place of the padding: (T, B, H). */
static tl_var put_rows(const ragged *r, int64_t steps, const tl_var *at)
{
	int64_t hidden = tl_dim(at[0], 1);
	tl_var rows = tl_concat((int)r->steps, at, 0);
	return tl_reshape(tl_scatter_add(TL_SHAPE(steps * r->batch, hidden), r->place, rows),
		TL_SHAPE(steps, r->batch, hidden));
}

/* The same for rows that were sorted. */
static tl_var pad_rows(const ragged *r, int64_t steps, tl_var *at)
{
	for (int64_t t = 0; t < r->steps; t++)
		if (r->running[t] < r->batch)
			at[t] = tl_pad(at[t], 0, 0, r->batch - r->running[t], 0);
	tl_var output = tl_stack((int)r->steps, at, 0);
	return r->steps < steps ? tl_pad(output, 0, 0, steps - r->steps, 0) : output;
}

tl_rnn_result tl_rnn_run_ragged(
	const tl_rnn *rnn, tl_var x, const int64_t *lengths, tl_state initial, bool training)
{
	if (!tl__rnn_fits(rnn, x, 3, initial))
		return tl__rnn_failed(rnn, x.tape);
	int64_t steps = tl_dim(x, 0);
	ragged r = {.batch = tl_dim(x, 1)};
	if (!check_lengths(x.tape, lengths, r.batch, steps) || !sort_rows(&r, x.tape, lengths))
		return tl__rnn_failed(rnn, x.tape);
	tl_var *at = tl_tape_alloc(x.tape, (size_t)r.steps * sizeof *at);
	tl_rnn_result result;
	if (!at)
		return tl__rnn_failed(rnn, x.tape);
	if (r.sorted)
		tl__rnn_split(x, r.running, r.steps, at);
	else
		take_rows(&r, x, at);
	tl_state first = r.sorted ? initial : permute_state(initial, r.order);
	if (!tl__rnn_layers(rnn, r.steps, at, first, training, &result.last))
		return tl__rnn_failed(rnn, x.tape);
	result.output = r.sorted ? pad_rows(&r, steps, at) : put_rows(&r, steps, at);
	if (!r.sorted)
		result.last = permute_state(result.last, r.rank);
	return result;
}
