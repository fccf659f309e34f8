/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data of the classifier: lines of a label, a tab and a text. The label is taken as it stands; the text is cut
 * into words (WORDS_SPACE, WORDS_MARKS) or characters (WORDS_CHAR).
 */
#ifndef TL_TOOLS_CLASSIFIER_DATA_H
#define TL_TOOLS_CLASSIFIER_DATA_H

#include "tools/sequences.h"

typedef struct labelled {
	sentences text;
	sentences labels; /* one token each */
	int64_t n;
	sequences ids;       /* after labelled_encode */
	sequences label_ids; /* one id each: label_ids.ids[i] is example i's */
} labelled;

/* Fails on an empty file, a line without its two columns, and an empty label. */
tl_status labelled_read(labelled *d, const char *path, words_rule rule, tl_error *err);
/* Tokens found at least `least` times, behind <pad> and <unk>; every label. */
tl_status labelled_vocab(const labelled *d, int64_t least, vocab *tokens, vocab *labels, tl_error *err);
/* A label that `labels` lacks: TL_ERR_FORMAT with file and line. */
tl_status labelled_encode(labelled *d, const vocab *tokens, const vocab *labels, tl_error *err);
void labelled_release(labelled *d);

#endif
