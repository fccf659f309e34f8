/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data of the translator: pairs of a source and a target sentence, from one file (source, tab, target) or from
 * two line-parallel ones. Sources are told apart by their bytes as they stand in the file; all targets of one
 * source, in file order, are its references. Source i's are the pairs first[i] .. first[i + 1] - 1, and pair p's target
 * is sentence p of `targets`.
 *
 * The split, where one file holds all: the unique sources sorted by the md5 of their UTF-8 bytes; the first
 * `tests` are test, the next `valids` valid, the others train. It depends on no seed, and a source is
 * never in two parts. Files that are given for each part keep the order in which sources first appear.
 */
#ifndef TL_TOOLS_TRANSLATOR_DATA_H
#define TL_TOOLS_TRANSLATOR_DATA_H

#include "tools/sequences.h"
#include "tools/corpus.h"

typedef struct bitext {
	sentences sources; /* n */
	sentences targets; /* pairs */
	int64_t *first;    /* n + 1 */
	int64_t *source;   /* pairs: which source is pair p's */
	int64_t n, pairs;
	/* After bitext_encode; ids end in VOCAB_END. */
	sequences source_ids; /* n */
	sequences target_ids; /* pairs */
	int64_t *pair_length; /* pairs: source_ids.length of pair p's source, for batches */
} bitext;

/* `target` NULL: `source` is a file of pairs. */
typedef struct bitext_files {
	const char *source, *target;
} bitext_files;

typedef struct bitext_split {
	words_rule rule;
	int64_t valids, tests; /* sources */
} bitext_split;

/*
 * Sentences name file and line for a line without its two columns, for files of unequal line counts, for
 * a source or target without tokens.
 */
tl_status bitext_read(bitext *b, const bitext_files *files, words_rule rule, tl_error *err);
/* One text into TRAIN, VALID and TEST (tools/corpus.h); TL_ERR_FORMAT where nothing is left to train on. */
tl_status bitext_read_split(bitext part[PARTS], const bitext_files *files, const bitext_split *split, tl_error *err);
/* <pad> <unk> <s> </s> and what is found at least `least` times in the pairs: a source counts once for each pair. */
tl_status bitext_vocab(const bitext *b, int64_t least, vocab *sources, vocab *targets, tl_error *err);
tl_status bitext_encode(bitext *b, const vocab *sources, const vocab *targets, tl_error *err);
void bitext_release(bitext *b);

#endif
