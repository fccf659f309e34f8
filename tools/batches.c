/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/batches.h"

#include <assert.h>
#include <stdlib.h>

#include "core/random.h"

#define STREAM 0x62617463686573u /* "batches": of the random numbers; the epoch is added */

struct batch_key {
	int64_t length1, length2, place;
	int64_t example;
};

tl_status batches_init(batches *b, const batch_options *options, tl_error *err)
{
	assert(options->n >= 0 && options->size > 0);
	size_t n = (size_t)options->n;
	*b = (batches){.options = *options};
	b->count = options->n / options->size + (options->n % options->size > 0);
	b->order = malloc((n + 1) * sizeof *b->order);
	b->batch = malloc(((size_t)b->count + 1) * sizeof *b->batch);
	b->keys = malloc((n + 1) * sizeof *b->keys);
	if (b->order && b->batch && b->keys)
		return TL_OK;
	batches_release(b);
	return tl_error_memory(err);
}

void batches_release(batches *b)
{
	free(b->order);
	free(b->batch);
	free(b->keys);
	*b = (batches){0};
}

/* 0..n-1, in the order of Fisher and Yates where rng is not NULL. */
static void number(int64_t *v, int64_t n, tl_rng *rng)
{
	for (int64_t i = 0; i < n; i++) {
		int64_t k = rng ? tl_rng_below(rng, i + 1) : i;
		if (k < i)
			v[i] = v[k];
		v[k] = i;
	}
}

static int compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int compare_keys(const void *pa, const void *pb)
{
	const struct batch_key *a = pa, *b = pb;
	int c = compare(a->length1, b->length1);
	c = c ? c : compare(a->length2, b->length2);
	return c ? c : compare(a->place, b->place);
}

static void sort(batches *b)
{
	const batch_options *o = &b->options;
	for (int64_t i = 0; i < o->n; i++) {
		int64_t k = b->order[i];
		b->keys[i] = (struct batch_key){
			o->length1 ? o->length1[k] : 0, o->length2 ? o->length2[k] : 0, i, k};
	}
	qsort(b->keys, (size_t)o->n, sizeof *b->keys, compare_keys);
	for (int64_t i = 0; i < o->n; i++)
		b->order[i] = b->keys[i].example;
}

void batches_epoch(batches *b, int64_t epoch)
{
	tl_rng rng = {.seed = b->options.seed, .stream = STREAM + (uint64_t)epoch};
	tl_rng *random = b->options.shuffled ? &rng : NULL;
	number(b->order, b->options.n, random);
	for (int64_t i = 0; i < b->options.n && b->options.example; i++)
		b->order[i] = b->options.example[b->order[i]];
	if (b->options.sorted)
		sort(b);
	number(b->batch, b->count, b->options.sorted ? random : NULL);
}

const int64_t *batches_get(const batches *b, int64_t k, int64_t *rows)
{
	assert(k >= 0 && k < b->count);
	int64_t first = b->batch[k] * b->options.size, left = b->options.n - first;
	*rows = left < b->options.size ? left : b->options.size;
	return b->order + first;
}

int64_t batch_longest(const int64_t *length, const int64_t *which, int64_t rows)
{
	int64_t longest = 1;
	for (int64_t b = 0; b < rows; b++)
		if (length[which[b]] > longest)
			longest = length[which[b]];
	return longest;
}
