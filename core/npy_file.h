/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the .npy code share: npy_header.c reads the dict, npy.c does the rest. */
#ifndef TL_CORE_NPY_FILE_H
#define TL_CORE_NPY_FILE_H

#include "core/npy.h"

#define TL__NPY_DTYPE 16 /* bytes that a dtype's name is shown with */

struct tl_npy {
	char *path;
	int fd;
	int64_t data_start; /* in the file */
	tl_shape shape;
	bool column_major, big_endian;
	char dtype[TL__NPY_DTYPE];
	char type; /* 'f', 'i', 'u', 'b' */
	int bytes; /* of an element */
};

/* Fills the fields from shape on from a header of n bytes; TL_ERR_FORMAT or TL_ERR_TYPE. */
tl_status tl__npy_parse(tl_npy *f, const char *header, size_t n, tl_error *err);

#endif
