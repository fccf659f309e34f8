/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/trainer.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>

#include "graph/grad.h"
#include "ops/arith.h"
#include "optim/clip.h"
#include "tools/progress.h"

/* Streams of random numbers: initial values have 0. */
#define STREAM_EPOCH ((uint64_t)1 << 63)
#define STREAM_BATCH ((uint64_t)1 << 62)

tl_status trainer_init(trainer *t, task *task, const train_options *o, tl_error *err)
{
	*t = (trainer){.task = task, .options = o};
	tl_optimizer_options optimizer = train_optimizer(o);
	t->optimizer = tl_optimizer_new(task->store, &optimizer, err);
	if (!t->optimizer)
		return err->status;
	tl_store_set_pool(task->store, tl_tape_pool(task->tape));
	bool valid = task->kind->has(task, VALID);
	if (o->schedule.kind == &tl_schedule_plateau && !valid)
		return tl_error_set(err, TL_ERR_ARGUMENT, "--schedule plateau needs a validation part");
	if (o->patience > 0 && !valid)
		return tl_error_set(err, TL_ERR_ARGUMENT, "--patience needs a validation part");
	if (o->keep == KEEP_BEST && !valid)
		return tl_error_set(err, TL_ERR_ARGUMENT, "--keep best needs a validation part");
	t->keep = o->keep ? o->keep : valid ? o->usual_keep : KEEP_LAST;
	t->patience = !valid ? 0 : o->patience >= 0 ? o->patience : o->usual_patience;
	double lr = tl_optimizer_get_options(t->optimizer)->lr;
	t->state = (trainer_state){.epoch = 1, .lr = lr, .plateau = tl_plateau_default(lr), .train_loss = NAN};
	tl_schedule schedule = o->schedule;
	schedule.lr = lr;
	if (o->log_gradients && !(t->norms = grad_norms_new(task->store, err)))
		return err->status;
	return tl_schedule_check(&schedule, err);
}

void trainer_release(trainer *t)
{
	grad_norms_free(t->norms);
	tl_optimizer_free(t->optimizer);
	t->optimizer = NULL;
}

static tl_rng stream(const trainer *t, uint64_t number)
{
	return (tl_rng){.seed = (uint64_t)t->options->seed, .stream = number};
}

tl_status trainer_begin_epoch(trainer *t, tl_error *err)
{
	t->task->rng = stream(t, STREAM_EPOCH | (uint64_t)t->state.epoch);
	t->epoch_tokens = 0;
	t->epoch_seconds = 0;
	tl_status status = t->task->kind->epoch(t->task, t->state.epoch, err);
	assert(status || t->task->batches > 0);
	return status;
}

bool trainer_epoch_done(const trainer *t)
{
	return t->state.place >= t->task->batches;
}

/* Batch k of the epoch, the number-th of all, on a fresh tape. */
static tl_status record(trainer *t, int64_t k, int64_t number, batch_loss *loss, tl_error *err)
{
	task *task = t->task;
	tl_tape_reset(task->tape);
	tl_tape_set_step(task->tape, (uint64_t)number);
	task->rng = stream(t, STREAM_BATCH | (uint64_t)number);
	*loss = (batch_loss){0};
	tl_status status = task->kind->record(task, k, loss, err);
	assert(status || loss->weight > 0);
	if (!status && loss->tokens == 0)
		loss->tokens = loss->weight;
	return status;
}

/* What the batches of an update add up to. */
typedef struct sums {
	double loss; /* weight * mean */
	int64_t weight, tokens;
} sums;

/* Batch i of the n of an update: its gradients, times its weight unless it is the only one, are added. */
static tl_status batch_gradients(trainer *t, int64_t i, int64_t n, sums *s, tl_error *err)
{
	task *task = t->task;
	batch_loss loss;
	tl_real mean = 0;
	if (record(t, t->state.place + i, t->state.batches + i, &loss, err))
		return err->status;
	tl_var target = loss.mean;
	tl_real weight = (tl_real)loss.weight;
	if (n > 1)
		target = tl_mul(target, tl_input(task->tape, TL_SCALAR, &weight));
	if ((i ? tl_backward(target) : tl_store_backward(task->store, target)) || tl_read(loss.mean, &mean, 1))
		return tape_error(task->tape, err);
	if (task->kind->carry && task->kind->carry(task, err))
		return err->status;
	s->loss += (double)loss.weight * (double)mean;
	s->weight += loss.weight;
	s->tokens += loss.tokens;
	return TL_OK;
}

/* The learning rate of an update of the running epoch. */
static double rate(const trainer *t, int64_t step)
{
	tl_schedule schedule = t->options->schedule;
	schedule.lr = t->state.lr;
	return tl_schedule_lr(&schedule, step);
}

