/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/lm_run.h"

#include <math.h>
#include <stdlib.h>

#include "graph/grad.h"
#include "models/carry.h"
#include "ops/loss.h"
#include "optim/clip.h"

#define CHUNK 1024 /* tokens evaluated on one tape */

tl_status tape_error(const tl_tape *tape, tl_error *err)
{
	const tl_error *e = tl_tape_error(tape);
	return e->status ? tl_error_set(err, e->status, "%s", e->text) : TL_OK;
}

static tl_var record_loss(const tl_lm *lm, tl_tape *tape, const int32_t *x, const int32_t *y, tl_shape shape,
	const tl_carry *state, bool training, tl_state *last)
{
	tl_lm_result r = tl_lm_run(lm, tl_index(tape, shape, x), tl_carry_in(state, tape), training);
	*last = r.last;
	return tl_name(tl_cross_entropy(r.logits, tl_index(tape, shape, y), NULL), "loss");
}

tl_status lm_evaluate(
	const tl_lm *lm, tl_tape *tape, const int32_t *ids, int64_t n, tl_likelihood *result, tl_error *err)
{
	tl_carry state;
	*result = (tl_likelihood){0};
	tl_status status = tl_carry_init(&state, lm->rnn, 1, err);
	for (int64_t i = 0; i < n - 1 && !status; i += CHUNK) {
		int64_t count = n - 1 - i < CHUNK ? n - 1 - i : CHUNK;
		tl_state last;
		tl_real mean = 0;
		tl_tape_reset(tape);
		tl_var loss = record_loss(lm, tape, ids + i, ids + i + 1, TL_SHAPE(count, 1), &state, false, &last);
		if (tl_read(loss, &mean, 1) || tl_carry_out(&state, last))
			status = tape_error(tape, err);
		tl_likelihood_add(result, (double)mean, count);
	}
	tl_carry_release(&state);
	return status;
}

/* One window: forward, backward, update. */
static tl_status train_window(
	lm_training *t, const int32_t *x, const int32_t *y, tl_carry *state, lm_epoch *result, tl_error *err)
{
	tl_state last;
	tl_real mean = 0;
	tl_tape_reset(t->tape);
	tl_shape shape = TL_SHAPE(t->length, t->batch);
	tl_var loss = record_loss(t->lm, t->tape, x, y, shape, state, true, &last);
	if (tl_store_backward(t->store, loss) || tl_read(loss, &mean, 1) || tl_carry_out(state, last))
		return tape_error(t->tape, err);
	double norm = tl_clip_norm(t->store, t->clip > 0 ? t->clip : INFINITY);
	if (!isfinite(mean) || !isfinite(norm))
		return tl_error_set(err, TL_ERR_VALUE, "the %s is no finite number (%s)",
			isfinite(mean) ? "gradient's norm" : "loss",
			isnan(isfinite(mean) ? norm : (double)mean) ? "NaN" : "infinite");
	result->lr = tl_schedule_lr(&t->schedule, tl_optimizer_steps(t->optimizer));
	if (tl_optimizer_set_lr(t->optimizer, result->lr, err))
		return err->status;
	tl_optimizer_step(t->optimizer);
	tl_likelihood_add(&result->train, (double)mean, t->length * t->batch);
	result->grad_norm += norm;
	return TL_OK;
}

static void show(lm_training *t, int epoch, int64_t done, const windows *w, const lm_epoch *result, double begin)
{
	char rate[32], left[24];
	double spent = t->seconds + seconds_now() - begin;
	int64_t tokens = t->tokens + result->train.tokens;
	int64_t all = (int64_t)t->epochs * w->count, passed = (int64_t)(epoch - 1) * w->count + done;
	double loss = tl_likelihood_mean(&result->train);
	progress_show(t->progress, false, "epoch %d/%d %lld/%lld loss %.3f perplexity %.2f %s %s/s %s left", epoch,
		t->epochs, (long long)done, (long long)w->count, loss, tl_perplexity(loss),
		count_text((int64_t)((double)tokens / spent), rate), t->unit,
		duration_text(spent / (double)passed * (double)(all - passed), left));
}

static tl_status train_windows(
	lm_training *t, int epoch, const windows *w, int32_t *x, tl_carry *state, lm_epoch *result, tl_error *err)
{
	int32_t *y = x + t->batch * t->length;
	double begin = seconds_now();
	for (int64_t k = 0; k < w->count; k++) {
		windows_get(w, k, x, y);
		tl_error why = {0};
		if (train_window(t, x, y, state, result, &why))
			return tl_error_set(err, why.status, "epoch %d, window %lld: %s", epoch, (long long)k + 1, why.text);
		if (progress_due(t->progress))
			show(t, epoch, k + 1, w, result, begin);
	}
	result->seconds = seconds_now() - begin;
	result->grad_norm /= (double)w->count;
	t->seconds += result->seconds;
	t->tokens += result->train.tokens;
	return TL_OK;
}

tl_status lm_train_epoch(lm_training *t, int epoch, lm_epoch *result, tl_error *err)
{
	*result = (lm_epoch){0};
	windows w;
	tl_carry state;
	int64_t offset = t->shift * (epoch - 1) % (t->length + 1);
	tl_status status = windows_init(&w, "the train part", t->ids + offset, t->n - offset, t->batch, t->length, err);
	if (status || (status = tl_carry_init(&state, t->lm->rnn, t->batch, err)))
		return status;
	int32_t *xy = malloc((size_t)(2 * t->batch * t->length) * sizeof *xy);
	status = xy ? train_windows(t, epoch, &w, xy, &state, result, err) : tl_error_memory(err);
	free(xy);
	tl_carry_release(&state);
	return status;
}
