/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/task.h"

#include <stdlib.h>
#include <string.h>

task *task_new(const task_kind *kind, train_options *o)
{
	train_options ignored = TRAIN_DEFAULTS;
	task *t = calloc(1, kind->size);
	if (!t)
		return NULL;
	t->kind = kind;
	t->unit = kind->unit;
	kind->defaults(t, o ? o : &ignored);
	return t;
}

void task_free(task *t)
{
	if (!t)
		return;
	t->kind->release(t);
	tl_tape_free(t->tape);
	tl_store_free(t->store);
	for (int k = 0; k < TASK_VOCABS; k++)
		vocab_release(&t->vocab[k]);
	free(t);
}

/* Eight bytes at a time through a multiplication and a shift, as splitmix64 has it (Steele, Lea, Flood, 2014). */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
	return x ^ (x >> 31);
}

void task_digest(task *t, const void *data, size_t bytes)
{
	const unsigned char *at = data;
	uint64_t h = mix(t->digest + bytes + 1);
	for (size_t i = 0; i < bytes; i += 8) {
		uint64_t word = 0;
		memcpy(&word, at + i, bytes - i < 8 ? bytes - i : 8);
		h = mix(h ^ word) + 0x9E3779B97F4A7C15u;
	}
	t->digest = h;
}
