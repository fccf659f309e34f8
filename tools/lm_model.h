/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kinds of language models behind `train lm --model NAME`: a constant for each. All read symbols (T, B) and a
 * state, and give logits (T, B, V) and the next state (models/lm.h).
 */
#ifndef TL_TOOLS_LM_MODEL_H
#define TL_TOOLS_LM_MODEL_H

#include "models/carry.h"
#include "models/lm.h"

struct lm_task;

typedef struct lm_model {
	const char *name;
	int64_t order; /* the usual one, of those that have an order; 0: others */
	/* Whether options on the command line make sense for it. */
	tl_status (*check)(const struct lm_task *t, tl_error *err);
	/* Adds parameters to the task's store and sets its model; the vocabulary is there. */
	tl_status (*build)(struct lm_task *t, tl_error *err);
	tl_status (*init)(struct lm_task *t, tl_error *err);
	/* While a file is read: its tensors must be those of the sizes. */
	tl_status (*expect)(struct lm_task *t, tl_error *err);
	tl_lm_result (*run)(struct lm_task *t, tl_var symbols, tl_state initial, bool training);
	tl_status (*carry)(const struct lm_task *t, tl_carry *c, int64_t batch, tl_error *err);
	void (*release)(struct lm_task *t);
	/* "LSTM language model, ..." */
	void (*describe)(const struct lm_task *t, char *text, size_t size);
} lm_model;

extern const lm_model lm_model_rnn, lm_model_markov, lm_model_hmm, lm_model_ngram;

/* Model k, or NULL past the end; by name, or NULL. */
const lm_model *lm_model_at(int k);
const lm_model *lm_model_by_name(const char *name);

#endif
