/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "core/file_read.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file_error.h"

tl_status tl__file_open(const char *path, int *fd, int64_t *size, tl_error *err)
{
	/* Without O_NONBLOCK, opening a FIFO would wait for its writer. */
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	if (*fd < 0 || fstat(*fd, &st) != 0)
		return tl__file_error(err, TL_ERR_IO, path, "cannot be opened: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return tl__file_error(err, TL_ERR_IO, path, "cannot be read: it is not a regular file");
	*size = st.st_size;
	return TL_OK;
}

tl_status tl__file_pread(int fd, const char *path, void *to, size_t bytes, int64_t offset, tl_error *err)
{
	char *at = to;
	while (bytes > 0) {
		ssize_t n = pread(fd, at, bytes, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return tl__file_error(err, TL_ERR_IO, path, "cannot be read: %s", strerror(errno));
		if (n == 0)
			return tl__file_error(err, TL_ERR_IO, path, "became shorter while it was read");
		at += n;
		offset += n;
		bytes -= (size_t)n;
	}
	return TL_OK;
}
