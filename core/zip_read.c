/* SPDX-License-Identifier: Apache-2.0 */
/* Reading an archive's directory: every claim is checked here against what the file holds. */
#include "core/zip.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/file_error.h"
#include "core/file_read.h"
#include "core/raw.h"

#define END 22            /* bytes of the closing record without its comment */
#define COMMENT 65535     /* bytes of a comment, at most */
#define LOCATOR 20        /* bytes of what says where the ZIP64 record stands */
#define END64 56          /* bytes of that */
#define ENTRY 46          /* bytes of a directory's entry without name, extra fields and comment */
#define LOCAL 30          /* the same of a local header */
#define MAX_DIRECTORY ((int64_t)100 * 1024 * 1024)
#define DEFLATE_MOST 1032  /* bytes that one deflated byte can stand for */
#define ONES16 0xFFFF
#define ONES32 0xFFFFFFFF

struct archive {
	int fd;
	const char *path;
	int64_t bytes;
	int64_t count, start, size; /* of the directory: entries; place and size in the file */
	tl_error *err;
};

static int64_t field(const unsigned char *record, int at, int bytes)
{
	return (int64_t)tl__raw_little(record + at, bytes);
}

static tl_status wrong(const struct archive *a, const char *what)
{
	return tl__file_error(a->err, TL_ERR_FORMAT, a->path, "is no archive as .npz files are: %s", what);
}

static bool is_record(const unsigned char *at, unsigned kind)
{
	return field(at, 0, 4) == (int64_t)(0x4B50u | kind << 16);
}

/* With 64-bit numbers, where the closing record at `end` has no room for them. */
static tl_status read_end64(struct archive *a, int64_t end)
{
	unsigned char locator[LOCATOR], record[END64];
	if (end < LOCATOR)
		return wrong(a, "the record of its 64-bit sizes is missing");
	if (tl__file_pread(a->fd, a->path, locator, LOCATOR, end - LOCATOR, a->err))
		return TL_ERR_IO;
	int64_t at = field(locator, 8, 8);
	if (!is_record(locator, 0x0706) || at < 0 || at > end - LOCATOR - END64)
		return wrong(a, "the record of its 64-bit sizes is missing");
	if (tl__file_pread(a->fd, a->path, record, END64, at, a->err))
		return TL_ERR_IO;
	if (!is_record(record, 0x0606))
		return wrong(a, "the record of its 64-bit sizes is missing");
	if (field(record, 16, 8) != 0 || field(record, 24, 8) != field(record, 32, 8))
		return wrong(a, "it is one part of several");
	a->count = field(record, 32, 8);
	a->size = field(record, 40, 8);
	a->start = field(record, 48, 8);
	return TL_OK;
}

/* Finds the closing record, which stands before a comment that ends with the file. */
static tl_status read_end(struct archive *a)
{
	int64_t most = a->bytes < END + COMMENT ? a->bytes : END + COMMENT;
	unsigned char *tail = malloc((size_t)most + 1);
	if (!tail)
		return tl_error_memory(a->err);
	tl_status status = tl__file_pread(a->fd, a->path, tail, (size_t)most, a->bytes - most, a->err);
	int64_t at = most - END;
	while (!status && at >= 0 && !(is_record(tail + at, 0x0605) && field(tail + at, 20, 2) == most - END - at))
		at--;
	if (!status && at < 0)
		status = wrong(a, "it does not end with a directory; the file was cut short or is no .npz file");
	if (!status) {
		const unsigned char *end = tail + at;
		int64_t place = a->bytes - most + at;
		a->count = field(end, 10, 2);
		a->size = field(end, 12, 4);
		a->start = field(end, 16, 4);
		if (a->count == ONES16 || a->size == ONES32 || a->start == ONES32)
			status = read_end64(a, place);
		else if (field(end, 4, 4) != 0 || field(end, 8, 2) != a->count)
			status = wrong(a, "it is one part of several");
		if (!status && (a->start < 0 || a->size < 0 || a->start > place || a->size > place - a->start))
			status = wrong(a, "its directory lies outside the file");
	}
	free(tail);
	if (status)
		return status;
	if (a->size > MAX_DIRECTORY)
		return wrong(a, "its directory takes more than 100 MiB");
	if (a->count < 0 || a->count > a->size / ENTRY)
		return wrong(a, "its directory has not as many entries as it claims");
	return TL_OK;
}

/* Of an entry whose fields are full, those in its ZIP64 field: sizes and place, as far as they are needed. */
static bool read_wide(const unsigned char *extra, int64_t n, int64_t *wide[3])
{
	bool any = *wide[0] == ONES32 || *wide[1] == ONES32 || *wide[2] == ONES32;
	while (any && n >= 4) {
		int64_t length = field(extra, 2, 2), at = 4;
		if (length > n - 4)
			return false;
		if (field(extra, 0, 2) != 1) {
			extra += 4 + length;
			n -= 4 + length;
			continue;
		}
		for (int k = 0; k < 3; k++) {
			if (*wide[k] != ONES32)
				continue;
			if (at + 8 > 4 + length)
				return false;
			*wide[k] = field(extra, (int)at, 8);
			at += 8;
		}
		return true;
	}
	return !any;
}

