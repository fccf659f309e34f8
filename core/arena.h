/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory by lifetime. An arena hands out aligned pieces of large chunks and takes them back all at
 * once: a training step's memory is returned by clearing, never by walking.
 *
 *	chunk 0                      chunk 1
 *	[piece|piece|..free..]  ->   [piece|..free..]  ->  NULL
 *	                              ^ used
 *
 * Chunks are kept when an arena is cleared, so the steady state allocates nothing. Pieces never move.
 * Under AddressSanitizer, free parts are poisoned.
 */
#ifndef TL_CORE_ARENA_H
#define TL_CORE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "core/real.h"

#define TL_ALIGN 64 /* bytes: a cache line, an AVX-512 register */

typedef struct tl_chunk tl_chunk;

typedef struct tl_arena {
	tl_chunk *first;    /* list of all chunks */
	tl_chunk *current;  /* pieces come from here; later chunks are empty */
	size_t chunk_bytes; /* size of a new chunk; a larger request gets a chunk of its own size */
	size_t total;       /* bytes held from the system */
	uint64_t grown;     /* how often the system was asked for memory */
} tl_arena;

/* chunk_bytes 0: 1 MiB. Allocates nothing. */
TL_API void tl_arena_init(tl_arena *a, size_t chunk_bytes);
/* Uninitialised memory aligned to TL_ALIGN, or NULL. */
TL_API void *tl_arena_alloc(tl_arena *a, size_t bytes);
/* The same, packed: aligned to 8 bytes only; for small records. */
TL_API void *tl_arena_alloc_small(tl_arena *a, size_t bytes);
/* A copy of a string, or NULL. */
TL_API char *tl_arena_strdup(tl_arena *a, const char *s);
/* A place to come back to: rewinding takes back every piece handed out since, and keeps the chunks. */
typedef struct tl_mark {
	tl_chunk *chunk;
	size_t used;
} tl_mark;
TL_API tl_mark tl_arena_mark(const tl_arena *a);
TL_API void tl_arena_rewind(tl_arena *a, tl_mark mark);
/* Take every piece back, keep the chunks. */
TL_API void tl_arena_clear(tl_arena *a);
/* Give all memory back to the system; the arena can be used again. */
TL_API void tl_arena_release(tl_arena *a);

#endif
