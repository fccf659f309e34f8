/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sentences: lists of tokens, one list a line, in one flat array. The bytes of all tokens are copied, so
 * the texts that they came from may go. One sentence's tokens are
 *
 *	s.v[s.start[i]] .. s.v[s.start[i + 1] - 1]
 */
#ifndef TL_TOOLS_SENTENCES_H
#define TL_TOOLS_SENTENCES_H

#include "core/arena.h"
#include "tools/lines.h"
#include "tools/words.h"

typedef struct sentences {
	char *path;     /* where they come from, for sentences on errors; NULL: nowhere */
	int64_t *start; /* n + 1 */
	int64_t *line;  /* n: in that file, from 0 */
	token *v;
	int64_t n;
	/* private */
	int64_t room, room_tokens;
	tl_arena bytes;
	words_line scratch;
} sentences;

/* path may be NULL; it is copied. */
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
