/* SPDX-License-Identifier: Apache-2.0 */
#include "core/packed.h"

#include <assert.h>
#include <stdlib.h>
#include <zlib.h>

#include "core/file_error.h"
#include "core/file_read.h"

#define BLOCK 16384 /* bytes */

struct tl__unpacking {
	z_stream stream;
	unsigned char in[BLOCK], skipped[BLOCK];
};

tl__packed tl__packed_start(int fd, const char *path, tl__stretch in)
{
	return (tl__packed){.fd = fd, .path = path, .in = in};
}

static tl_status start_unpacking(tl__packed *p, tl_error *err)
{
	p->un = calloc(1, sizeof *p->un);
	if (!p->un)
		return tl_error_memory(err);
	if (inflateInit2(&p->un->stream, -MAX_WBITS) == Z_OK) /* negative: without zlib's own header */
		return TL_OK;
	free(p->un);
	p->un = NULL;
	return tl_error_memory(err);
}

static tl_status refill(tl__packed *p, tl_error *err)
{
	int64_t left = p->in.bytes - p->taken;
	size_t n = left < BLOCK ? (size_t)left : BLOCK;
	if (n == 0)
		return tl__file_error(err, TL_ERR_FORMAT, p->path, "the compressed data end too early");
	tl_status status = tl__file_pread(p->fd, p->path, p->un->in, n, p->in.offset + p->taken, err);
	p->taken += (int64_t)n;
	p->un->stream.next_in = p->un->in;
	p->un->stream.avail_in = (unsigned)n;
	return status;
}

/* The next n bytes, at most BLOCK. */
static tl_status unpack(tl__packed *p, void *to, size_t n, tl_error *err)
{
	z_stream *z = &p->un->stream;
	z->next_out = to;
	z->avail_out = (unsigned)n;
	while (z->avail_out > 0) {
		int result = inflate(z, Z_NO_FLUSH);
		if (result == Z_MEM_ERROR)
			return tl_error_memory(err);
		if (result != Z_OK && result != Z_BUF_ERROR && result != Z_STREAM_END)
			return tl__file_error(err, TL_ERR_FORMAT, p->path, "the compressed data are damaged");
		if (z->avail_out == 0)
			break;
		if (result == Z_STREAM_END)
			return tl__file_error(err, TL_ERR_FORMAT, p->path, "the compressed data end too early");
		tl_status status = z->avail_in == 0 ? refill(p, err) : TL_OK;
		if (status)
			return status;
	}
	p->at += (int64_t)n;
	return TL_OK;
}

static size_t block_of(int64_t left)
{
	return left < BLOCK ? (size_t)left : BLOCK;
}

tl_status tl__packed_read(tl__packed *p, void *to, size_t n, int64_t at, tl_error *err)
{
	if (!p->in.deflated) {
		if (at + (int64_t)n > p->in.bytes)
			return tl__file_error(err, TL_ERR_FORMAT, p->path, "the data end too early");
		return tl__file_pread(p->fd, p->path, to, n, p->in.offset + at, err);
	}
	assert(at >= p->at);
	tl_status status = p->un ? TL_OK : start_unpacking(p, err);
	while (p->at < at && !status)
		status = unpack(p, p->un->skipped, block_of(at - p->at), err);
	for (char *next = to; n > 0 && !status;) {
		size_t count = block_of((int64_t)n);
		status = unpack(p, next, count, err);
		next += count;
		n -= count;
	}
	return status;
}

void tl__packed_release(tl__packed *p)
{
	if (p->un)
		inflateEnd(&p->un->stream);
	free(p->un);
	p->un = NULL;
}
