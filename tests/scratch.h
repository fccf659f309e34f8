/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder of its own for a test file's files: add scratch_create and scratch_remove as an unchecked
 * fixture. Include after the test's feature macros; needs POSIX 2008.
 */
#ifndef TL_TESTS_SCRATCH_H
#define TL_TESTS_SCRATCH_H

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCRATCH_PATH 512

static char scratch_folder[SCRATCH_PATH / 2];

static inline void scratch_create(void)
{
	const char *base = getenv("TMPDIR");
	snprintf(scratch_folder, sizeof scratch_folder, "%s/tapeloop-test-XXXXXX", base ? base : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(scratch_folder));
}

/* How many files the folder holds; removes them if asked to. */
static inline int scratch_files(int remove_them)
{
	DIR *folder = opendir(scratch_folder);
	ck_assert_ptr_nonnull(folder);
	int n = 0;
	for (struct dirent *e; (e = readdir(folder));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		n++;
		if (remove_them)
			ck_assert_int_eq(unlinkat(dirfd(folder), e->d_name, 0), 0);
	}
	closedir(folder);
	return n;
}

static inline void scratch_remove(void)
{
	scratch_files(1);
	ck_assert_int_eq(rmdir(scratch_folder), 0);
}

/* The path of a file in the folder; overwritten by the next call. */
static inline const char *scratch_path(const char *name)
{
	static char path[SCRATCH_PATH];
	snprintf(path, sizeof path, "%s/%s", scratch_folder, name);
	return path;
}

static inline void scratch_put(const char *path, const void *bytes, size_t n)
{
	unlink(path); /* truncating instead would have some file systems write to the disk each time */
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, n), (ssize_t)n);
	close(fd);
}

/* The first `size` bytes of a file; returns the length of all of it. */
static inline size_t scratch_get(const char *path, void *bytes, size_t size)
{
	int fd = open(path, O_RDONLY);
	ck_assert_int_ge(fd, 0);
	struct stat st;
	ck_assert_int_eq(fstat(fd, &st), 0);
	size_t n = (size_t)st.st_size < size ? (size_t)st.st_size : size;
	ck_assert_int_eq(read(fd, bytes, n), (ssize_t)n);
	close(fd);
	return (size_t)st.st_size;
}

#endif
