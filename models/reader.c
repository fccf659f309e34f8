/* SPDX-License-Identifier: Apache-2.0 */
#include "models/reader.h"

#include <stdlib.h>

#include "ops/dropout.h"

tl_reader *tl_reader_new(tl_store *store, const tl_reader_options *o, tl_error *err)
{
	tl_reader *m = calloc(1, sizeof *m);
	if (!m) {
		tl_error_memory(err);
		return NULL;
	}
	m->options = *o;
	if (o->symbols != 0 && tl_embedding_add(&m->input, store, "embed", o->symbols, o->embed, err))
		goto failed;
	m->options.rnn.input = o->symbols != 0 ? tl_embedding_size(&m->input) : o->embed;
	m->options.rnn.batch_first = false;
	m->rnn = tl_rnn_new(store, "rnn", &m->options.rnn, err);
	if (m->rnn && tl_dense_add(&m->output, store, "out", tl_rnn_output_size(m->rnn), o->labels, err) == TL_OK)
		return m;
failed:
	tl_reader_free(m);
	return NULL;
}

void tl_reader_free(tl_reader *m)
{
	if (m)
		tl_rnn_free(m->rnn);
	free(m);
}

void tl_reader_init(tl_reader *m, tl_rng *rng)
{
	if (m->options.symbols != 0)
		tl_embedding_init(&m->input, rng);
	tl_rnn_init(m->rnn, rng);
	tl_dense_init(&m->output, rng);
}

static tl_rnn_result read(const tl_reader *m, tl_var x, const int64_t *lengths, bool training)
{
	if (m->options.symbols != 0)
		x = tl_dropout(tl_embedding_run(&m->input, x), training ? m->options.dropout : 0);
	return lengths ? tl_rnn_run_ragged(m->rnn, x, lengths, (tl_state){0}, training)
		       : tl_rnn_run(m->rnn, x, (tl_state){0}, training);
}

static tl_var label(const tl_reader *m, tl_var y, bool training)
{
	return tl_dense_run(&m->output, tl_dropout(y, training ? m->options.dropout : 0));
}

tl_var tl_reader_tag(const tl_reader *m, tl_var x, const int64_t *lengths, bool training)
{
	return label(m, read(m, x, lengths, training).output, training);
}

tl_var tl_reader_classify(
	const tl_reader *m, tl_var x, const int64_t *lengths, tl_pool_rule pool, bool training)
{
	tl_rnn_result r = read(m, x, lengths, training);
	return label(m, tl_pool_over_time(r.output, lengths, pool, m->rnn->directions), training);
}
