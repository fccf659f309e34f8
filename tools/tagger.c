/* SPDX-License-Identifier: Apache-2.0 */
/* The task "tagger": how its data are read, what a batch and a score are. */
#include "tools/tagger.h"

#include <stdlib.h>

#include "models/chunks.h"
#include "ops/loss.h"
#include "ops/reduce.h"
#include "tools/tasks.h"

static tl_status open_part(tagger *t, int k, tl_error *err)
{
	vocab *v = t->reader.base.vocab;
	tagged *d = &t->data[k];
	tl_status status = tagged_read(d, t->tokens[k], t->tags[k], err);
	if (!status && k == TRAIN && !t->reader.base.loaded)
		status = tagged_vocab(d, &v[SYMBOLS], &v[LABELS], err);
	if (!status)
		status = tagged_encode(d, &v[SYMBOLS], &v[LABELS], err);
	if (!status)
		status = vocab_build(&t->gold[k], d->tags.v, d->tags.start[d->n], FRONT_NONE, 1, err);
	return status;
}

static tl_status tagger_open(task *base, bool training, tl_error *err)
{
	tagger *t = (tagger *)base;
	for (int k = 0; k < PARTS; k++)
		if (t->tokens[k] && open_part(t, k, err))
			return err->status;
	if (!training)
		return TL_OK;
	const sequences *tags = &t->data[TRAIN].tag_ids;
	task_digest(base, tags->ids, (size_t)tags->start[tags->n] * sizeof *tags->ids);
	return reader_learn_from(&t->reader, &t->data[TRAIN].word_ids, false, err);
}

static bool tagger_has(const task *base, int part)
{
	return ((const tagger *)base)->data[part].n > 0;
}

/* The loss of the batch that was taken, whose tags go to y, and how many of them count. */
static tl_var loss_of(reader_task *t, const sequences *tags, tl_var logits, int64_t *count)
{
	static const tl_cross_entropy_options real_words = {.has_ignore = true, .ignore_index = TAG_IGNORED};
	sequences_pad(tags, t->which, t->rows, t->steps, -1, TAG_IGNORED, t->y, NULL);
	*count = 0;
	for (int64_t i = 0; i < t->steps * t->rows; i++)
		*count += t->y[i] != TAG_IGNORED;
	return tl_cross_entropy(logits, tl_index(t->base.tape, TL_SHAPE(t->steps, t->rows), t->y), &real_words);
}

static tl_status tagger_record(task *base, int64_t k, batch_loss *loss, tl_error *err)
{
	tagger *t = (tagger *)base;
	reader_task *r = &t->reader;
	if (reader_take(r, &t->data[TRAIN].word_ids, k, err))
		return err->status;
	tl_var logits = tl_reader_tag(r->reader, reader_input(r), r->lengths, true);
	loss->mean = loss_of(r, &t->data[TRAIN].tag_ids, logits, &loss->weight);
	return TL_OK;
}

/* What is counted over a part. */
typedef struct count {
	const tagged *data;
	const vocab *labels, *gold;
	const char **names; /* of the sentence at hand: gold tags, predicted ones */
	tl_chunks chunks;
	double loss;
	int64_t known; /* words whose tags are known */
} count;

static void count_sentence(count *c, const reader_task *t, int64_t b)
{
	int64_t n = t->lengths[b];
	const token *tags = c->data->tags.v + c->data->tags.start[t->which[b]];
	const char **gold = c->names, **predicted = gold + n;
	for (int64_t i = 0; i < n; i++) {
		gold[i] = c->gold->symbols[vocab_find(c->gold, tags[i])];
		predicted[i] = c->labels->symbols[t->y[i * t->rows + b]];
	}
	tl_chunks_add(&c->chunks, n, gold, predicted);
}

static tl_status look(reader_task *t, void *ctx, tl_error *err)
{
	count *c = ctx;
	tl_real loss = 0;
	int64_t known;
	tl_var logits = tl_reader_tag(t->reader, reader_input(t), t->lengths, false);
	tl_var mean = loss_of(t, &c->data->tag_ids, logits, &known), best = tl_argmax(logits, -1);
	if (tl_eval(2, (tl_var[]){mean, best}) || tl_read(mean, &loss, 1) || tl_read_index(best, t->y, t->steps * t->rows))
		return tape_error(t->base.tape, err);
	c->loss += (double)loss * (double)known;
	c->known += known;
	const char **names = realloc(c->names, (size_t)(2 * t->steps) * sizeof *names);
	if (!names)
		return tl_error_memory(err);
	c->names = names;
	for (int64_t b = 0; b < t->rows; b++)
		count_sentence(c, t, b);
	return TL_OK;
}

static tl_status tagger_evaluate(task *base, int part, score *s, tl_error *err)
{
	tagger *t = (tagger *)base;
	count c = {.data = &t->data[part], .labels = &base->vocab[LABELS], .gold = &t->gold[part]};
	tl_status status = reader_look_at_all(&t->reader, &c.data->word_ids, look, &c, err);
	free(c.names);
	double loss = c.loss / (double)(c.known > 0 ? c.known : 1);
	/* Equal ones, as before the first chunk is right, are told apart by the loss. */
	*s = (score){.better = tl_chunks_f1(&c.chunks) + 1e-6 / (1 + loss), .tokens = c.chunks.words};
	score_add(s, "loss", loss);
	score_add(s, "f1", tl_chunks_f1(&c.chunks));
	score_add(s, "precision", tl_chunks_precision(&c.chunks));
	score_add(s, "recall", tl_chunks_recall(&c.chunks));
	score_add(s, "accuracy", tl_chunks_accuracy(&c.chunks));
	if (c.data->unseen > 0)
		score_add(s, "unknown_tags", (double)c.data->unseen);
	return status;
}

static void tagger_release(task *base)
{
	tagger *t = (tagger *)base;
	for (int k = 0; k < PARTS; k++) {
		tagged_release(&t->data[k]);
		vocab_release(&t->gold[k]);
	}
	reader_release(base);
}

const task_kind tagger_kind = {
	.name = "tagger",
	.summary = "a tag for each word of a sentence",
	.unit = "words",
	.size = sizeof(tagger),
	.train_argp = &tagger_train_argp,
	.eval_argp = &tagger_eval_argp,
	.vocabs = READER_VOCABS,
	.defaults = tagger_defaults,
	.open = tagger_open,
	.has = tagger_has,
	.build = reader_build,
	.init = reader_init,
	.modules = reader_modules,
	.config = reader_config,
	.configure = reader_configure,
	.epoch = reader_epoch,
	.record = tagger_record,
	.evaluate = tagger_evaluate,
	.release = tagger_release,
};
