/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/fused_cache.h"

#include <stdlib.h>
#include <string.h>

#include "graph/kept.h"
#include "ops/fused.h"

typedef struct cache {
	tl__fused_layer *first; /* used last */
	int count;
	uint64_t serial, gone; /* gone: primitives of layers that were freed */
} cache;

static void *create(void)
{
	return calloc(1, sizeof(cache));
}

static void reset(void *it)
{
	for (tl__fused_layer *l = ((cache *)it)->first; l; l = l->next)
		l->used = false;
}

static void free_layer(tl__fused_layer *l)
{
	tl__recurrent_free(l->it);
	free(l);
}

static void destroy(void *it)
{
	cache *c = it;
	for (tl__fused_layer *l = c->first, *next; l; l = next) {
		next = l->next;
		free_layer(l);
	}
	free(c);
}

static uint64_t primitives(const cache *c)
{
	uint64_t n = c->gone;
	for (const tl__fused_layer *l = c->first; l; l = l->next)
		n += tl__recurrent_made(l->it);
	return n;
}

static void stats(const void *it, uint64_t *allocations, size_t *bytes)
{
	const cache *c = it;
	*allocations += c->serial + primitives(c);
	*bytes += sizeof *c + (size_t)c->count * sizeof(tl__fused_layer);
}

static const tl_kept kind = {create, reset, destroy, stats};

/* Free what has not been used for longest and is in no node, until there is room for one more. */
static void make_room(cache *c)
{
	while (c->count >= TL_FUSED_MOST) {
		tl__fused_layer **oldest = NULL;
		for (tl__fused_layer **at = &c->first; *at; at = &(*at)->next)
			if (!(*at)->used)
				oldest = at;
		if (!oldest)
			return;
		tl__fused_layer *l = *oldest;
		*oldest = l->next;
		c->gone += tl__recurrent_made(l->it);
		c->count--;
		free_layer(l);
	}
}

static tl__fused_layer *add(tl_tape *tape, cache *c, const tl_recurrent_spec *spec)
{
	tl_error err = {0};
	make_room(c);
	tl__fused_layer *l = calloc(1, sizeof *l);
	if (l && (l->it = tl__recurrent_new(spec, tl_tape_threads(tape), &err))) {
		*l = (tl__fused_layer){.it = l->it, .serial = ++c->serial, .next = c->first};
		c->first = l;
		c->count++;
		return l;
	}
	free(l);
	tl_error_memory(&err);
	tl_tape_fail(tape, err.status, "%s", err.text);
	return NULL;
}

tl__fused_layer *tl__fused_find(tl_tape *tape, const tl_recurrent_spec *spec)
{
	cache *c = tl_tape_keep(tape, &kind);
	tl__fused_layer *l = NULL, **at = c ? &c->first : NULL;
	while (c && (l = *at) && memcmp(tl__recurrent_spec(l->it), spec, sizeof *spec))
		at = &l->next;
	if (l) {
		*at = l->next;
		l->next = c->first;
		c->first = l;
	} else if (c) {
		l = add(tape, c, spec);
	}
	if (l)
		l->used = true;
	return l;
}

uint64_t tl_fused_primitives(tl_tape *tape)
{
	const cache *c = tl_tape_keep(tape, &kind);
	return c ? primitives(c) : 0;
}
