/* SPDX-License-Identifier: Apache-2.0 */
/* Text files as sequences of tokens: read, checked, cut. A token is a slice of the text's bytes. */
#ifndef TL_TOOLS_TEXT_H
#define TL_TOOLS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

typedef enum text_unit {
	UNIT_CHAR, /* one code point */
	UNIT_WORD, /* what stands between white space; the end of a line is the token "<eos>" */
} text_unit;

typedef struct token {
	const char *at;
	uint32_t length; /* bytes */
} token;

#define TEXT_MARK "\xEF\xBB\xBF" /* the byte order mark */

typedef struct text {
	char *bytes; /* valid UTF-8 without NUL, and a closing NUL */
	size_t size;
} text;

typedef struct tokens {
	token *v;
	int64_t n;
} tokens;

/*
 * Read a whole file. Fails, naming the position, where it is missing, empty or no valid UTF-8. A byte
 * order mark at the start is left out. `name` stands in the sentences.
 */
tl_status text_read(text *t, const char *path, tl_error *err);
void text_release(text *t);
/* Check a string from the command line as text_read checks a file. */
tl_status text_check_utf8(const char *name, const char *bytes, size_t size, tl_error *err);
/* The same for a part of a text that starts in that line; bytes are counted from the part's start. */
tl_status text_check_utf8_from(const char *name, const char *bytes, size_t size, int64_t line, tl_error *err);
/* Unicode's separators, and the controls from tab to carriage return. */
bool text_is_space(int32_t point);
/* Bytes of the code point at *at, in valid UTF-8. */
size_t text_char_length(const char *at);

/*
 * As d2l.ai prepares The Time Machine: in each line every run of characters outside A-Za-z becomes one
 * space, blanks at both ends go, letters become lower case; lines are joined with nothing in between.
 */
void text_lowercase_letters(text *t);

/* Cut into at most `limit` tokens (0: all); they point into the text. */
tl_status text_cut(const text *t, text_unit unit, int64_t limit, tokens *out, tl_error *err);
void tokens_release(tokens *t);

#endif
