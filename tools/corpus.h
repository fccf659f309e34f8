/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text as numbers, in three parts, and the windows that training reads.
 *
 * Of n tokens, train is the first int(n a / 100), valid the next int(n b / 100), test the rest (or
 * nothing where c is 0). For batches of B rows, a part is cut into B stretches of L = (size - 1) / B
 * tokens; row b of a window reads x = part[b L + i ...], y the same shifted by one. Windows of T columns
 * follow each other from the left, so a state can be carried from one to the next; a last window
 * shorter than T is dropped.
 */
#ifndef TL_TOOLS_CORPUS_H
#define TL_TOOLS_CORPUS_H

#include "tools/parts.h"
#include "tools/vocab.h"

typedef struct corpus_options {
	const char *path;
	text_unit unit;
	bool lowercase_letters;
	int64_t limit;   /* tokens; 0: all */
	double split[3]; /* percent: train, valid, test */
	int64_t min_count; /* symbols seen less often in training are "<unk>"; 0, 1: none */
} corpus_options;

typedef struct corpus {
	int32_t *ids;
	int64_t n;
	const int32_t *part[PARTS];
	int64_t size[PARTS];
} corpus;

/*
 * Read a text. Where v is empty it is built from the train part; "<unk>" is part of it for words, with
 * lowercase_letters (as d2l.ai has it), and where valid or test hold a symbol that train does not.
 */
tl_status corpus_read(corpus *c, const corpus_options *o, vocab *v, tl_error *err);
void corpus_release(corpus *c);

typedef struct windows {
	const int32_t *ids;
	int64_t rows, length, stretch; /* B, T, L */
	int64_t count;                 /* windows in an epoch */
} windows;

/* TL_ERR_SHAPE where the tokens do not fill one window. */
tl_status windows_init(
	windows *w, const char *name, const int32_t *ids, int64_t n, int64_t batch, int64_t length, tl_error *err);
/* Window k as (T, B) arrays. */
void windows_get(const windows *w, int64_t k, int32_t *x, int32_t *y);

#endif
