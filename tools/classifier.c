/* SPDX-License-Identifier: Apache-2.0 */
/* The task "classifier": how its data are read, what a batch and a score are. */
#include "tools/classifier.h"

#include "models/classes.h"
#include "ops/loss.h"
#include "ops/reduce.h"
#include "tools/tasks.h"

static tl_status open_part(classifier *t, int k, tl_error *err)
{
	vocab *v = t->reader.base.vocab;
	labelled *d = &t->data[k];
	tl_status status = labelled_read(d, t->paths[k], t->unit, err);
	if (!status && k == TRAIN && !t->reader.base.loaded)
		status = labelled_vocab(d, t->min_count, &v[SYMBOLS], &v[LABELS], err);
	return status ? status : labelled_encode(d, &v[SYMBOLS], &v[LABELS], err);
}

static tl_status classifier_open(task *base, bool training, tl_error *err)
{
	classifier *t = (classifier *)base;
	if (t->unit == WORDS_CHAR)
		base->unit = "characters";
	for (int k = 0; k < PARTS; k++)
		if (t->paths[k] && open_part(t, k, err))
			return err->status;
	if (!training)
		return TL_OK;
	const labelled *d = &t->data[TRAIN];
	task_digest(base, d->label_ids.ids, (size_t)d->n * sizeof *d->label_ids.ids);
	return reader_learn_from(&t->reader, &d->ids, true, err);
}

static bool classifier_has(const task *base, int part)
{
	return ((const classifier *)base)->data[part].n > 0;
}

tl_var classifier_logits(const classifier *t, bool training)
{
	const reader_task *r = &t->reader;
	return tl_reader_classify(r->reader, reader_input(r), r->lengths, t->pool, training);
}

/* The mean loss of the batch that was taken, whose labels go to y. */
static tl_var loss_of(classifier *t, const labelled *d, tl_var logits)
{
	reader_task *r = &t->reader;
	for (int64_t b = 0; b < r->rows; b++)
		r->y[b] = d->label_ids.ids[r->which[b]];
	return tl_cross_entropy(logits, tl_index(r->base.tape, TL_SHAPE(r->rows), r->y), NULL);
}

static int64_t symbols_of(const reader_task *t)
{
	int64_t n = 0;
	for (int64_t b = 0; b < t->rows; b++)
		n += t->lengths[b];
	return n;
}

static tl_status classifier_record(task *base, int64_t k, batch_loss *loss, tl_error *err)
{
	classifier *t = (classifier *)base;
	if (reader_take(&t->reader, &t->data[TRAIN].ids, k, err))
		return err->status;
	loss->mean = loss_of(t, &t->data[TRAIN], classifier_logits(t, true));
	loss->weight = t->reader.rows;
	loss->tokens = symbols_of(&t->reader);
	return TL_OK;
}

/* What is counted over a part. */
typedef struct count {
	const labelled *data;
	tl_classes *classes;
	double loss;
	int64_t symbols;
} count;

static tl_status look(reader_task *r, void *ctx, tl_error *err)
{
	count *c = ctx;
	classifier *t = (classifier *)r;
	tl_real loss = 0;
	tl_var logits = classifier_logits(t, false);
	tl_var mean = loss_of(t, c->data, logits), best = tl_argmax(logits, -1);
	int32_t *predicted = tl_tape_alloc(r->base.tape, (size_t)r->rows * sizeof *predicted);
	if (!predicted || tl_eval(2, (tl_var[]){mean, best}) || tl_read(mean, &loss, 1) ||
		tl_read_index(best, predicted, r->rows))
		return tape_error(r->base.tape, err);
	c->loss += (double)loss * (double)r->rows;
	c->symbols += symbols_of(r);
	return tl_classes_add(c->classes, r->rows, r->y, predicted, err);
}

static tl_status classifier_evaluate(task *base, int part, score *s, tl_error *err)
{
	classifier *t = (classifier *)base;
	count c = {.data = &t->data[part], .classes = tl_classes_new(base->vocab[LABELS].n, err)};
	if (!c.classes || reader_look_at_all(&t->reader, &c.data->ids, look, &c, err)) {
		tl_classes_free(c.classes);
		return err->status;
	}
	double loss = c.loss / (double)c.data->n;
	/* Right answers, and among equals the smaller loss, which adds less than one. */
	*s = (score){.better = (double)c.classes->right + 1 / (1 + loss), .tokens = c.symbols};
	score_add(s, "loss", loss);
	score_add(s, "accuracy", 100 * tl_classes_accuracy(c.classes));
	score_add(s, "macro_f1", 100 * tl_classes_macro_f1(c.classes));
	tl_classes_free(c.classes);
	return TL_OK;
}

static void classifier_release(task *base)
{
	for (int k = 0; k < PARTS; k++)
		labelled_release(&((classifier *)base)->data[k]);
	reader_release(base);
}

const task_kind classifier_kind = {
	.name = "classifier",
	.summary = "a label for a text",
	.unit = "words",
	.size = sizeof(classifier),
	.train_argp = &classifier_train_argp,
	.eval_argp = &classifier_eval_argp,
	.vocabs = READER_VOCABS,
	.defaults = classifier_defaults,
	.open = classifier_open,
	.has = classifier_has,
	.build = reader_build,
	.init = reader_init,
	.modules = reader_modules,
	.config = classifier_config,
	.configure = classifier_configure,
	.epoch = reader_epoch,
	.record = classifier_record,
	.evaluate = classifier_evaluate,
	.release = classifier_release,
};
