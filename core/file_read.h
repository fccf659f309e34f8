/* SPDX-License-Identifier: Apache-2.0 */
/* Regular files, read by position. Sentences start with the path. */
#ifndef TL_CORE_FILE_READ_H
#define TL_CORE_FILE_READ_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

/* *fd is -1 or to be closed, after a failure, too. TL_ERR_IO where it cannot be opened or is no regular file. */
tl_status tl__file_open(const char *path, int *fd, int64_t *size, tl_error *err);
/* Exactly so many bytes from that place; TL_ERR_IO where the file has become too short. */
tl_status tl__file_pread(int fd, const char *path, void *to, size_t bytes, int64_t offset, tl_error *err);

#endif
