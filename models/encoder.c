/* SPDX-License-Identifier: Apache-2.0 */
#include "models/encoder.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "models/mask.h"
#include "ops/activation.h"
#include "ops/arith.h"
#include "ops/conv.h"
#include "ops/dropout.h"
#include "ops/layout.h"
#include "ops/reduce.h"
#include "optim/init.h"

static tl_status add_convs(tl_encoder *e, tl_store *store, const char *name, tl_error *err)
{
	const tl_encoder_options *o = &e->options;
	if (o->hidden < 1 || o->layers < 1)
		return tl_error_set(err, TL_ERR_ARGUMENT,
			"encoder: %d convolutions of %" PRId64 " columns: both must be positive", o->layers,
			o->hidden);
	if (!(e->convs = calloc((size_t)o->layers, 2 * sizeof *e->convs)))
		return tl_error_memory(err);
	for (int j = 0; j < o->layers; j++) {
		char w[256], b[256];
		snprintf(w, sizeof w, "%s.l%d.w", name, j);
		snprintf(b, sizeof b, "%s.l%d.b", name, j);
		int64_t columns = j ? o->hidden : tl_embedding_size(&e->embedding);
		if (!(e->convs[2 * j] = tl_store_add(store, w, TL_SHAPE(o->kernel, columns, o->hidden), err)) ||
			!(e->convs[2 * j + 1] = tl_store_add(store, b, TL_SHAPE(o->hidden), err)))
			return err->status;
	}
	return TL_OK;
}

static tl_status add_layers(tl_encoder *e, tl_store *store, const char *name, tl_error *err)
{
	const tl_encoder_options *o = &e->options;
	char full[256];
	snprintf(full, sizeof full, "%s.embed", name);
	if (tl_embedding_add(&e->embedding, store, full, o->symbols, o->embed, err))
		return err->status;
	if (o->kernel > 0)
		return add_convs(e, store, name, err);
	tl_rnn_options rnn = o->more;
	rnn.cell = o->cell;
	rnn.input = tl_embedding_size(&e->embedding);
	rnn.hidden = o->hidden;
	rnn.layers = o->layers;
	rnn.dropout = o->dropout;
	rnn.bidirectional = o->bidirectional;
	e->rnn = tl_rnn_new(store, name, &rnn, err);
	return e->rnn ? TL_OK : err->status;
}

tl_encoder *tl_encoder_new(tl_store *store, const char *name, const tl_encoder_options *options, tl_error *err)
{
	tl_encoder_options o = *options;
	o.layers = o.layers ? o.layers : 1;
	if (o.kernel < 0 || !(o.dropout >= 0 && o.dropout < 1)) {
		tl_error_set(err, TL_ERR_ARGUMENT, "encoder: a kernel of %" PRId64 " or dropout %g is out of range",
			o.kernel, o.dropout);
		return NULL;
	}
	tl_encoder *e = calloc(1, sizeof *e);
	if (!e) {
		tl_error_memory(err);
		return NULL;
	}
	e->options = o;
	if (add_layers(e, store, name, err)) {
		tl_encoder_free(e);
		return NULL;
	}
	return e;
}

void tl_encoder_free(tl_encoder *e)
{
	if (e) {
		tl_rnn_free(e->rnn);
		free(e->convs);
	}
	free(e);
}

void tl_encoder_init(tl_encoder *e, tl_rng *rng)
{
	if (!e)
		return;
	tl_embedding_init(&e->embedding, rng);
	tl_rnn_init(e->rnn, rng);
	for (int j = 0; e->convs && j < e->options.layers; j++) {
		tl_shape s = e->convs[2 * j]->value.shape;
		double bound = 1 / sqrt((double)(s.dim[0] * s.dim[1]));
		tl_init_uniform(e->convs[2 * j], rng, -bound, bound);
		tl_init_uniform(e->convs[2 * j + 1], rng, -bound, bound);
	}
}

int64_t tl_encoder_size(const tl_encoder *e)
{
	return e->rnn ? tl_rnn_output_size(e->rnn) : e->options.hidden;
}

int tl_encoder_states(const tl_encoder *e)
{
	return e->rnn ? e->rnn->options.cell->states : 1;
}

int tl_encoder_layers(const tl_encoder *e)
{
	return e->rnn ? e->options.layers : 1;
}

