/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The task "lm": a language model of a text, trained on windows that follow each other, with the state carried
 * from each to the next. `sample` and `graph` use its model, which is of one of several kinds.
 */
#ifndef TL_TOOLS_LM_H
#define TL_TOOLS_LM_H

#include "models/hmm.h"
#include "models/markov.h"
#include "models/ngram.h"
#include "tools/corpus.h"
#include "tools/lm_model.h"
#include "tools/options.h"
#include "tools/task.h"

#define LM_STATES 32   /* the usual number, of a hidden Markov model */
#define LM_MOST 65536 /* states, or order */

typedef struct lm_task {
	task base; /* vocab[0] has the symbols */
	net_options net;
	corpus_options text;
	int64_t length; /* T of a window */
	int64_t shift;  /* epoch e starts at token shift (e - 1) mod (length + 1) */
	char *data;     /* path of the text that a saved model was trained on; NULL: none */
	bool other;     /* evaluated on another text */
	bool drawn;     /* for its picture only: it may read what it would have to predict */
	const lm_model *model;
	int64_t order, states; /* of models that have such; 0: not given, until build */
	union {
		tl_lm *lm;
		tl_markov *markov;
		tl_hmm *hmm;
		tl_ngram *ngram;
	};
	int64_t counted; /* symbols that an n-gram model counts */
	corpus corpus;
	windows windows;
	int32_t *xy;    /* a window: inputs, then labels */
	tl_carry state;
	tl_state last;  /* on the tape: states after the batch that was recorded */
} lm_task;

#endif
