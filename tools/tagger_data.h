/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data of the tagger: a file of tokens and a file of tags, line-parallel, both cut at white space; line i of the
 * one has as many tokens as line i of the other. Empty lines are sentences without tokens.
 *
 *	tagged train;
 *	vocab words, tags;
 *	tagged_read(&train, "seq.in", "seq.out", err);
 *	tagged_vocab(&train, &words, &tags, err);       // <pad> <unk> and words; tags alone
 *	tagged_encode(&train, &words, &tags, err);
 *	sequences_pad(&train.word_ids, which, rows, steps, -1, VOCAB_PAD, x, lengths);
 *	sequences_pad(&train.tag_ids, which, rows, steps, -1, TAG_IGNORED, y, NULL);
 */
#ifndef TL_TOOLS_TAGGER_DATA_H
#define TL_TOOLS_TAGGER_DATA_H

#include "tools/sequences.h"

#define TAG_IGNORED (-100) /* for tl_cross_entropy_options.ignore_index: padding, and tags that training lacks */

typedef struct tagged {
	sentences words, tags; /* the strings: gold tags for the metrics are here */
	int64_t n;             /* sentences */
	sequences word_ids, tag_ids;
	int64_t unseen; /* tags, counted by occurrence, that the vocabulary lacks: TAG_IGNORED in tag_ids */
} tagged;

/* Sentences name both files and the line where the files do not fit together, or hold no tokens at all. */
tl_status tagged_read(tagged *d, const char *token_path, const char *tag_path, tl_error *err);
/* Every word of d behind <pad> and <unk>; every tag of d. */
tl_status tagged_vocab(const tagged *d, vocab *words, vocab *tags, tl_error *err);
tl_status tagged_encode(tagged *d, const vocab *words, const vocab *tags, tl_error *err);
void tagged_release(tagged *d);

#endif
