/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays that grow, maps and strings, all in the drawing's arena: what they outgrow is left there. */
#include "graph/draw_parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

void *tl__draw_zeroed(tl__draw *d, size_t count, size_t size)
{
	void *p = tl_arena_alloc(&d->arena, count * size + 1);
	return p ? memset(p, 0, count * size + 1) : NULL;
}

void *tl__draw_push(tl__draw *d, void *array, uint32_t *count, uint32_t *cap, size_t size)
{
	void *held;
	memcpy(&held, array, sizeof held); /* an array of any type */
	if (*count == 0)
		*count = 1;
	if (*count >= *cap) {
		uint32_t more = *cap ? *cap * 2 : 64;
		char *grown = tl__draw_zeroed(d, more, size);
		if (!grown)
			return NULL;
		if (held)
			memcpy(grown, held, *cap * size);
		held = grown;
		memcpy(array, &held, sizeof held);
		*cap = more;
	}
	return (char *)held + (*count)++ * size;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t h = (a ^ (b + 0x9e3779b97f4a7c15u + (a << 6) + (a >> 2))) * 0xbf58476d1ce4e5b9u;
	h = (h ^ h >> 29) * 0x94d049bb133111ebu;
	return h ^ h >> 32;
}

static tl__draw_slot *slot_of(const tl__draw_map *m, uint64_t a, uint64_t b)
{
	uint64_t at = mix(a, b) & m->mask;
	while (m->slot[at].value && (m->slot[at].a != a || m->slot[at].b != b))
		at = (at + 1) & m->mask;
	return &m->slot[at];
}

static bool grow(tl__draw *d, tl__draw_map *m)
{
	tl__draw_map old = *m;
	uint64_t slots = old.slot ? (old.mask + 1) * 2 : 64;
	m->slot = tl__draw_zeroed(d, slots, sizeof *m->slot);
	if (!m->slot)
		return false;
	m->mask = slots - 1;
	for (uint64_t i = 0; old.slot && i <= old.mask; i++)
		if (old.slot[i].value)
			*slot_of(m, old.slot[i].a, old.slot[i].b) = old.slot[i];
	return true;
}

/* A new value is 0 and has to be set to another one before the next call. */
uint32_t *tl__draw_find(tl__draw *d, tl__draw_map *m, uint64_t a, uint64_t b)
{
	if ((!m->slot || m->used * 2 > m->mask) && !grow(d, m))
		return NULL;
	tl__draw_slot *s = slot_of(m, a, b);
	if (!s->value) {
		s->a = a;
		s->b = b;
		m->used++;
	}
	return &s->value;
}

uint32_t tl__draw_string(tl__draw *d, tl__draw_strings *strings, const char *s)
{
	uint64_t hash = 14695981039346656037u;
	for (const char *c = s; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 1099511628211u;
	for (uint64_t same = 0;; same++) {
		uint32_t *number = tl__draw_find(d, &strings->map, hash, same);
		if (!number)
			return 0;
		if (*number && strcmp(strings->at[*number], s) == 0)
			return *number;
		if (*number)
			continue;
		const char **place = tl__draw_push(d, &strings->at, &strings->n, &strings->cap, sizeof *place);
		if (!place)
			return 0;
		*place = s;
		return *number = strings->n - 1;
	}
}

const char *tl__draw_unique(tl__draw *d, tl__draw_strings *strings, const char *s)
{
	for (const char *asked = s;;) {
		uint32_t n = strings->n ? strings->n : 1, number = s ? tl__draw_string(d, strings, s) : 0;
		if (number == 0 || number >= n)
			return number ? s : NULL;
		uint32_t *again = tl__draw_find(d, &d->asked, tl__draw_string(d, strings, asked), 0);
		s = again ? tl__draw_print(d, "%s (%" PRIu32 ")", asked, ++*again + 1) : NULL;
	}
}

const char *tl__draw_print(tl__draw *d, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	char *s = n < 0 ? NULL : tl_arena_alloc_small(&d->arena, (size_t)n + 1);
	if (!s)
		return NULL;
	va_start(args, format);
	vsnprintf(s, (size_t)n + 1, format, args);
	va_end(args);
	return s;
}