static tl_status update(trainer *t, int64_t n, sums *s, tl_error *err)
{
	for (int64_t i = 0; i < n; i++)
		if (batch_gradients(t, i, n, s, err))
			return err->status;
	if (n > 1)
		tl_scale_grad(t->task->store, 1 / (double)s->weight);
	if (t->norms)
		grad_norms_add(t->norms, t->task->store);
	double norm = tl_clip_norm(t->task->store, t->options->clip > 0 ? t->options->clip : INFINITY);
	if (!isfinite(s->loss) || !isfinite(norm))
		return tl_error_set(err, TL_ERR_VALUE, "the %s is no finite number (try a lower --lr%s)",
			isfinite(s->loss) ? "gradient" : "loss",
			t->options->check_nan ? "" : "; --check-nan tells where it comes from");
	if (tl_optimizer_set_lr(t->optimizer, rate(t, trainer_updates(t)), err))
		return err->status;
	tl_optimizer_step(t->optimizer);
	t->state.norm += norm;
	return TL_OK;
}

tl_status trainer_update(trainer *t, tl_error *err)
{
	double begin = seconds_now();
	trainer_state *state = &t->state;
	int64_t left = t->task->batches - state->place, n = t->options->accumulate < left ? t->options->accumulate : left;
	sums s = {0};
	tl_error why = {0};
	if (update(t, n, &s, &why))
		return tl_error_set(err, why.status, "epoch %" PRId64 ", batch %" PRId64 ": %s", state->epoch,
			state->place + 1, why.text);
	state->place += n;
	state->batches += n;
	state->updates++;
	state->loss += s.loss;
	state->weight += s.weight;
	double seconds = seconds_now() - begin;
	t->tokens += s.tokens;
	t->batches += n;
	t->epoch_tokens += s.tokens;
	t->seconds += seconds;
	t->epoch_seconds += seconds;
	return TL_OK;
}

tl_status trainer_look(trainer *t, batch_loss *loss, tl_error *err)
{
	return record(t, 0, t->state.batches, loss, err);
}

/* The validation's score; without such a part one batch shows whether the net still works. */
static tl_status validate(trainer *t, score *valid, tl_error *err)
{
	task *task = t->task;
	double loss = 0;
	*valid = (score){0};
	if (task->kind->has(task, VALID)) {
		if (task->kind->evaluate(task, VALID, valid, err))
			return err->status;
		loss = score_loss(valid);
	} else {
		batch_loss probe;
		tl_real mean = 0;
		if (trainer_look(t, &probe, err))
			return err->status;
		if (tl_read(probe.mean, &mean, 1))
			return tape_error(task->tape, err);
		loss = (double)mean;
	}
	if (isfinite(loss))
		return TL_OK;
	return tl_error_set(
		err, TL_ERR_VALUE, "after epoch %" PRId64 " the net's loss is no finite number%s", t->state.epoch,
		t->options->check_nan ? "" : " (--check-nan tells where it comes from)");
}

score trainer_score(const trainer *t)
{
	score s = {0};
	double loss = t->state.weight ? t->state.loss / (double)t->state.weight : t->state.train_loss;
	if (isnan(loss))
		return s;
	score_add(&s, "loss", loss);
	if (t->task->kind->derive)
		t->task->kind->derive(&s);
	return s;
}

tl_status trainer_end_epoch(trainer *t, epoch_report *r, tl_error *err)
{
	trainer_state *state = &t->state;
	*r = (epoch_report){
		.epoch = state->epoch,
		.train = trainer_score(t),
		.grad_norm = state->norm / (double)state->updates,
		.lr = rate(t, trainer_updates(t) - 1),
		.seconds = t->epoch_seconds,
		.speed = t->epoch_seconds > 0 ? (double)t->epoch_tokens / t->epoch_seconds : 0,
	};
	if (validate(t, &r->valid, err))
		return err->status;
	if (r->valid.n) {
		double better = isnan(r->valid.better) ? -INFINITY : r->valid.better;
		r->better = !state->has_best || better > state->best;
		state->worse = r->better ? 0 : state->worse + 1;
		if (r->better)
			state->best = better;
		state->has_best = true;
		if (t->options->schedule.kind == &tl_schedule_plateau)
			state->lr = tl_plateau_observe(&state->plateau, score_loss(&r->valid));
	}
	state->train_loss = score_loss(&r->train);
	state->epoch++;
	state->place = 0;
	state->loss = state->norm = 0;
	state->weight = state->updates = 0;
	return TL_OK;
}

bool trainer_finished(const trainer *t)
{
	const trainer_state *s = &t->state;
	return s->epoch > (t->task->once ? 1 : t->options->epochs) || (t->patience && s->worse >= t->patience);
}

int64_t trainer_updates(const trainer *t)
{
	return tl_optimizer_steps(t->optimizer);
}

static double updates_left(const trainer *t)
{
	const trainer_state *s = &t->state;
	int64_t most = t->options->max_steps, done = trainer_updates(t), k = t->options->accumulate;
	int64_t an_epoch = (t->task->batches + k - 1) / k, epochs = t->task->once ? 1 : t->options->epochs;
	double left = (double)(epochs - s->epoch + 1) * (double)an_epoch - (double)((s->place + k - 1) / k);
	if (trainer_finished(t))
		return 0;
	return most && left > (double)(most - done) ? (double)(most > done ? most - done : 0) : left;
}

int64_t trainer_all_updates(const trainer *t)
{
	return trainer_updates(t) + (int64_t)updates_left(t);
}

double trainer_seconds_left(const trainer *t)
{
	double an_update = t->batches ? t->seconds / (double)t->batches * (double)t->options->accumulate : 0;
	return an_update * updates_left(t);
}
