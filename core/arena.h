/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory by lifetime. An arena hands out aligned pieces of large chunks and takes them back all at
 * once: a training step's memory is returned by clearing, never by walking.
 *
 *	chunk 0                      chunk 1
 *	[piece|piece|..lost..]  ->   [piece|..free..]  ->  NULL
 *	                                    ^ at      ^ end
 *
 * Chunks are kept when an arena is cleared, so the steady state allocates nothing. Pieces never move.
 * Under AddressSanitizer, free parts are poisoned.
 */
#ifndef TL_CORE_ARENA_H
#define TL_CORE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "core/real.h"

#if defined(__SANITIZE_ADDRESS__)
#define TL_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TL_HAS_ASAN 1
#endif
#endif

#define TL_ALIGN 64 /* bytes: a cache line, an AVX-512 register */

typedef struct tl_chunk tl_chunk;

typedef struct tl_arena {
	tl_chunk *first;    /* list of all chunks */
	tl_chunk *current;  /* pieces come from here; later chunks are empty */
	char *at, *end;     /* its free part, aligned to 8 bytes */
	size_t chunk_bytes; /* size of a new chunk; a larger request gets a chunk of its own size */
	size_t total;       /* bytes held from the system */
	uint64_t grown;     /* how often the system was asked for memory */
} tl_arena;

/* chunk_bytes 0: 1 MiB. Allocates nothing. */
TL_API void tl_arena_init(tl_arena *a, size_t chunk_bytes);
/* Uninitialised memory aligned to TL_ALIGN, or NULL. */
TL_API void *tl_arena_alloc(tl_arena *a, size_t bytes);
TL_API void *tl__arena_piece(tl_arena *a, size_t bytes, size_t align);

/* The same, packed: aligned to 8 bytes only; for small records. */
static inline void *tl_arena_alloc_small(tl_arena *a, size_t bytes)
{
#ifndef TL_HAS_ASAN
	size_t size = (bytes + 7) & ~(size_t)7;
	if (size >= bytes && size < (size_t)(a->end - a->at)) {
		void *piece = a->at;
		a->at += size;
		return piece;
	}
#endif
	return tl__arena_piece(a, bytes, 8);
}

/* A copy of a string, or NULL. */
TL_API char *tl_arena_strdup(tl_arena *a, const char *s);
/* A place to come back to: rewinding takes back every piece handed out since, and keeps the chunks. */
typedef struct tl_mark {
	tl_chunk *chunk;
	char *at;
} tl_mark;
TL_API tl_mark tl_arena_mark(const tl_arena *a);
TL_API void tl_arena_rewind(tl_arena *a, tl_mark mark);
/* Take every piece back, keep the chunks. */
TL_API void tl_arena_clear(tl_arena *a);
/* Give all memory back to the system; the arena can be used again. */
TL_API void tl_arena_release(tl_arena *a);

#endif