int64_t tl_encoder_state_size(const tl_encoder *e, int k)
{
	return e->rnn ? e->rnn->directions * tl_rnn_state_shape(e->rnn, k, 1).dim[2] : e->options.hidden;
}

/* A net's states (layers*D, B, H) as (layers, B, D*H). */
static tl_state join_directions(const tl_rnn *rnn, tl_state s)
{
	static const int rows_out[] = {0, 2, 1, 3};
	if (rnn->directions == 1)
		return s;
	for (int k = 0; k < s.n; k++) {
		int64_t layers = rnn->options.layers, batch = tl_dim(s.v[k], 1), size = tl_dim(s.v[k], 2);
		tl_var v = tl_transpose(tl_reshape(s.v[k], TL_SHAPE(layers, 2, batch, size)), rows_out);
		s.v[k] = tl_reshape(v, TL_SHAPE(layers, batch, 2 * size));
	}
	return s;
}

/* The mean of m (S, B, H) over each row's own length; 0 for a row of none. */
static tl_var mean_over(tl_var m, const int64_t *lengths)
{
	if (!lengths)
		return tl_mean(m, TL_AXES(0), false);
	int64_t batch = tl_dim(m, 1);
	tl_real *share = tl_tape_alloc(m.tape, (size_t)batch * sizeof *share);
	for (int64_t b = 0; share && b < batch; b++)
		share[b] = (tl_real)(lengths[b] > 0 ? 1.0 / (double)lengths[b] : 0);
	if (!share)
		return (tl_var){m.tape, 0, m.generation};
	tl_tensor t = tl_tensor_dense(TL_REAL, TL_SHAPE(batch, 1), share);
	tl_var each = tl_borrow(m.tape, &t);
	return tl_mul(tl_sum(m, TL_AXES(0), false), each);
}

static tl_encoded run_convs(const tl_encoder *e, tl_var x, const int64_t *lengths, double dropout)
{
	tl_var mask = {0};
	if (lengths)
		mask = tl_length_mask(x.tape, tl_dim(x, 0), tl_dim(x, 1), lengths);
	x = tl_masked(x, mask);
	for (int j = 0; j < e->options.layers; j++) {
		tl_scope_begin(x.tape, "layer", j);
		tl_var w = tl_use(x.tape, e->convs[2 * j]), b = tl_use(x.tape, e->convs[2 * j + 1]);
		x = tl_tanh(tl_conv1d(
			j ? tl_dropout(x, dropout) : x, w, b, &(tl_conv1d_options){.padding = TL_CONV_SAME}));
		x = tl_name(tl_masked(x, mask), "output");
		tl_scope_end(x.tape);
	}
	return (tl_encoded){x, tl_state1(tl_unsqueeze(mean_over(x, lengths), 0))};
}

tl_encoded tl_encoder_run(const tl_encoder *e, tl_var symbols, const int64_t *lengths, bool training)
{
	if (!e && symbols.tape)
		tl_tape_fail(symbols.tape, TL_ERR_ARGUMENT,
			"encoder: there is none: tl_encoder_new returned NULL, and its error says why");
	if (!e || !symbols.tape)
		return (tl_encoded){symbols, tl_state1(symbols)};
	double dropout = training ? e->options.dropout : 0;
	if (tl_ok(symbols) && tl_var_shape(symbols).axes != 2)
		symbols = tl_tape_fail(symbols.tape, TL_ERR_SHAPE, "encoder: symbols must have two axes, (S, B)");
	tl_scope_begin(symbols.tape, "encoder", -1);
	lengths = tl_lengths_unless_full(lengths, tl_dim(symbols, 0), tl_dim(symbols, 1));
	tl_var x = tl_dropout(tl_embedding_run(&e->embedding, symbols), dropout);
	tl_encoded result;
	if (e->rnn) {
		tl_rnn_result r = lengths ? tl_rnn_run_ragged(e->rnn, x, lengths, (tl_state){0}, training)
					  : tl_rnn_run(e->rnn, x, (tl_state){0}, training);
		result = (tl_encoded){r.output, join_directions(e->rnn, r.last)};
	} else {
		result = run_convs(e, x, lengths, dropout);
	}
	tl_scope_end(symbols.tape);
	return result;
}
