/* SPDX-License-Identifier: Apache-2.0 */
/* What was recorded, as words: two steps with equal words can run by one plan. For plan_*.c and replay.c only. */
#ifndef TL_GRAPH_PLAN_KEY_H
#define TL_GRAPH_PLAN_KEY_H

#include "graph/node.h"

typedef struct tl_words {
	uint64_t *word;
	size_t n, cap;
	uint64_t hash;
	uint64_t grown;
} tl_words;

/* The structure of nodes 1..top, which of them have values, and the wanted ones. */
bool tl__structure(tl_words *w, const tl_tape *t, int n, const uint32_t *want);
/* To words of all nodes: the scopes that they stand in, and how many random nodes there were. */
bool tl__add_scopes(tl_words *w, const tl_tape *t);
bool tl__add_word(tl_words *w, uint64_t word);

#endif
