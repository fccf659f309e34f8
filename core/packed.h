/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stretch of a file as the bytes that it stands for: those that are there, or what they unpack to (deflate, RFC
 * 1951). Read at rising positions; what lies between is skipped. Memory: some 80 KB whatever the file says.
 */
#ifndef TL_CORE_PACKED_H
#define TL_CORE_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

/* Where they are. */
typedef struct tl__stretch {
	int64_t offset; /* in the file */
	int64_t bytes;  /* in the file */
	bool deflated;
} tl__stretch;

typedef struct tl__packed {
	int fd;
	const char *path; /* for sentences */
	tl__stretch in;
	int64_t taken;            /* bytes of the stretch that were read */
	int64_t at;               /* of what it stands for */
	struct tl__unpacking *un; /* NULL before the first read, and where nothing is deflated */
} tl__packed;

/* Nothing is read or allocated yet. The path must live as long. */
tl__packed tl__packed_start(int fd, const char *path, tl__stretch in);
/*
 * n bytes from position `at`, which is not before the end of what was read last. TL_ERR_FORMAT where the data are
 * damaged or end too early, TL_ERR_IO, TL_ERR_MEMORY.
 */
tl_status tl__packed_read(tl__packed *p, void *to, size_t n, int64_t at, tl_error *err);
void tl__packed_release(tl__packed *p);

#endif
