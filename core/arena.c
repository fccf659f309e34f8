/* SPDX-License-Identifier: Apache-2.0 */
#include "core/arena.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define TL_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TL_HAS_ASAN 1
#endif
#endif
#ifdef TL_HAS_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

struct tl_chunk {
	tl_chunk *next;
	size_t size; /* bytes of payload */
	size_t used;
	char *data; /* aligned to TL_ALIGN */
};

void tl_arena_init(tl_arena *a, size_t chunk_bytes)
{
	*a = (tl_arena){.chunk_bytes = chunk_bytes ? chunk_bytes : (size_t)1 << 20};
}

static tl_chunk *chunk_new(tl_arena *a, size_t bytes)
{
	size_t size = bytes > a->chunk_bytes ? bytes : a->chunk_bytes;
	size_t head = (sizeof(tl_chunk) + TL_ALIGN - 1) / TL_ALIGN * TL_ALIGN;
	if (size > SIZE_MAX / 2 - head)
		return NULL;
	size = (size + TL_ALIGN - 1) / TL_ALIGN * TL_ALIGN;
	tl_chunk *c = aligned_alloc(TL_ALIGN, head + size);
	if (!c)
		return NULL;
	*c = (tl_chunk){.size = size, .data = (char *)c + head};
	ASAN_POISON_MEMORY_REGION(c->data, c->size);
	a->total += head + size;
	a->grown++;
	return c;
}

static void *take(tl_arena *a, size_t bytes, size_t align)
{
	tl_chunk *c = a->current;
	while (c) {
		size_t at = (c->used + align - 1) / align * align;
		if (at <= c->size && bytes <= c->size - at) {
			c->used = at + bytes;
			a->current = c;
			ASAN_UNPOISON_MEMORY_REGION(c->data + at, bytes);
			return c->data + at;
		}
		if (!c->next)
			break;
		c = c->next;
	}
	tl_chunk *fresh = chunk_new(a, bytes);
	if (!fresh)
		return NULL;
	if (c)
		c->next = fresh;
	else
		a->first = fresh;
	a->current = fresh;
	fresh->used = bytes;
	ASAN_UNPOISON_MEMORY_REGION(fresh->data, bytes);
	return fresh->data;
}

void *tl_arena_alloc(tl_arena *a, size_t bytes)
{
	return take(a, bytes, TL_ALIGN);
}

void *tl_arena_alloc_small(tl_arena *a, size_t bytes)
{
	return take(a, bytes, 8);
}

char *tl_arena_strdup(tl_arena *a, const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = tl_arena_alloc_small(a, n);
	return copy ? memcpy(copy, s, n) : NULL;
}

static void empty_chunks(tl_chunk *from)
{
	for (tl_chunk *c = from; c; c = c->next) {
		ASAN_POISON_MEMORY_REGION(c->data, c->size);
		c->used = 0;
	}
}

tl_mark tl_arena_mark(const tl_arena *a)
{
	return (tl_mark){a->current, a->current ? a->current->used : 0};
}

void tl_arena_rewind(tl_arena *a, tl_mark mark)
{
	if (!mark.chunk) {
		tl_arena_clear(a);
		return;
	}
	mark.chunk->used = mark.used;
	ASAN_POISON_MEMORY_REGION(mark.chunk->data + mark.used, mark.chunk->size - mark.used);
	empty_chunks(mark.chunk->next);
	a->current = mark.chunk;
}

void tl_arena_clear(tl_arena *a)
{
	empty_chunks(a->first);
	a->current = a->first;
}

void tl_arena_release(tl_arena *a)
{
	for (tl_chunk *c = a->first, *next; c; c = next) {
		next = c->next;
		ASAN_UNPOISON_MEMORY_REGION(c->data, c->size);
		free(c);
	}
	tl_arena_init(a, a->chunk_bytes);
}
