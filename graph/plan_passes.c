/* SPDX-License-Identifier: Apache-2.0 */
/* The names of the planner's passes. */
#include "graph/plan.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *name, *about;
} passes[] = {
	{"roll", "find what the recorded nodes repeat"},
	{"distribute", "run what does not depend on its own past for all steps at once"},
	{"batch", "run equal nodes of unequal graphs together"},
	{"merge", "make one product of those that share an operand or a sum"},
	{"fuse", "compute elementwise chains in one pass over blocks"},
	{"place", "lay values side by side where they are read so; use memory again"},
	{"pack", "lay weights out for products, once for all time steps"},
	{"split", "share a recurrence between threads by rows"},
};

#define COUNT ((int)(sizeof passes / sizeof *passes))

const char *tl_plan_pass(int k, const char **about)
{
	if (k < 0 || k >= COUNT)
		return NULL;
	if (about)
		*about = passes[k].about;
	return passes[k].name;
}

static tl_status unknown(const char *word, size_t size, tl_error *err)
{
	return tl_error_set(err, TL_ERR_ARGUMENT,
		"plan: '%.*s' is no pass; there are roll, distribute, batch, merge, fuse, place, pack, split, and all or none",
		(int)(size < 40 ? size : 40), word);
}

/* The passes that a word stands for, or 0. */
static unsigned passes_of(const char *word, size_t size)
{
	if (size == 3 && !memcmp(word, "all", 3))
		return TL_PASS_ALL;
	if (size == 4 && !memcmp(word, "tiny", 4))
		return TL_PLAN_TINY;
	for (int k = 0; k < COUNT; k++)
		if (strlen(passes[k].name) == size && !memcmp(word, passes[k].name, size))
			return 1u << k;
	return 0;
}

tl_status tl_plan_parse(const char *text, unsigned *out, tl_error *err)
{
	if (!text)
		text = "all";
	*out = *text == '-' ? TL_PASS_ALL : 0;
	for (const char *word = text; *word;) {
		size_t size = strcspn(word, ",");
		bool without = *word == '-';
		unsigned bits = passes_of(word + without, size - without);
		if (!bits && !(size == 4 && !memcmp(word, "none", 4)))
			return unknown(word, size, err);
		*out = without ? *out & ~bits : *out | bits;
		word += size + (word[size] == ',');
	}
	return TL_OK;
}
