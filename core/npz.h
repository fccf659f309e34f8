/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NumPy's .npz files: named arrays, each an .npy file (core/npy.h) in one ZIP archive, as numpy.savez (stored)
 * and numpy.savez_compressed (deflated) write them.
 *
 *	tl_npz_item items[] = {{"gates", gates}, {"states", states}};
 *	tl_npz_write("probe.npz", items, 2, &err);
 *
 *	tl_npz *f = tl_npz_open("probe.npz", &err);
 *	int k = f ? tl_npz_find(f, "gates") : -1;
 *	if (k >= 0)
 *		tl_npy_read(tl_npz_at(f, k), 0, &gates, &err);
 *	tl_npz_free(f);
 *
 * Archives are read without trust: nothing that a directory or a header says is believed before it was compared
 * with what the file holds, and a reader's memory is bounded by the size of the archive's directory, never by a
 * size that is claimed: what is deflated is unpacked into the tensor that it is read into, block by block.
 */
#ifndef TL_CORE_NPZ_H
#define TL_CORE_NPZ_H

#include "core/npy.h"

typedef struct tl_npz_item {
	const char *name; /* UTF-8; without ".npy" */
	tl_tensor tensor;
} tl_npz_item;

/*
 * Writes the items in the order given, atomically (core/atomic_file.h), as numpy.load reads them: stored, each
 * as tl_npy_write has it. Equal arguments give equal bytes: there are no dates in the file. TL_ERR_ARGUMENT for a
 * name that is empty, stands twice, is not UTF-8 or too long (60,000 bytes); else errors as of tl_npy_write.
 */
TL_API tl_status tl_npz_write(const char *path, const tl_npz_item *items, int n, tl_error *err);

/* A file open for reading: the directory and the headers are in memory, the numbers stay on disk. */
typedef struct tl_npz tl_npz;

/*
 * NULL on failure: TL_ERR_IO, TL_ERR_MEMORY, TL_ERR_FORMAT where any part of the archive or of an array's header
 * is wrong or in a form that is not read (encrypted, split, another compression), TL_ERR_TYPE as of tl_npy_open.
 * Sentences start with the path and name the array. Members that do not end in ".npy" are passed over.
 */
TL_API tl_npz *tl_npz_open(const char *path, tl_error *err);
TL_API void tl_npz_free(tl_npz *f); /* NULL is fine */

/* Arrays are numbered 0 to count - 1 in the directory's order. */
TL_API int tl_npz_count(const tl_npz *f);
TL_API const char *tl_npz_name(const tl_npz *f, int k);
/* The number of the array with that name, or -1. */
TL_API int tl_npz_find(const tl_npz *f, const char *name);
/*
 * Array k, which lives as long as f: shape, dtype and reading as of core/npy.h, threads included. Its path is
 * "FILE:NAME". A deflated array is unpacked from its start at every call of tl_npy_read: read it whole. When an
 * array was read whole and its checksum is not the archive's, that is TL_ERR_FORMAT.
 */
TL_API const tl_npy *tl_npz_at(const tl_npz *f, int k);

#endif
