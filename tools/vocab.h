/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vocabulary: symbols in the order of their code points, numbered from 0, with "<unk>" before them
 * where unknown tokens can occur. Written to and read from a model file as a JSON array.
 */
#ifndef TL_TOOLS_VOCAB_H
#define TL_TOOLS_VOCAB_H

#include <jansson.h>

#include "tools/text.h"

#define UNKNOWN "<unk>"

typedef struct vocab {
	char **symbols; /* NUL-terminated UTF-8 */
	int64_t n;
	bool has_unknown; /* then symbols[0] is UNKNOWN */
} vocab;

/* The distinct tokens of t[0..n). */
tl_status vocab_build(vocab *v, const token *t, int64_t n, bool with_unknown, tl_error *err);
tl_status vocab_from_json(vocab *v, const json_t *array, tl_error *err);
json_t *vocab_to_json(const vocab *v); /* NULL where memory is out */
void vocab_release(vocab *v);

/* The number of a token: UNKNOWN's or -1 for one that is not in the vocabulary. */
int64_t vocab_find(const vocab *v, token t);
/* The error of a token that is not there. */
tl_status vocab_refuse(const vocab *v, const char *name, token t, int64_t position, tl_error *err);
/* ids[i] is the number of t[i]; an unknown token without UNKNOWN in the vocabulary is an error. */
tl_status vocab_encode(const vocab *v, const char *name, const token *t, int64_t n, int32_t *ids, tl_error *err);

#endif
