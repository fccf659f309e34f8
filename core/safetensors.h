/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named tensors in a file, in the safetensors format of Hugging Face:
 *
 *	8 bytes      n, the header's length, little-endian
 *	n bytes      the header: a JSON object, UTF-8, padded with spaces
 *	the rest     the data: little-endian numbers, row-major
 *
 *	{"__metadata__": {"key": "value"},
 *	 "layer.w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
 *
 * Offsets count from the end of the header; the tensors cover the data without holes or overlaps.
 *
 * Files are read without trust: nothing in a header is believed before it was compared with what the
 * file holds, and a reader's memory is bounded by the header, never by a size that the file claims.
 */
#ifndef TL_CORE_SAFETENSORS_H
#define TL_CORE_SAFETENSORS_H

#include "core/status.h"
#include "core/tensor.h"

typedef struct tl_safetensors_item {
	const char *name; /* UTF-8 */
	tl_tensor tensor;
} tl_safetensors_item;

typedef struct tl_safetensors_pair {
	const char *key; /* UTF-8, both */
	const char *value;
} tl_safetensors_pair;

/*
 * Writes the items in the order given, atomically (core/atomic_file.h): on failure the path keeps what
 * it held. TL_REAL becomes F32 (F64 in the double build), TL_I32 becomes I32; tensors need not be
 * dense. The data start at a multiple of 8 bytes, and equal arguments give equal bytes. Pass
 * (NULL, 0) for no metadata.
 * TL_ERR_ARGUMENT for a name or key that stands twice, a tensor named "__metadata__", text that is not
 * UTF-8, a header above the format's 100 MiB; TL_ERR_SHAPE for a shape that is out of range; TL_ERR_IO
 * where the system refuses.
 */
TL_API tl_status tl_safetensors_write(const char *path, const tl_safetensors_item *items, int n_items,
	const tl_safetensors_pair *metadata, int n_metadata, tl_error *err);

/*
 * A file open for reading, its header checked and held in memory; the data stay on disk. Threads may
 * read from one at the same time. Replacing the file's name with tl_safetensors_write does not disturb
 * a reader.
 */
typedef struct tl_safetensors tl_safetensors;

/*
 * NULL on failure: TL_ERR_IO where the system refuses or the path is no regular file, TL_ERR_FORMAT
 * where any part of the header is wrong, TL_ERR_MEMORY. Sentences start with the path and name the
 * tensor. A dtype that this library does not know is no failure here.
 */
TL_API tl_safetensors *tl_safetensors_open(const char *path, tl_error *err);
TL_API void tl_safetensors_free(tl_safetensors *f); /* NULL is fine */

/* Tensors are numbered 0 to count - 1 in the order of their data. Strings live as long as f. */
TL_API const char *tl_safetensors_path(const tl_safetensors *f); /* as it was opened */
TL_API int tl_safetensors_count(const tl_safetensors *f);
TL_API const char *tl_safetensors_name(const tl_safetensors *f, int k);
TL_API tl_shape tl_safetensors_shape(const tl_safetensors *f, int k);
/* As it stands in the file: "F32", "BF16", ... */
TL_API const char *tl_safetensors_dtype(const tl_safetensors *f, int k);
/* The number of the tensor with that name, or -1. */
TL_API int tl_safetensors_find(const tl_safetensors *f, const char *name);

/* Pairs in the file's order. */
TL_API int tl_safetensors_metadata_count(const tl_safetensors *f);
TL_API tl_safetensors_pair tl_safetensors_metadata_pair(const tl_safetensors *f, int i);
/* The value of a key, or NULL. */
TL_API const char *tl_safetensors_metadata(const tl_safetensors *f, const char *key);

/*
 * Copies tensor k into a tensor of equal shape, dense or not: F16, BF16, F32 and F64 into TL_REAL, I32
 * and I64 into TL_I32. TL_ERR_SHAPE for another shape; TL_ERR_TYPE for any other pair of types;
 * TL_ERR_FORMAT for a number outside the target type's range (infinities and NaN are kept); TL_ERR_IO
 * where the file was changed under the reader. After the last two, `to` holds part of the data.
 */
TL_API tl_status tl_safetensors_read(const tl_safetensors *f, int k, const tl_tensor *to, tl_error *err);

#endif
