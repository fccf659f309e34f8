/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text files and streams as lines. A line ends at '\n' or at the end of the text; a '\r' before the end
 * belongs to the end. Empty lines count. Lines are numbered from 1 in sentences, from 0 in arrays.
 */
#ifndef TL_TOOLS_LINES_H
#define TL_TOOLS_LINES_H

#include <stdio.h>

#include "tools/text.h"

typedef struct lines {
	char *path;
	text text;
	token *v; /* without their ends; each is closed by a NUL */
	int64_t n;
} lines;

/* A whole file, checked as text_read does: UTF-8, no NUL, not empty. */
tl_status lines_read(lines *l, const char *path, tl_error *err);
void lines_release(lines *l);

/*
 * The n columns between the tabs of line i; the sentence on another number of columns names file and line
 * and says what they should be: "label, text".
 */
tl_status lines_columns(const lines *l, int64_t i, int n, const char *what, token *out, tl_error *err);
/* TL_ERR_FORMAT with "<path>:<i + 1>: " in front; i counts from 0. */
tl_status line_error(tl_error *err, const char *path, int64_t i, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* A stream, line by line, of any length. */
typedef struct line_reader {
	FILE *file;
	const char *name; /* stands in sentences: "standard input" */
	char *bytes;
	size_t room;
	int64_t number; /* lines read so far */
} line_reader;

/* Neither file nor name is owned. */
void line_reader_init(line_reader *r, FILE *file, const char *name);
/*
 * The next line in *line, which holds until the next call, or *more = false at the end. Fails where the
 * stream cannot be read or the line is no valid UTF-8.
 */
tl_status line_reader_next(line_reader *r, token *line, bool *more, tl_error *err);
void line_reader_release(line_reader *r);

#endif
