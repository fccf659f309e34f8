/* SPDX-License-Identifier: Apache-2.0 */
/* The task "series": how its data are read, what model is built, what a batch is. */
#include "tools/series.h"

#include <inttypes.h>
#include <stdlib.h>

#include "tools/tasks.h"

static tl_status find_examples(series_task *t, series_part *p, tl_error *err)
{
	const series *s = &p->data;
	int64_t least = !t->next || t->order == 0 ? t->next : t->order; /* steps that nothing is found at */
	p->example = malloc((size_t)s->n * sizeof *p->example);
	if (!p->example)
		return tl_error_memory(err);
	for (int64_t i = 0; i < s->n; i++)
		if (series_count(s, i) > least)
			p->example[p->n++] = i;
	if (p->n > 0)
		return TL_OK;
	if (t->next)
		return tl_error_set(err, TL_ERR_SHAPE, "%s: no series is longer than the %" PRId64
			" steps from which the next one is predicted", p->x, least);
	return tl_error_set(err, TL_ERR_SHAPE, "%s: no step of any series has a label or values", p->y);
}

static tl_status open_part(series_task *t, int k, tl_error *err)
{
	series_part *p = &t->part[k];
	if (t->next && p->y)
		return tl_error_set(err, TL_ERR_ARGUMENT,
			"--%s-y %s: the next steps of x are to be predicted, there is no y", part_name(k), p->y);
	if (!t->next && !p->y)
		return tl_error_set(err, TL_ERR_ARGUMENT,
			"--%s-y FILE is missing (only with --autoregressive there is no y)", part_name(k));
	if (series_open(&p->data, p->x, p->y, p->lengths, err))
		return err->status;
	if (k == TRAIN && !t->base.loaded) {
		t->target = p->data.target;
		t->inputs = p->data.inputs;
		t->outputs = p->data.outputs;
	} else if (series_check(&p->data, t->target, t->inputs, t->outputs, err)) {
		return err->status;
	}
	return find_examples(t, p, err);
}

static void digest(void *ctx, const tl_real *v, int64_t vectors)
{
	series_task *t = ctx;
	task_digest(&t->base, v, (size_t)(vectors * t->inputs) * sizeof *v);
}

static void digest_values(void *ctx, const tl_real *v, int64_t vectors)
{
	series_task *t = ctx;
	task_digest(&t->base, v, (size_t)(vectors * t->outputs) * sizeof *v);
}

static tl_status learn_from(series_task *t, const series_part *p, tl_error *err)
{
	const series *s = &p->data;
	bool values = s->target == SERIES_VALUES || s->target == SERIES_STEP_VALUES;
	task_digest(&t->base, s->length, (size_t)s->n * sizeof *s->length);
	if (s->labels)
		task_digest(&t->base, s->labels,
			(size_t)(s->target == SERIES_STEP_LABELS ? s->n * s->steps : s->n) * sizeof *s->labels);
	if (series_visit_all(s, false, digest, t, err) || (values && series_visit_all(s, true, digest_values, t, err)))
		return err->status;
	if (t->standardize && (series_scale_of(&t->x_scale, s, false, err) ||
				      (values && series_scale_of(&t->y_scale, s, true, err))))
		return err->status;
	batch_options o = {.n = p->n, .size = t->base.batch, .shuffled = true, .sorted = true, .length1 = s->length,
		.example = p->example};
	return batches_init(&t->batches, &o, err);
}

static tl_status series_task_open(task *base, bool training, tl_error *err)
{
	series_task *t = (series_task *)base;
	for (int k = 0; k < PARTS; k++)
		if (t->part[k].x && open_part(t, k, err))
			return err->status;
	return training ? learn_from(t, &t->part[TRAIN], err) : TL_OK;
}

static bool series_has(const task *base, int part)
{
	return ((const series_task *)base)->part[part].n > 0;
}

static tl_status series_build(task *base, tl_error *err)
{
	series_task *t = (series_task *)base;
	tl_rnn_options rnn = net_rnn(&t->net, t->inputs);
	if (t->next) {
		tl_ar_options o = {.size = t->inputs, .order = t->order};
		if (t->order == 0)
			o.rnn = rnn;
		else
			o.hidden = t->linear ? 0 : t->net.hidden;
		t->ar = tl_ar_new(base->store, "ar", &o, err);
	} else {
		tl_reader_options o = {.labels = t->outputs, .embed = t->inputs, .dropout = t->net.dropout, .rnn = rnn};
		t->reader = tl_reader_new(base->store, &o, err);
	}
	return t->ar || t->reader ? TL_OK : err->status;
}

static tl_status series_init(task *base, tl_error *err)
{
	series_task *t = (series_task *)base;
	if (t->ar)
		tl_ar_init(t->ar, &base->rng);
	else
		tl_reader_init(t->reader, &base->rng);
	tl_rnn *rnn = t->ar ? t->ar->rnn : t->reader->rnn;
	return rnn ? net_set_forget_bias(&t->net, rnn, err) : TL_OK;
}

static tl_status series_epoch(task *base, int64_t e, tl_error *err)
{
	series_task *t = (series_task *)base;
	(void)err;
	t->batches.options.seed = base->rng.seed;
	batches_epoch(&t->batches, e);
	base->batches = t->batches.count;
	return TL_OK;
}

static tl_status series_record(task *base, int64_t k, batch_loss *loss, tl_error *err)
{
	series_task *t = (series_task *)base;
	series_batch b;
	int64_t rows;
	const int64_t *which = batches_get(&t->batches, k, &rows);
	if (series_take(t, &t->part[TRAIN].data, which, rows, &b, err))
		return err->status;
	*loss = (batch_loss){series_loss(t, &b, series_output(t, &b, true)), b.count, b.tokens};
	return TL_OK;
}

static void series_task_release(task *base)
{
	series_task *t = (series_task *)base;
	for (int k = 0; k < PARTS; k++) {
		series_release(&t->part[k].data);
		free(t->part[k].example);
	}
	series_scale_release(&t->x_scale);
	series_scale_release(&t->y_scale);
	batches_release(&t->batches);
	tl_reader_free(t->reader);
	tl_ar_free(t->ar);
}

const task_kind series_kind = {
	.name = "series",
	.summary = "classes, values or labels of real-valued series, or what comes next",
	.unit = "steps",
	.size = sizeof(series_task),
	.train_argp = &series_train_argp,
	.eval_argp = &series_eval_argp,
	.defaults = series_defaults,
	.open = series_task_open,
	.has = series_has,
	.build = series_build,
	.init = series_init,
	.config = series_config,
	.configure = series_configure,
	.epoch = series_epoch,
	.record = series_record,
	.evaluate = series_evaluate,
	.release = series_task_release,
};
