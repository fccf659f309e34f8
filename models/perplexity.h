/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Perplexity: exp of the mean negative log likelihood a token. 1 for a predictor that is always right
 * and sure, the vocabulary's size for a uniform one, infinite if a true token ever got probability 0.
 */
#ifndef TL_MODELS_PERPLEXITY_H
#define TL_MODELS_PERPLEXITY_H

#include <stdint.h>

#include "core/real.h"

/* Adds up likelihoods batch by batch. Zero-initialise. */
typedef struct tl_likelihood {
	double nats; /* sum of -log p */
	int64_t tokens;
} tl_likelihood;

TL_API void tl_likelihood_add(tl_likelihood *l, double mean_nats, int64_t tokens);
TL_API double tl_likelihood_mean(const tl_likelihood *l); /* nats a token; NaN without tokens */
TL_API double tl_perplexity(double mean_nats);            /* infinite where exp is out of range */

#endif
