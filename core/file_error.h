/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sentences about files: they start with the path, and keep to the length of a tl_error whatever a
 * hostile file puts into its names.
 */
#ifndef TL_CORE_FILE_ERROR_H
#define TL_CORE_FILE_ERROR_H

#include "core/status.h"

/*
 * tl_error_set with "<path>: " in front; a very long path loses its beginning. errno is free to be
 * used by the arguments.
 */
TL_API tl_status tl__file_error(tl_error *err, tl_status status, const char *path, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* TL_ERR_ARGUMENT where a text that is to be written is not UTF-8. */
tl_status tl__file_text(const char *path, const char *text, tl_error *err);

#define TL_EXCERPT 96
/*
 * Text from a file as it may stand in a sentence: control characters become '?', and what does not
 * fit is replaced by "..." without cutting a UTF-8 character; returns buf.
 */
TL_API const char *tl__excerpt(const char *text, char buf[TL_EXCERPT]);

#endif
