/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "core/npz.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "core/file_error.h"
#include "core/file_read.h"
#include "core/npy_file.h"
#include "core/raw.h"
#include "core/zip.h"

#define SUFFIX ".npy"

struct tl_npz {
	int fd;
	tl__zip zip; /* owns the names, which have lost their ".npy" */
	tl_npy *arrays;
};

/* TL_ERR_FORMAT where two members have one name. */
static tl_status check_names(const tl_npz *f, const char *path, tl_error *err)
{
	json_t *seen = json_object();
	tl_status status = seen ? TL_OK : tl_error_memory(err);
	for (int k = 0; k < f->zip.count && !status; k++) {
		const char *name = f->zip.members[k].name;
		char shown[TL_EXCERPT];
		if (json_object_get(seen, name))
			status = tl__file_error(err, TL_ERR_FORMAT, path, "array '%s' stands twice in the archive",
				tl__excerpt(name, shown));
		else if (json_object_set_new_nocheck(seen, name, json_null()))
			status = tl_error_memory(err);
	}
	json_decref(seen);
	return status;
}

static tl_status open_array(tl_npz *f, int k, const char *path, tl_error *err)
{
	tl__zip_member *m = &f->zip.members[k];
	char shown[TL_EXCERPT];
	tl__excerpt(m->name, shown);
	size_t n = strlen(path) + strlen(shown) + 2;
	tl_npy *array = &f->arrays[k];
	*array = (tl_npy){.path = malloc(n), .fd = f->fd, .in = m->in, .has_crc = true, .crc = m->crc};
	if (!array->path)
		return tl_error_memory(err);
	snprintf(array->path, n, "%s:%s", path, shown);
	return tl__npy_load(array, m->size, err);
}

static tl_status load(tl_npz *f, const char *path, tl_error *err)
{
	int64_t size = 0;
	tl_status status = tl__file_open(path, &f->fd, &size, err);
	if (!status)
		status = tl__zip_read(&f->zip, f->fd, path, size, SUFFIX, err);
	if (status)
		return status;
	f->arrays = calloc((size_t)f->zip.count + 1, sizeof *f->arrays);
	if (!f->arrays)
		return tl_error_memory(err);
	for (int k = 0; k < f->zip.count; k++) {
		char *name = f->zip.members[k].name;
		name[strlen(name) - strlen(SUFFIX)] = '\0';
	}
	status = check_names(f, path, err);
	for (int k = 0; k < f->zip.count && !status; k++)
		status = open_array(f, k, path, err);
	return status;
}

tl_npz *tl_npz_open(const char *path, tl_error *err)
{
	tl_npz *f = calloc(1, sizeof *f);
	if (!f) {
		tl_error_memory(err);
		return NULL;
	}
	f->fd = -1;
	if (load(f, path, err)) {
		tl_npz_free(f);
		return NULL;
	}
	return f;
}

void tl_npz_free(tl_npz *f)
{
	if (!f)
		return;
	for (int k = 0; f->arrays && k < f->zip.count; k++)
		free(f->arrays[k].path);
	free(f->arrays);
	tl__zip_release(&f->zip);
	if (f->fd >= 0)
		close(f->fd);
	free(f);
}

int tl_npz_count(const tl_npz *f)
{
	return f->zip.count;
}

const char *tl_npz_name(const tl_npz *f, int k)
{
	assert(k >= 0 && k < f->zip.count);
	return f->zip.members[k].name;
}

int tl_npz_find(const tl_npz *f, const char *name)
{
	for (int k = 0; k < f->zip.count; k++)
		if (strcmp(f->zip.members[k].name, name) == 0)
			return k;
	return -1;
}

const tl_npy *tl_npz_at(const tl_npz *f, int k)
{
	assert(k >= 0 && k < f->zip.count);
	return &f->arrays[k];
}

/* "a, b, c", as far as there is room. */
static void list_names(const tl_npz *f, char *text, size_t size)
{
	char shown[TL_EXCERPT];
	size_t used = 0;
	text[0] = '\0';
	for (int k = 0; k < f->zip.count && used < size; k++)
		used += (size_t)snprintf(
			text + used, size - used, "%s%s", k ? ", " : "", tl__excerpt(tl_npz_name(f, k), shown));
}

