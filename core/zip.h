/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ZIP archives (PKWARE's APPNOTE 6.3), as far as .npz files need them. Numbers are little-endian.
 *
 *	for each member:  local header "PK\3\4", its name, its bytes (stored or deflated)
 *	the directory:    for each member "PK\1\2", its name, sizes, checksum, where its local header stands
 *	the end:          "PK\6\6" and "PK\6\7" with 64-bit sizes (ZIP64), then "PK\5\6" with 16 and 32 bits
 *
 * The directory is believed only where it fits the file; local headers tell where the bytes begin and nothing else.
 */
#ifndef TL_CORE_ZIP_H
#define TL_CORE_ZIP_H

#include "core/atomic_file.h"
#include "core/packed.h"

#define TL__ZIP_NAME 60000 /* bytes of a name that is written, at most */

typedef struct tl__zip_member {
	char *name;
	tl__stretch in; /* within the file, before the directory */
	int64_t size;   /* bytes, unpacked */
	uint32_t crc;
} tl__zip_member;

typedef struct tl__zip {
	tl__zip_member *members;
	int count;
} tl__zip;

/*
 * The members, in the directory's order, of an archive of so many bytes whose names end in `end`; the others are
 * passed over. Release it after a failure, too.
 */
tl_status tl__zip_read(tl__zip *z, int fd, const char *path, int64_t bytes, const char *end, tl_error *err);
void tl__zip_release(tl__zip *z);

/* A member that is written: stored, without a date. */
typedef struct tl__zip_entry {
	char *name;
	int64_t size;
	int64_t offset; /* of its local header */
	uint32_t crc;
} tl__zip_entry;

/* Moves *at, the length of the file up to here. The bytes follow the header: the caller writes them. */
tl_status tl__zip_write_header(tl_atomic_file *f, tl__zip_entry *e, int64_t *at, tl_error *err);
tl_status tl__zip_write_directory(
	tl_atomic_file *f, const tl__zip_entry *entries, int n, int64_t at, tl_error *err);

#endif
