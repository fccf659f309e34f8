/* SPDX-License-Identifier: Apache-2.0 */
/* The model and its parameters; what it records stands in seq2seq_run.c. */
#include "models/seq2seq.h"

#include <inttypes.h>
#include <stdlib.h>

static void fill_defaults(tl_seq2seq_options *o)
{
	o->decoder_cell = o->decoder_cell ? o->decoder_cell : o->cell;
	o->encoder_hidden = o->encoder_hidden ? o->encoder_hidden : o->hidden;
	o->layers = o->layers ? o->layers : 1;
	o->decoder_layers = o->decoder_layers ? o->decoder_layers : o->layers;
	o->heads = o->heads ? o->heads : 1;
}

static tl_status check_options(const tl_seq2seq_options *o, tl_error *err)
{
	if (o->source_symbols < 1 || o->target_symbols < 1)
		return tl_error_set(err, TL_ERR_ARGUMENT,
			"seq2seq: vocabularies of %" PRId64 " and %" PRId64 " symbols are too small",
			o->source_symbols, o->target_symbols);
	if (!(o->own_rate >= 0 && o->own_rate <= 1))
		return tl_error_set(err, TL_ERR_ARGUMENT, "seq2seq: own_rate %g is not in [0, 1]", o->own_rate);
	return TL_OK;
}

static tl_status add_encoder(tl_seq2seq *m, tl_store *store, tl_error *err)
{
	const tl_seq2seq_options *o = &m->options;
	tl_encoder_options encoder = {
		.symbols = o->source_symbols,
		.embed = o->embed,
		.cell = o->cell,
		.hidden = o->encoder_hidden,
		.layers = o->layers,
		.bidirectional = o->bidirectional,
		.kernel = o->kernel,
		.dropout = o->dropout,
		.more = o->encoder_more,
	};
	encoder.more.no_bias = encoder.more.no_bias || o->no_bias;
	m->encoder = tl_encoder_new(store, "encoder", &encoder, err);
	return m->encoder ? TL_OK : err->status;
}

static tl_status add_attention(tl_seq2seq *m, tl_store *store, tl_error *err)
{
	const tl_seq2seq_options *o = &m->options;
	tl_attention_options attention = {
		.score = o->score,
		.query = o->hidden,
		.key = tl_encoder_size(m->encoder),
		.hidden = o->attention_hidden,
		.heads = o->heads,
	};
	if (!o->attention)
		return TL_OK;
	m->attention = tl_attention_new(store, "attention", &attention, err);
	return m->attention ? TL_OK : err->status;
}

/* Columns of what the decoder sees of the source. */
static int64_t context_size(const tl_seq2seq *m)
{
	return m->attention ? tl_attention_size(m->attention) : 0;
}

static tl_status add_decoder(tl_seq2seq *m, tl_store *store, tl_error *err)
{
	const tl_seq2seq_options *o = &m->options;
	if (tl_embedding_add(&m->target, store, "target", o->target_symbols, o->embed, err) ||
		add_attention(m, store, err))
		return err->status;
	tl_rnn_options decoder = {
		.cell = o->decoder_cell,
		.input = tl_embedding_size(&m->target) + context_size(m),
		.hidden = o->hidden,
		.layers = o->decoder_layers,
		.dropout = o->dropout,
		.no_bias = o->no_bias,
	};
	if (!(m->decoder = tl_rnn_new(store, "decoder", &decoder, err)) ||
		tl_bridge_add(&m->bridge, store, "bridge", m->encoder, m->decoder, o->bridge, err))
		return err->status;
	int64_t features = tl_rnn_output_size(m->decoder) + context_size(m);
	return tl_dense_add(&m->out, store, "out", features, o->target_symbols, err);
}

tl_seq2seq *tl_seq2seq_new(tl_store *store, const tl_seq2seq_options *options, tl_error *err)
{
	tl_seq2seq_options o = *options;
	fill_defaults(&o);
	if (check_options(&o, err))
		return NULL;
	tl_seq2seq *m = calloc(1, sizeof *m);
	if (!m) {
		tl_error_memory(err);
		return NULL;
	}
	m->options = o;
	if (add_encoder(m, store, err) || add_decoder(m, store, err)) {
		tl_seq2seq_free(m);
		return NULL;
	}
	return m;
}

void tl_seq2seq_free(tl_seq2seq *m)
{
	if (m) {
		tl_encoder_free(m->encoder);
		tl_bridge_release(&m->bridge);
		tl_attention_free(m->attention);
		tl_rnn_free(m->decoder);
	}
	free(m);
}

void tl_seq2seq_init(tl_seq2seq *m, tl_rng *rng)
{
	if (!m)
		return;
	tl_encoder_init(m->encoder, rng);
	tl_bridge_init(&m->bridge, rng);
	tl_embedding_init(&m->target, rng);
	tl_attention_init(m->attention, rng);
	tl_rnn_init(m->decoder, rng);
	tl_dense_init(&m->out, rng);
}
