/* SPDX-License-Identifier: Apache-2.0 */
#include "optim/schedule.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846
#define SMALLEST_CHANGE 1e-8 /* of a plateau's rate */

static double constant(const tl_schedule *s, int64_t t)
{
	(void)t;
	return s->lr;
}

static double stepwise(const tl_schedule *s, int64_t t)
{
	return s->lr * pow(s->gamma, (double)(t / s->period));
}

static double exponential(const tl_schedule *s, int64_t t)
{
	return s->lr * pow(s->gamma, (double)t);
}

static double cosine(const tl_schedule *s, int64_t t)
{
	if (t >= s->period)
		return s->min_lr;
	return s->min_lr + (s->lr - s->min_lr) * (1 + cos(PI * (double)t / (double)s->period)) / 2;
}

const tl_schedule_kind tl_schedule_constant = {.name = "constant", .lr = constant};
const tl_schedule_kind tl_schedule_step = {
	.name = "step", .has_gamma = true, .has_period = true, .lr = stepwise};
const tl_schedule_kind tl_schedule_exponential = {
	.name = "exponential", .has_gamma = true, .lr = exponential};
const tl_schedule_kind tl_schedule_cosine = {.name = "cosine", .has_period = true, .lr = cosine};
const tl_schedule_kind tl_schedule_plateau = {.name = "plateau", .lr = constant};

static const tl_schedule_kind *const table[] = {
	&tl_schedule_constant,
	&tl_schedule_step,
	&tl_schedule_exponential,
	&tl_schedule_cosine,
	&tl_schedule_plateau,
};

const tl_schedule_kind *tl_schedule_kind_at(int k)
{
	return k >= 0 && k < (int)(sizeof table / sizeof *table) ? table[k] : NULL;
}

const tl_schedule_kind *tl_schedule_kind_from_name(const char *name)
{
	for (int k = 0; tl_schedule_kind_at(k); k++)
		if (strcmp(table[k]->name, name) == 0)
			return table[k];
	return NULL;
}

static const tl_schedule_kind *kind_of(const tl_schedule *s)
{
	return s->kind ? s->kind : &tl_schedule_constant;
}

static tl_status bad(tl_error *err, const char *kind, const char *field, double value, const char *range)
{
	return tl_error_set(
		err, TL_ERR_ARGUMENT, "schedule %s: %s is %g, and must be %s", kind, field, value, range);
}

static tl_status check_rates(const char *kind, double lr, double min_lr, tl_error *err)
{
	if (!(lr > 0) || isinf(lr))
		return bad(err, kind, "lr", lr, "finite and above 0");
	if (!(min_lr >= 0) || min_lr > lr)
		return bad(err, kind, "min_lr", min_lr, "in 0 to lr");
	return TL_OK;
}

tl_status tl_schedule_check(const tl_schedule *s, tl_error *err)
{
	const tl_schedule_kind *kind = kind_of(s);
	tl_status status = check_rates(kind->name, s->lr, s->min_lr, err);
	if (status)
		return status;
	if (kind->has_gamma ? !(s->gamma > 0 && s->gamma <= 1) : s->gamma != 0)
		return bad(
			err, kind->name, "gamma", s->gamma, kind->has_gamma ? "above 0 and at most 1" : "0");
	if (kind->has_period ? s->period < 1 : s->period != 0)
		return bad(
			err, kind->name, "period", (double)s->period, kind->has_period ? "at least 1" : "0");
	if (s->warmup < 0)
		return bad(err, kind->name, "warmup", (double)s->warmup, "at least 0");
	if (!(s->warmup_from >= 0 && s->warmup_from <= 1))
		return bad(err, kind->name, "warmup_from", s->warmup_from, "in 0 to 1");
	return TL_OK;
}

double tl_schedule_lr(const tl_schedule *s, int64_t step)
{
	assert(step >= 0);
	if (step < s->warmup)
		return s->lr * (s->warmup_from + (1 - s->warmup_from) * (double)step / (double)s->warmup);
	return fmax(kind_of(s)->lr(s, step - s->warmup), s->min_lr);
}

tl_plateau tl_plateau_default(double lr)
{
	return (tl_plateau){.lr = lr, .factor = 0.1, .threshold = 1e-4, .patience = 10};
}

tl_status tl_plateau_check(const tl_plateau *p, tl_error *err)
{
	const char *kind = tl_schedule_plateau.name;
	tl_status status = check_rates(kind, p->lr, p->min_lr, err);
	if (status)
		return status;
	if (!(p->factor > 0 && p->factor < 1))
		return bad(err, kind, "factor", p->factor, "above 0 and below 1");
	if (!(p->threshold >= 0) || isinf(p->threshold))
		return bad(err, kind, "threshold", p->threshold, "finite and not negative");
	if (p->patience < 0)
		return bad(err, kind, "patience", (double)p->patience, "at least 0");
	return TL_OK;
}

static bool better(const tl_plateau *p, double measure)
{
	if (!p->started)
		return !isnan(measure) && measure != (p->higher_is_better ? -INFINITY : INFINITY);
	if (p->higher_is_better)
		return measure > p->best * (1 + p->threshold);
	return measure < p->best * (1 - p->threshold);
}

double tl_plateau_observe(tl_plateau *p, double measure)
{
	if (better(p, measure)) {
		p->best = measure;
		p->started = true;
		p->worse = 0;
	} else {
		p->worse++;
	}
	if (p->worse > p->patience) {
		double lower = fmax(p->lr * p->factor, p->min_lr);
		if (p->lr - lower > SMALLEST_CHANGE)
			p->lr = lower;
		p->worse = 0;
	}
	return p->lr;
}
