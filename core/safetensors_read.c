/* SPDX-License-Identifier: Apache-2.0 */
/* The dtypes of safetensors files, and copying a file's numbers into tensors. */
#include "core/safetensors_file.h"

#include <assert.h>
#include <string.h>

#include "core/file_error.h"
#include "core/file_read.h"
#include "core/raw.h"
#include "core/walk.h"

#define READ_BLOCK 32768 /* bytes; a multiple of every dtype's size */

static bool decode_f32(const unsigned char *from, void *to)
{
	*(tl_real *)to = tl__raw_f32(tl__raw_little(from, 4));
	return true;
}

static bool decode_f64(const unsigned char *from, void *to)
{
	return tl__raw_f64(tl__raw_little(from, 8), to);
}

static bool decode_bf16(const unsigned char *from, void *to)
{
	*(tl_real *)to = tl__raw_f32(tl__raw_little(from, 2) << 16);
	return true;
}

static bool decode_f16(const unsigned char *from, void *to)
{
	*(tl_real *)to = tl__raw_f16(tl__raw_little(from, 2));
	return true;
}

static bool decode_i32(const unsigned char *from, void *to)
{
	*(int32_t *)to = (int32_t)tl__raw_little(from, 4);
	return true;
}

static bool decode_i64(const unsigned char *from, void *to)
{
	int64_t v = (int64_t)tl__raw_little(from, 8);
	if (v < INT32_MIN || v > INT32_MAX)
		return false;
	*(int32_t *)to = (int32_t)v;
	return true;
}

static const tl__safetensors_type types[] = {
	{"F32", 4, TL_REAL, decode_f32},
	{"F64", 8, TL_REAL, decode_f64},
	{"F16", 2, TL_REAL, decode_f16},
	{"BF16", 2, TL_REAL, decode_bf16},
	{"I32", 4, TL_I32, decode_i32},
	{"I64", 8, TL_I32, decode_i64},
	{.name = "BOOL", .bytes = 1},
	{.name = "U8", .bytes = 1},
	{.name = "I8", .bytes = 1},
	{.name = "U16", .bytes = 2},
	{.name = "I16", .bytes = 2},
	{.name = "U32", .bytes = 4},
	{.name = "U64", .bytes = 8},
	{.name = "F8_E4M3", .bytes = 1},
	{.name = "F8_E5M2", .bytes = 1},
	{.name = "F8_E8M0", .bytes = 1},
	{.name = "C64", .bytes = 8},
};

const tl__safetensors_type *tl__safetensors_type_find(const char *name)
{
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}

/* The data of one entry as a stream of elements. */
struct source {
	const tl_safetensors *file;
	const tl__safetensors_entry *entry;
	tl_error *err;
	tl_status status; /* the first failure; nothing is read after it */
	int64_t next;     /* where the block ends, in bytes from the start of the data */
	int used, filled; /* bytes of the block */
	unsigned char block[READ_BLOCK];
};

static void refill(struct source *s)
{
	int64_t rest = s->entry->end - s->next;
	s->filled = rest < READ_BLOCK ? (int)rest : READ_BLOCK;
	s->used = 0;
	s->status = tl__file_pread(s->file->fd, s->file->path, s->block, (size_t)s->filled,
		s->file->data_start + s->next, s->err);
	s->next += s->filled;
}

static void read_run(void *ctx, int64_t n, char *const *at, const int64_t *step)
{
	struct source *s = ctx;
	const tl__safetensors_type *type = s->entry->type;
	int64_t move = step[0] * (int64_t)tl_dtype_size(type->target);
	for (int64_t i = 0; i < n && !s->status; i++) {
		if (s->used == s->filled)
			refill(s);
		if (s->status)
			return;
		if (!type->decode(s->block + s->used, at[0] + i * move)) {
			char name[TL_EXCERPT];
			s->status = tl__file_error(s->err, TL_ERR_FORMAT, s->file->path,
				"tensor '%s' holds a number that %s cannot hold",
				tl__excerpt(s->entry->name, name), tl_dtype_name(type->target));
		}
		s->used += type->bytes;
	}
}

tl_status tl_safetensors_read(const tl_safetensors *f, int k, const tl_tensor *to, tl_error *err)
{
	assert(k >= 0 && k < f->count);
	const tl__safetensors_entry *e = &f->entries[k];
	char name[TL_EXCERPT], dtype[TL_EXCERPT], have[TL_SHAPE_TEXT], want[TL_SHAPE_TEXT];
	tl__excerpt(e->name, name);
	if (!tl_shape_equal(e->shape, to->shape))
		return tl__file_error(err, TL_ERR_SHAPE, f->path, "tensor '%s' has shape %s, not %s", name,
			tl_shape_text(e->shape, have), tl_shape_text(to->shape, want));
	if (!e->type || !e->type->decode)
		return tl__file_error(err, TL_ERR_TYPE, f->path,
			"tensor '%s' has dtype %s, which cannot be read", name, tl__excerpt(e->dtype, dtype));
	if (e->type->target != to->dtype)
		return tl__file_error(err, TL_ERR_TYPE, f->path,
			"tensor '%s' has dtype %s, which does not convert to %s", name, e->dtype,
			tl_dtype_name(to->dtype));
	struct source s = {.file = f, .entry = e, .err = err, .next = e->begin};
	if (e->end > e->begin)
		tl__walk(1, (const tl_tensor *[]){to}, read_run, &s);
	return s.status;
}
