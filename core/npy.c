/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "core/npy.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "core/file_error.h"
#include "core/file_read.h"
#include "core/npy_file.h"
#include "core/raw.h"

#define MAGIC "\x93NUMPY"
#define MAGIC_BYTES 6
#define MAX_HEADER 65536 /* bytes; a dict of six sizes takes less than 300 */
#define ARCHIVE ".npz"
#define WRITE_ALIGN 64	 /* bytes; where the data start, as NumPy has it */

/* *size becomes the header's length, *start where it stands. */
static tl_status read_preamble(
	tl_npy *f, tl__packed *from, int64_t file_bytes, int64_t *start, int64_t *size, tl_error *err)
{
	unsigned char head[MAGIC_BYTES + 2 + 4] = {0};
	size_t n = file_bytes < MAGIC_BYTES + 2 ? (size_t)file_bytes : MAGIC_BYTES + 2;
	tl_status status = tl__packed_read(from, head, n, 0, err);
	if (status)
		return status;
	if (n < MAGIC_BYTES || memcmp(head, MAGIC, MAGIC_BYTES) != 0)
		return tl__file_error(
			err, TL_ERR_FORMAT, f->path, "is no .npy file: it does not start with \\x93NUMPY");
	int version = head[6], bytes = version == 1 ? 2 : 4;
	*start = MAGIC_BYTES + 2 + bytes;
	if (file_bytes < *start)
		return tl__file_error(err, TL_ERR_FORMAT, f->path,
			"holds %" PRId64 " bytes, too few for a header; "
			"the file was cut short",
			file_bytes);
	if (version < 1 || version > 3 || head[7] != 0)
		return tl__file_error(err, TL_ERR_FORMAT, f->path,
			"has format version %d.%d; 1.0, 2.0 and 3.0 can be read", version, head[7]);
	status = tl__packed_read(from, head + MAGIC_BYTES + 2, (size_t)bytes, MAGIC_BYTES + 2, err);
	if (status)
		return status;
	f->header_crc = (uint32_t)crc32(0, head, (unsigned)*start);
	*size = (int64_t)tl__raw_little(head + MAGIC_BYTES + 2, bytes);
	if (*size > file_bytes - *start)
		return tl__file_error(err, TL_ERR_FORMAT, f->path,
			"claims a header of %" PRId64 " bytes but holds only %" PRId64
			" after its length; the file was cut "
			"short or damaged",
			*size, file_bytes - *start);
	if (*size > MAX_HEADER)
		return tl__file_error(err, TL_ERR_FORMAT, f->path,
			"claims a header of %" PRId64 " bytes; at most %d are read", *size, MAX_HEADER);
	return TL_OK;
}

static tl_status read_header(tl_npy *f, tl__packed *from, int64_t file_bytes, tl_error *err)
{
	int64_t start = 0, size = 0;
	tl_status status = read_preamble(f, from, file_bytes, &start, &size, err);
	if (status)
		return status;
	char *header = malloc((size_t)size + 1);
	if (!header)
		return tl_error_memory(err);
	status = tl__packed_read(from, header, (size_t)size, start, err);
	if (!status) {
		f->header_crc = (uint32_t)crc32(f->header_crc, (unsigned char *)header, (unsigned)size);
		status = tl__npy_parse(f, header, (size_t)size, err);
	}
	free(header);
	f->data_start = start + size;
	return status;
}

tl_status tl__npy_load(tl_npy *f, int64_t file_bytes, tl_error *err)
{
	tl__packed from = tl__packed_start(f->fd, f->path, f->in);
	tl_status status = read_header(f, &from, file_bytes, err);
	tl__packed_release(&from);
	if (status)
		return status;
	int64_t want = tl_shape_size(f->shape) * f->bytes, have = file_bytes - f->data_start;
	char shape[TL_SHAPE_TEXT];
	if (want != have)
		return tl__file_error(err, TL_ERR_FORMAT, f->path,
			"an array of dtype %s and shape %s takes %" PRId64 " bytes, but %" PRId64
			" follow the header; %s",
			f->dtype, tl_shape_text(f->shape, shape), want, have,
			have < want ? "the file was cut short or damaged"
				    : "the file holds more than one array or is damaged");
	return TL_OK;
}

