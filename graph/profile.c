/* SPDX-License-Identifier: Apache-2.0 */
/* A profile's life and its phases. */
#include "graph/profile.h"

#include <stdlib.h>
#include <string.h>

#include "graph/profile_run.h"

static const char *const phases[TL_PHASES] = {"other", "record", "record gradients", "look up the plan", "plan",
	"run", "add up gradients", "update parameters", "reset", "profile itself"};

static const char *const kinds[TL_PROFILE_KINDS] = {"product", "program", "kernel", "copy", "pack"};

const char *tl_phase_name(tl_phase phase)
{
	return phases[phase];
}

const char *tl_profile_kind_name(tl_profile_kind kind)
{
	return kinds[kind];
}

tl_profile *tl_profile_new(void)
{
	tl_profile *p = calloc(1, sizeof *p);
	if (p)
		p->labels[0][0] = 't';
	return p;
}

void tl_profile_free(tl_profile *p)
{
	if (!p)
		return;
	free(p->entries);
	free(p->hashes);
	free(p->laps);
	free(p->clocks);
	free(p);
}

void tl_profile_attach(tl_tape *t, tl_profile *p)
{
	t->profile = p;
	if (p) {
		p->phase = TL_PHASE_OTHER;
		p->since = tl__now();
	}
}

tl_phase tl_profile_enter(tl_tape *t, tl_phase phase)
{
	tl_profile *p = t->profile;
	if (!p)
		return TL_PHASE_OTHER;
	tl_phase before = p->phase;
	int64_t now = tl__now();
	p->seconds[before] += 1e-9 * (double)(now - p->since);
	p->since = now;
	p->phase = phase;
	return before;
}
