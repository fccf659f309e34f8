/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The task "translator": from a sentence to another, learned from pairs. `translate` uses its model.
 *
 * What is searched for, greedily (width 1) or with a beam, has at most `limit` tokens with </s>; <pad> and <s> are
 * never produced. Translations are compared as tokens, as they are cut, lower-cased or not.
 */
#ifndef TL_TOOLS_TRANSLATOR_H
#define TL_TOOLS_TRANSLATOR_H

#include "models/beam.h"
#include "models/seq2seq_decode.h"
#include "tools/batches.h"
#include "tools/options.h"
#include "tools/task.h"
#include "tools/translator_data.h"

enum { SOURCE, TARGET }; /* numbers of its vocabularies */

typedef struct search_options {
	int64_t beam, n_best;
	double alpha;     /* score = log P / length^alpha */
	double max_ratio; /* tokens at most for each token of the source, </s> counted in both; 0: any number */
	bool draw;        /* draw each token at random in place of a search */
	double temperature;
	int64_t top_k, seed;
} search_options;

#define SEARCH_DEFAULTS ((search_options){.beam = 5, .n_best = 1, .alpha = 0.75, .temperature = 1, .seed = 1})

typedef struct translator {
	task base;
	net_options net; /* the encoder's; but for cell and layers the decoder's, too */
	const tl_cell *decoder_cell; /* NULL: net.cell */
	int64_t decoder_layers, encoder_hidden, attention_hidden; /* 0: as the library has it */
	int64_t kernel, heads;
	int attention;          /* 0: none; 1 + tl_attention_score */
	double smoothing, teacher_rate;
	const char *data;       /* a file of pairs that is split; else: */
	bitext_files files[PARTS];
	int64_t tests, valids;  /* sources */
	words_rule rule;
	int64_t min_count;
	int64_t max_length;     /* tokens of a sentence */
	int64_t limit;          /* tokens of a translation; 0: as many as the longest target of the training part has */
	int64_t beam;           /* the test's; 1: greedy only */
	bool by_bleu;           /* what the best epoch is told by */
	tl_seq2seq *model;
	tl_function_cache *steps; /* of searches */
	bitext part[PARTS];
	batches order;          /* of the training pairs */
	struct pairs_batch {    /* the batch at hand */
		int64_t steps, target_steps, rows; /* S, T, B */
		int64_t *which, *lengths;          /* B */
		int32_t *x, *y_in, *y;             /* (S, B), (T, B), (T, B) */
		int64_t tokens;                    /* of the targets */
		int64_t room_rows, room;
	} batch;
} translator;

extern const struct argp translator_train_argp, translator_eval_argp;

void translator_defaults(task *base, train_options *o);
bool translator_config(const task *base, json_t *object);
tl_status translator_configure(task *base, const json_t *object, tl_error *err);

/* Room in the batch for that many rows, and for `size` places in each of x, y_in, y; what they hold may be lost. */
tl_status translator_reserve(translator *t, int64_t rows, int64_t size, tl_error *err);
/* These pairs of b become the batch at hand. */
tl_status translator_take(translator *t, const bitext *b, const int64_t *pairs, int64_t rows, tl_error *err);
/* Its loss on the tape: the mean over the tokens of its targets. */
tl_var translator_loss(const translator *t, bool training);
/*
 * Translate sentences which[0..rows), side by side; NULL on failure. What is drawn for which[r] depends on number[r]
 * and the seed, not on its neighbours.
 */
tl_beam_result *translator_search(translator *t, const sequences *sources, const int64_t *which,
	const int64_t *number, int64_t rows, const search_options *o, tl_error *err);
/* Loss, perplexity, and BLEU against all references of each source. */
tl_status translator_evaluate(task *base, int part, score *s, tl_error *err);

#endif
