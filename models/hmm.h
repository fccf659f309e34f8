/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hidden Markov model with S states that emits V symbols (Rabiner, "A tutorial on hidden Markov models", 1989):
 * state z_1 is drawn from pi, z_{t+1} from row z_t of A, symbol x_t from row z_t of B. The parameters are logits;
 * pi, A and B are their softmax. Forward recursion, with e_t = log B[:, x_t] and q_1 = pi:
 *
 *	log p(x_t | x_1..x_{t-1}) = logsumexp(log q_t + e_t)
 *	f_t = softmax(log q_t + e_t)          p(z_t | x_1..x_t)
 *	q_{t+1} = f_t A                       p(z_{t+1} | x_1..x_t)
 *	p(x_{t+1} | x_1..x_t) = q_{t+1} B
 *
 * Each q is a distribution, so nothing under- or overflows however long the text is; a state whose probability in q
 * is below 1e-37 counts as having 1e-37. There is no backward recursion: the gradient through the tape is what
 * Baum and Welch compute with it (Eisner, "Inside-outside and forward-backward algorithms are just backprop", 2016).
 * Used as tl_lm is (models/lm.h).
 */
#ifndef TL_MODELS_HMM_H
#define TL_MODELS_HMM_H

#include "models/lm.h"

typedef struct tl_hmm_options {
	int64_t symbols; /* V */
	int64_t states;  /* S */
} tl_hmm_options;

typedef struct tl_hmm {
	tl_hmm_options options;
	tl_param *start;      /* (S) */
	tl_param *transition; /* (S, S) */
	tl_param *emission;   /* (S, V) */
} tl_hmm;

/* Adds "start", "transition" and "emission" to the store. NULL on error. */
TL_API tl_hmm *tl_hmm_new(tl_store *store, const tl_hmm_options *options, tl_error *err);
TL_API void tl_hmm_free(tl_hmm *hmm);
/* Logits normal with mean 0 and variance 1: states must differ, or their gradients are equal for ever. */
TL_API void tl_hmm_init(tl_hmm *hmm, tl_rng *rng);

/* log p(x_1..x_T) of each of B texts: symbols (T, B) int32 -> (B). */
TL_API tl_var tl_hmm_log_likelihood(const tl_hmm *hmm, tl_var symbols);

/*
 * symbols (T, B) int32 -> log p(x_{t+1} = v | x_1..x_t) (T, B, V). The state is v[0] (1, B, S), the distribution of
 * the next hidden state; initial.n = 0: pi.
 */
TL_API tl_lm_result tl_hmm_run(const tl_hmm *hmm, tl_var symbols, tl_state initial);

#endif
