/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sentences: lists of tokens, one list a line, in one flat array. The bytes of all tokens are copied, so
 * the texts that they came from may go. One sentence's tokens are
 *
 *	s.v[s.start[i]] .. s.v[s.start[i + 1] - 1]
 *
 * A line is cut by a rule:
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

#include "core/arena.h"
#include "tools/lines.h"

typedef enum words_rule {
	WORDS_SPACE,
	WORDS_CHAR,
	WORDS_MARKS,
} words_rule;

typedef struct sentences {
	char *path;     /* where they come from, for sentences on errors; NULL: nowhere */
	int64_t *start; /* n + 1 */
	int64_t *line;  /* n: in that file, from 0 */
	token *v;
	int64_t n;
	/* private */
	int64_t room, room_tokens;
	tl_arena bytes;
} sentences;

/* path may be NULL; it is copied. Release after a failure, too. */
tl_status sentences_init(sentences *s, const char *path, tl_error *err);
void sentences_release(sentences *s);
/* Forget all sentences, keep the memory. */
void sentences_clear(sentences *s);

/* Cut one more line, which is valid UTF-8; `number` counts from 0. */
tl_status sentences_add(sentences *s, token line, int64_t number, words_rule rule, tl_error *err);
/* Add the tokens [0, n), which are copied. */
tl_status sentences_add_tokens(sentences *s, const token *t, int64_t n, int64_t number, tl_error *err);
/* All lines of a file; initialises s. */
tl_status sentences_read(sentences *s, const char *path, words_rule rule, tl_error *err);

static inline int64_t sentence_length(const sentences *s, int64_t i)
{
	return s->start[i + 1] - s->start[i];
}

/* TL_ERR_FORMAT, naming file, line and `option` ("--max-length"), for a sentence of more than `limit` tokens. */
tl_status sentences_check_length(const sentences *s, int64_t limit, const char *option, tl_error *err);

#endif
