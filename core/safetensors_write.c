/* SPDX-License-Identifier: Apache-2.0 */
/* Writing safetensors files. */
#include "core/safetensors_file.h"

#include <stdlib.h>
#include <string.h>

#include "core/file_error.h"
#include "core/raw.h"

#define DATA_ALIGN 8 /* bytes; where the data start */

/* Takes value over. */
static tl_status add(json_t *object, const char *key, json_t *value, const char *path, tl_error *err)
{
	char shown[TL_EXCERPT];
	tl_status status = tl__file_text(path, key, err);
	if (!status && json_object_get(object, key))
		status = tl__file_error(err, TL_ERR_ARGUMENT, path, "cannot be written: '%s' stands twice",
			tl__excerpt(key, shown));
	if (status) {
		json_decref(value);
		return status;
	}
	return json_object_set_new_nocheck(object, key, value) == 0 ? TL_OK : tl_error_memory(err);
}

static tl_status describe_metadata(
	json_t *header, const tl_safetensors_pair *metadata, int n, const char *path, tl_error *err)
{
	json_t *pairs = json_object();
	tl_status status = add(header, TL__SAFETENSORS_METADATA, pairs, path, err);
	for (int i = 0; i < n && !status; i++) {
		status = tl__file_text(path, metadata[i].value, err);
		if (!status)
			status = add(
				pairs, metadata[i].key, json_string_nocheck(metadata[i].value), path, err);
	}
	return status;
}

static const char *dtype_of(const tl_tensor *t)
{
	return t->dtype == TL_I32 ? "I32" : sizeof(tl_real) == sizeof(float) ? "F32" : "F64";
}

/* *end: where the data of the tensors before end; moved past this one's. */
static tl_status describe_tensor(
	json_t *header, const tl_safetensors_item *item, int64_t *end, const char *path, tl_error *err)
{
	const tl_shape *shape = &item->tensor.shape;
	char shown[TL_EXCERPT];
	if (strcmp(item->name, TL__SAFETENSORS_METADATA) == 0)
		return tl__file_error(err, TL_ERR_ARGUMENT, path,
			"cannot be written: a tensor cannot be named " TL__SAFETENSORS_METADATA);
	int64_t bytes = 0;
	if (tl_shape_valid(*shape))
		bytes = tl_shape_size(*shape) * (int64_t)tl_dtype_size(item->tensor.dtype);
	if (!tl_shape_valid(*shape) || bytes > INT64_MAX - *end)
		return tl__file_error(err, TL_ERR_SHAPE, path,
			"cannot be written: the shape of tensor '%s' is out of range",
			tl__excerpt(item->name, shown));
	json_t *sizes = json_array();
	int failed = 0;
	for (int i = 0; i < shape->axes; i++)
		failed |= json_array_append_new(sizes, json_integer(shape->dim[i]));
	json_t *about = json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtype_of(&item->tensor), "shape", sizes,
		"data_offsets", (json_int_t)*end, (json_int_t)(*end + bytes));
	*end += bytes;
	if (failed) {
		json_decref(about);
		return tl_error_memory(err);
	}
	return add(header, item->name, about, path, err);
}

/* *out becomes the header with its length in front and its padding behind, to be freed. */
static tl_status header_bytes(
	const json_t *header, unsigned char **out, size_t *bytes, const char *path, tl_error *err)
{
	size_t length = json_dumpb(header, NULL, 0, JSON_COMPACT);
	size_t padded = (length + DATA_ALIGN - 1) / DATA_ALIGN * DATA_ALIGN;
	if (padded > (size_t)TL__SAFETENSORS_MAX_HEADER)
		return tl__file_error(err, TL_ERR_ARGUMENT, path,
			"cannot be written: its header would take %zu bytes, and the format allows %lld",
			padded, (long long)TL__SAFETENSORS_MAX_HEADER);
	*bytes = TL__SAFETENSORS_PREFIX + padded;
	*out = length ? malloc(*bytes) : NULL;
	if (!*out)
		return tl_error_memory(err);
	char *text = (char *)*out + TL__SAFETENSORS_PREFIX;
	if (json_dumpb(header, text, length, JSON_COMPACT) != length)
		return tl_error_memory(err);
	memset(text + length, ' ', padded - length);
	tl__raw_put(*out, padded, TL__SAFETENSORS_PREFIX);
	return TL_OK;
}

static tl_status write_file(const char *path, const unsigned char *header, size_t header_length,
	const tl_safetensors_item *items, int n_items, tl_error *err)
{
	tl_atomic_file file;
	tl_status status = tl_atomic_file_open(&file, path, err);
	if (!status)
		status = tl_atomic_file_write(&file, header, header_length, err);
	for (int k = 0; k < n_items && !status; k++)
		status = tl__raw_write(&file, &items[k].tensor, err);
	if (!status)
		status = tl_atomic_file_commit(&file, err);
	tl_atomic_file_release(&file);
	return status;
}

tl_status tl_safetensors_write(const char *path, const tl_safetensors_item *items, int n_items,
	const tl_safetensors_pair *metadata, int n_metadata, tl_error *err)
{
	json_t *object = json_object();
	tl_status status = object ? TL_OK : tl_error_memory(err);
	if (!status && n_metadata > 0)
		status = describe_metadata(object, metadata, n_metadata, path, err);
	int64_t end = 0;
	for (int k = 0; k < n_items && !status; k++)
		status = describe_tensor(object, &items[k], &end, path, err);
	unsigned char *header = NULL;
	size_t length = 0;
	if (!status)
		status = header_bytes(object, &header, &length, path, err);
	if (!status)
		status = write_file(path, header, length, items, n_items, err);
	json_decref(object);
	free(header);
	return status;
}
