/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cutting a line into tokens. The rules:
 *  - WORDS_SPACE: at white space (Python's str.split());
 *  - WORDS_CHAR: each code point is a token;
 *  - WORDS_MARKS: Unicode NFC, lower case, then every character that is neither a letter nor a number nor
 *    white space becomes a token of its own, the rest is cut at white space.
 *    "Qu'avez-vous fait ?" -> qu ' avez - vous fait ?
 *    Lower case is Python's str.lower(), with U+0130 as i and U+0307, and a final sigma where a cased letter
 *    stands before and none behind.
 * Characters are those of the Unicode version that utf8proc knows.
 */
#ifndef TL_TOOLS_WORDS_H
#define TL_TOOLS_WORDS_H

#include "tools/text.h"

typedef enum words_rule {
	WORDS_SPACE,
	WORDS_CHAR,
	WORDS_MARKS,
} words_rule;

/* A line's bytes, and memory that is kept for the next line. Zero-initialise. */
typedef struct words_line {
	char *bytes; /* not closed by a NUL */
	size_t size;
	size_t room, room_points;
	int32_t *points;
} words_line;

/*
 * What WORDS_MARKS cuts at white space: the line, which is valid UTF-8, in NFC and lower case, with a space on
 * both sides of every character that is neither a letter nor a number nor white space.
 */
tl_status words_mark(words_line *w, token line, tl_error *err);
void words_line_release(words_line *w);

/* The next token at or behind *at by WORDS_SPACE or WORDS_CHAR; *at moves behind it. False at the end. */
bool words_next(words_rule rule, const char **at, const char *end, token *out);

#endif
