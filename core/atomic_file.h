/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are written whole or not at all. The content goes to a temporary file in the target's
 * directory (.tapeloop-<process>-<number>.tmp), which is synced and then renamed over the target: at
 * every moment, a power cut included, the name stands for the old content or for the new one. The
 * temporary is removed on any failure; only a killed process leaves one behind.
 *
 *	tl_atomic_file f;
 *	tl_status status = tl_atomic_file_open(&f, "log.json", &err);
 *	if (!status)
 *		status = tl_atomic_file_write(&f, text, strlen(text), &err);
 *	if (!status)
 *		status = tl_atomic_file_commit(&f, &err);
 *	tl_atomic_file_release(&f);
 *
 * A new file has the mode that the umask leaves of 0666; a replaced one keeps its mode. A symbolic link
 * is replaced, not followed. Not for use by several threads at once; several writers of one target are
 * fine, and the last one wins.
 */
#ifndef TL_CORE_ATOMIC_FILE_H
#define TL_CORE_ATOMIC_FILE_H

#include <stddef.h>

#include "core/status.h"

typedef struct tl_atomic_file {
	char *path;      /* the target */
	char *temporary; /* what stands under this name is ours; NULL when there is nothing */
	int fd;          /* the temporary file, or -1 */
	int directory;   /* the directory of both, or -1 */
} tl_atomic_file;

/*
 * Initialises f and creates the temporary file. The path is copied. TL_ERR_IO where the directory cannot
 * be written to, or something other than a regular file (a directory, a device) has the name. Release f
 * after a failure, too.
 */
TL_API tl_status tl_atomic_file_open(tl_atomic_file *f, const char *path, tl_error *err);
/* Appends bytes, unbuffered: hand over large pieces. After a failure only release makes sense. */
TL_API tl_status tl_atomic_file_write(tl_atomic_file *f, const void *data, size_t bytes, tl_error *err);
/*
 * Gives the file its name. On failure the target is untouched, with one exception that the sentence
 * names: the new content is in place but the directory could not be synced.
 */
TL_API tl_status tl_atomic_file_commit(tl_atomic_file *f, tl_error *err);
/* Discards a file that was not committed. */
TL_API void tl_atomic_file_release(tl_atomic_file *f);

#endif
