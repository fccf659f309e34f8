/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the safetensors code share: safetensors.c opens a file, safetensors_header.c checks
 * its header, safetensors_read.c copies data, safetensors_write.c writes.
 */
#ifndef TL_CORE_SAFETENSORS_FILE_H
#define TL_CORE_SAFETENSORS_FILE_H

#include <jansson.h>

#include "core/safetensors.h"

#define TL__SAFETENSORS_METADATA "__metadata__"
#define TL__SAFETENSORS_PREFIX 8                                /* bytes of the header's length */
#define TL__SAFETENSORS_MAX_HEADER ((int64_t)100 * 1024 * 1024) /* bytes, as in the reference reader */

/* A dtype of the format; decode is NULL where this library does not read it. */
typedef struct tl__safetensors_type {
	const char *name;
	int bytes;
	tl_dtype target;
	/* One little-endian number to one element of the target type; false outside that type's range. */
	bool (*decode)(const unsigned char *from, void *to);
} tl__safetensors_type;

/*
 * 0 <= begin <= end <= data_bytes. Entries are sorted by begin, the first at 0, each where the one
 * before ends, the last up to data_bytes. Where the type is known, end - begin is the shape's size in
 * bytes.
 */
typedef struct tl__safetensors_entry {
	const char *name;
	const char *dtype;
	const tl__safetensors_type *type; /* NULL: none of the format's dtypes that we know */
	tl_shape shape;
	int64_t begin, end; /* bytes from the start of the data */
	int order;          /* in the header */
} tl__safetensors_entry;

struct tl_safetensors {
	char *path;
	int fd;
	int64_t data_start; /* in the file */
	int64_t data_bytes;
	json_t *header; /* owns the strings that entries and metadata point to */
	int count;
	tl__safetensors_entry *entries;
	const tl__safetensors_entry **by_name; /* sorted */
	int metadata_count;
	tl_safetensors_pair *metadata;
};

/* Fills entries, by_name and metadata from f->header, data_start and data_bytes; TL_ERR_FORMAT or TL_ERR_MEMORY. */
tl_status tl__safetensors_parse(tl_safetensors *f, tl_error *err);

/* Of two elements of by_name, for qsort and bsearch. */
int tl__safetensors_compare_names(const void *a, const void *b);

/* NULL for an unknown name. */
const tl__safetensors_type *tl__safetensors_type_find(const char *name);

#endif
