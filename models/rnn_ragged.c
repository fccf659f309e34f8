/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequences of unequal lengths: sorted by length, so that the rows that still run at a step are the first
 * ones, and no step computes a row that has ended. Rows that come sorted are read where they lie; others
 * are gathered into one array without the padding, x[0] above x[1] and so on, and scattered back:
 *
 *	lengths 1, 3, 2       at t:  0        1     2
 *	order   1, 2, 0       rows:  1 2 0    1 2   1      `place` of row b at t: t B + b, batch first: b T + t
 *
 * Row i of those that run at t is packed row first[t] + i; in reverse that is first[length_i - 1 - t] + i.
 */
#include <inttypes.h>
#include <string.h>

#include "models/rnn_run.h"
#include "ops/index.h"
#include "ops/layout.h"

typedef struct ragged {
	int64_t batch, total, steps; /* B, T, and the greatest length */
	bool batch_first;
	int64_t *running; /* [steps + 1]: rows that are longer than t */
	int64_t *first;   /* [steps + 1]: packed rows before those of step t */
	int32_t *order;   /* [B]: the longest row first */
	int32_t *rank;    /* [B]: where row b stands in that order */
	bool sorted;
	tl_var place; /* (n): where packed rows stand among all T B; unset where it is not needed */
} ragged;

static tl_var index_of(tl_tape *tape, int64_t n, int32_t *data)
{
	tl_tensor t = tl_tensor_dense(TL_I32, TL_SHAPE(n), data);
	return tl_borrow(tape, &t);
}

static bool check_lengths(tl_tape *tape, const int64_t *lengths, int64_t batch, int64_t steps)
{
	if (batch < 1)
		tl_tape_fail(tape, TL_ERR_SHAPE, "rnn: x has no rows");
	if (!lengths)
		tl_tape_fail(tape, TL_ERR_ARGUMENT, "rnn: no lengths are given");
	for (int64_t b = 0; lengths && b < batch; b++)
		if (lengths[b] < 0 || lengths[b] > steps)
			tl_tape_fail(tape, TL_ERR_ARGUMENT,
				"rnn: the length of row %" PRId64 " is %" PRId64
				", it must be from 0 to T = %" PRId64,
				b, lengths[b], steps);
	if (batch > INT32_MAX / steps)
		tl_tape_fail(tape, TL_ERR_SHAPE,
			"rnn: %" PRId64 " rows of %" PRId64 " steps are more than an index can count", batch,
			steps);
	return tl_tape_status(tape) == TL_OK;
}

/* Counting sort: running[L] rows are longer than L, so the rows of length L begin there. */
static void rank_rows(ragged *r, const int64_t *lengths, int64_t *next)
{
	memcpy(next, r->running, (size_t)(r->steps + 1) * sizeof *next);
	r->sorted = true;
	for (int64_t b = 0; b < r->batch; b++) {
		r->rank[b] = (int32_t)next[lengths[b]]++;
		r->order[r->rank[b]] = (int32_t)b;
		r->sorted = r->sorted && r->rank[b] == b;
	}
}

static bool sort_rows(ragged *r, tl_tape *tape, const int64_t *lengths)
{
	for (int64_t b = 0; b < r->batch; b++)
		r->steps = lengths[b] > r->steps ? lengths[b] : r->steps;
	size_t counts = (size_t)(r->steps + 1) * sizeof *r->running,
	       rows = (size_t)r->batch * sizeof(int32_t);
	int64_t *next = tl_tape_alloc(tape, counts);
	r->running = tl_tape_alloc(tape, counts);
	r->first = tl_tape_alloc(tape, counts);
	r->order = tl_tape_alloc(tape, rows);
	r->rank = tl_tape_alloc(tape, rows);
	if (!next || !r->running || !r->first || !r->order || !r->rank)
		return false;
	memset(r->running, 0, counts);
	for (int64_t b = 0; b < r->batch; b++)
		for (int64_t t = 0; t < lengths[b]; t++)
			r->running[t]++;
	r->first[0] = 0;
	for (int64_t t = 0; t < r->steps; t++)
		r->first[t + 1] = r->first[t] + r->running[t];
	rank_rows(r, lengths, next);
	return true;
}

/* For each packed row its place in x or its number; with lengths those of the row that it is in reverse. */
static tl_var index_rows(const ragged *r, tl_tape *tape, const int64_t *lengths, bool packed)
{
	int64_t n = r->first[r->steps];
	int32_t *index = tl_tape_alloc(tape, (size_t)n * sizeof *index), *at = index;
	for (int64_t t = 0; index && t < r->steps; t++)
		for (int64_t i = 0; i < r->running[t]; i++) {
			int64_t b = r->order[i], step = lengths ? lengths[b] - 1 - t : t;
			int64_t in_x = r->batch_first ? b * r->total + step : step * r->batch + b;
			*at++ = (int32_t)(packed ? r->first[step] + i : in_x);
		}
	return index ? index_of(tape, n, index) : (tl_var){0};
}

