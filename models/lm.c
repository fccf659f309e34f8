/* SPDX-License-Identifier: Apache-2.0 */
#include "models/lm.h"

#include <stdlib.h>

tl_lm *tl_lm_new(tl_store *store, const tl_lm_options *o, tl_error *err)
{
	tl_lm *lm = calloc(1, sizeof *lm);
	if (!lm) {
		tl_error_memory(err);
		return NULL;
	}
	lm->options = *o;
	if (tl_embedding_add(&lm->input, store, "embed", o->symbols, o->embed, err))
		goto failed;
	tl_rnn_options rnn = o->more;
	rnn.cell = o->cell;
	rnn.input = tl_embedding_size(&lm->input);
	rnn.hidden = o->hidden;
	rnn.layers = o->layers;
	rnn.dropout = o->dropout;
	lm->rnn = tl_rnn_new(store, "rnn", &rnn, err);
	if (lm->rnn && tl_dense_add(&lm->output, store, "out", tl_rnn_output_size(lm->rnn), o->symbols, err) == TL_OK)
		return lm;
failed:
	tl_lm_free(lm);
	return NULL;
}

void tl_lm_free(tl_lm *lm)
{
	if (lm)
		tl_rnn_free(lm->rnn);
	free(lm);
}

void tl_lm_init(tl_lm *lm, tl_rng *rng)
{
	tl_embedding_init(&lm->input, rng);
	tl_rnn_init(lm->rnn, rng);
	tl_dense_init(&lm->output, rng);
}

tl_lm_result tl_lm_run(const tl_lm *lm, tl_var symbols, tl_state initial, bool training)
{
	tl_rnn_result r = tl_rnn_run(lm->rnn, tl_embedding_run(&lm->input, symbols), initial, training);
	return (tl_lm_result){tl_dense_run(&lm->output, r.output), r.last};
}
