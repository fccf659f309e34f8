/* SPDX-License-Identifier: Apache-2.0 */
/* Copying a .npy file's numbers into tensors. */
#include <inttypes.h>
#include <zlib.h>

#include "core/file_error.h"
#include "core/npy_file.h"
#include "core/raw.h"
#include "core/walk.h"

#define READ_BLOCK 32768 /* bytes; a multiple of every dtype's size */

/*
 * The elements that are asked for, as a stream: pieces of `piece` elements that lie one behind the other,
 * `stride` elements from one piece's start to the next's.
 */
struct source {
	const tl_npy *file;
	tl__packed from;
	uint32_t crc;     /* of the array's bytes up to here, where all of it is read */
	tl_error *err;
	tl_status status; /* the first failure; nothing is read after it */
	tl_dtype target;
	int64_t start, stride, piece; /* elements */
	int64_t within;		      /* elements of this piece that were read */
	int used, filled;	      /* bytes of the block */
	unsigned char block[READ_BLOCK];
};

static void refill(struct source *s)
{
	const tl_npy *f = s->file;
	if (s->within == s->piece) {
		s->within = 0;
		s->start += s->stride;
	}
	int64_t n = s->piece - s->within, most = READ_BLOCK / f->bytes;
	n = n < most ? n : most;
	s->filled = (int)n * f->bytes;
	s->used = 0;
	s->status = tl__packed_read(&s->from, s->block, (size_t)s->filled,
		f->data_start + (s->start + s->within) * f->bytes, s->err);
	if (f->has_crc)
		s->crc = (uint32_t)crc32(s->crc, s->block, (unsigned)s->filled);
	s->within += n;
}

static bool decode_whole(const tl_npy *f, uint64_t bits, tl_dtype target, void *to)
{
	int64_t v = (int64_t)bits;
	if (f->type == 'i') {
		int unused = 64 - 8 * f->bytes;
		v = (int64_t)(bits << unused) >> unused;
	} else if (f->type == 'b') {
		v = bits != 0;
	}
	bool large = f->type == 'u' && bits > INT64_MAX;
	if (target == TL_REAL) {
		*(tl_real *)to = large ? (tl_real)bits : (tl_real)v;
		return true;
	}
	*(int32_t *)to = (int32_t)v;
	return !large && v >= INT32_MIN && v <= INT32_MAX;
}

/* With sizes that the compiler knows, a single load each. */
static inline uint64_t load(const tl_npy *f, const unsigned char *from)
{
	switch (f->big_endian ? -f->bytes : f->bytes) {
	case 1:
		return *from;
	case 2:
		return tl__raw_little(from, 2);
	case 4:
		return tl__raw_little(from, 4);
	case 8:
		return tl__raw_little(from, 8);
	default:
		return tl__raw_big(from, f->bytes);
	}
}

/* One number to one element; false outside the target's range. */
static inline bool decode(const tl_npy *f, const unsigned char *from, tl_dtype target, void *to)
{
	uint64_t bits = load(f, from);
	if (f->type != 'f')
		return decode_whole(f, bits, target, to);
	if (f->bytes == 8)
		return tl__raw_f64(bits, to);
	*(tl_real *)to = f->bytes == 4 ? tl__raw_f32(bits) : tl__raw_f16(bits);
	return true;
}

/* Numbers that stand in the file as in memory. */
static bool is_native(const tl_npy *f, tl_dtype target)
{
	static const uint16_t one = 1;
	bool big_host = *(const unsigned char *)&one == 0;
	bool same = f->type == 'f' ? target == TL_REAL : f->type == 'i' && target == TL_I32;
	return same && f->bytes == (int)tl_dtype_size(target) && f->big_endian == big_host;
}

/* n numbers of the block, `move` bytes from one element to the next; false as decode says. */
static bool decode_run(const struct source *s, int64_t n, char *to, int64_t move)
{
	const unsigned char *from = s->block + s->used;
	if (is_native(s->file, s->target) && move == s->file->bytes) {
		memcpy(to, from, (size_t)(n * move));
		return true;
	}
	bool fits = true;
	for (int64_t i = 0; i < n && fits; i++)
		fits = decode(s->file, from + i * s->file->bytes, s->target, to + i * move);
	return fits;
}

static void read_run(void *ctx, int64_t n, char *const *at, const int64_t *step)
{
	struct source *s = ctx;
	int64_t move = step[0] * (int64_t)tl_dtype_size(s->target), bytes = s->file->bytes;
	for (int64_t done = 0, count; done < n && !s->status; done += count) {
		if (s->used == s->filled)
			refill(s);
		if (s->status)
			return;
		count = (s->filled - s->used) / bytes;
		count = count < n - done ? count : n - done;
		if (!decode_run(s, count, at[0] + done * move, move))
			s->status = tl__file_error(s->err, TL_ERR_VALUE, s->file->path,
				"holds a number that %s cannot hold", tl_dtype_name(s->target));
		s->used += (int)(count * bytes);
	}
}

static tl_status check_request(const tl_npy *f, int64_t first, const tl_tensor *to, tl_error *err)
{
	char have[TL_SHAPE_TEXT], want[TL_SHAPE_TEXT];
	tl_shape shape = f->shape;
	if (shape.axes > 0 && to->shape.axes == shape.axes)
		shape.dim[0] = to->shape.dim[0];
	if (!tl_shape_equal(shape, to->shape))
		return tl__file_error(err, TL_ERR_SHAPE, f->path, "has shape %s, which holds no %s",
			tl_shape_text(f->shape, have), tl_shape_text(to->shape, want));
	int64_t rows = f->shape.axes ? f->shape.dim[0] : 1, n = shape.axes ? shape.dim[0] : 1;
	if (first < 0 || n > rows || first > rows - n)
		return tl__file_error(err, TL_ERR_INDEX, f->path,
			"%" PRId64 " elements from %" PRId64 " on are asked for, but axis 0 has %" PRId64, n,
			first, rows);
	if (f->type == 'f' && to->dtype == TL_I32)
		return tl__file_error(
			err, TL_ERR_TYPE, f->path, "has dtype %s where whole numbers are needed", f->dtype);
	return TL_OK;
}

tl_status tl_npy_read(const tl_npy *f, int64_t first, const tl_tensor *to, tl_error *err)
{
	tl_status status = check_request(f, first, to, err);
	int64_t size = tl_shape_size(to->shape);
	if (status || size == 0)
		return status;
	int64_t axes = f->shape.axes, rows = axes ? f->shape.dim[0] : 1, n = axes ? to->shape.dim[0] : 1;
	struct source s = {.file = f,
		.from = tl__packed_start(f->fd, f->path, f->in),
		.crc = f->header_crc,
		.err = err,
		.target = to->dtype,
		.start = first * (size / n),
		.piece = size};
	tl_tensor seen = *to;
	if (f->column_major) {
		s.start = first;
		s.stride = rows;
		s.piece = n == rows ? size : n;
		for (int64_t i = 0; i < axes; i++) {
			seen.shape.dim[i] = to->shape.dim[axes - 1 - i];
			seen.stride[i] = to->stride[axes - 1 - i];
		}
	}
	tl__walk(1, (const tl_tensor *[]){&seen}, read_run, &s);
	tl__packed_release(&s.from);
	if (!s.status && f->has_crc && n == rows && s.crc != f->crc)
		return tl__file_error(err, TL_ERR_FORMAT, f->path, "its checksum is not the archive's: it was damaged");
	return s.status;
}
