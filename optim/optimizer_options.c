/* SPDX-License-Identifier: Apache-2.0 */
/* The options of optimisers: defaults and ranges, by one table of the fields. */
#include "optim/optimizer.h"

#include <math.h>
#include <stddef.h>

/* A number in [0, limit). */
typedef struct field {
	const char *name;
	size_t offset;
	unsigned option; /* 0: every kind has it */
	double limit;
} field;

#define FIELD(name) #name, offsetof(tl_optimizer_options, name)

static const field fields[] = {
	{FIELD(lr), 0, INFINITY},
	{FIELD(weight_decay), 0, INFINITY},
	{FIELD(momentum), TL_OPTION_MOMENTUM, 1},
	{FIELD(dampening), TL_OPTION_DAMPENING, 1},
	{FIELD(beta1), TL_OPTION_BETAS, 1},
	{FIELD(beta2), TL_OPTION_BETAS, 1},
	{FIELD(rho), TL_OPTION_RHO, 1},
	{FIELD(eps), TL_OPTION_EPS, INFINITY},
	{FIELD(lr_decay), TL_OPTION_LR_DECAY, INFINITY},
	{FIELD(accumulator), TL_OPTION_ACCUMULATOR, INFINITY},
};

static tl_status not_an_option(const tl_optimizer_kind *kind, const char *name, tl_error *err)
{
	return tl_error_set(err, TL_ERR_ARGUMENT, "%s has no option %s", kind->name, name);
}

static tl_status complete_field(tl_optimizer_options *o, const field *f, tl_error *err)
{
	const tl_optimizer_kind *kind = o->kind;
	double *at = (double *)((char *)o + f->offset);
	if (*at == 0)
		*at = *(const double *)((const char *)&kind->defaults + f->offset);
	else if (f->option && !(kind->options & f->option))
		return not_an_option(kind, f->name, err);
	if (*at >= 0 && *at < f->limit)
		return TL_OK;
	if (isinf(f->limit))
		return tl_error_set(err, TL_ERR_ARGUMENT, "%s: %s is %g, and must be finite and not negative",
			kind->name, f->name, *at);
	return tl_error_set(err, TL_ERR_ARGUMENT, "%s: %s is %g, and must be at least 0 and less than %g",
		kind->name, f->name, *at, f->limit);
}

tl_status tl_optimizer_options_complete(tl_optimizer_options *o, tl_error *err)
{
	if (!o->kind)
		o->kind = &tl_sgd;
	const tl_optimizer_kind *kind = o->kind;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		tl_status status = complete_field(o, &fields[i], err);
		if (status)
			return status;
	}
	if (o->nesterov && !(kind->options & TL_OPTION_NESTEROV))
		return not_an_option(kind, "nesterov", err);
	if (o->centered && !(kind->options & TL_OPTION_CENTERED))
		return not_an_option(kind, "centered", err);
	if (o->lazy && !kind->elementwise)
		return not_an_option(kind, "lazy", err);
	if (kind->options & TL_OPTION_EPS && (tl_real)o->eps == 0)
		return tl_error_set(err, TL_ERR_ARGUMENT, "%s: eps is %g, which is 0 as a %s", kind->name,
			o->eps, tl_dtype_name(TL_REAL));
	if (o->nesterov && (o->momentum == 0 || o->dampening != 0))
		return tl_error_set(
			err, TL_ERR_ARGUMENT, "%s: nesterov needs momentum and no dampening", kind->name);
	return TL_OK;
}
