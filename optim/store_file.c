/* SPDX-License-Identifier: Apache-2.0 */
#include "optim/store_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/file_error.h"

tl_safetensors_item tl_store_item(const tl_store *s, int k)
{
	const tl_param *p = tl_store_at(s, k);
	return (tl_safetensors_item){p->name, p->value};
}

/* To be freed; NULL where memory is out. */
static tl_safetensors_item *all_items(const tl_store *s)
{
	int n = tl_store_count(s);
	tl_safetensors_item *items = malloc(((size_t)n + 1) * sizeof *items);
	for (int k = 0; items && k < n; k++)
		items[k] = tl_store_item(s, k);
	return items;
}

tl_status tl_store_save(const tl_store *s, const char *path, const tl_safetensors_pair *metadata,
	int n_metadata, tl_error *err)
{
	tl_safetensors_item *items = all_items(s);
	if (!items)
		return tl_error_memory(err);
	tl_status status = tl_safetensors_write(path, items, tl_store_count(s), metadata, n_metadata, err);
	free(items);
	return status;
}

/* Names for one part of the sentence: "a, b". Three parts fit into a tl_error; further names are counted only. */
typedef struct list {
	int count, shown;
	size_t used;
	char text[1200];
} list;

static void add(list *l, const char *text)
{
	size_t n = strlen(text), comma = l->used ? 2 : 0;
	if (l->shown == l->count && l->used + comma + n < sizeof l->text) {
		snprintf(l->text + l->used, sizeof l->text - l->used, "%s%s", comma ? ", " : "", text);
		l->used += comma + n;
		l->shown++;
	}
	l->count++;
}

static void add_shape(list *l, const tl_safetensors_item *item, tl_shape in_file)
{
	char name[TL_EXCERPT], want[TL_SHAPE_TEXT], got[TL_SHAPE_TEXT];
	char text[TL_EXCERPT + 2 * TL_SHAPE_TEXT + 16];
	snprintf(text, sizeof text, "%s: %s instead of %s", tl__excerpt(item->name, name),
		tl_shape_text(in_file, got), tl_shape_text(item->tensor.shape, want));
	add(l, text);
}

/* Appends "; 3 missing (a, b, c)" or "; 90 missing (a, b, ... and 88 more)", unless the list is empty. */
static void say(char sentence[TL_ERROR_TEXT], const char *what, const list *l)
{
	size_t used = strlen(sentence);
	char more[32] = "";
	if (l->shown < l->count)
		snprintf(more, sizeof more, ", ... and %d more", l->count - l->shown);
	if (l->count)
		snprintf(sentence + used, TL_ERROR_TEXT - used, "; %d %s (%s%s)", l->count, what, l->text, more);
}

/* found[k] becomes item k's number in the file; wanted[i]: tensor i of the file is some item's. */
static tl_status check_fit(const tl_safetensors_item *items, int n, const tl_safetensors *f, bool whole, int *found,
	bool *wanted, tl_error *err)
{
	list missing = {0}, unexpected = {0}, shapes = {0};
	char shown[TL_EXCERPT];
	for (int k = 0; k < n; k++) {
		found[k] = tl_safetensors_find(f, items[k].name);
		if (found[k] < 0) {
			add(&missing, tl__excerpt(items[k].name, shown));
			continue;
		}
		wanted[found[k]] = true;
		tl_shape in_file = tl_safetensors_shape(f, found[k]);
		if (!tl_shape_equal(items[k].tensor.shape, in_file))
			add_shape(&shapes, &items[k], in_file);
	}
	for (int i = 0; whole && i < tl_safetensors_count(f); i++)
		if (!wanted[i])
			add(&unexpected, tl__excerpt(tl_safetensors_name(f, i), shown));
	if (!missing.count && !unexpected.count && !shapes.count)
		return TL_OK;
	char sentence[TL_ERROR_TEXT] = "the file does not fit";
	say(sentence, "missing", &missing);
	say(sentence, "unexpected", &unexpected);
	say(sentence, "of another shape", &shapes);
	return tl__file_error(err, TL_ERR_FORMAT, tl_safetensors_path(f), "%s", sentence);
}

/* Reads everything before the first element of an item is changed. */
static tl_status read_all(const tl_safetensors_item *items, int n, const tl_safetensors *f, const int *found,
	tl_tensor *staged, tl_arena *memory, tl_error *err)
{
	for (int k = 0; k < n; k++) {
		const tl_tensor *to = &items[k].tensor;
		void *data =
			tl_arena_alloc(memory, (size_t)tl_shape_size(to->shape) * tl_dtype_size(to->dtype));
		if (!data)
			return tl_error_memory(err);
		staged[k] = tl_tensor_dense(to->dtype, to->shape, data);
		tl_status status = tl_safetensors_read(f, found[k], &staged[k], err);
		if (status)
			return status;
	}
	for (int k = 0; k < n; k++)
		tl_tensor_copy(&items[k].tensor, &staged[k]);
	return TL_OK;
}

/* whole: the file may hold nothing else. */
static tl_status load(const tl_safetensors_item *items, int n, const tl_safetensors *f, bool whole, tl_error *err)
{
	tl_arena memory;
	tl_arena_init(&memory, 0);
	size_t in_file = (size_t)tl_safetensors_count(f);
	int *found = tl_arena_alloc_small(&memory, (size_t)n * sizeof *found);
	bool *wanted = tl_arena_alloc_small(&memory, in_file * sizeof *wanted);
	tl_tensor *staged = tl_arena_alloc_small(&memory, (size_t)n * sizeof *staged);
	tl_status status = TL_OK;
	if (found && wanted && staged) {
		memset(wanted, 0, in_file * sizeof *wanted);
		status = check_fit(items, n, f, whole, found, wanted, err);
		if (!status)
			status = read_all(items, n, f, found, staged, &memory, err);
	} else {
		status = tl_error_memory(err);
	}
	tl_arena_release(&memory);
	return status;
}

tl_status tl_items_load(const tl_safetensors_item *items, int n, const tl_safetensors *f, tl_error *err)
{
	return load(items, n, f, true, err);
}

tl_status tl_items_load_part(const tl_safetensors_item *items, int n, const tl_safetensors *f, tl_error *err)
{
	return load(items, n, f, false, err);
}

static tl_status load_store(tl_store *s, const tl_safetensors *f, bool whole, tl_error *err)
{
	tl_safetensors_item *items = all_items(s);
	if (!items)
		return tl_error_memory(err);
	tl_status status = load(items, tl_store_count(s), f, whole, err);
	free(items);
	return status;
}

tl_status tl_store_load(tl_store *s, const tl_safetensors *f, tl_error *err)
{
	return load_store(s, f, true, err);
}

tl_status tl_store_load_part(tl_store *s, const tl_safetensors *f, tl_error *err)
{
	return load_store(s, f, false, err);
}