/* Rows of axis 1 in another order. */
static tl_var permute(tl_var v, tl_var index)
{
	static const int swap[] = {1, 0, 2};
	return tl_transpose(tl_gather(tl_transpose(v, swap), index), swap);
}

static tl_state permute_state(const ragged *r, tl_state s, int32_t *order)
{
	if (s.n == 0 || r->sorted)
		return s;
	tl_var index = index_of(s.v[0].tape, r->batch, order);
	for (int k = 0; k < s.n; k++)
		s.v[k] = permute(s.v[k], index);
	return s;
}

/* What the layers read: from x where it lies, or gathered. */
static void take_rows(ragged *r, tl_var x, const int64_t *lengths, bool both_directions, tl__flow *f)
{
	bool moved = !r->sorted || r->batch_first;
	tl_var rows = tl_reshape(x, TL_SHAPE(r->total * r->batch, tl_dim(x, 2)));
	if (moved || both_directions)
		r->place = index_rows(r, x.tape, NULL, false);
	if (moved)
		tl__rnn_cut(f, tl_gather(rows, r->place), f->at);
	for (int64_t t = 0; t < r->steps && !moved; t++) {
		tl_scope_begin(x.tape, "t", t);
		f->at[t] = tl_select(x, 0, t);
		if (r->running[t] < r->batch)
			f->at[t] = tl_slice(f->at[t], 0, 0, r->running[t], 1);
		tl_scope_end(x.tape);
	}
	if (both_directions) {
		f->index = index_rows(r, x.tape, lengths, true);
		f->reversed = tl_gather(rows, index_rows(r, x.tape, lengths, false));
	}
}

/* Packed rows at their places, with zeros for the padding: (T, B, H) or (B, T, H). */
static tl_var put_rows(const ragged *r, tl_var rows)
{
	int64_t size = tl_dim(rows, 1);
	tl_var all = tl_scatter_add(TL_SHAPE(r->total * r->batch, size), r->place, rows);
	return tl_reshape(
		all, r->batch_first ? TL_SHAPE(r->batch, r->total, size) : TL_SHAPE(r->total, r->batch, size));
}

/* The same for the steps of rows that were sorted. */
static tl_var pad_rows(const ragged *r, tl_var *at)
{
	for (int64_t t = 0; t < r->steps; t++)
		if (r->running[t] < r->batch)
			at[t] = tl_pad(at[t], 0, 0, r->batch - r->running[t], 0);
	tl_var output = tl_stack((int)r->steps, at, 0);
	return r->steps < r->total ? tl_pad(output, 0, 0, r->total - r->steps, 0) : output;
}

static tl_var output_of(const tl_rnn *rnn, const ragged *r, const tl__flow *f)
{
	if (r->steps == 0) {
		int64_t size = tl_rnn_output_size(rnn);
		return tl_fill(f->tape,
			r->batch_first ? TL_SHAPE(r->batch, r->total, size) : TL_SHAPE(r->total, r->batch, size), 0);
	}
	if (f->all.tape)
		return put_rows(r, f->all);
	return r->place.tape ? put_rows(r, tl_concat((int)r->steps, f->at, 0)) : pad_rows(r, f->at);
}

tl_rnn_result tl_rnn_run_ragged(
	const tl_rnn *rnn, tl_var x, const int64_t *lengths, tl_state initial, bool training)
{
	if (!tl__rnn_fits(rnn, x, 3, initial))
		return tl__rnn_failed(rnn, x.tape);
	if (rnn->options.impl == TL_FUSED)
		tl_tape_fail(x.tape, TL_ERR_ARGUMENT,
			"rnn: rows of unequal lengths cannot be fused: impl must be composed, or auto");
	bool batch_first = rnn->options.batch_first;
	ragged r = {.batch = tl_dim(x, !batch_first), .total = tl_dim(x, batch_first), .batch_first = batch_first};
	if (!check_lengths(x.tape, lengths, r.batch, r.total) || !sort_rows(&r, x.tape, lengths))
		return tl__rnn_failed(rnn, x.tape);
	tl__flow f = {.tape = x.tape, .batch = r.batch, .steps = r.steps, .running = r.running};
	f.at = tl_tape_alloc(x.tape, (size_t)(r.steps + 1) * sizeof *f.at);
	if (!f.at)
		return tl__rnn_failed(rnn, x.tape);
	tl_scope_begin(x.tape, "layer", 0);
	if (r.steps > 0)
		take_rows(&r, x, lengths, rnn->directions > 1, &f);
	tl_scope_end(x.tape);
	tl_rnn_result result;
	if (!tl__rnn_layers(rnn, &f, permute_state(&r, initial, r.order), training, &result.last))
		return tl__rnn_failed(rnn, x.tape);
	result.output = output_of(rnn, &r, &f);
	result.last = permute_state(&r, result.last, r.rank);
	return result;
}
