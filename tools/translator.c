/* SPDX-License-Identifier: Apache-2.0 */
/* The task "translator": what a batch and a score are. */
#include "tools/translator.h"

#include <stdlib.h>

#include "tools/tasks.h"

static tl_status check_lengths(const translator *t, const bitext *b, tl_error *err)
{
	if (sentences_check_length(&b->sources, t->max_length, "--max-length", err))
		return err->status;
	return sentences_check_length(&b->targets, t->max_length, "--max-length", err);
}

static tl_status read_parts(translator *t, tl_error *err)
{
	if (t->data) {
		bitext_split split = {.rule = t->rule, .valids = t->valids, .tests = t->tests};
		return bitext_read_split(t->part, &(bitext_files){.source = t->data}, &split, err);
	}
	for (int k = 0; k < PARTS; k++)
		if (t->files[k].source && bitext_read(&t->part[k], &t->files[k], t->rule, err))
			return err->status;
	return TL_OK;
}

static int64_t longest(const sequences *q)
{
	int64_t most = 1;
	for (int64_t i = 0; i < q->n; i++)
		most = q->length[i] > most ? q->length[i] : most;
	return most;
}

static tl_status translator_open(task *base, bool training, tl_error *err)
{
	translator *t = (translator *)base;
	const bitext *train = &t->part[TRAIN];
	vocab *v = base->vocab;
	if (read_parts(t, err))
		return err->status;
	if (!base->loaded && bitext_vocab(train, t->min_count, &v[SOURCE], &v[TARGET], err))
		return err->status;
	for (int k = 0; k < PARTS; k++)
		if (t->part[k].n && (check_lengths(t, &t->part[k], err) ||
					    bitext_encode(&t->part[k], &v[SOURCE], &v[TARGET], err)))
			return err->status;
	if (!training)
		return TL_OK;
	const sequences *all[] = {&train->source_ids, &train->target_ids};
	for (int k = 0; k < 2; k++)
		task_digest(base, all[k]->ids, (size_t)all[k]->start[all[k]->n] * sizeof *all[k]->ids);
	task_digest(base, train->first, (size_t)(train->n + 1) * sizeof *train->first);
	if (!t->limit)
		t->limit = longest(&train->target_ids);
	batch_options o = {.n = train->pairs, .size = base->batch, .shuffled = true, .sorted = true,
		.length1 = train->pair_length, .length2 = train->target_ids.length};
	return batches_init(&t->order, &o, err);
}

static bool translator_has(const task *base, int part)
{
	return ((const translator *)base)->part[part].n > 0;
}

static tl_status translator_build(task *base, tl_error *err)
{
	translator *t = (translator *)base;
	const net_options *n = &t->net;
	tl_seq2seq_options o = {
		.source_symbols = base->vocab[SOURCE].n,
		.target_symbols = base->vocab[TARGET].n,
		.embed = n->embed,
		.cell = n->cell,
		.decoder_cell = t->decoder_cell,
		.hidden = n->hidden,
		.encoder_hidden = t->encoder_hidden,
		.layers = (int)n->layers,
		.decoder_layers = (int)t->decoder_layers,
		.bidirectional = n->bidirectional && !t->kernel,
		.no_bias = n->no_bias,
		.encoder_more = net_rnn(n, 0),
		.kernel = t->kernel,
		.bridge = true,
		.attention = t->attention > 0,
		.score = t->attention ? (tl_attention_score)(t->attention - 1) : 0,
		.heads = (int)t->heads,
		.attention_hidden = t->attention_hidden,
		.dropout = n->dropout,
		.own_rate = 1 - t->teacher_rate,
	};
	t->model = tl_seq2seq_new(base->store, &o, err);
	return t->model ? TL_OK : err->status;
}

static tl_status translator_init(task *base, tl_error *err)
{
	translator *t = (translator *)base;
	tl_seq2seq_init(t->model, &base->rng);
	if (!t->kernel && net_set_forget_bias(&t->net, t->model->encoder->rnn, err))
		return err->status;
	return net_set_forget_bias(&t->net, t->model->decoder, err);
}

static tl_status translator_epoch(task *base, int64_t e, tl_error *err)
{
	translator *t = (translator *)base;
	(void)err;
	t->order.options.seed = base->rng.seed;
	batches_epoch(&t->order, e);
	base->batches = t->order.count;
	return TL_OK;
}

static tl_status translator_record(task *base, int64_t k, batch_loss *loss, tl_error *err)
{
	translator *t = (translator *)base;
	int64_t rows;
	const int64_t *pairs = batches_get(&t->order, k, &rows);
	if (translator_take(t, &t->part[TRAIN], pairs, rows, err))
		return err->status;
	loss->mean = translator_loss(t, true);
	loss->weight = t->batch.tokens;
	return TL_OK;
}

static void translator_release(task *base)
{
	translator *t = (translator *)base;
	tl_seq2seq_free(t->model);
	for (int k = 0; k < PARTS; k++)
		bitext_release(&t->part[k]);
	batches_release(&t->order);
	tl_function_cache_free(t->steps);
	free(t->batch.which);
	free(t->batch.lengths);
	free(t->batch.x);
	free(t->batch.y_in);
	free(t->batch.y);
}

const task_kind translator_kind = {
	.name = "translator",
	.summary = "an encoder-decoder, of pairs of sentences",
	.unit = "target words",
	.size = sizeof(translator),
	.train_argp = &translator_train_argp,
	.eval_argp = &translator_eval_argp,
	.vocabs = {{.key = "tapeloop.source_vocabulary", .front = FRONT_CLOSED},
		{.key = "tapeloop.vocabulary", .front = FRONT_CLOSED}},
	.defaults = translator_defaults,
	.open = translator_open,
	.has = translator_has,
	.build = translator_build,
	.init = translator_init,
	.config = translator_config,
	.configure = translator_configure,
	.epoch = translator_epoch,
	.record = translator_record,
	.evaluate = translator_evaluate,
	.release = translator_release,
};
