/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NumPy's .npy files: one array each. Format versions 1.0, 2.0 and 3.0:
 *
 *	6 bytes      "\x93NUMPY"
 *	2 bytes      the version, major and minor
 *	2 or 4       n, the header's length, little-endian (2 bytes in version 1.0)
 *	n bytes      the header: a Python dict, padded with spaces, closed by '\n'
 *	the rest     the numbers, row-major or (fortran_order) column-major
 *
 *	{'descr': '<f4', 'fortran_order': False, 'shape': (60000, 28, 28), }
 *
 * Numbers that are read: f2, f4, f8, i1, i2, i4, i8, u1, u2, u4, u8 and b1 (bool), in either byte order.
 *
 * Files are read without trust, as core/safetensors.h has it: nothing in a header is believed before it
 * was compared with what the file holds. The data stay on disk; rows are read as they are asked for.
 */
#ifndef TL_CORE_NPY_H
#define TL_CORE_NPY_H

#include "core/status.h"
#include "core/tensor.h"

/* A file open for reading. Threads may read from one at the same time. */
typedef struct tl_npy tl_npy;

/*
 * "FILE.npz:NAME" is an array of an archive (core/npz.h), and "FILE.npz" the only one that it holds.
 *
 * NULL on failure: TL_ERR_IO where the system refuses or the path is no regular file, TL_ERR_FORMAT where
 * any part of the header is wrong or the file's size is not what the header says, TL_ERR_TYPE for numbers
 * that cannot be read (complex, strings, objects, records), TL_ERR_MEMORY. Sentences start with the path.
 */
TL_API tl_npy *tl_npy_open(const char *path, tl_error *err);
TL_API void tl_npy_free(tl_npy *f); /* NULL is fine */

TL_API const char *tl_npy_path(const tl_npy *f);
TL_API tl_shape tl_npy_shape(const tl_npy *f);
/* As it stands in the file: "<f4", "|u1", ">i8", ... */
TL_API const char *tl_npy_dtype(const tl_npy *f);
/* TL_REAL for f2, f4, f8; TL_I32 for integers and bool. */
TL_API tl_dtype tl_npy_kind(const tl_npy *f);
/* fortran_order: a column's elements are neighbours, a row's are not. */
TL_API bool tl_npy_column_major(const tl_npy *f);
/* Part of an archive, and compressed there: each call of tl_npy_read unpacks all that stands before. */
TL_API bool tl_npy_deflated(const tl_npy *f);

/*
 * Copies elements first, first + 1, ... of axis 0 into a tensor, dense or not, that has the file's shape
 * but for the size of axis 0, which says how many. An array without axes is read with first = 0 into a
 * tensor without axes. Whole numbers are read into TL_I32 or TL_REAL, others into TL_REAL only.
 *
 * TL_ERR_SHAPE for another shape, TL_ERR_INDEX for elements that the file does not have, TL_ERR_TYPE for
 * reals into TL_I32; TL_ERR_VALUE for a number outside the target type's range (infinities and NaN are
 * kept); TL_ERR_IO where the file was changed under the reader. After the last two, `to` holds part of the
 * data. Rows of a column-major file are gathered: a small range costs one read for each of its columns.
 */
TL_API tl_status tl_npy_read(const tl_npy *f, int64_t first, const tl_tensor *to, tl_error *err);

/*
 * Writes a tensor, dense or not, atomically (core/atomic_file.h) as version 1.0, row-major: TL_REAL as <f4
 * (<f8 in the double build), TL_I32 as <i4. TL_ERR_SHAPE for a shape that is out of range, TL_ERR_IO
 * where the system refuses.
 */
TL_API tl_status tl_npy_write(const char *path, const tl_tensor *t, tl_error *err);

#endif
