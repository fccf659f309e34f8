/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a safetensors file, and what a reader can be asked. */
#define _POSIX_C_SOURCE 200809L
#include "core/safetensors_file.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file_error.h"
#include "core/file_read.h"
#include "core/raw.h"

static tl_status parse_json(tl_safetensors *f, const char *text, size_t bytes, tl_error *err)
{
	json_error_t e = {0}; /* jansson leaves the code unset where it reports nothing */
	f->header = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &e);
	if (f->header)
		return TL_OK;
	if (json_error_code(&e) == json_error_out_of_memory || json_error_code(&e) == json_error_unknown)
		return tl_error_memory(err);
	char why[TL_EXCERPT];
	return tl__file_error(err, TL_ERR_FORMAT, f->path, "the header is not valid JSON: %s, at byte %d",
		tl__excerpt(e.text, why), e.position);
}

static tl_status load_header(tl_safetensors *f, int64_t size, tl_error *err)
{
	unsigned char prefix[TL__SAFETENSORS_PREFIX];
	if (size < TL__SAFETENSORS_PREFIX)
		return tl__file_error(err, TL_ERR_FORMAT, f->path,
			"holds %" PRId64
			" bytes, too few for the header's length; the file was cut short or is "
			"no safetensors file",
			size);
	tl_status status = tl__file_pread(f->fd, f->path, prefix, sizeof prefix, 0, err);
	if (status)
		return status;
	uint64_t length = tl__raw_little(prefix, TL__SAFETENSORS_PREFIX);
	if (length > (uint64_t)(size - TL__SAFETENSORS_PREFIX))
		return tl__file_error(err, TL_ERR_FORMAT, f->path,
			"claims a header of %" PRIu64 " bytes but holds only %" PRId64
			" after its length; the file was cut short or is no safetensors file",
			length, size - TL__SAFETENSORS_PREFIX);
	if (length > (uint64_t)TL__SAFETENSORS_MAX_HEADER)
		return tl__file_error(err, TL_ERR_FORMAT, f->path,
			"claims a header of %" PRIu64 " bytes; the format allows %" PRId64, length,
			TL__SAFETENSORS_MAX_HEADER);
	f->data_start = TL__SAFETENSORS_PREFIX + (int64_t)length;
	f->data_bytes = size - f->data_start;
	char first = '\0';
	if (length)
		status = tl__file_pread(f->fd, f->path, &first, 1, TL__SAFETENSORS_PREFIX, err);
	if (!status && first != '{')
		status = tl__file_error(err, TL_ERR_FORMAT, f->path, "the header does not start with '{'");
	if (status)
		return status;
	char *text = malloc(length);
	if (!text)
		return tl_error_memory(err);
	status = tl__file_pread(f->fd, f->path, text, length, TL__SAFETENSORS_PREFIX, err);
	if (!status)
		status = parse_json(f, text, length, err);
	free(text);
	return status;
}

tl_safetensors *tl_safetensors_open(const char *path, tl_error *err)
{
	tl_safetensors *f = calloc(1, sizeof *f);
	if (!f) {
		tl_error_memory(err);
		return NULL;
	}
	f->fd = -1;
	f->path = strdup(path);
	int64_t size = 0;
	tl_status status = f->path ? tl__file_open(f->path, &f->fd, &size, err) : tl_error_memory(err);
	if (!status)
		status = load_header(f, size, err);
	if (!status)
		status = tl__safetensors_parse(f, err);
	if (status) {
		tl_safetensors_free(f);
		return NULL;
	}
	return f;
}

void tl_safetensors_free(tl_safetensors *f)
{
	if (!f)
		return;
	if (f->fd >= 0)
		close(f->fd);
	json_decref(f->header);
	free(f->metadata);
	free(f->entries);
	free(f->by_name);
	free(f->path);
	free(f);
}

const char *tl_safetensors_path(const tl_safetensors *f)
{
	return f->path;
}

int tl_safetensors_count(const tl_safetensors *f)
{
	return f->count;
}

const char *tl_safetensors_name(const tl_safetensors *f, int k)
{
	assert(k >= 0 && k < f->count);
	return f->entries[k].name;
}

tl_shape tl_safetensors_shape(const tl_safetensors *f, int k)
{
	assert(k >= 0 && k < f->count);
	return f->entries[k].shape;
}

const char *tl_safetensors_dtype(const tl_safetensors *f, int k)
{
	assert(k >= 0 && k < f->count);
	return f->entries[k].dtype;
}

int tl_safetensors_find(const tl_safetensors *f, const char *name)
{
	const tl__safetensors_entry wanted = {.name = name}, *key = &wanted;
	const tl__safetensors_entry **found =
		bsearch(&key, f->by_name, (size_t)f->count, sizeof *f->by_name, tl__safetensors_compare_names);
	return found ? (int)(*found - f->entries) : -1;
}

int tl_safetensors_metadata_count(const tl_safetensors *f)
{
	return f->metadata_count;
}

tl_safetensors_pair tl_safetensors_metadata_pair(const tl_safetensors *f, int i)
{
	assert(i >= 0 && i < f->metadata_count);
	return f->metadata[i];
}

const char *tl_safetensors_metadata(const tl_safetensors *f, const char *key)
{
	return json_string_value(json_object_get(json_object_get(f->header, TL__SAFETENSORS_METADATA), key));
}
