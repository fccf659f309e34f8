/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions by shape. A function has the shapes of its recording; who meets a few shapes again and again (lengths of
 * sentences, rows of a beam) keeps one for each, up to a number: that which was not used for longest goes first.
 *
 *	tl_function *f = tl_function_cache_find(cache, 2, (int64_t[]){T, B});
 *	if (!f && (f = tl_function_new(tape, &options, &err)))
 *		tl_function_cache_add(cache, 2, (int64_t[]){T, B}, f);
 */
#ifndef TL_GRAPH_FUNCTION_CACHE_H
#define TL_GRAPH_FUNCTION_CACHE_H

#include "graph/function.h"

#define TL_FUNCTION_KEY 4 /* numbers of a key, at most */

typedef struct tl_function_cache tl_function_cache;

/* For up to `most` functions, 1 at least. NULL where memory is out. */
TL_API tl_function_cache *tl_function_cache_new(int most);
/* With all functions in it, so before their tape. NULL is fine. */
TL_API void tl_function_cache_free(tl_function_cache *c);
/* NULL where there is none of that key. */
TL_API tl_function *tl_function_cache_find(tl_function_cache *c, int n, const int64_t *key);
/* Gives it to the cache, which frees it some time, in place of one of that key if there is one. */
TL_API void tl_function_cache_add(tl_function_cache *c, int n, const int64_t *key, tl_function *f);
TL_API int tl_function_cache_count(const tl_function_cache *c);

#endif
