/* SPDX-License-Identifier: Apache-2.0 */
#include "optim/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "graph/touched.h"

#define PAGE (4096 / (int64_t)sizeof(tl_real)) /* elements */
#define ALIGN_ELEMENTS ((int64_t)(TL_ALIGN / sizeof(tl_real)))
#define MAX_SPAN (INT64_MAX / (int64_t)sizeof(tl_real) / 4) /* make_room may ask for twice as much */

struct tl_store {
	tl_arena records; /* parameters and their names */
	tl_param **params;
	int count, capacity;
	int64_t size;
	int64_t span; /* elements used, with padding */
	int64_t room; /* elements allocated */
	tl_real *values, *grads;
	void *grads_block; /* in which they start at a multiple of TL_ALIGN */
	tl_real *snapshot; /* of the first snapshot_span elements */
	int64_t snapshot_span;
	bool sealed;
	bool flat; /* the gradients were given out as one array */
	tl_pool *pool;
};

tl_store *tl_store_new(void)
{
	tl_store *s = calloc(1, sizeof *s);
	if (s)
		tl_arena_init(&s->records, 4096);
	return s;
}

/* No gradient has a list of touched rows any more. */
static void forget_lists(tl_store *s)
{
	for (int k = 0; k < s->count; k++) {
		if (s->params[k]->touched)
			tl__touched_release(s->params[k]->touched);
		s->params[k]->touched = NULL;
	}
}

void tl_store_free(tl_store *s)
{
	if (!s)
		return;
	forget_lists(s);
	tl_arena_release(&s->records);
	free(s->params);
	free(s->values);
	free(s->grads_block);
	free(s->snapshot);
	free(s);
}

static size_t bytes(int64_t elements)
{
	return (size_t)elements * sizeof(tl_real);
}

static tl_status check_new(const tl_store *s, const char *name, tl_shape shape, tl_error *err)
{
	char text[TL_SHAPE_TEXT];
	if (s->sealed)
		return tl_error_set(err, TL_ERR_ARGUMENT,
			"parameter '%s' comes too late: add all before an optimiser is made", name);
	if (!*name)
		return tl_error_set(err, TL_ERR_ARGUMENT, "a parameter needs a name");
	for (const char *c = name; *c; c++)
		if (*c <= ' ' || *c > '~')
			return tl_error_set(err, TL_ERR_ARGUMENT,
				"parameter '%s': character %d of the name is not printable ASCII, or a space",
				name, (int)(c - name) + 1);
	if (tl_store_find(s, name))
		return tl_error_set(err, TL_ERR_ARGUMENT, "there is a parameter '%s' already", name);
	if (!tl_shape_valid(shape))
		return tl_error_set(err, TL_ERR_SHAPE, "parameter '%s': %s is no valid shape", name,
			tl_shape_text(shape, text));
	return TL_OK;
}

/*
 * Gradients come from calloc and are not written to before something is added to them: the system then gives
 * memory page by page to rows that are looked up, and none to the rest of a large table.
 */
static tl_real *new_grads(int64_t room, void **block)
{
	*block = calloc(1, bytes(room) + TL_ALIGN);
	return *block ? (tl_real *)(((uintptr_t)*block + TL_ALIGN - 1) / TL_ALIGN * TL_ALIGN) : NULL;
}

/* To where zeros are; pages of zeros are left alone. */
static void move_grads(tl_real *to, const tl_real *from, int64_t n)
{
	for (int64_t at = 0; at < n; at += PAGE) {
		int64_t count = n - at < PAGE ? n - at : PAGE, i = 0;
		while (i < count && from[at + i] == 0)
			i++;
		if (i < count)
			memcpy(to + at, from + at, bytes(count));
	}
}

/* Move both arrays to where `span` elements have room; what is used moves along. */
static bool make_room(tl_store *s, int64_t span)
{
	if (span <= s->room)
		return true;
	int64_t room = span > 2 * s->room ? span : 2 * s->room;
	void *block;
	tl_real *values = aligned_alloc(TL_ALIGN, bytes(room));
	tl_real *grads = new_grads(room, &block);
	if (!values || !grads) {
		free(values);
		free(block);
		return false;
	}
	for (int k = 0; k < s->count; k++) {
		tl_param *p = s->params[k];
		int64_t at = (tl_real *)p->value.data - s->values;
		p->value.data = values + at;
		p->grad.data = grads + at;
	}
	if (s->span) {
		memcpy(values, s->values, bytes(s->span));
		move_grads(grads, s->grads, s->span);
	}
	free(s->values);
	free(s->grads_block);
	s->values = values;
	s->grads = grads;
	s->grads_block = block;
	s->room = room;
	return true;
}

static bool make_slot(tl_store *s)
{
	if (s->count < s->capacity)
		return true;
	int capacity = s->capacity ? 2 * s->capacity : 16;
	tl_param **params = realloc(s->params, (size_t)capacity * sizeof(tl_param *));
	if (!params)
		return false;
	s->params = params;
	s->capacity = capacity;
	return true;
}

