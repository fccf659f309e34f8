/* SPDX-License-Identifier: Apache-2.0 */
#include "models/perplexity.h"

#include <math.h>

void tl_likelihood_add(tl_likelihood *l, double mean_nats, int64_t tokens)
{
	if (tokens == 0)
		return;
	l->nats += mean_nats * (double)tokens;
	l->tokens += tokens;
}

double tl_likelihood_mean(const tl_likelihood *l)
{
	return l->tokens ? l->nats / (double)l->tokens : NAN;
}

double tl_perplexity(double mean_nats)
{
	return exp(mean_nats);
}