static tl_npy *open_member(const char *path, size_t length, tl_error *err)
{
	char *archive = strndup(path, length);
	tl_npy *f = archive ? tl__npz_take(archive, path[length] ? path + length + 1 : NULL, err) : NULL;
	if (!archive)
		tl_error_memory(err);
	free(archive);
	return f;
}

tl_npy *tl_npy_open(const char *path, tl_error *err)
{
	const char *archive = strstr(path, ARCHIVE ":");
	size_t length = strlen(path), end = sizeof ARCHIVE - 1;
	if (archive || (length > end && strcmp(path + length - end, ARCHIVE) == 0))
		return open_member(path, archive ? (size_t)(archive - path) + end : length, err);
	tl_npy *f = calloc(1, sizeof *f);
	if (!f) {
		tl_error_memory(err);
		return NULL;
	}
	f->fd = -1;
	f->path = strdup(path);
	int64_t size = 0;
	tl_status status = f->path ? tl__file_open(f->path, &f->fd, &size, err) : tl_error_memory(err);
	f->in.bytes = size;
	if (!status)
		status = tl__npy_load(f, size, err);
	if (status) {
		tl_npy_free(f);
		return NULL;
	}
	return f;
}

void tl_npy_free(tl_npy *f)
{
	if (!f)
		return;
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	free(f);
}

const char *tl_npy_path(const tl_npy *f)
{
	return f->path;
}

tl_shape tl_npy_shape(const tl_npy *f)
{
	return f->shape;
}

const char *tl_npy_dtype(const tl_npy *f)
{
	return f->dtype;
}

tl_dtype tl_npy_kind(const tl_npy *f)
{
	return f->type == 'f' ? TL_REAL : TL_I32;
}

bool tl_npy_column_major(const tl_npy *f)
{
	return f->column_major;
}

bool tl_npy_deflated(const tl_npy *f)
{
	return f->in.deflated;
}

int tl__npy_header(const tl_tensor *t, char header[TL__NPY_HEADER])
{
	char shape[TL_SHAPE_TEXT];
	tl_shape_text(t->shape, shape);
	if (t->shape.axes == 1)
		memcpy(strchr(shape, ')'), ",)", 3);
	int start = MAGIC_BYTES + 4;
	int length = snprintf(header + start, TL__NPY_HEADER - (size_t)start,
		"{'descr': '%s', 'fortran_order': False, 'shape': %s, }",
		t->dtype == TL_I32		   ? "<i4"
		: sizeof(tl_real) == sizeof(float) ? "<f4"
						   : "<f8",
		shape);
	int end = (start + length + WRITE_ALIGN) / WRITE_ALIGN * WRITE_ALIGN;
	assert(end <= TL__NPY_HEADER);
	memset(header + start + length, ' ', (size_t)(end - start - length));
	header[end - 1] = '\n';
	memcpy(header, MAGIC "\1\0", MAGIC_BYTES + 2);
	header[MAGIC_BYTES + 2] = (char)((end - start) & 0xFF);
	header[MAGIC_BYTES + 3] = (char)((end - start) >> 8);
	return end;
}

tl_status tl_npy_write(const char *path, const tl_tensor *t, tl_error *err)
{
	if (!tl_shape_valid(t->shape))
		return tl__file_error(
			err, TL_ERR_SHAPE, path, "cannot be written: its shape is out of range");
	char header[TL__NPY_HEADER];
	int length = tl__npy_header(t, header);
	tl_atomic_file file;
	tl_status status = tl_atomic_file_open(&file, path, err);
	if (!status)
		status = tl_atomic_file_write(&file, header, (size_t)length, err);
	if (!status)
		status = tl__raw_write(&file, t, err);
	if (!status)
		status = tl_atomic_file_commit(&file, err);
	tl_atomic_file_release(&file);
	return status;
}
