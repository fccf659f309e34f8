/* SPDX-License-Identifier: Apache-2.0 */
/* A plan's instructions in words. */
#include <inttypes.h>
#include <stdio.h>

#include "graph/plan_view.h"

bool tl_plan_hoisted(const tl_plan_instruction *in)
{
	return !in->recurrence && in->computed > 1 && in->steps > 1;
}

/* " for t=0..34", "" where that is one step or none; `how` stands before it. */
static const char *steps_text(const tl_plan_instruction *in, const char *how, char *buf, size_t size)
{
	*buf = '\0';
	if (in->steps > 1)
		snprintf(buf, size, "%s%s=%" PRId64 "..%" PRId64, how, in->axis, in->from, in->to);
	return buf;
}

static void product_text(const tl_plan_instruction *in, char *buf, size_t size)
{
	char steps[64];
	if (tl_plan_hoisted(in))
		snprintf(buf, size, "hoisted: one product%s", steps_text(in, " for ", steps, sizeof steps));
	else if (in->computed > 1)
		snprintf(buf, size, "one product for %" PRIu32 " values", in->computed);
	else if (in->recurrence)
		snprintf(buf, size, in->products > 1 ? "products of the recurrence, %" PRIu32 " in one" : "product of the recurrence",
			in->products);
	else if (in->products > 1)
		snprintf(buf, size, "one product of %" PRIu32 " terms%s", in->products,
			steps_text(in, ", ", steps, sizeof steps));
	else
		snprintf(buf, size, "product");
}

static void program_text(const tl_plan_instruction *in, char *buf, size_t size)
{
	char steps[64];
	steps_text(in, in->recurrence ? " of " : " for ", steps, sizeof steps);
	if (in->ops > 1)
		snprintf(buf, size, "fused: %" PRIu32 " ops%s", in->ops, steps);
	else
		snprintf(buf, size, "elementwise %s%s", in->op, steps);
}

const char *tl_plan_text(const tl_plan_instruction *in, char *buf, size_t size)
{
	switch (in->kind) {
	case TL_PROFILE_PRODUCT: product_text(in, buf, size); break;
	case TL_PROFILE_PROGRAM: program_text(in, buf, size); break;
	case TL_PROFILE_KERNEL: snprintf(buf, size, "kernel %s", in->op); break;
	case TL_PROFILE_PACK: snprintf(buf, size, "pack: a weight laid out for products"); break;
	default: snprintf(buf, size, "copy"); break;
	}
	return buf;
}
