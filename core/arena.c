/* SPDX-License-Identifier: Apache-2.0 */
#include "core/arena.h"

#include <stdlib.h>
#include <string.h>

#ifdef TL_HAS_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

struct tl_chunk {
	tl_chunk *next;
	size_t size; /* bytes of payload */
	char *data;  /* aligned to TL_ALIGN */
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

static void enter(tl_arena *a, tl_chunk *c, char *at)
{
	a->current = c;
	a->at = at;
	a->end = c->data + c->size;
}

/* A piece of the current chunk's free part, or NULL. */
static void *cut(tl_arena *a, size_t bytes, size_t align)
{
	size_t gap = (align - (uintptr_t)a->at % align) % align, left = (size_t)(a->end - a->at);
	if (gap > left || bytes > left - gap)
		return NULL;
	char *piece = a->at + gap;
	a->at = piece + ((bytes + 7) & ~(size_t)7); /* within the chunk, whose size is a multiple of TL_ALIGN */
	ASAN_UNPOISON_MEMORY_REGION(piece, bytes);
	return piece;
}

void *tl__arena_piece(tl_arena *a, size_t bytes, size_t align)
{
	void *piece = a->current ? cut(a, bytes, align) : NULL;
	while (!piece && a->current && a->current->next) {
		enter(a, a->current->next, a->current->next->data);
		piece = cut(a, bytes, align);
	}
	if (piece)
		return piece;
	tl_chunk *fresh = chunk_new(a, bytes);
	if (!fresh)
		return NULL;
	if (a->current)
		a->current->next = fresh;
	else
		a->first = fresh;
	enter(a, fresh, fresh->data);
	return cut(a, bytes, align);
}

void *tl_arena_alloc(tl_arena *a, size_t bytes)
{
	return tl__arena_piece(a, bytes, TL_ALIGN);
}

char *tl_arena_strdup(tl_arena *a, const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = tl_arena_alloc_small(a, n);
	return copy ? memcpy(copy, s, n) : NULL;
}

tl_mark tl_arena_mark(const tl_arena *a)
{
	return (tl_mark){a->current, a->at};
}

void tl_arena_rewind(tl_arena *a, tl_mark mark)
{
	if (!mark.chunk) {
		tl_arena_clear(a);
		return;
	}
	enter(a, mark.chunk, mark.at);
	ASAN_POISON_MEMORY_REGION(a->at, (size_t)(a->end - a->at));
	for (tl_chunk *c = mark.chunk->next; c; c = c->next)
		ASAN_POISON_MEMORY_REGION(c->data, c->size);
}

void tl_arena_clear(tl_arena *a)
{
	if (a->first)
		tl_arena_rewind(a, (tl_mark){a->first, a->first->data});
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
