/* SPDX-License-Identifier: Apache-2.0 */
/* The header of a safetensors file: every claim is checked here, so that reading can rely on it. */
#include "core/safetensors_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/file_error.h"

static tl_status parse_metadata(tl_safetensors *f, json_t *object, tl_error *err)
{
	if (!json_is_object(object))
		return tl__file_error(
			err, TL_ERR_FORMAT, f->path, TL__SAFETENSORS_METADATA " is not an object");
	f->metadata = calloc(json_object_size(object) + 1, sizeof *f->metadata);
	if (!f->metadata)
		return tl_error_memory(err);
	const char *key;
	json_t *value;
	json_object_foreach(object, key, value)
	{
		char shown[TL_EXCERPT];
		if (!json_is_string(value))
			return tl__file_error(err, TL_ERR_FORMAT, f->path,
				"the value of '%s' in " TL__SAFETENSORS_METADATA " is not a string",
				tl__excerpt(key, shown));
		f->metadata[f->metadata_count++] = (tl_safetensors_pair){key, json_string_value(value)};
	}
	return TL_OK;
}

/* `name` is for sentences, here and below. */
static tl_status parse_shape(
	const tl_safetensors *f, const char *name, const json_t *list, tl_shape *shape, tl_error *err)
{
	if (!json_is_array(list))
		return tl__file_error(
			err, TL_ERR_FORMAT, f->path, "tensor '%s' has no list as its shape", name);
	if (json_array_size(list) > TL_MAX_AXES)
		return tl__file_error(err, TL_ERR_FORMAT, f->path,
			"tensor '%s' has %zu axes; at most %d can be read", name, json_array_size(list),
			TL_MAX_AXES);
	*shape = (tl_shape){.axes = (int)json_array_size(list)};
	tl_shape full = *shape; /* sizes of 0 left out: they must not hide that the others overflow */
	for (int i = 0; i < shape->axes; i++) {
		const json_t *size = json_array_get(list, (size_t)i);
		if (!json_is_integer(size) || json_integer_value(size) < 0)
			return tl__file_error(err, TL_ERR_FORMAT, f->path,
				"the size of axis %d of tensor '%s' is not a whole number from 0 up", i,
				name);
		shape->dim[i] = json_integer_value(size);
		full.dim[i] = shape->dim[i] ? shape->dim[i] : 1;
	}
	char text[TL_SHAPE_TEXT];
	if (!tl_shape_valid(full))
		return tl__file_error(err, TL_ERR_FORMAT, f->path,
			"the shape %s of tensor '%s' has more elements than can be counted",
			tl_shape_text(*shape, text), name);
	return TL_OK;
}

static tl_status parse_offsets(const tl_safetensors *f, const char *name, const json_t *list,
	tl__safetensors_entry *entry, tl_error *err)
{
	const json_t *begin = json_array_get(list, 0), *end = json_array_get(list, 1);
	if (json_array_size(list) != 2 || !json_is_integer(begin) || !json_is_integer(end) ||
		json_integer_value(begin) < 0 || json_integer_value(end) < 0)
		return tl__file_error(err, TL_ERR_FORMAT, f->path,
			"the data_offsets of tensor '%s' are not two whole numbers from 0 up", name);
	entry->begin = json_integer_value(begin);
	entry->end = json_integer_value(end);
	if (entry->begin > entry->end)
		return tl__file_error(err, TL_ERR_FORMAT, f->path,
			"tensor '%s' begins at byte %" PRId64 " but ends at byte %" PRId64, name,
			entry->begin, entry->end);
	if (entry->end > f->data_bytes)
		return tl__file_error(err, TL_ERR_FORMAT, f->path,
			"tensor '%s' claims bytes %" PRId64 "..%" PRId64 " but the file holds %" PRId64
			" bytes of data; the file was cut short or damaged",
			name, entry->begin, entry->end, f->data_bytes);
	return TL_OK;
}

static tl_status parse_entry(tl_safetensors *f, const char *key, const json_t *object, tl_error *err)
{
	char name[TL_EXCERPT], text[TL_SHAPE_TEXT];
	tl__excerpt(key, name);
	if (!json_is_object(object))
		return tl__file_error(
			err, TL_ERR_FORMAT, f->path, "tensor '%s' is not described by an object", name);
	tl__safetensors_entry *e = &f->entries[f->count];
	*e = (tl__safetensors_entry){.name = key, .order = f->count};
	e->dtype = json_string_value(json_object_get(object, "dtype"));
	if (!e->dtype)
		return tl__file_error(
			err, TL_ERR_FORMAT, f->path, "tensor '%s' has no string as its dtype", name);
	e->type = tl__safetensors_type_find(e->dtype);
	tl_status status = parse_shape(f, name, json_object_get(object, "shape"), &e->shape, err);
	if (!status)
		status = parse_offsets(f, name, json_object_get(object, "data_offsets"), e, err);
	if (status)
		return status;
	int64_t size = tl_shape_size(e->shape);
	if (e->type && size * e->type->bytes != e->end - e->begin)
		return tl__file_error(err, TL_ERR_FORMAT, f->path,
			"tensor '%s' of dtype %s and shape %s needs %" PRId64 " bytes but claims %" PRId64
			"..%" PRId64,
			name, e->dtype, tl_shape_text(e->shape, text), size * e->type->bytes, e->begin,
			e->end);
	f->count++;
	return TL_OK;
}

static int compare_entries(const void *a, const void *b)
{
	const tl__safetensors_entry *x = a, *y = b;
	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	return x->order - y->order;
}

static tl_status check_cover(const tl_safetensors *f, tl_error *err)
{
	int64_t covered = 0;
	for (int k = 0; k <= f->count; k++) {
		int64_t begin = k < f->count ? f->entries[k].begin : f->data_bytes;
		char a[TL_EXCERPT], b[TL_EXCERPT];
		if (begin > covered)
			return tl__file_error(err, TL_ERR_FORMAT, f->path,
				"bytes %" PRId64 "..%" PRId64 " of the data belong to no tensor", covered,
				begin);
		if (begin < covered)
			return tl__file_error(err, TL_ERR_FORMAT, f->path,
				"tensors '%s' and '%s' overlap at byte %" PRId64,
				tl__excerpt(f->entries[k - 1].name, a), tl__excerpt(f->entries[k].name, b),
				begin);
		if (k < f->count)
			covered = f->entries[k].end;
	}
	return TL_OK;
}

int tl__safetensors_compare_names(const void *a, const void *b)
{
	return strcmp((*(const tl__safetensors_entry *const *)a)->name, (*(const tl__safetensors_entry *const *)b)->name);
}

tl_status tl__safetensors_parse(tl_safetensors *f, tl_error *err)
{
	f->entries = calloc(json_object_size(f->header) + 1, sizeof *f->entries);
	f->by_name = calloc(json_object_size(f->header) + 1, sizeof *f->by_name);
	if (!f->entries || !f->by_name)
		return tl_error_memory(err);
	const char *key;
	json_t *value;
	json_object_foreach(f->header, key, value)
	{
		tl_status status;
		if (strcmp(key, TL__SAFETENSORS_METADATA) == 0)
			status = parse_metadata(f, value, err);
		else
			status = parse_entry(f, key, value, err);
		if (status)
			return status;
	}
	qsort(f->entries, (size_t)f->count, sizeof *f->entries, compare_entries);
	for (int k = 0; k < f->count; k++)
		f->by_name[k] = &f->entries[k];
	qsort(f->by_name, (size_t)f->count, sizeof *f->by_name, tl__safetensors_compare_names);
	return check_cover(f, err);
}
