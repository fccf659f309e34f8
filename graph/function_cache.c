/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/function_cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct entry {
	int64_t key[TL_FUNCTION_KEY];
	int n;
	tl_function *f;
	uint64_t used; /* when it was last */
} entry;

struct tl_function_cache {
	entry *all;
	int n, most;
	uint64_t now;
};

tl_function_cache *tl_function_cache_new(int most)
{
	tl_function_cache *c = calloc(1, sizeof *c);
	int n = most < 1 ? 1 : most;
	if (c && !(c->all = calloc((size_t)n, sizeof *c->all))) {
		free(c);
		return NULL;
	}
	if (c)
		c->most = n;
	return c;
}

void tl_function_cache_free(tl_function_cache *c)
{
	for (int k = 0; c && k < c->n; k++)
		tl_function_free(c->all[k].f);
	if (c)
		free(c->all);
	free(c);
}

static entry *find(tl_function_cache *c, int n, const int64_t *key)
{
	for (int k = 0; k < c->n; k++)
		if (c->all[k].n == n && !memcmp(c->all[k].key, key, (size_t)n * sizeof *key))
			return &c->all[k];
	return NULL;
}

tl_function *tl_function_cache_find(tl_function_cache *c, int n, const int64_t *key)
{
	entry *e = find(c, n, key);
	if (!e)
		return NULL;
	e->used = ++c->now;
	return e->f;
}

void tl_function_cache_add(tl_function_cache *c, int n, const int64_t *key, tl_function *f)
{
	assert(n >= 0 && n <= TL_FUNCTION_KEY);
	entry *e = find(c, n, key);
	if (!e && c->n < c->most) {
		e = &c->all[c->n++];
	} else if (!e) {
		e = c->all;
		for (int k = 1; k < c->n; k++)
			e = c->all[k].used < e->used ? &c->all[k] : e;
	}
	tl_function_free(e->f);
	*e = (entry){.n = n, .f = f, .used = ++c->now};
	if (n > 0)
		memcpy(e->key, key, (size_t)n * sizeof *key);
}

int tl_function_cache_count(const tl_function_cache *c)
{
	return c->n;
}