tl_npy *tl__npz_take(const char *path, const char *name, tl_error *err)
{
	tl_npz *f = tl_npz_open(path, err);
	if (!f)
		return NULL;
	int k = name ? tl_npz_find(f, name) : f->zip.count == 1 ? 0 : -1;
	tl_npy *one = k >= 0 ? malloc(sizeof *one) : NULL;
	if (one) {
		*one = f->arrays[k];
		f->arrays[k].path = NULL;
		f->fd = -1;
	} else if (k >= 0) {
		tl_error_memory(err);
	} else {
		char names[1024], shown[TL_EXCERPT];
		list_names(f, names, sizeof names);
		tl__file_error(err, TL_ERR_ARGUMENT, path,
			"holds %s%s%s, but %d arrays (%s): name one of them, as in %s:NAME",
			name ? "no array '" : "not one array", name ? tl__excerpt(name, shown) : "", name ? "'" : "",
			f->zip.count, names, path);
	}
	tl_npz_free(f);
	return one;
}

static tl_status add_to_crc(void *ctx, const unsigned char *bytes, size_t n)
{
	uint32_t *crc = ctx;
	*crc = (uint32_t)crc32(*crc, bytes, (unsigned)n);
	return TL_OK;
}

/* `seen` has the names so far. */
static tl_status check_item(const tl_npz_item *item, json_t *seen, const char *path, tl_error *err)
{
	char shown[TL_EXCERPT];
	tl_status status = tl__file_text(path, item->name, err);
	if (status)
		return status;
	tl__excerpt(item->name, shown);
	if (!*item->name || strlen(item->name) > TL__ZIP_NAME)
		return tl__file_error(err, TL_ERR_ARGUMENT, path, "cannot be written: '%s' is %s as an array's name",
			shown, *item->name ? "too long" : "nothing");
	if (json_object_get(seen, item->name))
		return tl__file_error(
			err, TL_ERR_ARGUMENT, path, "cannot be written: '%s' stands twice", shown);
	if (!tl_shape_valid(item->tensor.shape))
		return tl__file_error(err, TL_ERR_SHAPE, path,
			"cannot be written: the shape of '%s' is out of range", shown);
	return json_object_set_new(seen, item->name, json_null()) ? tl_error_memory(err) : TL_OK;
}

/* The member and its place in the archive that was written up to *at. */
static tl_status write_item(
	tl_atomic_file *file, const tl_npz_item *item, tl__zip_entry *e, int64_t *at, tl_error *err)
{
	const tl_tensor *t = &item->tensor;
	char header[TL__NPY_HEADER];
	size_t length = (size_t)tl__npy_header(t, header);
	size_t n = strlen(item->name);
	e->name = malloc(n + sizeof SUFFIX);
	if (!e->name)
		return tl_error_memory(err);
	memcpy(e->name, item->name, n);
	memcpy(e->name + n, SUFFIX, sizeof SUFFIX);
	add_to_crc(&e->crc, (unsigned char *)header, length);
	tl__raw_bytes(t, add_to_crc, &e->crc);
	e->size = (int64_t)length + tl_shape_size(t->shape) * (int64_t)tl_dtype_size(t->dtype);
	tl_status status = tl__zip_write_header(file, e, at, err);
	if (!status)
		status = tl_atomic_file_write(file, header, length, err);
	*at += e->size;
	return status ? status : tl__raw_write(file, t, err);
}

static tl_status write_file(
	tl_atomic_file *file, const tl_npz_item *items, int n, tl__zip_entry *entries, tl_error *err)
{
	int64_t at = 0;
	tl_status status = TL_OK;
	for (int k = 0; k < n && !status; k++)
		status = write_item(file, &items[k], &entries[k], &at, err);
	if (!status)
		status = tl__zip_write_directory(file, entries, n, at, err);
	return status ? status : tl_atomic_file_commit(file, err);
}

tl_status tl_npz_write(const char *path, const tl_npz_item *items, int n, tl_error *err)
{
	json_t *seen = json_object();
	tl__zip_entry *entries = calloc((size_t)n + 1, sizeof *entries);
	tl_status status = seen && entries ? TL_OK : tl_error_memory(err);
	for (int k = 0; k < n && !status; k++)
		status = check_item(&items[k], seen, path, err);
	json_decref(seen);
	if (!status) {
		tl_atomic_file file;
		status = tl_atomic_file_open(&file, path, err);
		if (!status)
			status = write_file(&file, items, n, entries, err);
		tl_atomic_file_release(&file);
	}
	for (int k = 0; entries && k < n; k++)
		free(entries[k].name);
	free(entries);
	return status;
}
