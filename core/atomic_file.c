/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "core/atomic_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file_error.h"

#define NAME_LENGTH 64  /* more than any temporary's name takes */
#define NAME_TRIES 1000 /* temporaries of one process in one directory */

static tl_status refused(const tl_atomic_file *f, tl_error *err, const char *what)
{
	return tl__file_error(err, TL_ERR_IO, f->path, "%s: %s", what, strerror(errno));
}

static tl_status open_directory(tl_atomic_file *f, size_t length, tl_error *err)
{
	char *name = length ? strndup(f->path, length) : strdup(".");
	if (!name)
		return tl_error_memory(err);
	f->directory = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(name);
	return f->directory < 0 ? refused(f, err, "its directory cannot be opened") : TL_OK;
}

static tl_status create_temporary(tl_atomic_file *f, size_t length, tl_error *err)
{
	char *name = malloc(length + NAME_LENGTH);
	if (!name)
		return tl_error_memory(err);
	memcpy(name, f->path, length);
	/* Not mkstemp, which makes files of mode 0600. */
	for (int i = 0; i < NAME_TRIES && f->fd < 0; i++) {
		snprintf(name + length, NAME_LENGTH, ".tapeloop-%ld-%d.tmp", (long)getpid(), i);
		f->fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (f->fd < 0 && errno != EEXIST)
			break;
	}
	if (f->fd < 0) {
		tl_status status = refused(f, err, "a temporary file beside it cannot be created");
		free(name);
		return status;
	}
	f->temporary = name;
	return TL_OK;
}

tl_status tl_atomic_file_open(tl_atomic_file *f, const char *path, tl_error *err)
{
	*f = (tl_atomic_file){.fd = -1, .directory = -1};
	f->path = strdup(path);
	if (!f->path)
		return tl_error_memory(err);
	struct stat old;
	bool exists = stat(path, &old) == 0;
	if (exists && !S_ISREG(old.st_mode))
		return tl__file_error(err, TL_ERR_IO, path, "cannot be written: it is not a regular file");
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) + 1 : 0;
	tl_status status = open_directory(f, length, err);
	if (!status)
		status = create_temporary(f, length, err);
	if (!status && exists && fchmod(f->fd, old.st_mode & 0777) != 0)
		status = refused(f, err, "its mode cannot be kept");
	return status;
}

tl_status tl_atomic_file_write(tl_atomic_file *f, const void *data, size_t bytes, tl_error *err)
{
	assert(f->temporary);
	const char *at = data;
	while (bytes > 0) {
		ssize_t n = write(f->fd, at, bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return refused(f, err, "cannot be written");
		at += n;
		bytes -= (size_t)n;
	}
	return TL_OK;
}

tl_status tl_atomic_file_commit(tl_atomic_file *f, tl_error *err)
{
	assert(f->temporary);
	if (fsync(f->fd) != 0)
		return refused(f, err, "cannot be written");
	int failed = close(f->fd);
	f->fd = -1;
	if (failed)
		return refused(f, err, "cannot be written");
	if (rename(f->temporary, f->path) != 0)
		return refused(f, err, "cannot be replaced");
	free(f->temporary);
	f->temporary = NULL;
	/* EINVAL: a file system that has nothing to sync in directories. */
	if (fsync(f->directory) != 0 && errno != EINVAL)
		return refused(f, err, "was written, but its directory cannot be synced");
	return TL_OK;
}

void tl_atomic_file_release(tl_atomic_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	if (f->temporary)
		unlink(f->temporary);
	if (f->directory >= 0)
		close(f->directory);
	free(f->temporary);
	free(f->path);
	*f = (tl_atomic_file){.fd = -1, .directory = -1};
}