/* Where the member's bytes begin. */
static tl_status find_bytes(const struct archive *a, tl__zip_member *m, int64_t local, const char *shown)
{
	unsigned char head[LOCAL];
	if (local < 0 || local > a->start - LOCAL)
		return tl__file_error(
			a->err, TL_ERR_FORMAT, a->path, "member '%s' lies outside the archive", shown);
	if (tl__file_pread(a->fd, a->path, head, LOCAL, local, a->err))
		return TL_ERR_IO;
	if (!is_record(head, 0x0403))
		return tl__file_error(a->err, TL_ERR_FORMAT, a->path,
			"member '%s' has no header where the directory says", shown);
	m->in.offset = local + LOCAL + field(head, 26, 2) + field(head, 28, 2);
	if (m->in.bytes < 0 || m->size < 0 || m->in.offset > a->start || m->in.bytes > a->start - m->in.offset)
		return tl__file_error(a->err, TL_ERR_FORMAT, a->path,
			"member '%s' claims %" PRId64 " bytes, which the archive does not hold; it was cut short or "
			"damaged",
			shown, m->in.bytes);
	return TL_OK;
}

/* An entry with `name`, which is in memory already. */
static tl_status read_member(const struct archive *a, const unsigned char *entry, tl__zip_member *m)
{
	char shown[TL_EXCERPT];
	tl__excerpt(m->name, shown);
	int64_t flags = field(entry, 8, 2), method = field(entry, 10, 2), local = field(entry, 42, 4);
	m->crc = (uint32_t)field(entry, 16, 4);
	m->in.bytes = field(entry, 20, 4);
	m->size = field(entry, 24, 4);
	m->in.deflated = method == 8;
	const unsigned char *extra = entry + ENTRY + field(entry, 28, 2);
	if (!read_wide(extra, field(entry, 30, 2), (int64_t *[]){&m->size, &m->in.bytes, &local}))
		return tl__file_error(
			a->err, TL_ERR_FORMAT, a->path, "member '%s' lacks its 64-bit sizes", shown);
	if (flags & 1)
		return tl__file_error(a->err, TL_ERR_FORMAT, a->path, "member '%s' is encrypted", shown);
	if (method != 0 && method != 8)
		return tl__file_error(a->err, TL_ERR_FORMAT, a->path,
			"member '%s' is compressed by method %" PRId64 "; stored and deflated ones can be read",
			shown, method);
	if (method == 0 && m->in.bytes != m->size)
		return tl__file_error(a->err, TL_ERR_FORMAT, a->path,
			"member '%s' is stored in %" PRId64 " bytes but is to have %" PRId64, shown, m->in.bytes,
			m->size);
	if (m->size / DEFLATE_MOST > m->in.bytes)
		return tl__file_error(a->err, TL_ERR_FORMAT, a->path,
			"member '%s' is to have %" PRId64 " bytes, more than %" PRId64 " compressed ones can hold", shown,
			m->size, m->in.bytes);
	return find_bytes(a, m, local, shown);
}

static bool ends_in(const unsigned char *name, int64_t n, const char *end)
{
	int64_t length = (int64_t)strlen(end);
	return n >= length && memcmp(name + n - length, end, (size_t)length) == 0;
}

static tl_status read_entries(const struct archive *a, const unsigned char *directory, const char *end, tl__zip *z)
{
	int64_t at = 0;
	for (int64_t k = 0; k < a->count; k++) {
		const unsigned char *entry = directory + at;
		if (a->size - at < ENTRY || !is_record(entry, 0x0201))
			return wrong(a, "its directory is damaged");
		int64_t name = field(entry, 28, 2);
		int64_t length = ENTRY + name + field(entry, 30, 2) + field(entry, 32, 2);
		if (length > a->size - at)
			return wrong(a, "its directory is damaged");
		at += length;
		if (!ends_in(entry + ENTRY, name, end))
			continue;
		tl__zip_member *m = &z->members[z->count];
		m->name = strndup((const char *)entry + ENTRY, (size_t)name);
		if (!m->name)
			return tl_error_memory(a->err);
		z->count++;
		if ((int64_t)strlen(m->name) != name)
			return wrong(a, "a name in its directory has a zero byte");
		tl_status status = read_member(a, entry, m);
		if (status)
			return status;
	}
	return at == a->size ? TL_OK : wrong(a, "its directory has more entries than it claims");
}

tl_status tl__zip_read(tl__zip *z, int fd, const char *path, int64_t bytes, const char *end, tl_error *err)
{
	*z = (tl__zip){0};
	struct archive a = {.fd = fd, .path = path, .bytes = bytes, .err = err};
	tl_status status = read_end(&a);
	if (status)
		return status;
	unsigned char *directory = malloc((size_t)a.size + 1);
	z->members = calloc((size_t)a.count + 1, sizeof *z->members);
	status = directory && z->members ? tl__file_pread(fd, path, directory, (size_t)a.size, a.start, err)
					 : tl_error_memory(err);
	if (!status)
		status = read_entries(&a, directory, end, z);
	free(directory);
	return status;
}

void tl__zip_release(tl__zip *z)
{
	for (int k = 0; k < z->count; k++)
		free(z->members[k].name);
	free(z->members);
	*z = (tl__zip){0};
}
