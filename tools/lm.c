/* SPDX-License-Identifier: Apache-2.0 */
/* Language models: how the text is read, what a batch and a score are. */
#include "tools/lm.h"

#include <stdlib.h>
#include <string.h>

#include "models/perplexity.h"
#include "ops/loss.h"
#include "tools/lm_options.h"
#include "tools/model_file.h"
#include "tools/tasks.h"

#define CHUNK 1024 /* tokens evaluated on one tape */

static tl_status lm_open(task *base, bool training, tl_error *err)
{
	lm_task *t = (lm_task *)base;
	if (t->text.unit == UNIT_WORD)
		base->unit = "words";
	if (!t->text.path)
		return tl_error_set(err, TL_ERR_ARGUMENT, "the model does not name its text: give --data FILE");
	tl_error why = {0};
	if (corpus_read(&t->corpus, &t->text, &base->vocab[0], &why)) {
		bool gone = base->loaded && !t->other && why.status == TL_ERR_IO;
		return tl_error_set(err, why.status, "%s%.500s%s", gone ? "the text that the model was trained on: " : "",
			why.text, gone ? "; name it with --data FILE" : "");
	}
	const corpus *c = &t->corpus;
	if (!training && c->size[TRAIN] < 2 && c->size[VALID] < 2 && c->size[TEST] < 2)
		return tl_error_set(err, TL_ERR_SHAPE, "%s: no part holds two symbols to predict one from the other",
			t->text.path);
	if (!training)
		return TL_OK;
	task_digest(base, c->ids, (size_t)c->n * sizeof *c->ids);
	char name[512];
	snprintf(name, sizeof name, "%.400s: the training part", t->text.path);
	int64_t most = t->shift ? t->length : 0; /* the latest start has the fewest tokens */
	if (windows_init(&t->windows, name, c->part[TRAIN], c->size[TRAIN] - most, base->batch, t->length, err))
		return err->status;
	t->xy = malloc((size_t)(2 * base->batch * t->length) * sizeof *t->xy);
	return t->xy ? TL_OK : tl_error_memory(err);
}

static bool lm_has(const task *base, int part)
{
	return ((const lm_task *)base)->corpus.size[part] > 1;
}

static tl_status lm_build(task *base, tl_error *err)
{
	lm_task *t = (lm_task *)base;
	if (!base->loaded && t->model->check(t, err))
		return err->status;
	if (!t->order)
		t->order = t->model->order;
	return t->model->build(t, err);
}

static tl_status lm_init(task *base, tl_error *err)
{
	lm_task *t = (lm_task *)base;
	return t->model->init(t, err) ? err->status : t->model->carry(t, &t->state, base->batch, err);
}

static tl_status lm_epoch(task *base, int64_t e, tl_error *err)
{
	lm_task *t = (lm_task *)base;
	int64_t offset = t->shift * (e - 1) % (t->length + 1);
	if (windows_init(&t->windows, "the train part", t->corpus.part[TRAIN] + offset, t->corpus.size[TRAIN] - offset,
		    base->batch, t->length, err))
		return err->status;
	base->batches = t->windows.count;
	tl_carry_clear(&t->state);
	return TL_OK;
}

static tl_var loss_of(
	lm_task *t, const tl_carry *state, const int32_t *x, const int32_t *y, tl_shape shape, bool training)
{
	tl_tape *tape = t->base.tape;
	tl_lm_result r = t->model->run(t, tl_index(tape, shape, x), tl_carry_in(state, tape), training);
	t->last = r.last;
	return tl_name(tl_cross_entropy(r.logits, tl_index(tape, shape, y), NULL), "loss");
}

static tl_status lm_record(task *base, int64_t k, batch_loss *loss, tl_error *err)
{
	lm_task *t = (lm_task *)base;
	int64_t n = base->batch * t->length;
	(void)err;
	windows_get(&t->windows, k, t->xy, t->xy + n);
	loss->mean = loss_of(t, &t->state, t->xy, t->xy + n, TL_SHAPE(t->length, base->batch), true);
	loss->weight = n;
	return TL_OK;
}

static tl_status lm_carry(task *base, tl_error *err)
{
	lm_task *t = (lm_task *)base;
	return tl_carry_out(&t->state, t->last) ? tape_error(base->tape, err) : TL_OK;
}

static int lm_carried(task *base, tl_safetensors_item *items, int most)
{
	tl_carry *c = &((lm_task *)base)->state;
	(void)most;
	items[0] = (tl_safetensors_item){"state", tl_tensor_dense(TL_REAL, TL_SHAPE(c->size), c->values)};
	c->started = true; /* it is read back into the middle of an epoch only */
	return 1;
}

static void lm_derive(score *s)
{
	score_add(s, "perplexity", tl_perplexity(score_loss(s)));
}

/* Loss of tokens 1..n-1 given all before them, read as one sequence from the start. */
static tl_status lm_evaluate(task *base, int part, score *s, tl_error *err)
{
	lm_task *t = (lm_task *)base;
	const int32_t *ids = t->corpus.part[part];
	int64_t n = t->corpus.size[part];
	tl_likelihood sum = {0};
	tl_carry state;
	tl_status status = t->model->carry(t, &state, 1, err);
	for (int64_t i = 0; i < n - 1 && !status; i += CHUNK) {
		int64_t count = n - 1 - i < CHUNK ? n - 1 - i : CHUNK;
		tl_real mean = 0;
		tl_tape_reset(base->tape);
		tl_var loss = loss_of(t, &state, ids + i, ids + i + 1, TL_SHAPE(count, 1), false);
		if (tl_read(loss, &mean, 1) || tl_carry_out(&state, t->last))
			status = tape_error(base->tape, err);
		tl_likelihood_add(&sum, (double)mean, count);
	}
	tl_carry_release(&state);
	*s = (score){.better = -tl_likelihood_mean(&sum), .tokens = sum.tokens};
	score_add(s, "loss", tl_likelihood_mean(&sum));
	lm_derive(s);
	return status;
}

static bool lm_modules(const task *base, task_modules *m)
{
	const lm_task *t = (const lm_task *)base;
	if (t->model != &lm_model_rnn)
		return false;
	*m = (task_modules){&t->lm->input, t->lm->rnn, &t->lm->output};
	return true;
}

static void lm_release(task *base)
{
	lm_task *t = (lm_task *)base;
	t->model->release(t);
	corpus_release(&t->corpus);
	tl_carry_release(&t->state);
	free(t->xy);
	free(t->data);
}

const task_kind lm_kind = {
	.name = "lm",
	.summary = "a language model, of a text",
	.unit = "characters",
	.size = sizeof(lm_task),
	.train_argp = &lm_train_argp,
	.eval_argp = &lm_eval_argp,
	.vocabs = {{.key = "tapeloop.vocabulary", .maybe = true}},
	.defaults = lm_defaults,
	.open = lm_open,
	.has = lm_has,
	.build = lm_build,
	.init = lm_init,
	.config = lm_config,
	.configure = lm_configure,
	.epoch = lm_epoch,
	.record = lm_record,
	.carry = lm_carry,
	.modules = lm_modules,
	.carried = lm_carried,
	.evaluate = lm_evaluate,
	.derive = lm_derive,
	.release = lm_release,
	.print = lm_print,
};