tl_param *tl_store_add(tl_store *s, const char *name, tl_shape shape, tl_error *err)
{
	if (check_new(s, name, shape, err))
		return NULL;
	int64_t size = tl_shape_size(shape);
	int64_t taken = size > 0 ? size : 1; /* an empty parameter has an address, too */
	int64_t padded = (taken + ALIGN_ELEMENTS - 1) / ALIGN_ELEMENTS * ALIGN_ELEMENTS;
	tl_param *p = tl_arena_alloc_small(&s->records, sizeof *p);
	char *copy = tl_arena_strdup(&s->records, name);
	tl_touched *touched = tl_arena_alloc_small(&s->records, sizeof *touched);
	if (!p || !copy || !touched || padded > MAX_SPAN - s->span || !make_slot(s) || !make_room(s, s->span + padded)) {
		tl_error_memory(err);
		return NULL;
	}
	tl_real *value = s->values + s->span, *grad = s->grads + s->span;
	memset(value, 0, bytes(padded));
	*touched = (tl_touched){0};
	*p = (tl_param){.name = copy,
		.value = tl_tensor_dense(TL_REAL, shape, value),
		.grad = tl_tensor_dense(TL_REAL, shape, grad),
		.touched = s->flat ? NULL : touched};
	s->params[s->count++] = p;
	s->span += padded;
	s->size += size;
	return p;
}

void tl_store_seal(tl_store *s)
{
	s->sealed = true;
}

int tl_store_count(const tl_store *s)
{
	return s->count;
}

tl_param *tl_store_at(const tl_store *s, int k)
{
	assert(k >= 0 && k < s->count);
	return s->params[k];
}

tl_param *tl_store_find(const tl_store *s, const char *name)
{
	for (int k = 0; k < s->count; k++)
		if (strcmp(s->params[k]->name, name) == 0)
			return s->params[k];
	return NULL;
}

int64_t tl_store_size(const tl_store *s)
{
	return s->size;
}

int64_t tl_store_span(const tl_store *s)
{
	return s->span;
}

tl_real *tl_store_values(const tl_store *s)
{
	return s->values;
}

tl_real *tl_store_grads(tl_store *s)
{
	if (!s->flat)
		forget_lists(s);
	s->flat = true;
	return s->grads;
}

void tl_store_set_pool(tl_store *s, tl_pool *pool)
{
	s->pool = pool;
}

tl_pool *tl__store_pool(const tl_store *s)
{
	return s->pool;
}

/* Elements up to the next parameter, padding included. */
static int64_t room_of(const tl_store *s, int k)
{
	const tl_real *next = k + 1 < s->count ? s->params[k + 1]->grad.data : s->grads + s->span;
	return next - (tl_real *)s->params[k]->grad.data;
}

/* Neighbours without a list are cleared together. */
void tl_store_zero_grad(tl_store *s)
{
	for (int k = 0; k < s->count;) {
		tl_real *grad = s->params[k]->grad.data;
		int64_t n = 0;
		for (; k < s->count && !tl__touched_listed(s->params[k]); k++) {
			n += room_of(s, k);
			tl__touched_forget(s->params[k]);
		}
		if (n > 0)
			tl__zero(grad, n);
		else
			tl__touched_zero(s->params[k++]);
	}
}

tl_status tl_store_backward(tl_store *s, tl_var loss)
{
	for (int k = 0; k < s->count; k++)
		s->params[k]->stale = true;
	tl_status status = tl_backward(loss);
	for (int k = 0; k < s->count; k++) {
		if (s->params[k]->stale)
			tl__touched_zero(s->params[k]);
		s->params[k]->stale = false;
	}
	return status;
}

tl_status tl_store_freeze(tl_store *s, const char *name, bool frozen, tl_error *err)
{
	size_t n = strlen(name);
	bool found = false;
	for (int k = 0; k < s->count; k++) {
		tl_param *p = s->params[k];
		if (strncmp(p->name, name, n) == 0 && (p->name[n] == '\0' || p->name[n] == '.')) {
			p->frozen = frozen;
			found = true;
		}
	}
	if (found)
		return TL_OK;
	return tl_error_set(err, TL_ERR_ARGUMENT, "there is no parameter '%s', nor one below it", name);
}

tl_status tl_store_snapshot(tl_store *s, tl_error *err)
{
	if (s->snapshot_span < s->span) {
		tl_real *fresh = realloc(s->snapshot, bytes(s->span));
		if (!fresh)
			return tl_error_memory(err);
		s->snapshot = fresh;
		s->snapshot_span = s->span;
	}
	if (s->span)
		memcpy(s->snapshot, s->values, bytes(s->span));
	return TL_OK;
}

bool tl_store_restore(tl_store *s)
{
	if (!s->snapshot)
		return false;
	memcpy(s->values, s->snapshot, bytes(s->snapshot_span));
	return true;
}
