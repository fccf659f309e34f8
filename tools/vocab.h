/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vocabulary: special symbols in front, then symbols in the order of their code points (Python's
 * sorted()), numbered from 0. Written to and read from a model file as a JSON array.
 */
#ifndef TL_TOOLS_VOCAB_H
#define TL_TOOLS_VOCAB_H

#include <jansson.h>

#include "tools/text.h"

#define UNKNOWN "<unk>"

/* What stands in front. */
typedef enum vocab_front {
	FRONT_NONE,    /* labels, characters */
	FRONT_UNKNOWN, /* <unk> */
	FRONT_PADDED,  /* <pad> <unk> */
	FRONT_CLOSED,  /* <pad> <unk> <s> </s> */
} vocab_front;

/* Numbers of FRONT_PADDED and FRONT_CLOSED. */
enum { VOCAB_PAD, VOCAB_UNKNOWN, VOCAB_START, VOCAB_END };

typedef struct vocab {
	char **symbols; /* NUL-terminated UTF-8 */
	int64_t n;
	vocab_front front;
	int64_t specials; /* how many stand in front */
	bool has_unknown;
	int64_t unknown; /* its number, or -1 */
} vocab;

/*
 * The distinct tokens of t[0..n) that are found at least `least` times. A token that is spelt like a special symbol
 * is that symbol.
 */
tl_status vocab_build(vocab *v, const token *t, int64_t n, vocab_front front, int64_t least, tl_error *err);
/* An array that says itself whether <unk> stands in front, as language models have it. */
tl_status vocab_from_json(vocab *v, const json_t *array, tl_error *err);
/* TL_ERR_FORMAT where the array is no vocabulary with that front. */
tl_status vocab_from_json_as(vocab *v, const json_t *array, vocab_front front, tl_error *err);
json_t *vocab_to_json(const vocab *v); /* NULL where memory is out */
void vocab_release(vocab *v);

/* The number of a token: the unknown's or -1 for one that is not in the vocabulary. */
int64_t vocab_find(const vocab *v, token t);
/* A token as it can be read in a sentence: 'word', or a control character or a blank as U+000A; returns buf. */
#define TOKEN_SHOWN 48
const char *token_shown(token t, char buf[TOKEN_SHOWN]);
/* The error of a token that is not there. */
tl_status vocab_refuse(const vocab *v, const char *name, token t, int64_t position, tl_error *err);
/* ids[i] is the number of t[i]; an unknown token without UNKNOWN in the vocabulary is an error. */
tl_status vocab_encode(const vocab *v, const char *name, const token *t, int64_t n, int32_t *ids, tl_error *err);

#endif
