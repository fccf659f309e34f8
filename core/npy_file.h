/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the .npy code share: npy_header.c reads the dict, npy_read.c the numbers, npy.c does the rest;
 * npz.c has such arrays within archives.
 */
#ifndef TL_CORE_NPY_FILE_H
#define TL_CORE_NPY_FILE_H

#include "core/npy.h"
#include "core/packed.h"

#define TL__NPY_DTYPE 16   /* bytes that a dtype's name is shown with */
#define TL__NPY_HEADER 256 /* bytes of a header that is written */

struct tl_npy {
	char *path;
	int fd;
	tl__stretch in;      /* the array's place in the file */
	int64_t data_start;  /* from the array's first byte */
	bool has_crc;        /* of an archive; then: */
	uint32_t crc;        /* of all bytes of the array, as it should be */
	uint32_t header_crc; /* of those before data_start, as it is */
	tl_shape shape;
	bool column_major, big_endian;
	char dtype[TL__NPY_DTYPE];
	char type; /* 'f', 'i', 'u', 'b' */
	int bytes; /* of an element */
};

/* Fills the fields from shape on from a header of n bytes; TL_ERR_FORMAT or TL_ERR_TYPE. */
tl_status tl__npy_parse(tl_npy *f, const char *header, size_t n, tl_error *err);
/* Reads the header of an array of so many bytes, whose path, fd and place are set, and fills the rest. */
tl_status tl__npy_load(tl_npy *f, int64_t bytes, tl_error *err);
/* Array `name` (NULL: the only one) of an archive, as a file of its own. */
tl_npy *tl__npz_take(const char *path, const char *name, tl_error *err);
/* Everything that tl_npy_write puts before the numbers; returns its length. The shape must be valid. */
int tl__npy_header(const tl_tensor *t, char header[TL__NPY_HEADER]);

#endif
