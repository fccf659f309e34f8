/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing archives. Sizes and places always stand in ZIP64 fields, as numpy.savez has them in local headers, so
 * that small and large archives are written alike; the old fields are full of ones and point to these.
 */
#include "core/zip.h"

#include <string.h>

#include "core/raw.h"

#define VERSION 45      /* of the format that can read it: 4.5, which has ZIP64 */
#define UTF8 0x800      /* flag: names are UTF-8 */
#define NO_DATE 0x21    /* the first of January 1980, where the format's dates begin */
#define ONES 0xFFFFFFFFu
#define EXTRA 4 /* bytes before an extra field's content: what it is, how long it is */

/* Bytes, growing. */
typedef struct record {
	unsigned char bytes[128];
	size_t n;
} record;

static void put(record *r, int bytes, uint64_t v)
{
	tl__raw_put(r->bytes + r->n, v, bytes);
	r->n += (size_t)bytes;
}

/* What a local header and a directory's entry have in common, from the version on. */
static void put_member(record *r, const tl__zip_entry *e, int extra)
{
	put(r, 2, VERSION);
	put(r, 2, UTF8);
	put(r, 2, 0); /* stored */
	put(r, 2, 0); /* time */
	put(r, 2, NO_DATE);
	put(r, 4, e->crc);
	put(r, 4, ONES);
	put(r, 4, ONES);
	put(r, 2, strlen(e->name));
	put(r, 2, (uint64_t)(EXTRA + extra));
}

static tl_status write(tl_atomic_file *f, const record *head, const char *name, const record *tail, tl_error *err)
{
	tl_status status = tl_atomic_file_write(f, head->bytes, head->n, err);
	if (!status)
		status = tl_atomic_file_write(f, name, strlen(name), err);
	return status ? status : tl_atomic_file_write(f, tail->bytes, tail->n, err);
}

/* The ZIP64 field: both sizes. */
static record sizes(const tl__zip_entry *e, int extra)
{
	record r = {.n = 0};
	put(&r, 2, 1);
	put(&r, 2, (uint64_t)extra);
	put(&r, 8, (uint64_t)e->size);
	put(&r, 8, (uint64_t)e->size);
	return r;
}

tl_status tl__zip_write_header(tl_atomic_file *f, tl__zip_entry *e, int64_t *at, tl_error *err)
{
	record r = {.n = 0}, extra = sizes(e, 16);
	put(&r, 4, 0x04034B50);
	put_member(&r, e, 16);
	e->offset = *at;
	*at += (int64_t)(r.n + strlen(e->name) + extra.n);
	return write(f, &r, e->name, &extra, err);
}

static tl_status write_entry(tl_atomic_file *f, const tl__zip_entry *e, int64_t *at, tl_error *err)
{
	record r = {.n = 0}, extra = sizes(e, 24);
	put(&extra, 8, (uint64_t)e->offset);
	put(&r, 4, 0x02014B50);
	put(&r, 2, VERSION);
	put_member(&r, e, 24);
	put(&r, 2, 0); /* comment */
	put(&r, 2, 0); /* disk */
	put(&r, 2, 0);
	put(&r, 4, 0); /* attributes */
	put(&r, 4, ONES);
	*at += (int64_t)(r.n + strlen(e->name) + extra.n);
	return write(f, &r, e->name, &extra, err);
}

/* The end of the directory from `at` to `end`, with 64-bit numbers. */
static void put_end64(record *r, int n, int64_t at, int64_t end)
{
	put(r, 4, 0x06064B50);
	put(r, 8, 44); /* bytes of this record that follow */
	put(r, 2, VERSION);
	put(r, 2, VERSION);
	put(r, 8, 0); /* disks */
	put(r, 8, (uint64_t)n);
	put(r, 8, (uint64_t)n);
	put(r, 8, (uint64_t)(end - at));
	put(r, 8, (uint64_t)at);
	put(r, 4, 0x07064B50);
	put(r, 4, 0); /* disk */
	put(r, 8, (uint64_t)end);
	put(r, 4, 1); /* disks */
}

/* An archive of nothing is the closing record alone: numpy.load knows it by its first bytes. */
tl_status tl__zip_write_directory(
	tl_atomic_file *f, const tl__zip_entry *entries, int n, int64_t at, tl_error *err)
{
	int64_t end = at;
	for (int k = 0; k < n; k++) {
		tl_status status = write_entry(f, &entries[k], &end, err);
		if (status)
			return status;
	}
	record r = {.n = 0};
	if (n > 0)
		put_end64(&r, n, at, end);
	uint64_t full = n > 0 ? ONES : 0;
	put(&r, 4, 0x06054B50);
	put(&r, 4, 0); /* disks */
	put(&r, 4, full); /* members, twice 16 bits */
	put(&r, 4, full);
	put(&r, 4, full);
	put(&r, 2, 0); /* comment */
	return tl_atomic_file_write(f, r.bytes, r.n, err);
}
